package fragment_test

import (
	"bytes"
	"testing"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// TestSplit: each part is as long as its limit allows or reaches to the end, and the parts are the message (QUEUE-003).
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.SampledFrom([]int{0, 1, 255, 256, 257, 512, 32767, 32768}), rapid.IntRange(0, wire.MaxMessageSize)).Draw(t, "n")
		message := randomBytes(1, n)
		s := fragment.Split(message)
		var joined []byte
		for {
			if got, want := s.Rest(), n-len(joined); got != want {
				t.Fatalf("Rest = %d, want %d", got, want)
			}
			limit := rapid.OneOf(rapid.SampledFrom([]int{256, 257, 1184, 32767, 65535}), rapid.IntRange(256, 40000)).Draw(t, "limit")
			offset, part, ok := s.Next(limit)
			if ok != (len(joined) < n) {
				t.Fatalf("ok = %v after %d of %d bytes", ok, len(joined), n)
			}
			if !ok {
				if offset != 0 || part != nil {
					t.Fatalf("%d, %x at the end", offset, part)
				}
				break
			}
			if offset != len(joined) || len(part) != min(limit, n-offset) || cap(part) != len(part) {
				t.Fatalf("part of %d bytes, capacity %d, at %d; want %d at %d", len(part), cap(part), offset, min(limit, n-offset), len(joined))
			}
			joined = append(joined, part...)
		}
		if !bytes.Equal(joined, message) {
			t.Fatal("the parts are not the message")
		}
	})
}

// TestSplitCopy: a copy goes on by itself.
func TestSplitCopy(t *testing.T) {
	s := fragment.Split(make([]byte, 1000))
	s.Next(256)
	u := s
	u.Next(300)
	if s.Rest() != 744 || u.Rest() != 444 {
		t.Errorf("Rest = %d and %d, want 744 and 444", s.Rest(), u.Rest())
	}
}

// TestSplitLimit: a limit by which a fragment would be too short is a fault of the caller, at the end too.
func TestSplitLimit(t *testing.T) {
	for _, limit := range []int{255, 0, -1} {
		for _, n := range []int{1000, 0} {
			s := fragment.Split(make([]byte, n))
			requirePanic(t, func() { s.Next(limit) })
		}
	}
}

func requirePanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}
