package cdcp

import (
	"math"
	"time"
)

const (
	never      time.Duration = math.MaxInt64 // later than every time
	leastTimer               = time.Second   // no timer is shorter
)

// The kinds of timers, in the order in which they are done at one time (SPEC.md section 9.1). All timers of one kind have one length, or
// one for each interval of keep-alive, so that each kind is a list in the order in which they were set.
type timerKind uint8

const (
	timerSettling timerKind = iota
	timerIdle
	timerExpiry
	timerKeepAlive
)

// nextTimer returns what is due first, or never.
func (e *Endpoint) nextTimer() (at time.Duration, kind timerKind) {
	at = never
	if r := e.settling.head(); r != nil {
		at = r.settleAt
	}
	if r := e.idle.head(); r != nil && r.idleAt < at {
		at, kind = r.idleAt, timerIdle
	}
	if d, ok := e.fragments.Deadline(); ok && d < at {
		at, kind = d, timerExpiry
	}
	if c := e.keepAlives.next(); c != nil && c.keepAlive.at < at {
		at, kind = c.keepAlive.at, timerKeepAlive
	}
	return at, kind
}

// enter begins an input: it does what is due at now, and returns now as it is reckoned inside (TIME-001 to TIME-004).
func (e *Endpoint) enter(now time.Time) time.Duration {
	t := now.Sub(e.start)
	e.now = max(e.now, t-t%time.Microsecond)
	if e.now >= e.quiet {
		e.expireAll()
	}
	return e.now
}

// expireAll does what is due.
func (e *Endpoint) expireAll() {
	for {
		at, kind := e.nextTimer()
		if at > e.now {
			e.quiet = min(at, e.now+leastTimer)
			return
		}
		e.expire(at, kind)
	}
}

// expire does what the first timer of a kind is for, at its deadline.
func (e *Endpoint) expire(at time.Duration, kind timerKind) {
	switch kind {
	case timerSettling:
		r := e.settling.head()
		if r.state == receiverClosing {
			e.closeReceiver(r, r.reason) // RECV-010
			return
		}
		r.window.Advance(at)
		e.settle(r)
	case timerIdle:
		e.closeReceiver(e.idle.head(), ReasonIdle) // RECV-007
	case timerExpiry:
		e.fragments.Advance(at)
	case timerKeepAlive:
		e.remindKeepAlive(at, e.keepAlives.next())
	}
}

// Deadline returns the time at which [Endpoint.Advance] has something to do, and before which it has nothing (TIME-005). The zero
// time says that it has nothing to do as long as no other call is made. It can change with every call.
func (e *Endpoint) Deadline() time.Time {
	at, _ := e.nextTimer()
	return e.time(at)
}

// time returns t on the clock of the caller; the zero time for never.
func (e *Endpoint) time(t time.Duration) time.Time {
	if t == never {
		return time.Time{}
	}
	return e.start.Add(t)
}
