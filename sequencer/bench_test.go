package sequencer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cdcp-project/cdcp/internal/floor"
	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// floorWindow is the least that tells new numbers from old ones behind a call that is not inlined: a window of 64 numbers in
// one word. It knows no runs, no timer and no far jumps.
type floorWindow struct {
	top       uint32
	came      uint64 // bit i: top - i
	delivered uint64
}

//go:noinline
func (f *floorWindow) accept(s uint32) sequencer.Verdict {
	if ahead := int32(s - f.top); ahead > 0 {
		f.top = s
		f.came = f.came<<uint(ahead) | 1
		f.delivered++
		return sequencer.New
	}
	behind := f.top - s
	if behind >= 64 {
		return sequencer.Stale
	}
	if f.came>>behind&1 != 0 {
		return sequencer.Duplicate
	}
	f.came |= 1 << behind
	f.delivered++
	return sequencer.New
}

const (
	lap   = 1 << 18 // numbers of a trace
	batch = 1 << 10 // arrivals in one operation of a benchmark
)

// trace returns the numbers from 0 to lap - 1 in the order in which they come. Of 100 one is lost, two are late by up to 16
// others, and one comes again after up to 32. Whole batches are kept.
func trace() []uint32 {
	r := rand.New(rand.NewPCG(9, 13))
	slots := make([][]uint32, lap+64)
	for n := range uint32(lap) {
		at := n
		switch p := r.IntN(100); {
		case p < 1:
			continue
		case p < 3:
			at += 2 + r.Uint32N(16)
		case p < 4:
			again := n + 1 + r.Uint32N(32)
			slots[again] = append(slots[again], n)
		}
		slots[at] = append(slots[at], n)
	}
	t := slices.Concat(slots...)
	return t[:len(t)/batch*batch]
}

// BenchmarkWindow decides whether a window of 1024 numbers, with proofs and a timer, is nearly as cheap as one of 64 without.
// An operation is 1024 arrivals; the numbers wrap in the middle of the first lap.
func BenchmarkWindow(b *testing.B) {
	numbers := trace()
	const start = 1<<32 - lap/2
	b.Run("trace/impl=floor", func(b *testing.B) {
		b.ReportAllocs()
		w := floorWindow{top: start - 1}
		base, at, taken := uint32(start), 0, 0
		for b.Loop() {
			for _, n := range numbers[at : at+batch] {
				if w.accept(base+n) == sequencer.New {
					taken++
				}
			}
			if at += batch; at == len(numbers) {
				at, base = 0, base+lap
			}
		}
		requireTaken(b, taken)
	})
	b.Run("trace/impl=cdcp", func(b *testing.B) {
		b.ReportAllocs()
		var w sequencer.Window
		base, at, taken := uint32(start), 0, 0
		for b.Loop() {
			for _, n := range numbers[at : at+batch] {
				if w.Accept(0, wire.Serial(base+n), 0) == sequencer.New {
					taken++
				}
			}
			if at += batch; at == len(numbers) {
				at, base = 0, base+lap
			}
		}
		requireTaken(b, taken)
	})
}

// requireTaken fails b unless nearly all arrivals were taken as new: only those that come again are not.
func requireTaken(b *testing.B, taken int) {
	b.Helper()
	if all := b.N * batch; taken < all*97/100 || taken > all {
		b.Fatalf("%d of %d arrivals were taken", taken, all)
	}
}

// BenchmarkChannelIDs decides whether an id is chosen in the time of a few small frames, whichever are in use. An operation is
// to choose one and to release it.
func BenchmarkChannelIDs(b *testing.B) {
	payload, buf := make([]byte, 64), make([]byte, 0, 2048)
	for _, used := range []int{0, 32768, 65534} {
		b.Run(fmt.Sprintf("used=%d/impl=floor", used), func(b *testing.B) {
			b.ReportAllocs()
			var sequence uint32
			for b.Loop() {
				sequence++
				if _, err := floor.Encode(buf, 0x8000_03e8_6500_0001, sequence, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("used=%d/impl=cdcp", used), func(b *testing.B) {
			b.ReportAllocs()
			var ids sequencer.ChannelIDs
			x := uint32(1)
			for range used {
				x = x*1664525 + 1013904223
				ids.Choose(x)
			}
			for b.Loop() {
				x = x*1664525 + 1013904223
				id, ok := ids.Choose(x)
				if !ok {
					b.Fatal("no id is free")
				}
				ids.Release(id)
			}
		})
	}
}
