package cdcp_test

import (
	"bytes"
	"slices"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// What the model of model_receive_test.go does with the frames that come in.

func (m *receiveModel) frame(from wire.Participant, f *wire.Frame) cdcp.Verdict {
	m.stats.FramesIn++
	v := m.verdict(from, f)
	switch v {
	case cdcp.Accepted:
		m.stats.Accepted++
	case cdcp.Duplicate:
		m.stats.Duplicate++
	case cdcp.Stale:
		m.stats.Stale++
	case cdcp.Superseded:
		m.stats.Superseded++
	case cdcp.Ignored:
		m.stats.Ignored++
	case cdcp.Mismatch:
		m.stats.Mismatch++
	case cdcp.Overflow:
		m.stats.Overflow++
	case cdcp.Dropped:
		m.stats.Dropped++
	}
	return v
}

func (m *receiveModel) verdict(from wire.Participant, f *wire.Frame) cdcp.Verdict {
	if from == modelSelf || m.left[from] {
		return cdcp.Ignored
	}
	c := m.record(from, f.Channel)
	r := m.live(from, f.Channel, f.Session)
	over := r == nil && c.over(f.Session)
	run, _ := f.Ext.Run()
	if f.Offset > 0 {
		run = 0
	}
	durable := f.Flags&wire.FlagDurable != 0
	switch f.Type {
	case wire.TypeKeepAlive:
		switch {
		case over:
			return cdcp.Superseded
		case r == nil || r.state == "closing":
			return cdcp.Ignored
		case r.flags != f.Flags:
			return cdcp.Mismatch
		}
		m.knowLast(r, f.Sequence, run)
		m.touch(r)
		return cdcp.Accepted
	case wire.TypeClose:
		reason := cdcp.ReasonClosed
		if f.Reason == wire.CloseReplaced {
			reason = cdcp.ReasonReplaced
		}
		switch {
		case r != nil && r.state == "closing":
			return cdcp.Ignored
		case r != nil && r.flags != f.Flags:
			return cdcp.Mismatch
		case r != nil:
			early := f.Sequence != wire.Serial(r.high) && !modelNewer(f.Sequence, wire.Serial(r.high))
			m.knowLast(r, f.Sequence, run)
			if durable || len(r.missing()) == 0 || early {
				m.close(r, reason)
				return cdcp.Accepted
			}
			m.linger(r, f.Sequence, reason)
		case c != nil && c.closed && c.floor == f.Session && !c.final:
			c.final = true
			m.forgetOver(c)
		case over:
			return cdcp.Superseded
		case durable || f.Sequence == 0:
			c := m.recordOf(from, f.Channel)
			c.saw(f.Session, !c.closed && m.resting(c) && c.resting == 0)
			c.closed, c.floor, c.final = true, f.Session, true
			if m.resting(c) && c.resting == 0 {
				c.resting = m.tick()
			}
			m.forgetOver(c)
		default:
			r := m.open(from, f.Channel, f.Session, f.Flags)
			m.knowLast(r, f.Sequence, run)
			m.linger(r, f.Sequence, reason)
		}
		return cdcp.Accepted
	}

	if over {
		return cdcp.Superseded
	}
	p := m.partial(from, f)
	if r != nil {
		if r.flags != f.Flags {
			if f.Total != 0 && p != nil {
				m.kill(p)
			}
			return cdcp.Mismatch
		}
		n := unwrap(r.base, f.Sequence)
		switch {
		case r.state == "closing" && modelNewer(f.Sequence, wire.Serial(r.last)):
			return cdcp.Mismatch
		case n < r.base:
			return cdcp.Stale
		case r.came[n]:
			return cdcp.Duplicate
		}
	} else if c.returns(f.Session) && unwrap(c.base, f.Sequence) < c.base {
		return cdcp.Stale
	}
	if durable {
		for _, x := range slices.Clone(m.partials) {
			if x.peer == from && x.channel == f.Channel && x.session == f.Session && (x.sequence != f.Sequence || f.Total == 0) {
				m.stats.Abandoned++
				m.end(x)
			}
		}
	}
	if f.Total == 0 {
		return m.whole(r, from, f, run)
	}
	return m.fragment(r, p, from, f, run)
}

// linger makes a receiver closing.
func (m *receiveModel) linger(r *modelReceiver, last wire.Serial, reason cdcp.Reason) {
	r.state, r.reason, r.last, r.idle = "closing", reason, int64(last), modelTimer{}
	m.set(&r.settling, modelSettle)
	r.mark = r.top
}

// canFit reports whether a cost fits once all messages in progress, and so much more of the participant, are gone.
func (m *receiveModel) canFit(peer wire.Participant, cost, more int) bool {
	own, ownAll := m.held(peer)
	progress, all := m.held(0)
	return ownAll-own-more+cost <= m.bounds.BytesPerPeer && all-progress-more+cost <= m.bounds.Bytes
}

// fit makes room for a cost: by messages in progress, and then by those of r, if it is not nil.
func (m *receiveModel) fit(peer wire.Participant, cost int, r *modelReceiver) {
	evict := func(peer wire.Participant) {
		for _, p := range m.partials {
			if p.peer == peer {
				m.stats.Evicted++
				m.end(p)
				return
			}
		}
	}
	for {
		progress, all := m.held(peer)
		if all+cost <= m.bounds.BytesPerPeer {
			break
		}
		if progress > 0 {
			evict(peer)
		} else {
			m.discard(r)
		}
	}
	for {
		progress, all := m.held(0)
		if all+cost <= m.bounds.Bytes {
			break
		}
		if progress > 0 {
			count := func(peer wire.Participant) int {
				n, _ := m.held(peer)
				return n
			}
			evict(m.heaviest(count, func(peer wire.Participant) bool { return count(peer) > 0 }))
		} else {
			m.discard(r)
		}
	}
}

func (m *receiveModel) whole(r *modelReceiver, from wire.Participant, f *wire.Frame, run uint16) cdcp.Verdict {
	cost := modelCost(len(f.Payload))
	held := 0
	if r != nil {
		held = r.held()
	}
	ok := true
	if f.Flags&wire.FlagDurable != 0 {
		if ok = held+cost <= m.bounds.BytesPerReceiver && m.canFit(from, cost, 0); ok {
			m.fit(from, cost, nil)
		}
	} else {
		if !m.canFit(from, cost, held) {
			return cdcp.Dropped
		}
		for r != nil && r.held()+cost > m.bounds.BytesPerReceiver {
			m.discard(r)
		}
		m.fit(from, cost, r)
	}
	if p := m.partial(from, f); p != nil && ok {
		m.stats.Abandoned++
		m.end(p)
	}
	return m.deliver(r, from, f, run, f.Payload, ok)
}

func (m *receiveModel) partial(from wire.Participant, f *wire.Frame) *modelPartial {
	for _, p := range m.partials {
		if p.peer == from && p.channel == f.Channel && p.session == f.Session && p.sequence == f.Sequence {
			return p
		}
	}
	return nil
}

func (m *receiveModel) kill(p *modelPartial) {
	p.killed, p.data, p.here, p.parts = true, nil, nil, nil
}

func (m *receiveModel) fragment(r *modelReceiver, p *modelPartial, from wire.Participant, f *wire.Frame, run uint16) cdcp.Verdict {
	durable := f.Flags&wire.FlagDurable != 0
	offset, n := int(f.Offset), len(f.Payload)
	if p == nil {
		if durable && offset > 0 {
			return cdcp.Mismatch
		}
		if !m.canFit(from, modelCost(int(f.Total)), 0) {
			return cdcp.Dropped
		}
		m.fit(from, modelCost(int(f.Total)), nil)
		p = &modelPartial{
			peer: from, channel: f.Channel, session: f.Session, sequence: f.Sequence, flags: f.Flags,
			data: make([]byte, f.Total), here: make([]bool, f.Total),
		}
		m.partials = append(m.partials, p)
		m.stats.Partials++
	} else {
		if p.killed {
			return cdcp.Mismatch
		}
		if p.flags != f.Flags || len(p.data) != int(f.Total) {
			m.kill(p)
			return cdcp.Mismatch
		}
		if slices.Contains(p.parts, [2]int{offset, n}) && bytes.Equal(p.data[offset:offset+n], f.Payload) {
			return cdcp.Duplicate
		}
		got := 0
		for i := range p.here {
			if p.here[i] {
				got++
				if i >= offset && i < offset+n {
					m.kill(p)
					return cdcp.Mismatch
				}
			}
		}
		if durable && offset != got {
			m.kill(p)
			return cdcp.Mismatch
		}
	}
	for i, b := range f.Payload {
		p.data[offset+i], p.here[offset+i] = b, true
	}
	p.parts = append(p.parts, [2]int{offset, n})
	if offset == 0 {
		p.run = run
	}
	if slices.Contains(p.here, false) {
		if !durable {
			m.set(&p.expiry, modelExpiry)
		}
		return cdcp.Accepted
	}
	m.stats.Completed++
	cost, ok := p.cost(), true
	if r != nil && r.held()+cost > m.bounds.BytesPerReceiver {
		if ok = !durable; ok {
			for r.held()+cost > m.bounds.BytesPerReceiver {
				m.discard(r)
			}
		}
	}
	m.end(p)
	return m.deliver(r, from, f, p.run, p.data, ok)
}

// deliver gives a message to its receiver, or closes that one for want of room.
func (m *receiveModel) deliver(r *modelReceiver, from wire.Participant, f *wire.Frame, run uint16, data []byte, ok bool) cdcp.Verdict {
	if r == nil {
		r = m.open(from, f.Channel, f.Session, f.Flags)
	}
	m.announce(r)
	if !ok {
		m.close(r, cdcp.ReasonOverflow)
		return cdcp.Overflow
	}
	r.begin(f.Sequence)
	x := &modelMessage{unwrap(r.base, f.Sequence), bytes.Clone(data)}
	r.messages = append(r.messages, x)
	m.events = append(m.events, modelEvent{kind: cdcp.EventMessage, receiver: r, message: x})
	m.stats.MessagesIn++
	m.accept(r, f.Sequence, run)
	m.touch(r)
	if r.state == "closing" && len(r.missing()) == 0 {
		m.close(r, r.reason)
	}
	return cdcp.Accepted
}

func (m *receiveModel) leave(peer wire.Participant) {
	m.left[peer] = true
	for {
		var least *modelReceiver
		for _, r := range m.receivers {
			if r.live() && r.peer == peer && (least == nil || r.active < least.active) {
				least = r
			}
		}
		if least == nil {
			break
		}
		m.close(least, cdcp.ReasonLeft)
	}
	for _, p := range slices.Clone(m.partials) {
		if p.peer == peer {
			m.stats.Abandoned++
			m.end(p)
		}
	}
	m.records = slices.DeleteFunc(m.records, func(c *modelRecord) bool { return c.peer == peer })
}
