package cdcp

import (
	"strconv"
	"time"
)

// A Code is the reason why a call is refused (SPEC.md section 9.18). It is an error itself, so that a caller can write
//
//	errors.Is(err, cdcp.SenderClosed)
//
// Codes never travel, and their numbers mean nothing outside this package.
type Code uint8

// The codes. The names in SPEC.md of all but the first begin with DataChannel.
const (
	InvalidArgument               Code = 1 // an argument is out of its range
	FailedToStart                 Code = 2 // the link is down, or it cannot carry the class of the sender
	RandomIDNotAvailable          Code = 3 // every channel id is in use
	SenderClosed                  Code = 4 // the sender is closed
	MessageSizeOverLimit          Code = 5 // the message has more than 32768 bytes
	MessageFailureForBandwidth    Code = 6 // the link is down, or the transmit queue has no room
	MessageFailureForTrafficLimit Code = 7 // a bucket of the limits lacks what the message costs
)

// String returns the name of c in SPEC.md, or "code(N)".
func (c Code) String() string {
	switch c {
	case InvalidArgument:
		return "InvalidArgument"
	case FailedToStart:
		return "DataChannelFailedToStart"
	case RandomIDNotAvailable:
		return "DataChannelRandomIdNotAvailable"
	case SenderClosed:
		return "DataChannelSenderClosed"
	case MessageSizeOverLimit:
		return "DataChannelMessageSizeOverLimit"
	case MessageFailureForBandwidth:
		return "DataChannelMessageFailureForBandwidth"
	case MessageFailureForTrafficLimit:
		return "DataChannelMessageFailureForTrafficLimit"
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Error returns the text of c, which can change.
func (c Code) Error() string { return "cdcp: " + c.String() }

// An Error is what a call is refused with. The call has then changed nothing. Its text can change; the fields are those of
// SPEC.md section 9.18.
type Error struct {
	Code  Code
	Have  int       // what was had: bytes or channel ids, as CALL-005 to CALL-007 say; 0 otherwise
	Limit int       // what the limit is: bytes, channel ids, kbit/s or packets/s; 0 if none is at issue
	Retry time.Time // the earliest time at which the call could succeed; zero: unknown
}

// Error returns the text of e, which can change.
func (e *Error) Error() string {
	s := e.Code.Error()
	if e.Limit != 0 {
		s += ": " + strconv.Itoa(e.Have) + ", limit " + strconv.Itoa(e.Limit)
	}
	return s
}

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }
