package wire_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/cdcp-project/cdcp/wire"
)

// The draws are of values, one field at a time, so that a failure is shrunk to the smallest values and not to the
// smallest bytes.

// within draws from lo to hi: half the time one of edges that lies there, or lo, or hi.
func within(t *rapid.T, label string, lo, hi int, edges ...int) int {
	edges = slices.DeleteFunc(append(edges, lo, hi), func(e int) bool { return e < lo || e > hi })
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.IntRange(lo, hi)).Draw(t, label)
}

// fill draws n bytes, of which only the first is free.
func fill(t *rapid.T, label string, n int) []byte {
	b := make([]byte, n)
	if n > 0 {
		first := rapid.Byte().Draw(t, label)
		for i := range b {
			b[i] = first + byte(i) + byte(i>>8)
		}
	}
	return b
}

func drawSerial(t *rapid.T, label string) wire.Serial {
	edges := []uint32{0, 1, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff}
	return wire.Serial(rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint32()).Draw(t, label))
}

// A tlv is a TLV before it is bytes.
type tlv struct {
	t     wire.ExtType
	value []byte
}

// handles writes participant handles, or one run.
func handles(numbers ...int) []byte {
	var b []byte
	for _, n := range numbers {
		b = append(b, byte(n/256), byte(n%256))
	}
	return b
}

// drawTLVs draws TLVs that are valid together, with none to some of them unknown, and often as many bytes as there can be.
func drawTLVs(t *rapid.T) []tlv {
	types := rapid.SliceOfNDistinct(rapid.OneOf(
		rapid.SampledFrom([]wire.ExtType{wire.ExtRun, wire.ExtOrigin, wire.ExtParticipants}),
		rapid.SampledFrom([]wire.ExtType{0x00, 0x02, 0x0a, 0x3f, 0x40, 0x42, 0x7a, 0x7f}),
		rapid.Map(rapid.ByteRange(0, 0x7f), func(b byte) wire.ExtType { return wire.ExtType(b) }),
	), 0, 6, rapid.ID).Draw(t, "types")
	slices.Sort(types)
	var tlvs []tlv
	room := 255
	for _, typ := range types {
		most := room - 2
		var value []byte
		switch {
		case most < 0:
			return tlvs
		case typ == wire.ExtRun || typ == wire.ExtOrigin:
			if most < 2 {
				continue
			}
			value = handles(within(t, typ.String(), 1, 65535, 255, 256))
		case typ == wire.ExtParticipants:
			if most < 2 {
				continue
			}
			value = handles(drawHandles(t, min(64, most/2))...)
		default:
			value = fill(t, typ.String(), within(t, "length", 0, most, 1, 2, 127, 128))
		}
		tlvs = append(tlvs, tlv{typ, value})
		room -= 2 + len(value)
	}
	return tlvs
}

// drawHandles draws 1 to most handles that ascend.
func drawHandles(t *rapid.T, most int) []int {
	ps := make([]int, within(t, "participants", 1, most, 2, 63, 64))
	last := 0
	for i := range ps {
		behind := len(ps) - 1 - i
		last += within(t, "step", 1, 65535-last-behind, 2, 255, 256)
		ps[i] = last
	}
	return ps
}

// join writes TLVs one after the other.
func join(tlvs []tlv) wire.Extensions {
	var x wire.Extensions
	for _, v := range tlvs {
		x = append(x, byte(v.t), byte(len(v.value)))
		x = append(x, v.value...)
	}
	return x
}

// drawFrame draws a frame that is valid, of every shape there is.
func drawFrame(t *rapid.T) *wire.Frame {
	f := &wire.Frame{
		Type:     rapid.SampledFrom([]wire.Type{wire.TypeData, wire.TypeClose, wire.TypeKeepAlive}).Draw(t, "type"),
		Flags:    rapid.SampledFrom([]wire.Flags{0, wire.FlagDurable, wire.FlagHigh, wire.FlagDurable | wire.FlagHigh}).Draw(t, "flags"),
		Channel:  uint16(within(t, "channel", 1, 65535, 255, 256)),
		Session:  drawSerial(t, "session"),
		Sequence: drawSerial(t, "sequence"),
	}
	if rapid.Bool().Draw(t, "with TLVs") {
		f.Ext = join(drawTLVs(t))
	}
	switch f.Type {
	case wire.TypeClose:
		f.Reason = wire.CloseReason(within(t, "reason", 0, 65535, 1, 2, 255, 256))
	case wire.TypeData:
		switch rapid.SampledFrom([]string{"whole", "fragment", "last fragment"}).Draw(t, "shape") {
		case "whole":
			f.Payload = fill(t, "payload", within(t, "size", 0, 32768, 1, 255, 256, 257, 32767))
		case "fragment":
			offset := 0
			if rapid.Bool().Draw(t, "with bytes before it") {
				offset = within(t, "offset", 256, 32768-257, 257, 16384)
			}
			size := within(t, "size", 256, 32768-offset-1, 257)
			f.Offset = uint16(offset)
			f.Total = uint16(within(t, "total", offset+size+1, 32768, 32767))
			f.Payload = fill(t, "payload", size)
		case "last fragment":
			offset := within(t, "offset", 256, 32767, 257, 16384)
			total := within(t, "total", offset+1, 32768, offset+255, offset+256, offset+257, 32767)
			f.Offset, f.Total = uint16(offset), uint16(total)
			f.Payload = fill(t, "payload", total-offset)
		}
	}
	return f
}

// drawAny draws fields as a caller can hand them over: a valid frame, of which none to some fields are then replaced
// by any value of their Go type.
func drawAny(t *rapid.T) *wire.Frame {
	f := drawFrame(t)
	for range rapid.IntRange(0, 3).Draw(t, "replaced") {
		switch rapid.SampledFrom([]string{
			"type", "flags", "channel", "offset", "total", "reason", "ext byte", "ext cut", "ext longer", "ext long", "size",
		}).Draw(t, "field") {
		case "type":
			f.Type = wire.Type(within(t, "type", 0, 255, 1, 2, 3, 26, 42, 63, 64, 65, 128, 129))
		case "flags":
			f.Flags = wire.Flags(within(t, "flags", 0, 255, 0x01, 0x08, 0x10, 0x20, 0x30, 0x40, 0x80))
		case "channel":
			f.Channel = uint16(within(t, "channel", 0, 65535, 1))
		case "offset":
			f.Offset = uint16(within(t, "offset", 0, 65535, 1, 255, 256, 257, 32767, 32768))
		case "total":
			near := int(f.Offset) + len(f.Payload)
			f.Total = uint16(within(t, "total", 0, 65535, 256, 257, 32768, 32769, int(f.Offset), int(f.Offset)+1, near-1, near, near+1, len(f.Payload)))
		case "reason":
			f.Reason = wire.CloseReason(within(t, "reason", 0, 65535))
		case "ext byte":
			if n := len(f.Ext); n > 0 {
				f.Ext[within(t, "at", 0, n-1, 1, 2, 3)] = byte(within(t, "byte", 0, 255, 1, 2, 0x41, 0x80, 0x83, 0xc1))
			}
		case "ext cut":
			f.Ext = f.Ext[:within(t, "at", 0, len(f.Ext), 1, 2, 3, len(f.Ext)-1)]
		case "ext longer":
			f.Ext = append(f.Ext, fill(t, "more", rapid.IntRange(1, 6).Draw(t, "longer"))...)
		case "ext long":
			f.Ext = append(f.Ext, make([]byte, within(t, "long", 0, 600, 254-len(f.Ext), 255-len(f.Ext), 256-len(f.Ext), 257-len(f.Ext)))...)
		case "size":
			rest := int(f.Total) - int(f.Offset)
			f.Payload = fill(t, "payload", within(t, "size", 0, 70000, 1, 255, 256, 257, 32767, 32768, 32769, rest-1, rest, rest+1, int(f.Total)))
		}
	}
	return f
}
