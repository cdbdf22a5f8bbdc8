package sequencer

import (
	"math/bits"
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

const (
	size      = 1024            // numbers that a window has room for
	settling  = 2 * time.Second // WINDOW-007, RECV-009
	unlimited = 1<<32 - size    // as a run: more than any distance back to high, less than one forwards, which wraps
	far       = 1 << 30         // below the base: as far as high is remembered
)

// A Verdict says what a [Window] makes of the number of a message.
type Verdict uint8

// The verdicts.
const (
	New       Verdict = iota // it did not come before
	Duplicate                // it was accepted before (WINDOW-003)
	Stale                    // it is below the base (WINDOW-002)
)

// A Window tells the numbers of one session that came from those that did not, and settles those that are missing: every
// number from the first base on ends as exactly one of delivered, lost and unknown (SPEC.md section 9.13). The zero value is
// the window of a lossy session of which nothing came. A Window that is in use is not to be copied.
//
// A Window takes 256 bytes of memory beside its own when a number of a lossy session is missing for the first time, and never
// more. No call takes longer than in proportion to the 1024 numbers that it has room for, however far numbers jump.
type Window struct {
	delivered, lost, unknown uint64

	due     time.Duration // of the settling timer; 0: stopped
	missing *missing      // nil until a number is

	base  wire.Serial // set if begun
	next  wire.Serial // top + 1; the same as base if nothing is missing
	high  wire.Serial // set if delivered > 0 and not steady; at least base - far
	after wire.Serial // low + 1, or base if that is newer; set if delivered > 0 and something is missing
	mark  wire.Serial // set if due > 0

	begun   bool
	steady  bool // top was accepted, and so is high; every missing number from after on is proved to be lost
	durable bool
}

// The missing numbers, by what they are when they are settled now. No number is in both.
type missing struct{ lost, unknown ring }

// A ring is a set of numbers from the base of a window to its top: n is bit n mod 1024. All other bits are 0.
type ring [size / 64]uint64

// span returns where in a ring the numbers from to to - 1 begin: the word that has the first of them, all bits in it that are
// theirs, and the first number that is not in it.
func span(from, to wire.Serial) (word int, mask uint64, rest wire.Serial) {
	n := min(64-from%64, to-from)
	return int(from % size / 64), (1<<n - 1) << (from % 64), from + n
}

func (r *ring) add(from, to wire.Serial) {
	for from != to {
		i, mask, rest := span(from, to)
		r[i] |= mask
		from = rest
	}
}

func (r *ring) has(n wire.Serial) bool { return r[n%size/64]&(1<<(n%64)) != 0 }

func (r *ring) remove(n wire.Serial) { r[n%size/64] &^= 1 << (n % 64) }

// NewWindow returns the window of a new session, durable or lossy, of which nothing came.
func NewWindow(durable bool) Window { return Window{durable: durable} }

// Resume sets the base of a window of which nothing came, for a session that comes back: the window of its last receiver stood
// there (WINDOW-001, RECV-016).
func (w *Window) Resume(base wire.Serial) {
	w.base, w.next, w.high, w.begun = base, base, base-far, true
}

// Check returns what [Window.Accept] would return for s, and changes nothing.
func (w *Window) Check(s wire.Serial) Verdict {
	switch ahead := uint32(s - w.base); {
	case ahead >= 1<<31 && w.begun:
		return Stale // WINDOW-002
	case ahead < uint32(w.next-w.base) && !w.missing.lost.has(s) && !w.missing.unknown.has(s):
		return Duplicate // WINDOW-003
	}
	return New
}

// Accept takes in the number s of a complete message and its run, 0 if it has none. Unless the verdict is New nothing changes.
func (w *Window) Accept(now time.Duration, s wire.Serial, run uint16) Verdict {
	if s == w.next && w.steady { // the short way of nearly all numbers: no number becomes missing, or is proved
		if s == w.base {
			w.delivered++
			w.base, w.next = s+1, s+1
			return New
		}
		if ahead := uint32(s - w.base); ahead < size && ahead <= uint32(run-1) {
			w.delivered++
			w.next = s + 1
			return New
		}
	}
	return w.accept(now, s, run)
}

// accept is Accept for all numbers.
func (w *Window) accept(now time.Duration, s wire.Serial, run uint16) Verdict {
	if v := w.Check(s); v != New {
		return v
	}
	w.begin(s)
	w.delivered++ // WINDOW-004
	if w.delivered == 1 || s-w.base < w.after-w.base {
		w.unsteady()
		w.after = s + 1
	}
	ahead := s-w.base >= w.next-w.base
	if !ahead {
		w.missing.lost.remove(s)
		w.missing.unknown.remove(s)
	}
	if ahead || !w.steady && s.Newer(w.high) {
		lost := w.provable(s, run)
		all := lost == w.after
		if ahead {
			w.raise(s, s, lost)
		} else {
			w.prove(lost, s)
		}
		w.high = s
		w.steady = all && s == w.next-1
	}
	if s == w.base {
		w.base++
		w.slide()
	}
	w.schedule(now)
	return New
}

func (w *Window) unsteady() {
	w.high, _ = w.High()
	w.steady = false
}

// Mark takes in the last number of a KEEPALIVE or CLOSE and its run, 0 if it has none.
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

// begin readies w for the number s.
func (w *Window) begin(s wire.Serial) {
	if !w.begun { // WINDOW-001
		w.Resume(1)
		if s-1 >= size {
			w.Resume(s - size + 1)
		}
	}
	if w.base == w.next {
		w.after = w.base
	}
}

// reach returns how far back a run goes.
func reach(run uint16) uint32 {
	if run == 0 {
		return unlimited // WINDOW-012
	}
	return uint32(run)
}

// provable returns the first of the numbers up to s that are proved to be lost, if they are missing, by a frame with the number
// s and a run of which high is a part; s + 1 if there is none (WINDOW-011).
func (w *Window) provable(s wire.Serial, run uint16) wire.Serial {
	if r := reach(run); r < uint32(s+1-w.after) {
		return s + 1 - wire.Serial(r)
	}
	return w.after
}

// raise makes s, which is newer, top. The numbers between them up to end - 1 are missing, and all that are missing from
// lost on are proved to be lost.
func (w *Window) raise(s, end, lost wire.Serial) {
	base := w.base
	known, ahead, sure := uint32(w.next-w.base), uint32(s-w.base), uint32(lost-w.base)
	if w.durable { // WINDOW-008
		all := uint32(end - w.base)
		w.tally(all, min(sure, all))
		w.base, w.next = s+1, s+1
		return
	}
	if !w.steady {
		w.prove(lost, w.next)
	}
	if ahead >= size { // WINDOW-006
		base := s + 1 - size
		out := uint32(base - w.base)
		w.settle(w.base + wire.Serial(min(out, known)))
		if out > known { // the numbers that never were in the window
			w.tally(out-known, min(max(sure, known)-known, out-known))
			w.base, w.next = base, base
		}
	}
	split := base + wire.Serial(min(max(sure, uint32(w.next-base)), uint32(end-base)))
	if w.next != end {
		if w.missing == nil {
			w.missing = new(missing)
		}
		w.missing.unknown.add(w.next, split)
		w.missing.lost.add(split, end)
	}
	w.next = s + 1
}

// prove notes that the missing numbers from lost to end - 1 are lost.
func (w *Window) prove(lost, end wire.Serial) {
	for lost-w.base < end-w.base {
		i, mask, rest := span(lost, end)
		proved := w.missing.unknown[i] & mask
		w.missing.unknown[i] ^= proved
		w.missing.lost[i] |= proved
		lost = rest
	}
}

// settle counts the missing numbers from base to end - 1, and moves base on from there.
func (w *Window) settle(end wire.Serial) {
	for w.base != end {
		i, mask, rest := span(w.base, end)
		w.lost += uint64(bits.OnesCount64(w.missing.lost[i] & mask)) // WINDOW-009
		w.unknown += uint64(bits.OnesCount64(w.missing.unknown[i] & mask))
		w.missing.lost[i] &^= mask
		w.missing.unknown[i] &^= mask
		w.base = rest
	}
	w.slide()
}

// tally counts missing numbers as unknown, and the rest of them as lost (WINDOW-009).
func (w *Window) tally(missing, unknown uint32) {
	w.unknown += uint64(unknown)
	w.lost += uint64(missing - unknown)
}

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
	if w.after-w.base > size {
		w.after = w.base
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

// Linger sets the settling timer anew if a number is missing: the CLOSE of a lossy session came (RECV-009).
func (w *Window) Linger(now time.Duration) {
	w.due = 0
	w.schedule(now)
}

// Settle settles all that is missing: the receiver closes (WINDOW-010).
func (w *Window) Settle() {
	w.settle(w.next)
	w.due = 0
}

// Advance does what is due at the time now.
func (w *Window) Advance(now time.Duration) {
	for w.due != 0 && w.due <= now {
		due := w.due
		w.settle(w.mark + 1)
		w.due = 0
		w.schedule(due) // TIME-002
	}
}

// Deadline returns when [Window.Advance] has something to do, if it has.
func (w *Window) Deadline() (due time.Duration, ok bool) { return w.due, w.due != 0 }

// Missing reports whether a number is missing.
func (w *Window) Missing() bool { return w.base != w.next }

// Base returns the first number that is neither accepted nor settled. It is 0 as long as nothing came.
func (w *Window) Base() wire.Serial { return w.base }

// High returns the newest number that was accepted, if one was. One that is further than 2^30 below the base is given as base -
// 2^30, so that it stays older than what comes.
func (w *Window) High() (s wire.Serial, ok bool) {
	if w.steady {
		return w.next - 1, true
	}
	return w.high, w.delivered > 0
}

// Counts returns how many numbers ended as each of the three.
func (w *Window) Counts() (delivered, lost, unknown uint64) { return w.delivered, w.lost, w.unknown }
