package cdcp_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// The tests TestM01 to TestM19 play what once went wrong in a draft of the protocol. Each says which rule of that draft it would fail
// under.

// TestM01FullDurableQueue: a receiver that is not read fills up and closes, and nothing else stops. Before, a frame without room was
// refused, and the transport waited behind it with all others.
func TestM01FullDurableQueue(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{Bounds: cdcp.Bounds{BytesPerReceiver: 33408}})
	mallory := stream{4242, 1, wire.FlagDurable}
	big := text(16384)
	h.hand(cdcp.Accepted, 3, mallory.data(1, big))
	h.hand(cdcp.Accepted, 2, durable.numbered(1)...)
	full := h.receiver() // Alice's; Mallory's is the one before it
	full, alice := h.receivers[0], full
	h.hand(cdcp.Overflow, 3, mallory.data(2, big))
	h.hand(cdcp.Superseded, 3, mallory.data(3, "small"), mallory.data(2, big), mallory.keepAlive(3), mallory.close(3))
	h.requireEvents("3/4242 closed overflow")
	if !full.Closed() {
		t.Fatal("the receiver without room is open")
	}

	h.hand(cdcp.Accepted, 2, durable.numbered(2, 3)...)
	for range 3 {
		h.wait(time.Minute)
		h.hand(cdcp.Accepted, 2, durable.keepAlive(3))
	}
	h.hand(cdcp.Accepted, 2, durable.close(3))
	h.requireEvents("2/7 message", "2/7 message", "2/7 closed closed")
	requireMessages(t, alice, "1", "2", "3")
	requireMessages(t, full, big) // an application can read one channel before the other
	requireCounts(t, full, cdcp.Counts{Delivered: 1})

	mallory.session++ // the next session has room again
	h.hand(cdcp.Accepted, 3, mallory.data(1, big))
}

// TestM02SlowMessage: a message lives as long as its fragments come. Before, it had 2 s from its first fragment on, and a
// participant at its bound could begin no other.
func TestM02SlowMessage(t *testing.T) {
	big := text(wire.MaxMessageSize)

	t.Run("lossy", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		for _, f := range lossy.fragments(1, big, 1184) {
			h.wait(4 * time.Second)
			h.hand(cdcp.Accepted, 2, f)
		}
		requireMessages(t, h.receiver(), big)
	})
	t.Run("durable", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		for _, f := range durable.fragments(1, big, 1184) {
			h.wait(time.Hour)
			h.hand(cdcp.Accepted, 2, f)
		}
		requireMessages(t, h.receiver(), big)
	})
	t.Run("expiry", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		parts := lossy.fragments(1, big, 16384)
		h.hand(cdcp.Accepted, 2, parts[0])
		h.wait(4 * time.Second)
		h.hand(cdcp.Duplicate, 2, parts[0]) // adds nothing
		h.wait(time.Second - time.Microsecond)
		if s := h.Stats(); s.Expired != 0 || s.Held == 0 {
			t.Fatalf("before 5 s: %+v", s)
		}
		h.wait(time.Microsecond)
		if s := h.Stats(); s.Expired != 1 || s.Held != 0 {
			t.Fatalf("at 5 s: %+v", s)
		}
		h.hand(cdcp.Accepted, 2, parts...) // it can begin again
		requireMessages(t, h.receiver(), big)
	})
	t.Run("bound", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{Bounds: cdcp.Bounds{BytesPerReceiver: 33408, BytesPerPeer: 2 * 33408}})
		for n := range wire.Serial(4) { // two have room, the oldest make it
			h.hand(cdcp.Accepted, 2, lossy.fragments(n+1, big, 16384)[0])
			h.hand(cdcp.Accepted, 3, lossy.fragments(1, big, 8192)[n])
		}
		h.hand(cdcp.Accepted, 2, lossy.fragments(4, big, 16384)[1])
		if s := h.Stats(); s.Evicted != 2 || s.Completed != 2 {
			t.Fatalf("%d evicted and %d completed, want 2 and 2", s.Evicted, s.Completed)
		}
		h.events()
		for _, r := range h.receivers {
			requireMessages(t, r, big)
		}
	})
}

// TestM03TwoClocks: sessions are numbered by the wall time, and timers run by time that never goes back. Before, one number was both.
func TestM03TwoClocks(t *testing.T) {
	first := func(h *host) wire.Serial {
		h.up(direct)
		h.send(h.sender(cdcp.SenderOptions{ChannelID: 7}), "x")
		x, _ := h.take(cdcp.ClassAll)
		return x.Session
	}
	h := newHost(t, 1, cdcp.Config{})
	h.now = start.Add(time.Hour)
	if got, want := first(h), wire.Serial(h.now.UnixMicro()/16000); got != want {
		t.Fatalf("session %d after an hour, want the tick %d", got, want)
	}

	// A program that starts anew 5 s later, with nothing remembered, is newer.
	e, err := cdcp.New(h.now.Add(5*time.Second), cdcp.Config{Self: 1, Rand: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	again := &host{Endpoint: e, tb: t, self: 1, now: h.now.Add(5 * time.Second)}
	if got, want := first(again), wire.Serial(again.now.UnixMicro()/16000); got != want {
		t.Fatalf("session %d after a new start, want the tick %d", got, want)
	}

	// A clock that is set back moves nothing back.
	h.hand(cdcp.Accepted, 2, lossy.data(1, "1"))
	deadline := h.Deadline()
	h.now = start
	h.Advance(h.now)
	h.hand(cdcp.Accepted, 2, lossy.data(2, "2"))
	if got := h.Deadline(); got != deadline {
		t.Fatalf("deadline %v after the clock was set back, want %v", got, deadline)
	}
	h.sender(cdcp.SenderOptions{ChannelID: 7})
	h.send(h.sender(cdcp.SenderOptions{ChannelID: 7}), "x")
	h.requireTaken("CLOSE 1", "DATA 1")
}

// TestM04LostIsWhatWasSent: a number counts as lost when its message was sent to this endpoint and did not come, and at no other
// time. Before, every number from 1 on was lost to one who joined late, and what others were sent was lost at a CLOSE or KEEPALIVE.
func TestM04LostIsWhatWasSent(t *testing.T) {
	t.Run("late", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		h.hand(cdcp.Accepted, 2, lossy.numbered(500, 502)...)
		h.wait(4 * time.Second)
		requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 2, Lost: 1, Unknown: 499})
	})
	for _, end := range []wire.Type{wire.TypeClose, wire.TypeKeepAlive} {
		t.Run(fmt.Sprintf("%v to one who was removed", end), func(t *testing.T) {
			a := newHost(t, 1, cdcp.Config{}).up(direct)
			b, c := newHost(t, 2, cdcp.Config{}), newHost(t, 3, cdcp.Config{})
			carry := func() {
				for _, x := range a.takeAll(cdcp.ClassAll) {
					for _, h := range []*host{b, c} {
						if x.route.Participants == nil || slices.Contains(x.route.Participants, h.self) {
							h.handBytes(1, slices.Clone(x.bytes))
						}
					}
				}
			}
			s := a.sender(cdcp.SenderOptions{ChannelID: 7, Participants: []wire.Participant{2, 3}, KeepAlive: time.Second})
			a.send(s, "1")
			carry()
			a.setParticipants(s, 3)
			a.send(s, "2")
			carry()
			if end == wire.TypeClose {
				s.Close(a.now)
			} else {
				a.setParticipants(s, 2, 3)
				a.wait(time.Second)
			}
			carry()
			for _, h := range []*host{b, c} {
				h.wait(2 * time.Second)
			}
			requireCounts(t, b.receiver(), cdcp.Counts{Delivered: 1, Unknown: 1})
			requireCounts(t, c.receiver(), cdcp.Counts{Delivered: 2})
		})
	}
	t.Run("one of the same run", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		h.hand(cdcp.Accepted, 2, lossy.data(1, "1"), withTLV(lossy.data(3, "3"), wire.ExtRun, 1), withTLV(lossy.data(5, "5"), wire.ExtRun, 3))
		h.wait(4 * time.Second)
		requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 3, Lost: 1, Unknown: 1})
	})
}

// TestM05ReorderingIsNoLoss: a number that is late by less than 2 s is delivered, and each number is counted once. Before, a gap was
// reported when the number after it came.
func TestM05ReorderingIsNoLoss(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	h.hand(cdcp.Accepted, 2, lossy.numbered(1, 4)...)
	h.wait(2*time.Second - time.Microsecond)
	h.hand(cdcp.Accepted, 2, lossy.numbered(2, 6)...)
	requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 4})
	h.wait(time.Microsecond) // 3 was missing for 2 s, 5 was not
	requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 4, Lost: 1})
	h.hand(cdcp.Stale, 2, lossy.numbered(1, 2, 3, 4)...)
	h.hand(cdcp.Accepted, 2, lossy.numbered(5)...)
	h.hand(cdcp.Stale, 2, lossy.numbered(5, 6)...)
	h.wait(time.Minute)
	requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 5, Lost: 1})
	requireMessages(t, h.receiver(), "1", "4", "2", "6", "5")

	h.hand(cdcp.Accepted, 2, lossy.numbered(2000)...) // settles all that is 1024 behind it, at once
	requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 6, Lost: 1 + 970})
	h.hand(cdcp.Stale, 2, lossy.numbered(976)...)
	h.hand(cdcp.Accepted, 2, lossy.numbered(977)...)

	d := stream{8, 1, wire.FlagDurable}
	h.hand(cdcp.Accepted, 2, d.numbered(1, 4)...)
	requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 2, Lost: 2}) // durable messages do not change places
}

// TestM06ReplacedSessionGoesOut: what a sender accepted goes out before its CLOSE and before the next session of its channel. Before,
// sessions took turns, and the newer one ended the older one when it came first.
func TestM06ReplacedSessionGoesOut(t *testing.T) {
	a, b := newHost(t, 1, cdcp.Config{}).up(direct), newHost(t, 2, cdcp.Config{})
	big := text(wire.MaxMessageSize)
	o := cdcp.SenderOptions{ChannelID: 7, Reliability: cdcp.Durable}
	a.send(a.sender(o), big)
	for range 3 {
		x, _ := a.take(cdcp.ClassAll)
		b.handBytes(1, x.bytes)
	}
	s := a.sender(o)
	a.requireEvents("sender 7 closed replaced")
	a.wait(time.Second)
	a.send(s, "x")
	s.Close(a.now)
	all := a.takeAll(cdcp.ClassAll)
	for i, x := range all {
		if x.Type == wire.TypeClose && (x.Reason == wire.CloseReplaced) != (i < len(all)-1) || x.route.Class != cdcp.ClassReliable {
			t.Fatalf("%v with reason %v goes by %v", x, x.Reason, x.route)
		}
		b.handBytes(1, x.bytes)
	}
	b.requireEvents("1/7 created", "1/7 message", "1/7 closed replaced", "1/7 created", "1/7 message", "1/7 closed closed")
	requireMessages(t, b.receivers[0], big)
	requireMessages(t, b.receivers[1], "x")

	// A newer session does not end an older one whose messages are still on their way.
	older, newer := stream{8, 1, 0}, stream{8, 2, 0}
	b.hand(cdcp.Accepted, 3, older.data(1, "1"), newer.data(1, "1"), older.data(2, "2"))
	b.requireEvents("3/8 created", "3/8 message", "3/8 created", "3/8 message", "3/8 message")

	// The CLOSE of a lossy session does not end it before what is on its way behind it.
	b.hand(cdcp.Accepted, 3, lossy.data(2, "2"), lossy.close(2), lossy.data(1, "1"))
	b.requireEvents("3/7 created", "3/7 message", "3/7 message", "3/7 closed closed")
}

// TestM07SessionPerMessage: sessions of one message each leave no receiver behind, in whatever order DATA and CLOSE come. Before,
// DATA behind its CLOSE made a receiver that stayed for 120 s.
func TestM07SessionPerMessage(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	s := lossy
	created := 0
	for i := range 3000 { // of a hundred, one comes after its CLOSE and one never
		h.wait(time.Second / 30)
		s.session++
		late := i%100 == 0
		if !late && i%100 != 50 {
			h.hand(cdcp.Accepted, 2, s.data(1, "x"))
		}
		h.hand(cdcp.Accepted, 2, s.close(1))
		if late {
			h.wait(20 * time.Millisecond)
			h.hand(cdcp.Accepted, 2, s.data(1, "x"))
		}
		for _, x := range h.events() {
			if x == "2/7 created" {
				created++
			}
		}
	}
	h.wait(2 * time.Second)
	if deadline := h.Deadline(); created != 2970 || !deadline.IsZero() {
		t.Fatalf("%d receivers, and something is due at %v; want 2970, and nothing", created, deadline)
	}

	h.hand(cdcp.Superseded, 2, s.data(1, "x"), s.close(1)) // too late
	s.session += 10
	h.hand(cdcp.Accepted, 2, s.close(1), s.data(1, "in time"))
	h.requireEvents("2/7 created", "2/7 message", "2/7 closed closed")
	s.session--
	h.hand(cdcp.Superseded, 2, s.data(1, "an older one, seen for the first time"))

	// An older one that was not seen to be over is taken in, also beside a newer one.
	s.session += 10
	h.hand(cdcp.Accepted, 2, s.data(1, "newer"))
	s.session--
	h.hand(cdcp.Accepted, 2, s.data(1, "older"), s.close(1))
	h.requireEvents("2/7 created", "2/7 message", "2/7 created", "2/7 message", "2/7 closed closed")
	h.hand(cdcp.Ignored, 3, s.keepAlive(1)) // creates nothing
	h.requireEvents()

	// The CLOSE of one that idled out makes no receiver again.
	h.wait(121 * time.Second)
	s.session++
	h.hand(cdcp.Accepted, 2, s.close(9))
	h.hand(cdcp.Superseded, 2, s.close(9), s.data(2, "x"))
	h.requireEvents("2/7 closed idle")
}

// TestM08EmptiedListIsNoBroadcast: a list whose participants all left reaches nobody. Before, the list lost those who left, and an
// empty one is everyone.
func TestM08EmptiedListIsNoBroadcast(t *testing.T) {
	for _, link := range []cdcp.Link{direct, relay} {
		h := newHost(t, 1, cdcp.Config{}).up(link)
		s := h.sender(cdcp.SenderOptions{ChannelID: 7, Participants: []wire.Participant{2}, KeepAlive: time.Second})
		h.send(s, "for 2", text(5000))
		if x, _ := h.take(cdcp.ClassAll); !slices.Equal(x.route.Participants, []wire.Participant{2}) {
			t.Fatalf("%v goes to %v", x, x.route.Participants)
		}
		h.take(cdcp.ClassAll) // the first part of the long one
		h.left(2)
		h.requireTaken()
		h.send(s, "for 2")
		h.wait(time.Minute)
		h.requireTaken()
		if s := h.Stats(); s.MessagesOut != 3 || s.Unsent != 2 {
			t.Fatalf("%d messages, %d unsent; want 3 and 2", s.MessagesOut, s.Unsent)
		}

		h.setParticipants(s, 2, 3)
		h.send(s, "for 3")
		x, _ := h.take(cdcp.ClassAll)
		inFrame, _ := x.Ext.AppendParticipants(nil)
		want := []wire.Participant{3}
		if x.Sequence != 4 || !slices.Equal(x.route.Participants, want) || link.Relay && !slices.Equal(inFrame, want) {
			t.Fatalf("%v goes to %v, by its TLV to %v", x, x.route.Participants, inFrame)
		}
	}
}

// TestM09HandlesStayWithWhoHadThem: what is meant for one who left is never for another, and a handle that left does not come back.
// Before, a handle could be given to the next one who came.
func TestM09HandlesStayWithWhoHadThem(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	s := h.sender(cdcp.SenderOptions{ChannelID: 7, Participants: []wire.Participant{2, 3}})
	h.send(s, "secret of 2")
	h.left(2)
	if x, _ := h.take(cdcp.ClassAll); !slices.Equal(x.route.Participants, []wire.Participant{3}) {
		t.Fatalf("%v goes to %v", x, x.route.Participants)
	}
	h.hand(cdcp.Ignored, 2, lossy.numbered(1)...)
	h.hand(cdcp.Ignored, 1, lossy.numbered(1)...) // from itself
	if _, err := h.HandleFrame(h.now, 0, nil); err == nil {
		t.Fatal("a frame from nobody is taken in")
	}
	requireCode(t, h.ParticipantLeft(h.now, 0), cdcp.InvalidArgument)
	requireCode(t, h.ParticipantLeft(h.now, 1), cdcp.InvalidArgument)

	// Two devices of one user on one channel, one with a newer session, do not end each other.
	h.hand(cdcp.Accepted, 4, stream{7, 2000, 0}.numbered(1)...)
	h.hand(cdcp.Accepted, 5, stream{7, 1000, 0}.numbered(1, 2)...)
	h.hand(cdcp.Accepted, 4, stream{7, 2000, 0}.close(1))
	h.hand(cdcp.Accepted, 5, stream{7, 1000, 0}.numbered(3)...)
	h.requireEvents("4/7 created", "4/7 message", "5/7 created", "5/7 message", "5/7 message", "4/7 closed closed", "5/7 message")
}

// TestM10OriginIsIgnored: who sent a frame is said by the call that hands it in. Before, the text did not say who reads an origin,
// and a frame could speak for another.
func TestM10OriginIsIgnored(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	h.hand(cdcp.Accepted, 3, lossy.numbered(1)...)
	forged := withTLV(withTLV(lossy.data(2, "forged"), wire.ExtOrigin, 3), wire.ExtParticipants, 9)
	h.hand(cdcp.Accepted, 2, forged)
	h.requireEvents("3/7 created", "3/7 message", "2/7 created", "2/7 message")
	requireMessages(t, h.receivers[0], "1")
	requireMessages(t, h.receivers[1], "forged")
}

// TestM11RoomForRelay: a frame leaves room for what a relay adds, and a list is counted before a message is split. Before, a frame as
// long as the link allows did not pass the relay.
func TestM11RoomForRelay(t *testing.T) {
	var everyone []wire.Participant
	for p := range wire.Participant(wire.MaxParticipants) {
		everyone = append(everyone, p+2)
	}
	for _, budget := range []int{576, 1200, 65535} {
		for _, list := range [][]wire.Participant{nil, everyone[:1], everyone} {
			h := newHost(t, 1, cdcp.Config{Limits: unlimited}).up(cdcp.Link{Budget: budget, Relay: true})
			s := h.sender(cdcp.SenderOptions{ChannelID: 7, Participants: list})
			h.setParticipants(s, append(list, 9999)...) // so that there is a run
			long := 0
			for n := max(0, budget-200); n <= min(budget, wire.MaxMessageSize); n++ {
				h.send(s, string(make([]byte, n)))
				for _, x := range h.takeAll(cdcp.ClassAll) {
					onward := withTLV(wire.Frame{}, wire.ExtOrigin, 1).Ext
					for typ, v := range x.Ext.All() {
						if !typ.HopByHop() {
							onward = append(slices.Clip(append(wire.Extensions{byte(typ), byte(len(v))}, v...)), onward...)
						}
					}
					f := x.Frame
					f.Ext = onward
					if _, err := f.AppendBinary(nil); err != nil || f.Len() > budget || len(x.bytes) > budget-5 {
						t.Fatalf("budget %d, list of %d: %v has %d bytes, and %d behind the relay: %v", budget, len(list), x, len(x.bytes), f.Len(), err)
					}
					long = max(long, len(x.bytes))
				}
			}
			if budget < wire.MaxMessageSize && long != budget-5 {
				t.Errorf("budget %d, list of %d: the longest frame has %d bytes", budget, len(list), long)
			}
		}
	}
}

// TestM12NoReliablePath: without a reliable path there are no durable sessions, and a CLOSE is sent once, for which the idle timer
// stands in. Before, every CLOSE was reliable, on datagrams too.
func TestM12NoReliablePath(t *testing.T) {
	datagrams := cdcp.Link{Budget: 1200}
	a, b := newHost(t, 1, cdcp.Config{}).up(datagrams), newHost(t, 2, cdcp.Config{})
	_, err := a.NewSender(a.now, cdcp.SenderOptions{Reliability: cdcp.Durable})
	requireCode(t, err, cdcp.FailedToStart)
	s := a.sender(cdcp.SenderOptions{ChannelID: 7})
	a.send(s, "x")
	a.carry(b)
	s.Close(a.now)
	if x, ok := a.take(cdcp.ClassReliable); ok {
		t.Fatalf("%v goes by a reliable path that there is not", x)
	}
	if x, ok := a.take(cdcp.ClassLossy); !ok || x.Type != wire.TypeClose {
		t.Fatalf("%v, %t, want a CLOSE", x, ok)
	}
	a.requireTaken()
	b.wait(2 * time.Minute)
	b.requireEvents("1/7 created", "1/7 message")
	b.wait(time.Microsecond)
	b.requireEvents("1/7 closed idle")

	a = newHost(t, 1, cdcp.Config{}).up(direct)
	s = a.sender(cdcp.SenderOptions{ChannelID: 7})
	a.send(s, "x")
	s.Close(a.now)
	for _, want := range []cdcp.Classes{cdcp.ClassLossy, cdcp.ClassReliable} {
		if x, ok := a.take(want); !ok || x.route.Class != want {
			t.Fatalf("%v goes by %v, want %v", x, x.route.Class, want)
		}
	}
}

// TestM13SmallBesideLarge: senders with one hint get the same share of the bytes, and a small message waits for one frame. Before,
// turns were counted in frames, and a large message went whole.
func TestM13SmallBesideLarge(t *testing.T) {
	for _, budget := range []int{1200, 65535} {
		h := newHost(t, 1, cdcp.Config{Limits: unlimited}).up(cdcp.Link{Budget: budget})
		large, small := h.sender(cdcp.SenderOptions{ChannelID: 7}), h.sender(cdcp.SenderOptions{ChannelID: 8})
		var sent [2]int // bytes of frames
		for n := range 20000 {
			for range 3 { // as much as has room
				large.Send(h.now, make([]byte, wire.MaxMessageSize))
				small.Send(h.now, make([]byte, 64))
			}
			x, ok := h.take(cdcp.ClassAll)
			if !ok {
				t.Fatalf("nothing goes as frame %d", n)
			}
			sent[x.Channel-7] += len(x.bytes)
		}
		if d := sent[0] - sent[1]; max(d, -d) > min(budget, 32780) {
			t.Errorf("budget %d: the large ones got %d bytes and the small ones %d", budget, sent[0], sent[1])
		}
	}

	h := newHost(t, 1, cdcp.Config{}).up(direct)
	h.send(h.sender(cdcp.SenderOptions{ChannelID: 7}), text(wire.MaxMessageSize))
	h.take(cdcp.ClassAll)
	h.send(h.sender(cdcp.SenderOptions{ChannelID: 8}), "small")
	if x, _ := h.take(cdcp.ClassAll); x.Channel != 8 {
		t.Errorf("%v of the large message goes before the small one", x)
	}
}

// TestM14LargestMessageFits: every bucket has room for a message of the largest size. Before, one second at 64 kbit/s did not.
func TestM14LargestMessageFits(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	s := h.sender(cdcp.SenderOptions{ChannelID: 7, Reliability: cdcp.Durable})
	h.send(s, text(wire.MaxMessageSize))
	_, err := s.Send(h.now, make([]byte, wire.MaxMessageSize))
	refused := requireCode(t, err, cdcp.MessageFailureForTrafficLimit)
	if want := start.Add(4096 * time.Millisecond); refused.Limit != 64 || refused.Have != wire.MaxMessageSize || !refused.Retry.Equal(want) {
		t.Fatalf("refused with %+v, want to retry at %v", refused, want)
	}
	h.now = refused.Retry.Add(-time.Microsecond)
	_, err = s.Send(h.now, make([]byte, wire.MaxMessageSize))
	if early := requireCode(t, err, cdcp.MessageFailureForTrafficLimit); early.Retry != refused.Retry {
		t.Fatalf("1 µs before: retry at %v", early.Retry)
	}
	h.now = refused.Retry
	h.send(s, text(wire.MaxMessageSize))
	for i, x := range h.takeAll(cdcp.ClassAll) {
		if want := wire.Serial(1 + i/28); x.Sequence != want { // what was refused has no number
			t.Fatalf("frame %d is of message %d, want %d", i, x.Sequence, want)
		}
	}

	h = newHost(t, 1, cdcp.Config{Limits: cdcp.Limits{Durable: 1, Lossy: 1, LossyHigh: 1, BroadcastPackets: 1}}).up(relay)
	for _, o := range []cdcp.SenderOptions{{Reliability: cdcp.Durable}, {}, {Priority: cdcp.High}} {
		h.send(h.sender(o), text(wire.MaxMessageSize))
		h.wait(28 * time.Second) // for the packets
	}
}

// TestM15LinkDown: when the link loses what it was given, a durable sender closes and says so. Before, it went on as if nothing was
// lost.
func TestM15LinkDown(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	begun := h.sender(cdcp.SenderOptions{ChannelID: 7, Reliability: cdcp.Durable})
	lossy := h.sender(cdcp.SenderOptions{ChannelID: 9})
	h.send(begun, "1", "2")
	h.send(lossy, "1")
	h.take(cdcp.ClassReliable)
	h.take(cdcp.ClassLossy)
	h.send(lossy, "2")
	waits := h.sender(cdcp.SenderOptions{ChannelID: 8, Reliability: cdcp.Durable})
	h.send(waits, "1")
	h.hand(cdcp.Accepted, 2, durable.numbered(1)...)
	in := h.receiver()

	h.LinkDown(h.now)
	h.LinkDown(h.now) // nothing more
	h.requireEvents("sender 7 closed link")
	if !begun.Closed() || waits.Closed() || lossy.Closed() {
		t.Fatalf("closed: %t, %t, %t; want the first alone", begun.Closed(), waits.Closed(), lossy.Closed())
	}
	h.requireTaken()
	_, err := h.NewSender(h.now, cdcp.SenderOptions{})
	requireCode(t, err, cdcp.FailedToStart)
	_, err = lossy.Send(h.now, nil)
	requireCode(t, err, cdcp.MessageFailureForBandwidth)
	_, err = begun.Send(h.now, nil)
	requireCode(t, err, cdcp.SenderClosed)
	if s := h.Stats(); s.Unsent != 2 || in.Closed() {
		t.Fatalf("%d messages unsent, want 2; a receiver closed: %t", s.Unsent, in.Closed())
	}

	h.up(direct)
	h.send(lossy, "3")
	var got []string
	for _, x := range h.takeAll(cdcp.ClassAll) {
		got = append(got, fmt.Sprintf("%d: %v", x.Channel, x))
	}
	slices.Sort(got)
	if want := []string{"7: CLOSE 2", "8: DATA 1", "9: DATA 3"}; !slices.Equal(got, want) {
		t.Fatalf("frames %q, want %q", got, want)
	}
	h.requireEvents()
}

// TestM16EverythingIsBounded: sessions that come and go leave no more behind than the bounds, if nobody reads and polls. Before,
// events, closed receivers with messages, records and CLOSEs that wait were not counted.
func TestM16EverythingIsBounded(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{Bounds: cdcp.Bounds{ReceiversPerPeer: 4, ChannelsPerPeer: 10}})
	for i := range 10000 {
		s := stream{uint16(1 + i%100), wire.Serial(i), 0}
		h.hand(cdcp.Accepted, 2, s.numbered(1, 2, 3)...)
		h.hand(cdcp.Accepted, 2, s.close(3))
	}
	s := h.Stats()
	if requireSums(t, s); s.MessagesIn != 30000 || s.Discarded != s.MessagesIn-3*4 || s.Held != 3*4*129 {
		t.Fatalf("%d bytes held, %d of %d messages discarded", s.Held, s.Discarded, s.MessagesIn)
	}
	if s.Forgotten != 10000-10 {
		t.Fatalf("%d records forgotten, want all but 10", s.Forgotten)
	}
	if n := len(h.events()); n != 4*(1+3+1) {
		t.Fatalf("%d events for 4 receivers with 3 messages each", n)
	}

	for i := range 1000 { // live ones, a few on each channel
		h.hand(cdcp.Accepted, 2, stream{uint16(1 + i%5), wire.Serial(20000 + i), 0}.data(1, ""))
	}
	if s := h.Stats(); s.Limited != 996 || s.MessagesIn-s.Read-s.Discarded != 4+4 {
		t.Fatalf("%d receivers closed for want of room, %d messages wait", s.Limited, s.MessagesIn-s.Read-s.Discarded)
	}

	// No CLOSE is sent for a session of which nothing was.
	h.up(direct)
	for range 1000 {
		h.sender(cdcp.SenderOptions{ChannelID: 7})
	}
	h.Close(h.now)
	h.requireTaken()
}

// TestM16Siblings: a channel of a participant has eight live receivers at most.
func TestM16Siblings(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	of := func(session wire.Serial) stream { return stream{7, session, 0} }
	for session := range wire.Serial(8) {
		h.hand(cdcp.Accepted, 2, of(session).data(1, "1"))
	}
	h.hand(cdcp.Accepted, 2, of(0).data(2, "2"), of(1).keepAlive(1))
	h.events()
	h.hand(cdcp.Accepted, 2, of(8).data(1, "1"))
	h.requireEvents("2/7 closed limit", "2/7 created", "2/7 message")
	if !h.receivers[2].Closed() {
		t.Fatal("the one that was least recently active is open")
	}
	h.hand(cdcp.Accepted, 2, of(0).data(3, "3"), of(1).data(2, "2"))
}

// TestM17FragmentsAgree: the fragments of a message agree in D, P and length, and TLVs can differ; what does not agree ends the
// message and nothing else. Before, they were to agree in everything, and TLVs stood in one of them.
func TestM17FragmentsAgree(t *testing.T) {
	const private = wire.ExtType(0x31)
	big := text(1000)

	t.Run("TLVs", func(t *testing.T) {
		parts := lossy.fragments(3, big, 500)
		first := withTLV(withTLV(parts[0], wire.ExtRun, 1), wire.ExtOrigin, 9)
		second := withTLV(withTLV(parts[1], wire.ExtRun, 3), private, 1) // means nothing here
		for _, order := range [][]wire.Frame{{first, second}, {second, first}} {
			h := newHost(t, 1, cdcp.Config{})
			h.hand(cdcp.Accepted, 2, lossy.data(1, "1"))
			h.hand(cdcp.Accepted, 2, order...)
			h.wait(2 * time.Second)
			requireCounts(t, h.receiver(), cdcp.Counts{Delivered: 2, Unknown: 1})
		}
	})
	for _, c := range []struct {
		name string
		make func(f *wire.Frame)
	}{
		{"D", func(f *wire.Frame) { f.Flags ^= wire.FlagDurable }},
		{"P", func(f *wire.Frame) { f.Flags ^= wire.FlagHigh }},
		{"length", func(f *wire.Frame) { f.Total++; f.Payload = append(f.Payload, 0) }},
	} {
		for _, open := range []bool{false, true} { // whether the session has a receiver
			t.Run(fmt.Sprintf("%s/%t", c.name, open), func(t *testing.T) {
				h := newHost(t, 1, cdcp.Config{})
				want := cdcp.Counts{Delivered: 1}
				if open {
					h.hand(cdcp.Accepted, 2, lossy.data(1, "1"))
					want.Delivered++
				}
				parts := lossy.fragments(2, big, 300)
				h.hand(cdcp.Accepted, 2, parts[:2]...)
				odd := lossy.fragments(2, big, 300)[3]
				c.make(&odd)
				h.hand(cdcp.Mismatch, 2, odd)
				h.hand(cdcp.Mismatch, 2, parts...) // killed
				if s := h.Stats(); s.Held != int(want.Delivered-1)*129+128 {
					t.Fatalf("%d bytes held", s.Held)
				}
				h.hand(cdcp.Accepted, 2, lossy.data(2, "whole")) // the window did not move
				h.wait(5 * time.Second)
				if !open {
					want.Unknown = 1 // number 1
				}
				requireCounts(t, h.receiver(), want)
			})
		}
	}
	t.Run("order of checks", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		h.hand(cdcp.Accepted, 2, lossy.numbered(1, 3)...)
		h.hand(cdcp.Stale, 2, lossy.fragments(1, big, 500)...)
		h.hand(cdcp.Duplicate, 2, lossy.fragments(3, big, 500)...)
		h.hand(cdcp.Accepted, 2, lossy.close(3))
		h.hand(cdcp.Mismatch, 2, lossy.fragments(4, big, 500)...)
		h.wait(2 * time.Second)
		h.hand(cdcp.Superseded, 2, lossy.fragments(2, big, 500)...)
		if s := h.Stats(); s.Partials != 0 {
			t.Fatalf("%d messages in progress", s.Partials)
		}
	})
}

// TestM18ParticipantLeft: when a participant leaves, nothing is kept of it but what can be read. Before, a departure had no effect.
func TestM18ParticipantLeft(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	of := func(channel uint16) stream { return stream{channel, 1, 0} }
	h.hand(cdcp.Accepted, 2, of(7).data(1, "1"), of(8).data(1, "1"), of(7).data(2, "2"))
	h.hand(cdcp.Accepted, 2, of(9).close(1)) // is never announced
	h.hand(cdcp.Accepted, 2, of(7).fragments(3, text(1000), 500)[0])
	h.hand(cdcp.Accepted, 2, stream{10, 1, wire.FlagDurable}.fragments(1, text(1000), 500)[0])
	h.hand(cdcp.Accepted, 3, of(7).data(1, "other"))
	h.events()
	h.left(2)
	h.requireEvents("2/8 closed left", "2/7 closed left") // the least recently active first
	h.left(2)
	h.requireEvents()
	if s := h.Stats(); s.Abandoned != 2 || s.Held != 3*129+133 {
		t.Fatalf("%d messages abandoned, %d bytes held", s.Abandoned, s.Held)
	}
	requireMessages(t, h.receivers[0], "1", "2")
	requireMessages(t, h.receivers[1], "1")
	h.hand(cdcp.Ignored, 2, of(7).data(3, "3"), of(8).close(1), of(11).data(1, "1"))
	h.hand(cdcp.Accepted, 3, of(7).data(2, "2"))
	requireMessages(t, h.receivers[2], "other", "2")
}

// TestM19OneFrameAtATime: the carriage takes one frame of the classes that it can take now, and numbers can begin near their end.
// Before, every frame left at once, so that queues were empty and turns not to be seen.
func TestM19OneFrameAtATime(t *testing.T) {
	a, b := newHost(t, 1, cdcp.Config{FirstSequence: 1<<32 - 2, Limits: unlimited}).up(direct), newHost(t, 2, cdcp.Config{})
	d := a.sender(cdcp.SenderOptions{ChannelID: 7, Reliability: cdcp.Durable})
	l := a.sender(cdcp.SenderOptions{ChannelID: 8, Priority: cdcp.High})
	a.send(d, "1", "2")
	a.send(l, "1")
	for _, c := range []struct {
		can  cdcp.Classes
		want uint16
	}{{0, 0}, {cdcp.ClassReliable, 7}, {cdcp.ClassLossy, 8}, {cdcp.ClassLossy, 0}, {cdcp.ClassReliable, 7}, {cdcp.ClassAll, 0}} {
		x, ok := a.take(c.can)
		if x.Channel != c.want || ok && x.route.Class != c.can {
			t.Fatalf("classes %d give %v of channel %d, want channel %d", c.can, x, x.Channel, c.want)
		}
	}

	// A queue that is full refuses, and a number is not used.
	sent := 0
	for ; ; sent++ {
		if _, err := d.Send(a.now, make([]byte, 10000)); err != nil {
			if e := requireCode(t, err, cdcp.MessageFailureForBandwidth); e.Limit != 131072 || e.Have != (sent+1)*(10000+156+128) {
				t.Fatalf("refused with %+v after %d messages", e, sent)
			}
			break
		}
	}
	a.takeAll(cdcp.ClassAll)

	// Numbers wrap, and a run stops at 65535.
	a.setParticipants(l, 2, 3)
	for i := range 70000 {
		a.send(l, "x")
		x, _ := a.take(cdcp.ClassAll)
		run, _ := x.Ext.Run()
		if want := uint16(min(i+1, 65535)); x.Sequence != wire.Serial(i)-1 || run != want {
			t.Fatalf("message %d has number %d and run %d", i, x.Sequence, run)
		}
		if v := b.handBytes(1, x.bytes); v != cdcp.Accepted {
			t.Fatalf("message %d is %v", i, v)
		}
		if i == 0 {
			b.events()
		} else {
			b.receivers[0].Receive(nil)
		}
	}
	l.Close(a.now)
	a.carry(b)
	if r := b.receivers[0]; !r.Closed() || r.Counts().Lost != 0 || r.Counts().Delivered != 70000 {
		t.Fatalf("closed %t, counts %+v", r.Closed(), r.Counts())
	}
}

// look polls all there is to poll, and spells it with everything else that can be seen of an endpoint without asking it for more.
func (h *host) look() string {
	var s strings.Builder
	fmt.Fprintf(&s, "due %v, %+v", h.Deadline().Sub(start), h.Stats())
	fmt.Fprintf(&s, ", events %q, frames %v", h.events(), h.takeAll(cdcp.ClassAll))
	for _, r := range h.receivers {
		fmt.Fprintf(&s, ", %+v closed %t", r.Counts(), r.Closed())
	}
	return s.String()
}

// TestDeadline: the deadline is right after every call; an advance to 1 µs before it changes nothing, and one to it does what it is for.
func TestDeadline(t *testing.T) {
	const us = time.Microsecond
	big := text(1000)
	parts := lossy.fragments(1, big, 256)
	hand := func(frames ...wire.Frame) func(*host) {
		return func(h *host) { h.hand(cdcp.Accepted, 2, frames...) }
	}
	refused := func(v cdcp.Verdict, frames ...wire.Frame) func(*host) {
		return func(h *host) { h.hand(v, 2, frames...) }
	}
	sends := func(interval time.Duration) func(*host) {
		return func(h *host) {
			s := h.up(direct).sender(cdcp.SenderOptions{ChannelID: 7, KeepAlive: interval, Participants: []wire.Participant{2}})
			h.send(s, "1")
		}
	}
	take := func(h *host) { h.take(cdcp.ClassAll) }

	type step struct {
		wait time.Duration
		do   func(*host)
		due  time.Duration // since start; 0: nothing
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string // in what is seen at the deadline
	}{
		{"settling", []step{
			{0, hand(lossy.data(1, "1")), 120*time.Second + us},
			{0, hand(lossy.data(3, "3")), 2 * time.Second},
			{time.Second, hand(lossy.data(5, "5")), 2 * time.Second},
			{0, refused(cdcp.Duplicate, lossy.data(5, "5")), 2 * time.Second},
			{0, hand(lossy.data(2, "2")), 3 * time.Second}, // 4 is missing since 1 s
		}, "Delivered:4 Lost:1"},
		{"settling stopped", []step{
			{0, hand(lossy.data(1, "1"), lossy.data(3, "3")), 2 * time.Second},
			{time.Second, hand(lossy.data(2, "2")), 121*time.Second + us},
		}, "closed idle"},
		{"settling by a KEEPALIVE", []step{
			{0, hand(lossy.data(1, "1")), 120*time.Second + us},
			{time.Second, hand(lossy.keepAlive(2)), 3 * time.Second},
		}, "Delivered:1 Lost:1"},
		{"closing, announced", []step{
			{0, hand(lossy.data(1, "1"), lossy.data(3, "3")), 2 * time.Second},
			{time.Second, hand(lossy.close(3)), 3 * time.Second},
			{time.Second, refused(cdcp.Ignored, lossy.close(3)), 3 * time.Second},
		}, "closed closed"},
		{"closing, idle for long", []step{
			{0, hand(lossy.data(1, "1")), 120*time.Second + us},
			{119 * time.Second, hand(lossy.close(2)), 121 * time.Second},
		}, "closed closed"},
		{"closing, not announced", []step{
			{0, hand(lossy.close(1)), 2 * time.Second},
			{time.Second, refused(cdcp.Ignored, lossy.keepAlive(1)), 2 * time.Second},
		}, "events []"},
		{"closing, done", []step{
			{0, hand(lossy.close(1)), 2 * time.Second},
			{time.Second, hand(lossy.data(1, "1")), 0},
		}, ""},
		{"idle", []step{
			{0, hand(durable.data(1, "1")), 120*time.Second + us},
			{time.Second, refused(cdcp.Stale, durable.data(1, "1")), 120*time.Second + us},
			{0, refused(cdcp.Mismatch, lossy.data(2, "2")), 120*time.Second + us},
			{time.Second, hand(durable.keepAlive(1)), 122*time.Second + us},
			{time.Second, hand(durable.fragments(2, big, 500)[0]), 122*time.Second + us},
		}, "closed idle"},
		{"idle, closed", []step{
			{0, hand(durable.data(1, "1")), 120*time.Second + us},
			{0, hand(durable.close(1)), 0},
		}, ""},
		{"left", []step{
			{0, hand(lossy.data(1, "1"), lossy.data(3, "3"), lossy.fragments(4, big, 256)[0]), 2 * time.Second},
			{0, func(h *host) { h.left(2) }, 0},
		}, ""},
		{"expiry", []step{
			{0, hand(parts[0]), 5 * time.Second},
			{time.Second, hand(parts[2]), 6 * time.Second},
			{time.Second, refused(cdcp.Duplicate, parts[0]), 6 * time.Second},
		}, "Expired:1"},
		{"expiry, killed", []step{
			{time.Second, hand(parts[0]), 6 * time.Second},
			{time.Second, refused(cdcp.Mismatch, lossy.fragment(1, big, 0, 300)), 6 * time.Second},
			{time.Second, refused(cdcp.Mismatch, parts[1]), 6 * time.Second},
		}, "Expired:1"},
		{"expiry, complete", []step{
			{0, hand(parts[0], parts[1], parts[2]), 5 * time.Second},
			{time.Second, hand(parts[3]), 121*time.Second + us},
		}, "closed idle"},
		{"no expiry", []step{{0, hand(durable.fragments(1, big, 256)[0]), 0}}, ""},
		{"keep-alive", []step{
			{0, sends(time.Second), 0},
			{time.Second, take, 2 * time.Second},
		}, "frames [KEEPALIVE 1]"},
		{"keep-alive, put off", []step{
			{0, sends(2 * time.Second), 0},
			{0, take, 2 * time.Second},
			{0, func(h *host) { h.send(h.sender(cdcp.SenderOptions{ChannelID: 7, KeepAlive: time.Second}), "1") }, 0},
			{0, take, 0}, // a CLOSE
			{0, take, time.Second},
			{0, func(h *host) { h.send(h.sender(cdcp.SenderOptions{ChannelID: 8, KeepAlive: 60 * time.Second}), "1") }, time.Second},
		}, "frames [DATA 1 KEEPALIVE 1]"},
		{"keep-alive, queue not empty", []step{
			{0, sends(2 * time.Second), 0},
			{0, take, 2 * time.Second},
			{time.Second, func(h *host) { h.send(h.sender(cdcp.SenderOptions{ChannelID: 8, KeepAlive: time.Second}), "1", "2") }, 2 * time.Second},
			{0, take, 2 * time.Second},
			{time.Second, take, 3 * time.Second}, // at 2 s both are due, and one has a message that waits
		}, "due 4s"},
		{"keep-alive, link down", []step{
			{0, sends(time.Second), 0},
			{0, take, time.Second},
			{0, func(h *host) { h.LinkDown(h.now) }, 0},
			{time.Second, func(h *host) { h.up(direct) }, 2 * time.Second},
		}, "frames [KEEPALIVE 1]"},
		{"keep-alive, nobody left", []step{
			{0, sends(time.Second), 0},
			{0, take, time.Second},
			{time.Second, func(*host) {}, 0}, // it waits
			{time.Second, func(h *host) { h.left(2) }, 3 * time.Second},
		}, "due 4s"},
		{"the earliest", []step{
			{0, hand(stream{9, 1, 0}.data(1, "1")), 120*time.Second + us},
			{0, sends(7 * time.Second), 120*time.Second + us},
			{0, take, 7 * time.Second},
			{0, hand(parts[0]), 5 * time.Second},
			{time.Second, hand(stream{8, 1, 0}.data(1, "1"), stream{8, 1, 0}.data(3, "3")), 3 * time.Second},
			{time.Second, hand(stream{8, 1, 0}.data(2, "2")), 5 * time.Second},
		}, "Expired:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func() *host {
				h := newHost(t, 1, cdcp.Config{})
				for i, s := range c.steps {
					h.wait(s.wait)
					s.do(h)
					want := start.Add(s.due)
					if s.due == 0 {
						want = time.Time{}
					}
					if got := h.Deadline(); !got.Equal(want) {
						t.Fatalf("step %d: deadline %v, want %v", i, got.Sub(start), s.due)
					}
				}
				h.events()
				return h
			}
			h, early, due := build(), build(), build()
			deadline := h.Deadline()
			seen := h.look()
			if deadline.IsZero() {
				early.wait(1000 * time.Hour)
				if got := early.look(); got != seen {
					t.Fatalf("without a deadline:\n%s\nand later:\n%s", seen, got)
				}
				return
			}
			early.Advance(deadline.Add(-us))
			if got := early.look(); got != seen {
				t.Fatalf("before:\n%s\n1 µs before the deadline:\n%s", seen, got)
			}
			due.now = deadline
			due.Advance(due.now)
			if got := due.look(); got == seen || !strings.Contains(got, c.want) {
				t.Fatalf("before:\n%s\nat the deadline, want %q:\n%s", seen, c.want, got)
			}
		})
	}
}

// TestTimeRunsOneWay: a time before the latest one acts as the latest one, and parts of a microsecond count for nothing.
func TestTimeRunsOneWay(t *testing.T) {
	const idle = 120*time.Second + time.Microsecond
	origin := start.Add(300 * time.Nanosecond) // the steps of the clock begin there
	e, err := cdcp.New(origin, cdcp.Config{Self: 1, Rand: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Endpoint: e, tb: t, self: 1}
	for i, c := range []struct{ now, latest time.Duration }{
		{-time.Hour, 0},
		{0, 0},
		{999, 0},
		{1000, 1000},
		{1999, 1000},
		{time.Minute, time.Minute},
		{time.Second, time.Minute},
		{-time.Hour, time.Minute},
		{time.Minute + 999, time.Minute},
		{time.Minute + 1000, time.Minute + 1000},
	} {
		h.now = origin.Add(c.now)
		h.hand(cdcp.Accepted, 2, lossy.data(wire.Serial(i+1), "x"))
		if got := h.Deadline().Sub(origin); got != c.latest+idle {
			t.Errorf("a message at %v: deadline %v, want %v", c.now, got, c.latest+idle)
		}
	}
}

// TestDueFirst: an input does first what was due before it, each at its own time and in the order of times (TIME-002 to TIME-004).
func TestDueFirst(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		h.hand(cdcp.Accepted, 2, lossy.numbered(1)...)
		h.now = start.Add(121 * time.Second)
		h.hand(cdcp.Stale, 2, lossy.numbered(1)...)
		h.hand(cdcp.Accepted, 2, lossy.numbered(2)...)
		h.requireEvents("2/7 created", "2/7 message", "2/7 closed idle", "2/7 created", "2/7 message")
	})
	t.Run("times", func(t *testing.T) {
		h := newHost(t, 1, cdcp.Config{})
		of := func(channel uint16) stream { return stream{channel, 1, 0} }
		h.hand(cdcp.Accepted, 2, of(1).data(1, ""), of(2).data(1, ""), of(2).data(3, ""))
		h.now = start.Add(118*time.Second + time.Microsecond)
		h.hand(cdcp.Accepted, 2, of(3).data(1, ""), of(3).data(3, ""), of(3).close(3)) // settles when the others idle out
		h.wait(-time.Microsecond)
		h.hand(cdcp.Accepted, 2, of(4).data(1, ""), of(4).data(3, ""), of(4).close(3)) // at the latest time, and so behind
		h.events()
		h.now = start.Add(time.Hour)
		h.Advance(h.now)
		h.requireEvents("2/3 closed closed", "2/4 closed closed", "2/1 closed idle", "2/2 closed idle")
		requireCounts(t, h.receivers[1], cdcp.Counts{Delivered: 2, Lost: 1})
	})
	t.Run("set again", func(t *testing.T) { // a timer that is set to the deadline that it has keeps its place (TIME-003)
		h := newHost(t, 1, cdcp.Config{})
		of := func(channel uint16) stream { return stream{channel, 1, 0} }
		for channel := range uint16(2) {
			h.hand(cdcp.Accepted, 2, of(channel+1).data(1, ""), of(channel+1).data(3, ""))
		}
		h.hand(cdcp.Accepted, 2, of(2).close(3), of(1).close(3))
		h.events()
		h.wait(2 * time.Second)
		h.requireEvents("2/1 closed closed", "2/2 closed closed")
	})
	t.Run("keep-alive", func(t *testing.T) { // its timer is set again at its own time, not at that of the input
		h := newHost(t, 1, cdcp.Config{}).up(direct)
		s := h.sender(cdcp.SenderOptions{ChannelID: 7, KeepAlive: time.Second})
		h.send(s, "1", "2")
		h.take(cdcp.ClassAll)
		h.wait(9500 * time.Millisecond)
		if got, want := h.Deadline(), start.Add(10*time.Second); !got.Equal(want) {
			t.Fatalf("deadline %v, want %v", got.Sub(start), want.Sub(start))
		}
	})
}

// TestEndpointJoinsOnly: endpoint.go puts the machines together and decides nothing that a number of SPEC.md decides. It has 400 lines
// at most, and neither side of a comparison and no case of a switch in it is a constant number, other than 0 and the named constants of
// types that this module defines, such as Durable.
func TestEndpointJoinsOnly(t *testing.T) {
	const joint = "endpoint.go"
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	var file *ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if files = append(files, f); name == joint {
			file = f
		}
	}
	if file == nil {
		t.Fatal(joint + " is not there")
	}
	if n := set.File(file.Pos()).LineCount(); n > 400 {
		t.Errorf("%s has %d lines", joint, n)
	}

	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	check := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := check.Check(module, set, files, info); err != nil {
		t.Fatal(err)
	}
	compares := 0
	operand := func(x ast.Expr) {
		compares++
		v := info.Types[x].Value
		if v == nil || v.Kind() != constant.Int && v.Kind() != constant.Float || constant.Sign(v) == 0 {
			return
		}
		var name *ast.Ident
		switch x := ast.Unparen(x).(type) {
		case *ast.Ident:
			name = x
		case *ast.SelectorExpr:
			name = x.Sel
		}
		if c, ok := info.Uses[name].(*types.Const); ok {
			if typ, ok := c.Type().(*types.Named); ok && strings.HasPrefix(typ.Obj().Pkg().Path(), module) {
				return
			}
		}
		t.Errorf("%s compares with %s", set.Position(x.Pos()), v)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			switch n.Op {
			case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ:
				operand(n.X)
				operand(n.Y)
			}
		case *ast.SwitchStmt:
			for _, c := range n.Body.List {
				for _, x := range c.(*ast.CaseClause).List {
					if n.Tag != nil {
						operand(x)
					}
				}
			}
		}
		return true
	})
	if compares == 0 {
		t.Error("nothing is compared")
	}
}

// TestRunSaturates: a run of more than 65535 messages is told as 65535 (LIST-010).
func TestRunSaturates(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{Limits: unlimited}).up(direct)
	s := h.sender(cdcp.SenderOptions{ChannelID: 1, Participants: []wire.Participant{2}})
	h.setParticipants(s, 3)
	for n := 1; n <= 65537; n++ {
		h.send(s, "")
		x, _ := h.take(cdcp.ClassAll)
		if run, ok := x.Ext.Run(); !ok || int(run) != min(n, 65535) {
			t.Fatalf("message %d carries the run %d, %t", n, run, ok)
		}
	}
}
