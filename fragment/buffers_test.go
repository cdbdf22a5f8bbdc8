package fragment_test

import (
	"testing"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// TestBuffersSlack holds the capacity of every size to the bound, and to what Put takes.
func TestBuffersSlack(t *testing.T) {
	f := fragment.NewBuffers(0)
	last := 0
	for n := range wire.MaxMessageSize + 1 {
		b := f.Get(n)
		if len(b) != n {
			t.Fatalf("Get(%d) has %d bytes", n, len(b))
		}
		slack := cap(b) - n
		if slack > 15 && slack*8 > n || cap(b) > wire.MaxMessageSize || cap(b) < last {
			t.Fatalf("Get(%d) has capacity %d", n, cap(b))
		}
		last = cap(b)
		f.Put(b)
	}
	if last != wire.MaxMessageSize {
		t.Errorf("capacity of the largest %d", last)
	}
}

// TestBuffersReuse: what was put back comes again, to any length that has the same capacity, and no other.
func TestBuffersReuse(t *testing.T) {
	f := fragment.NewBuffers(1 << 20)
	a := f.Get(1100)
	f.Put(a[:0])
	if b := f.Get(1152); &b[0] != &a[0] {
		t.Error("the buffer did not come again")
	}
	if b := f.Get(1152); &b[0] == &a[0] {
		t.Error("the buffer came twice")
	}
	f.Put(a)
	if b := f.Get(1024); &b[0] == &a[0] {
		t.Error("the buffer came for a smaller size")
	}
	if b := f.Get(1153); &b[0] == &a[0] {
		t.Error("the buffer came for a larger size")
	}
}

// TestBuffersForeign: a slice that is not from Get is refused, as far as its capacity tells.
func TestBuffersForeign(t *testing.T) {
	f := fragment.NewBuffers(1 << 20)
	f.Put(nil)
	requirePanic(t, func() { f.Put(make([]byte, 1025)) })
}

// TestBuffersBound: what is put back waits exactly if it and what waits already are within the limit, and comes again for the same
// capacity.
func TestBuffersBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.SampledFrom([]int{1024, 32768, 33792}), rapid.IntRange(0, 1<<17)).Draw(t, "limit")
		f := fragment.NewBuffers(limit)
		var out [][]byte
		waiting := make(map[*byte]int) // capacity, by first byte
		sum := 0
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				b := f.Get(rapid.OneOf(rapid.SampledFrom([]int{1, 1024, 20000, 32768}), rapid.IntRange(1, 32768)).Draw(t, "n"))
				out = append(out, b)
				fits := false
				for _, size := range waiting {
					fits = fits || size == cap(b)
				}
				first := &b[0]
				size, waited := waiting[first]
				if waited != fits || waited && size != cap(b) {
					t.Fatalf("a buffer with capacity %d that waited: %v, with %d; want one: %v", cap(b), waited, size, fits)
				}
				sum -= size
				delete(waiting, first)
			},
			"put": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("none is out")
				}
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				b := out[i]
				out = append(out[:i], out[i+1:]...)
				f.Put(b)
				if sum+cap(b) <= limit {
					waiting[&b[0]] = cap(b)
					sum += cap(b)
				}
			},
		})
	})
}

// TestBuffersCount: at most 256 of a size wait, so that the lists are bounded too.
func TestBuffersCount(t *testing.T) {
	f := fragment.NewBuffers(1 << 20)
	made := make(map[*byte]bool)
	var bs [][]byte
	for range 300 {
		b := f.Get(16)
		made[&b[0]] = true
		bs = append(bs, b)
	}
	for _, b := range bs {
		f.Put(b)
	}
	again := 0
	for range 300 {
		if b := f.Get(16); made[&b[0]] {
			again++
		}
	}
	if again != 256 {
		t.Errorf("%d of 300 buffers came again, want 256", again)
	}
}
