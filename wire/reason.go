package wire

import "strconv"

// A CloseReason says why a session is over (SPEC.md section 4.2).
type CloseReason uint16

// The reasons of version 1. Every other number is read as a generic reason, and kept as it is.
const (
	CloseNormal   CloseReason = 0 // the application closed the sender
	CloseReplaced CloseReason = 1 // a newer session took the channel
)

// String returns the name of r in SPEC.md, or "generic(N)".
func (r CloseReason) String() string {
	switch r {
	case CloseNormal:
		return "normal"
	case CloseReplaced:
		return "replaced"
	}
	return "generic(" + strconv.Itoa(int(r)) + ")"
}
