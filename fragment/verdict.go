package fragment

import "strconv"

// A Verdict says what became of a fragment.
type Verdict uint8

// The verdicts. In SPEC.md section 9.11, Held and Complete are parts of accepted, Conflict is a mismatch, NoRoom is dropped.
const (
	Held      Verdict = 1 // it was kept; others are missing
	Complete  Verdict = 2 // it was kept, and its message is whole
	Duplicate Verdict = 3 // it is here; no effect
	Conflict  Verdict = 4 // it contradicts its message, which is killed, or it cannot begin one
	NoRoom    Verdict = 5 // its message would exceed the budget (BOUND-008); no effect
)

// String returns the name of v, in lower case, or "verdict(N)".
func (v Verdict) String() string {
	switch v {
	case Held:
		return "held"
	case Complete:
		return "complete"
	case Duplicate:
		return "duplicate"
	case Conflict:
		return "conflict"
	case NoRoom:
		return "no room"
	}
	return "verdict(" + strconv.Itoa(int(v)) + ")"
}
