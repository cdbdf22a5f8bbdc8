package wire

import (
	"encoding/binary"
	"slices"
)

// A Frame is one frame (SPEC.md section 3). The same struct can be used for one frame after the other.
type Frame struct {
	Type     Type
	Flags    Flags       // D and P; F follows from Offset and Total, X from Ext
	Channel  uint16      // 1 to 65535
	Session  Serial      // any
	Sequence Serial      // DATA: of the message; CLOSE, KEEPALIVE: of the last message, 0 if there was none
	Offset   uint16      // of a fragment in its message: 0, or 256 to 32767 bytes
	Total    uint16      // length of a fragment's message, 257 to 32768 bytes; 0 with Offset 0: not a fragment
	Reason   CloseReason // CLOSE; 0 otherwise, and not looked at
	Ext      Extensions  // aliases the input of Parse, capacity clipped
	Payload  []byte      // DATA: 0 to 32768 bytes; aliases the input of Parse, capacity clipped
}

const (
	version     = 0x80 // in the first byte
	versionMask = 0xc0
	typeMask    = 0x3f
)

// Parse reads b, all of it, into f. Ext and Payload alias b: they are valid until b is written to, and appending to them
// does not write to b. An empty one can be nil or not.
//
// On error f is as it was, and the error is an [*Error] with the code and offset of SPEC.md section 3.2. Only an
// error allocates.
func (f *Frame) Parse(b []byte) error {
	if len(b) >= headerSize && len(b) <= headerSize+MaxMessageSize {
		head := binary.BigEndian.Uint64(b)
		if head>>32&0xffff != 0 {
			switch head >> 48 &^ uint64(flagsSession) {
			// A whole message without TLVs, which most frames are: version and type, and the flags but D and P, in one compare.
			case version << 8:
				f.Type, f.Flags, f.Channel = TypeData, Flags(head>>48), uint16(head>>32)
				f.Session, f.Sequence = Serial(head), Serial(binary.BigEndian.Uint32(b[8:]))
				f.Offset, f.Total, f.Reason = 0, 0, 0
				f.Ext, f.Payload = nil, b[headerSize:len(b):len(b)]
				return nil
			// A fragment without TLVs.
			case version<<8 | uint64(FlagFragment):
				if len(b) < headerSize+fragmentSize {
					break
				}
				tail := binary.BigEndian.Uint64(b[8:])
				offset, total := uint16(tail>>16), uint16(tail)
				if !fragmentFits(offset, total, len(b)-headerSize-fragmentSize) {
					break
				}
				f.Type, f.Flags, f.Channel = TypeData, Flags(head>>48)&flagsSession, uint16(head>>32)
				f.Session, f.Sequence = Serial(head), Serial(tail>>32)
				f.Offset, f.Total, f.Reason = offset, total, 0
				f.Ext, f.Payload = nil, b[headerSize+fragmentSize:len(b):len(b)]
				return nil
			}
		}
	}
	return f.parse(b)
}

// parse is Parse for every frame, field by field.
func (f *Frame) parse(b []byte) error {
	if err := checkStart(b); err != nil {
		return err
	}
	t, flags := Type(b[0]&typeMask), Flags(b[1])
	at := headerSize
	var offset, total uint16
	if flags&FlagFragment != 0 {
		var err error
		if offset, total, err = parseFragment(b); err != nil {
			return err
		}
		at += fragmentSize
	}
	var ext Extensions
	if flags&FlagExtensions != 0 {
		var err error
		if ext, err = parseExt(b, at); err != nil {
			return err
		}
		at += 1 + len(ext)
	}
	var reason CloseReason
	if t == TypeClose {
		if len(b) < at+reasonSize {
			return fail(CodeTruncated, at, "reason") // WIRE-005
		}
		reason = CloseReason(binary.BigEndian.Uint16(b[at:]))
		at += reasonSize
	}
	payload := b[at:len(b):len(b)]
	if err := checkPayload(t, offset, total, len(payload), at); err != nil {
		return err
	}

	*f = Frame{
		Type:     t,
		Flags:    flags & flagsSession,
		Channel:  binary.BigEndian.Uint16(b[2:]),
		Session:  Serial(binary.BigEndian.Uint32(b[4:])),
		Sequence: Serial(binary.BigEndian.Uint32(b[8:])),
		Offset:   offset,
		Total:    total,
		Reason:   reason,
		Ext:      ext,
		Payload:  payload,
	}
	return nil
}

// parseFragment reads the two fields that F brings.
func parseFragment(b []byte) (offset, total uint16, err error) {
	const at = headerSize
	if len(b) < at+2 {
		return 0, 0, fail(CodeTruncated, at, "fragment-offset") // WIRE-005
	}
	offset = binary.BigEndian.Uint16(b[at:])
	if err := checkOffset(offset); err != nil {
		return 0, 0, err
	}
	if len(b) < at+4 {
		return 0, 0, fail(CodeTruncated, at+2, "message-length") // WIRE-005
	}
	total = binary.BigEndian.Uint16(b[at+2:])
	return offset, total, checkTotal(offset, total)
}

// parseExt reads the extension length, at offset at, and the TLVs behind it.
func parseExt(b []byte, at int) (Extensions, error) {
	if len(b) == at {
		return nil, fail(CodeTruncated, at, "ext-length") // WIRE-005
	}
	size := int(b[at])
	if err := checkExtSize(size, at); err != nil {
		return nil, err
	}
	at++
	end := min(at+size, len(b)) // where it is the frame's, the last of the TLVs are missing
	if err := checkTLVs(b[at:end], size, at); err != nil {
		return nil, err
	}
	return Extensions(b[at:end:end]), nil
}

// Len returns the number of bytes that AppendBinary appends if it does not refuse f: 12 to [MaxFrameSize].
func (f *Frame) Len() int {
	n := headerSize + len(f.Payload)
	if f.fragment() {
		n += fragmentSize
	}
	if len(f.Ext) > 0 {
		n += 1 + len(f.Ext)
	}
	if f.Type == TypeClose {
		n += reasonSize
	}
	return n
}

// AppendBinary implements [encoding.BinaryAppender]: it appends the frame to b, of which it never changes b[:len(b)].
// It copies Ext and Payload, which can be parts of b[:len(b)] but not of the spare capacity behind it.
//
// It refuses what [Frame.Parse] would refuse in the bytes that spell f, with the same code and offset, counted from
// the start of the frame (WIRE-007). F or X in Flags is CodeBadFlags; TLVs of more than [MaxExtSize] bytes are
// CodeBadExtLength. On error b is returned as it was. Nothing is allocated if b has room for [Frame.Len] bytes more.
func (f *Frame) AppendBinary(b []byte) ([]byte, error) {
	// A whole message without TLVs, which most frames are, and a buffer that has room.
	if n := headerSize + len(f.Payload); f.plain() && n <= cap(b)-len(b) {
		frame := b[len(b) : len(b)+n]
		f.putHeader(frame, f.Flags)
		copy(frame[headerSize:], f.Payload)
		return b[:len(b)+n], nil
	}
	// A fragment without TLVs, likewise.
	if n := headerSize + fragmentSize + len(f.Payload); f.plainFragment() && n <= cap(b)-len(b) {
		frame := b[len(b) : len(b)+n]
		f.putHeader(frame, f.Flags|FlagFragment)
		binary.BigEndian.PutUint32(frame[headerSize:], uint32(f.Offset)<<16|uint32(f.Total))
		copy(frame[headerSize+fragmentSize:], f.Payload)
		return b[:len(b)+n], nil
	}
	return f.append(b)
}

// append is AppendBinary for every frame, field by field.
func (f *Frame) append(b []byte) ([]byte, error) {
	if err := f.check(); err != nil {
		return b, err
	}
	n := f.Len()
	b = slices.Grow(b, n)
	frame := b[len(b) : len(b)+n]

	flags := f.Flags
	at := headerSize
	if f.fragment() { // WIRE-008
		flags |= FlagFragment
		binary.BigEndian.PutUint16(frame[at:], f.Offset)
		binary.BigEndian.PutUint16(frame[at+2:], f.Total)
		at += fragmentSize
	}
	if len(f.Ext) > 0 { // WIRE-009
		flags |= FlagExtensions
		frame[at] = byte(len(f.Ext))
		at += 1 + copy(frame[at+1:], f.Ext)
	}
	if f.Type == TypeClose {
		binary.BigEndian.PutUint16(frame[at:], uint16(f.Reason))
		at += reasonSize
	}
	copy(frame[at:], f.Payload)
	f.putHeader(frame, flags)
	return b[:len(b)+n], nil
}

// plain reports whether f is a whole message without TLVs, and at fault nowhere.
func (f *Frame) plain() bool { return f.bare() && !f.fragment() && len(f.Payload) <= MaxMessageSize }

// plainFragment reports whether f is a fragment without TLVs, and at fault nowhere.
func (f *Frame) plainFragment() bool {
	return f.bare() && fragmentFits(f.Offset, f.Total, len(f.Payload))
}

// bare reports whether f is DATA without TLVs, with a header that is at fault nowhere.
func (f *Frame) bare() bool {
	return f.Type == TypeData && f.Flags&^flagsSession == 0 && f.Channel != 0 && len(f.Ext) == 0
}

// fragmentFits reports whether checkOffset, checkTotal and checkPayload find no fault with a fragment of n bytes.
func fragmentFits(offset, total uint16, n int) bool {
	rest := int(total) - int(offset)
	return (offset == 0 || offset >= minFragmentOffset) && total >= minFragmentTotal && total <= MaxMessageSize &&
		0 < n && n <= rest && n != int(total) && (n == rest || n >= MinFragmentSize)
}

// putHeader writes the fields that every frame has, with flags in place of f.Flags.
func (f *Frame) putHeader(frame []byte, flags Flags) {
	binary.BigEndian.PutUint64(frame, uint64(version|f.Type)<<56|uint64(flags)<<48|uint64(f.Channel)<<32|uint64(f.Session))
	binary.BigEndian.PutUint32(frame[8:], uint32(f.Sequence))
}

// fragment reports whether F is set in the bytes of f (WIRE-008).
func (f *Frame) fragment() bool { return f.Offset|f.Total != 0 }

// check returns the error with which Parse would refuse the bytes that spell f.
func (f *Frame) check() error {
	if err := checkHeader(f.Type, f.Flags&^flagsSession, f.fragment(), f.Channel); err != nil {
		return err
	}
	at := headerSize
	if f.fragment() {
		if err := checkOffset(f.Offset); err != nil {
			return err
		}
		if err := checkTotal(f.Offset, f.Total); err != nil {
			return err
		}
		at += fragmentSize
	}
	if len(f.Ext) > 0 {
		if err := checkExtSize(len(f.Ext), at); err != nil {
			return err
		}
		at++
		if err := checkTLVs(f.Ext, len(f.Ext), at); err != nil {
			return err
		}
		at += len(f.Ext)
	}
	if f.Type == TypeClose {
		at += reasonSize
	}
	return checkPayload(f.Type, f.Offset, f.Total, len(f.Payload), at)
}
