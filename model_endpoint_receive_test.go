package cdcp_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// A receiveTest holds an endpoint to the model.
type receiveTest struct {
	*cdcp.Endpoint
	model     *receiveModel
	receivers []*modelReceiver // those that were announced and polled
	cursors   map[string]int64 // the newest number that was drawn, by stream
	channels  int
	sessions  []wire.Serial
	first     int64 // number that a stream begins with
	buf       []byte
}

func newReceiveTest(t *rapid.T) *receiveTest {
	b := cdcp.Bounds{
		BytesPerReceiver: 33408,
		BytesPerPeer:     rapid.SampledFrom([]int{33408, 40000, 70000}).Draw(t, "bytes per peer"),
		ReceiversPerPeer: rapid.SampledFrom([]int{1, 2, 3, 20}).Draw(t, "receivers per peer"),
		SendBytes:        33408,
	}
	b.Bytes = b.BytesPerPeer + rapid.SampledFrom([]int{0, 20000, 100000}).Draw(t, "bytes")
	b.Receivers = b.ReceiversPerPeer + rapid.SampledFrom([]int{0, 1, 10}).Draw(t, "receivers")
	b.ChannelsPerPeer = b.ReceiversPerPeer + rapid.SampledFrom([]int{1, 2}).Draw(t, "channels per peer")
	b.Channels = max(b.ChannelsPerPeer, b.Receivers+1) + rapid.SampledFrom([]int{0, 1}).Draw(t, "channels")
	e, err := cdcp.New(start, cdcp.Config{Self: modelSelf, Rand: zeros{}, Bounds: b})
	if err != nil {
		t.Fatal(err)
	}
	return &receiveTest{
		Endpoint: e, model: &receiveModel{bounds: b, left: make(map[wire.Participant]bool)}, cursors: make(map[string]int64),
		channels: rapid.IntRange(1, 4).Draw(t, "channels"),
		sessions: rapid.SampledFrom([][]wire.Serial{
			{7}, {7, 8}, {1<<32 - 2, 1<<32 - 1, 0, 1}, {0, 1<<31 - 1, 1 << 31, 1<<31 + 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		}).Draw(t, "sessions"),
		first: rapid.SampledFrom([]int64{0, 1000, 1<<31 - 3, 1<<32 - 3}).Draw(t, "first"),
	}
}

func (x *receiveTest) time() time.Time {
	return start.Add(time.Duration(x.model.now) * time.Microsecond)
}

// draw draws a frame without its payload.
func (x *receiveTest) draw(t *rapid.T, typ wire.Type) (from wire.Participant, f wire.Frame) {
	from = rapid.SampledFrom([]wire.Participant{1, 1, 1, 1, 2, 2, 2, 3, 3, modelSelf}).Draw(t, "from")
	f = wire.Frame{
		Type: typ, Channel: uint16(rapid.IntRange(1, x.channels).Draw(t, "channel")), Session: rapid.SampledFrom(x.sessions).Draw(t, "session"),
	}
	if (int(f.Session)+int(f.Channel))%3 == 0 {
		f.Flags = wire.FlagDurable
	}
	if seldom(t, "other flags") {
		f.Flags ^= rapid.SampledFrom([]wire.Flags{wire.FlagDurable, wire.FlagHigh}).Draw(t, "flag")
	}
	key := fmt.Sprint(from, f.Channel, f.Session)
	cursor, ok := x.cursors[key]
	if !ok {
		cursor = x.first
	}
	n := cursor + rapid.SampledFrom([]int64{1, 1, 1, 1, 2, 2, 3, 0, 0, -1, -1, -2, -3, 1023, 1024, 1025, 3000, -1024, -(1 << 31)}).Draw(t, "ahead")
	if typ != wire.TypeData && seldom(t, "no last number") {
		n = 0
	}
	if typ == wire.TypeData {
		x.cursors[key] = max(cursor, n)
	}
	f.Sequence = wire.Serial(n)
	if run := rapid.SampledFrom([]uint16{0, 0, 1, 2, 5, 65535}).Draw(t, "run"); run != 0 {
		f = withTLV(f, wire.ExtRun, run)
	}
	return from, f
}

// seldom is true once in some twenty times.
func seldom(t *rapid.T, what string) bool { return rapid.SampledFrom(rarely[:]).Draw(t, what) }

var rarely = [20]bool{13: true}

// hand hands in a frame.
func (x *receiveTest) hand(t *rapid.T, from wire.Participant, f wire.Frame) {
	var err error
	if x.buf, err = f.AppendBinary(x.buf[:0]); err != nil {
		t.Fatal(err)
	}
	want := x.model.frame(from, &f)
	got, err := x.HandleFrame(x.time(), from, x.buf)
	if err != nil || got != want {
		t.Fatalf("%v of %d, channel %d, session %d, number %d, offset %d of %d: %v, %v; want %v",
			f.Type, from, f.Channel, f.Session, f.Sequence, f.Offset, f.Total, got, err, want)
	}
	clear(x.buf)
}

// poll polls one event.
func (x *receiveTest) poll(t *rapid.T) bool {
	m := x.model
	got, ok := x.NextEvent()
	if ok != (len(m.events) > 0) {
		t.Fatalf("event %v %t, want %d events", got.Kind, ok, len(m.events))
	}
	if !ok {
		return false
	}
	want := m.events[0]
	m.events = m.events[1:]
	r := want.receiver
	if want.kind == cdcp.EventReceiverCreated {
		r.real = got.Receiver
		x.receivers = append(x.receivers, r)
	}
	m.prune()
	if got.Kind != want.kind || got.Receiver != r.real || got.Reason != want.reason || got.Receiver.From() != r.peer || got.Receiver.ChannelID() != r.channel {
		t.Fatalf("event %v %d/%d %v, want %v %d/%d %v", got.Kind, got.Receiver.From(), got.Receiver.ChannelID(), got.Reason,
			want.kind, r.peer, r.channel, want.reason)
	}
	return true
}

// read reads one message.
func (x *receiveTest) read(t *rapid.T, r *modelReceiver) bool {
	got, ok := r.real.Receive(nil)
	if ok != (len(r.messages) > 0) {
		t.Fatalf("message %d %t, want %d", got.Sequence, ok, len(r.messages))
	}
	if !ok {
		return false
	}
	want := x.model.takeOut(r)
	x.model.stats.Read++
	x.model.prune()
	if got.Sequence != wire.Serial(want.sequence) || !bytes.Equal(got.Data, want.data) {
		t.Fatalf("message %d of %d bytes, want %d of %d", got.Sequence, len(got.Data), wire.Serial(want.sequence), len(want.data))
	}
	return true
}

// check holds everything that can be seen without changing it to the model.
func (x *receiveTest) check(t *rapid.T) {
	m := x.model
	want := m.stats
	_, want.Held = m.held(0)
	if got := x.Stats(); got != want {
		t.Fatalf("stats\n%+v, want\n%+v", got, want)
	}
	waiting := 0
	for _, r := range m.receivers {
		waiting += len(r.messages)
	}
	if want.MessagesIn != want.Read+want.Discarded+uint64(waiting) ||
		want.Partials != want.Completed+want.Expired+want.Evicted+want.Abandoned+uint64(len(m.partials)) {
		t.Fatalf("sums of %+v", want)
	}
	at, do := m.next()
	if got := x.Deadline(); got.IsZero() != (do == nil) || do != nil && got.Sub(start).Microseconds() != at {
		t.Fatalf("deadline %v, want %v %t", got.Sub(start), time.Duration(at)*time.Microsecond, do != nil)
	}
	for _, r := range x.receivers {
		want := cdcp.Counts{Delivered: r.delivered, Lost: r.lost, Unknown: r.unknown, Dropped: r.dropped}
		if got := r.real.Counts(); got != want || r.real.Closed() == r.live() {
			t.Fatalf("receiver of %d/%d: %+v, closed %t; want %+v, %s", r.peer, r.channel, got, r.real.Closed(), want, r.state)
		}
	}
}

// drawPart draws a fragment of the message whose length and bytes follow from its number, or, seldom, one that does not fit to the
// others.
func drawPart(t *rapid.T, f *wire.Frame) {
	total := []int{257, 600, 1000, 20000}[f.Sequence%4]
	if seldom(t, "other length") {
		total = 32768
	}
	size := max(256, total/3)
	if seldom(t, "other size") {
		size = min(size+1, total-1)
	}
	offset := size * rapid.IntRange(0, (total-1)/size).Draw(t, "part")
	end := min(offset+size, total)
	f.Offset, f.Total, f.Payload = uint16(offset), uint16(total), make([]byte, end-offset)
	for i := range f.Payload {
		f.Payload[i] = byte((offset+i)*(offset+i)>>7) + byte(f.Sequence)
	}
	if seldom(t, "other bytes") {
		f.Payload[0]++
	}
}

// frame draws a frame, or all fragments of a message, and hands them in.
func (x *receiveTest) frame(t *rapid.T) {
	switch rapid.SampledFrom([]string{
		"whole", "whole", "whole", "whole", "whole", "whole", "fragment", "fragment", "fragment", "message", "sessions", "KEEPALIVE", "CLOSE",
	}).Draw(t, "kind") {
	case "whole":
		from, f := x.draw(t, wire.TypeData)
		f.Payload = bytes.Repeat([]byte{byte(f.Sequence)}, rapid.SampledFrom([]int{0, 1, 1, 10, 10, 300, 8000, 20000, 32768}).Draw(t, "size"))
		x.hand(t, from, f)
	case "fragment": // and others of that message
		from, f := x.draw(t, wire.TypeData)
		for range rapid.SampledFrom([]int{1, 2, 3, 4}).Draw(t, "fragments") {
			drawPart(t, &f)
			x.hand(t, from, f)
			x.wait(rapid.SampledFrom([]int64{0, 0, 0, 1, 1000000, 3000000}).Draw(t, "wait"))
		}
	case "message":
		from, f := x.draw(t, wire.TypeData)
		message := make([]byte, rapid.SampledFrom([]int{257, 600, 600, 20000}).Draw(t, "size"))
		for at := 0; at < len(message); at += 256 {
			g := f
			g.Offset, g.Total, g.Payload = uint16(at), uint16(len(message)), message[at:min(at+256, len(message))]
			x.hand(t, from, g)
		}
	case "sessions": // a message in each
		from, f := x.draw(t, wire.TypeData)
		for _, f.Session = range x.sessions {
			x.hand(t, from, f)
		}
	case "KEEPALIVE":
		from, f := x.draw(t, wire.TypeKeepAlive)
		x.hand(t, from, f)
	case "CLOSE":
		from, f := x.draw(t, wire.TypeClose)
		f.Reason = rapid.SampledFrom([]wire.CloseReason{0, 1, 2}).Draw(t, "reason")
		x.hand(t, from, f)
	}
}

// wait lets time pass, or seem to go back, by microseconds.
func (x *receiveTest) wait(n int64) {
	to := x.model.now + n
	x.Advance(start.Add(time.Duration(to) * time.Microsecond))
	x.model.advance(to)
}

// TestModelReceive: whatever comes in, the endpoint says and holds what the model does.
func TestModelReceive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newReceiveTest(t)
		m := x.model
		t.Repeat(map[string]func(*rapid.T){
			"frame":      x.frame,
			"next frame": x.frame,
			"wait": func(t *rapid.T) {
				x.wait(rapid.SampledFrom([]int64{-1, 1, 1000, 1000000, 1000000, 2000000, 3000000, 5000000, 60000000, 120000000}).Draw(t, "wait"))
			},
			"deadline": func(t *rapid.T) {
				at := x.Deadline()
				if at.IsZero() {
					return
				}
				before := x.Stats()
				x.Advance(at.Add(-time.Microsecond))
				m.advance(at.Sub(start).Microseconds() - 1)
				if after := x.Stats(); after != before || !x.Deadline().Equal(at) {
					t.Fatalf("before the deadline %+v becomes %+v", before, after)
				}
				x.check(t)
				x.Advance(at)
				m.advance(at.Sub(start).Microseconds())
				if x.Deadline().Equal(at) {
					t.Fatal("at the deadline nothing happens")
				}
			},
			"poll": func(t *rapid.T) {
				for n := rapid.IntRange(1, 9).Draw(t, "n"); n > 0 && x.poll(t); n-- {
				}
			},
			"read": func(t *rapid.T) {
				if len(x.receivers) > 0 {
					r := rapid.SampledFrom(x.receivers).Draw(t, "receiver")
					for n := rapid.IntRange(1, 3).Draw(t, "n"); n > 0 && x.read(t, r); n-- {
					}
				}
			},
			"left": func(t *rapid.T) {
				if !seldom(t, "left") {
					return
				}
				peer := rapid.SampledFrom([]wire.Participant{3, 3, 3, 3, 2, 1}).Draw(t, "participant")
				if err := x.ParticipantLeft(x.time(), peer); err != nil {
					t.Fatal(err)
				}
				m.leave(peer)
			},
			"": x.check,
		})
		for x.poll(t) {
		}
		for _, r := range x.receivers {
			for x.read(t, r) {
			}
		}
		x.check(t)
	})
}
