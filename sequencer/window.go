package sequencer

import (
	"math/bits"
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

const (
	size      = 1024            // numbers that a window has room for
	settling  = 2 * time.Second // WINDOW-007, RECV-009
	unlimited = 1<<32 - size    // no run: more than any distance back to high, less than one ahead to it, which wraps
	far       = 1 << 30         // numbers below the base, as far as high is remembered
)

// A Verdict says what a [Window] makes of the number of a message.
type Verdict uint8

// The verdicts.
const (
	New       Verdict = iota // it is accepted (WINDOW-004)
	Duplicate                // it was accepted before (WINDOW-003)
	Stale                    // it is below the base (WINDOW-002)
)

// A Window tells the numbers of one session that came from those that are missing, and settles these: every number from the
// first base on ends as exactly one of delivered, lost and unknown (SPEC.md section 9.13). The zero value is the window of a
// lossy session of which nothing came. A Window must not be copied once it is in use.
//
// Beside its own memory a Window takes 256 bytes when a number of a lossy session is missing for the first time, and never
// more. No call takes longer than in proportion to the 1024 numbers that it has room for, however far numbers jump.
type Window struct {
	delivered, lost, unknown uint64

	due     time.Duration // of the settling timer; 0: stopped
	missing *missing      // nil until a number is

	base wire.Serial // set if begun
	next wire.Serial // top + 1, and so base if nothing is missing
	high wire.Serial // set if begun and not steady: base - far at least, and older than base if nothing was accepted
	low  wire.Serial // base at least; set if something was accepted and something is missing
	mark wire.Serial // set if due > 0

	begun   bool
	steady  bool // high is top, and every missing number from low on is proved to be lost
	durable bool
}

// NewWindow returns the window of a new session, durable or lossy, of which nothing came.
func NewWindow(durable bool) Window { return Window{durable: durable} }

// Resume sets the base of a window of which nothing came to where the window of its session stood before (WINDOW-001).
func (w *Window) Resume(base wire.Serial) {
	w.base, w.next, w.high, w.begun = base, base, base-1, true
}

// Check returns what [Window.Accept] would return for s, and changes nothing.
func (w *Window) Check(s wire.Serial) Verdict {
	switch {
	case w.begun && s.Older(w.base):
		return Stale // WINDOW-002, RECV-016
	case s-w.base < w.next-w.base && !w.missing.has(s):
		return Duplicate // WINDOW-003
	}
	return New
}

// Accept takes in the number s of a complete message and its run, 0 if it has none. Unless the verdict is [New], nothing
// changes. What is due at the time now is to be done before, by [Window.Advance].
func (w *Window) Accept(now time.Duration, s wire.Serial, run uint16) Verdict {
	if s == w.next && w.steady { // as with nearly all numbers: nothing becomes missing, and nothing is left to be proved
		switch ahead := uint32(s - w.base); {
		case ahead == 0:
			w.delivered++
			w.base, w.next = s+1, s+1
			return New
		case ahead < size:
			w.delivered++
			w.next = s + 1
			return New
		}
	}
	return w.accept(now, s, run)
}

// accept is Accept for every number.
func (w *Window) accept(now time.Duration, s wire.Serial, run uint16) Verdict {
	if v := w.Check(s); v != New {
		return v
	}
	w.begin(s)
	w.delivered++ // WINDOW-004
	if w.delivered == 1 || s-w.base < w.low-w.base {
		w.unsteady()
		w.low = s
	}
	lost := w.provable(s, run)
	if s-w.base >= w.next-w.base {
		all := lost == w.low || w.steady && lost-w.base <= w.next-w.base
		w.raise(s, s, lost)
		w.high, w.steady = s, all
	} else {
		w.missing.remove(s)
		if !w.steady && s.Newer(w.high) {
			w.prove(lost, s)
			w.high = s
		}
	}
	if s == w.base {
		w.base++
		w.slide()
	}
	w.schedule(now)
	return New
}

// Mark takes in the last number of a KEEPALIVE or CLOSE and its run, 0 if it has none. What is due at the time now is to be done
// before, by [Window.Advance].
func (w *Window) Mark(now time.Duration, last wire.Serial, run uint16) {
	w.begin(last)
	lost := last + 1
	if high, ok := w.High(); ok && uint32(last-high) < reach(run) { // WINDOW-011
		lost = w.provable(last, run)
	}
	switch {
	case last.Newer(w.next - 1): // WINDOW-005
		w.unsteady()
		w.raise(last, last+1, lost)
	case last-w.base < w.next-w.base:
		w.prove(lost, last+1)
	}
	w.schedule(now)
}

// Linger sets the settling timer anew if a number is missing: a CLOSE of a lossy session came before it (RECV-009).
func (w *Window) Linger(now time.Duration) {
	w.due = 0
	w.schedule(now)
}

// Settle settles all that is missing, as when a receiver closes (WINDOW-010).
func (w *Window) Settle() {
	w.settle(w.next)
	w.slide()
	w.due = 0
}

// Advance settles what is due at the time now.
func (w *Window) Advance(now time.Duration) {
	for w.due != 0 && w.due <= now {
		due := w.due
		w.settle(w.mark + 1)
		w.slide()
		w.schedule(due) // TIME-002, TIME-004; base is newer than mark
	}
}

// Deadline returns when [Window.Advance] has something to do; ok is false if never, as long as nothing comes.
func (w *Window) Deadline() (due time.Duration, ok bool) { return w.due, w.due != 0 }

// Missing reports whether a number is missing.
func (w *Window) Missing() bool { return w.base != w.next }

// Base returns the first number that is neither accepted nor settled, 0 if the window has none yet.
func (w *Window) Base() wire.Serial { return w.base }

// High returns the newest number that was accepted; ok is false if none was. A number that is more than 2^30 below the base is
// given as base − 2^30, so that it stays older than those that come.
func (w *Window) High() (s wire.Serial, ok bool) {
	if w.steady {
		return w.next - 1, true
	}
	return w.high, w.delivered > 0
}

// Counts returns how many numbers ended as what.
func (w *Window) Counts() (delivered, lost, unknown uint64) { return w.delivered, w.lost, w.unknown }

// begin makes w ready for the number s.
func (w *Window) begin(s wire.Serial) {
	if !w.begun { // WINDOW-001
		w.Resume(1)
		if s-1 >= size {
			w.Resume(s - size + 1)
		}
	}
	if w.base == w.next {
		w.low = w.base
	}
}

// unsteady writes down what steady implies, and ends it.
func (w *Window) unsteady() {
	w.high, _ = w.High()
	w.steady = false
}

// reach returns how many numbers a run says something of.
func reach(run uint16) uint32 {
	if run == 0 {
		return unlimited // WINDOW-012
	}
	return uint32(run)
}

// provable returns the first of the numbers up to s that a frame with the number s and a run that takes in high proves to be lost
// if they are missing (WINDOW-011).
func (w *Window) provable(s wire.Serial, run uint16) wire.Serial {
	if r := reach(run); r < uint32(s+1-w.low) {
		return s + 1 - wire.Serial(r)
	}
	return w.low
}

// prove proves the missing numbers from lost to end - 1 to be lost.
func (w *Window) prove(lost, end wire.Serial) {
	for lost-w.base < end-w.base {
		i, mask, rest := span(lost, end)
		proved := w.missing.unknown[i] & mask
		w.missing.unknown[i] ^= proved
		w.missing.lost[i] |= proved
		lost = rest
	}
}

// raise makes s top, which is older. The numbers after top up to end - 1 are missing from then on. All that is missing from
// lost on is proved to be lost.
func (w *Window) raise(s, end, lost wire.Serial) {
	base, known := w.base, uint32(w.next-w.base)
	ahead, endAt, lostAt := uint32(s-base), uint32(end-base), uint32(lost-base)
	if w.durable { // WINDOW-008
		w.tally(0, endAt, lostAt)
		w.base, w.next = s+1, s+1
		w.slide()
		return
	}
	if !w.steady {
		w.prove(lost, w.next)
	}
	if ahead >= size { // WINDOW-006
		out := ahead + 1 - size
		w.settle(base + wire.Serial(min(out, known)))
		if out > known { // numbers that never were in the window
			w.tally(known, out, lostAt)
			w.base, w.next = s+1-size, s+1-size
		}
		w.slide()
	}
	if w.next != end {
		if w.missing == nil {
			w.missing = new(missing)
		}
		lost = base + wire.Serial(clamp(lostAt, uint32(w.next-base), endAt))
		w.missing.unknown.add(w.next, lost)
		w.missing.lost.add(lost, end)
	}
	w.next = s + 1
}

// settle counts the missing numbers before end, which is top + 1 at most, and makes end the base (WINDOW-009).
func (w *Window) settle(end wire.Serial) {
	for w.base != end {
		i, mask, rest := span(w.base, end)
		w.lost += uint64(bits.OnesCount64(w.missing.lost[i] & mask))
		w.unknown += uint64(bits.OnesCount64(w.missing.unknown[i] & mask))
		w.missing.lost[i] &^= mask
		w.missing.unknown[i] &^= mask
		w.base = rest
	}
}

// tally counts the missing numbers from from to end - 1, of which those from lost on are lost. All three are distances.
func (w *Window) tally(from, end, lost uint32) {
	lost = clamp(lost, from, end)
	w.unknown += uint64(lost - from)
	w.lost += uint64(end - lost)
}

func clamp(n, least, most uint32) uint32 { return min(max(n, least), most) }

// slide moves base on to the first number that is neither accepted nor settled.
func (w *Window) slide() {
	for w.base != w.next {
		i, mask, rest := span(w.base, w.next)
		if m := mask & (w.missing.lost[i] | w.missing.unknown[i]); m != 0 {
			w.base += wire.Serial(bits.TrailingZeros64(m)) - w.base%64
			break
		}
		w.base = rest
	}
	if w.low-w.base >= size {
		w.low = w.base
	}
	if w.high-(w.base-far) > far+size {
		w.high = w.base - far
	}
}

// schedule sets or stops the settling timer (WINDOW-007).
func (w *Window) schedule(now time.Duration) {
	switch {
	case w.base == w.next:
		w.due = 0
	case w.due == 0 || w.base.Newer(w.mark):
		w.due, w.mark = now+settling, w.next-1
	}
}
