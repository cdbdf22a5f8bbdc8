package cdcp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// start is the time at which the endpoints of tests begin.
var start = time.Unix(1700000000, 0)

// The links of tests.
var (
	direct = cdcp.Link{Budget: 1200, Reliable: true}
	relay  = cdcp.Link{Budget: 1200, Reliable: true, Relay: true}
)

// unlimited takes the limits of traffic away.
var unlimited = cdcp.Limits{Durable: cdcp.NoLimit, Lossy: cdcp.NoLimit, LossyHigh: cdcp.NoLimit, BroadcastPackets: cdcp.NoLimit}

// zeros is a random source that draws the lowest free channel id.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A host stands around an endpoint and has its clock. It fails the test where a call is refused that a test does not expect
// to be refused.
type host struct {
	*cdcp.Endpoint
	tb        testing.TB
	self      wire.Participant
	now       time.Time
	receivers []*cdcp.Receiver // those that were announced, in this order
	buf       []byte
}

// newHost returns a host of an endpoint that has just begun, with a link that is down. Self and Rand of c are filled in.
func newHost(tb testing.TB, self wire.Participant, c cdcp.Config) *host {
	tb.Helper()
	c.Self, c.Rand = self, zeros{}
	e, err := cdcp.New(start, c)
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	return &host{Endpoint: e, tb: tb, self: self, now: start}
}

func (h *host) up(l cdcp.Link) *host {
	h.tb.Helper()
	if err := h.LinkUp(h.now, l); err != nil {
		h.tb.Fatalf("LinkUp: %v", err)
	}
	return h
}

// wait lets time pass.
func (h *host) wait(d time.Duration) {
	h.now = h.now.Add(d)
	h.Advance(h.now)
}

func (h *host) sender(o cdcp.SenderOptions) *cdcp.Sender {
	h.tb.Helper()
	s, err := h.NewSender(h.now, o)
	if err != nil {
		h.tb.Fatalf("NewSender: %v", err)
	}
	return s
}

func (h *host) send(s *cdcp.Sender, messages ...string) {
	h.tb.Helper()
	for _, m := range messages {
		if _, err := s.Send(h.now, []byte(m)); err != nil {
			h.tb.Fatalf("Send of %d bytes: %v", len(m), err)
		}
	}
}

func (h *host) setParticipants(s *cdcp.Sender, list ...wire.Participant) {
	h.tb.Helper()
	if err := s.SetParticipants(h.now, list); err != nil {
		h.tb.Fatalf("SetParticipants: %v", err)
	}
}

func (h *host) left(p wire.Participant) {
	h.tb.Helper()
	if err := h.ParticipantLeft(h.now, p); err != nil {
		h.tb.Fatalf("ParticipantLeft: %v", err)
	}
}

// A taken frame is one that an endpoint gave out. It shares memory with nothing.
type taken struct {
	wire.Frame
	bytes []byte
	route cdcp.Route
}

func (x taken) String() string {
	s := fmt.Sprintf("%v %d", x.Type, x.Sequence)
	if x.Total > 0 {
		s += fmt.Sprintf("@%d", x.Offset)
	}
	return s
}

// take takes the next frame; ok is false if there is none.
func (h *host) take(can cdcp.Classes) (x taken, ok bool) {
	h.tb.Helper()
	b, route, ok := h.NextFrame(h.now, can, nil)
	if !ok {
		return taken{}, false
	}
	x.bytes, x.route = b, route
	x.route.Participants = slices.Clone(route.Participants)
	if err := x.Parse(x.bytes); err != nil {
		h.tb.Fatalf("NextFrame gave % x: %v", b, err)
	}
	return x, true
}

// takeAll takes frames until there is none.
func (h *host) takeAll(can cdcp.Classes) []taken {
	h.tb.Helper()
	var all []taken
	for x, ok := h.take(can); ok; x, ok = h.take(can) {
		all = append(all, x)
	}
	return all
}

// requireTaken takes all frames and fails the test unless they are those, as taken.String spells them.
func (h *host) requireTaken(want ...string) {
	h.tb.Helper()
	var got []string
	for _, x := range h.takeAll(cdcp.ClassAll) {
		got = append(got, x.String())
	}
	if !slices.Equal(got, want) {
		h.tb.Fatalf("frames %q, want %q", got, want)
	}
}

// carry brings all that h has to send to another endpoint.
func (h *host) carry(to *host) {
	h.tb.Helper()
	for _, x := range h.takeAll(cdcp.ClassAll) {
		to.handBytes(h.self, x.bytes)
	}
}

// handBytes hands in a frame that decodes, and then overwrites it.
func (h *host) handBytes(from wire.Participant, frame []byte) cdcp.Verdict {
	h.tb.Helper()
	v, err := h.HandleFrame(h.now, from, frame)
	if err != nil {
		h.tb.Fatalf("HandleFrame of % x: %v", frame, err)
	}
	for i := range frame {
		frame[i] = 0xee
	}
	return v
}

// hand hands in frames and fails the test unless each gets the verdict.
func (h *host) hand(want cdcp.Verdict, from wire.Participant, frames ...wire.Frame) {
	h.tb.Helper()
	for _, f := range frames {
		var err error
		if h.buf, err = f.AppendBinary(h.buf[:0]); err != nil {
			h.tb.Fatalf("%v: %v", taken{Frame: f}, err)
		}
		if got := h.handBytes(from, h.buf); got != want {
			h.tb.Fatalf("%v %d/%d of session %d is %v, want %v", taken{Frame: f}, from, f.Channel, f.Session, got, want)
		}
	}
}

// events polls all events. Each is spelled with whom it is about, as in "2/7 closed limit" of participant 2 on channel 7, or "sender 7
// closed link".
func (h *host) events() []string {
	var all []string
	for {
		x, ok := h.NextEvent()
		if !ok {
			return all
		}
		switch r := x.Receiver; x.Kind {
		case cdcp.EventReceiverCreated:
			h.receivers = append(h.receivers, r)
			all = append(all, fmt.Sprintf("%d/%d created", r.From(), r.ChannelID()))
		case cdcp.EventMessage:
			all = append(all, fmt.Sprintf("%d/%d message", r.From(), r.ChannelID()))
		case cdcp.EventReceiverClosed:
			all = append(all, fmt.Sprintf("%d/%d closed %v", r.From(), r.ChannelID(), x.Reason))
		case cdcp.EventSenderClosed:
			all = append(all, fmt.Sprintf("sender %d closed %v", x.Sender.ChannelID(), x.Reason))
		default:
			h.tb.Fatalf("event %+v", x)
		}
	}
}

// requireEvents polls all events and fails the test unless they are those.
func (h *host) requireEvents(want ...string) {
	h.tb.Helper()
	if got := h.events(); !slices.Equal(got, want) {
		h.tb.Fatalf("events %q, want %q", got, want)
	}
}

// receiver returns the receiver that was announced last.
func (h *host) receiver() *cdcp.Receiver {
	h.tb.Helper()
	h.events()
	if len(h.receivers) == 0 {
		h.tb.Fatal("no receiver was announced")
	}
	return h.receivers[len(h.receivers)-1]
}

// messages reads all that r holds.
func messages(r *cdcp.Receiver) []string {
	var all []string
	for m, ok := r.Receive(nil); ok; m, ok = r.Receive(nil) {
		all = append(all, string(m.Data))
	}
	return all
}

// requireMessages reads all that r holds and fails the test unless it is that.
func requireMessages(tb testing.TB, r *cdcp.Receiver, want ...string) {
	tb.Helper()
	if got := messages(r); !slices.Equal(got, want) {
		tb.Fatalf("messages %s, want %s", brief(got), brief(want))
	}
}

// brief spells messages, and of long ones the beginning.
func brief(all []string) string {
	var s strings.Builder
	for _, m := range all {
		fmt.Fprintf(&s, " %.16q(%d)", m, len(m))
	}
	return "[" + s.String() + " ]"
}

// requireCounts fails the test unless r counted so.
func requireCounts(tb testing.TB, r *cdcp.Receiver, want cdcp.Counts) {
	tb.Helper()
	if got := r.Counts(); got != want {
		tb.Fatalf("counts %+v, want %+v", got, want)
	}
}

// requireCode fails the test unless err is an error of a call with that code.
func requireCode(tb testing.TB, err error, want cdcp.Code) *cdcp.Error {
	tb.Helper()
	e, ok := errors.AsType[*cdcp.Error](err)
	if !ok || e.Code != want {
		tb.Fatalf("error %v, want %v", err, want)
	}
	return e
}

// requireSums fails the test unless the sums of SPEC.md section 9.17 hold. What waits and what is in progress is not known from
// outside, other than that it is not less than nothing and costs what is held.
func requireSums(tb testing.TB, s cdcp.Stats) {
	tb.Helper()
	verdicts := s.Accepted + s.Duplicate + s.Stale + s.Superseded + s.Ignored + s.Mismatch + s.Overflow + s.Dropped
	if s.FramesIn != s.Malformed+verdicts {
		tb.Errorf("%d frames in, %d malformed and %d with a verdict", s.FramesIn, s.Malformed, verdicts)
	}
	waiting := int64(s.MessagesIn - s.Read - s.Discarded)
	progress := int64(s.Partials - s.Completed - s.Expired - s.Evicted - s.Abandoned)
	least, most := int64(fragment.Cost(0)), int64(fragment.Cost(wire.MaxMessageSize))
	if n := waiting + progress; waiting < 0 || progress < 0 || int64(s.Held) < n*least || int64(s.Held) > n*most {
		tb.Errorf("%d bytes held by %d messages that wait and %d in progress", s.Held, waiting, progress)
	}
}

// A stream is a session, as the one who sends it spells it.
type stream struct {
	channel uint16
	session wire.Serial
	flags   wire.Flags
}

// The streams of tests that need no more than one.
var (
	lossy   = stream{7, 1000, 0}
	durable = stream{7, 1000, wire.FlagDurable}
)

func (s stream) frame(t wire.Type, n wire.Serial) wire.Frame {
	return wire.Frame{Type: t, Flags: s.flags, Channel: s.channel, Session: s.session, Sequence: n}
}

func (s stream) data(n wire.Serial, message string) wire.Frame {
	f := s.frame(wire.TypeData, n)
	f.Payload = []byte(message)
	return f
}

// numbered returns messages of which each is its own number.
func (s stream) numbered(numbers ...wire.Serial) []wire.Frame {
	var all []wire.Frame
	for _, n := range numbers {
		all = append(all, s.data(n, fmt.Sprint(n)))
	}
	return all
}

// fragments cuts a message into parts of size bytes.
func (s stream) fragments(n wire.Serial, message string, size int) []wire.Frame {
	var all []wire.Frame
	for at := 0; at < len(message); at += size {
		all = append(all, s.fragment(n, message, at, min(at+size, len(message))))
	}
	return all
}

// fragment is the part of a message from one offset to another.
func (s stream) fragment(n wire.Serial, message string, from, to int) wire.Frame {
	f := s.data(n, message[from:to])
	f.Offset, f.Total = uint16(from), uint16(len(message))
	return f
}

func (s stream) close(last wire.Serial) wire.Frame { return s.frame(wire.TypeClose, last) }

func (s stream) keepAlive(last wire.Serial) wire.Frame { return s.frame(wire.TypeKeepAlive, last) }

// withTLV returns f with one more TLV, whose value is that number.
func withTLV(f wire.Frame, t wire.ExtType, value uint16) wire.Frame {
	x, err := f.Ext.Append(t, binary.BigEndian.AppendUint16(nil, value))
	if err != nil {
		panic(err)
	}
	f.Ext = x
	return f
}

// text returns a message of n bytes in which no 256 bytes are those of another place.
func text(n int) string {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%05d...", i)
	}
	return string(b[:n])
}

// heap returns the bytes of the heap that are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
