package sequencer_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

func TestTick(t *testing.T) {
	for _, tt := range []struct {
		unix int64
		want wire.Serial
	}{
		{0, 0},
		{15999, 0},
		{16000, 1},
		{31999, 1},
		{-1, 1<<32 - 1},
		{-16000, 1<<32 - 1},
		{-16001, 1<<32 - 2},
		{16000<<32 - 1, 1<<32 - 1},
		{16000 << 32, 0},
		{16000<<32 + 16000, 1},
		{1700000000 * 1000000, 3170784896},
	} {
		if got := sequencer.Tick(tt.unix); got != tt.want {
			t.Errorf("Tick(%d) = %d, want %d", tt.unix, got, tt.want)
		}
	}
}

// TestTickModel: a tick is the floor of the quotient, of which the last 32 bits are kept.
func TestTickModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unix := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-100000, 100000), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})).Draw(t, "unix")
		q := new(big.Int).Div(big.NewInt(unix), big.NewInt(16000)) // Euclid's, which is the floor for a divisor > 0
		want := q.Mod(q, big.NewInt(1<<32)).Uint64()
		if got := sequencer.Tick(unix); uint64(got) != want {
			t.Fatalf("Tick(%d) = %d, want %d", unix, got, want)
		}
	})
}

// TestNextSession has both sides of each limit of SESS-001, from latest ids on both sides of the wrap.
func TestNextSession(t *testing.T) {
	for _, latest := range []wire.Serial{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1} {
		for _, tt := range []struct {
			ahead wire.Serial // of the tick before latest
			tick  bool
		}{
			{0, false},
			{1, false},
			{2, true},
			{1<<31 - 1, true},
			{1 << 31, true},    // 2^31 - 1 after latest + 1
			{1<<31 + 1, false}, // exactly 2^31 from it: neither is newer
			{1<<31 + 2, false},
			{1<<32 - 1, false},
		} {
			tick, want := latest+tt.ahead, latest+1
			if tt.tick {
				want = tick
			}
			if got := sequencer.NextSession(latest, tick); got != want {
				t.Errorf("NextSession(%d, %d) = %d, want %d", latest, tick, got, want)
			}
		}
	}
}
