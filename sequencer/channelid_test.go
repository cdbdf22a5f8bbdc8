package sequencer_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/sequencer"
)

// freeIDs is the model: all ids that are free, in order.
type freeIDs []uint16

func allFree() freeIDs {
	ids := make(freeIDs, 65535)
	for i := range ids {
		ids[i] = uint16(i + 1)
	}
	return ids
}

// choose is CHAN-001.
func (f *freeIDs) choose(x uint32) (uint16, bool) {
	if len(*f) == 0 {
		return 0, false
	}
	rank := int(uint64(x) * uint64(len(*f)) / (1 << 32))
	id := (*f)[rank]
	*f = slices.Delete(*f, rank, rank+1)
	return id, true
}

func (f *freeIDs) take(id uint16) bool {
	rank, free := slices.BinarySearch(*f, id)
	if free {
		*f = slices.Delete(*f, rank, rank+1)
	}
	return free
}

func (f *freeIDs) release(id uint16) {
	if rank, free := slices.BinarySearch(*f, id); !free && id != 0 {
		*f = slices.Insert(*f, rank, id)
	}
}

func requireChoice(t rapid.TB, c *sequencer.ChannelIDs, f *freeIDs, x uint32) {
	t.Helper()
	got, gotOK := c.Choose(x)
	want, wantOK := f.choose(x)
	if got != want || gotOK != wantOK {
		t.Fatalf("Choose(%#x) = %d, %t with %d free, want %d, %t", x, got, gotOK, len(*f), want, wantOK)
	}
}

// TestChooseRank: the first and the last x of a rank, where F is a power of two and where it is not (CHAN-001).
func TestChooseRank(t *testing.T) {
	for _, tt := range []struct {
		taken []uint16
		x     uint32
		want  uint16
	}{
		{nil, 0, 1},
		{nil, 65537, 1}, // 65537 · 65535 = 2^32 - 1
		{nil, 65538, 2},
		{nil, 1<<32 - 65538, 65534},
		{nil, 1<<32 - 65537, 65535},
		{nil, 1<<32 - 1, 65535},
		{nil, 1 << 31, 32768},
		{[]uint16{1}, 0, 2},
		{[]uint16{1, 2, 3, 15, 16, 17}, 0, 4},
		{[]uint16{65535}, 1<<32 - 1, 65534},
		{[]uint16{65535}, 1<<31 - 1, 32767},
		{[]uint16{65535}, 1 << 31, 32768},
		{[]uint16{32768}, 1 << 31, 32769},
		{[]uint16{32767, 32768}, 1 << 31, 32769},
	} {
		var c sequencer.ChannelIDs
		for _, id := range tt.taken {
			c.Take(id)
		}
		if got, ok := c.Choose(tt.x); got != tt.want || !ok {
			t.Errorf("Choose(%#x) with %v taken = %d, %t, want %d", tt.x, tt.taken, got, ok, tt.want)
		}
	}
}

// TestChannelIDs fills the ids three ways, and empties them again.
func TestChannelIDs(t *testing.T) {
	for _, tt := range []struct {
		name string
		x    func(i int) uint32
	}{
		{"lowest first", func(int) uint32 { return 0 }},
		{"highest first", func(int) uint32 { return 1<<32 - 1 }},
		{"all over", func(i int) uint32 { return uint32(i) * 2654435769 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c sequencer.ChannelIDs
			f := allFree()
			for i := range 65535 {
				if got := c.Free(); got != 65535-i {
					t.Fatalf("Free = %d after %d", got, i)
				}
				requireChoice(t, &c, &f, tt.x(i))
			}
			requireChoice(t, &c, &f, 0) // CHAN-002
			for id := range 65536 {
				if c.Take(uint16(id)) {
					t.Fatalf("Take(%d) though none is free", id)
				}
			}
			for id := 65535; id >= 0; id-- {
				c.Release(uint16(id))
				c.Release(uint16(id)) // the second has no effect
			}
			if got := c.Free(); got != 65535 {
				t.Fatalf("Free = %d after all were released", got)
			}
			if c.Take(0) {
				t.Fatal("0 was taken")
			}
		})
	}
}

// TestChannelIDsModel: whatever is called, the ids are those of a list.
func TestChannelIDsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c sequencer.ChannelIDs
		f := allFree()
		x := rapid.OneOf(rapid.SampledFrom([]uint32{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1}), rapid.Uint32())
		id := rapid.OneOf(
			rapid.SampledFrom([]uint16{0, 1, 15, 16, 255, 256, 4095, 4096, 65534, 65535}),
			rapid.Uint16Range(4090, 4101), // so that some are drawn twice
			rapid.Uint16())
		if rapid.IntRange(0, 9).Draw(t, "crowded") == 9 { // no id is free but a few
			for range 65535 - 20 {
				c.Choose(0)
			}
			f = f[65535-20:]
		}
		t.Repeat(map[string]func(*rapid.T){
			"choose": func(t *rapid.T) { requireChoice(t, &c, &f, x.Draw(t, "x")) },
			"take": func(t *rapid.T) {
				n := id.Draw(t, "id")
				if got, want := c.Take(n), f.take(n); got != want {
					t.Fatalf("Take(%d) = %t, want %t", n, got, want)
				}
			},
			"release": func(t *rapid.T) {
				n := id.Draw(t, "id")
				c.Release(n)
				f.release(n)
			},
			"": func(t *rapid.T) {
				if got, want := c.Free(), len(f); got != want {
					t.Fatalf("Free = %d, want %d", got, want)
				}
			},
		})
	})
}
