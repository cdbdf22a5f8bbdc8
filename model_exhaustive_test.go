package cdcp_test

import (
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A small world has one participant with two sessions of one channel, the second newer than the first, and two messages in each.
// Its inputs are so few that every order of them can be tried, and it is so small that all can be remembered: what a session is
// follows here from what happened to it and to the other one, and not from a record.
type smallWorld struct {
	ids     [2]wire.Serial
	durable [2]bool
	depth   int // inputs of the longest history
}

const (
	smallNumbers = 2
	smallFrom    = wire.Participant(9)
	settleTime   = 2 * int64(time.Second)
	idleTime     = 120*int64(time.Second) + int64(time.Microsecond)
)

// A smallInput is one thing that can happen.
type smallInput struct {
	kind    smallKind
	session int
	number  int
	wait    int64
}

type smallKind uint8

const (
	smallData smallKind = iota
	smallClose
	smallKeepAlive
	smallWait
	smallLeft
)

// smallInputs are all of them. What is lost does not come; what is repeated comes twice; and everything comes in every order.
func smallInputs() []smallInput {
	all := []smallInput{{kind: smallLeft}, {kind: smallWait, wait: settleTime}, {kind: smallWait, wait: idleTime}}
	for s := range 2 {
		for n := 1; n <= smallNumbers; n++ {
			all = append(all, smallInput{kind: smallData, session: s, number: n})
		}
		all = append(all, smallInput{kind: smallClose, session: s, number: smallNumbers}, smallInput{kind: smallKeepAlive, session: s, number: smallNumbers})
	}
	return all
}

func (x smallInput) String() string {
	s := [...]string{smallData: "DATA ", smallClose: "CLOSE ", smallKeepAlive: "KEEPALIVE ", smallWait: "wait ", smallLeft: "left"}[x.kind]
	switch x.kind {
	case smallWait:
		s += time.Duration(x.wait).String()
	case smallData, smallClose, smallKeepAlive:
		s += strconv.Itoa(x.session+1) + "/" + strconv.Itoa(x.number)
	}
	return s
}

// A smallEvent is one that is to be polled; of a message, with what is read then.
type smallEvent struct {
	kind    cdcp.EventKind
	session int8
	number  int8
	reason  cdcp.Reason
}

// A smallReceiver is the latest receiver of a session, and what is remembered of those before.
type smallReceiver struct {
	// Of the session.
	seen  bool // it had a receiver or a CLOSE
	ended bool // it closed
	final bool // it closed for good
	floor int8 // below it nothing is accepted again

	// Of the receiver.
	live      bool
	closing   bool
	announced bool
	reason    cdcp.Reason // of closing
	state     [smallNumbers + 1]numberState
	proved    [smallNumbers + 1]bool
	activity  int  // when it was last active, among all
	first     int8 // base at first
	mark      int8
	idle      smallTimer
	settling  smallTimer
	counts    [4]int8 // of numbers that end as that state
}

type numberState uint8

const (
	untold numberState = iota
	accepted
	lost
	unknown
	missing // known, and not yet settled
)

// A smallTimer is set if its order is not 0: when it was set, among all.
type smallTimer struct {
	at    int64
	order int
}

// An oracle says what a small world is to do. It is a value: a copy is a world of its own.
type oracle struct {
	durable  [2]bool
	left     bool
	now      int64
	sets     int // of timers, and activities
	sessions [2]smallReceiver
	out      [8]smallEvent // of the last input
	events   int
}

// do does one input, and returns the verdict, of a frame.
func (o *oracle) do(x smallInput) cdcp.Verdict {
	o.events = 0
	switch x.kind {
	case smallWait:
		o.wait(o.now + x.wait)
		return 0
	case smallLeft:
		o.leave()
		return 0
	}
	if o.left {
		return cdcp.Ignored
	}
	s, r := x.session, &o.sessions[x.session]
	if !r.live && o.over(s) {
		if x.kind == smallClose && o.latestEnded() == s && !r.final {
			r.final = true
			return cdcp.Accepted
		}
		return cdcp.Superseded
	}
	switch x.kind {
	case smallData:
		return o.data(s, int8(x.number))
	case smallClose:
		return o.closed(s, int8(x.number))
	}
	if !r.live || r.closing {
		return cdcp.Ignored
	}
	o.know(s, int8(x.number))
	o.active(s)
	o.settle(s)
	return cdcp.Accepted
}

// over: a newer session ended, or this one did, and it ended for good or a newer one was seen.
func (o *oracle) over(s int) bool {
	newer := s == 0 && o.sessions[1].ended
	return newer || o.sessions[s].ended && (o.sessions[s].final || s == 0 && o.sessions[1].seen)
}

// latestEnded returns the newest session that ended, or -1.
func (o *oracle) latestEnded() int {
	for s := 1; s >= 0; s-- {
		if o.sessions[s].ended {
			return s
		}
	}
	return -1
}

func (o *oracle) data(s int, n int8) cdcp.Verdict {
	r := &o.sessions[s]
	if n < r.floor {
		return cdcp.Stale
	}
	if r.live {
		switch r.state[n] {
		case accepted:
			for m := r.first; m <= n; m++ {
				if r.state[m] == missing || r.state[m] == untold {
					return cdcp.Duplicate
				}
			}
			return cdcp.Stale
		case lost, unknown:
			return cdcp.Stale
		}
	} else {
		o.begin(s)
	}
	if !r.announced {
		r.announced = true
		o.tell(smallEvent{kind: cdcp.EventReceiverCreated, session: int8(s)})
	}
	o.tell(smallEvent{kind: cdcp.EventMessage, session: int8(s), number: n})
	o.know(s, n)
	r.state[n] = accepted
	o.prove(s, n)
	r.counts[accepted]++
	o.active(s)
	o.settle(s)
	if r.closing && !r.misses() {
		o.close(s, r.reason)
	}
	return cdcp.Accepted
}

func (o *oracle) closed(s int, n int8) cdcp.Verdict {
	r := &o.sessions[s]
	switch {
	case r.closing:
		return cdcp.Ignored
	case r.live:
		o.know(s, n)
		if o.durable[s] || !r.misses() {
			r.final = true
			o.close(s, cdcp.ReasonClosed)
			return cdcp.Accepted
		}
	case r.ended || o.durable[s]:
		r.seen, r.ended, r.final = true, true, true
		return cdcp.Accepted
	default:
		o.begin(s)
		o.know(s, n)
	}
	r.final, r.closing, r.reason, r.idle = true, true, cdcp.ReasonClosed, smallTimer{}
	r.settling = o.timer(settleTime)
	r.mark = n
	return cdcp.Accepted
}

// begin makes a new receiver, of which nothing came.
func (o *oracle) begin(s int) {
	r := &o.sessions[s]
	*r = smallReceiver{seen: true, live: true, ended: r.ended, final: r.final, floor: r.floor, first: max(1, r.floor)}
	o.active(s)
}

// know makes known that the session has numbers up to n.
func (o *oracle) know(s int, n int8) {
	r := &o.sessions[s]
	for m := r.first; m <= n; m++ {
		if r.state[m] == untold {
			r.state[m] = missing
		}
	}
	o.prove(s, n)
}

// prove proves what is missing after the first that came to be lost. All messages went to everyone, so that every number proves it.
func (o *oracle) prove(s int, n int8) {
	r := &o.sessions[s]
	low, high := r.span()
	for m := low + 1; m <= n && high <= n; m++ {
		r.proved[m] = r.proved[m] || r.state[m] == missing
	}
}

// span returns the first and the last number that were accepted; if none was, what proves nothing.
func (r *smallReceiver) span() (low, high int8) {
	low, high = smallNumbers, 0
	for n := r.first; n <= smallNumbers; n++ {
		if r.state[n] == accepted {
			low, high = min(low, n), max(high, n)
		}
	}
	return low, high
}

func (r *smallReceiver) misses() bool { return slices.Contains(r.state[:], missing) }

// settle does what follows from what is missing now: of a durable session it is settled at once, of a lossy one the timer is set.
func (o *oracle) settle(s int) {
	r := &o.sessions[s]
	if o.durable[s] {
		r.settle(smallNumbers)
	}
	base := int8(slices.Index(r.state[:], missing))
	switch {
	case base < 0:
		r.settling = smallTimer{}
	case r.settling.order == 0 || base > r.mark:
		r.settling = o.timer(settleTime)
		for n := base; n <= smallNumbers; n++ {
			if r.state[n] == missing || r.state[n] == accepted {
				r.mark = n
			}
		}
	}
}

// settle settles what is missing up to a number.
func (r *smallReceiver) settle(to int8) {
	for n := int8(1); n <= to; n++ {
		if r.state[n] != missing {
			continue
		}
		if r.state[n] = unknown; r.proved[n] {
			r.state[n] = lost
		}
		r.counts[r.state[n]]++
	}
}

func (o *oracle) close(s int, reason cdcp.Reason) {
	r := &o.sessions[s]
	r.settle(smallNumbers)
	r.floor = r.first
	for n := r.first; n <= smallNumbers; n++ {
		if r.state[n] != untold {
			r.floor = n + 1
		}
	}
	r.ended, r.live, r.idle, r.settling = true, false, smallTimer{}, smallTimer{}
	if r.announced {
		o.tell(smallEvent{kind: cdcp.EventReceiverClosed, session: int8(s), reason: reason})
	}
	r.closing = false
}

// active takes in that the receiver of a session was.
func (o *oracle) active(s int) {
	r := &o.sessions[s]
	t := o.timer(idleTime)
	r.activity = t.order
	if !r.closing {
		r.idle = t
	}
}

func (o *oracle) timer(d int64) smallTimer {
	o.sets++
	return smallTimer{o.now + d, o.sets}
}

// leave closes what lives, what was active the longest time ago first.
func (o *oracle) leave() {
	o.left = true
	order := []int{0, 1}
	if o.sessions[1].activity < o.sessions[0].activity {
		order = []int{1, 0}
	}
	for _, s := range order {
		if o.sessions[s].live {
			o.close(s, cdcp.ReasonLeft)
		}
	}
}

// next returns the timer that is due first.
func (o *oracle) next() (at int64, s int, idle bool) {
	at = math.MaxInt64
	order := 0
	for _, kind := range []bool{false, true} {
		for i := range o.sessions {
			t := o.sessions[i].settling
			if kind {
				t = o.sessions[i].idle
			}
			if t.order != 0 && (t.at < at || t.at == at && kind == idle && t.order < order) {
				at, s, idle, order = t.at, i, kind, t.order
			}
		}
	}
	return at, s, idle
}

func (o *oracle) wait(until int64) {
	for {
		at, s, idle := o.next()
		if at > until {
			break
		}
		o.now = at
		r := &o.sessions[s]
		switch {
		case idle:
			o.close(s, cdcp.ReasonIdle)
		case r.closing:
			o.close(s, r.reason)
		default:
			r.settle(r.mark)
			r.settling = smallTimer{}
			o.settle(s)
		}
	}
	o.now = until
}

func (o *oracle) tell(v smallEvent) {
	o.out[o.events] = v
	o.events++
}

// key is equal for two worlds if, and only if, the same inputs will do the same in both.
func (o oracle) key() oracle {
	var orders []int
	each := func(f func(order *int, at *int64)) {
		for s := range o.sessions {
			r := &o.sessions[s]
			f(&r.activity, new(int64))
			f(&r.idle.order, &r.idle.at)
			f(&r.settling.order, &r.settling.at)
		}
	}
	each(func(order *int, _ *int64) { orders = append(orders, *order) })
	slices.Sort(orders)
	each(func(order *int, at *int64) {
		if *order != 0 {
			*order = 1 + slices.Index(orders, *order)
			*at -= o.now
		}
	})
	o.now, o.sets, o.out, o.events = 0, 0, [8]smallEvent{}, 0
	return o
}

// An explorer tries every history of a small world.
type explorer struct {
	tb        *testing.T
	world     smallWorld
	inputs    []smallInput
	frames    [][]byte // by input
	path      []int    // the history, by index of input
	histories int
	seed      maphash.Seed
	states    map[uint64]struct{}
	buf       []byte
}

func (x *explorer) explore(o *oracle, spent int) {
	before := maphash.Comparable(x.seed, o.key())
	for i := range x.inputs {
		x.path = append(x.path, i)
		next := *o
		verdict := next.do(x.inputs[i])
		x.histories++
		x.compare(&next, verdict)
		after := maphash.Comparable(x.seed, next.key())
		x.states[after] = struct{}{}
		if len(x.path) < x.world.depth {
			x.explore(&next, spent)
		}
		_ = before
		x.path = x.path[:len(x.path)-1]
	}
}

// compare lets an endpoint live through the history, and holds the last input to what the oracle says.
func (x *explorer) compare(o *oracle, want cdcp.Verdict) {
	e, err := cdcp.New(start, cdcp.Config{Self: 1, Rand: zeros{}})
	if err != nil {
		x.tb.Fatal(err)
	}
	now := start
	var receivers [2]*cdcp.Receiver
	var out [8]smallEvent
	for k, i := range x.path {
		var verdict cdcp.Verdict
		switch in := &x.inputs[i]; in.kind {
		case smallWait:
			now = now.Add(time.Duration(in.wait))
			e.Advance(now)
		case smallLeft:
			err = e.ParticipantLeft(now, smallFrom)
		default:
			verdict, err = e.HandleFrame(now, smallFrom, x.frames[i])
		}
		if err != nil {
			x.fail("%v", err)
		}
		n := 0
		for v, ok := e.NextEvent(); ok; v, ok = e.NextEvent() {
			out[n] = smallEvent{kind: v.Kind, reason: v.Reason}
			switch v.Kind {
			case cdcp.EventMessage:
				m, ok := v.Receiver.Receive(x.buf[:0])
				if !ok || len(m.Data) != 1 {
					x.fail("message %d % x, %t", m.Sequence, m.Data, ok)
				}
				s := m.Data[0] >> 4
				receivers[s] = v.Receiver
				out[n].session, out[n].number = int8(s), int8(m.Data[0]&15)
				out[n-1].session = out[n].session
			case cdcp.EventReceiverClosed:
				out[n].session = int8(slices.Index(receivers[:], v.Receiver))
			}
			n++
		}
		if k < len(x.path)-1 {
			continue
		}
		if verdict != want {
			x.fail("verdict %v, want %v", verdict, want)
		}
		if !slices.Equal(out[:n], o.out[:o.events]) {
			x.fail("events %v, want %v", out[:n], o.out[:o.events])
		}
	}
	at, _, _ := o.next()
	if d := e.Deadline(); d.IsZero() != (at == math.MaxInt64) || !d.IsZero() && int64(d.Sub(start)) != at {
		x.fail("deadline %v, want %v", d.Sub(start), time.Duration(at))
	}
	for s, r := range receivers {
		if r == nil || !o.sessions[s].announced {
			continue
		}
		c := o.sessions[s].counts
		want := cdcp.Counts{Delivered: uint64(c[accepted]), Lost: uint64(c[lost]), Unknown: uint64(c[unknown])}
		if got := r.Counts(); got != want {
			x.fail("session %d: %+v, want %+v", s+1, got, want)
		}
	}
}

func (x *explorer) fail(format string, args ...any) {
	x.tb.Helper()
	var history []string
	for _, i := range x.path {
		history = append(history, x.inputs[i].String())
	}
	x.tb.Fatalf("sessions %v, durable %v: %s: "+format, append([]any{x.world.ids, x.world.durable, strings.Join(history, ", ")}, args...)...)
}

func TestExhaustive(t *testing.T) {
	x := &explorer{tb: t, inputs: smallInputs(), seed: maphash.MakeSeed(), states: make(map[uint64]struct{})}
	for _, w := range []smallWorld{
		{ids: [2]wire.Serial{7, 8}, depth: 5},
	} {
		x.world = w
		x.frames = nil
		for _, in := range x.inputs {
			f := wire.Frame{Type: wire.Type(in.kind), Channel: 1, Session: w.ids[in.session], Sequence: wire.Serial(in.number)}
			if w.durable[in.session] {
				f.Flags = wire.FlagDurable
			}
			if in.kind == smallData {
				f.Payload = []byte{byte(in.session<<4 | in.number)}
			}
			b, _ := f.AppendBinary(nil)
			x.frames = append(x.frames, b)
		}
		x.explore(&oracle{durable: w.durable}, 0)
	}
	t.Logf("%d histories, %d states", x.histories, len(x.states))
}
