package sequencer

import "math/bits"

// ChannelIDs knows which channel ids have an open sender (SPEC.md section 9.3). The zero value has none in use, and no memory;
// the first id that is taken brings its 9 KiB.
type ChannelIDs struct {
	used  int // how many are in use
	table *idTable
}

// The ids are the leaves of a tree, in which each of the four hexadecimal digits of an id is a choice of 16.
const (
	blockSize = 16 * 16        // ids with the same first two digits
	groupSize = 16 * blockSize // ids with the same first digit
)

// An idTable says which ids are taken: those in use, and 0, which is no channel id.
type idTable struct {
	groups [16]uint16           // how many with this digit first
	blocks [16 * 16]uint16      // how many with these two digits first
	ids    [16 * 16 * 16]uint16 // which with these three digits first: bit n for the last digit n
}

// Free returns how many of the ids from 1 to 65535 are not in use: F of CHAN-001.
func (c *ChannelIDs) Free() int { return 65535 - c.used }

// Choose takes the free id of rank floor(x · F / 2^32), the lowest free id having rank 0. Of an x drawn at random that makes a
// free id drawn at random. Only if none is free, ok is false (CHAN-002).
func (c *ChannelIDs) Choose(x uint32) (id uint16, ok bool) {
	free := c.Free()
	if free == 0 {
		return 0, false
	}
	t := c.grow()
	rank := int(uint64(x) * uint64(free) >> 32) // CHAN-001
	group, rank := digit(t.groups[:], groupSize, rank)
	block, rank := digit(t.blocks[16*group:][:16], blockSize, rank)
	head := 16 * (16*group + block)
	for ; ; head++ {
		n := 16 - bits.OnesCount16(t.ids[head])
		if rank < n {
			break
		}
		rank -= n
	}
	left := ^t.ids[head]
	for range rank {
		left &= left - 1 // without the lowest
	}
	id = uint16(16*head + bits.TrailingZeros16(left))
	c.Take(id)
	return id, true
}

// digit returns the digit after which the free id of a rank comes, and its rank among the free ids after that digit: used
// has how many of the size ids after each digit are taken.
func digit(used []uint16, size, rank int) (d, rest int) {
	for rank >= size-int(used[d]) {
		rank -= size - int(used[d])
		d++
	}
	return d, rank
}

// Take takes id, and returns whether it could: 0 is no channel id, and any other may be in use.
func (c *ChannelIDs) Take(id uint16) bool {
	t := c.grow()
	if t.taken(id) {
		return false
	}
	t.flip(id, 1)
	c.used++
	return true
}

// Release makes id free, if it is in use.
func (c *ChannelIDs) Release(id uint16) {
	if id == 0 || c.table == nil || !c.table.taken(id) {
		return
	}
	c.table.flip(id, -1)
	c.used--
}

// grow returns the table, and makes it before it is used for the first time.
func (c *ChannelIDs) grow() *idTable {
	if c.table == nil {
		c.table = new(idTable)
		c.table.flip(0, 1)
	}
	return c.table
}

func (t *idTable) taken(id uint16) bool { return t.ids[id>>4]>>(id&15)&1 != 0 }

// flip takes id if it is free, and frees it if it is taken; by says by how much that changes the counts.
func (t *idTable) flip(id uint16, by int) {
	t.groups[id>>12] += uint16(by)
	t.blocks[id>>8] += uint16(by)
	t.ids[id>>4] ^= 1 << (id & 15)
}
