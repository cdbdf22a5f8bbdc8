// Package floor has what benchmarks of several packages are measured against.
package floor

import (
	"encoding/binary"
	"errors"
)

// ErrRefused is what a floor refuses with.
var ErrRefused = errors.New("floor: refused")

const (
	header     = 12
	maxMessage = 32768
)

// Encode appends a header of 12 bytes and the payload to dst, which has to have room: the least that a codec does behind a call that is
// not inlined, without types, fragments, TLVs and located errors.
//
//go:noinline
func Encode(dst []byte, head uint64, sequence uint32, payload []byte) ([]byte, error) {
	n := header + len(payload)
	if len(payload) > maxMessage || cap(dst)-len(dst) < n {
		return dst, ErrRefused
	}
	frame := dst[len(dst) : len(dst)+n]
	binary.BigEndian.PutUint64(frame, head)
	binary.BigEndian.PutUint32(frame[8:], sequence)
	copy(frame[header:], payload)
	return dst[:len(dst)+n], nil
}
