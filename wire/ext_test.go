package wire_test

import (
	"bytes"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/wire"
)

// all collects what All yields.
func all(x wire.Extensions) []tlv {
	var tlvs []tlv
	for t, v := range x.All() {
		tlvs = append(tlvs, tlv{t, v})
	}
	return tlvs
}

func requireTLVs(t rapid.TB, got, want []tlv) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b tlv) bool { return a.t == b.t && bytes.Equal(a.value, b.value) }) {
		t.Fatalf("TLVs:\n got %x\nwant %x", got, want)
	}
}

// A meaning is what the accessors say of the TLVs that version 1 knows.
type meaning struct {
	run          uint16
	origin       wire.Participant
	participants []wire.Participant

	hasRun, hasOrigin, hasParticipants bool
}

func meaningOf(x wire.Extensions) (m meaning) {
	m.run, m.hasRun = x.Run()
	m.origin, m.hasOrigin = x.Origin()
	m.participants, m.hasParticipants = x.AppendParticipants(nil)
	return m
}

// wantMeaning says the same of TLVs that are not bytes yet: the first of a type counts, if its length is one that the
// type can have.
func wantMeaning(tlvs []tlv) (m meaning) {
	first := func(t wire.ExtType) []uint16 {
		i := slices.IndexFunc(tlvs, func(v tlv) bool { return v.t == t })
		if i < 0 || len(tlvs[i].value)%2 != 0 {
			return nil
		}
		var numbers []uint16
		for pair := range slices.Chunk(tlvs[i].value, 2) {
			numbers = append(numbers, uint16(pair[0])*256+uint16(pair[1]))
		}
		return numbers
	}
	if n := first(wire.ExtRun); len(n) == 1 {
		m.run, m.hasRun = n[0], true
	}
	if n := first(wire.ExtOrigin); len(n) == 1 {
		m.origin, m.hasOrigin = wire.Participant(n[0]), true
	}
	if n := first(wire.ExtParticipants); len(n) >= 1 && len(n) <= 64 {
		m.hasParticipants = true
		for _, p := range n {
			m.participants = append(m.participants, wire.Participant(p))
		}
	}
	return m
}

func requireMeaning(t rapid.TB, got, want meaning) {
	t.Helper()
	if got.run != want.run || got.hasRun != want.hasRun {
		t.Fatalf("Run = %d, %t, want %d, %t", got.run, got.hasRun, want.run, want.hasRun)
	}
	if got.origin != want.origin || got.hasOrigin != want.hasOrigin {
		t.Fatalf("Origin = %d, %t, want %d, %t", got.origin, got.hasOrigin, want.origin, want.hasOrigin)
	}
	if !slices.Equal(got.participants, want.participants) || got.hasParticipants != want.hasParticipants {
		t.Fatalf("AppendParticipants = %d, %t, want %d, %t", got.participants, got.hasParticipants, want.participants, want.hasParticipants)
	}
}

// TestExtensions: what is appended one by one comes back from All, from the accessors, and from a frame.
func TestExtensions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tlvs := drawTLVs(t)
		var x wire.Extensions
		for _, v := range tlvs {
			value := bytes.Clone(v.value)
			y, err := x.Append(v.t, value)
			requireError(t, "Append", located(t, err), nil)
			requireBytes(t, "value after Append", value, v.value)
			for i := range value {
				value[i] ^= 0xff // Append has copied it
			}
			x = y
		}
		requireBytes(t, "Append", x, join(tlvs))
		requireTLVs(t, all(x), tlvs)
		requireMeaning(t, meaningOf(x), wantMeaning(tlvs))

		b, e := encode(t, &wire.Frame{Channel: 1, Ext: x, Payload: []byte("hi")}, nil, 0)
		requireError(t, "AppendBinary", e, nil)
		f, e := parse(t, b)
		requireError(t, "Parse", e, nil)
		requireTLVs(t, all(f.Ext), tlvs)
		requireMeaning(t, meaningOf(f.Ext), wantMeaning(tlvs))
	})
}

// TestExtensionsMeaning has the accessors at the limits of their values, among other TLVs, and where there is nothing to say.
func TestExtensionsMeaning(t *testing.T) {
	for _, tt := range []struct {
		name string
		x    string
		want meaning
	}{
		{"none", "", meaning{}},
		{"unknown only", "00 00 02 02 0001 40 02 0001 42 02 0001 7f 00", meaning{}},
		{"run 1", "01 02 0001", meaning{run: 1, hasRun: true}},
		{"run 256", "01 02 0100", meaning{run: 256, hasRun: true}},
		{"run 65535", "01 02 ffff", meaning{run: 65535, hasRun: true}},
		{"origin 1", "41 02 0001", meaning{origin: 1, hasOrigin: true}},
		{"origin 256", "41 02 0100", meaning{origin: 256, hasOrigin: true}},
		{"origin 65535", "41 02 ffff", meaning{origin: 65535, hasOrigin: true}},
		{"participants 1", "c1 02 0001", meaning{participants: []wire.Participant{1}, hasParticipants: true}},
		{"participants 7, 256, 65535", "c1 06 0007 0100 ffff", meaning{participants: []wire.Participant{7, 256, 65535}, hasParticipants: true}},
		{"all", "00 01 ff 01 02 0002 3f 00 41 02 0003 7f 02 0101 c1 02 0004", meaning{
			run: 2, hasRun: true,
			origin: 3, hasOrigin: true,
			participants: []wire.Participant{4}, hasParticipants: true,
		}},

		// What no frame has.
		{"value cut short", "01 02 00", meaning{}},
		{"length cut off", "01", meaning{}},
		{"behind one that does not fit", "00 0a 01 02 0001", meaning{}},
		{"run of 0 bytes", "01 00", meaning{}},
		{"run of 1 byte", "01 01 01", meaning{}},
		{"run of 3 bytes", "01 03 000001", meaning{}},
		{"origin of 0 bytes", "41 00", meaning{}},
		{"origin of 1 byte", "41 01 01", meaning{}},
		{"origin of 3 bytes", "41 03 000001", meaning{}},
		{"participants of 0 bytes", "c1 00", meaning{}},
		{"participants of 1 byte", "c1 01 01", meaning{}},
		{"participants of 3 bytes", "c1 03 000102", meaning{}},
		{"participants of 130 bytes", "c1 82 " + ascending(1, 65), meaning{}},
		{"first of two runs is too short", "01 01 01 01 02 0001", meaning{}},
		{"first of two runs counts", "01 02 0001 01 02 0002", meaning{run: 1, hasRun: true}},
		{"out of order", "41 02 0002 01 02 0001", meaning{run: 1, hasRun: true, origin: 2, hasOrigin: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requireMeaning(t, meaningOf(unhex(tt.x)), tt.want)
		})
	}
}

// TestExtensionsAppendParticipants: the handles go behind what is there, 64 of them too, and without any nothing is touched.
func TestExtensionsAppendParticipants(t *testing.T) {
	buf := []wire.Participant{9, 8, 0, 0}
	dst := buf[:2]
	ps, ok := wire.Extensions(unhex("c1 02 0007")).AppendParticipants(dst)
	if !ok || !slices.Equal(ps, []wire.Participant{9, 8, 7}) || unsafe.SliceData(ps) != &buf[0] {
		t.Errorf("AppendParticipants = %d, %t, want 9 8 7 in place, true", ps, ok)
	}

	for _, x := range []string{"", "01 02 0001", "c1 00", "c1 03 000102", "c1 04 0001 00"} {
		buf := []wire.Participant{9, 8, 5, 5}
		ps, ok := wire.Extensions(unhex(x)).AppendParticipants(buf[:2])
		if ok || len(ps) != 2 || cap(ps) != 4 || unsafe.SliceData(ps) != &buf[0] || !slices.Equal(buf, []wire.Participant{9, 8, 5, 5}) {
			t.Errorf("AppendParticipants of %q = %d, %t, want what it was given, false", x, ps, ok)
		}
	}

	most := wire.Extensions(unhex("c1 80 " + ascending(65472, 64)))
	ps, ok = most.AppendParticipants(nil)
	if !ok || len(ps) != wire.MaxParticipants || ps[0] != 65472 || ps[63] != 65535 {
		t.Errorf("AppendParticipants = %d, %t, want 64 from 65472 to 65535", ps, ok)
	}
}

// TestExtensionsMalformed: of bytes that are no TLVs, All yields what stands before the first that does not fit, the
// accessors take their answers from there, and nothing panics.
func TestExtensionsMalformed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.OneOf(rapid.SampledFrom([]byte{0, 1, 2, 3, 0x41, 0xc1, 0xff}), rapid.Byte())
		x := wire.Extensions(rapid.SliceOfN(bytesOf, 0, 300).Draw(t, "bytes"))
		was := bytes.Clone(x)

		var want []tlv
		for at := 0; at+1 < len(x) && at+2+int(x[at+1]) <= len(x); {
			end := at + 2 + int(x[at+1])
			want = append(want, tlv{wire.ExtType(x[at]), x[at+2 : end]})
			at = end
		}
		got := all(x)
		requireTLVs(t, got, want)
		for i, v := range got {
			if cap(v.value) != len(v.value) {
				t.Fatalf("value %d has %d bytes and capacity %d, want it clipped", i, len(v.value), cap(v.value))
			}
			if len(v.value) > 0 && &v.value[0] != &want[i].value[0] {
				t.Fatalf("value %d is a copy, want a part of the TLVs", i)
			}
		}
		requireMeaning(t, meaningOf(x), wantMeaning(want))
		requireBytes(t, "TLVs after they were read", x, was)
	})
}

// TestExtensionsAllBreak: a loop can end early, at any TLV.
func TestExtensionsAllBreak(t *testing.T) {
	x := wire.Extensions(unhex("00 00 01 02 0001 7f 01 ff"))
	for stop := range 4 {
		var types []wire.ExtType
		for typ := range x.All() {
			if len(types) == stop {
				break
			}
			types = append(types, typ)
		}
		if want := []wire.ExtType{0x00, 0x01, 0x7f}[:stop]; !slices.Equal(types, want) {
			t.Errorf("a loop that ends after %d had %v, want %v", stop, types, want)
		}
	}
}

// TestExtensionsAllAgain: an iterator begins from the first TLV each time it is used, also after a loop that ended early.
func TestExtensionsAllAgain(t *testing.T) {
	seq := wire.Extensions(unhex("00 00 01 02 0001 7f 01 ff")).All()
	want := []wire.ExtType{0x00, 0x01, 0x7f}
	for typ := range seq {
		if typ == 0x01 {
			break
		}
	}
	for use := range 2 {
		var types []wire.ExtType
		for typ := range seq {
			types = append(types, typ)
		}
		if !slices.Equal(types, want) {
			t.Errorf("use %d of an iterator had %v, want %v", use+2, types, want)
		}
	}
}

// TestExtensionsAppendErrors has a row for each reason why a TLV is refused. The offsets are from the start of the TLVs.
func TestExtensionsAppendErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		x     string
		t     wire.ExtType
		value string
		want  *wire.Error
	}{
		{"first, type 0", "", 0x00, "", nil},
		{"first, type 7f", "", 0x7f, "", nil},
		{"type one more", "02 00", 0x03, "", nil},
		{"type the same", "02 00", 0x02, "", fault(wire.CodeBadTLVOrder, 2, "tlv-type")},
		{"type one less", "02 00", 0x01, "0001", fault(wire.CodeBadTLVOrder, 2, "tlv-type")},
		{"type before its length", "02 00", 0x01, "00", fault(wire.CodeBadTLVOrder, 2, "tlv-type")},
		{"type 80, unknown critical", "", 0x80, "", fault(wire.CodeUnknownCriticalTLV, 0, "tlv-type")},
		{"type 83, encryption", "01 02 0001", 0x83, "", fault(wire.CodeUnknownCriticalTLV, 4, "tlv-type")},
		{"type ff, unknown critical", "c1 02 0001", 0xff, "", fault(wire.CodeUnknownCriticalTLV, 4, "tlv-type")},

		{"run of 0 bytes", "", wire.ExtRun, "", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"run of 1 byte", "00 00", wire.ExtRun, "01", fault(wire.CodeBadTLVLength, 3, "tlv-length")},
		{"run of 2 bytes", "00 00", wire.ExtRun, "0001", nil},
		{"run of 3 bytes", "00 00", wire.ExtRun, "000001", fault(wire.CodeBadTLVLength, 3, "tlv-length")},
		{"run 0", "", wire.ExtRun, "0000", fault(wire.CodeBadTLVValue, 2, "tlv-value")},
		{"origin of 1 byte", "", wire.ExtOrigin, "01", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"origin of 2 bytes", "", wire.ExtOrigin, "0001", nil},
		{"origin of 3 bytes", "", wire.ExtOrigin, "000001", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"origin 0", "01 02 0001", wire.ExtOrigin, "0000", fault(wire.CodeBadTLVValue, 6, "tlv-value")},
		{"0 participants", "", wire.ExtParticipants, "", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"participants of 1 byte", "", wire.ExtParticipants, "01", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"1 participant", "", wire.ExtParticipants, "0001", nil},
		{"64 participants", "", wire.ExtParticipants, ascending(1, 64), nil},
		{"65 participants", "", wire.ExtParticipants, ascending(1, 65), fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"participants out of order", "", wire.ExtParticipants, "0002 0001", fault(wire.CodeBadTLVValue, 2, "tlv-value")},

		{"254 bytes", "02 00", 0x03, "00*250", nil},
		{"255 bytes, limit", "02 00", 0x03, "00*251", nil},
		{"256 bytes, limit + 1", "02 00", 0x03, "00*252", fault(wire.CodeBadExtLength, 2, "ext-length")},
		{"value of 253 bytes, limit", "", 0x03, "00*253", nil},
		{"value of 254 bytes, limit + 1", "", 0x03, "00*254", fault(wire.CodeBadExtLength, 0, "ext-length")},
		{"value of 256 bytes, 0 in 8 bits", "", 0x03, "00*256", fault(wire.CodeBadExtLength, 0, "ext-length")},
		{"value of 65536 bytes", "", 0x03, "00*65536", fault(wire.CodeBadExtLength, 0, "ext-length")},
		{"size before order", "02 00", 0x01, "00*252", fault(wire.CodeBadExtLength, 2, "ext-length")},
		{"TLVs that are full", "02 fd 00*253", 0x03, "", fault(wire.CodeBadExtLength, 255, "ext-length")},

		{"behind one that does not fit", "02 ff", 0x03, "", fault(wire.CodeBadTLVLength, 1, "tlv-length")},
		{"behind an unknown critical one", "82 00", 0x83, "", fault(wire.CodeUnknownCriticalTLV, 0, "tlv-type")},
		{"behind a run of 0", "01 02 0000", 0x03, "", fault(wire.CodeBadTLVValue, 2, "tlv-value")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, spare := range []int{0, 300} {
				buf := append(make([]byte, 0, 600), unhex(tt.x)...)
				x := wire.Extensions(buf[: len(buf) : len(buf)+spare])
				was := bytes.Clone(x)
				y, err := x.Append(tt.t, unhex(tt.value))
				requireBytes(t, "TLVs after Append", x, was)
				e := located(t, err)
				requireError(t, "Append", e, tt.want)
				if e != nil {
					if unsafe.SliceData(y) != unsafe.SliceData(x) || len(y) != len(x) || cap(y) != cap(x) {
						t.Errorf("Append returned other TLVs with %v", e)
					}
					continue
				}
				value := unhex(tt.value)
				want := append(append(was, byte(tt.t), byte(len(value))), value...)
				requireBytes(t, "Append", y, want)
			}
		})
	}
}

// TestExtensionsAppendRefuses: Append refuses what Parse refuses in a frame with the same TLVs, where the offsets are
// 13 bytes more.
func TestExtensionsAppendRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := join(drawTLVs(t))
		was := bytes.Clone(x)
		typ := wire.ExtType(within(t, "type", 0, 255, 1, 2, 0x41, 0x42, 0x7f, 0x80, 0x83, 0xc1, 0xc2))
		value := fill(t, "value", within(t, "length", 0, 300, 1, 2, 3, 128, 130, 251-len(x), 253-len(x), 254-len(x)))
		if len(value) > 1 && rapid.Bool().Draw(t, "handles") {
			value = handles(drawHandles(t, min(64, len(value)/2))...)
		}

		y, err := x.Append(typ, value)
		e := located(t, err)
		requireBytes(t, "TLVs after Append", x, was)
		size := len(x) + 2 + len(value)
		if size > 255 {
			requireError(t, "Append of too much", e, fault(wire.CodeBadExtLength, len(x), "ext-length"))
			requireBytes(t, "Append of too much", y, was)
			return
		}
		tlvs := slices.Concat([]byte(x), []byte{byte(typ), byte(len(value))}, value)
		b := slices.Concat(unhex(dataX), []byte{byte(size)}, tlvs)
		_, want := parse(t, b)
		if want == nil {
			requireError(t, "Append", e, nil)
			requireBytes(t, "Append", y, tlvs)
			return
		}
		want.Offset -= 13
		requireError(t, "Append", e, want)
		requireBytes(t, "Append", y, was)
	})
}

// TestExtensionsAppendParsed: what is appended to the TLVs of a parsed frame goes into a copy, and leaves the frame's
// bytes alone.
func TestExtensionsAppendParsed(t *testing.T) {
	b := unhex("80 40 03e8 65000001 00000001 04 01 02 0001 6869")
	was := bytes.Clone(b)
	f, e := parse(t, b)
	requireError(t, "Parse", e, nil)
	x, err := f.Ext.Append(wire.ExtOrigin, unhex("0007"))
	requireError(t, "Append", located(t, err), nil)
	requireBytes(t, "Append", x, unhex("01 02 0001 41 02 0007"))
	requireBytes(t, "input after Append", b, was)
	requireBytes(t, "Ext after Append", f.Ext, unhex("01 02 0001"))
}

// TestExtType: bit 7 is C and bit 6 is H, of every type, known or not (SPEC.md section 3.9).
func TestExtType(t *testing.T) {
	for n := range 256 {
		typ := wire.ExtType(n)
		if got, want := typ.Critical(), n >= 128; got != want {
			t.Errorf("%#02x.Critical() = %t, want %t", n, got, want)
		}
		if got, want := typ.HopByHop(), n/64%2 == 1; got != want {
			t.Errorf("%#02x.HopByHop() = %t, want %t", n, got, want)
		}
	}
}
