package conformance

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A literal is a frame in a script: its bytes in plain hexadecimal, or which of the frames that an endpoint gave out.
type literal struct {
	hex      string
	endpoint string // its word; "": it is the bytes
	number   int64  // 1 is the first
}

// frame reads a FRAME. The words that are no part of it are left.
func (p *scriptParser) frame(words []string) (l literal, others []string, err error) {
	if len(words) == 0 {
		return l, nil, errors.New("a frame is missing")
	}
	head, words := words[0], words[1:]
	if head == "hex" {
		if len(words) == 0 {
			return l, nil, errors.New("hex has no bytes behind it")
		}
		l.hex, err = readHex(words[0])
		return l, words[1:], err
	}
	if word, number, ok := strings.Cut(head, "#"); ok {
		if p.endpoints[word] == 0 {
			return l, nil, fmt.Errorf("no endpoint %q is open", word)
		}
		l.endpoint = word
		if l.number, err = readNumber(number, maxInteger); err == nil && l.number == 0 {
			err = errors.New("the first frame has number 1")
		}
		return l, words, err
	}
	form, ok := map[string]string{"DATA": "[payload=HEX]", "CLOSE": "[reason=U16]", "KEEPALIVE": ""}[head]
	if !ok {
		return l, nil, fmt.Errorf("%q is no frame: DATA, CLOSE, KEEPALIVE, hex HEX or A#2", head)
	}
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool {
		if other := strings.HasPrefix(word, "to=") || strings.HasPrefix(word, "by="); other {
			others = append(others, word)
			return true
		}
		return false
	})
	keys, err := p.form("[channel=U16] [session=U32] [sequence=U32] [durable] [high] [offset=U16] [total=U16] "+
		"[run=RUN] [origin=ORIGIN] [participants=LIST] [ext=EXT] "+form, words)
	if err != nil {
		return l, nil, err
	}
	f := &Frame{Type: strings.ToLower(head), Durable: keys["durable"].(bool), High: keys["high"].(bool),
		Channel: keys["channel"].(int64), Session: keys["session"].(int64), Sequence: keys["sequence"].(int64),
		Offset: keys["offset"].(int64), Total: keys["total"].(int64)}
	f.Payload, _ = keys["payload"].(string)
	f.Reason, _ = keys["reason"].(int64)
	all, _ := keys["ext"].([]TLV)
	if run, ok := keys["run"].(int64); ok {
		all = append(all, numbersTLV(tlvRun, run))
	}
	if origin, ok := keys["origin"].(int64); ok {
		all = append(all, numbersTLV(tlvOrigin, origin))
	}
	if list, ok := keys["participants"].([]int64); ok {
		all = append(all, numbersTLV(tlvParticipants, list...))
	}
	if err := f.putTLVs(all); err != nil {
		return l, nil, err
	}
	l.hex = fmt.Sprintf("%x", f.bytes())
	return l, others, nil
}

// The numbers of SPEC.md sections 4 and 5.
const (
	tlvRun          = 0x01
	tlvOrigin       = 0x41
	tlvParticipants = 0xc1
)

var frameTypes = []string{"data", "close", "keepalive"}

// readTLV reads the type of a TLV, a colon, and the value, if it is not empty.
func readTLV(s string) (TLV, error) {
	typ, value, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(typ)
	if !ok || err != nil || len(b) != 1 {
		return TLV{}, fmt.Errorf("%q is no TLV: 1a:aa has the type 1a", s)
	}
	if value == "" {
		value = "-"
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
	if t.Value == "" {
		return fmt.Sprintf("ext=%02x:", t.Type)
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
