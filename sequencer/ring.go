package sequencer

import "github.com/cdcp-project/cdcp/wire"

// A ring is a set of numbers from the base of a [Window] to its top, of which there are 1024 at most: n is bit n mod 1024. All
// other bits are 0.
type ring [size / 64]uint64

// add adds the numbers from from to end - 1.
func (r *ring) add(from, end wire.Serial) {
	for from != end {
		i, mask, rest := span(from, end)
		r[i] |= mask
		from = rest
	}
}

// span returns where in a ring the numbers from from to end - 1 begin: the word that the first of them is in, the bits of that
// word that are theirs, and the number after those.
func span(from, end wire.Serial) (word int, mask uint64, rest wire.Serial) {
	n := min(64-from%64, end-from)
	return int(from % size / 64), (1<<n - 1) << (from % 64), from + n
}

// The missing numbers, each in the one of two sets that says as what it counts if it is settled now.
type missing struct{ lost, unknown ring }

func (m *missing) has(n wire.Serial) bool {
	return (m.lost[n%size/64]|m.unknown[n%size/64])>>(n%64)&1 != 0
}

func (m *missing) remove(n wire.Serial) {
	m.lost[n%size/64] &^= 1 << (n % 64)
	m.unknown[n%size/64] &^= 1 << (n % 64)
}
