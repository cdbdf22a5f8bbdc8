package fragment_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

const (
	lossy   = wire.Flags(0)
	durable = wire.FlagDurable
	high    = wire.FlagHigh

	channel = 1000
	session = wire.Serial(0x65000001)
)

// roomy is a budget that the tests that use it do not reach.
var roomy = fragment.Budget{Bytes: 1 << 24, BytesPerPeer: 1 << 20}

// randomBytes returns n bytes, the same for the same seed.
func randomBytes(seed uint64, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	r.Read(b)
	return b
}

// content returns the message of n bytes with a number.
func content(sequence wire.Serial, n int) []byte { return randomBytes(uint64(sequence), n) }

// part returns the fragment with the bytes from start to end of the message of total bytes.
func part(flags wire.Flags, sequence wire.Serial, start, end, total int) *wire.Frame {
	return &wire.Frame{
		Flags:    flags,
		Channel:  channel,
		Session:  session,
		Sequence: sequence,
		Offset:   uint16(start),
		Total:    uint16(total),
		Payload:  content(sequence, total)[start:end],
	}
}

// A probe is a Reassembler with an account, in a test.
type probe struct {
	t *testing.T
	*fragment.Reassembler
	account fragment.Account
	now     time.Duration
}

func newProbe(t *testing.T, b fragment.Budget) *probe {
	return &probe{t: t, Reassembler: fragment.New(b), account: fragment.Account{From: 7}, now: time.Second}
}

// add adds f, overwrites its payload, and requires the verdict.
func (p *probe) add(f *wire.Frame, want fragment.Verdict) (message []byte, run uint16) {
	p.t.Helper()
	return p.addFrom(&p.account, f, want)
}

func (p *probe) addFrom(a *fragment.Account, f *wire.Frame, want fragment.Verdict) (message []byte, run uint16) {
	p.t.Helper()
	message, run, got := p.Add(p.now, a, f)
	if got != want {
		p.t.Fatalf("number %d, %d bytes from %d: %v, want %v", f.Sequence, len(f.Payload), f.Offset, got, want)
	}
	if (message != nil) != (got == fragment.Complete) {
		p.t.Fatalf("verdict %v with a message of %d bytes", got, len(message))
	}
	for i := range f.Payload {
		f.Payload[i] ^= 0x55
	}
	return message, run
}

// requireHeld requires what is held, of the account and of all.
func (p *probe) requireHeld(want int) {
	p.t.Helper()
	if p.Held() != want || p.account.Held() != want {
		p.t.Fatalf("held %d, of the account %d, want %d", p.Held(), p.account.Held(), want)
	}
}

// requireStats requires the counters.
func (p *probe) requireStats(want fragment.Stats) {
	p.t.Helper()
	if got := p.Stats(); got != want {
		p.t.Fatalf("counters %+v, want %+v", got, want)
	}
}

// requireDeadline requires the next deadline; 0: none.
func (p *probe) requireDeadline(want time.Duration) {
	p.t.Helper()
	if got, ok := p.Deadline(); got != want || ok != (want != 0) {
		p.t.Fatalf("deadline %v, %v, want %v", got, ok, want)
	}
}

// heap returns how many bytes are in use after a collection of garbage.
func heap() int {
	runtime.GC()
	runtime.GC() // what finalizers of the first one left
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
