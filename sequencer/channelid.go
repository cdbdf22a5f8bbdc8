package sequencer

import "math/bits"

// ChannelIDs knows which channel ids have an open sender (SPEC.md section 9.3). In the zero value none has, and it has no
// memory; the first id that is taken brings 10 KiB, and no other any more.
type ChannelIDs struct {
	used  int // ids in use
	table *idTable
}

// An idTable says which ids are taken: those in use, and 0, which is no channel id.
type idTable struct {
	counts [4][256]uint16 // how many begin with certain bits: the first two, four, six, eight
	taken  [1024]uint64   // which begin with certain ten bits, by their last six
}

// Free returns F of CHAN-001: how many of the ids from 1 to 65535 are not in use.
func (c *ChannelIDs) Free() int { return 65535 - c.used }

// Choose takes the free id of rank floor(x · F / 2^32), where the lowest free id has rank 0. If no id is free, ok is false
// (CHAN-002). All ids cost the same time, whichever are in use.
func (c *ChannelIDs) Choose(x uint32) (id uint16, ok bool) {
	free := c.Free()
	if free == 0 {
		return 0, false
	}
	t := c.open()
	rank := int(uint64(x) * uint64(free) >> 32) // CHAN-001
	var head, q int                             // the first bits of the id, two more in each step
	for i := range t.counts {
		size := 1 << (14 - 2*i)
		n := (*[4]uint16)(t.counts[i][4*head:])
		q, rank = quarter(size-int(n[0]), size-int(n[1]), size-int(n[2]), rank)
		head = 4*head + q
	}
	w := (*[4]uint64)(t.taken[4*head:])
	q, rank = quarter(64-bits.OnesCount64(w[0]), 64-bits.OnesCount64(w[1]), 64-bits.OnesCount64(w[2]), rank)
	head = 4*head + q
	for left, size := ^w[q], 16; size > 0; size /= 4 {
		ones := uint64(1)<<size - 1
		q, rank = quarter(bits.OnesCount64(left&ones), bits.OnesCount64(left>>size&ones), bits.OnesCount64(left>>(2*size)&ones), rank)
		head = 4*head + q
		left >>= q * size
	}
	t.flip(uint16(head), 1)
	c.used++
	return uint16(head), true
}

// quarter returns in which of four quarters the free id of a rank is, of which the first three have a, b and c free ids, and
// its rank in that quarter. It has no branches, as these could not be predicted.
func quarter(a, b, c, rank int) (q, rest int) {
	b += a
	c += b
	inA, inB, inC := (rank-a)>>63, (rank-b)>>63, (rank-c)>>63 // -1 if it is before the end of that quarter, 0 if not
	return 3 + inA + inB + inC, rank - c + (c-b)&inC + (b-a)&inB + a&inA
}

// Take takes id, and returns whether it could: 0 is no channel id, and any other may be in use.
func (c *ChannelIDs) Take(id uint16) bool {
	t := c.open()
	if t.has(id) {
		return false
	}
	t.flip(id, 1)
	c.used++
	return true
}

// Release makes id free, if it is in use.
func (c *ChannelIDs) Release(id uint16) {
	if id == 0 || c.table == nil || !c.table.has(id) {
		return
	}
	c.table.flip(id, -1)
	c.used--
}

// open returns the table, and makes it before its first use.
func (c *ChannelIDs) open() *idTable {
	if c.table == nil {
		c.table = new(idTable)
		c.table.flip(0, 1)
	}
	return c.table
}

// has returns whether id is taken.
func (t *idTable) has(id uint16) bool { return t.taken[id/64]>>(id%64)&1 != 0 }

// flip takes an id that is free, or frees one that is taken. That changes the counts by n.
func (t *idTable) flip(id uint16, n int) {
	t.taken[id/64] ^= 1 << (id % 64)
	t.counts[0][id>>14] += uint16(n)
	t.counts[1][id>>12] += uint16(n)
	t.counts[2][id>>10] += uint16(n)
	t.counts[3][id>>8] += uint16(n)
}
