package wire

import "strconv"

// A Code is the reason why a frame is refused, as numbered in SPEC.md section 7: the same in every implementation. A
// Code is itself an error, so that a caller can write
//
//	errors.Is(err, wire.CodeTruncated)
type Code uint8

// The codes of version 1.
const (
	CodeTruncated          Code = 1  // the frame ends before or inside a field
	CodeUnknownVersion     Code = 2  // the version is not 2 (binary 10)
	CodeUnknownType        Code = 3  // the type is not DATA, CLOSE or KEEPALIVE
	CodeBadFlags           Code = 4  // a zero flag is set, or F on a type without fragments
	CodeBadChannel         Code = 5  // the channel id is 0
	CodeBadFragmentOffset  Code = 6  // 1 to 255, or over 32767
	CodeBadMessageLength   Code = 7  // not 257 to 32768, or not over the fragment offset
	CodeBadExtLength       Code = 8  // not 2 to 255
	CodeBadTLVOrder        Code = 9  // a TLV type is not over the one before it
	CodeUnknownCriticalTLV Code = 10 // a critical TLV is not known
	CodeBadTLVLength       Code = 11 // a TLV does not fit in the extensions, or not its type
	CodeBadTLVValue        Code = 12 // the value of a TLV is not allowed
	CodeMessageTooLong     Code = 13 // a whole message has over 32768 bytes
	CodeFragmentOverrun    Code = 14 // a fragment reaches beyond its message
	CodeFragmentWhole      Code = 15 // a fragment is its whole message
	CodeFragmentShort      Code = 16 // a fragment that is not the last has under 256 bytes
	CodeTrailingBytes      Code = 17 // bytes follow where a CLOSE or KEEPALIVE is over
)

var codeNames = [...]string{
	CodeTruncated:          "truncated",
	CodeUnknownVersion:     "unknown-version",
	CodeUnknownType:        "unknown-type",
	CodeBadFlags:           "bad-flags",
	CodeBadChannel:         "bad-channel",
	CodeBadFragmentOffset:  "bad-fragment-offset",
	CodeBadMessageLength:   "bad-message-length",
	CodeBadExtLength:       "bad-ext-length",
	CodeBadTLVOrder:        "bad-tlv-order",
	CodeUnknownCriticalTLV: "unknown-critical-tlv",
	CodeBadTLVLength:       "bad-tlv-length",
	CodeBadTLVValue:        "bad-tlv-value",
	CodeMessageTooLong:     "message-too-long",
	CodeFragmentOverrun:    "fragment-overrun",
	CodeFragmentWhole:      "fragment-whole",
	CodeFragmentShort:      "fragment-short",
	CodeTrailingBytes:      "trailing-bytes",
}

// String returns the name of c in SPEC.md, or "code(N)" for a number without a name.
func (c Code) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Error returns "wire: " and the name of c.
func (c Code) Error() string { return "wire: " + c.String() }

// An Error says where a frame is at fault, and why. Code and Offset are those of SPEC.md, the same in every
// implementation; Field and the text are for people.
type Error struct {
	Code   Code
	Offset int    // of the first byte of the field at fault, from the start of the frame
	Field  string // the name of that field in SPEC.md section 3.1
}

// Error returns a line such as "wire: bad-channel: channel at offset 2".
func (e *Error) Error() string {
	return e.Code.Error() + ": " + e.Field + " at offset " + strconv.Itoa(e.Offset)
}

// Unwrap returns e.Code.
func (e *Error) Unwrap() error { return e.Code }

// fail makes every error of this package.
func fail(c Code, offset int, field string) error {
	return &Error{Code: c, Offset: offset, Field: field}
}
