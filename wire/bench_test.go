package wire_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cdcp-project/cdcp/internal/floor"
	"github.com/cdcp-project/cdcp/wire"
)

// The floor is the least that a codec of this header does behind a call that is not inlined: no types, no fragments,
// no TLVs, no located errors. The benchmarks say how far the whole codec is from it; scripts/bench runs them and
// prints the ratios.

//go:noinline
func floorDecode(b []byte) (head uint64, sequence uint32, payload []byte, err error) {
	if len(b) < 12 {
		return 0, 0, nil, floor.ErrRefused
	}
	head, sequence = binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	if head>>62 != 2 {
		return 0, 0, nil, floor.ErrRefused
	}
	return head, sequence, b[12:len(b):len(b)], nil
}

var sizes = []int{64, 1200}

// BenchmarkEncode decides whether the encoder of a plain DATA frame is as fast as a flat struct can be.
func BenchmarkEncode(b *testing.B) {
	for _, size := range sizes {
		payload := make([]byte, size)
		buf := make([]byte, 0, 2048)
		b.Run(fmt.Sprintf("payload=%d/impl=floor", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			var sequence uint32
			var err error
			for b.Loop() {
				sequence++
				if _, err = floor.Encode(buf, 0x8000_03e8_6500_0001, sequence, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("payload=%d/impl=cdcp", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			f := wire.Frame{Channel: 1000, Session: 0x65000001, Payload: payload}
			var err error
			for b.Loop() {
				f.Sequence++
				if _, err = f.AppendBinary(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecode decides the same for the decoder. Nothing is copied; every field is used.
func BenchmarkDecode(b *testing.B) {
	for _, size := range sizes {
		var frames [16][]byte // so that a decoder never sees the same bytes twice running
		for i := range frames {
			f := wire.Frame{Channel: 1000, Session: 0x65000001, Sequence: wire.Serial(i), Payload: make([]byte, size)}
			var err error
			if frames[i], err = f.AppendBinary(nil); err != nil {
				b.Fatal(err)
			}
		}
		var sum uint64
		b.Run(fmt.Sprintf("payload=%d/impl=floor", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			i := 0
			for b.Loop() {
				head, sequence, payload, err := floorDecode(frames[i&15])
				if err != nil {
					b.Fatal(err)
				}
				sum += head>>56 + head>>48&0xff + head>>32&0xffff + head&0xffffffff + uint64(sequence) + uint64(len(payload))
				i++
			}
		})
		b.Run(fmt.Sprintf("payload=%d/impl=cdcp", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			var f wire.Frame
			i := 0
			for b.Loop() {
				if err := f.Parse(frames[i&15]); err != nil {
					b.Fatal(err)
				}
				sum += uint64(f.Type) + uint64(f.Flags) + uint64(f.Channel) + uint64(f.Session) + uint64(f.Sequence) + uint64(len(f.Payload))
				i++
			}
		})
		if sum == 0 {
			b.Log("nothing ran")
		}
	}
}
