package cdcp_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A course leads the messages of one sender to an endpoint that reads them.
type course struct {
	a, b    *cdcp.Endpoint
	s       *cdcp.Sender
	now     time.Time
	message []byte
	frame   []byte
	buf     []byte
	count   int // messages
	lose    int // one frame of each so many messages is lost; 0: none
	read    int // messages that arrived
}

// bring brings one message from one end to the other, without any help that could allocate.
func (p *course) bring(tb testing.TB) {
	p.count++
	p.now = p.now.Add(10 * time.Millisecond)
	if _, err := p.s.Send(p.now, p.message); err != nil {
		tb.Fatal(err)
	}
	loses := p.lose > 0 && p.count%p.lose == 0
	for {
		frame, _, ok := p.a.NextFrame(p.now, cdcp.ClassAll, p.frame[:0])
		if !ok {
			break
		}
		if loses {
			loses = false
			continue
		}
		if v, err := p.b.HandleFrame(p.now, 1, frame); v != cdcp.Accepted {
			tb.Fatalf("%v, %v", v, err)
		}
	}
	for x, ok := p.b.NextEvent(); ok; x, ok = p.b.NextEvent() {
		m, ok := x.Receiver.Receive(p.buf[:0])
		if ok {
			p.read++
			if len(m.Data) != len(p.message) {
				tb.Fatalf("a message of %d bytes came as one of %d", len(p.message), len(m.Data))
			}
		}
	}
}

// TestAllocs: a message costs no allocation on its way from Send through NextFrame, HandleFrame and NextEvent to Receive.
func TestAllocs(t *testing.T) {
	for _, c := range []struct {
		name string
		o    cdcp.SenderOptions
		size int
		link cdcp.Link
		lose int
	}{
		{"lossy, 64 bytes", cdcp.SenderOptions{}, 64, direct, 0},
		{"durable, 64 bytes", cdcp.SenderOptions{Reliability: cdcp.Durable}, 64, direct, 0},
		{"lossy, 32 KiB", cdcp.SenderOptions{}, wire.MaxMessageSize, direct, 0},
		{"durable, 32 KiB", cdcp.SenderOptions{Reliability: cdcp.Durable}, wire.MaxMessageSize, direct, 0},
		{"lossy, 64 bytes, 1 % lost", cdcp.SenderOptions{}, 64, direct, 100},
		{"lossy, 32 KiB, 1 % lost", cdcp.SenderOptions{}, wire.MaxMessageSize, direct, 100},
		{"relay, 64 bytes", cdcp.SenderOptions{Participants: []wire.Participant{2, 3, 4}}, 64, relay, 0},
		{"relay, 32 KiB", cdcp.SenderOptions{Participants: []wire.Participant{2, 3, 4}}, wire.MaxMessageSize, relay, 0},
		{"relay, keep-alive, high, durable", cdcp.SenderOptions{
			Participants: []wire.Participant{2, 3, 4}, KeepAlive: time.Second, Priority: cdcp.High, Reliability: cdcp.Durable,
		}, 1200, relay, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newHost(t, 1, cdcp.Config{Limits: unlimited}).up(c.link), newHost(t, 2, cdcp.Config{})
			p := &course{
				a: a.Endpoint, b: b.Endpoint, s: a.sender(c.o), now: start, lose: c.lose,
				message: make([]byte, c.size), frame: make([]byte, 0, 1200), buf: make([]byte, 0, c.size),
			}
			if c.o.Participants != nil {
				a.setParticipants(p.s, c.o.Participants[:2]...) // so that there is a run
			}
			const messages = 2000
			got := testing.AllocsPerRun(1, func() { // once before that, to warm up
				for range messages {
					p.bring(t)
				}
			})
			lost := 0
			if c.lose > 0 {
				lost = 2 * messages / c.lose
			}
			if got != 0 || p.read != 2*messages-lost {
				t.Errorf("%d messages cost %v allocations; %d of them were read, want %d", messages, got, p.read, 2*messages-lost)
			}
			t.Logf("%d messages, %v allocations", messages, got)
		})
	}
}

// TestReceiverMemory: what a receiver costs that waits, a message that is in progress, and a receiver that has had one.
func TestReceiverMemory(t *testing.T) {
	const participants, channels = 100, 100
	bounds := cdcp.Bounds{Bytes: 64 << 20, BytesPerPeer: 64 << 20, Receivers: participants * channels}
	// grown returns what the heap grows by for each of all those sessions, if f gives them to an endpoint.
	grown := func(t *testing.T, sessions int, f func(h *host, from wire.Participant, s stream)) int {
		before := heap()
		h := newHost(t, 1, cdcp.Config{Bounds: bounds})
		for i := range sessions {
			f(h, wire.Participant(2+i%participants), stream{uint16(1 + i/participants), 1, 0})
			for x, ok := h.NextEvent(); ok; x, ok = h.NextEvent() {
				x.Receiver.Receive(nil)
			}
		}
		h.buf = nil
		each := (heap() - before) / sessions
		t.Logf("%d bytes each of %d; %d bytes held", each, sessions, h.Stats().Held)
		return each
	}
	big := text(wire.MaxMessageSize)

	t.Run("idle", func(t *testing.T) {
		if n := grown(t, participants*channels, func(h *host, from wire.Participant, s stream) {
			h.hand(cdcp.Accepted, from, s.data(1, "hello"))
		}); n > 384 {
			t.Errorf("an idle receiver costs %d bytes", n)
		}
	})
	t.Run("in progress", func(t *testing.T) {
		if n := grown(t, 1000, func(h *host, from wire.Participant, s stream) {
			h.hand(cdcp.Accepted, from, s.fragment(1, big, 0, 256))
		}); n > 35<<10 {
			t.Errorf("a message of 32 KiB in progress costs %d bytes", n)
		}
	})
	t.Run("at rest", func(t *testing.T) {
		parts := lossy.fragments(1, big, 1184)
		if n := grown(t, 1000, func(h *host, from wire.Participant, s stream) {
			for _, f := range parts {
				f.Channel = s.channel
				h.hand(cdcp.Accepted, from, f)
			}
		}); n > 384+wire.MaxMessageSize/1000+64 { // and the one buffer that all of them had, one after the other
			t.Errorf("a receiver that has had a message of 32 KiB costs %d bytes", n)
		}
	})
}

// TestParticipantsForgotten: of participants that came and left nothing stays but a bit for each.
func TestParticipantsForgotten(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	come := func(from, to wire.Participant) {
		for p := from; p < to; p++ {
			h.hand(cdcp.Accepted, p, lossy.data(1, "x"))
			requireMessages(t, h.receiver(), "x")
			h.left(p)
			h.requireEvents(fmt.Sprintf("%d/7 closed left", p))
			h.receivers = h.receivers[:0]
		}
	}
	come(2, 1000)
	before := heap()
	come(1000, 20000)
	if grown := heap() - before; grown > 64<<10 {
		t.Errorf("the heap grew by %d bytes over 19000 participants", grown)
	}
	runtime.KeepAlive(h)
}
