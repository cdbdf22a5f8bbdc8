package sequencer

import (
	"math/bits"
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

const (
	size      = 1024            // numbers that a window has room for
	settling  = 2 * time.Second // WINDOW-007, RECV-009
	unlimited = 1<<32 - size    // as a run: more than any distance back to high, and less than one forwards, which wraps
	far       = 1 << 30         // below the base: as far as high is remembered
)

// A Verdict says what a [Window] makes of the number of a message.
type Verdict uint8

// The verdicts.
const (
	New       Verdict = iota // it has not come before
	Duplicate                // it was accepted before (WINDOW-003)
	Stale                    // it is below the base (WINDOW-002)
)

// A Window tells the numbers of one session that came from those that did not, and settles those that are missing: every
// number from the first base on ends as exactly one of delivered, lost and unknown (SPEC.md section 9.13). The zero value is
// the window of a lossy session of which nothing came.
//
// A Window of which no number was ever missing has no memory but its own, as has that of a durable session; any other has 256
// bytes more. No call takes longer than in proportion to the 1024 numbers that it has room for, however far numbers jump.
type Window struct {
	delivered, lost, unknown uint64

	due  time.Duration // of the settling timer; 0: stopped
	ring *ring         // nil until a number is missing

	base  wire.Serial // set if begun
	next  wire.Serial // top + 1; base if nothing is missing
	tail  wire.Serial // from here to top all were accepted, and have no bits yet; set if something is missing
	high  wire.Serial // set if delivered > 0 and not steady; at least base - far
	after wire.Serial // low + 1, or base if that is newer; set if delivered > 0 and something is missing
	mark  wire.Serial // set if due > 0

	begun   bool
	durable bool
	steady  bool // high is top, and all that is missing from after on is proved to be lost
}

// A ring has two bits for each number n from base to tail - 1, at n mod 1024.
type ring struct{ accepted, proved [size / 64]uint64 }

// word returns the word of a ring that the bit of n is in.
func word(n wire.Serial) int { return int(n % size / 64) }

// bit returns the bit of n in its word.
func bit(n wire.Serial) uint64 { return 1 << (n % 64) }

// span returns where the numbers from from on are that are before to and in one word: the word, their bits in it, and the
// number after them.
func span(from, to wire.Serial) (word int, mask uint64, end wire.Serial) {
	n := min(64-from%64, to-from)
	return int(from % size / 64), (1<<n - 1) << (from % 64), from + n
}

// Reset makes w the window of a new session of which nothing came.
func (w *Window) Reset(durable bool) { *w = Window{ring: w.ring, durable: durable} }

// Resume sets the base of a window of which nothing came: the session comes back, and its window stood there (WINDOW-001).
func (w *Window) Resume(base wire.Serial) {
	w.base, w.next, w.high, w.begun = base, base, base-far, true
}

// Check returns what [Window.Accept] would return for s, and changes nothing.
func (w *Window) Check(s wire.Serial) Verdict {
	switch ahead := uint32(s - w.base); {
	case ahead >= 1<<31 && w.begun:
		return Stale // WINDOW-002, RECV-016
	case ahead < uint32(w.next-w.base) && (ahead >= uint32(w.tail-w.base) || w.ring.accepted[word(s)]&bit(s) != 0):
		return Duplicate // WINDOW-003
	}
	return New
}

// Accept takes in the number s of a complete message and its run, 0 if it has none. Unless the verdict is New nothing changes.
func (w *Window) Accept(now time.Duration, s wire.Serial, run uint16) Verdict {
	if s == w.next && w.steady { // the short way of nearly all numbers: nothing becomes missing, or is proved
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
		w.high, _ = w.High()
		w.after = s + 1
		w.steady = false
	}
	ahead := s-w.base >= w.next-w.base
	if ahead || !w.steady && s.Newer(w.high) {
		lost := w.provable(s, run)
		if ahead {
			w.raise(s, s, lost)
		} else {
			w.prove(lost, s+1)
		}
		w.high = s
		w.steady = lost == w.after && s == w.next-1
	}
	if s == w.base {
		w.base++
		w.slide()
	} else if w.base != w.next {
		w.ring.accepted[word(s)] |= bit(s)
	}
	w.schedule(now)
	return New
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
		w.high, _ = w.High()
		w.raise(last, last+1, lost)
		w.steady = false
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
		w.tail, w.after = w.base, w.base
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
	known, ahead, sure := uint32(w.next-w.base), uint32(s-w.base), uint32(lost-w.base)
	if w.steady && sure < known {
		lost, sure = w.next, known
	}
	if w.durable { // WINDOW-008
		all := uint32(end - w.base)
		w.tally(all, min(sure, all))
		w.base, w.next = s+1, s+1
		return
	}
	for w.tail != w.next {
		i, mask, rest := span(w.tail, w.next)
		w.ring.accepted[i] |= mask
		w.tail = rest
	}
	if ahead >= size { // WINDOW-006
		w.prove(lost, w.next)
		base := s + 1 - size
		out := uint32(base - w.base)
		w.settle(w.base + wire.Serial(min(out, known)))
		if out > known { // the numbers that never were in the window
			w.tally(out-known, min(max(sure, known)-known, out-known))
			w.base, w.next = base, base
			if sure < out {
				lost = base
			}
		} else if lost-w.base >= size {
			lost = w.base
		}
	}
	if w.next != end && w.ring == nil {
		w.ring = new(ring)
	}
	for w.next != end {
		i, mask, rest := span(w.next, end)
		w.ring.accepted[i] &^= mask
		w.ring.proved[i] &^= mask
		w.next = rest
	}
	w.next, w.tail = s+1, s+1
	w.prove(lost, end)
}

// prove notes that the missing numbers from lost to end - 1 are lost.
func (w *Window) prove(lost, end wire.Serial) {
	for lost-w.base < end-w.base {
		i, mask, rest := span(lost, end)
		w.ring.proved[i] |= mask
		lost = rest
	}
}

// settle counts the missing numbers from base to end - 1, and moves base on from there.
func (w *Window) settle(end wire.Serial) {
	for w.base != end && w.base != w.tail {
		i, mask, rest := span(w.base, w.base+min(end-w.base, w.tail-w.base))
		missing := mask &^ w.ring.accepted[i]
		w.tally(uint32(bits.OnesCount64(missing)), uint32(bits.OnesCount64(missing&^w.ring.proved[i])))
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
	for w.base != w.tail {
		i, mask, rest := span(w.base, w.tail)
		if missing := mask &^ w.ring.accepted[i]; missing != 0 {
			w.base += wire.Serial(bits.TrailingZeros64(missing)) - w.base%64
			break
		}
		w.base = rest
	}
	if w.base == w.tail {
		w.base, w.tail = w.next, w.next
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
