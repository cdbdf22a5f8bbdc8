package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/wire"
)

// Each property gets a thousand draws, which take it some milliseconds. RAPID_CHECKS and -rapid.checks still decide.
func init() {
	if _, ok := os.LookupEnv("RAPID_CHECKS"); ok {
		return
	}
	if err := flag.Set("rapid.checks", "1000"); err != nil {
		panic(err)
	}
}

// unhex reads bytes as SPEC.md appendix A writes them: hexadecimal, fields apart by spaces, 61*44 for 44 bytes 0x61.
func unhex(s string) []byte {
	b := []byte{}
	for word := range strings.FieldsSeq(s) {
		digits, times, repeated := strings.Cut(word, "*")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil {
				panic(fmt.Sprintf("unhex %q: %v", word, err))
			}
		}
		field, err := hex.DecodeString(digits)
		if err != nil {
			panic(fmt.Sprintf("unhex %q: %v", word, err))
		}
		b = append(b, bytes.Repeat(field, n)...)
	}
	return b
}

// fault is the error that is wanted where a frame is refused.
func fault(c wire.Code, offset int, field string) *wire.Error {
	return &wire.Error{Code: c, Offset: offset, Field: field}
}

// located returns err as an *Error, nil if err is nil, and fails t if err is anything else.
func located(t rapid.TB, err error) *wire.Error {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		t.Fatalf("error %v is a %T, want a *wire.Error", err, err)
	}
	if e == nil {
		t.Fatalf("error is a nil *wire.Error, which is not a nil error")
	}
	return e
}

// requireError fails t unless got is want, in code, offset and field.
func requireError(t rapid.TB, what string, got, want *wire.Error) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %s\nwant %s", what, showError(got), showError(want))
	}
}

func showError(e *wire.Error) string {
	if e == nil {
		return "no error"
	}
	return fmt.Sprintf("code %d: %v", e.Code, e)
}

// showFrame prints f with long slices cut short.
func showFrame(f *wire.Frame) string {
	return fmt.Sprintf("{%d flags %#02x channel %d session %d sequence %d offset %d total %d reason %d ext %s payload %s}",
		f.Type, uint8(f.Flags), f.Channel, f.Session, f.Sequence, f.Offset, f.Total, f.Reason, showBytes(f.Ext), showBytes(f.Payload))
}

func showBytes(b []byte) string {
	if len(b) > 48 {
		return fmt.Sprintf("(%d bytes)[% x ...]", len(b), b[:48])
	}
	return fmt.Sprintf("(%d bytes)[% x]", len(b), b)
}

// requireBytes fails t unless got and want are equal.
func requireBytes(t rapid.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s:\n got %s\nwant %s", what, showBytes(got), showBytes(want))
	}
}

// requireFrame fails t unless got and want are equal in every field, where an empty slice is equal to none.
func requireFrame(t rapid.TB, got, want *wire.Frame) {
	t.Helper()
	normal := func(f wire.Frame) wire.Frame {
		if len(f.Ext) == 0 {
			f.Ext = nil
		}
		if len(f.Payload) == 0 {
			f.Payload = nil
		}
		return f
	}
	if !reflect.DeepEqual(normal(*got), normal(*want)) {
		t.Fatalf("frame:\n got %s\nwant %s", showFrame(got), showFrame(want))
	}
}

// A still is a Frame as it was at one time: its fields, where its slices lie, and what lies there.
type still struct {
	frame        wire.Frame
	ext, payload []byte // copies, up to the capacity
}

func photograph(f *wire.Frame) still {
	return still{
		frame:   *f,
		ext:     bytes.Clone(f.Ext[:cap(f.Ext)]),
		payload: bytes.Clone(f.Payload[:cap(f.Payload)]),
	}
}

// require fails t unless f is still what it was, to the last pointer and to the last byte of spare capacity.
func (s still) require(t rapid.TB, f *wire.Frame) {
	t.Helper()
	same := func(a, b []byte) bool {
		return unsafe.SliceData(a) == unsafe.SliceData(b) && len(a) == len(b) && cap(a) == cap(b)
	}
	if !reflect.DeepEqual(*f, s.frame) || !same(f.Ext, s.frame.Ext) || !same(f.Payload, s.frame.Payload) {
		t.Fatalf("the frame has changed:\n got %s\nwant %s", showFrame(f), showFrame(&s.frame))
	}
	requireBytes(t, "bytes of Ext", f.Ext[:cap(f.Ext)], s.ext)
	requireBytes(t, "bytes of Payload", f.Payload[:cap(f.Payload)], s.payload)
}

// used returns a Frame in which every field is set, to values that no frame of version 1 has, as if something had
// been read into it before.
func used() *wire.Frame {
	return &wire.Frame{
		Type:     0x2a,
		Flags:    0xff,
		Channel:  0xdead,
		Session:  0xdeadbeef,
		Sequence: 0xfeedface,
		Offset:   0xbeef,
		Total:    0xcafe,
		Reason:   0xf00d,
		Ext:      append(make(wire.Extensions, 0, 8), 0xe1, 0xe2, 0xe3),
		Payload:  append(make([]byte, 0, 8), 0xf1, 0xf2),
	}
}

// parse reads b into a used Frame, and fails t if that breaks a promise of Parse: on error the Frame is as it was,
// otherwise nothing of what was in it is left, Ext and Payload lie in b and have no spare capacity, and b is never
// written to.
func parse(t rapid.TB, b []byte) (*wire.Frame, *wire.Error) {
	t.Helper()
	f := used()
	was, input := photograph(f), bytes.Clone(b)
	e := located(t, f.Parse(b))
	requireBytes(t, "input after Parse", b, input)
	if e != nil {
		was.require(t, f)
		return nil, e
	}
	var fresh wire.Frame
	requireError(t, "Parse of the same bytes into a zero Frame", located(t, fresh.Parse(b)), nil)
	requireFrame(t, f, &fresh)
	for _, part := range [][]byte{f.Ext, f.Payload} {
		if cap(part) != len(part) {
			t.Fatalf("a slice of %d bytes has capacity %d, want it clipped", len(part), cap(part))
		}
	}
	if n := len(f.Payload); n > 0 && &f.Payload[0] != &b[len(b)-n] {
		t.Fatalf("Payload is not the end of the input")
	}
	return f, nil
}

// encode appends f to a buffer of some bytes with room for spare more, and fails t if that breaks a promise of
// AppendBinary: f and the bytes before are as they were, Len bytes are appended, in place if they fit, and on error
// the buffer is returned as it was, to the last byte of its spare capacity.
func encode(t rapid.TB, f *wire.Frame, before []byte, spare int) ([]byte, *wire.Error) {
	t.Helper()
	buf := bytes.Repeat([]byte{0xcc}, len(before)+spare)
	copy(buf, before)
	whole := bytes.Clone(buf)
	b := buf[:len(before)]

	was := photograph(f)
	out, err := f.AppendBinary(b)
	was.require(t, f)
	e := located(t, err)
	if e != nil {
		if len(out) != len(b) || cap(out) != cap(b) || unsafe.SliceData(out) != unsafe.SliceData(b) {
			t.Fatalf("after %v the buffer is another one, of %d bytes, capacity %d; want the same, %d, %d", e, len(out), cap(out), len(b), cap(b))
		}
		requireBytes(t, "buffer after an error", buf, whole)
		return nil, e
	}
	n := f.Len()
	if len(out)-len(b) != n {
		t.Fatalf("%d bytes appended, Len is %d", len(out)-len(b), n)
	}
	if inPlace := len(buf) > 0 && unsafe.SliceData(out) == unsafe.SliceData(buf); len(buf) > 0 && inPlace != (n <= spare) {
		t.Fatalf("%d bytes of a frame in %d of room: in place is %t", n, spare, inPlace)
	}
	requireBytes(t, "buffer before the frame", out[:len(b)], before)
	if n <= spare {
		requireBytes(t, "buffer behind the frame", buf[len(out):], whole[len(out):])
	} else {
		requireBytes(t, "buffer that was too small", buf, whole)
	}
	return out[len(b):], nil
}

// A span is the place of one field in a frame.
type span struct {
	field    string
	at, size int
}

// A speller writes fields one after the other and notes where each begins.
type speller struct {
	b      []byte
	fields []span
}

func (s *speller) number(field string, size int, v uint64) {
	digits := make([]byte, size)
	for i := size - 1; i >= 0; i-- {
		digits[i] = byte(v % 256)
		v /= 256
	}
	s.bytes(field, digits)
}

func (s *speller) bytes(field string, v []byte) {
	s.fields = append(s.fields, span{field, len(s.b), len(v)})
	s.b = append(s.b, v...)
}

// spell writes the fields of f as SPEC.md section 3.1 lists them, whatever their values. It knows the layout and
// WIRE-008 and WIRE-009, but none of the rules that refuse a value. Three values have no spelling. Each is written as
// one that the decoder has to refuse in the same field, and with the code that the documentation of AppendBinary
// names: a type of more than 6 bits as 63, F and X in Flags as a zero flag, more than 255 bytes of TLVs as 0.
func spell(f *wire.Frame) (b []byte, fields []span) {
	var s speller
	s.number("version", 1, 2*64+uint64(min(f.Type, 63)))

	flags := uint64(f.Flags) & 0x3f
	if f.Flags&0xc0 != 0 {
		flags |= 0x01
	}
	fragment := f.Offset != 0 || f.Total != 0
	if fragment {
		flags += 0x80
	}
	if len(f.Ext) > 0 {
		flags += 0x40
	}
	s.number("flags", 1, flags)

	s.number("channel", 2, uint64(f.Channel))
	s.number("session", 4, uint64(f.Session))
	s.number("sequence", 4, uint64(f.Sequence))
	if fragment {
		s.number("fragment-offset", 2, uint64(f.Offset))
		s.number("message-length", 2, uint64(f.Total))
	}
	if n := len(f.Ext); n > 255 {
		s.number("ext-length", 1, 0)
	} else if n > 0 {
		s.number("ext-length", 1, uint64(n))
	}
	for rest := []byte(f.Ext); len(rest) > 0; {
		s.bytes("tlv-type", rest[:1])
		rest = rest[1:]
		if len(rest) == 0 {
			break
		}
		n := min(int(rest[0]), len(rest)-1)
		s.bytes("tlv-length", rest[:1])
		s.bytes("tlv-value", rest[1:1+n])
		rest = rest[1+n:]
	}
	if f.Type == wire.TypeClose {
		s.number("reason", 2, uint64(f.Reason))
	}
	s.bytes("payload", f.Payload)
	return s.b, s.fields
}

// unspell returns the fields that b spells, allowed or not; ok is false if no fields spell it, as where b is cut short.
func unspell(b []byte) (f *wire.Frame, ok bool) {
	rest := b
	bytesOf := func(n int) []byte {
		n = min(n, len(rest))
		v := rest[:n]
		rest = rest[n:]
		return v
	}
	number := func(n int) (v uint64) {
		for _, digit := range bytesOf(n) {
			v = v*256 + uint64(digit)
		}
		return v
	}
	f = new(wire.Frame)
	f.Type = wire.Type(number(1) % 64)
	flags := number(1)
	f.Flags = wire.Flags(flags % 64)
	f.Channel = uint16(number(2))
	f.Session, f.Sequence = wire.Serial(number(4)), wire.Serial(number(4))
	if flags&0x80 != 0 {
		f.Offset, f.Total = uint16(number(2)), uint16(number(2))
	}
	if flags&0x40 != 0 {
		f.Ext = bytesOf(int(number(1)))
	}
	if f.Type == wire.TypeClose {
		f.Reason = wire.CloseReason(number(2))
	}
	f.Payload = rest
	again, _ := spell(f)
	return f, bytes.Equal(again, b)
}

// readSpec returns SPEC.md.
var readSpec = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("../SPEC.md")
	return string(text), err
})

// spec returns the part of SPEC.md from one line to another.
func spec(t rapid.TB, from, to string) string {
	t.Helper()
	text, err := readSpec()
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(text, "\n"+from+"\n")
	if !ok {
		t.Fatalf("SPEC.md has no line %q", from)
	}
	if to == "" {
		return text
	}
	text, _, ok = strings.Cut(text, "\n"+to+"\n")
	if !ok {
		t.Fatalf("SPEC.md has no line %q behind %q", to, from)
	}
	return text
}

// A raise is a code that a field raises.
type raise struct {
	field string
	code  wire.Code
}

var clause = regexp.MustCompile(`^[0-9]{3}( [0-9]{3})*$`)

// specRaises returns the cells of the table in SPEC.md section 7.1 that hold clauses.
func specRaises(t rapid.TB) map[raise]bool {
	t.Helper()
	raises := make(map[raise]bool)
	for line := range strings.Lines(spec(t, "### 7.1 Which field raises which code", "## 8 Growth")) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		field, ok := strings.CutPrefix(cells[0], "`")
		if !ok {
			continue
		}
		if len(cells) != 18 {
			t.Fatalf("SPEC.md section 7.1 has %d cells in %q, want 18", len(cells), line)
		}
		for i, cell := range cells[1:] {
			if clause.MatchString(cell) {
				raises[raise{strings.TrimSuffix(field, "`"), wire.Code(i + 1)}] = true
			}
		}
	}
	if len(raises) < 17 {
		t.Fatalf("SPEC.md section 7.1 has %d cells with clauses, want one for each code at least", len(raises))
	}
	return raises
}
