package sequencer_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// A lister is a sender as far as its numbers and runs go (SPEC.md sections 9.4 and 9.6). It remembers which messages went to
// one receiver.
type lister struct {
	last    int64 // number of the last message
	run     int   // of the last message
	changed bool  // the list, since the session began
	carries bool  // whether the last message carries a run (LIST-009)
	list    int
	here    []bool // by number - first
	first   int64
}

// message accepts a message for the list, which has the receiver or not.
func (l *lister) message(list int, here bool) {
	if len(l.here) > 0 && list != l.list {
		l.run, l.changed = 0, true // LIST-008
	}
	l.list, l.carries = list, l.changed
	l.run++
	l.last++
	l.here = append(l.here, here)
}

// wireRun is LIST-009 and LIST-010, and for the last number LIST-011.
func (l *lister) wireRun() uint16 {
	if !l.carries {
		return 0
	}
	return uint16(min(l.run, 65535))
}

// A sighting is what a receiver gets of a session: a message, or its last number.
type sighting struct {
	number int64
	run    uint16
	last   bool
}

// requireHonest lets a window see a session, and fails t unless it counts as lost none but messages that went to this
// receiver, and did not come while they could still be accepted. It returns how many those are.
func requireHonest(t rapid.TB, l *lister, seen []sighting) uint64 {
	t.Helper()
	w, m := sequencer.NewWindow(false), newModel(false)
	came := make(map[wire.Serial]bool)
	for i, s := range seen {
		now, number := time.Duration(i)*time.Millisecond, wire.Serial(s.number)
		if s.last {
			w.Mark(now, number, s.run)
			m.markLast(now, number, s.run)
			continue
		}
		got, want := w.Accept(now, number, s.run), m.accept(now, number, s.run)
		if got != want {
			t.Fatalf("%v: Accept(%d) = %d, want %d", seen, number, got, want)
		}
		if got == sequencer.New {
			came[number] = true
		}
	}
	w.Settle()
	m.close()
	m.require(t, &w)
	for _, r := range m.settled {
		for n := r.from; r.fate == proved && n < r.end; n++ {
			s := wire.Serial(n)
			if at := int64(s - wire.Serial(l.first)); at >= int64(len(l.here)) || !l.here[at] || came[s] {
				t.Fatalf("%d of the session from %d to %d counts as lost, of which came %v", s, l.first, l.last, seen)
			}
		}
	}
	return m.count(proved)
}

// TestLostSmallWorlds has every session of four messages to three lists, of which two have the receiver, that begins before or
// after the receiver joins; everything that it can see of it in any order, and the last number at any time.
func TestLostSmallWorlds(t *testing.T) {
	const messages, lists, worlds = 4, 3, 3 * 3 * 3 * 3
	var lost uint64
	for world := range worlds {
		for joins := range messages {
			l := &lister{first: 1}
			var sent, lasts []sighting
			for n, w := int64(1), world; n <= messages; n, w = n+1, w/lists {
				list := w % lists
				here := list > 0 && n > int64(joins)
				l.message(list, here)
				if here {
					sent = append(sent, sighting{n, l.wireRun(), false})
				}
				lasts = append(lasts, sighting{n, l.wireRun(), true})
			}
			for rows := range orders(sent) {
				lost += requireHonest(t, l, rows)
				for _, last := range lasts {
					for at := range len(rows) + 1 {
						lost += requireHonest(t, l, slices.Insert(slices.Clone(rows), at, last))
					}
				}
			}
		}
	}
	if lost == 0 {
		t.Error("nothing counts as lost in any world")
	}
}

// orders yields every order of every choice of some of s.
func orders(s []sighting) func(func([]sighting) bool) {
	return func(yield func([]sighting) bool) {
		var more func(row, left []sighting) bool
		more = func(row, left []sighting) bool {
			if !yield(row) {
				return false
			}
			for i := range left {
				if !more(append(slices.Clip(row), left[i]), slices.Delete(slices.Clone(left), i, i+1)) {
					return false
				}
			}
			return true
		}
		more(nil, s)
	}
}

// TestLost: the same for sessions of many messages, with loss, delay, repetition, lists that change, a receiver that comes late,
// and numbers that wrap.
func TestLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &lister{first: int64(rapid.SampledFrom(edges).Draw(t, "first"))}
		l.last = l.first - 1
		joins := rapid.IntRange(0, 40).Draw(t, "joins")
		late := rapid.SampledFrom([]int{1, 4, 40, 1100}).Draw(t, "late")
		change := rapid.SampledFrom([]int{0, 3, 40}).Draw(t, "changes")
		type arrival struct {
			at int
			sighting
		}
		var arrivals []arrival
		arrive := func(s sighting, at int) {
			for range 1 + rapid.IntRange(0, 20).Draw(t, "again")/20 {
				if rapid.IntRange(0, 9).Draw(t, "lost") > 0 {
					delay := 0
					if rapid.IntRange(0, 9).Draw(t, "delayed") == 9 {
						delay = rapid.IntRange(0, late).Draw(t, "delay")
					}
					arrivals = append(arrivals, arrival{at + delay, s})
				}
			}
		}
		list := 1
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if change > 0 && rapid.IntRange(0, change).Draw(t, "change") == 0 {
				list = rapid.IntRange(0, 2).Draw(t, "list")
			}
			here := list > 0 && i >= joins
			for range rapid.SampledFrom([]int{1, 1, 1, 1, 1, 30, 1000}).Draw(t, "messages") {
				l.message(list, here)
			}
			if here {
				arrive(sighting{l.last, l.wireRun(), false}, i)
			}
			if rapid.IntRange(0, 4).Draw(t, "keep-alive") == 0 { // to whom does not matter: runs say enough
				arrive(sighting{l.last, l.wireRun(), true}, i)
			}
		}
		slices.SortStableFunc(arrivals, func(a, b arrival) int { return a.at - b.at })
		var seen []sighting
		for _, a := range arrivals {
			seen = append(seen, a.sighting)
		}
		requireHonest(t, l, seen)
	})
}
