package wire_test

import (
	"bytes"
	"encoding"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/wire"
)

var _ encoding.BinaryAppender = (*wire.Frame)(nil)

// TestFrameRoundTrip: the bytes are those of the independent speller, and the fields come back from them (WIRE-006).
func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		want, _ := spell(f)
		before := fill(t, "before", within(t, "bytes before", 0, 40, 1))
		spare := within(t, "room", 0, len(want)+16, len(want)-1, len(want), len(want)+1)
		got, e := encode(t, f, before, spare)
		requireError(t, "AppendBinary", e, nil)
		requireBytes(t, "AppendBinary", got, want)
		if len(got) > wire.MaxFrameSize {
			t.Fatalf("a frame of %d bytes, more than MaxFrameSize", len(got))
		}
		g, e := parse(t, got)
		requireError(t, "Parse", e, nil)
		requireFrame(t, g, f)
	})
}

// TestFrameFields holds every field against bytes that were written by hand, so that the properties do not hang from
// their own speller. The examples are those of SPEC.md appendix A, read from there.
func TestFrameFields(t *testing.T) {
	wants := map[string]any{
		"data-text": &wire.Frame{
			Channel: 1000, Session: 1694498817, Sequence: 1, Payload: []byte("hi"),
		},
		"ext-participants-run": &wire.Frame{
			Flags: wire.FlagDurable | wire.FlagHigh, Channel: 1000, Session: 1694498817, Sequence: 2,
			Ext: unhex("01 02 0001 c1 04 0007 0009"), Payload: []byte("hi"),
		},
		"fragment-last": &wire.Frame{
			Channel: 1000, Session: 1694498817, Sequence: 3, Offset: 256, Total: 300, Payload: bytes.Repeat([]byte("a"), 44),
		},
		"close-normal": &wire.Frame{
			Type: wire.TypeClose, Channel: 1000, Session: 1694498817, Sequence: 3, Reason: wire.CloseNormal,
		},
		"keepalive-plain": &wire.Frame{
			Type: wire.TypeKeepAlive, Channel: 1000, Session: 1694498817, Sequence: 3,
		},
		"truncated-channel": fault(wire.CodeTruncated, 2, "channel"),
	}
	examples := strings.Split(spec(t, "## A Worked examples", ""), "\nExample `")[1:]
	if len(examples) != len(wants) {
		t.Errorf("SPEC.md appendix A has %d examples, want %d", len(examples), len(wants))
	}
	for _, example := range examples {
		name, text, _ := strings.Cut(example, "`")
		t.Run(name, func(t *testing.T) {
			parts := strings.Split(text, "\n```\n")
			if len(parts) < 2 {
				t.Fatal("no bytes in SPEC.md")
			}
			var input strings.Builder
			for line := range strings.Lines(parts[1]) {
				input.WriteString(strings.Fields(line)[0] + " ")
			}
			b := unhex(input.String())
			got, e := parse(t, b)
			switch want := wants[name].(type) {
			case *wire.Frame:
				requireError(t, "Parse", e, nil)
				requireFrame(t, got, want)
				again, e := encode(t, want, nil, 0)
				requireError(t, "AppendBinary", e, nil)
				requireBytes(t, "AppendBinary", again, b)
			case *wire.Error:
				requireError(t, "Parse", e, want)
			default:
				t.Fatal("an example of SPEC.md that this test does not know")
			}
		})
	}
}

// TestFrameLargest: the longest frame there is has MaxFrameSize bytes, and both directions take it.
func TestFrameLargest(t *testing.T) {
	f := &wire.Frame{
		Channel: 65535,
		Total:   32768,
		Ext:     unhex("00 fd 00*253"),
		Payload: make([]byte, 32767),
	}
	b, e := encode(t, f, nil, 0)
	requireError(t, "AppendBinary", e, nil)
	if len(b) != wire.MaxFrameSize {
		t.Errorf("the longest frame has %d bytes, want MaxFrameSize, %d", len(b), wire.MaxFrameSize)
	}
	got, e := parse(t, b)
	requireError(t, "Parse", e, nil)
	requireFrame(t, got, f)
}

// TestFrameMostTLVs: the 126 types that are neither critical nor known, without values, are as many TLVs as a frame
// can have: a known one more makes 256 bytes.
func TestFrameMostTLVs(t *testing.T) {
	var x wire.Extensions
	for typ := range 0x80 {
		if typ != int(wire.ExtRun) && typ != int(wire.ExtOrigin) {
			x = append(x, byte(typ), 0)
		}
	}
	f := &wire.Frame{Type: wire.TypeKeepAlive, Channel: 1, Ext: x}
	b, e := encode(t, f, nil, 0)
	requireError(t, "AppendBinary", e, nil)
	got, e := parse(t, b)
	requireError(t, "Parse", e, nil)
	n := 0
	for range got.Ext.All() {
		n++
	}
	if n != 126 {
		t.Errorf("%d TLVs, want 126", n)
	}
	f.Ext = append(x, unhex("c1 02 0001")...)
	_, e = encode(t, f, nil, 0)
	requireError(t, "AppendBinary of 127 TLVs", e, fault(wire.CodeBadExtLength, 12, "ext-length"))
}

// TestFrameParseAliases: Ext and Payload are the input's own bytes, and what is appended to them goes elsewhere.
func TestFrameParseAliases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawFrame(t)
		b, fields := spell(want)
		// More than the frame, so that a slice whose capacity is not clipped has somewhere to write.
		buf := append(bytes.Clone(b), 0xcc, 0xcc, 0xcc, 0xcc)
		whole := bytes.Clone(buf)
		var f wire.Frame
		requireError(t, "Parse", located(t, f.Parse(buf[:len(b)])), nil)

		_ = append(f.Ext, 0xee)
		_ = append(f.Payload, 0xee)
		for _, v := range f.Ext.All() {
			_ = append(v, 0xee)
		}
		requireBytes(t, "input after an append", buf, whole)

		for i := range buf {
			buf[i] ^= 0xff
		}
		flip := func(b []byte) []byte {
			b = bytes.Clone(b)
			for i := range b {
				b[i] ^= 0xff
			}
			return b
		}
		requireBytes(t, "Ext after the input was written to", f.Ext, flip(want.Ext))
		requireBytes(t, "Payload after the input was written to", f.Payload, flip(want.Payload))
		for _, s := range fields {
			if s.field == "ext-length" && unsafe.SliceData(f.Ext) != &buf[s.at+1] {
				t.Fatal("Ext is not where the TLVs stand")
			}
		}
	})
}

// TestFrameParseReuse: a Frame that is read into again holds the second frame alone.
func TestFrameParseReuse(t *testing.T) {
	for field, v := range reflect.ValueOf(*used()).Fields() {
		if v.IsZero() {
			t.Errorf("used leaves %s zero, so that no test sees what Parse does with it", field.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawFrame(t), drawFrame(t)
		var f wire.Frame
		for _, want := range []*wire.Frame{first, second, first} {
			b, _ := spell(want)
			requireError(t, "Parse", located(t, f.Parse(b)), nil)
			requireFrame(t, &f, want)
		}
	})
}

// TestFrameParseCut: a frame that ends early is truncated at the first field that is not there whole (WIRE-004,
// WIRE-005), except that a payload ends wherever the frame does.
func TestFrameParseCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := drawFrame(t)
		b, fields := spell(whole)
		start := len(b) - len(whole.Payload)

		for n := range start {
			_, e := parse(t, b[:n])
			for _, s := range fields {
				if s.at+s.size > n {
					requireError(t, "cut before the payload", e, fault(wire.CodeTruncated, s.at, s.field))
					if e.Offset > n {
						t.Fatalf("offset %d behind the end, at %d, of what is there", e.Offset, n)
					}
					break
				}
			}
		}

		if len(whole.Payload) == 0 {
			return
		}
		size := within(t, "payload left", 0, len(whole.Payload)-1, 1, 254, 255, 256, 257)
		got, e := parse(t, b[:start+size])
		if whole.Total != 0 && size < 256 {
			requireError(t, "fragment cut in the payload", e, fault(wire.CodeFragmentShort, start, "payload"))
			return
		}
		requireError(t, "cut in the payload", e, nil)
		want := *whole
		want.Payload = whole.Payload[:size]
		requireFrame(t, got, &want)
	})
}

// TestFrameParseChanged: whatever bytes become of a frame, they are either refused by a field that can raise that
// code (SPEC.md section 7.1), at a place in the frame or at its end, or are the one encoding of what was read from
// them.
func TestFrameParseChanged(t *testing.T) {
	raises := specRaises(t)
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		b, _ := spell(f)
		head := len(b) - len(f.Payload)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			at := within(t, "at", 0, head-1, 0, 1, 12, 13, 14, 16, 17, 18)
			b[at] = byte(within(t, "byte", 0, 255, 1, 2, 0x40, 0x41, 0x7f, 0x80, 0x81, 0x82, 0xc0, 0xc1))
		}
		b = b[:within(t, "left", 0, len(b), head-1, head, head+1, len(b)-1)]
		got, e := parse(t, b)
		if e != nil {
			if !raises[raise{e.Field, e.Code}] {
				t.Fatalf("%v, which SPEC.md section 7.1 does not have", e)
			}
			if e.Offset < 0 || e.Offset > len(b) {
				t.Fatalf("%v, in %d bytes", e, len(b))
			}
			return
		}
		again, e := encode(t, got, nil, 0)
		requireError(t, "AppendBinary of what was parsed", e, nil)
		requireBytes(t, "AppendBinary of what was parsed", again, b)
	})
}

// TestFrameAppendBinaryRefuses: AppendBinary refuses what Parse refuses in the bytes that spell the same fields, with
// the same error, and nothing else (WIRE-007).
func TestFrameAppendBinaryRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawAny(t)
		b, _ := spell(f)
		want, refused := parse(t, b)
		got, e := encode(t, f, []byte("before"), within(t, "room", 0, len(b)+8, len(b)-1, len(b)))
		requireError(t, "AppendBinary of "+showFrame(f), e, refused)
		if refused != nil {
			return
		}
		requireBytes(t, "AppendBinary of "+showFrame(f), got, b)
		fields := *f
		if f.Type != wire.TypeClose {
			fields.Reason = 0 // not looked at
		}
		requireFrame(t, want, &fields)
	})
}

// TestFrameAppendBinaryFromBuffer: Ext and Payload can be parts of the bytes that are appended to, as when a relay
// passes a frame on.
func TestFrameAppendBinaryFromBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, _ := spell(drawFrame(t))
		room := within(t, "room", 0, len(b)+8, len(b)-1, len(b))
		buf := append(make([]byte, 0, len(b)+room), b...)
		var f wire.Frame
		requireError(t, "Parse", located(t, f.Parse(buf)), nil)
		out, err := f.AppendBinary(buf)
		requireError(t, "AppendBinary", located(t, err), nil)
		requireBytes(t, "two frames", out, append(bytes.Clone(b), b...))
	})
}

// TestFrameAppendBinaryNil: a nil buffer stays nil on error, and is as good as any other without one.
func TestFrameAppendBinaryNil(t *testing.T) {
	if b, err := (&wire.Frame{}).AppendBinary(nil); b != nil || err == nil {
		t.Errorf("AppendBinary of channel 0 = %v, %v, want nil and an error", b, err)
	}
	b, err := (&wire.Frame{Type: wire.TypeKeepAlive, Channel: 1}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	requireBytes(t, "AppendBinary", b, unhex("82 00 0001 00000000 00000000"))
}

// TestFrameReason: the reason is the close reason of a CLOSE, and of nothing else.
func TestFrameReason(t *testing.T) {
	for _, tt := range []struct {
		typ  wire.Type
		want string
	}{
		{wire.TypeData, "80 00 0001 00000000 00000000"},
		{wire.TypeClose, "81 00 0001 00000000 00000000 abcd"},
		{wire.TypeKeepAlive, "82 00 0001 00000000 00000000"},
	} {
		t.Run(tt.typ.String(), func(t *testing.T) {
			b, e := encode(t, &wire.Frame{Type: tt.typ, Channel: 1, Reason: 0xabcd}, nil, 0)
			requireError(t, "AppendBinary", e, nil)
			requireBytes(t, "AppendBinary", b, unhex(tt.want))
		})
	}
}
