package sequencer_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// A fate is what is known of a number from the base on, or what became of one before it.
type fate int

const (
	missing fate = iota // settles as unknown
	proved              // missing, and settles as lost
	accepted
)

// A stretch is a longest row of numbers with the same fate: those from from to end - 1.
type stretch struct {
	from, end int64
	fate      fate
}

const (
	none   = math.MinInt64
	circle = int64(1) << 32
)

// A model is SPEC.md section 9.13 in numbers that do not wrap. It has a list of stretches where a Window has bits, and goes
// through the whole list for everything.
type model struct {
	durable, begun bool
	first          int64 // the first base
	base, top      int64 // set if begun
	high, low      int64 // none if nothing was accepted
	mark           int64
	due            time.Duration // -1: the timer is stopped
	window         []stretch     // from base to top
	settled        []stretch     // what is settled, missing or proved
	delivered      uint64
}

func newModel(durable bool) *model {
	return &model{durable: durable, top: -1, high: none, low: none, due: -1}
}

// ahead returns the number that s is for one who counts from n: n, one of the 2^31 - 1 after it, or one of the 2^31 before it.
func ahead(n int64, s wire.Serial) int64 {
	d := (int64(s) - n) & (circle - 1)
	if d >= circle/2 {
		d -= circle
	}
	return n + d
}

func (m *model) resume(base wire.Serial) { m.begin(circle<<8 + int64(base)) }

func (m *model) begin(base int64) {
	m.begun, m.first, m.base, m.top = true, base, base, base-1
}

// start is WINDOW-001.
func (m *model) start(s wire.Serial) {
	if m.begun {
		return
	}
	n := circle<<8 + int64(s)
	if after := (n - 1) % circle; after < 1024 {
		m.begin(n - after)
	} else {
		m.begin(n - 1023)
	}
}

func (m *model) check(s wire.Serial) sequencer.Verdict {
	if !m.begun {
		return sequencer.New
	}
	n := ahead(m.base, s)
	if n < m.base {
		return sequencer.Stale
	}
	for _, r := range m.window {
		if r.from <= n && n < r.end && r.fate == accepted {
			return sequencer.Duplicate
		}
	}
	return sequencer.New
}

// paint gives the numbers from from to end - 1 of the window another fate, and joins stretches.
func (m *model) paint(from, end int64, change func(fate) fate) {
	var window []stretch
	put := func(from, end int64, f fate) {
		if last := len(window) - 1; from < end {
			if last >= 0 && window[last].fate == f {
				window[last].end = end
			} else {
				window = append(window, stretch{from, end, f})
			}
		}
	}
	for _, r := range m.window {
		put(r.from, min(r.end, from), r.fate)
		put(max(r.from, from), min(r.end, end), change(r.fate))
		put(max(r.from, end), r.end, r.fate)
	}
	m.window = window
}

func (m *model) raise(n int64) {
	if n > m.top {
		m.window = append(m.window, stretch{m.top + 1, n + 1, missing})
		m.top = n
	}
}

// settle settles what is missing before end, and makes end the base.
func (m *model) settle(end int64) {
	for len(m.window) > 0 && m.window[0].from < end {
		r := &m.window[0]
		stop := min(r.end, end)
		if r.fate != accepted {
			m.settled = append(m.settled, stretch{r.from, stop, r.fate})
		}
		if m.base, r.from = stop, stop; stop == r.end {
			m.window = m.window[1:]
		}
	}
}

// follow is the paragraph after WINDOW-012, from what a frame proves on.
func (m *model) follow(now time.Duration, n int64, run uint16) {
	before := int64(none) // S - r; WINDOW-012
	if run != 0 {
		before = n - int64(run)
	}
	if m.high != none && before < m.high && m.high <= n { // WINDOW-011
		m.paint(max(m.low, before)+1, n+1, func(f fate) fate {
			if f == missing {
				return proved
			}
			return f
		})
	}
	if n >= m.base+1024 { // WINDOW-006
		m.settle(n - 1023)
	}
	m.move()
	if m.durable { // WINDOW-008
		m.settle(m.top + 1)
	}
	m.schedule(now)
}

func (m *model) move() {
	if len(m.window) > 0 && m.window[0].fate == accepted {
		m.settle(m.window[0].end)
	}
}

// schedule is WINDOW-007.
func (m *model) schedule(now time.Duration) {
	if m.base > m.top {
		m.due = -1
	} else if m.due < 0 || m.base > m.mark {
		m.due, m.mark = now+2*time.Second, m.top
	}
}

func (m *model) accept(now time.Duration, s wire.Serial, run uint16) sequencer.Verdict {
	v := m.check(s)
	if v != sequencer.New {
		return v
	}
	m.start(s)
	n := ahead(m.base, s)
	m.delivered++
	m.raise(n)
	m.paint(n, n+1, func(fate) fate { return accepted })
	m.high = max(m.high, n)
	if m.low == none || n < m.low {
		m.low = n
	}
	m.follow(now, n, run)
	return v
}

func (m *model) markLast(now time.Duration, s wire.Serial, run uint16) {
	m.start(s)
	n := ahead(m.top, s)
	m.raise(n)
	m.follow(now, n, run)
}

func (m *model) linger(now time.Duration) {
	m.due = -1
	m.schedule(now)
}

func (m *model) advance(now time.Duration) {
	for m.due >= 0 && m.due <= now {
		due := m.due
		m.settle(m.mark + 1)
		m.move()
		m.due = -1
		m.schedule(due)
	}
}

func (m *model) close() {
	m.settle(m.top + 1)
	m.schedule(0)
}

// count returns how many of the settled numbers have a fate.
func (m *model) count(f fate) (n uint64) {
	for _, r := range m.settled {
		if r.fate == f {
			n += uint64(r.end - r.from)
		}
	}
	return n
}

// require fails t unless w is in the state of m, as far as it shows.
func (m *model) require(t rapid.TB, w *sequencer.Window) {
	t.Helper()
	delivered, lost, unknown := w.Counts()
	if delivered != m.delivered || lost != m.count(proved) || unknown != m.count(missing) {
		t.Fatalf("Counts = %d, %d, %d, want %d, %d, %d", delivered, lost, unknown, m.delivered, m.count(proved), m.count(missing))
	}
	if got, want := w.Base(), wire.Serial(m.base); m.begun && got != want || !m.begun && got != 0 {
		t.Fatalf("Base = %d, want %d", got, want)
	}
	if got, want := w.Missing(), m.base <= m.top; got != want {
		t.Fatalf("Missing = %t, want %t", got, want)
	}
	if due, ok := w.Deadline(); ok != (m.due >= 0) || ok && due != m.due {
		t.Fatalf("Deadline = %v, %t, want %v", due, ok, m.due)
	}
	high, ok := w.High()
	if ok != (m.high != none) || ok && high != wire.Serial(max(m.high, m.base-1<<30)) {
		t.Fatalf("High = %d, %t, want %d of base %d", high, ok, m.high, m.base)
	}
	if !m.begun {
		return
	}
	// The law: each number from the first base on is delivered, lost or unknown. Those from the base on that were accepted
	// already are delivered before the base gets to them.
	for _, r := range m.window {
		if r.fate == accepted {
			delivered -= uint64(r.end - r.from)
		}
	}
	if delivered+lost+unknown != uint64(m.base-m.first) {
		t.Fatalf("%d + %d + %d numbers from %d to %d", delivered, lost, unknown, m.first, m.base)
	}
	// All verdicts, and those on both sides of each limit.
	n := m.base - 2
	for _, r := range append(m.window, stretch{m.top + 1, m.top + 3, missing}) {
		for ; n < r.end; n++ {
			want := sequencer.New
			if n < m.base {
				want = sequencer.Stale
			} else if r.fate == accepted {
				want = sequencer.Duplicate
			}
			if got := w.Check(wire.Serial(n)); got != want {
				t.Fatalf("Check(%d) = %d, want %d", wire.Serial(n), got, want)
			}
		}
	}
	for _, n := range []int64{m.base - circle/2, m.base + circle/2 - 1} {
		if got, want := w.Check(wire.Serial(n)), m.check(wire.Serial(n)); got != want {
			t.Fatalf("Check(%d) = %d, want %d", wire.Serial(n), got, want)
		}
	}
}

// edges are numbers on both sides of the wrap, of the half-space point from it, and of the limits of WINDOW-001.
var edges = []wire.Serial{0, 1, 2, 1023, 1024, 1025, 1026, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<31 + 1024, 1<<32 - 1025, 1<<32 - 1024, 1<<32 - 1023, 1<<32 - 500, 1<<32 - 2, 1<<32 - 1}

func drawRun(t *rapid.T) uint16 {
	return rapid.OneOf(
		rapid.Just[uint16](0),
		rapid.Just[uint16](0),
		rapid.Uint16Range(1, 20),
		rapid.SampledFrom([]uint16{1023, 1024, 1025, 65534, 65535}),
		rapid.Uint16(),
	).Draw(t, "run")
}

// drawAhead draws a distance from top.
func drawAhead(t *rapid.T) int64 {
	return rapid.OneOf(
		rapid.Just[int64](1),
		rapid.Int64Range(1, 4),
		rapid.Int64Range(-20, 20),
		rapid.Int64Range(-1030, 1030),
		rapid.Int64Range(1015, 1035),
		rapid.Int64Range(-70000, 70000),
		rapid.Int64Range(circle/2-1030, circle/2+1030),
		rapid.Int64Range(0, circle),
	).Draw(t, "ahead of top")
}

// TestWindowModel: whatever comes, a Window does what the model does.
func TestWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		durable := rapid.Bool().Draw(t, "durable")
		w, m := sequencer.NewWindow(durable), newModel(durable)
		start := rapid.OneOf(rapid.SampledFrom(edges), rapid.Map(rapid.Uint32(), func(n uint32) wire.Serial { return wire.Serial(n) })).Draw(t, "start")
		m.base, m.top = int64(start), int64(start)-1
		if rapid.Bool().Draw(t, "comes back") {
			w.Resume(start)
			m.resume(start)
		}
		now := time.Duration(0)
		t.Repeat(map[string]func(*rapid.T){
			"message": func(t *rapid.T) {
				s, run := wire.Serial(m.top+drawAhead(t)), drawRun(t)
				before, check := w, w.Check(s)
				if w != before {
					t.Fatal("Check has changed the window")
				}
				got, want := w.Accept(now, s, run), m.accept(now, s, run)
				if got != want || got != check {
					t.Fatalf("Accept(%d) = %d after Check = %d, want %d", s, got, check, want)
				}
				if got != sequencer.New && w != before {
					t.Fatal("a refused number has changed the window")
				}
			},
			"messages in order": func(t *rapid.T) {
				s, run := wire.Serial(m.top+1), drawRun(t)
				for range rapid.IntRange(1, 1100).Draw(t, "how many") {
					if got, want := w.Accept(now, s, run), m.accept(now, s, run); got != want {
						t.Fatalf("Accept(%d) = %d, want %d", s, got, want)
					}
					s++
				}
			},
			"missing message": func(t *rapid.T) {
				if m.base > m.top {
					t.Skip()
				}
				r := m.window[rapid.IntRange(0, len(m.window)-1).Draw(t, "stretch")]
				s, run := wire.Serial(rapid.Int64Range(r.from, r.end-1).Draw(t, "number")), drawRun(t)
				if got, want := w.Accept(now, s, run), m.accept(now, s, run); got != want {
					t.Fatalf("Accept(%d) = %d, want %d", s, got, want)
				}
			},
			"last number": func(t *rapid.T) {
				s, run := wire.Serial(m.top+drawAhead(t)-1), drawRun(t)
				w.Mark(now, s, run)
				m.markLast(now, s, run)
			},
			"linger": func(*rapid.T) {
				w.Linger(now)
				m.linger(now)
			},
			"wait": func(t *rapid.T) {
				now += rapid.SampledFrom([]time.Duration{time.Microsecond, 100 * time.Millisecond, 2*time.Second - time.Microsecond, 2 * time.Second, 5 * time.Second}).Draw(t, "for")
				w.Advance(now)
				m.advance(now)
			},
			"wait for the deadline": func(t *rapid.T) {
				due, ok := w.Deadline()
				if !ok {
					t.Skip()
				}
				before := w
				if w.Advance(due - time.Microsecond); w != before {
					t.Fatalf("Advance(%v) has done something before the deadline", due-time.Microsecond)
				}
				now = due
				w.Advance(now)
				m.advance(now)
				_, lost, unknown := w.Counts()
				if _, l, u := before.Counts(); l+u == lost+unknown {
					t.Fatalf("Advance(%v) has settled nothing at the deadline", now)
				}
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					t.Skip()
				}
				w.Settle()
				m.close()
			},
			"": func(t *rapid.T) { m.require(t, &w) },
		})
	})
}

// TestWindowSmallWorlds: a Window does what the model does in every row of four inputs with four numbers around the wrap.
func TestWindowSmallWorlds(t *testing.T) {
	type input func(now time.Duration, w *sequencer.Window, m *model)
	inputs := []input{
		func(now time.Duration, w *sequencer.Window, m *model) { w.Linger(now); m.linger(now) },
		func(now time.Duration, w *sequencer.Window, m *model) { w.Settle(); m.close() },
	}
	for n := range wire.Serial(4) {
		s := n - 2
		for run := range uint16(3) {
			inputs = append(inputs,
				func(now time.Duration, w *sequencer.Window, m *model) {
					if got, want := w.Accept(now, s, run), m.accept(now, s, run); got != want {
						t.Fatalf("Accept(%d) = %d, want %d", s, got, want)
					}
				})
		}
		for run := range uint16(2) {
			inputs = append(inputs,
				func(now time.Duration, w *sequencer.Window, m *model) { w.Mark(now, s, run); m.markLast(now, s, run) })
		}
	}
	const length = 4
	rows := 1
	for range length {
		rows *= len(inputs)
	}
	for _, durable := range []bool{false, true} {
		for row := range rows {
			w, m := sequencer.NewWindow(durable), newModel(durable)
			w.Resume(1<<32 - 2)
			m.resume(1<<32 - 2)
			var now time.Duration
			for i := row; i > 0; i /= len(inputs) {
				now += time.Second
				w.Advance(now)
				m.advance(now)
				inputs[i%len(inputs)](now, &w, m)
				m.require(t, &w)
			}
		}
	}
}
