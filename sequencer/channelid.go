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
	rank := int(uint64(x) * uint64(free) >> 32) // CHAN-001
	group, rank := find(t.groups[:], groupSize, rank)
	block, rank := find(t.blocks[16*group:][:16], blockSize, rank)
	block += 16 * group
	word := 4 * block
	for ; ; word++ {
		n := wordSize - bits.OnesCount64(t.words[word])
		if rank < n {
			break
		}
		rank -= n
	}
	id = uint16(wordSize*word + find1(^t.words[word], rank))
	c.take(id)
	return id, true
}

// find returns the first part that holds the free id of a rank, of parts of a size of which some ids are used, and the rank
// of the id in that part.
func find(used []uint16, size, rank int) (part, rest int) {
	for i, u := range used {
		n := size - int(u)
		if rank < n {
			return i, rank
		}
		rank -= n
	}
	panic("x")
}

// select1 returns the place of the one of w that has rank ones below it.
func find1(w uint64, rank int) int {
	at := 0
	for half := 32; half > 0; half /= 2 {
		n := bits.OnesCount64(w & (1<<half - 1))
		if rank >= n {
			rank -= n
			w >>= half
			at += half
		}
	}
	return at
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
