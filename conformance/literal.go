package conformance

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What follows reads and writes the values of scripts, as testdata/scripts/README.md describes them: numbers, times, bytes, lists
// of participants, and frames.

// The largest number of a script, and of cdcp-port/1, and the latest start of a clock.
const (
	maxInteger = 1<<53 - 1
	maxStart   = 1<<53 - 1<<40
)

// readNumber reads a number from 0 to most, in decimal, or in hexadecimal behind 0x.
func readNumber(s string, most int64) (int64, error) {
	digits, base := s, 10
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		digits, base = rest, 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || n > uint64(most) {
		return 0, fmt.Errorf("%q is no number from 0 to %d", s, most)
	}
	return int64(n), nil
}

// The units of times, in µs, and how many digits of a fraction each can have.
var units = []struct {
	name   string
	micros int64
	digits int
}{{"us", 1, 0}, {"ms", 1000, 3}, {"s", 1000000, 6}}

// readMicros reads a time: 0, or one with a unit, in whole microseconds.
func readMicros(s string) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	for _, unit := range units {
		number, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		whole, fraction, point := strings.Cut(number, ".")
		if point && fraction == "" || len(fraction) > unit.digits {
			break
		}
		// Both parts together, as a number of microseconds, are whole·micros + fraction.
		n, err := strconv.ParseUint(whole, 10, 64)
		part, err2 := strconv.ParseUint("0"+fraction+strings.Repeat("0", unit.digits-len(fraction)), 10, 64)
		if err != nil || err2 != nil || n > maxInteger/uint64(unit.micros) {
			break
		}
		if n = n*uint64(unit.micros) + part; n <= maxInteger {
			return int64(n), nil
		}
		break
	}
	return 0, fmt.Errorf("%q is no time: 0, or a number of us, ms or s, in whole microseconds", s)
}

// spellMicros writes a time as readMicros reads it.
func spellMicros(t int64) string {
	if t == 0 {
		return "0"
	}
	unit := units[0]
	for _, u := range units {
		if t >= u.micros {
			unit = u
		}
	}
	whole, part := t/unit.micros, t%unit.micros
	if part == 0 {
		return fmt.Sprint(whole, unit.name)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%0*d", whole, unit.digits, part), "0") + unit.name
}

// A moment is a time that can be counted from another.
type moment struct {
	from  string // "": the clock. "step": the step before; in an expectation, the step. "next": the next deadline
	after int64  // µs
}

// readMoment reads 5s, +20ms, next, next-1us or next+3s.
func readMoment(s string) (moment, error) {
	m, sign := moment{}, int64(1)
	rest := s
	switch {
	case s == "next":
		return moment{from: "next"}, nil
	case strings.HasPrefix(s, "next+"):
		m.from, rest = "next", s[len("next+"):]
	case strings.HasPrefix(s, "next-"):
		m.from, rest, sign = "next", s[len("next-"):], -1
	case strings.HasPrefix(s, "+"):
		m.from, rest = "step", s[1:]
	}
	t, err := readMicros(rest)
	m.after = sign * t
	return m, err
}

// readHex reads bytes, and returns them in plain hexadecimal.
func readHex(s string) (string, error) {
	if s == "-" {
		return "", nil
	}
	if s == "" {
		return "", fmt.Errorf("no bytes are written -")
	}
	return expand(strings.ReplaceAll(s, "+", " "))
}

// spellHex writes plain hexadecimal as readHex reads it, with long runs of a byte in short.
func spellHex(plain string) string {
	if plain == "" {
		return "-"
	}
	const short = 8 // bytes that are written out
	var parts []string
	begin := 0 // of what is not written yet
	for i := 0; i < len(plain); {
		n := 1
		for i+2*n+2 <= len(plain) && plain[i+2*n:i+2*n+2] == plain[i:i+2] && n < maxRepeat {
			n++
		}
		if n > short {
			if begin < i {
				parts = append(parts, plain[begin:i])
			}
			parts = append(parts, fmt.Sprintf("%s*%d", plain[i:i+2], n))
			begin = i + 2*n
		}
		i += 2 * n
	}
	if begin < len(plain) {
		parts = append(parts, plain[begin:])
	}
	return strings.Join(parts, "+")
}

// readHandles reads a list of participants; all is the empty one.
func readHandles(s string) ([]int64, error) {
	list := []int64{}
	if s == "all" {
		return list, nil
	}
	for word := range strings.SplitSeq(s, ",") {
		n, err := readNumber(word, 65535)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// The numbers of SPEC.md sections 4 and 5.
const (
	tlvRun          = 0x01
	tlvOrigin       = 0x41
	tlvParticipants = 0xc1
)

var frameTypes = []string{"data", "close", "keepalive"}

// readTLV reads the type, a colon and the value of a TLV.
func readTLV(s string) (TLV, error) {
	typ, value, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(typ)
	if err != nil || len(b) != 1 {
		return TLV{}, fmt.Errorf("%q is no TLV: 1a:aa has the type 1a", s)
	}
	plain, err := readHex(value)
	return TLV{int64(b[0]), plain}, err
}

// numbersTLV returns a TLV whose value is made of u16.
func numbersTLV(typ int64, numbers ...int64) TLV {
	var value []byte
	for _, n := range numbers {
		value = binary.BigEndian.AppendUint16(value, uint16(n))
	}
	return TLV{typ, hex.EncodeToString(value)}
}

// putTLVs sets the TLVs of f, in ascending order of their types. It refuses what has no place in a frame.
func (f *Frame) putTLVs(all []TLV) error {
	slices.SortStableFunc(all, func(a, b TLV) int { return cmp.Compare(a.Type, b.Type) })
	f.Ext = all
	size := 0
	for i, t := range all {
		if size += 2 + len(t.Value)/2; size > 255 {
			return fmt.Errorf("the TLVs have more than 255 bytes")
		}
		if i > 0 && all[i-1].Type == t.Type {
			return fmt.Errorf("there are two TLVs of type %02x", t.Type)
		}
	}
	return nil
}

// bytes spells f, whose payload and values of TLVs are plain hexadecimal, field by field (SPEC.md section 3.1). It refuses
// nothing, as long as the TLVs have at most 255 bytes.
func (f *Frame) bytes() []byte {
	var flags byte
	for _, x := range []struct {
		set bool
		bit byte
	}{{f.Offset != 0 || f.Total != 0, 0x80}, {len(f.Ext) > 0, 0x40}, {f.Durable, 0x20}, {f.High, 0x10}} {
		if x.set {
			flags |= x.bit
		}
	}
	b := []byte{0x80 | byte(slices.Index(frameTypes, f.Type)), flags}
	b = binary.BigEndian.AppendUint16(b, uint16(f.Channel))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Session))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Sequence))
	if flags&0x80 != 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(f.Offset))
		b = binary.BigEndian.AppendUint16(b, uint16(f.Total))
	}
	if flags&0x40 != 0 {
		at := len(b)
		b = append(b, 0)
		for _, t := range f.Ext {
			b = append(b, byte(t.Type), byte(len(t.Value)/2))
			b, _ = hex.AppendDecode(b, []byte(t.Value))
		}
		b[at] = byte(len(b) - at - 1)
	}
	if f.Type == "close" {
		b = binary.BigEndian.AppendUint16(b, uint16(f.Reason))
	}
	b, _ = hex.AppendDecode(b, []byte(f.Payload))
	return b
}

// readFrame returns the frame whose bytes are b, or nil if bytes does not give them for any.
func readFrame(b []byte) *Frame {
	rest, whole := b, true
	take := func(n int) []byte {
		if n > len(rest) {
			whole, rest = false, make([]byte, n)
		}
		var taken []byte
		taken, rest = rest[:n], rest[n:]
		return taken
	}
	u16 := func() int64 { return int64(binary.BigEndian.Uint16(take(2))) }
	u32 := func() int64 { return int64(binary.BigEndian.Uint32(take(4))) }
	head := take(2)
	typ, flags := int(head[0]&0x3f), head[1]
	if typ >= len(frameTypes) {
		return nil
	}
	f := &Frame{Type: frameTypes[typ], Durable: flags&0x20 != 0, High: flags&0x10 != 0, Channel: u16(), Session: u32(), Sequence: u32(), Ext: []TLV{}}
	if flags&0x80 != 0 {
		f.Offset, f.Total = u16(), u16()
	}
	if flags&0x40 != 0 {
		for size := int(take(1)[0]); size > 0 && whole; {
			t := take(2)
			f.Ext = append(f.Ext, TLV{int64(t[0]), hex.EncodeToString(take(int(t[1])))})
			size -= 2 + int(t[1])
		}
	}
	if f.Type == "close" {
		f.Reason = u16()
	}
	f.Payload = hex.EncodeToString(rest)
	if !whole || !bytes.Equal(f.bytes(), b) {
		return nil
	}
	return f
}

// spellFrame writes plain hexadecimal as a frame, if it is one that a script can write so, and else as bytes.
func spellFrame(plain string) string {
	b, err := hex.DecodeString(plain)
	var f *Frame
	if err == nil {
		f = readFrame(b)
	}
	if f == nil || f.Type != "data" && f.Payload != "" || f.putTLVs(slices.Clone(f.Ext)) != nil || !bytes.Equal(f.bytes(), b) {
		return "hex " + spellHex(plain)
	}
	words := []string{strings.ToUpper(f.Type)}
	number := func(key string, n int64) {
		if n != 0 {
			words = append(words, fmt.Sprintf("%s=%d", key, n))
		}
	}
	flag := func(key string, set bool) {
		if set {
			words = append(words, key)
		}
	}
	number("channel", f.Channel)
	number("session", f.Session)
	number("sequence", f.Sequence)
	flag("durable", f.Durable)
	flag("high", f.High)
	number("offset", f.Offset)
	number("total", f.Total)
	for _, t := range f.Ext {
		words = append(words, spellTLV(t))
	}
	if f.Payload != "" {
		words = append(words, "payload="+spellHex(f.Payload))
	}
	number("reason", f.Reason)
	return strings.Join(words, " ")
}

// spellTLV writes t by its name, if its value is one of numbers.
func spellTLV(t TLV) string {
	b, _ := hex.DecodeString(t.Value)
	var numbers []string
	for i := 0; i+2 <= len(b); i += 2 {
		numbers = append(numbers, fmt.Sprint(binary.BigEndian.Uint16(b[i:])))
	}
	switch {
	case t.Type == tlvRun && len(b) == 2:
		return "run=" + numbers[0]
	case t.Type == tlvOrigin && len(b) == 2:
		return "origin=" + numbers[0]
	case t.Type == tlvParticipants && len(b) > 0 && len(b)%2 == 0:
		return "participants=" + strings.Join(numbers, ",")
	}
	return fmt.Sprintf("ext=%02x:%s", t.Type, spellHex(t.Value))
}

// frameFlags reads from plain hexadecimal whether a frame asks for the reliable path by itself, for which it has D or is a CLOSE,
// and its P.
func frameFlags(plain string) (durable, high bool) {
	b, err := hex.DecodeString(plain[:min(4, len(plain))])
	if err != nil || len(b) < 2 {
		return false, false
	}
	return b[0]&0x3f == 1 || b[1]&0x20 != 0, b[1]&0x10 != 0
}
