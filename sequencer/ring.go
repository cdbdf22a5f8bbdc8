package sequencer

import "github.com/cdcp-project/cdcp/wire"

// A ring is a set of numbers from the base of a [Window] to its top, at most 1024 of them: n is bit n mod 1024. All other
// bits are 0.
type ring [size / 64]uint64

func (r *ring) has(n wire.Serial) bool { return r[n%size/64]>>(n%64)&1 != 0 }

func (r *ring) remove(n wire.Serial) { r[n%size/64] &^= 1 << (n % 64) }

// add adds the numbers from from to end - 1.
func (r *ring) add(from, end wire.Serial) {
	for from != end {
		i, mask, rest := span(from, end)
		r[i] |= mask
		from = rest
	}
}

// span returns where in a ring the numbers from from to end - 1 begin: the word that the first of them is in, the bits of that
// word that are theirs, and the first of them that is in another word, end if there is none.
func span(from, end wire.Serial) (word int, mask uint64, rest wire.Serial) {
	n := min(64-from%64, end-from)
	return int(from % size / 64), (1<<n - 1) << (from % 64), from + n
}
