package fragment_test

import (
	"runtime"
	"testing"
	"time"

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
	const peers = 16
	budget := fragment.Budget{Bytes: 16 << 20, BytesPerPeer: 1 << 20}
	payload := make([]byte, wire.MaxMessageSize)
	for _, tt := range []struct {
		name   string
		attack func(r *fragment.Reassembler, a *fragment.Account, measure func())
	}{
		{"tiny messages", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			claims(r, a, payload, 257, 4000, false)
		}},
		{"tiny messages, killed", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			claims(r, a, payload, 257, 12000, true)
		}},
		{"claims of all", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			claims(r, a, payload, wire.MaxMessageSize, 40, false)
		}},
		{"claims, killed", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			claims(r, a, payload, wire.MaxMessageSize, 12000, true)
		}},
		{"one size after the other", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			for n := 257; n <= wire.MaxMessageSize; n += max(n/12, 1) {
				claims(r, a, payload, n, 1<<20/fragment.Cost(n), false)
				if a.From%4 == 0 {
					r.ForgetAll(a)
				}
			}
			measure()
		}},
		{"killed, but for one", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			claims(r, a, payload, 257, 8000, true)
			r.EndOthers(a, channel, session, 7999)
			claims(r, a, payload, wire.MaxMessageSize, 31, false)
		}},
		{"sizes that fill their buffers least", func(r *fragment.Reassembler, a *fragment.Account, measure func()) {
			for i := range 8 {
				claims(r, a, payload, 1<<(8+i%7)+1, 4000, false)
				measure()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			r := fragment.New(budget)
			accounts := make([]fragment.Account, peers)
			measure := func() {
				t.Helper()
				if got, most := heap()-before, budget.Bytes+budget.Bytes/4+1<<20; got > most {
					t.Errorf("%d bytes in use, held %d; want %d at most", got, r.Held(), most)
				}
			}
			for i := range accounts {
				accounts[i].From = wire.Participant(i + 1)
				tt.attack(r, &accounts[i], measure)
			}
			measure()
			if r.Held() > budget.Bytes {
				t.Errorf("held %d", r.Held())
			}
			for i := range accounts {
				r.ForgetAll(&accounts[i])
			}
			measure()
			if r.Held() != 0 {
				t.Errorf("held %d at rest", r.Held())
			}
		})
	}
}

// claims begins messages of n bytes with the least of a fragment, and kills them or not.
func claims(r *fragment.Reassembler, a *fragment.Account, payload []byte, n, count int, kill bool) {
	f := wire.Frame{Channel: channel, Session: session, Total: uint16(n), Payload: payload[:256]}
	for i := range count {
		f.Sequence = wire.Serial(i)
		r.Add(0, a, &f)
		if kill {
			r.Kill(a, channel, session, f.Sequence)
		}
	}
}
