package wire

import "strconv"

// A Type says what a frame is (SPEC.md section 4). It has 6 bits.
type Type uint8

// The types of version 1.
const (
	TypeData      Type = 0 // a message, or a fragment of one
	TypeClose     Type = 1 // the session is over
	TypeKeepAlive Type = 2 // the session goes on
)

// String returns the name of t in SPEC.md, or "type(N)" for a number without a name.
func (t Type) String() string {
	switch t {
	case TypeData:
		return "DATA"
	case TypeClose:
		return "CLOSE"
	case TypeKeepAlive:
		return "KEEPALIVE"
	}
	return "type(" + strconv.Itoa(int(t)) + ")"
}
