package wire

import "strings"

// Flags is the second byte of a frame (SPEC.md section 3.4).
type Flags uint8

// The flags of version 1. The other four bits are zero.
const (
	FlagFragment   Flags = 0x80 // F: the frame carries a part of a message
	FlagExtensions Flags = 0x40 // X: the frame carries at least one TLV
	FlagDurable    Flags = 0x20 // D: the session is durable; clear: lossy
	FlagHigh       Flags = 0x10 // P: the session has high priority; clear: normal

	flagsSession = FlagDurable | FlagHigh // what belongs to the session and not to the frame
	flagsZero    = 0x0f
)

// String returns the letters of the flags that are set, in the order of their bits, with a digit for each bit that version 1
// has no letter for: "XD", "F3". It returns "none" for 0.
func (f Flags) String() string {
	const letters = "FXDP3210"
	var s strings.Builder
	for i := range 8 {
		if f&(0x80>>i) != 0 {
			s.WriteByte(letters[i])
		}
	}
	if s.Len() == 0 {
		return "none"
	}
	return s.String()
}
