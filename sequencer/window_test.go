package sequencer_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// A script is what comes to a window, in words:
//
//	7       a message with the number 7, which is new
//	7/3     the same, with the run 3
//	7=dup   one that is a duplicate
//	7=stale one that is stale
//	k7      a KEEPALIVE or CLOSE with the last number 7
//	k7/3    the same, with the run 3
//	+1s     time
//	linger, settle
//
// Numbers wrap: -1 is 4294967295.
type script string

func (s script) run(t *testing.T, w *sequencer.Window) {
	t.Helper()
	var now time.Duration
	for word := range strings.FieldsSeq(string(s)) {
		switch {
		case word == "linger":
			w.Linger(now)
		case word == "settle":
			w.Settle()
		case word[0] == '+':
			d, err := time.ParseDuration(word)
			if err != nil {
				t.Fatal(err)
			}
			now += d
			w.Advance(now)
		default:
			word, verdict, _ := strings.Cut(word, "=")
			word, last := strings.CutPrefix(word, "k")
			digits, r, _ := strings.Cut(word, "/")
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			run := 0
			if r != "" {
				if run, err = strconv.Atoi(r); err != nil {
					t.Fatal(err)
				}
			}
			number := wire.Serial(n)
			if last {
				w.Mark(now, number, uint16(run))
				continue
			}
			want := map[string]sequencer.Verdict{"": sequencer.New, "dup": sequencer.Duplicate, "stale": sequencer.Stale}[verdict]
			if got := w.Accept(now, number, uint16(run)); got != want {
				t.Fatalf("Accept(%d) = %d, want %d", number, got, want)
			}
		}
	}
}

const sec = time.Second

// TestWindow goes through the clauses of SPEC.md section 9.13 one by one.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		clause                   string
		in                       script
		base                     int64
		delivered, lost, unknown uint64
		due                      time.Duration // 0: none
	}{
		{"nothing", "", 0, 0, 0, 0, 0},

		{"WINDOW-001", "1", 2, 1, 0, 0, 0},
		{"WINDOW-001", "2", 1, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "1024", 1, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "1025", 2, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "0", -1023, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "-1", -1024, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "2147483648", 1<<31 - 1023, 1, 0, 0, 2 * sec},
		{"WINDOW-001", "k1", 1, 0, 0, 0, 2 * sec},
		{"WINDOW-001", "k1024", 1, 0, 0, 0, 2 * sec},
		{"WINDOW-001", "k1025", 2, 0, 0, 0, 2 * sec},
		{"WINDOW-001", "k0", -1023, 0, 0, 0, 2 * sec},
		{"WINDOW-001", "k0 settle", 1, 0, 0, 1024, 0},

		{"WINDOW-002", "1 1=stale 0=stale", 2, 1, 0, 0, 0},
		{"WINDOW-002", "1 3 +2s 2=stale", 4, 2, 1, 0, 0},
		{"WINDOW-002", "1 2147483650=stale", 2, 1, 0, 0, 0}, // exactly 2^31 from the base
		{"WINDOW-002", "1 4 2147483650=stale", 2, 2, 0, 0, 2 * sec},

		{"WINDOW-003", "1 3 3=dup", 2, 2, 0, 0, 2 * sec},
		{"WINDOW-003", "1 3 2 3=stale", 4, 3, 0, 0, 0},
		{"WINDOW-003", "1 3 4 5 4=dup 5=dup", 2, 4, 0, 0, 2 * sec},
		{"WINDOW-003", "3 2 3=dup 2=dup 1 3=stale", 4, 3, 0, 0, 0},
		{"WINDOW-003", "-2 0 0=dup -2=dup", -1023, 2, 0, 2, 2 * sec},

		{"WINDOW-004", "1 2 3", 4, 3, 0, 0, 0},
		{"WINDOW-004", "-1 0 1", -1022, 3, 0, 2, 2 * sec},
		{"WINDOW-004", "1 2147483649", 1<<31 - 1022, 2, 1<<31 - 1024, 0, 2 * sec}, // as far as it goes: base + 2^31 - 1
		{"WINDOW-004", "1 3 2147483649", 1<<31 - 1022, 3, 1<<31 - 1025, 0, 2 * sec},

		{"WINDOW-005", "1 k1 k0", 2, 1, 0, 0, 0},
		{"WINDOW-005", "1 2 k1", 3, 2, 0, 0, 0},
		{"WINDOW-005", "1 k2", 2, 1, 0, 0, 2 * sec},
		{"WINDOW-005", "1 k3 2 3", 4, 3, 0, 0, 0},
		{"WINDOW-005", "1 k2147483648 settle", 1<<31 + 1, 1, 1<<31 - 1, 0, 0},   // 2^31 - 1 after top
		{"WINDOW-005", "1 k2147483649", 2, 1, 0, 0, 0},                          // 2^31: not newer
		{"WINDOW-005", "1 4 k2147483651 settle", 1<<31 + 4, 2, 1<<31 + 1, 0, 0}, // newer than top, further than 2^31 - 1 from the base

		{"WINDOW-006", "1 3 1025", 2, 3, 0, 0, 2 * sec},
		{"WINDOW-006", "1 3 1026", 4, 3, 1, 0, 2 * sec},
		{"WINDOW-006", "1 3 1028", 5, 3, 2, 0, 2 * sec},
		{"WINDOW-006", "1 3 2051", 1028, 3, 1 + 1024, 0, 2 * sec},
		{"WINDOW-006", "1 3 2052", 1029, 3, 1 + 1025, 0, 2 * sec},
		{"WINDOW-006", "1 k1025", 2, 1, 0, 0, 2 * sec},
		{"WINDOW-006", "1 k1026", 3, 1, 1, 0, 2 * sec},
		{"WINDOW-006", "1 3 k1026", 4, 2, 1, 0, 2 * sec},
		{"WINDOW-006", "1 k5000", 3977, 1, 3975, 0, 2 * sec},
		{"WINDOW-006", "1 k5000/9", 3977, 1, 0, 3975, 2 * sec},
		{"WINDOW-006", "1 5000/9 settle", 5001, 2, 8, 4990, 0},
		{"WINDOW-006", "1 5000/2000 settle", 5001, 2, 1999, 2999, 0},
		{"WINDOW-006", "1 3/1 5000/2000 settle", 5001, 3, 1999, 2998, 0},
		{"WINDOW-006", "1 3/1 5000/4998 settle", 5001, 3, 4996, 1, 0},
		{"WINDOW-006", "1 3/1 5000/4999 settle", 5001, 3, 4997, 0, 0},

		{"WINDOW-007", "1 3 +1s 5", 2, 3, 0, 0, 2 * sec},   // it runs
		{"WINDOW-007", "1 3 +1s 2", 4, 3, 0, 0, 0},         // nothing is missing
		{"WINDOW-007", "1 3 +1s 5 2", 4, 4, 0, 0, 3 * sec}, // base is newer than mark
		{"WINDOW-007", "1 3 +1s k4 2", 4, 3, 0, 0, 3 * sec},
		{"WINDOW-007", "1 k3 +1s 5 2", 3, 3, 0, 0, 2 * sec}, // base is mark
		{"WINDOW-007", "1 k3 +1s 5 2 3", 4, 4, 0, 0, 3 * sec},
		{"WINDOW-007", "1 3 +1999999us", 2, 2, 0, 0, 2 * sec}, // not yet
		{"WINDOW-007", "1 3 +2s", 4, 2, 1, 0, 0},
		{"WINDOW-007", "1 k3 +2s", 4, 1, 2, 0, 0},            // up to mark, and mark too
		{"WINDOW-007", "1 3 +1s 6 +1s", 4, 3, 1, 0, 4 * sec}, // a number is still missing
		{"WINDOW-007", "1 3 +1s 6 +1s 5", 4, 4, 1, 0, 4 * sec},
		{"WINDOW-007", "1 3 +1s 5 +9s", 6, 3, 2, 0, 0},           // TIME-004
		{"WINDOW-007", "1 3 +1s 5 +2500ms", 4, 3, 1, 0, 4 * sec}, // TIME-002: set at 2 s
		{"WINDOW-007", "1 3 +9s 6", 4, 3, 1, 0, 11 * sec},        // set anew
		{"WINDOW-007", "1 1026 +1s 1027", 4, 3, 2, 0, 2 * sec},
		{"WINDOW-007", "1 3 +1s 1400", 377, 3, 374, 0, 3 * sec}, // WINDOW-006 takes base beyond mark

		{"WINDOW-009", "1 5/2 +2s", 6, 2, 1, 2, 0},

		{"WINDOW-010", "1 3 settle 2=stale 4", 5, 3, 1, 0, 0},
		{"WINDOW-010", "1 2 settle", 3, 2, 0, 0, 0},
		{"WINDOW-010", "settle", 0, 0, 0, 0, 0},

		{"WINDOW-011", "1 5/1 settle", 6, 2, 0, 3, 0},
		{"WINDOW-011", "1 5/3 settle", 6, 2, 2, 1, 0},
		{"WINDOW-011", "1 5/4 settle", 6, 2, 3, 0, 0},
		{"WINDOW-011", "2 5 settle", 6, 2, 2, 1, 0}, // nothing older than low
		{"WINDOW-011", "2 5 1 settle", 6, 3, 2, 0, 0},
		{"WINDOW-011", "3 1 settle", 4, 2, 0, 1, 0}, // 1 comes after what could prove 2
		{"WINDOW-011", "3 1 4 settle", 5, 3, 1, 0, 0},
		{"WINDOW-011", "3 1 4/3 settle", 5, 3, 1, 0, 0},
		{"WINDOW-011", "3 1 4/2 settle", 5, 3, 0, 1, 0},
		{"WINDOW-011", "1 6/1 3 settle", 7, 3, 0, 3, 0}, // high is newer than 3
		{"WINDOW-011", "1 6/1 k5 settle", 7, 2, 0, 4, 0},
		{"WINDOW-011", "1 6/1 k6 settle", 7, 2, 4, 0, 0},
		{"WINDOW-011", "1 6/1 k6/2 settle", 7, 2, 1, 3, 0},
		{"WINDOW-011", "1 6/1 7 settle", 8, 3, 4, 0, 0},
		{"WINDOW-011", "1 6/1 7/2 settle", 8, 3, 0, 4, 0},
		{"WINDOW-011", "1 6/1 7/3 settle", 8, 3, 1, 3, 0},
		{"WINDOW-011", "1 k4 settle", 5, 1, 3, 0, 0}, // S itself too
		{"WINDOW-011", "1 k4/4 settle", 5, 1, 3, 0, 0},
		{"WINDOW-011", "1 k4/3 settle", 5, 1, 0, 3, 0}, // high is not newer than S - r
		{"WINDOW-011", "1 2 k5/4 settle", 6, 2, 3, 0, 0},
		{"WINDOW-011", "k5 3 settle", 6, 1, 0, 4, 0},
		{"WINDOW-011", "k5 3 4 settle", 6, 2, 0, 3, 0},
		{"WINDOW-011", "k5 1 3 settle", 6, 2, 1, 2, 0}, // 3 is the newest number, though not top
		{"WINDOW-011", "k5 1 3 6 settle", 7, 3, 3, 0, 0},
		{"WINDOW-011", "k5 1 3 k5/3 settle", 6, 2, 3, 0, 0},
		{"WINDOW-011", "k5 1 3 k5/2 settle", 6, 2, 1, 2, 0},
		{"WINDOW-011", "k5 3 k5 settle", 6, 1, 2, 2, 0},
		{"WINDOW-011", "k5 k6 settle", 7, 0, 0, 6, 0},       // nothing was accepted
		{"WINDOW-011", "-3 k-1 1 settle", 2, 2, 3, 1023, 0}, // numbers wrap
		{"WINDOW-011", "1 3/1 +2s 6 settle", 7, 3, 2, 1, 0}, // what is settled stays so
		{"WINDOW-011", "1 5/1 k5/65535 settle", 6, 2, 3, 0, 0},

		{"WINDOW-012", "1 70000/65535 settle", 70001, 2, 65534, 70000 - 65535 - 1, 0},
		{"WINDOW-012", "1 65536/65535 settle", 65537, 2, 65534, 0, 0},
		{"WINDOW-012", "1 65537/65535 settle", 65538, 2, 65534, 1, 0},
		{"WINDOW-012", "1 k65535/65535 settle", 65536, 1, 65534, 0, 0},
		{"WINDOW-012", "1 k65536/65535 settle", 65537, 1, 0, 65535, 0},
		{"WINDOW-012", "1 k65536 settle", 65537, 1, 65535, 0, 0},

		{"RECV-009", "1 3 +1s linger", 2, 2, 0, 0, 3 * sec},
		{"RECV-009", "1 3 +1s 6 linger +2s", 7, 3, 3, 0, 0},
		{"RECV-009", "1 2 linger", 3, 2, 0, 0, 0},
	} {
		t.Run(tt.clause+" "+string(tt.in), func(t *testing.T) {
			var w sequencer.Window
			tt.in.run(t, &w)
			requireWindow(t, &w, tt.base, tt.delivered, tt.lost, tt.unknown, tt.due)
		})
	}
}

// TestWindowDurable: what is missing is settled at once (WINDOW-008), when what it is has been decided (WINDOW-011).
func TestWindowDurable(t *testing.T) {
	for _, tt := range []struct {
		in                       script
		base                     int64
		delivered, lost, unknown uint64
	}{
		{"1 2 3", 4, 3, 0, 0},
		{"1 4 3=stale", 5, 2, 2, 0},
		{"1 4/2", 5, 2, 1, 1},
		{"3", 4, 1, 0, 2},
		{"3 3=stale 6", 7, 2, 2, 2},
		{"k3", 4, 0, 0, 3},
		{"1 k3", 4, 1, 2, 0},
		{"1 k3/2", 4, 1, 0, 2},
		{"1 k3 k2 k3 4", 5, 2, 2, 0},
		{"1 2 k1", 3, 2, 0, 0},
		{"1 2000/5", 2001, 2, 4, 1994},
		{"1 2147483649", 1<<31 + 2, 2, 1<<31 - 1, 0},
		{"-1 1", 2, 2, 1, 1023},
		{"1 4 linger", 5, 2, 2, 0},
		{"1 4 settle", 5, 2, 2, 0},
	} {
		t.Run(string(tt.in), func(t *testing.T) {
			w := sequencer.NewWindow(true)
			tt.in.run(t, &w)
			requireWindow(t, &w, tt.base, tt.delivered, tt.lost, tt.unknown, 0)
		})
	}
}

// TestWindowResume: a session that comes back has the base of its record, and nothing else of what it was (WINDOW-001, RECV-016).
func TestWindowResume(t *testing.T) {
	for _, tt := range []struct {
		base                     wire.Serial
		in                       script
		want                     int64
		delivered, lost, unknown uint64
		due                      time.Duration
	}{
		{100, "", 100, 0, 0, 0, 0},
		{100, "99=stale", 100, 0, 0, 0, 0},
		{100, "100", 101, 1, 0, 0, 0},
		{100, "1123", 100, 1, 0, 0, 2 * sec},
		{100, "1124", 101, 1, 0, 1, 2 * sec},
		{100, "103 100", 101, 2, 0, 0, 2 * sec},
		{100, "103 settle", 104, 1, 0, 3, 0},
		{100, "2147483747", 1<<31 + 99 - 1023, 1, 0, 1<<31 - 1024, 2 * sec},
		{100, "2147483748=stale", 100, 0, 0, 0, 0},
		{0, "-1=stale 0", 1, 1, 0, 0, 0},
		{1<<32 - 1, "1 -1 0", 2, 3, 0, 0, 0},
	} {
		t.Run(string(tt.in), func(t *testing.T) {
			var w sequencer.Window
			w.Resume(tt.base)
			tt.in.run(t, &w)
			requireWindow(t, &w, tt.want, tt.delivered, tt.lost, tt.unknown, tt.due)
		})
	}
}

func requireWindow(t *testing.T, w *sequencer.Window, base int64, delivered, lost, unknown uint64, due time.Duration) {
	t.Helper()
	if got := w.Base(); got != wire.Serial(base) {
		t.Errorf("Base = %d, want %d", got, wire.Serial(base))
	}
	if d, l, u := w.Counts(); d != delivered || l != lost || u != unknown {
		t.Errorf("Counts = %d, %d, %d, want %d, %d, %d", d, l, u, delivered, lost, unknown)
	}
	got, ok := w.Deadline()
	if got != due || ok != (due != 0) {
		t.Errorf("Deadline = %v, %t, want %v", got, ok, due)
	}
	if got := w.Missing(); got != (due != 0) { // WINDOW-007
		t.Errorf("Missing = %t, want %t", got, due != 0)
	}
}

// TestWindowHigh: high is the newest number that was accepted, whatever top is.
func TestWindowHigh(t *testing.T) {
	for _, tt := range []struct {
		in   script
		want int64 // none: there is none
	}{
		{"", none},
		{"k5", none},
		{"1", 1},
		{"1 2 3", 3},
		{"1 5 3", 5},
		{"1 5 6 7 3", 7},
		{"1 5 k9", 5},
		{"1 5 6 k9", 6},
		{"1 k9 4 3", 4},
		{"1 k9 4 3 6", 6},
		{"1 k9 4 3 k2000", 4},
		{"1 k1073741824 settle", 1}, // 2^30 below the base, which is as far as it is remembered
		{"1 k1073741825 settle", 2},
		{"1 k2000000000 k4000000000 k1705032704 settle", 1705032705 - 1<<30},
		{"1 k2000000000 k4000000000 1 k5", 1},
	} {
		t.Run(string(tt.in), func(t *testing.T) {
			for _, durable := range []bool{false, true} {
				if durable && strings.Contains(string(tt.in), " 3") {
					continue // which is stale there
				}
				w := sequencer.NewWindow(durable)
				tt.in.run(t, &w)
				if got, ok := w.High(); ok != (tt.want != none) || ok && got != wire.Serial(tt.want) {
					t.Errorf("durable %t: High = %d, %t, want %d", durable, got, ok, tt.want)
				}
			}
		})
	}
}
