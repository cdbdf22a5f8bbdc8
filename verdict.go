package cdcp

import "strconv"

// A Verdict says what became of a frame (SPEC.md section 9.11). The zero value is that of a frame that did not decode.
type Verdict uint8

// The verdicts.
const (
	Accepted   Verdict = 1 // it was taken in
	Duplicate  Verdict = 2 // its message, or its fragment, is here
	Stale      Verdict = 3 // its number is below the base of its session
	Superseded Verdict = 4 // its session is over here
	Ignored    Verdict = 5 // it has no effect
	Mismatch   Verdict = 6 // it contradicts its session or its message
	Overflow   Verdict = 7 // durable, without room: its receiver closed
	Dropped    Verdict = 8 // lossy or a fragment, without room
)

// String returns the name of v in SPEC.md, or "verdict(N)".
func (v Verdict) String() string {
	switch v {
	case Accepted:
		return "accepted"
	case Duplicate:
		return "duplicate"
	case Stale:
		return "stale"
	case Superseded:
		return "superseded"
	case Ignored:
		return "ignored"
	case Mismatch:
		return "mismatch"
	case Overflow:
		return "overflow"
	case Dropped:
		return "dropped"
	}
	return "verdict(" + strconv.Itoa(int(v)) + ")"
}
