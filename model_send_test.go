package cdcp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// The send side of an endpoint, once more and as simply as can be: session ids and sequence numbers that do not wrap, buckets in
// fractions, and every turn found by looking at all channels. Times are microseconds since the start.

// A modelBucket holds units: bits, or packets.
type modelBucket struct {
	rate   int      // kbit/s or packets/s; cdcp.NoLimit: it is none
	gain   *big.Rat // for each microsecond
	depth  *big.Rat
	level  *big.Rat
	filled int64 // when level was
}

func newModelBucket(rate int, second, least int64, perSecond int64) *modelBucket {
	if rate == cdcp.NoLimit {
		return &modelBucket{rate: rate}
	}
	depth := new(big.Rat).SetInt64(max(second, least))
	b := &modelBucket{depth: depth, level: depth}
	b.setRate(rate, perSecond)
	return b
}

// setRate makes a bucket gain so many units in a second.
func (b *modelBucket) setRate(rate int, perSecond int64) {
	b.rate, b.gain = rate, big.NewRat(perSecond, 1_000_000)
}

func (b *modelBucket) fill(now int64) {
	level := new(big.Rat).Mul(b.gain, new(big.Rat).SetInt64(now-b.filled))
	if level.Add(level, b.level); level.Cmp(b.depth) > 0 {
		level = b.depth
	}
	b.level, b.filled = level, now
}

// lacks returns when the bucket will hold a cost, or -1; ok: it does now.
func (b *modelBucket) lacks(cost int64, now int64) (at int64, ok bool) {
	b.fill(now)
	missing := new(big.Rat).Sub(new(big.Rat).SetInt64(cost), b.level)
	if missing.Sign() <= 0 {
		return now, true
	}
	if b.gain.Sign() == 0 {
		return -1, false
	}
	wait := missing.Quo(missing, b.gain)
	n := new(big.Int).Add(wait.Num(), new(big.Int).Sub(wait.Denom(), big.NewInt(1)))
	return now + n.Div(n, wait.Denom()).Int64(), false
}

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

// charge charges a message to its buckets.
func (m *sendModel) charge(s *modelSender, n int) *cdcp.Error {
	class := 1
	switch {
	case s.durable:
		class = 0
	case s.high:
		class = 2
	}
	costs := map[*modelBucket]int64{m.class[class]: 8 * int64(n)}
	buckets := []*modelBucket{m.class[class]}
	if m.link.Relay && len(s.list) == 0 {
		buckets = append(buckets, m.broadcast[class], m.packets)
		costs[m.broadcast[class]] = 8 * int64(n)
		costs[m.packets] = max(1, int64((n+1199)/1200))
	}
	buckets = slices.DeleteFunc(buckets, func(b *modelBucket) bool { return b.rate == cdcp.NoLimit })
	var last *modelBucket
	latest := int64(0)
	for _, b := range buckets {
		at, ok := b.lacks(costs[b], m.now)
		if !ok && (last == nil || latest >= 0 && (at < 0 || at > latest)) {
			last, latest = b, at
		}
	}
	if last == nil {
		for _, b := range buckets {
			b.level = new(big.Rat).Sub(b.level, new(big.Rat).SetInt64(costs[b]))
		}
		return nil
	}
	e := &cdcp.Error{Code: cdcp.MessageFailureForTrafficLimit, Have: n, Limit: last.rate}
	if latest >= 0 {
		e.Retry = start.Add(time.Duration(latest) * time.Microsecond)
	}
	return e
}

func (m *sendModel) bitrate(kbps int) {
	for i, b := range m.broadcast {
		if b.rate == cdcp.NoLimit {
			continue
		}
		b.fill(m.now)
		rate := max(0, m.class[i].rate-(4*kbps+4)/5)
		b.setRate(rate, 1000*int64(rate))
	}
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

// The frames.

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

// A sendTest holds an endpoint to the model.
type sendTest struct {
	*cdcp.Endpoint
	model   *sendModel
	random  uint32 // what is drawn next
	senders []*modelSender
}

// Read reads what is drawn next.
func (x *sendTest) Read(b []byte) (int, error) {
	if len(b) != 4 {
		return 0, errors.New("not four bytes")
	}
	binary.BigEndian.PutUint32(b, x.random)
	return 4, nil
}

func newSendTest(t *rapid.T) *sendTest {
	rate := func(name string, normal int) int {
		return rapid.SampledFrom([]int{cdcp.NoLimit, cdcp.NoLimit, 7, normal, cdcp.MaxRate}).Draw(t, name)
	}
	l := cdcp.Limits{Durable: rate("durable", 64), Lossy: rate("lossy", 512), LossyHigh: rate("lossy high", 200), BroadcastPackets: rate("packets", 80)}
	first := rapid.SampledFrom([]int64{1, 1, 1<<32 - 2}).Draw(t, "first")
	sendBytes := rapid.SampledFrom([]int{33408, 131072}).Draw(t, "send bytes")
	x := &sendTest{model: newSendModel(l, sendBytes, first)}
	var err error
	x.Endpoint, err = cdcp.New(start, cdcp.Config{Self: modelSelf, Rand: x, Limits: l, Bounds: cdcp.Bounds{SendBytes: sendBytes}, FirstSequence: wire.Serial(first)})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *sendTest) time() time.Time { return start.Add(time.Duration(x.model.now) * time.Microsecond) }

func drawList(t *rapid.T) []wire.Participant {
	return rapid.SampledFrom([][]wire.Participant{
		nil, nil, {1}, {2, 1, 2}, {1, 2, 3}, {3}, {modelSelf}, {modelSelf, 2}, {0}, manyParticipants(64), manyParticipants(65),
	}).Draw(t, "list")
}

// manyParticipants returns so many, from 4 on.
func manyParticipants(n int) []wire.Participant {
	var list []wire.Participant
	for i := range n {
		list = append(list, wire.Participant(4+i))
	}
	return list
}

// do does an input, if it happens at a deadline or not, and compares its result: the code of a call, 0 if it is taken.
func (x *sendTest) do(t *rapid.T, what string, model func() cdcp.Code, call func() error) {
	var want cdcp.Code
	x.model.input(x.model.now, func() { want = model() })
	err := call()
	if got, ok := errors.AsType[*cdcp.Error](err); err == nil && want != 0 || err != nil && (!ok || got.Code != want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (x *sendTest) sender(t *rapid.T) *modelSender {
	if len(x.senders) == 0 {
		t.Skip("there is no sender")
	}
	return rapid.SampledFrom(x.senders).Draw(t, "sender")
}

func (x *sendTest) open(t *rapid.T) {
	o := cdcp.SenderOptions{
		ChannelID:    rapid.SampledFrom([]uint16{0, 1, 2, 3, 65535}).Draw(t, "channel"),
		BitrateKbps:  rapid.SampledFrom([]int{0, 1, 16, 17, 64, 65, 512, 513, cdcp.MaxRate, cdcp.MaxRate + 1}).Draw(t, "hint"),
		Priority:     rapid.SampledFrom([]cdcp.Priority{cdcp.Normal, cdcp.High}).Draw(t, "priority"),
		Reliability:  rapid.SampledFrom([]cdcp.Reliability{cdcp.Lossy, cdcp.Durable}).Draw(t, "reliability"),
		Participants: drawList(t),
		KeepAlive:    rapid.SampledFrom([]time.Duration{0, 0, 1, 2, 60, 61}).Draw(t, "keep-alive") * time.Second,
	}
	x.random = rapid.SampledFrom([]uint32{0, 1 << 17, 1<<32 - 1}).Draw(t, "random")
	x.do(t, "NewSender", func() cdcp.Code {
		s, code := x.model.newSender(o, x.random)
		if s != nil {
			x.senders = append(x.senders, s)
		}
		return code
	}, func() error {
		s, err := x.NewSender(x.time(), o)
		if s != nil {
			want := x.senders[len(x.senders)-1]
			if want.real = s; s.ChannelID() != want.channel.id {
				t.Fatalf("channel %d, want %d", s.ChannelID(), want.channel.id)
			}
		}
		return err
	})
}

func (x *sendTest) send(t *rapid.T) {
	s := x.sender(t)
	n := rapid.SampledFrom([]int{0, 1, 40, 500, 560, 1150, 1188, 1189, 1201, 3000, 32768, 32769}).Draw(t, "size")
	data := bytes.Repeat([]byte{byte(n)}, n)
	for range rapid.SampledFrom([]int{1, 1, 2, 10}).Draw(t, "times") {
		var want wire.Serial
		var fault *cdcp.Error
		x.model.input(x.model.now, func() { want, fault = x.model.send(s, data) })
		buf := bytes.Clone(data)
		got, err := s.real.Send(x.time(), buf)
		clear(buf)
		if e, _ := errors.AsType[*cdcp.Error](err); got != want || (err == nil) != (fault == nil) || fault != nil && (*e != *fault) {
			t.Fatalf("Send of %d: %d, %+v; want %d, %+v", n, got, err, want, fault)
		}
	}
}

// take takes the next frame.
func (x *sendTest) take(t *rapid.T, can cdcp.Classes) bool {
	var want *modelFrame
	x.model.input(x.model.now, func() { want = x.model.take(can) })
	got, route, ok := x.NextFrame(x.time(), can, []byte("prefix"))
	if !ok {
		if want != nil {
			t.Fatalf("no frame, want % x", want.bytes)
		}
		return false
	}
	if want == nil {
		t.Fatalf("frame % x, want none", got)
	}
	if !bytes.Equal(got, append([]byte("prefix"), want.bytes...)) {
		t.Fatalf("frame\n% x, want\n% x", got[6:], want.bytes)
	}
	if len(want.bytes) > x.model.link.Budget || route.Class != want.class || route.Priority != want.priority() || !slices.Equal(route.Participants, want.list) {
		t.Fatalf("route %+v, want class %d, priority %v, participants %d", route, want.class, want.priority(), want.list)
	}
	return true
}

func (x *sendTest) check(t *rapid.T) {
	m := x.model
	if got := x.Stats(); got != m.stats {
		t.Fatalf("stats %+v, want %+v", got, m.stats)
	}
	c := m.due()
	if got := x.Deadline(); got.IsZero() != (c == nil) || c != nil && got.Sub(start).Microseconds() != c.timer.at {
		t.Fatalf("deadline %v, want %+v", got.Sub(start), c)
	}
	for _, s := range x.senders {
		if s.real.Closed() != s.closed {
			t.Fatalf("sender on %d closed: %t", s.channel.id, s.real.Closed())
		}
	}
}

// TestModelSend: whatever is called, the endpoint says and gives out what the model does.
func TestModelSend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newSendTest(t)
		m := x.model
		advance := func(to int64) {
			m.input(to, func() {})
			x.Advance(start.Add(time.Duration(to) * time.Microsecond))
		}
		linkUp := func(t *rapid.T) {
			l := cdcp.Link{
				Budget:   rapid.SampledFrom([]int{576, 1200, 1200, 65535, 575, 65536}).Draw(t, "budget"),
				Reliable: rapid.SampledFrom([]bool{true, true, false}).Draw(t, "reliable"),
				Relay:    rapid.Bool().Draw(t, "relay"),
			}
			x.do(t, "LinkUp", func() cdcp.Code { return m.linkUp(l) }, func() error { return x.LinkUp(x.time(), l) })
		}
		take := func(t *rapid.T) {
			can := rapid.SampledFrom([]cdcp.Classes{cdcp.ClassAll, cdcp.ClassAll, cdcp.ClassReliable, cdcp.ClassLossy, 0}).Draw(t, "classes")
			for n := rapid.SampledFrom([]int{1, 2, 5, 10}).Draw(t, "n"); n > 0 && x.take(t, can); n-- {
			}
		}
		linkUp(t)
		t.Repeat(map[string]func(*rapid.T){
			"open":      x.open,
			"send":      x.send,
			"send more": x.send,
			"take":      take,
			"take more": take,
			"list": func(t *rapid.T) {
				s, list := x.sender(t), drawList(t)
				x.do(t, "SetParticipants", func() cdcp.Code { return m.setList(s, list) }, func() error { return s.real.SetParticipants(x.time(), list) })
			},
			"close": func(t *rapid.T) {
				s := x.sender(t)
				x.do(t, "Close", func() cdcp.Code {
					if !s.closed {
						m.close(s, wire.CloseNormal)
					}
					return 0
				}, func() error { s.real.Close(x.time()); return nil })
			},
			"hang up": func(t *rapid.T) {
				if !seldom(t, "hang up") {
					return
				}
				x.do(t, "Close", func() cdcp.Code {
					for _, c := range m.channels {
						if c.open != nil {
							m.close(c.open, wire.CloseNormal)
						}
					}
					return 0
				}, func() error { x.Close(x.time()); return nil })
			},
			"wait": func(t *rapid.T) {
				advance(m.now + rapid.SampledFrom([]int64{-1, 1, 1000, 16000, 999999, 1000000, 2000000, 60000000}).Draw(t, "wait"))
			},
			"deadline": func(t *rapid.T) {
				at := x.Deadline()
				if at.IsZero() {
					return
				}
				before := x.Stats()
				advance(at.Sub(start).Microseconds() - 1)
				if after := x.Stats(); after != before || !x.Deadline().Equal(at) {
					t.Fatalf("before the deadline %+v becomes %+v", before, after)
				}
				advance(at.Sub(start).Microseconds())
				if x.Deadline().Equal(at) {
					t.Fatal("at the deadline nothing happens")
				}
			},
			"link": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "up") {
					linkUp(t)
				} else {
					x.do(t, "LinkDown", func() cdcp.Code { m.linkDown(); return 0 }, func() error { x.LinkDown(x.time()); return nil })
				}
			},
			"bitrate": func(t *rapid.T) {
				kbps := rapid.SampledFrom([]int{0, 1, 79, 80, 639, 640, cdcp.MaxRate, cdcp.MaxRate + 1, -1}).Draw(t, "kbps")
				x.do(t, "SetReceiveBitrate", func() cdcp.Code {
					if kbps < 0 || kbps > cdcp.MaxRate {
						return cdcp.InvalidArgument
					}
					m.bitrate(kbps)
					return 0
				}, func() error { return x.SetReceiveBitrate(x.time(), kbps) })
			},
			"left": func(t *rapid.T) {
				p := rapid.SampledFrom([]wire.Participant{0, modelSelf, 3, 1, 2}).Draw(t, "participant")
				if p != 0 && p != modelSelf && !seldom(t, "left") {
					return
				}
				x.do(t, "ParticipantLeft", func() cdcp.Code {
					if p == 0 || p == modelSelf {
						return cdcp.InvalidArgument
					}
					m.leave(p)
					return 0
				}, func() error { return x.ParticipantLeft(x.time(), p) })
			},
			"poll": func(t *rapid.T) {
				for _, want := range m.events {
					got, ok := x.NextEvent()
					if !ok || got.Kind != cdcp.EventSenderClosed || got.Sender != want.sender.real || got.Reason != want.reason {
						t.Fatalf("event %v %v %t, want %v of the sender on %d", got.Kind, got.Reason, ok, want.reason, want.sender.channel.id)
					}
				}
				if got, ok := x.NextEvent(); ok {
					t.Fatalf("event %v %v, want none", got.Kind, got.Reason)
				}
				m.events = nil
			},
			"": x.check,
		})
	})
}
