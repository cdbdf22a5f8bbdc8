package cdcp_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// The tests of this file, with the examples, are those that the table of README.md names, in which each name of the vendor's
// quickstart stands beside ours.

// TestSeedTable holds that table against the tests and examples that it names.
func TestSeedTable(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range []string{"seed_test.go", "examples_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	_, table, _ := strings.Cut(string(readme), "## From the vendor's names to ours")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `.*\\| `(\\w+)` \\|$").FindAllStringSubmatch(table, -1)
	for _, row := range rows {
		if !strings.Contains(code.String(), "\nfunc "+row[1]+"(") {
			t.Errorf("README.md names %s, which is not there: %s", row[1], row[0])
		}
	}
	if len(rows) < 40 {
		t.Errorf("%d rows were found", len(rows))
	}
}

func TestSeedOptions(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	if s := h.sender(cdcp.SenderOptions{ChannelID: 1000, BitrateKbps: 32}); s.ChannelID() != 1000 {
		t.Errorf("channel id %d", s.ChannelID())
	}
	if s := h.sender(cdcp.SenderOptions{}); s.ChannelID() != 1 { // the source draws zeros: the lowest free id
		t.Errorf("the Endpoint chose %d", s.ChannelID())
	}
	for _, o := range []cdcp.SenderOptions{
		{BitrateKbps: -1},
		{BitrateKbps: cdcp.MaxRate + 1},
		{Priority: 2},
		{Reliability: 2},
		{KeepAlive: -time.Second},
		{KeepAlive: 1500 * time.Millisecond},
		{KeepAlive: 61 * time.Second},
		{Participants: []wire.Participant{0}},
		{Participants: participants(65)},
	} {
		if _, err := h.NewSender(h.now, o); !errors.Is(err, cdcp.InvalidArgument) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []cdcp.SenderOptions{
		{BitrateKbps: cdcp.MaxRate},
		{KeepAlive: time.Second},
		{KeepAlive: 60 * time.Second},
		{Participants: participants(64)},
		{Participants: append(participants(64), 1, 64)}, // some twice
	} {
		if _, err := h.NewSender(h.now, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// participants returns n handles from 1 on.
func participants(n int) []wire.Participant {
	var all []wire.Participant
	for h := range n {
		all = append(all, wire.Participant(h+1))
	}
	return all
}

func TestSeedPriority(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	normal := h.sender(cdcp.SenderOptions{ChannelID: 1, Priority: cdcp.Normal})
	high := h.sender(cdcp.SenderOptions{ChannelID: 2, Priority: cdcp.High})
	h.send(normal, "n")
	h.send(high, "h")
	var got strings.Builder
	for _, x := range h.takeAll(cdcp.ClassAll) {
		got.WriteString(string(x.Payload))
		if high := x.Flags&wire.FlagHigh != 0; high != (x.Channel == 2) || high != (x.route.Priority == cdcp.High) {
			t.Errorf("%v of channel %d: flags %v, route %v", x, x.Channel, x.Flags, x.route.Priority)
		}
	}
	if got.String() != "hn" {
		t.Errorf("the order is %q", got.String())
	}
}

func TestSeedReliability(t *testing.T) {
	a, b := newHost(t, 1, cdcp.Config{}).up(direct), newHost(t, 2, cdcp.Config{})
	for i, r := range []cdcp.Reliability{cdcp.Lossy, cdcp.Durable} {
		s := a.sender(cdcp.SenderOptions{ChannelID: uint16(i + 1), Reliability: r})
		a.send(s, "x")
		x, _ := a.take(cdcp.ClassAll)
		if class := x.route.Class; class != map[cdcp.Reliability]cdcp.Classes{cdcp.Lossy: cdcp.ClassLossy, cdcp.Durable: cdcp.ClassReliable}[r] {
			t.Errorf("%v goes with class %d", r, class)
		}
		b.handBytes(1, x.bytes)
		if got := b.receiver().Reliability(); got != r {
			t.Errorf("%v arrives as %v", r, got)
		}
	}
	if _, err := newHost(t, 1, cdcp.Config{}).up(cdcp.Link{Budget: 1200}).NewSender(start, cdcp.SenderOptions{Reliability: cdcp.Durable}); !errors.Is(err, cdcp.FailedToStart) {
		t.Errorf("durable without a reliable path: %v", err)
	}
}

func TestSeedParticipants(t *testing.T) {
	a := newHost(t, 1, cdcp.Config{}).up(relay)
	b := newHost(t, 9, cdcp.Config{})
	s := a.sender(cdcp.SenderOptions{ChannelID: 1, Participants: []wire.Participant{9, 7, 9, 1}})
	a.send(s, "some")
	if x, _ := a.take(cdcp.ClassAll); len(x.route.Participants) != 2 || x.route.Participants[0] != 7 || x.route.Participants[1] != 9 {
		t.Errorf("goes to %v", x.route.Participants)
	} else if b.handBytes(1, x.bytes); b.receiver().From() != 1 {
		t.Errorf("comes from %v", b.receiver().From())
	}
	a.setParticipants(s)
	a.send(s, "all")
	if x, _ := a.take(cdcp.ClassAll); x.route.Participants != nil {
		t.Errorf("a broadcast goes to %v", x.route.Participants)
	}
}

func TestSeedMaxMessageSize(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{}).up(direct)
	s := h.sender(cdcp.SenderOptions{ChannelID: 1})
	if s.MaxMessageSize() != 32768 {
		t.Errorf("the largest message has %d bytes", s.MaxMessageSize())
	}
	if _, err := s.Send(h.now, make([]byte, s.MaxMessageSize()+1)); !errors.Is(err, cdcp.MessageSizeOverLimit) {
		t.Errorf("one more byte: %v", err)
	}
	if n, err := s.Send(h.now, make([]byte, s.MaxMessageSize())); n != 1 || err != nil {
		t.Errorf("the largest message: number %d, %v", n, err)
	}
}

func TestSeedClosed(t *testing.T) {
	a, b := newHost(t, 1, cdcp.Config{}).up(direct), newHost(t, 2, cdcp.Config{})
	s := a.sender(cdcp.SenderOptions{ChannelID: 1})
	a.send(s, "one", "two")
	s.Close(a.now)
	a.carry(b)
	b.requireEvents("1/1 created", "1/1 message", "1/1 message", "1/1 closed closed")
	requireMessages(t, b.receiver(), "one", "two")
	if !s.Closed() || !b.receiver().Closed() {
		t.Error("an end is open")
	}
}

func TestSeedErrors(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	refused := func(want cdcp.Code, err error) {
		t.Helper()
		e, ok := errors.AsType[*cdcp.Error](err)
		if !ok || e.Code != want || !errors.Is(err, want) || errors.Is(err, want+1) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	_, err := h.NewSender(h.now, cdcp.SenderOptions{})
	refused(cdcp.FailedToStart, err)
	h.up(direct)
	s := h.sender(cdcp.SenderOptions{})
	for range 65534 {
		h.sender(cdcp.SenderOptions{})
	}
	_, err = h.NewSender(h.now, cdcp.SenderOptions{})
	refused(cdcp.RandomIDNotAvailable, err)
	_, err = s.Send(h.now, make([]byte, 32769))
	refused(cdcp.MessageSizeOverLimit, err)
	h.send(s, string(make([]byte, 32768)), string(make([]byte, 31232)))
	_, err = s.Send(h.now, []byte{1})
	refused(cdcp.MessageFailureForTrafficLimit, err)
	h.LinkDown(h.now)
	_, err = s.Send(h.now, nil)
	refused(cdcp.MessageFailureForBandwidth, err)
	s.Close(h.now)
	_, err = s.Send(h.now, nil)
	refused(cdcp.SenderClosed, err)
	refused(cdcp.SenderClosed, s.SetParticipants(h.now, nil))
}
