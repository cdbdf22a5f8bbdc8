package sequencer_test

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

func requireAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got != want {
		t.Errorf("%s allocates %v times, want %v", what, got, want)
	}
}

// TestWindowSize: an endpoint has thousands of windows.
func TestWindowSize(t *testing.T) {
	if size := unsafe.Sizeof(sequencer.Window{}); size > 64 {
		t.Errorf("a Window has %d bytes, want 64 at most", size)
	}
}

// TestWindowAllocs: a window allocates when a number is missing for the first time, and never else.
func TestWindowAllocs(t *testing.T) {
	requireAllocs(t, "a window of numbers in order", 0, func() {
		var w sequencer.Window
		for s := range wire.Serial(3000) {
			w.Accept(0, s+1, 0)
		}
		w.Mark(0, 3000, 0)
		w.Settle()
	})
	requireAllocs(t, "a durable window", 0, func() {
		w := sequencer.NewWindow(true)
		for s := wire.Serial(1); s < 1<<31; s *= 2 {
			w.Accept(0, s, 0)
			w.Mark(0, s+1, 0)
		}
	})
	requireAllocs(t, "a window with missing numbers", 1, func() {
		var w sequencer.Window
		w.Accept(0, 1, 0)
		for s := wire.Serial(3); s < 1<<31; s *= 2 {
			w.Accept(0, s, 0)
			w.Accept(0, s-1, 3)
			w.Mark(0, s+5, 2)
			w.Advance(math.MaxInt64 - 2*time.Second)
		}
	})

	var w sequencer.Window
	numbers := trace()
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	var base wire.Serial = 1<<32 - lap/2
	var now time.Duration
	requireAllocs(t, "a lap of the trace", 0, func() {
		for _, n := range numbers {
			now += time.Millisecond
			w.Advance(now)
			w.Accept(now, base+wire.Serial(n), 0)
		}
		base += lap
	})
}

// TestChannelIDsAllocs: the ids that are in use cost one allocation together.
func TestChannelIDsAllocs(t *testing.T) {
	requireAllocs(t, "no id", 0, func() {
		var c sequencer.ChannelIDs
		c.Release(1)
		if c.Free() != 65535 {
			t.Fatal("an id is in use")
		}
	})
	requireAllocs(t, "many ids", 1, func() {
		var c sequencer.ChannelIDs
		for i := range uint32(100) {
			c.Choose(i << 25)
			c.Take(uint16(i))
		}
		c.Release(1)
	})
}
