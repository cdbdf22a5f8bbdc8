package wire

import "encoding/binary"

// The rules for single fields, in the order in which the fields stand. Parse and AppendBinary share them, so that both refuse
// the same things with the same error.

// checkStart checks the fields that every frame has, in the bytes of a frame.
func checkStart(b []byte) error {
	h := [4]byte{version, 0, 0, 1} // where b is cut short, values that are not at fault
	copy(h[:], b)
	if h[0]&versionMask != version {
		return fail(CodeUnknownVersion, 0, "version") // WIRE-010
	}
	flags := Flags(h[1])
	if err := checkHeader(Type(h[0]&typeMask), flags&flagsZero, flags&FlagFragment != 0, binary.BigEndian.Uint16(h[2:])); err != nil {
		return err
	}
	switch n := len(b); { // WIRE-005
	case n < 1:
		return fail(CodeTruncated, 0, "version")
	case n < 2:
		return fail(CodeTruncated, 1, "flags")
	case n < 4:
		return fail(CodeTruncated, 2, "channel")
	case n < 8:
		return fail(CodeTruncated, 4, "session")
	case n < headerSize:
		return fail(CodeTruncated, 8, "sequence")
	}
	return nil
}

// checkHeader checks the fields before the session id. zero is what is set of the flags that are to be zero.
func checkHeader(t Type, zero Flags, fragment bool, channel uint16) error {
	if t > TypeKeepAlive {
		return fail(CodeUnknownType, 0, "type") // WIRE-011
	}
	if zero != 0 || fragment && t != TypeData {
		return fail(CodeBadFlags, 1, "flags") // WIRE-012, WIRE-013
	}
	if channel == 0 {
		return fail(CodeBadChannel, 2, "channel") // WIRE-015
	}
	return nil
}

// checkOffset checks the fragment offset.
func checkOffset(offset uint16) error {
	if offset != 0 && offset < minFragmentOffset || offset > maxFragmentOffset {
		return fail(CodeBadFragmentOffset, headerSize, "fragment-offset") // WIRE-019
	}
	return nil
}

// checkTotal checks the message length, alone and against the fragment offset.
func checkTotal(offset, total uint16) error {
	if total < minFragmentTotal || total > MaxMessageSize || total <= offset {
		return fail(CodeBadMessageLength, headerSize+2, "message-length") // WIRE-020, WIRE-021
	}
	return nil
}

// checkExtSize checks the extension length, which stands at offset at.
func checkExtSize(size, at int) error {
	if size < minExtSize || size > MaxExtSize {
		return fail(CodeBadExtLength, at, "ext-length") // WIRE-023
	}
	return nil
}

// checkPayload checks the n bytes from offset at to the end of a frame, behind the reason of a CLOSE. total is 0 if
// the frame is not a fragment.
func checkPayload(t Type, offset, total uint16, n, at int) error {
	if t != TypeData {
		if n > 0 {
			return fail(CodeTrailingBytes, at, "end") // WIRE-033, WIRE-035
		}
		return nil
	}
	if total == 0 {
		if n > MaxMessageSize {
			return fail(CodeMessageTooLong, at, "payload") // WIRE-028
		}
		return nil
	}
	switch rest := int(total) - int(offset); { // what is left of the message, from this fragment on
	case n > rest:
		return fail(CodeFragmentOverrun, at, "payload") // WIRE-029
	case n == int(total):
		return fail(CodeFragmentWhole, at, "payload") // WIRE-030
	case n < rest && n < MinFragmentSize:
		return fail(CodeFragmentShort, at, "payload") // WIRE-031
	}
	return nil
}
