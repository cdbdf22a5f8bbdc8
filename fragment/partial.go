package fragment

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

// A partial is a message in progress.
//
// Its fragments are known by the block of 256 bytes in which they begin. No two begin in the same one: all but the last
// have at least 256 bytes (WIRE-031), and they do not overlap. So the first block, to the left or to the right, in which a
// fragment begins has the only one that a new fragment can overlap on that side.
type partial struct {
	account  *Account
	message  []byte    // nil: killed
	table    []byte    // for each block, 4 bytes: offset and end of the fragment that begins in it; nil: killed
	begins   [2]uint64 // a bit for each block: a fragment begins in it
	stream   uint64    // channel and session, by streamOf
	sequence wire.Serial
	total    uint16        // length of the message, bytes
	got      uint16        // bytes that are here
	run      uint16        // that of the fragment with offset 0; 0: none
	flags    wire.Flags    // D and P
	deadline time.Duration // of a lossy message
	links    [chains]links
}

const blockSize = wire.MinFragmentSize

// tableSize returns the size of the table of a message of n bytes: a 64th of it, rounded up to 4 bytes.
func tableSize(n int) int { return (n + blockSize - 1) / blockSize * 4 }

// streamOf makes one number of a channel and a session.
func streamOf(channel uint16, session wire.Serial) uint64 {
	return uint64(channel)<<32 | uint64(session)
}

func (p *partial) channel() uint16      { return uint16(p.stream >> 32) }
func (p *partial) session() wire.Serial { return wire.Serial(p.stream) }
func (p *partial) durable() bool        { return p.flags&wire.FlagDurable != 0 }
func (p *partial) killed() bool         { return p.message == nil }

// cost returns what p is charged.
func (p *partial) cost() int {
	if p.killed() {
		return Cost(0)
	}
	return Cost(int(p.total))
}

// check says what becomes of f, a fragment of p: Held if its bytes are to be added, Duplicate or Conflict if not.
func (p *partial) check(f *wire.Frame) Verdict {
	if p.killed() {
		return Conflict // FRAG-007
	}
	if f.Flags != p.flags || f.Total != p.total {
		return Conflict // FRAG-003
	}
	start := int(f.Offset)
	end := start + len(f.Payload)
	block := start / blockSize
	if p.begins[block/64]>>(block%64)&1 != 0 {
		if s, e := p.span(block); s == start && bytes.Equal(p.message[s:e], f.Payload) {
			return Duplicate // FRAG-002
		}
		return Conflict // FRAG-003
	}
	if p.durable() { // what is here ends at p.got, and a fragment from there on overlaps nothing
		if start != int(p.got) {
			return Conflict // FRAG-006
		}
		return Held
	}
	if left, ok := p.left(block); ok {
		if _, e := p.span(left); e > start {
			return Conflict // FRAG-003
		}
	}
	if right, ok := p.right(block); ok {
		if s, _ := p.span(right); s < end {
			return Conflict // FRAG-003
		}
	}
	return Held
}

// add keeps the bytes of f, for which check says Held.
func (p *partial) add(f *wire.Frame) {
	start := int(f.Offset)
	end := start + copy(p.message[start:], f.Payload)
	block := start / blockSize
	p.begins[block/64] |= 1 << (block % 64)
	binary.NativeEndian.PutUint32(p.table[4*block:], uint32(start)<<16|uint32(end))
	p.got += uint16(end - start)
	if start == 0 {
		p.run, _ = f.Ext.Run() // FRAME-005
	}
}

// span returns where the fragment that begins in the block begins and ends.
func (p *partial) span(block int) (start, end int) {
	v := binary.NativeEndian.Uint32(p.table[4*block:])
	return int(v >> 16), int(v & 0xffff)
}

// left returns the last block before block in which a fragment begins.
func (p *partial) left(block int) (left int, ok bool) {
	w := block / 64
	m := p.begins[w] & (1<<(block%64) - 1)
	if m == 0 && w == 1 {
		w, m = 0, p.begins[0]
	}
	return 64*w + bits.Len64(m) - 1, m != 0
}

// right returns the first block from block on in which a fragment begins.
func (p *partial) right(block int) (right int, ok bool) {
	w := block / 64
	m := p.begins[w] >> (block % 64) << (block % 64)
	if m == 0 && w == 0 {
		w, m = 1, p.begins[1]
	}
	return 64*w + bits.TrailingZeros64(m), m != 0
}
