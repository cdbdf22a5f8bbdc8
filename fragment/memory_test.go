package fragment_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// TestAllocs: messages that come and go, whole or in fragments, cost no allocation.
func TestAllocs(t *testing.T) {
	r := fragment.New(roomy)
	a := &fragment.Account{From: 7}
	payload := content(1, 1000)
	requireAllocs(t, "Keep and Release", 0, func() {
		m, ok := r.Keep(a, payload)
		if !ok {
			t.Fatal("no room")
		}
		r.Release(a, m)
	})
	first, last := part(lossy, 1, 0, 20000, 32768), part(lossy, 1, 20000, 32768, 32768)
	others := []*wire.Frame{part(lossy, 2, 0, 256, 300), part(durable, 3, 0, 256, 5000)}
	requireAllocs(t, "Add to Release, between others", 0, func() {
		for _, f := range others {
			if _, _, v := r.Add(0, a, f); v != fragment.Held {
				t.Fatal(v)
			}
		}
		if _, _, v := r.Add(0, a, first); v != fragment.Held {
			t.Fatal(v)
		}
		m, _, v := r.Add(0, a, last)
		if v != fragment.Complete {
			t.Fatal(v)
		}
		r.Release(a, m)
		r.Kill(a, channel, session, 2)
		r.EndOthers(a, channel, session, 2)
		r.Advance(time.Hour)
	})
	s := fragment.Split(payload)
	requireAllocs(t, "Split", 0, func() {
		for s = fragment.Split(payload); s.Rest() > 0; s.Next(256) {
		}
	})
}

func requireAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got != want {
		t.Errorf("%s: %v allocations, want %v", what, got, want)
	}
}

// TestMemory: a message of 32 KiB in progress takes at most 35 KiB, and one that ended nothing beyond what the free lists may keep.
func TestMemory(t *testing.T) {
	const n = 64
	claim := part(lossy, 0, 0, 256, wire.MaxMessageSize)
	before := heap()
	r := fragment.New(fragment.Budget{Bytes: n * fragment.Cost(wire.MaxMessageSize), BytesPerPeer: n * fragment.Cost(wire.MaxMessageSize)})
	a := &fragment.Account{From: 7}
	if got := heap() - before; got > 4096 {
		t.Errorf("a Reassembler at rest takes %d bytes", got)
	}
	for i := range n {
		claim.Sequence = wire.Serial(i)
		if _, _, v := r.Add(0, a, claim); v != fragment.Held {
			t.Fatal(v)
		}
	}
	if got := (heap() - before) / n; got > 35<<10 {
		t.Errorf("a message in progress takes %d bytes", got)
	}
	for i := range n { // killed, they take what Cost(0) pays for
		r.Kill(a, channel, session, wire.Serial(i))
	}
	for range n { // and their buffers are there for others
		if m, ok := r.Keep(a, claim.Payload[:0]); !ok || m != nil {
			t.Fatal("no room")
		}
	}
	r.ForgetAll(a)
	if got := heap() - before; got > r.Held()+n*fragment.Cost(wire.MaxMessageSize) {
		t.Errorf("%d bytes with free lists of at most %d", got, n*fragment.Cost(wire.MaxMessageSize))
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(a)
}

// TestClaims: a claimed length costs nothing when it is refused.
func TestClaims(t *testing.T) {
	r := fragment.New(fragment.Budget{Bytes: 33000, BytesPerPeer: 33000})
	a := &fragment.Account{From: 7}
	claim := part(lossy, 1, 0, 256, wire.MaxMessageSize)
	middle := part(durable, 1, 256, 512, wire.MaxMessageSize)
	const runs = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if _, _, v := r.Add(0, a, claim); v != fragment.NoRoom {
			t.Fatal(v)
		}
		if _, _, v := r.Add(0, a, middle); v != fragment.Conflict {
			t.Fatal(v)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > 32 { // what the runtime does meanwhile
		t.Errorf("a refused claim allocates %d bytes", got)
	}
}

// TestHostile: whatever peers send, the heap stays within 1.25 times the budget, and 1 MiB.
func TestHostile(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int // of the budget
		peers int
		steps []step // each for all of them
	}{
		{"tiny messages", 4 << 20, 4, []step{claim(257)}},
		{"tiny messages, killed", 4 << 20, 4, []step{claimAndKill(257)}},
		{"claims of all", 4 << 20, 4, []step{claim(wire.MaxMessageSize)}},
		{"claims, killed", 4 << 20, 4, []step{claimAndKill(wire.MaxMessageSize)}},
		{"killed after buffers were freed", 4 << 20, 8, []step{claim(wire.MaxMessageSize), claim(28000), forget, claimAndKill(257)}},
		{"claims after many were killed", 4 << 20, 4, []step{claimAndKill(257), forget, claim(wire.MaxMessageSize)}},
		{"all killed but for one", 4 << 20, 4, []step{claimAndKill(257), forgetOthers, claim(wire.MaxMessageSize)}},
		{"one participant after the other", 1 << 20, 40, []step{func(r *fragment.Reassembler, a *fragment.Account) {
			claimAndKill(257)(r, a)
			r.ForgetAll(a)
		}}},
		{"one size after the other", 4 << 20, 4, []step{func(r *fragment.Reassembler, a *fragment.Account) {
			for n := 257; n <= wire.MaxMessageSize; n += max(n/12, 1) {
				claim(n)(r, a)
			}
		}}},
		{"sizes that fill their buffers least", 4 << 20, 4, []step{
			claim(257), claim(3457), claim(513), claim(6657), claim(1025), claim(16385), claim(257),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			r := fragment.New(fragment.Budget{Bytes: tt.bytes, BytesPerPeer: perPeer})
			accounts := make([]fragment.Account, tt.peers)
			for i := range accounts {
				accounts[i].From = wire.Participant(i + 1)
			}
			for i, step := range append(tt.steps, forget) {
				for k := range accounts {
					step(r, &accounts[k])
				}
				if r.Held() > tt.bytes {
					t.Errorf("step %d: held %d", i, r.Held())
				}
				if got, most := heap()-before, tt.bytes+tt.bytes/4+1<<20; got > most {
					t.Errorf("step %d: %d bytes in use, %d held; want %d at most", i, got, r.Held(), most)
				}
			}
			if r.Held() != 0 {
				t.Errorf("held %d at rest", r.Held())
			}
		})
	}
}

// A step is what one participant does.
type step = func(*fragment.Reassembler, *fragment.Account)

const perPeer = 1 << 20

// claim begins as many messages of n bytes as a participant can have, with the least of a fragment.
func claim(n int) step {
	f := wire.Frame{Channel: channel, Session: session, Total: uint16(n), Payload: make([]byte, 256)}
	return func(r *fragment.Reassembler, a *fragment.Account) {
		for f.Sequence = range wire.Serial(perPeer / fragment.Cost(n)) {
			r.Add(0, a, &f)
		}
	}
}

// claimAndKill does the same and kills each at once.
func claimAndKill(n int) step {
	f := wire.Frame{Channel: channel, Session: session, Total: uint16(n), Payload: make([]byte, 256)}
	return func(r *fragment.Reassembler, a *fragment.Account) {
		for f.Sequence = range wire.Serial(perPeer / fragment.Cost(0)) {
			r.Add(0, a, &f)
			r.Kill(a, f.Channel, f.Session, f.Sequence)
		}
	}
}

func forget(r *fragment.Reassembler, a *fragment.Account) { r.ForgetAll(a) }

func forgetOthers(r *fragment.Reassembler, a *fragment.Account) {
	r.EndOthers(a, channel, session, 8000)
}

// TestDropped: a Reassembler keeps no Account alive of which it holds nothing.
func TestDropped(t *testing.T) {
	r := fragment.New(roomy)
	accounts := []*fragment.Account{{From: 1}, {From: 2}, {From: 3}}
	var dropped []weak.Pointer[fragment.Account]
	for _, a := range accounts {
		r.Add(0, a, part(lossy, 1, 0, 256, 300))
		r.Add(0, a, part(lossy, 2, 0, 256, 300))
		dropped = append(dropped, weak.Make(a))
	}
	r.ForgetAll(accounts[1])
	r.Add(0, accounts[0], part(lossy, 1, 256, 300, 300))
	r.Advance(time.Hour)
	clear(accounts)
	runtime.GC()
	for i, p := range dropped {
		if p.Value() != nil {
			t.Errorf("account %d is alive", i)
		}
	}
	runtime.KeepAlive(r)
}
