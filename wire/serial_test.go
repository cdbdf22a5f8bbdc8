package wire_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/wire"
)

// newer is WIRE-002 in integers that do not wrap.
func newer(a, b wire.Serial) bool {
	const circle = int64(1) << 32
	ahead := (int64(a) - int64(b) + circle) % circle
	return 1 <= ahead && ahead <= circle/2-1
}

// TestSerialNewer has both sides of each limit of the distance, from numbers on both sides of the wrap and of the sign.
func TestSerialNewer(t *testing.T) {
	for _, from := range []wire.Serial{0, 1, 1 << 31, 1<<31 - 1, 1<<31 + 1, 1<<32 - 2, 1<<32 - 1} {
		for _, tt := range []struct {
			ahead wire.Serial
			want  bool
		}{
			{0, false},
			{1, true},
			{2, true},
			{1<<31 - 2, true},
			{1<<31 - 1, true},
			{1 << 31, false},
			{1<<31 + 1, false},
			{1<<32 - 2, false},
			{1<<32 - 1, false},
		} {
			if got := (from + tt.ahead).Newer(from); got != tt.want {
				t.Errorf("Serial(%d).Newer(%d) = %t at distance %d, want %t", from+tt.ahead, from, got, tt.ahead, tt.want)
			}
			if got, want := (from + tt.ahead).Older(from), tt.ahead != 0 && !tt.want; got != want {
				t.Errorf("Serial(%d).Older(%d) = %t at distance %d, want %t", from+tt.ahead, from, got, tt.ahead, want)
			}
		}
	}
}

// TestSerialNewerModel: Newer is WIRE-002, and of two numbers that are not equal exactly one is newer, or neither if
// they are 2^31 apart.
func TestSerialNewerModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawSerial(t, "a")
		b := a + drawSerial(t, "ahead")
		ab, ba := a.Newer(b), b.Newer(a)
		if ab != newer(a, b) || ba != newer(b, a) {
			t.Fatalf("Newer of %d and %d: %t and %t, want %t and %t", a, b, ab, ba, newer(a, b), newer(b, a))
		}
		if ab && ba {
			t.Fatalf("%d and %d are both newer", a, b)
		}
		if neither := a == b || a-b == 1<<31; (ab || ba) == neither {
			t.Fatalf("Newer of %d and %d: %t and %t", a, b, ab, ba)
		}
	})
}
