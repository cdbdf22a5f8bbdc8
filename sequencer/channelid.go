package sequencer

import "math/bits"

// The channel ids are the leaves of a tree: a table has 16 groups of 16 blocks of 4 words of 64 ids.
const (
	wordSize  = 64
	blockSize = 256
	groupSize = 4096
	allIDs    = 65536
)

// ChannelIDs knows which channel ids have an open sender (SPEC.md section 9.3). In the zero value none has, and it holds no
// memory; from the first id on that is taken it holds 9 KiB.
type ChannelIDs struct {
	used  int // ids in use
	table *idTable
}

// An idTable has a bit for each id in use, and counts of them. Id 0 is no channel id: it counts as in use.
type idTable struct {
	groups [allIDs / groupSize]uint16
	blocks [allIDs / blockSize]uint16
	words  [allIDs / wordSize]uint64
}

// Free returns how many of the ids from 1 to 65535 are not in use: F of CHAN-001.
func (c *ChannelIDs) Free() int { return allIDs - 1 - c.used }

// Choose takes the free id of rank floor(x · F / 2^32), the lowest free id having rank 0, and returns it. With x drawn at
// random, all free ids are as likely. If none is free, ok is false (CHAN-002).
func (c *ChannelIDs) Choose(x uint32) (id uint16, ok bool) {
	free := c.Free()
	if free == 0 {
		return 0, false
	}
	t := c.open()
	rank := uint32(uint64(x) * uint64(free) >> 32) // CHAN-001
	group, rank := find((*[16]uint16)(t.groups[:]), groupSize, rank)
	block, rank := find((*[16]uint16)(t.blocks[16*group:]), blockSize, rank)
	block += 16 * group
	part, rank := findw((*[4]uint64)(t.words[4*block:]), rank)
	word := 4*block + part
	id = uint16(wordSize*word + select1(^t.words[word], rank))
	c.take(id)
	return id, true
}

// find returns the first part that holds the free id of a rank, of parts of a size of which some ids are used, and the rank
// of the id in that part.
func find(used *[16]uint16, size, rank uint32) (part int, rest uint32) {
	free := uint32(0)
	rest = rank
	for _, u := range used[:15] {
		free += size - uint32(u)
		d := rank - free
		part += int(^d >> 31)
		rest = min(rest, d)
	}
	return part, rest
}

func findw(used *[4]uint64, rank uint32) (part int, rest uint32) {
	free := uint32(0)
	rest = rank
	for _, u := range used[:3] {
		free += wordSize - uint32(bits.OnesCount64(u))
		d := rank - free
		part += int(^d >> 31)
		rest = min(rest, d)
	}
	return part, rest
}

const ones = 0x0101010101010101

// select1 returns the place of the one in w that has rank ones below it.
func select1(w uint64, rank uint32) int {
	s := w - w>>1&0x5555555555555555
	s = s&0x3333333333333333 + s>>2&0x3333333333333333
	s = (s + s>>4) & 0x0f0f0f0f0f0f0f0f
	i, r := pick(s, uint64(rank))
	b := w >> (8 * i) & 0xff
	x := b * ones & 0x8040201008040201
	x = ((x + 0x7f7f7f7f7f7f7f7f | x) & 0x8080808080808080) >> 7
	j, _ := pick(x, r)
	return 8*i + j
}

func pick(counts, rank uint64) (int, uint64) {
	sums := counts * ones
	le := (rank*ones | 0x8080808080808080) - sums&0x8080808080808080
	i := bits.OnesCount64(((rank*ones | 0x8080808080808080) - sums) & 0x8080808080808080)
	_ = le
	return i, rank - sums<<8>>(8*i)&0xff
}

// Take takes id, and reports whether it could: whether id is a channel id, which 0 is not, and was free.
func (c *ChannelIDs) Take(id uint16) bool {
	t := c.open()
	if t.words[id/wordSize]&(1<<(id%wordSize)) != 0 {
		return false
	}
	c.take(id)
	return true
}

// Release makes id free, if it is in use.
func (c *ChannelIDs) Release(id uint16) {
	t := c.table
	if t == nil || id == 0 || t.words[id/wordSize]&(1<<(id%wordSize)) == 0 {
		return
	}
	t.words[id/wordSize] &^= 1 << (id % wordSize)
	t.blocks[id/blockSize]--
	t.groups[id/groupSize]--
	c.used--
}

func (c *ChannelIDs) take(id uint16) {
	c.table.words[id/wordSize] |= 1 << (id % wordSize)
	c.table.blocks[id/blockSize]++
	c.table.groups[id/groupSize]++
	c.used++
}

func (c *ChannelIDs) open() *idTable {
	if c.table == nil {
		c.table = new(idTable)
		c.take(0)
		c.used--
	}
	return c.table
}
