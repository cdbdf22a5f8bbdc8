package cdcp_test

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A small world has one participant with two sessions of one channel, the second newer than the first, and a few messages in each.
// It is so small that every order of its inputs can be tried.
type smallWorld struct {
	ids     [2]wire.Serial
	durable [2]bool
	depth   int // inputs of the longest history
}

const (
	smallNumbers = 4 // messages of a session
	smallDepth   = 12
	smallSettle  = 2 * int64(time.Second)
	smallIdle    = 120*int64(time.Second) + int64(time.Microsecond)
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
	all := []smallInput{{kind: smallLeft}}
	for _, wait := range []int64{smallSettle, smallIdle - smallSettle/2, smallIdle} { // in ascending order
		all = append(all, smallInput{kind: smallWait, wait: wait})
	}
	for s := range 2 {
		for n := 1; n <= smallNumbers; n++ {
			all = append(all, smallInput{kind: smallData, session: s, number: n})
		}
		for _, last := range []int{0, smallNumbers - 1} {
			all = append(all, smallInput{kind: smallClose, session: s, number: last})
		}
		all = append(all, smallInput{kind: smallKeepAlive, session: s, number: smallNumbers})
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
	last      int8 // closing: of the CLOSE
	mark      int8
	idle      smallTimer
	settling  smallTimer
	counts    [4]int8 // of numbers that end as that state
}

type numberState uint8

const (
	numberUntold numberState = iota
	numberAccepted
	numberLost
	numberUnknown
	numberMissing // known, and not yet settled
)

// A smallTimer is set if its order is not 0: when it was set, among all.
type smallTimer struct {
	at    int64
	order int
}

// An oracle says what a small world is to do. It is a value: a copy is a world of its own.
type smallOracle struct {
	durable  [2]bool
	left     bool
	now      int64
	sets     int // of timers, and activities
	sessions [2]smallReceiver
	out      [8]smallEvent // of the last input
	events   int
}

// do does one input, and returns the verdict, of a frame.
func (o *smallOracle) do(x smallInput) cdcp.Verdict {
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
func (o *smallOracle) over(s int) bool {
	newer := s == 0 && o.sessions[1].ended
	return newer || o.sessions[s].ended && (o.sessions[s].final || s == 0 && o.sessions[1].seen)
}

// latestEnded returns the newest session that ended, or -1.
func (o *smallOracle) latestEnded() int {
	for s := 1; s >= 0; s-- {
		if o.sessions[s].ended {
			return s
		}
	}
	return -1
}

func (o *smallOracle) data(s int, n int8) cdcp.Verdict {
	r := &o.sessions[s]
	if n < r.floor {
		return cdcp.Stale
	}
	if r.closing && n > r.last {
		return cdcp.Mismatch
	}
	if r.live {
		switch r.state[n] {
		case numberAccepted:
			for m := r.first; m <= n; m++ {
				if r.state[m] == numberMissing || r.state[m] == numberUntold {
					return cdcp.Duplicate
				}
			}
			return cdcp.Stale
		case numberLost, numberUnknown:
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
	r.state[n] = numberAccepted
	o.prove(s, n)
	r.counts[numberAccepted]++
	o.active(s)
	o.settle(s)
	if r.closing && !r.misses() {
		o.close(s, r.reason)
	}
	return cdcp.Accepted
}

func (o *smallOracle) closed(s int, n int8) cdcp.Verdict {
	r := &o.sessions[s]
	switch {
	case r.closing:
		return cdcp.Ignored
	case r.live:
		_, high := r.span()
		o.know(s, n)
		if o.durable[s] || !r.misses() || n < high {
			r.final = true
			o.close(s, cdcp.ReasonClosed)
			return cdcp.Accepted
		}
	case r.ended || o.durable[s] || n == 0:
		r.seen, r.ended, r.final = true, true, true
		return cdcp.Accepted
	default:
		o.begin(s)
		o.know(s, n)
	}
	r.final, r.closing, r.reason, r.idle = true, true, cdcp.ReasonClosed, smallTimer{}
	o.set(&r.settling, smallSettle)
	r.last, r.mark = n, r.top()
	return cdcp.Accepted
}

// begin makes a new receiver, of which nothing came.
func (o *smallOracle) begin(s int) {
	r := &o.sessions[s]
	*r = smallReceiver{seen: true, live: true, ended: r.ended, final: r.final, floor: r.floor, first: max(1, r.floor)}
	o.active(s)
}

// know makes known that the session has numbers up to n.
func (o *smallOracle) know(s int, n int8) {
	r := &o.sessions[s]
	for m := r.first; m <= n; m++ {
		if r.state[m] == numberUntold {
			r.state[m] = numberMissing
		}
	}
	o.prove(s, n)
}

// prove proves what is missing after the first that came to be lost. All messages went to everyone, so that every number proves it.
func (o *smallOracle) prove(s int, n int8) {
	r := &o.sessions[s]
	low, high := r.span()
	for m := low + 1; m <= n && high <= n; m++ {
		r.proved[m] = r.proved[m] || r.state[m] == numberMissing
	}
}

// span returns the first and the last number that were accepted; if none was, what proves nothing.
func (r *smallReceiver) span() (low, high int8) {
	low, high = smallNumbers, 0
	for n := r.first; n <= smallNumbers; n++ {
		if r.state[n] == numberAccepted {
			low, high = min(low, n), max(high, n)
		}
	}
	return low, high
}

// top returns the last number that is known, or the one before the first.
func (r *smallReceiver) top() int8 {
	top := r.first - 1
	for n := r.first; n <= smallNumbers; n++ {
		if r.state[n] != numberUntold {
			top = n
		}
	}
	return top
}

func (r *smallReceiver) misses() bool { return slices.Contains(r.state[:], numberMissing) }

// settle does what follows from what is missing now: of a durable session it is settled at once, of a lossy one the timer is set.
func (o *smallOracle) settle(s int) {
	r := &o.sessions[s]
	if o.durable[s] {
		r.settle(smallNumbers)
	}
	base := int8(slices.Index(r.state[:], numberMissing))
	switch {
	case base < 0:
		r.settling = smallTimer{}
	case r.settling.order == 0 || base > r.mark:
		o.set(&r.settling, smallSettle)
		r.mark = r.top()
	}
}

// settle settles what is missing up to a number.
func (r *smallReceiver) settle(to int8) {
	for n := int8(1); n <= to; n++ {
		if r.state[n] != numberMissing {
			continue
		}
		if r.state[n] = numberUnknown; r.proved[n] {
			r.state[n] = numberLost
		}
		r.counts[r.state[n]]++
	}
}

func (o *smallOracle) close(s int, reason cdcp.Reason) {
	r := &o.sessions[s]
	r.settle(smallNumbers)
	r.floor = r.top() + 1
	r.ended, r.live, r.idle, r.settling = true, false, smallTimer{}, smallTimer{}
	if r.announced {
		o.tell(smallEvent{kind: cdcp.EventReceiverClosed, session: int8(s), reason: reason})
	}
	r.closing = false
}

// active takes in that the receiver of a session was.
func (o *smallOracle) active(s int) {
	r := &o.sessions[s]
	o.sets++
	r.activity = o.sets
	if !r.closing {
		o.set(&r.idle, smallIdle)
	}
}

// set sets a timer; one that is set to the deadline that it has keeps its place.
func (o *smallOracle) set(t *smallTimer, d int64) {
	if at := o.now + d; t.order == 0 || t.at != at {
		o.sets++
		*t = smallTimer{at, o.sets}
	}
}

// leave closes what lives, what was active the longest time ago first.
func (o *smallOracle) leave() {
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
func (o *smallOracle) next() (at int64, s int, idle bool) {
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

func (o *smallOracle) wait(until int64) {
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

func (o *smallOracle) tell(v smallEvent) {
	o.out[o.events] = v
	o.events++
}

// key is equal for two worlds exactly if the same inputs do the same in both.
func (o smallOracle) key() smallOracle {
	var orders [6]*int
	for s := range o.sessions {
		r := &o.sessions[s]
		copy(orders[3*s:], []*int{&r.activity, &r.idle.order, &r.settling.order})
		r.idle.at -= o.now
		r.settling.at -= o.now
	}
	var ranks [6]int
	for i, n := range orders {
		for _, m := range orders {
			if *n != 0 && *m <= *n {
				ranks[i]++
			}
		}
	}
	for i, n := range orders {
		*n = ranks[i]
	}
	for s := range o.sessions {
		for _, t := range []*smallTimer{&o.sessions[s].idle, &o.sessions[s].settling} {
			if t.order == 0 {
				t.at = 0
			}
		}
	}
	o.now, o.sets, o.out, o.events = 0, 0, [8]smallEvent{}, 0
	return o
}
