package fuzz

import (
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// The operations on a window, by the byte that they begin with.
const (
	windowAccept = iota
	windowMark
	windowWait
	windowLinger
	windowSettle
	windowOps
)

// A naiveWindow is SPEC.md section 9.13 as it reads: numbers that do not wrap, and a set of those that are missing.
type naiveWindow struct {
	durable, begun, heard    bool
	base, top, low, high     int64
	missing                  map[int64]bool // whether it is proved to be lost
	delivered, lost, unknown uint64
	due, mark                int64 // due in µs; 0: no timer
}

const wrap = 1 << 32

// near returns s as a number that does not wrap: the one with which s is newer or older than there (WIRE-002).
func near(s wire.Serial, there int64) int64 { return there + int64(int32(s-wire.Serial(there))) }

func (w *naiveWindow) begin(s wire.Serial) {
	if w.begun {
		return
	}
	w.begun = true
	w.base = wrap + int64(s) - 1023 // WINDOW-001
	if s-1 < 1024 {
		w.base = 1
	}
	w.top = w.base - 1
}

func (w *naiveWindow) resume(s wire.Serial) {
	w.begun, w.base, w.top = true, wrap+int64(s), wrap+int64(s)-1
}

func (w *naiveWindow) check(s wire.Serial) sequencer.Verdict {
	if !w.begun {
		return sequencer.New
	}
	n := near(s, w.base)
	_, isMissing := w.missing[n]
	switch {
	case n < w.base:
		return sequencer.Stale // WINDOW-002
	case n <= w.top && !isMissing:
		return sequencer.Duplicate // WINDOW-003
	}
	return sequencer.New
}

func (w *naiveWindow) accept(now int64, s wire.Serial, run uint16) sequencer.Verdict {
	if v := w.check(s); v != sequencer.New {
		return v
	}
	w.begin(s)
	n := near(s, w.base)
	w.delivered++ // WINDOW-004
	delete(w.missing, n)
	if !w.heard || n < w.low {
		w.low = n
	}
	if !w.heard || n > w.high {
		w.high = n
	}
	w.heard = true
	w.take(now, n, n, run)
	return sequencer.New
}

func (w *naiveWindow) see(now int64, s wire.Serial, run uint16) {
	w.begin(s)
	n := near(s, w.top)
	w.take(now, n, n+1, run)
}

// take is what a frame with the number n does once it is accepted; numbers from top to end - 1 become missing.
func (w *naiveWindow) take(now, n, end int64, run uint16) {
	reach := int64(run)
	if run == 0 {
		reach = 1 << 62 // WINDOW-012
	}
	proves := w.heard && w.high > n-reach && w.high <= n
	proved := func(m int64) bool { return proves && m <= n && m > n-reach && m > w.low } // WINDOW-011
	for m := range w.missing {
		w.missing[m] = w.missing[m] || proved(m)
	}
	if n > w.top { // WINDOW-005
		from := w.top + 1
		w.top = n
		// Those that are settled at once anyway are not put into the set: there can be 2^31 of them. Of these, the ones that are
		// proved are the last.
		if far := end - 2048; far > from {
			sure := int64(0)
			if proved(far - 1) {
				sure = far - max(from, w.low+1, n-reach+1)
			}
			w.lost += uint64(sure)
			w.unknown += uint64(far - from - sure)
			from = far
		}
		for m := from; m < end; m++ {
			w.missing[m] = proved(m)
		}
	}
	if n >= w.base+1024 { // WINDOW-006
		w.settle(n - 1024)
		w.base = n - 1023
	}
	if w.durable { // WINDOW-008
		w.settle(w.top)
	}
	w.slide()
	w.schedule(now)
}

// settle settles what is missing up to a number.
func (w *naiveWindow) settle(end int64) {
	for m, proved := range w.missing {
		if m > end {
			continue
		}
		delete(w.missing, m)
		if proved { // WINDOW-009
			w.lost++
		} else {
			w.unknown++
		}
	}
}

func (w *naiveWindow) slide() {
	for w.base <= w.top {
		if _, ok := w.missing[w.base]; ok {
			return
		}
		w.base++
	}
}

func (w *naiveWindow) schedule(now int64) { // WINDOW-007
	if len(w.missing) == 0 {
		w.due = 0
	} else if w.due == 0 || w.base > w.mark {
		w.due, w.mark = now+2e6, w.top
	}
}

func (w *naiveWindow) advance(now int64) {
	for w.due != 0 && w.due <= now {
		due := w.due
		w.settle(w.mark)
		w.slide()
		w.due = 0
		w.schedule(due)
	}
}

// recordWindow writes the numbers of frames as FuzzWindow reads them.
func recordWindow(t testing.TB, frames [][]byte) []byte {
	var r recording
	for _, b := range frames {
		var f wire.Frame
		if f.Parse(b) != nil {
			continue
		}
		if r == nil {
			r = r.bit(f.Flags&wire.FlagDurable != 0).bit(false)
		}
		kind := byte(windowAccept)
		if f.Type != wire.TypeData {
			kind = windowMark
		}
		run, _ := f.Ext.Run()
		r = r.u8(kind, written).u8(recording{}.number(4, uint64(f.Sequence))[1:]...).number(2, uint64(run)).u8(windowWait, 4)
	}
	return r
}

// FuzzWindow: the window says of every number, and counts, what a naive one does.
func FuzzWindow(f *testing.F) {
	for _, all := range scripts(f) {
		if r := recordWindow(f, frames(f, all)); r != nil {
			f.Add(r)
		}
	}
	for _, durable := range []byte{0, 1} {
		r := recording{}.u8(durable, 1).number(4, 1<<32-2)
		for i := range byte(len(steps)) {
			r = r.u8(windowAccept, i, i).u8(windowMark, i, 3).u8(windowWait, 4)
		}
		f.Add([]byte(r.u8(windowLinger, windowWait, 6, windowSettle)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 500 // operations, for the sake of time
		tape := &tape{b}
		durable := tape.bit()
		w, naive := sequencer.NewWindow(durable), &naiveWindow{durable: durable, top: -1, missing: make(map[int64]bool)}
		if tape.bit() {
			base := wire.Serial(tape.number(4, sessions))
			w.Resume(base)
			naive.resume(base)
		}
		now := int64(1)
		var last wire.Serial
		for i := 0; i < most && tape.more(); i++ {
			kind := tape.u8() % windowOps
			at := time.Duration(now) * time.Microsecond
			switch kind {
			case windowAccept, windowMark:
				s := last
				if step := tape.u8(); step == written {
					s = wire.Serial(tape.uint(4))
				} else {
					s += wire.Serial(steps[int(step)%len(steps)])
				}
				last = s
				run := uint16(tape.number(2, runs))
				if kind == windowMark {
					w.Mark(at, s, run)
					naive.see(now, s, run)
					break
				}
				want := naive.check(s)
				if got := w.Check(s); got != want {
					t.Fatalf("Check(%d) is %v, want %v; base %d, top %d", s, got, want, naive.base, naive.top)
				}
				naive.accept(now, s, run)
				if got := w.Accept(at, s, run); got != want {
					t.Fatalf("Accept(%d) is %v, want %v; base %d, top %d", s, got, want, naive.base, naive.top)
				}
			case windowWait:
				now += int64(tape.number(4, waits[:len(waits)-1]))
				if d := naive.due; d != 0 && d <= now { // and not before
					w.Advance(time.Duration(d-1) * time.Microsecond)
					naive.compare(t, &w)
				}
				w.Advance(time.Duration(now) * time.Microsecond)
				naive.advance(now)
			case windowLinger:
				w.Linger(at)
				naive.due = 0
				naive.schedule(now)
			case windowSettle:
				w.Settle()
				naive.settle(naive.top)
				naive.slide()
				naive.due = 0
			}
			naive.compare(t, &w)
		}
	})
}

// compare holds a window against w.
func (w *naiveWindow) compare(t *testing.T, got *sequencer.Window) {
	t.Helper()
	delivered, lost, unknown := got.Counts()
	due, hasDue := got.Deadline()
	high, heard := got.High()
	wantHigh := wire.Serial(max(w.high, w.base-1<<30))
	if delivered != w.delivered || lost != w.lost || unknown != w.unknown || got.Missing() != (len(w.missing) > 0) ||
		got.Base() != wire.Serial(w.base) || hasDue != (w.due != 0) || due != time.Duration(w.due)*time.Microsecond ||
		heard != w.heard || heard && high != wantHigh {
		t.Fatalf("base %d, high %d %v, counts %d %d %d, missing %v, due %v\nwant %d, %d %v, %d %d %d, %d, %d us", got.Base(), high, heard,
			delivered, lost, unknown, got.Missing(), due,
			wire.Serial(w.base), wantHigh, w.heard, w.delivered, w.lost, w.unknown, len(w.missing), w.due)
	}
}
