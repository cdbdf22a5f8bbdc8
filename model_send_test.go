package cdcp_test

import (
	"bytes"
	"slices"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// The send side of an endpoint, once more and as simply as can be: session ids and sequence numbers that do not wrap, buckets in
// fractions, and every turn found by looking at all channels. Times are microseconds since the start.

type modelSender struct {
	channel  *modelChannel
	session  int64
	durable  bool
	high     bool
	weight   int64 // 2^e
	interval int64
	list     []wire.Participant
	changed  bool
	run      int
	last     int64
	lastRun  uint16
	accepted int
	taken    bool // a DATA frame
	closed   bool
	reason   wire.CloseReason
	real     *cdcp.Sender
}

type modelEntry struct {
	sender   *modelSender
	close    bool
	sequence int64
	run      uint16
	list     []wire.Participant
	data     []byte
	begun    bool
	sent     int // bytes
}

type modelChannel struct {
	id     uint16
	latest int64
	open   *modelSender
	queue  []*modelEntry
	timer  modelTimer
	waits  bool // a KEEPALIVE
	waited int  // priority with which it waited before the input; -1: it did not wait
	tag    [2]int64
}

// sendModel is the model.
type sendModel struct {
	now       int64
	unix      int64
	first     int64
	limits    cdcp.Limits
	sendBytes int
	link      cdcp.Link
	up        bool
	channels  []*modelChannel // by id
	absent    map[wire.Participant]bool
	class     [3]*modelBucket // durable, lossy, lossy high
	broadcast [3]*modelBucket
	packets   *modelBucket
	mark      [2]int64
	credit    int64
	events    []modelSenderEvent
	stats     cdcp.Stats
	clock     int
}

type modelSenderEvent struct {
	sender *modelSender
	reason cdcp.Reason
}

func newSendModel(l cdcp.Limits, sendBytes int, first int64) *sendModel {
	m := &sendModel{unix: start.UnixMicro(), first: first, limits: l, sendBytes: sendBytes, absent: map[wire.Participant]bool{modelSelf: true}}
	for i, rate := range []int{l.Durable, l.Lossy, l.LossyHigh} {
		m.class[i] = newModelBucket(rate, 1000*int64(rate), 262144, 1000*int64(rate))
		m.broadcast[i] = newModelBucket(rate, 1000*int64(rate), 262144, 1000*int64(rate))
	}
	m.packets = newModelBucket(l.BroadcastPackets, int64(l.BroadcastPackets), 28, int64(l.BroadcastPackets))
	return m
}

// input does one input: what is due, and then the rest. Whether a channel begins to wait is judged by what it waited with before and
// after each of them.
func (m *sendModel) input(now int64, do func()) {
	now = max(now, m.now)
	for {
		c := m.due()
		if c == nil || c.timer.at > now {
			break
		}
		m.now = c.timer.at
		if c.timer = (modelTimer{}); len(c.queue) == 0 && m.reaches(c.open.list) {
			c.waits = true
		} else {
			m.keepAlive(c)
		}
		m.judge()
	}
	m.now = now
	do()
	m.judge()
}

// due returns the channel whose timer is due first.
func (m *sendModel) due() *modelChannel {
	var first *modelChannel
	for _, c := range m.channels {
		if c.timer.set != 0 && (first == nil || c.timer.at < first.timer.at || c.timer.at == first.timer.at && c.timer.set < first.timer.set) {
			first = c
		}
	}
	return first
}

// keepAlive sets the timer of a channel to the interval, and drops a KEEPALIVE.
func (m *sendModel) keepAlive(c *modelChannel) {
	c.waits = false
	if at := m.now + c.open.interval; c.timer.set == 0 || c.timer.at != at {
		m.clock++
		c.timer = modelTimer{at, m.clock}
	}
}

func (m *sendModel) judge() {
	for _, c := range m.channels {
		now := -1
		if f := m.frame(c); f != nil {
			now = int(f.priority())
		}
		if now >= 0 && now != c.waited {
			c.tag[now] = max(c.tag[now], m.mark[now]) // TURN-001
		}
		c.waited = now
	}
}

func (m *sendModel) reaches(list []wire.Participant) bool {
	return len(list) == 0 || len(m.present(list)) > 0
}

func (m *sendModel) present(list []wire.Participant) []wire.Participant {
	var all []wire.Participant
	for _, p := range list {
		if !m.absent[p] {
			all = append(all, p)
		}
	}
	return all
}

// modelList returns the set of a list.
func modelList(given []wire.Participant) (list []wire.Participant, ok bool) {
	for p := range wire.Participant(1<<16 - 1) {
		if slices.Contains(given, p+1) {
			list = append(list, p+1)
		}
	}
	return list, len(list) <= 64 && !slices.Contains(given, 0)
}

// The calls.

func (m *sendModel) newSender(o cdcp.SenderOptions, random uint32) (*modelSender, cdcp.Code) {
	list, ok := modelList(o.Participants)
	seconds := o.KeepAlive / time.Second
	if !ok || o.BitrateKbps < 0 || o.BitrateKbps > cdcp.MaxRate || o.KeepAlive != seconds*time.Second || seconds < 0 || seconds > 60 {
		return nil, cdcp.InvalidArgument
	}
	durable := o.Reliability == cdcp.Durable
	if !m.up || durable && !m.link.Reliable {
		return nil, cdcp.FailedToStart
	}
	id := o.ChannelID
	if id == 0 {
		var free []uint16
		for i := range uint16(65535) {
			if c := m.channel(i + 1); c == nil || c.open == nil {
				free = append(free, i+1)
			}
		}
		id = free[uint64(random)*uint64(len(free))>>32]
	}
	tick := (m.unix + m.now) / 16000
	c := m.channel(id)
	if c == nil {
		c = &modelChannel{id: id, latest: tick, waited: -1}
		m.channels = append(m.channels, c)
		slices.SortFunc(m.channels, func(a, b *modelChannel) int { return int(a.id) - int(b.id) })
	} else {
		c.latest = max(c.latest+1, tick)
	}
	if old := c.open; old != nil {
		m.close(old, wire.CloseReplaced)
		m.events = append(m.events, modelSenderEvent{old, cdcp.ReasonReplaced})
	}
	weight := int64(32)
	for i, most := range []int{16, 32, 64, 128, 256, 512, cdcp.MaxRate} {
		if o.BitrateKbps > 0 && o.BitrateKbps <= most {
			weight = 64 >> i
			break
		}
	}
	s := &modelSender{channel: c, session: c.latest, durable: durable, high: o.Priority == cdcp.High, weight: weight, interval: int64(seconds) * 1_000_000, list: list}
	c.open = s
	return s, 0
}

func (m *sendModel) channel(id uint16) *modelChannel {
	for _, c := range m.channels {
		if c.id == id {
			return c
		}
	}
	return nil
}

// close closes an open sender.
func (m *sendModel) close(s *modelSender, reason wire.CloseReason) {
	c := s.channel
	s.closed, s.reason = true, reason
	c.open, c.timer, c.waits = nil, modelTimer{}, false
	if s.taken || m.queued(s) {
		c.queue = append(c.queue, &modelEntry{sender: s, close: true, sequence: s.last, run: s.lastRun})
	}
}

// queued reports whether a message of s is in the queue.
func (m *sendModel) queued(s *modelSender) bool {
	return slices.ContainsFunc(s.channel.queue, func(x *modelEntry) bool { return x.sender == s && !x.close })
}

func (m *sendModel) send(s *modelSender, data []byte) (sequence wire.Serial, fault *cdcp.Error) {
	switch {
	case s.closed:
		return 0, &cdcp.Error{Code: cdcp.SenderClosed}
	case len(data) > 32768:
		return 0, &cdcp.Error{Code: cdcp.MessageSizeOverLimit, Have: len(data), Limit: 32768}
	case !m.up:
		return 0, &cdcp.Error{Code: cdcp.MessageFailureForBandwidth}
	}
	have := modelCost(len(data))
	for _, x := range s.channel.queue {
		if !x.close {
			have += modelCost(len(x.data))
		}
	}
	if have > m.sendBytes {
		return 0, &cdcp.Error{Code: cdcp.MessageFailureForBandwidth, Have: have, Limit: m.sendBytes}
	}
	if fault := m.charge(s, len(data)); fault != nil {
		return 0, fault
	}
	if s.accepted++; s.accepted == 1 {
		s.last = m.first
	} else {
		s.last++
	}
	s.run++
	s.lastRun = 0
	if s.changed {
		s.lastRun = uint16(min(s.run, 65535))
	}
	m.stats.MessagesOut++
	if !m.reaches(s.list) {
		m.stats.Unsent++
		return wire.Serial(s.last), nil
	}
	c := s.channel
	c.queue = append(c.queue, &modelEntry{sender: s, sequence: s.last, run: s.lastRun, list: s.list, data: bytes.Clone(data)})
	if c.waits {
		m.keepAlive(c)
	}
	return wire.Serial(s.last), nil
}

func (m *sendModel) setList(s *modelSender, given []wire.Participant) cdcp.Code {
	if s.closed {
		return cdcp.SenderClosed
	}
	list, ok := modelList(given)
	if !ok {
		return cdcp.InvalidArgument
	}
	if !slices.Equal(list, s.list) {
		s.list, s.run, s.changed = list, 0, true
		m.checkKeepAlive(s.channel)
	}
	return 0
}

// checkKeepAlive drops a KEEPALIVE that would go to nobody.
func (m *sendModel) checkKeepAlive(c *modelChannel) {
	if c.waits && !m.reaches(c.open.list) {
		m.keepAlive(c)
	}
}

// drop takes messages out of all queues, and the CLOSEs that are needless then.
func (m *sendModel) drop(goes func(x *modelEntry) bool) {
	for _, c := range m.channels {
		c.queue = slices.DeleteFunc(c.queue, func(x *modelEntry) bool {
			if !x.close && goes(x) {
				m.stats.Unsent++
				return true
			}
			return false
		})
		c.queue = slices.DeleteFunc(c.queue, func(x *modelEntry) bool { return x.close && !x.sender.taken && !m.queued(x.sender) })
	}
}

func (m *sendModel) linkDown() {
	if !m.up {
		return
	}
	m.up = false
	for _, c := range m.channels {
		c.timer, c.waits = modelTimer{}, false
		if s := c.open; s != nil && s.durable && s.taken {
			m.breakOff(s)
		}
	}
	m.drop(func(x *modelEntry) bool { return !x.sender.durable || x.sender.taken })
}

// breakOff closes a sender because of the link.
func (m *sendModel) breakOff(s *modelSender) {
	m.close(s, wire.CloseNormal)
	m.events = append(m.events, modelSenderEvent{s, cdcp.ReasonLink})
}

func (m *sendModel) linkUp(l cdcp.Link) cdcp.Code {
	if l.Budget < 576 || l.Budget > 65535 {
		return cdcp.InvalidArgument
	}
	m.linkDown()
	m.up, m.link = true, l
	if !l.Reliable {
		for _, c := range m.channels {
			if c.open != nil && c.open.durable {
				m.breakOff(c.open)
			}
		}
		m.drop(func(x *modelEntry) bool { return x.sender.durable })
	}
	for _, c := range m.channels {
		if s := c.open; s != nil && s.taken && s.interval > 0 {
			m.keepAlive(c)
		}
	}
	return 0
}

func (m *sendModel) leave(p wire.Participant) {
	m.absent[p] = true
	m.drop(func(x *modelEntry) bool { return !m.reaches(x.list) })
	for _, c := range m.channels {
		m.checkKeepAlive(c)
	}
}
