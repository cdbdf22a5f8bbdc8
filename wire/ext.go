package wire

import (
	"encoding/binary"
	"iter"
)

// An ExtType is the type of a TLV (SPEC.md sections 3.9 and 5).
type ExtType uint8

// The TLVs of version 1.
const (
	ExtRun          ExtType = 0x01 // uint16, 1 to 65535: how many messages went to the present list
	ExtOrigin       ExtType = 0x41 // uint16 handle, 1 to 65535: whom a relay had the frame from
	ExtParticipants ExtType = 0xc1 // 1 to 64 uint16 handles, strictly ascending: whom the frame is for
)

const handleSize = 2 // of a participant handle in a TLV, bytes

// Critical reports whether a receiver that does not know t refuses the frame (bit 7).
func (t ExtType) Critical() bool { return t&0x80 != 0 }

// HopByHop reports whether t is for the next hop, and stands in every fragment of a message (bit 6).
func (t ExtType) HopByHop() bool { return t&0x40 != 0 }

// String returns the name of t in SPEC.md, or "ext(0xNN)".
func (t ExtType) String() string {
	switch t {
	case ExtRun:
		return "run"
	case ExtOrigin:
		return "origin"
	case ExtParticipants:
		return "participants"
	}
	const digits = "0123456789abcdef"
	return "ext(0x" + string([]byte{digits[t>>4], digits[t&15]}) + ")"
}

// known reports whether t is listed in SPEC.md section 5.
func (t ExtType) known() bool { return t == ExtRun || t == ExtOrigin || t == ExtParticipants }

// allowsLength reports whether a value of t can have n bytes, 0 to 255.
func (t ExtType) allowsLength(n int) bool {
	switch t {
	case ExtRun, ExtOrigin: // WIRE-036, WIRE-038
		return n == 2
	case ExtParticipants: // WIRE-040
		return n > 0 && n%handleSize == 0 && n <= MaxParticipants*handleSize
	}
	return true // WIRE-026
}

// allowsValue reports whether v, of a length that t allows, is a value of t.
func (t ExtType) allowsValue(v []byte) bool {
	if !t.known() {
		return true // WIRE-026
	}
	// A run, and a single handle, are not zero; handles ascend from there (WIRE-037, WIRE-039, WIRE-041, WIRE-042).
	for last := uint16(0); len(v) > 0; v = v[handleSize:] {
		next := binary.BigEndian.Uint16(v)
		if next <= last {
			return false
		}
		last = next
	}
	return true
}

// Extensions are the TLVs of a frame, as they stand in it: type uint8, length uint8, value, types strictly ascending.
// At most [MaxExtSize] bytes. The zero value has none.
//
// After [Frame.Parse] they are valid, and alias the input; those that a caller makes by hand are checked by
// [Frame.AppendBinary], and until then its methods promise of them only that nothing panics.
type Extensions []byte

// All goes over the TLVs in their order, known or not. The values alias x, with their capacity clipped. It stops
// before a TLV that does not fit in x, of which there is none in a parsed frame.
func (x Extensions) All() iter.Seq2[ExtType, []byte] {
	return func(yield func(ExtType, []byte) bool) {
		x := x // each range over it begins anew
		for len(x) >= 2 && 2+int(x[1]) <= len(x) {
			end := 2 + int(x[1])
			if !yield(ExtType(x[0]), x[2:end:end]) {
				return
			}
			x = x[end:]
		}
	}
}

// value returns the value of the TLV of type t; ok is false if there is none, or one of a length that t does not allow.
func (x Extensions) value(t ExtType) (v []byte, ok bool) {
	for u, v := range x.All() {
		if u == t {
			return v, t.allowsLength(len(v))
		}
	}
	return nil, false
}

// Run returns the run, 1 to 65535 messages; ok is false if there is none.
func (x Extensions) Run() (run uint16, ok bool) {
	v, ok := x.value(ExtRun)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint16(v), true
}

// Origin returns the origin; ok is false if there is none.
func (x Extensions) Origin() (p Participant, ok bool) {
	v, ok := x.value(ExtOrigin)
	if !ok {
		return 0, false
	}
	return Participant(binary.BigEndian.Uint16(v)), true
}

// AppendParticipants appends the participants to dst, 1 to 64 in ascending order. ok is false, and dst returned as it
// was, if there are none: the frame is for all.
func (x Extensions) AppendParticipants(dst []Participant) (ps []Participant, ok bool) {
	v, ok := x.value(ExtParticipants)
	for ; ok && len(v) > 0; v = v[handleSize:] {
		dst = append(dst, Participant(binary.BigEndian.Uint16(v)))
	}
	return dst, ok
}

// Append appends one TLV. It copies value, which is not to lie in the spare capacity of x. On error x is returned as
// it was, though its spare capacity can have been written to; the error is an [*Error], with the code that
// [Frame.Parse] would give and the offset from the start of x. TLVs of more than [MaxExtSize] bytes in all are
// refused with CodeBadExtLength, at the offset at which this one would have begun.
func (x Extensions) Append(t ExtType, value []byte) (Extensions, error) {
	if err := checkExtSize(len(x)+2+len(value), len(x)); err != nil {
		return x, err
	}
	y := append(x, byte(t), byte(len(value)))
	y = append(y, value...)
	if err := checkTLVs(y, len(y), 0); err != nil {
		return x, err
	}
	return y, nil
}

// checkTLVs checks size bytes of TLVs, of which b holds the first ones and, if the frame ends too early, not the
// last. offset is that of b in the frame.
func checkTLVs(b []byte, size, offset int) error {
	last := -1
	for at := 0; at < size; {
		if at == len(b) {
			return fail(CodeTruncated, offset+at, "tlv-type") // WIRE-005
		}
		t := ExtType(b[at])
		if int(t) <= last {
			return fail(CodeBadTLVOrder, offset+at, "tlv-type") // WIRE-024
		}
		if t.Critical() && !t.known() {
			return fail(CodeUnknownCriticalTLV, offset+at, "tlv-type") // WIRE-025
		}
		last = int(t)

		at++
		if at == size {
			return fail(CodeBadTLVLength, offset+at, "tlv-length") // WIRE-027
		}
		if at == len(b) {
			return fail(CodeTruncated, offset+at, "tlv-length") // WIRE-005
		}
		n := int(b[at])
		if n > size-at-1 || !t.allowsLength(n) {
			return fail(CodeBadTLVLength, offset+at, "tlv-length") // WIRE-027, WIRE-036, WIRE-038, WIRE-040
		}

		at++
		if n > len(b)-at {
			return fail(CodeTruncated, offset+at, "tlv-value") // WIRE-005
		}
		if !t.allowsValue(b[at : at+n]) {
			return fail(CodeBadTLVValue, offset+at, "tlv-value") // WIRE-037, WIRE-039, WIRE-041, WIRE-042
		}
		at += n
	}
	return nil
}
