package cdcptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/cdcptest"
	"github.com/cdcp-project/cdcp/wire"
)

// open opens a sender on channel 7.
func open(t *testing.T, n *cdcptest.Network, e *cdcptest.Endpoint, r cdcp.Reliability, list ...wire.Participant) *cdcp.Sender {
	t.Helper()
	s, err := e.NewSender(n.Now(), cdcp.SenderOptions{ChannelID: 7, Reliability: r, Participants: list})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// count sends messages of which each is its number.
func count(t *testing.T, n *cdcptest.Network, s *cdcp.Sender, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if _, err := s.Send(n.Now(), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what came.
func read(e *cdcptest.Endpoint) string {
	var all []string
	for _, v := range e.Events() {
		if v.Kind == cdcp.EventMessage {
			m, _ := v.Receiver.Receive(nil)
			all = append(all, string(m.Data))
		}
	}
	return strings.Join(all, " ")
}

func TestReliablePath(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{Reliable: true, Delay: time.Second, Jitter: time.Second, Loss: 1, Duplicate: 1})
	a, b := n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
	count(t, n, open(t, n, a, cdcp.Durable), 1, 9)
	n.Run(2 * time.Second)
	if got := read(b); got != "1 2 3 4 5 6 7 8 9" {
		t.Errorf("got %q", got)
	}
}

func TestLossyPath(t *testing.T) {
	const sorted = "1 2 3 4 5 6 7 8 9"
	for _, c := range []struct {
		name string
		link cdcptest.Link
		want func(got string, s cdcp.Stats) bool
	}{
		{"nothing", cdcptest.Link{}, func(got string, s cdcp.Stats) bool { return got == sorted && s.FramesIn == 9 }},
		{"loss", cdcptest.Link{Loss: 1}, func(got string, s cdcp.Stats) bool { return s.FramesIn == 0 }},
		{"some loss", cdcptest.Link{Loss: 0.5}, func(got string, s cdcp.Stats) bool { return s.FramesIn > 0 && s.FramesIn < 9 }},
		{"duplication", cdcptest.Link{Duplicate: 1}, func(got string, s cdcp.Stats) bool { return got == sorted && s.FramesIn == 18 }},
		{"jitter", cdcptest.Link{Jitter: time.Second}, func(got string, s cdcp.Stats) bool {
			all := strings.Fields(got)
			return got != sorted && slices.Sorted(slices.Values(all)) != nil && s.Accepted == 9
		}},
	} {
		n := cdcptest.New(1, c.link)
		a, b := n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
		count(t, n, open(t, n, a, cdcp.Lossy), 1, 9)
		n.Run(time.Second)
		if got := read(b); !c.want(got, b.Stats()) {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

func TestRate(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{Rate: 8})
	a, b := n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
	count(t, n, open(t, n, a, cdcp.Lossy), 1, 4) // 13 ms each: a byte takes 1 ms
	n.Run(26*time.Millisecond - time.Microsecond)
	if got := read(b); got != "1 2" {
		t.Errorf("got %q", got)
	}
	n.Run(time.Microsecond)
	if got := read(b); got != "3" {
		t.Errorf("and then %q", got)
	}
}

func TestRelay(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{Relay: true, Reliable: true, Delay: time.Millisecond})
	var group [4]*cdcptest.Endpoint
	for i := range group {
		group[i] = n.Endpoint(cdcp.Config{Self: wire.Participant(i + 1)})
	}
	s := open(t, n, group[1], cdcp.Durable)
	count(t, n, s, 1, 1)
	if err := s.SetParticipants(n.Now(), []wire.Participant{4, 2, 1}); err != nil { // of these, 2 is itself
		t.Fatal(err)
	}
	count(t, n, s, 2, 2)
	group[0].Down()
	n.Run(2 * time.Millisecond)
	for i, want := range []string{"", "", "1", "1 2"} {
		if got := read(group[i]); got != want {
			t.Errorf("%d got %q, want %q", i+1, got, want)
		}
	}
	if got := group[1].Stats().FramesIn; got != 0 {
		t.Errorf("%d frames came back", got)
	}
}

func TestCut(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{Reliable: true, Delay: time.Second})
	a, b := n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
	s := open(t, n, a, cdcp.Durable)
	count(t, n, s, 1, 1)
	n.Run(time.Second / 2)
	b.Down()
	if !s.Closed() {
		t.Error("a durable sender outlives its link")
	}
	a.Up()
	count(t, n, open(t, n, a, cdcp.Durable), 2, 2)
	n.Run(time.Second)
	if got := read(b); got != "2" {
		t.Errorf("got %q", got)
	}
}

func TestLeave(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{Relay: true})
	a, b := n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
	count(t, n, open(t, n, a, cdcp.Lossy), 1, 1)
	n.Run(0)
	a.Leave()
	a.Up()
	events := b.Events()
	if last := events[len(events)-1]; last.Reason != cdcp.ReasonLeft {
		t.Errorf("events %v", events)
	}
	if _, err := a.NewSender(n.Now(), cdcp.SenderOptions{}); err == nil {
		t.Error("it left and its link is up")
	}
}

// TestRest shows that a Network comes to rest, and when.
func TestRest(t *testing.T) {
	n := cdcptest.New(1, cdcptest.Link{})
	if n.Step() {
		t.Error("something happens, of nothing")
	}
	begin := n.Now()
	a := n.Endpoint(cdcp.Config{Self: 1})
	n.Endpoint(cdcp.Config{Self: 2})
	count(t, n, open(t, n, a, cdcp.Lossy), 1, 1)
	for n.Step() {
	}
	if got, want := n.Now().Sub(begin), 120*time.Second+time.Microsecond; got != want { // RECV-007
		t.Errorf("at rest after %v, want %v", got, want)
	}
}

// trace returns the trace of a call on a bad network.
func trace(t *testing.T, seed uint64) string {
	var s strings.Builder
	n := cdcptest.New(seed, cdcptest.Link{Delay: 50 * time.Millisecond, Jitter: 90 * time.Millisecond, Loss: 0.2, Duplicate: 0.2})
	n.Trace = &s
	a := n.Endpoint(cdcp.Config{Self: 1})
	n.Endpoint(cdcp.Config{Self: 2})
	x, err := a.NewSender(n.Now(), cdcp.SenderOptions{}) // the channel id is drawn too
	if err != nil {
		t.Fatal(err)
	}
	count(t, n, x, 1, 50)
	for n.Step() {
	}
	return s.String()
}

func TestSameSeedSameTrace(t *testing.T) {
	if one, again := trace(t, 1), trace(t, 1); one != again || !strings.Contains(one, "duplicate") {
		t.Errorf("two runs:\n%s\n%s", one, again)
	}
	if trace(t, 1) == trace(t, 2) {
		t.Error("the seed has no effect")
	}
}
