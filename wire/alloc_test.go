package wire_test

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/cdcp-project/cdcp/wire"
)

// shapes are the kinds of frames that take different ways through the code.
var shapes = []struct{ name, in string }{
	{"data", data + "61*1200"},
	{"data with TLVs", dataX + "16 01 02 0001 41 02 0007 7f 02 abcd c1 08 0001 0002 0003 0004 61*1200"},
	{"fragment", dataF + "0100 8000 61*1200"},
	{"fragment with TLVs", dataFX + "0100 8000 04 41 02 0007 61*1200"},
	{"close", closing + "0001"},
	{"keepalive", alive},
}

func requireAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got != want {
		t.Errorf("%s allocates %v times, want %v", what, got, want)
	}
}

// TestAllocs: a frame that is accepted costs no allocation in either direction.
func TestAllocs(t *testing.T) {
	for _, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(tt.in)
			var f wire.Frame
			requireAllocs(t, "Parse", 0, func() {
				if err := f.Parse(in); err != nil {
					t.Fatal(err)
				}
			})
			if f.Len() != len(in) {
				t.Fatalf("Len = %d, want %d", f.Len(), len(in))
			}
			buf := make([]byte, 0, f.Len())
			requireAllocs(t, "AppendBinary", 0, func() {
				if _, err := f.AppendBinary(buf); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestAllocsExtensions: nor do the TLVs, read or written where there is room.
func TestAllocsExtensions(t *testing.T) {
	x := wire.Extensions(unhex("01 02 0001 41 02 0007 7f 02 abcd c1 08 0001 0002 0003 0004"))
	var sum int
	requireAllocs(t, "All", 0, func() {
		for typ, v := range x.All() {
			sum += int(typ) + len(v)
		}
	})
	requireAllocs(t, "Run", 0, func() {
		run, _ := x.Run()
		sum += int(run)
	})
	requireAllocs(t, "Origin", 0, func() {
		origin, _ := x.Origin()
		sum += int(origin)
	})
	participants := make([]wire.Participant, 0, 4)
	requireAllocs(t, "AppendParticipants", 0, func() {
		ps, _ := x.AppendParticipants(participants)
		sum += len(ps)
	})
	buf := make(wire.Extensions, 0, wire.MaxExtSize)
	value := unhex("0007")
	requireAllocs(t, "Append", 0, func() {
		y, err := buf.Append(wire.ExtOrigin, value)
		if err != nil {
			t.Fatal(err)
		}
		sum += len(y)
	})
	if sum == 0 {
		t.Error("the accessors found nothing")
	}
}

// TestAllocsClaims: what a frame claims to bring costs nothing. A refusal costs its error, of a few words, and no more.
func TestAllocsClaims(t *testing.T) {
	fragment := unhex(dataF + "0000 8000 61*256")
	var f wire.Frame
	requireAllocs(t, "Parse of 256 bytes of 32768", 0, func() {
		if err := f.Parse(fragment); err != nil {
			t.Fatal(err)
		}
	})

	for _, tt := range []struct {
		name, in string
		want     wire.Code
	}{
		{"a message of 32768 bytes", dataF + "0000 8000", wire.CodeFragmentShort},
		{"a message of 65535 bytes", dataF + "0000 ffff", wire.CodeBadMessageLength},
		{"255 bytes of TLVs", dataX + "ff", wire.CodeTruncated},
		{"a value of 253 bytes", dataX + "ff 02 fd", wire.CodeTruncated},
		{"a value of 255 bytes", dataX + "ff 02 ff", wire.CodeBadTLVLength},
		{"64 participants", dataX + "82 c1 80", wire.CodeTruncated},
		{"nothing", "", wire.CodeTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(tt.in)
			var err error
			refuse := func() {
				if err = f.Parse(in); err == nil {
					t.Fatal("accepted")
				}
			}
			requireAllocs(t, "Parse", 1, refuse)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}

			const runs = 1000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				refuse()
			}
			runtime.ReadMemStats(&after)
			// Twice the size of the error leaves room for size classes and for what the runtime does meanwhile.
			if got, most := (after.TotalAlloc-before.TotalAlloc)/runs, 2*uint64(unsafe.Sizeof(wire.Error{})); got > most {
				t.Errorf("Parse allocates %d bytes, want %d at most", got, most)
			}
		})
	}
}
