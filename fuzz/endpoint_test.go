package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// The operations on an endpoint, by the byte that they begin with.
const (
	opAdvance = iota
	opFields  // a frame that is made of fields
	opFrame   // a frame that is written out
	opSender
	opSend
	opList
	opClose
	opHangUp
	opLinkUp
	opLinkDown
	opBitrate
	opLeft
	opTake
	opRead
	opPoll
	ops
)

// What is chosen from, when it is not written out.
var (
	waits = []uint64{0, 1, 15999, 16000, 1e6, 2e6 - 1, 2e6, 2e6 + 1, 5e6, 60e6, 120e6, 120e6 + 1, 3600e6}
	// toDeadline are the bytes of a wait up to the next deadline, and to 1 µs before it.
	toDeadline, toJustBefore = byte(254), byte(253)

	handles    = []uint64{2, 3, 4, 5, 1, 0, 65535}
	channelIDs = []uint64{1, 2, 3, 65535, 0}
	sessions   = []uint64{1, 2, 3, 1 << 31, 1<<31 + 1, 1<<32 - 1, 0}
	steps      = []uint64{1, 0, 2, 1<<32 - 1, 3, 1022, 1023, 1024, 1025, 1<<32 - 1024, 1<<31 - 1, 1 << 31, 1<<31 + 1} // from the last number on
	runs       = []uint64{0, 0, 1, 2, 3, 1023, 1024, 65535}
	lengths    = []uint64{0, 1, 255, 256, 257, 300, 1183, 1184, 1200, 8192, 16640, 32768, 32767}
	budgets    = []uint64{1200, 576, 577, 65535, 575, 0}
	rates      = []uint64{0, 16, 17, 64, 512, 513, 10000000, 10000001}
	seconds    = []uint64{0, 1, 2, 60, 61}
)

// boundsOf are those that an endpoint can have.
var boundsOf = []cdcp.Bounds{
	{},
	{BytesPerReceiver: 33408, BytesPerPeer: 40000, Bytes: 60000, ReceiversPerPeer: 2, Receivers: 3, ChannelsPerPeer: 4, Channels: 6, SendBytes: 33408},
	{BytesPerReceiver: 33408, BytesPerPeer: 33408, Bytes: 33408, ReceiversPerPeer: 1, Receivers: 1, ChannelsPerPeer: 2, Channels: 2, SendBytes: 40000},
	{BytesPerReceiver: 40000, BytesPerPeer: 100000, Bytes: 150000, ReceiversPerPeer: 9, Receivers: 12, ChannelsPerPeer: 10, Channels: 13},
}

// limitsOf are those that an endpoint can have.
var limitsOf = []cdcp.Limits{
	{},
	{Durable: cdcp.NoLimit, Lossy: cdcp.NoLimit, LossyHigh: cdcp.NoLimit, BroadcastPackets: cdcp.NoLimit},
	{Durable: 1, Lossy: cdcp.MaxRate, LossyHigh: 7, BroadcastPackets: 1},
}

// recordEndpoint writes what a script asks of an endpoint as FuzzEndpoint reads it. Bounds and limits that are not the default become
// others of the same kind.
func recordEndpoint(t testing.TB, all []request) []byte {
	r := recording{}.number(2, uint64(all[0].Self)).number(4, uint64(all[0].First))
	r = r.u8(byte(min(1, len(all[0].Bounds))), byte(min(2, 2*len(all[0].Limits))))
	for i, q := range all[1:] {
		kind := slices.Index([]string{"advance", "", "frame", "sender", "send", "participants", "close", "hangUp", "linkUp", "linkDown", "bitrate",
			"left", "transmit", "read"}, q.Do)
		if kind < 0 {
			continue // counts and stats, which are looked at after each operation
		}
		r = r.u8(byte(kind)).number(6, elapsed(all, i+1))
		switch kind {
		case opFrame:
			r = r.number(2, uint64(q.From)).bytes(unhex(t, q.Hex))
		case opSender:
			r = r.number(2, uint64(q.Channel)).bit(q.Durable).bit(q.High).number(4, q.Kbps).number(1, q.KeepAlive/1e6)
			r = recordList(r, q.To)
		case opSend:
			r = r.u8(q.Sender-1).number(2, uint64(len(q.Data)/2))
		case opList:
			r = recordList(r.u8(q.Sender-1), q.To)
		case opClose:
			r = r.u8(q.Sender - 1)
		case opLinkUp:
			r = r.number(4, q.Budget).bit(q.Reliable).bit(q.Relay)
		case opBitrate:
			r = r.number(4, q.Kbps)
		case opLeft:
			r = r.number(2, uint64(q.Participant))
		case opTake:
			r = r.u8(max(1, q.Max) - 1).bit(q.Durable).bit(q.Lossy)
		case opRead:
			r = r.u8(q.Receiver - 1)
		}
		r = r.u8(opPoll, 0, 255)
	}
	return r
}

func recordList(r recording, to []uint16) recording {
	r = r.u8(byte(len(to)))
	for _, h := range to {
		r = r.number(2, uint64(h))
	}
	return r
}

func (t *tape) list() []wire.Participant {
	var list []wire.Participant
	for range t.u8() % 67 { // one more than a list can have, and one of them twice
		list = append(list, wire.Participant(t.number(2, handles)))
	}
	return list
}

// counting is a random source that repeats itself.
type counting struct{ n byte }

func (c *counting) Read(b []byte) (int, error) {
	if c.n++; c.n%8 == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	for i := range b {
		b[i] = c.n * 37
	}
	return len(b), nil
}

// A rig is an endpoint, what it gave out, and the books on it.
type rig struct {
	*cdcp.Endpoint
	t         testing.TB
	self      wire.Participant
	bytes     int // bound
	link      cdcp.Link
	up        bool
	senders   []*cdcp.Sender
	receivers []*cdcp.Receiver
	books     map[*cdcp.Receiver]*receiverBook
	want      cdcp.Stats // the counters that are known from outside
	log       []byte     // of one operation
}

// A receiverBook is what is known of a receiver that was announced.
type receiverBook struct {
	closed bool
	last   wire.Serial
	read   uint64
}

var epoch = time.Unix(1700000000, 0)

func newRig(t testing.TB, c cdcp.Config) *rig {
	c.Rand = new(counting)
	e, err := cdcp.New(epoch, c)
	if err != nil {
		t.Fatal(err)
	}
	bound := c.Bounds.Bytes
	if bound == 0 {
		bound = 16777216
	}
	return &rig{Endpoint: e, t: t, self: c.Self, bytes: bound, books: make(map[*cdcp.Receiver]*receiverBook)}
}

// say notes an output.
func (r *rig) say(format string, args ...any) { r.log = fmt.Appendf(r.log, format+"\n", args...) }

// refused notes the error of a call. Those of CALL-001 and what follows say all in their fields.
func (r *rig) refused(err error) {
	if e, ok := errors.AsType[*cdcp.Error](err); ok {
		r.say("refused %+v", *e)
	} else if err != nil {
		r.say("error %v", err)
	}
}

// check holds the endpoint against what is always so at a time.
func (r *rig) check(now time.Time) {
	r.t.Helper()
	if d := r.Deadline(); !d.IsZero() && !d.After(now) {
		r.t.Fatalf("at %v the deadline is %v", now, d) // TIME-002, TIME-005
	}
	s := r.Stats()
	known := s
	known.MessagesIn, known.Discarded, known.Unsent, known.Limited, known.Forgotten, known.Held = 0, 0, 0, 0, 0, 0
	known.Partials, known.Completed, known.Expired, known.Evicted, known.Abandoned = 0, 0, 0, 0, 0
	if known != r.want {
		r.t.Fatalf("counters %+v, want %+v", known, r.want) // EVENT-005
	}
	waiting, progress := unread(s), inProgress(s)
	if waiting < 0 || progress < 0 || s.Unsent > s.MessagesOut || int64(s.Held) < (waiting+progress)*int64(fragment.Cost(0)) ||
		int64(s.Held) > (waiting+progress)*int64(fragment.Cost(wire.MaxMessageSize)) {
		r.t.Fatalf("%d messages wait and %d are in progress, of counters %+v", waiting, progress, s) // EVENT-005
	}
	if s.Held > r.bytes {
		r.t.Fatalf("%d bytes are held of %d", s.Held, r.bytes)
	}
}

func unread(s cdcp.Stats) int64 { return int64(s.MessagesIn - s.Read - s.Discarded) }

func inProgress(s cdcp.Stats) int64 {
	return int64(s.Partials - s.Completed - s.Expired - s.Evicted - s.Abandoned)
}

func (r *rig) frame(now time.Time, from wire.Participant, b []byte) {
	r.t.Helper()
	v, err := r.HandleFrame(now, from, b)
	if from == 0 {
		r.refused(err)
		return
	}
	var f wire.Frame
	bad := f.Parse(b)
	r.want.FramesIn++
	counters := []*uint64{&r.want.Malformed, &r.want.Accepted, &r.want.Duplicate, &r.want.Stale, &r.want.Superseded, &r.want.Ignored,
		&r.want.Mismatch, &r.want.Overflow, &r.want.Dropped}
	if int(v) >= len(counters) || (bad == nil) != (v != 0) || fmt.Sprint(err) != fmt.Sprint(bad) {
		r.t.Fatalf("% x is %v, %v, and Parse says %v", b, v, err, bad)
	}
	*counters[v]++
	r.say("%v", v)
}

// take takes up to max frames.
func (r *rig) take(now time.Time, most int, can cdcp.Classes) [][]byte {
	r.t.Helper()
	var all [][]byte
	for len(all) < most {
		b, route, ok := r.NextFrame(now, can, []byte("before"))
		if !ok {
			if string(b) != "before" {
				r.t.Fatalf("no frame, and %x", b)
			}
			break
		}
		b = b[len("before"):]
		r.want.FramesOut++
		r.checkFrame(b, route, can)
		r.say("%x to %v by %d %v", b, route.Participants, route.Class, route.Priority)
		all = append(all, b)
	}
	return all
}

// checkFrame holds a frame that was given out against SPEC.md sections 9.6 to 9.8.
func (r *rig) checkFrame(b []byte, route cdcp.Route, can cdcp.Classes) {
	r.t.Helper()
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		r.t.Fatalf("% x: %v", b, err)
	}
	budget := r.link.Budget
	if r.link.Relay {
		budget -= 5 // LINK-001
	}
	class := cdcp.ClassLossy
	if r.link.Reliable && (f.Type == wire.TypeClose || f.Flags&wire.FlagDurable != 0) { // QUEUE-007, QUEUE-008
		class = cdcp.ClassReliable
	}
	named, hasNames := f.Ext.AppendParticipants(nil)
	_, hasOrigin := f.Ext.Origin()
	switch {
	case !r.up || len(b) > budget:
		r.t.Fatalf("%d bytes for a budget of %d, link up %v", len(b), budget, r.up) // LINK-007, QUEUE-002, QUEUE-003
	case route.Class != class || can&class == 0:
		r.t.Fatalf("%v by class %d of %d", f.Type, route.Class, can)
	case (route.Priority == cdcp.High) != (f.Flags&wire.FlagHigh != 0):
		r.t.Fatalf("priority %v, flags %v", route.Priority, f.Flags)
	case !slices.IsSorted(route.Participants) || slices.Contains(route.Participants, r.self) || f.Type == wire.TypeClose && route.Participants != nil:
		r.t.Fatalf("%v of %d to %v", f.Type, r.self, route.Participants) // LIST-007, QUEUE-006
	case hasOrigin || hasNames != (r.link.Relay && route.Participants != nil) || hasNames && !slices.Equal(named, route.Participants):
		r.t.Fatalf("to %v, and names %v", route.Participants, named) // LIST-012
	case f.Total != 0 && int(f.Offset)+len(f.Payload) < int(f.Total) && len(b) != budget:
		r.t.Fatalf("a fragment of %d bytes, not the last, for a budget of %d", len(b), budget) // QUEUE-003
	}
}

// everything is more than there is to poll or to take.
const everything = 1 << 30

// poll polls up to most events.
func (r *rig) poll(most int) {
	r.t.Helper()
	for range most {
		x, ok := r.NextEvent()
		if !ok {
			return
		}
		if x.Kind == cdcp.EventSenderClosed {
			r.say("sender %d %v", slices.Index(r.senders, x.Sender), x.Reason)
			if !x.Sender.Closed() || x.Reason != cdcp.ReasonReplaced && x.Reason != cdcp.ReasonLink {
				r.t.Fatalf("%+v", x)
			}
			continue
		}
		b := r.books[x.Receiver]
		if (b == nil) != (x.Kind == cdcp.EventReceiverCreated) || b != nil && b.closed {
			r.t.Fatalf("%v of a receiver with %+v", x.Kind, b) // RECV-005, EVENT-003
		}
		switch x.Kind {
		case cdcp.EventReceiverCreated:
			r.books[x.Receiver] = new(receiverBook)
			r.receivers = append(r.receivers, x.Receiver)
		case cdcp.EventReceiverClosed:
			b.closed = true
			if !x.Receiver.Closed() || x.Reason < cdcp.ReasonClosed || x.Reason > cdcp.ReasonLeft {
				r.t.Fatalf("%+v", x)
			}
		}
		r.say("%v %d %d/%d %v", x.Kind, slices.Index(r.receivers, x.Receiver), x.Receiver.From(), x.Receiver.ChannelID(), x.Reason)
	}
}

// read reads a message.
func (r *rig) read(x *cdcp.Receiver) (m cdcp.Message, ok bool) {
	r.t.Helper()
	m, ok = x.Receive(nil)
	if ok {
		b := r.books[x]
		if b.read > 0 && x.Reliability() == cdcp.Durable && !m.Sequence.Newer(b.last) {
			r.t.Fatalf("a durable message with number %d comes after %d", m.Sequence, b.last)
		}
		b.read++
		b.last = m.Sequence
		r.want.Read++
		r.say("%d: %x", m.Sequence, m.Data)
	}
	return m, ok
}

// drain polls and reads all, and then lets everybody leave, so that nothing is held any more.
func (r *rig) drain(now time.Time, from []wire.Participant) {
	r.t.Helper()
	r.poll(everything)
	for _, x := range r.receivers {
		for _, ok := r.read(x); ok; _, ok = r.read(x) {
		}
		c := x.Counts()
		if c.Delivered != c.Dropped+r.books[x].read {
			r.t.Fatalf("%d messages were read of %+v", r.books[x].read, c) // EVENT-004
		}
	}
	if s := r.Stats(); unread(s) != 0 || (s.Held == 0) != (inProgress(s) == 0) {
		r.t.Fatalf("everything was read, and the counters are %+v", s)
	}
	for _, p := range from {
		r.refused(r.ParticipantLeft(now, p))
	}
	r.poll(everything)
	if s := r.Stats(); unread(s) != 0 || inProgress(s) != 0 || s.Held != 0 {
		r.t.Fatalf("everybody left, and the counters are %+v", s) // LEFT-001
	}
	for i, x := range r.receivers {
		if !x.Closed() { // its event may have been dropped (BOUND-004)
			r.t.Fatalf("everybody left, and receiver %d is open", i)
		}
		r.say("%+v", x.Counts())
	}
	r.check(now)
}

// A stream names what the fields of frames go on from.
type stream struct {
	from    wire.Participant
	channel uint16
	session wire.Serial
}

// A progress is how far a stream has come.
type progress struct {
	sequence   wire.Serial
	end, total int // of its last fragment
}

// What a DATA frame that is made of fields is, in two bits of its shape.
const (
	fieldsWhole    = iota
	fieldsBegin    // the first fragment of a message
	fieldsNext     // the fragment behind the last one
	fieldsAnywhere // a fragment of the same message
)

// fields reads a frame that is made of fields; nil: they do not make one.
func (t *tape) fields(streams map[stream]*progress) (from wire.Participant, frame []byte) {
	from = wire.Participant(t.number(2, handles))
	shape := t.u8()
	f := wire.Frame{
		Type:    wire.Type(shape >> 2 & 3 % 3),
		Flags:   wire.Flags(shape & 0x30),
		Channel: uint16(t.number(2, channelIDs)),
		Session: wire.Serial(t.number(4, sessions)),
	}
	key := stream{from, f.Channel, f.Session}
	p := streams[key]
	if p == nil {
		p = new(progress)
		streams[key] = p
	}
	if step := t.u8(); step == written {
		f.Sequence = wire.Serial(t.uint(4))
	} else {
		f.Sequence = p.sequence + wire.Serial(steps[int(step)%len(steps)])
	}
	p.sequence = f.Sequence
	if run := t.number(2, runs); run != 0 {
		f.Ext = binary.BigEndian.AppendUint16(wire.Extensions{byte(wire.ExtRun), 2}, uint16(run))
	}
	length := int(t.number(2, lengths))
	switch {
	case f.Type == wire.TypeClose:
		f.Reason = wire.CloseReason(length)
	case f.Type == wire.TypeData && shape&3 == fieldsWhole:
		f.Payload = content(uint64(f.Sequence), 0, min(length, wire.MaxMessageSize))
	case f.Type == wire.TypeData:
		start, total := 0, p.total
		switch shape & 3 {
		case fieldsBegin:
			total = int(t.number(2, lengths))
		case fieldsNext:
			start = p.end
		case fieldsAnywhere:
			start = int(t.number(2, lengths))
		}
		end := min(start+length, total)
		if start >= end {
			return from, nil
		}
		f.Offset, f.Total = uint16(start), uint16(total)
		f.Payload = content(uint64(f.Sequence), start, end)
		f.Payload[0] ^= shape & 0x40 // seldom others
		p.end, p.total = end, total
	}
	frame, err := f.AppendBinary(nil)
	if err != nil {
		return from, nil
	}
	return from, frame
}

// wait reads a time from one operation to the next. None is longer than an hour: there can be a keep-alive in each of its seconds.
func (t *tape) wait(now, deadline time.Time) time.Time {
	switch first := t.u8(); {
	case first == written:
		const bits = 48
		micros := int64(t.uint(bits/8)<<(64-bits)) >> (64 - bits)
		return now.Add(min(time.Duration(micros)*time.Microsecond, time.Hour))
	case first == toDeadline && !deadline.IsZero():
		return deadline
	case first == toJustBefore && !deadline.IsZero():
		return deadline.Add(-time.Microsecond)
	default:
		return now.Add(time.Duration(waits[int(first)%len(waits)]) * time.Microsecond)
	}
}

// FuzzEndpoint: two endpoints that are driven by the same operations say the same, one of which is also advanced to each of its
// deadlines and to 1 µs before it, where nothing changes; the counters, the bounds and the frames are as SPEC.md has them after each
// operation; and when all was read and everybody left, nothing is held.
func FuzzEndpoint(f *testing.F) {
	for _, all := range scripts(f) {
		f.Add(recordEndpoint(f, all))
	}
	// Of a lossy and a durable session, with the smallest bounds: a message in four fragments, and one of which the third is missing; a
	// whole one, a KEEPALIVE and a CLOSE. And then each deadline.
	r := recording{}.u8(4, 0, 2, 1)
	for _, flags := range []byte{0x00, 0x20} {
		add := func(kind, step, length byte, more ...byte) {
			r = r.u8(opFields, 1, 0, flags|kind, flags>>5, flags>>5, step, 0, length).u8(more...)
		}
		for range 2 {
			add(fieldsBegin, 0, 5, 8)
			add(fieldsNext, 1, 5)
			add(fieldsNext, 1, 5)
			add(fieldsNext, 1, 5)
		}
		add(fieldsBegin, 0, 5, 8)
		add(fieldsNext, 1, 5)
		add(fieldsAnywhere, 1, 5, 6)
		add(fieldsWhole, 0, 2)
		add(byte(wire.TypeKeepAlive)<<2, 2, 0)
		add(byte(wire.TypeClose)<<2, 0, 1)
		r = r.u8(opPoll, 0, 255)
	}
	for range 8 {
		r = r.u8(opAdvance, toJustBefore, opAdvance, toDeadline)
	}
	f.Add([]byte(r))

	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1000 // operations, for the sake of time
		tape := &tape{b}
		c := cdcp.Config{Self: wire.Participant(max(1, tape.number(2, handles))), FirstSequence: wire.Serial(tape.number(4, sessions))}
		c.Bounds, c.Limits = boundsOf[int(tape.u8())%len(boundsOf)], limitsOf[int(tape.u8())%len(limitsOf)]
		one, two := newRig(t, c), newRig(t, c)
		now := epoch // the latest time
		streams := make(map[stream]*progress)
		same := func(what string) {
			t.Helper()
			if !bytes.Equal(one.log, two.log) || one.Stats() != two.Stats() || !one.Deadline().Equal(two.Deadline()) {
				t.Fatalf("%s at %v: without stops\n%s%+v, next %v\nwith stops\n%s%+v, next %v", what, now.Sub(epoch),
					one.log, one.Stats(), one.Deadline(), two.log, two.Stats(), two.Deadline())
			}
			one.log, two.log = one.log[:0], two.log[:0]
		}
		for i := 0; i < most && tape.more(); i++ {
			kind := tape.u8() % ops
			at := tape.wait(now, one.Deadline())
			if at.After(now) {
				stop(two, now, at)
				now = at
			}
			do := tape.operation(kind, streams)
			for _, r := range []*rig{one, two} {
				do(r, at)
				r.check(now)
			}
			same(fmt.Sprint("operation ", i, " of kind ", kind))
		}
		var from []wire.Participant // who may have sent something
		for s := range streams {
			from = append(from, s.from)
		}
		slices.Sort(from)
		from = slices.Compact(from)
		one.drain(now, from)
		two.drain(now, from)
		same("the end")
	})
}

// stop advances r to each of its deadlines up to a time, and to 1 µs before.
func stop(r *rig, now, until time.Time) {
	r.t.Helper()
	for range 64 { // for the sake of time
		d := r.Deadline()
		if d.IsZero() || d.After(until) {
			return
		}
		was := r.Stats()
		r.Advance(d.Add(-time.Microsecond))
		if !r.Deadline().Equal(d) || r.Stats() != was {
			r.t.Fatalf("before the deadline %v, %+v becomes %+v, and the deadline %v", d, was, r.Stats(), r.Deadline())
		}
		r.Advance(d)
		r.check(d)
	}
}

// operation reads one operation, behind its kind and time.
func (t *tape) operation(kind byte, streams map[stream]*progress) func(*rig, time.Time) {
	switch kind {
	case opFields, opFrame:
		var from wire.Participant
		var b []byte
		if kind == opFields {
			from, b = t.fields(streams)
		} else {
			from, b = wire.Participant(t.number(2, handles)), t.bytes()
			streams[stream{from: from}] = new(progress)
		}
		return func(r *rig, now time.Time) { r.frame(now, from, bytes.Clone(b)) }
	case opSender:
		o := cdcp.SenderOptions{ChannelID: uint16(t.number(2, channelIDs))}
		if t.bit() {
			o.Reliability = cdcp.Durable
		}
		if t.bit() {
			o.Priority = cdcp.High
		}
		o.BitrateKbps, o.KeepAlive, o.Participants = int(t.number(4, rates)), time.Duration(t.number(1, seconds))*time.Second, t.list()
		return func(r *rig, now time.Time) {
			s, err := r.NewSender(now, o)
			r.refused(err)
			if err == nil {
				r.senders = append(r.senders, s)
				r.say("channel %d", s.ChannelID())
			}
		}
	case opSend, opList, opClose:
		who := int(t.u8())
		var length uint64
		var list []wire.Participant
		switch kind {
		case opSend:
			length = t.number(2, lengths)
		case opList:
			list = t.list()
		}
		return func(r *rig, now time.Time) {
			if len(r.senders) == 0 {
				r.Advance(now)
				return
			}
			s := r.senders[who%len(r.senders)]
			switch kind {
			case opSend:
				n, err := s.Send(now, content(length, 0, int(length)))
				r.refused(err)
				if err == nil {
					r.want.MessagesOut++
					r.say("number %d", n)
				}
			case opList:
				r.refused(s.SetParticipants(now, list))
			case opClose:
				s.Close(now)
			}
		}
	case opHangUp:
		return func(r *rig, now time.Time) { r.Close(now) }
	case opLinkUp:
		l := cdcp.Link{Budget: int(t.number(4, budgets)), Reliable: t.bit(), Relay: t.bit()}
		return func(r *rig, now time.Time) {
			err := r.LinkUp(now, l)
			r.refused(err)
			if err == nil {
				r.link, r.up = l, true
			}
		}
	case opLinkDown:
		return func(r *rig, now time.Time) {
			r.LinkDown(now)
			r.up = false
		}
	case opBitrate:
		kbps := int(t.number(4, rates))
		return func(r *rig, now time.Time) { r.refused(r.SetReceiveBitrate(now, kbps)) }
	case opLeft:
		who := wire.Participant(t.number(2, handles))
		return func(r *rig, now time.Time) { r.refused(r.ParticipantLeft(now, who)) }
	case opTake:
		most := 1 + int(t.u8())
		var can cdcp.Classes
		if t.bit() {
			can |= cdcp.ClassReliable
		}
		if t.bit() {
			can |= cdcp.ClassLossy
		}
		return func(r *rig, now time.Time) { r.take(now, most, can) }
	case opRead:
		which := int(t.u8())
		return func(r *rig, now time.Time) {
			r.Advance(now)
			if len(r.receivers) > 0 {
				r.read(r.receivers[which%len(r.receivers)])
			}
		}
	case opPoll:
		most := int(t.u8())
		return func(r *rig, now time.Time) {
			r.Advance(now)
			r.poll(most)
		}
	}
	return func(r *rig, now time.Time) { r.Advance(now) }
}
