package fragment_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

const expiry = 5 * time.Second

// TestCost is the formula of SPEC.md section 9.15.
func TestCost(t *testing.T) {
	for _, tt := range []struct{ n, want int }{{0, 128}, {63, 191}, {64, 193}, {257, 389}, {1000, 1143}, {32768, 33408}} {
		if got := fragment.Cost(tt.n); got != tt.want {
			t.Errorf("Cost(%d) = %d, want %d", tt.n, got, tt.want)
		}
	}
}

// TestComplete: fragments in any order make the message, with the run of the first part (FRAG-001, FRAME-005).
func TestComplete(t *testing.T) {
	run, err := wire.Extensions(nil).Append(wire.ExtRun, []byte{0, 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		flags wire.Flags
		spans [][2]int
	}{
		{"two", lossy, [][2]int{{0, 256}, {256, 1000}}},
		{"last first", lossy, [][2]int{{256, 1000}, {0, 256}}},
		{"middle last", high, [][2]int{{700, 1000}, {0, 300}, {300, 700}}},
		{"of one byte", lossy, [][2]int{{0, 999}, {999, 1000}}},
		{"durable", durable, [][2]int{{0, 256}, {256, 600}, {600, 1000}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProbe(t, roomy)
			for i, s := range tt.spans {
				f := part(tt.flags, 3, s[0], s[1], 1000)
				f.Ext = run
				if s[0] != 0 {
					f.Ext = nil
				}
				if i < len(tt.spans)-1 {
					if _, r := p.add(f, fragment.Held); r != 0 {
						t.Fatalf("run %d before the message is complete", r)
					}
					p.requireHeld(fragment.Cost(1000))
					continue
				}
				message, r := p.add(f, fragment.Complete)
				if !bytes.Equal(message, content(3, 1000)) || r != 9 {
					t.Fatalf("run %d, message\n%x", r, message)
				}
				p.requireHeld(fragment.Cost(1000))
				p.requireDeadline(0)
				p.requireStats(fragment.Stats{Partials: 1, Completed: 1})
				p.Release(&p.account, message)
				p.requireHeld(0)
			}
		})
	}
}

// TestRun: the run is that of offset 0 alone, and 0 if it has none (FRAME-005).
func TestRun(t *testing.T) {
	run, err := wire.Extensions(nil).Append(wire.ExtRun, []byte{0xff, 0xff})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 256} {
		p := newProbe(t, roomy)
		first, second := part(lossy, 1, 0, 256, 300), part(lossy, 1, 256, 300, 300)
		want := uint16(0)
		if at == 0 {
			first.Ext, want = run, 65535
		} else {
			second.Ext = run
		}
		p.add(first, fragment.Held)
		if _, got := p.add(second, fragment.Complete); got != want {
			t.Errorf("run at offset %d: %d, want %d", at, got, want)
		}
	}
}

// TestKnownBy: participant, channel, session and number tell messages apart (section 9.14).
func TestKnownBy(t *testing.T) {
	p := newProbe(t, roomy)
	other := &fragment.Account{From: 8}
	p.add(part(lossy, 1, 0, 256, 300), fragment.Held)
	p.addFrom(other, part(lossy, 1, 0, 256, 300), fragment.Held)
	for _, change := range []func(*wire.Frame){
		func(f *wire.Frame) { f.Channel++ },
		func(f *wire.Frame) { f.Session++ },
		func(f *wire.Frame) { f.Sequence++ },
	} {
		f := part(lossy, 1, 0, 256, 300)
		change(f)
		p.add(f, fragment.Held)
	}
	p.add(part(lossy, 1, 256, 300, 300), fragment.Complete)
	p.addFrom(other, part(lossy, 1, 256, 300, 300), fragment.Complete)
	p.requireStats(fragment.Stats{Partials: 5, Completed: 2})
}

// TestDuplicate: the same fragment again has no effect, not even on the timer (FRAG-002, FRAG-004).
func TestDuplicate(t *testing.T) {
	for _, flags := range []wire.Flags{lossy, durable} {
		p := newProbe(t, roomy)
		for i, s := range [][2]int{{0, 300}, {300, 600}, {600, 900}} {
			p.add(part(flags, 1, s[0], s[1], 1000), fragment.Held)
			was, _ := p.Deadline()
			p.now += time.Millisecond
			for _, s := range [][2]int{{0, 300}, {300, 600}, {600, 900}}[:i+1] {
				p.add(part(flags, 1, s[0], s[1], 1000), fragment.Duplicate)
			}
			p.requireDeadline(was)
			p.requireHeld(fragment.Cost(1000))
		}
		p.add(part(flags, 1, 900, 1000, 1000), fragment.Complete)
	}
}

// TestConflict: each contradiction kills (FRAG-003, FRAG-006), and what is left of the message is as FRAG-007 says.
func TestConflict(t *testing.T) {
	for _, tt := range []struct {
		name       string
		flags      wire.Flags
		start, end int // of a fragment of the message of 5000 bytes that is here from 0 to 1000, and if lossy from 2000 to 3000
		change     func(*wire.Frame)
	}{
		{"D of a lossy one", lossy, 1000, 2000, func(f *wire.Frame) { f.Flags ^= wire.FlagDurable }},
		{"D of a durable one", durable, 1000, 2000, func(f *wire.Frame) { f.Flags ^= wire.FlagDurable }},
		{"P", lossy, 1000, 2000, func(f *wire.Frame) { f.Flags ^= wire.FlagHigh }},
		{"P of a durable one", durable, 1000, 2000, func(f *wire.Frame) { f.Flags ^= wire.FlagHigh }},
		{"greater length", lossy, 1000, 2000, func(f *wire.Frame) { f.Total++ }},
		{"smaller length", lossy, 1000, 2000, func(f *wire.Frame) { f.Total-- }},
		{"length of a durable one", durable, 1000, 2000, func(f *wire.Frame) { f.Total++ }},
		{"P of a duplicate", lossy, 0, 1000, func(f *wire.Frame) { f.Flags ^= wire.FlagHigh }},
		{"bytes", lossy, 0, 1000, func(f *wire.Frame) { f.Payload[999]++ }},
		{"bytes of a durable one", durable, 0, 1000, func(f *wire.Frame) { f.Payload[0]++ }},
		{"shorter", lossy, 0, 999, nil},
		{"longer", lossy, 0, 1001, nil},
		{"longer, durable", durable, 0, 1001, nil},
		{"left, one byte", lossy, 999, 1999, nil},
		{"left, inside", lossy, 300, 600, nil},
		{"right, one byte", lossy, 1001, 2001, nil},
		{"around", lossy, 1500, 3500, nil},
		{"in the same block", lossy, 2001, 2300, nil},
		{"in the same block, the same bytes", lossy, 2001, 3001, func(f *wire.Frame) { copy(f.Payload, content(1, 5000)[2000:3000]) }},
		{"before in the same block", lossy, 1999, 2999, nil},
		{"gap, durable", durable, 1001, 2000, nil},
		{"back, durable", durable, 999, 2000, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProbe(t, roomy)
			p.add(part(tt.flags, 1, 0, 1000, 5000), fragment.Held)
			deadline := time.Duration(0)
			if tt.flags == lossy {
				p.add(part(tt.flags, 1, 2000, 3000, 5000), fragment.Held)
				deadline = p.now + expiry
			}
			p.now += time.Second
			f := part(tt.flags, 1, tt.start, tt.end, 5000)
			if tt.change != nil {
				tt.change(f)
			}
			p.add(f, fragment.Conflict)
			p.requireKilled(tt.flags, deadline)
		})
	}
}

// requireKilled requires that message 1, of 5000 bytes and here to 1000 at least, is in progress and killed.
func (p *probe) requireKilled(flags wire.Flags, deadline time.Duration) {
	p.t.Helper()
	for _, s := range [][2]int{{0, 1000}, {1000, 1500}, {3000, 5000}} {
		p.requireHeld(fragment.Cost(0))
		p.requireDeadline(deadline)
		p.requireStats(fragment.Stats{Partials: 1})
		p.add(part(flags, 1, s[0], s[1], 5000), fragment.Conflict)
	}
}

// TestNeighbours: a fragment that touches one that is here is no overlap, and one that reaches a byte into it is; on either side,
// near and far, wherever it is (FRAG-003).
func TestNeighbours(t *testing.T) {
	const n = wire.MaxMessageSize
	message := content(1, n)
	span := func(start, end int) *wire.Frame {
		return &wire.Frame{Offset: uint16(start), Total: n, Payload: bytes.Clone(message[start:end])}
	}
	for start := 256; start+256 < n-256; start += 128 {
		for _, size := range []int{256, 257, 3000, 20000} {
			end := start + size
			for _, reach := range []struct{ start, end int }{{start - 256, start}, {start - 3000, start}, {0, start}, {end, end + 256}, {end, end + 3000}, {end, n}} {
				if end >= n || reach.start != 0 && reach.start < 256 || reach.end > n {
					continue
				}
				p := newProbe(t, roomy)
				p.add(span(start, end), fragment.Held)
				p.add(span(reach.start, reach.end), fragment.Held)
				p.add(span(start, end), fragment.Duplicate)

				p = newProbe(t, roomy)
				p.add(span(start, end), fragment.Held)
				if reach.end == start {
					reach.end++
				} else {
					reach.start--
				}
				p.add(span(reach.start, reach.end), fragment.Conflict)
			}
		}
	}
}

// TestFirstOfDurable: a durable message begins at its beginning (FRAG-005).
func TestFirstOfDurable(t *testing.T) {
	p := newProbe(t, roomy)
	p.add(part(durable, 1, 256, 600, 1000), fragment.Conflict)
	p.requireHeld(0)
	p.requireStats(fragment.Stats{})
	p.add(part(durable, 1, 0, 256, 1000), fragment.Held)
	p.requireDeadline(0)

	p = newProbe(t, fragment.Budget{Bytes: 10, BytesPerPeer: 10}) // it comes before room (FRAME-001)
	p.add(part(durable, 1, 256, 600, 1000), fragment.Conflict)
	p.add(part(durable, 1, 0, 256, 1000), fragment.NoRoom)
}

// TestTimers: a lossy message expires 5 s after the last fragment that added bytes, not a microsecond before, and in the order in
// which the timers were last set (FRAG-004, TIME-003).
func TestTimers(t *testing.T) {
	p := newProbe(t, roomy)
	t0 := p.now
	p.add(part(lossy, 1, 0, 256, 1000), fragment.Held)
	p.add(part(lossy, 2, 0, 256, 1000), fragment.Held)
	p.add(part(durable, 9, 0, 256, 1000), fragment.Held)
	p.requireDeadline(t0 + expiry)
	p.now += time.Second
	p.add(part(lossy, 1, 256, 600, 1000), fragment.Held) // now number 2 is the first
	p.requireDeadline(t0 + expiry)
	p.Advance(t0 + expiry - time.Microsecond)
	p.requireStats(fragment.Stats{Partials: 3})
	p.Advance(t0 + expiry)
	p.requireStats(fragment.Stats{Partials: 3, Expired: 1})
	p.requireDeadline(p.now + expiry)
	p.add(part(lossy, 2, 256, 600, 1000), fragment.Held) // it begins again
	p.add(part(lossy, 1, 0, 256, 1000), fragment.Duplicate)
	p.Advance(time.Hour)
	p.requireStats(fragment.Stats{Partials: 4, Expired: 3})
	p.requireDeadline(0)
	p.requireHeld(fragment.Cost(1000)) // the durable one has no timer
}

// TestKill: a message is killed by its name (FRAME-003, FRAG-007), once, and only if it is in progress.
func TestKill(t *testing.T) {
	for _, flags := range []wire.Flags{lossy, durable} {
		p := newProbe(t, roomy)
		p.Kill(&p.account, channel, session, 1)
		p.requireStats(fragment.Stats{})
		p.add(part(flags, 1, 0, 1000, 5000), fragment.Held)
		p.Kill(&p.account, channel, session, 2)
		p.Kill(&p.account, channel, session+1, 1)
		p.Kill(&p.account, channel+1, session, 1)
		p.requireHeld(fragment.Cost(5000))
		deadline, _ := p.Deadline()
		for range 2 {
			p.Kill(&p.account, channel, session, 1)
			p.requireKilled(flags, deadline)
		}
	}
}

// TestEnds: all ways in which messages in progress end, whether killed or not, give back what they cost, are counted, and
// leave room to begin again (section 9.14, the columns to the right).
func TestEnds(t *testing.T) {
	over := func(s wire.Serial) bool { return s == session }
	for _, tt := range []struct {
		name  string
		end   func(p *probe)
		count func(s *fragment.Stats)
		tight bool // there is to be no room
	}{
		{"number", func(p *probe) { p.End(&p.account, channel, session, 1) }, abandoned, false},
		{"another number", func(p *probe) { p.EndOthers(&p.account, channel, session, 2) }, abandoned, false},
		{"session over", func(p *probe) { p.Forget(&p.account, channel, over) }, abandoned, false},
		{"left", func(p *probe) { p.ForgetAll(&p.account) }, abandoned, false},
		{"expiry", func(p *probe) { p.Advance(time.Hour) }, expired, false},
		{"no room for a whole message", func(p *probe) {
			message, ok := p.Keep(&p.account, make([]byte, 8000))
			if !ok {
				p.t.Fatal("no room after all")
			}
			p.Release(&p.account, message)
		}, evicted, true},
		{"no room for a fragment", func(p *probe) {
			f := part(lossy, 2, 0, 256, 8000)
			f.Channel++
			p.add(f, fragment.Held)
			p.End(&p.account, channel+1, session, 2)
		}, func(s *fragment.Stats) { evicted(s); s.Partials++; s.Abandoned++ }, true},
	} {
		for _, flags := range []wire.Flags{lossy, durable} {
			for _, killed := range []bool{false, true} {
				if tt.name == "expiry" && flags == durable {
					continue // it has no timer
				}
				t.Run(fmt.Sprintf("%s, flags %v, killed %v", tt.name, flags, killed), func(t *testing.T) {
					b := roomy
					if tt.tight {
						b.BytesPerPeer = fragment.Cost(8000) + fragment.Cost(0) - 1
					}
					p := newProbe(t, b)
					p.add(part(flags, 1, 0, 256, 1000), fragment.Held)
					if killed {
						p.Kill(&p.account, channel, session, 1)
					}
					tt.end(p)
					want := fragment.Stats{Partials: 1}
					tt.count(&want)
					p.requireHeld(0)
					p.requireStats(want)
					p.requireDeadline(0)
					p.add(part(flags, 1, 0, 300, 1000), fragment.Held)
					p.add(part(flags, 1, 300, 1000, 1000), fragment.Complete)
				})
			}
		}
	}
}

func abandoned(s *fragment.Stats) { s.Abandoned++ }
func expired(s *fragment.Stats)   { s.Expired++ }
func evicted(s *fragment.Stats)   { s.Evicted++ }

// TestEndsOnly: what ends some messages leaves the others.
func TestEndsOnly(t *testing.T) {
	type name struct {
		channel           uint16
		session, sequence wire.Serial
	}
	all := []name{
		{channel - 1, session, 1}, {channel, session - 1, 1}, {channel, session, 0}, {channel, session, 1}, {channel, session, 2},
		{channel, session, 1 << 31}, {channel, session, 1<<32 - 1}, {channel, session + 1, 1}, {channel + 1, session, 1},
	}
	ours := func(n name) bool { return n.channel == channel && n.session == session }
	for _, tt := range []struct {
		what string
		end  func(p *probe)
		ends func(n name) bool
	}{
		{"End", func(p *probe) { p.End(&p.account, channel, session, 1) }, func(n name) bool { return ours(n) && n.sequence == 1 }},
		{"EndOthers", func(p *probe) { p.EndOthers(&p.account, channel, session, 1) }, func(n name) bool { return ours(n) && n.sequence != 1 }},
		{"EndOthers, of 0", func(p *probe) { p.EndOthers(&p.account, channel, session, 0) }, func(n name) bool { return ours(n) && n.sequence != 0 }},
		{"EndOthers, of none", func(p *probe) { p.EndOthers(&p.account, channel, session, 9) }, ours},
		{"Forget", func(p *probe) {
			p.Forget(&p.account, channel, func(s wire.Serial) bool { return s != session })
		}, func(n name) bool { return n.channel == channel && n.session != session }},
		{"Forget nothing", func(p *probe) { p.Forget(&p.account, channel, func(wire.Serial) bool { return false }) }, func(name) bool { return false }},
		{"ForgetAll", func(p *probe) { p.ForgetAll(&p.account) }, func(name) bool { return true }},
	} {
		t.Run(tt.what, func(t *testing.T) {
			p := newProbe(t, roomy)
			other := &fragment.Account{From: 8}
			p.addFrom(other, part(lossy, 1, 0, 256, 300), fragment.Held)
			for _, n := range all {
				f := part(lossy, n.sequence, 0, 256, 300)
				f.Channel, f.Session = n.channel, n.session
				p.add(f, fragment.Held)
			}
			tt.end(p)
			for _, n := range all {
				want := fragment.Duplicate
				if tt.ends(n) {
					want = fragment.Held
				}
				f := part(lossy, n.sequence, 0, 256, 300)
				f.Channel, f.Session = n.channel, n.session
				p.add(f, want)
			}
			p.addFrom(other, part(lossy, 1, 0, 256, 300), fragment.Duplicate)
		})
	}
}

// TestEvictOwn: at its own bound a participant loses its own messages, the one whose first fragment came first before others, however
// its later fragments came (BOUND-001, BOUND-005).
func TestEvictOwn(t *testing.T) {
	cost := fragment.Cost(1000)
	p := newProbe(t, fragment.Budget{Bytes: 100 * cost, BytesPerPeer: 3 * cost})
	other := &fragment.Account{From: 8}
	p.addFrom(other, part(lossy, 1, 0, 256, 1000), fragment.Held)
	for n := range wire.Serial(3) {
		p.add(part(lossy, n, 0, 256, 1000), fragment.Held)
	}
	p.add(part(lossy, 0, 256, 600, 1000), fragment.Held)
	p.requireStats(fragment.Stats{Partials: 4})
	p.add(part(lossy, 3, 0, 256, 1000), fragment.Held) // number 0 goes
	p.requireStats(fragment.Stats{Partials: 5, Evicted: 1})
	p.add(part(lossy, 1, 0, 256, 1000), fragment.Duplicate)
	message, ok := p.Keep(&p.account, make([]byte, 1001)) // numbers 1 and 2 go
	if !ok || len(message) != 1001 {
		t.Fatalf("Keep = %d bytes, %v", len(message), ok)
	}
	p.requireStats(fragment.Stats{Partials: 5, Evicted: 3})
	p.add(part(lossy, 3, 0, 256, 1000), fragment.Duplicate)
	p.addFrom(other, part(lossy, 1, 0, 256, 1000), fragment.Duplicate)
	p.Release(&p.account, message)
	if got := p.account.Held(); got != cost {
		t.Errorf("held %d, want %d", got, cost)
	}
}

// TestEvictHeaviest: at the bound of all, the heaviest loses, by what it has in progress alone; of equal ones the lower handle
// (BOUND-001, BOUND-005).
func TestEvictHeaviest(t *testing.T) {
	cost := fragment.Cost(1000)
	p := newProbe(t, fragment.Budget{Bytes: 6 * cost, BytesPerPeer: 6 * cost})
	low, mid, top := &fragment.Account{From: 2}, &fragment.Account{From: 3}, &fragment.Account{From: 9}
	if _, ok := p.Keep(low, make([]byte, 1000)); !ok { // does not count
		t.Fatal("no room")
	}
	p.addFrom(top, part(lossy, 1, 0, 256, 1000), fragment.Held)
	p.addFrom(mid, part(lossy, 1, 0, 256, 1000), fragment.Held)
	p.addFrom(top, part(lossy, 2, 0, 256, 1000), fragment.Held)
	p.addFrom(mid, part(lossy, 2, 0, 256, 1000), fragment.Held)
	p.addFrom(low, part(lossy, 1, 0, 256, 1000), fragment.Held)
	evicts := func(victim *fragment.Account) {
		t.Helper()
		held := victim.Held()
		n := p.Stats().Evicted
		p.add(part(lossy, wire.Serial(n+1), 0, 256, 1000), fragment.Held)
		p.ForgetAll(&p.account)
		if _, ok := p.Keep(&p.account, make([]byte, 1000)); !ok {
			t.Fatal("no room")
		}
		if victim.Held() != held-cost || p.Stats().Evicted != n+1 {
			t.Fatalf("participant %d holds %d of %d; counters %+v", victim.From, victim.Held(), held, p.Stats())
		}
	}
	evicts(mid) // 2 as top has, and the lower handle
	evicts(top) // 2
	evicts(low) // 1 each
	evicts(mid)
	evicts(top)
	if _, ok := p.Keep(&p.account, nil); ok {
		t.Fatal("room for more than the budget")
	}
}

// TestNoRoom: a fragment for which there cannot be room changes nothing (BOUND-008, FRAME-004), while Keep drops what it can, for a
// caller that asked Fits first (BOUND-007).
func TestNoRoom(t *testing.T) {
	cost := fragment.Cost(1000)
	for _, b := range []fragment.Budget{{Bytes: 10 * cost, BytesPerPeer: 3 * cost}, {Bytes: 3 * cost, BytesPerPeer: 3 * cost}} {
		p := newProbe(t, b)
		unread, _ := p.Keep(&p.account, make([]byte, 1000))
		p.add(part(lossy, 1, 0, 256, 1000), fragment.Held)
		p.add(part(lossy, 2, 0, 256, 1000), fragment.Held)
		p.add(part(lossy, 3, 0, 256, 3000), fragment.NoRoom)
		p.requireHeld(3 * cost)
		p.requireStats(fragment.Stats{Partials: 2})
		if p.Fits(&p.account, 2200, 0) || !p.Fits(&p.account, 1000, 0) || !p.Fits(&p.account, 2200, cost) || p.Fits(&p.account, 3300, cost) {
			t.Fatal("Fits is wrong")
		}
		if _, ok := p.Keep(&p.account, make([]byte, 2200)); ok {
			t.Fatal("room for more than the budget")
		}
		p.requireHeld(cost)
		p.requireStats(fragment.Stats{Partials: 2, Evicted: 2})
		p.Release(&p.account, unread)
		if _, ok := p.Keep(&p.account, make([]byte, 2200)); !ok {
			t.Fatal("no room")
		}
		p.requireHeld(fragment.Cost(2200))
	}
}

// TestExactRoom: a message fits when it fills the bounds, and one byte of cost more does not.
func TestExactRoom(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 32768} {
		cost := fragment.Cost(n)
		for _, b := range []fragment.Budget{{cost, cost}, {cost - 1, cost}, {cost, cost - 1}} {
			want := b.Bytes == b.BytesPerPeer
			p := newProbe(t, b)
			if p.Fits(&p.account, n, 0) != want {
				t.Errorf("Fits(%d) with %+v is %v", n, b, !want)
			}
			message, ok := p.Keep(&p.account, content(1, n))
			if ok != want || ok && !bytes.Equal(message, content(1, n)) {
				t.Errorf("Keep of %d bytes with %+v is %v", n, b, ok)
			}
			if ok {
				p.Release(&p.account, message)
			}
			p.requireHeld(0)
			if n > 256 {
				v := fragment.NoRoom
				if want {
					v = fragment.Held
				}
				p.add(part(lossy, 1, 0, 256, n), v)
			}
		}
	}
}

// TestVerdictString names every verdict.
func TestVerdictString(t *testing.T) {
	for v, want := range []string{"verdict(0)", "held", "complete", "duplicate", "conflict", "no room", "verdict(6)"} {
		if got := fragment.Verdict(v).String(); got != want {
			t.Errorf("verdict %d is %q, want %q", v, got, want)
		}
	}
}
