package cdcp_test

import (
	"encoding/binary"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// Which frame the model of model_send_test.go gives out.

// A modelFrame is the one that a channel waits with.
type modelFrame struct {
	wire.Frame
	sender *modelSender
	class  cdcp.Classes
	list   []wire.Participant
	bytes  []byte
}

func (f *modelFrame) priority() cdcp.Priority {
	if f.sender.high {
		return cdcp.High
	}
	return cdcp.Normal
}

// frame returns what a channel waits with, or nil.
func (m *sendModel) frame(c *modelChannel) *modelFrame {
	f := &modelFrame{class: cdcp.ClassLossy}
	var run uint16
	var x *modelEntry
	switch {
	case len(c.queue) > 0:
		x = c.queue[0]
		f.sender, f.list = x.sender, x.list
		f.Sequence = wire.Serial(x.sequence)
		if x.close {
			f.Type, f.Reason = wire.TypeClose, x.sender.reason
		}
		if !x.begun {
			run = x.run
		}
	case c.waits:
		f.sender, f.list = c.open, c.open.list
		f.Type, f.Sequence, run = wire.TypeKeepAlive, wire.Serial(c.open.last), c.open.lastRun
	default:
		return nil
	}
	f.Channel, f.Session = c.id, wire.Serial(f.sender.session)
	if f.sender.durable {
		f.Flags |= wire.FlagDurable
	}
	if f.sender.high {
		f.Flags |= wire.FlagHigh
	}
	if m.link.Reliable && (f.sender.durable || f.Type == wire.TypeClose) {
		f.class = cdcp.ClassReliable
	}
	if run > 0 {
		f.Frame = withTLV(f.Frame, wire.ExtRun, run)
	}
	f.list = m.present(f.list)
	if m.link.Relay && len(f.list) > 0 {
		var value []byte
		for _, p := range f.list {
			value = binary.BigEndian.AppendUint16(value, uint16(p))
		}
		f.Ext, _ = f.Ext.Append(wire.ExtParticipants, value)
	}
	if f.Type == wire.TypeData {
		budget := m.link.Budget - 12
		if m.link.Relay {
			budget -= 5
		}
		if len(f.Ext) > 0 {
			budget -= 1 + len(f.Ext)
		}
		f.Payload = x.data
		if x.begun || len(x.data) > budget {
			f.Offset, f.Total = uint16(x.sent), uint16(len(x.data))
			f.Payload = x.data[x.sent:min(x.sent+budget-4, len(x.data))]
		}
	}
	f.bytes, _ = f.AppendBinary(nil)
	return f
}

// take takes the frame whose turn it is, or returns nil.
func (m *sendModel) take(can cdcp.Classes) *modelFrame {
	var best [2]*modelFrame
	var from [2]*modelChannel
	for _, c := range m.channels {
		f := m.frame(c)
		if f == nil || !m.up || f.class&can == 0 {
			continue
		}
		if p := f.priority(); best[p] == nil || c.tag[p] < from[p].tag[p] {
			best[p], from[p] = f, c
		}
	}
	p := cdcp.High
	if best[cdcp.High] == nil || best[cdcp.Normal] == nil {
		if m.credit = 0; best[cdcp.High] == nil {
			p = cdcp.Normal
		}
	} else if price := 7 * int64(len(best[cdcp.Normal].bytes)); m.credit >= price {
		m.credit -= price
		p = cdcp.Normal
	} else {
		m.credit += int64(len(best[cdcp.High].bytes))
	}
	f, c := best[p], from[p]
	if f == nil {
		return nil
	}
	m.mark[p] = max(m.mark[p], c.tag[p])
	c.tag[p] = m.mark[p] + int64(len(f.bytes))*f.sender.weight
	m.stats.FramesOut++
	if f.Type != wire.TypeKeepAlive {
		x := c.queue[0]
		x.begun = true
		if x.sent += len(f.Payload); x.close || x.sent == len(x.data) {
			c.queue = c.queue[1:]
		}
	}
	if f.Type != wire.TypeClose {
		f.sender.taken = true
		if c.waits = false; !f.sender.closed && f.sender.interval > 0 {
			m.keepAlive(c)
		}
	}
	return f
}
