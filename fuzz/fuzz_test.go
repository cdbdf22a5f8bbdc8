// Package fuzz holds the fuzz targets of the module. Each has seeds, the golden vectors, and an oracle that says more
// than that nothing panics.
//
//	go test ./fuzz -run '^$' -fuzz '^FuzzFrame$' -fuzztime 60s -fuzzminimizetime 100x
package fuzz

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
	"github.com/cdcp-project/cdcp/wire"
)

// vectors returns the golden vectors, of which there are some.
func vectors(t testing.TB) []conformance.Vector {
	t.Helper()
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	return s.Vectors
}

// unhex returns the bytes of the tokens of a vector.
func unhex(t testing.TB, tokens string) []byte {
	t.Helper()
	b, err := conformance.Expand(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tlvs returns the bytes of TLVs as they stand in a frame. The length byte of a value over 255 bytes is what fits.
func tlvs(t testing.TB, list []conformance.TLV) []byte {
	t.Helper()
	var all []byte
	for _, x := range list {
		value := unhex(t, x.Value)
		all = append(append(all, byte(x.Type), byte(len(value))), value...)
	}
	return all
}

// typeNames has the name of each type of frame in the port protocol at its number.
var typeNames = []string{"data", "close", "keepalive"}

func typeNumber(f *conformance.Frame) uint8 { return uint8(slices.Index(typeNames, f.Type)) }

// addFrames adds the bytes of every vector that has any.
func addFrames(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Hex != nil {
			f.Add(unhex(f, *v.Hex))
		}
	}
}

// checkError fails unless err is a *wire.Error with a code of SPEC.md and an offset in or just behind n bytes.
func checkError(t *testing.T, err error, n int) {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		t.Fatalf("error %v (%T) is no *wire.Error", err, err)
	}
	if e.Code < wire.CodeTruncated || e.Code > wire.CodeTrailingBytes || e.Offset < 0 || e.Offset > n || e.Field == "" {
		t.Fatalf("error %+v for %d bytes", e, n)
	}
}

// FuzzFrame: what Parse accepts is within its limits, does not alias more than it says, and encodes to the same
// bytes; what it refuses has a located error and leaves the frame as it was.
func FuzzFrame(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		before := wire.Frame{Type: wire.TypeClose, Flags: wire.FlagHigh, Channel: 7, Session: 8, Sequence: 9, Reason: 10, Payload: []byte{11}}
		frame := before
		err := frame.Parse(b)
		if !bytes.Equal(b, in) {
			t.Fatal("Parse wrote to its input")
		}
		if err != nil {
			checkError(t, err, len(b))
			if !reflect.DeepEqual(frame, before) {
				t.Fatalf("Parse failed (%v), and left %+v", err, frame)
			}
			return
		}
		if len(b) > wire.MaxFrameSize || len(frame.Payload) > wire.MaxMessageSize || len(frame.Ext) > wire.MaxExtSize {
			t.Fatalf("accepted beyond the limits: %d bytes, payload %d, TLVs %d", len(b), len(frame.Payload), len(frame.Ext))
		}
		if cap(frame.Payload) != len(frame.Payload) || cap(frame.Ext) != len(frame.Ext) {
			t.Fatal("what aliases the input has spare capacity")
		}
		again, err := frame.AppendBinary([]byte("before"))
		if err != nil || !bytes.Equal(again, append([]byte("before"), in...)) {
			t.Fatalf("%x encodes as %x, %v", in, again, err)
		}
		if frame.Len() != len(in) {
			t.Fatalf("Len is %d of %d bytes", frame.Len(), len(in))
		}
		checkExtensions(t, frame.Ext)
	})
}

// checkExtensions holds the accessors of valid extensions against a plain walk over them, and rebuilds them with Append.
func checkExtensions(t *testing.T, x wire.Extensions) {
	t.Helper()
	var rebuilt wire.Extensions
	size, found := 0, make(map[wire.ExtType][]byte)
	for typ, value := range x.All() {
		var err error
		if rebuilt, err = rebuilt.Append(typ, value); err != nil {
			t.Fatalf("%x: Append(%v, %x): %v", x, typ, value, err)
		}
		found[typ] = value
		size += 2 + len(value)
	}
	if !bytes.Equal(rebuilt, x) || size != len(x) {
		t.Fatalf("%x rebuilt as %x", x, rebuilt)
	}
	run, hasRun := x.Run()
	origin, hasOrigin := x.Origin()
	handles, hasHandles := x.AppendParticipants(nil)
	if hasRun != (found[wire.ExtRun] != nil) || hasOrigin != (found[wire.ExtOrigin] != nil) || hasHandles != (found[wire.ExtParticipants] != nil) {
		t.Fatalf("%x: run %v, origin %v, participants %v", x, hasRun, hasOrigin, hasHandles)
	}
	if hasRun && run == 0 || hasOrigin && origin == 0 || len(handles) > wire.MaxParticipants || !slices.IsSorted(handles) {
		t.Fatalf("%x: run %d, origin %d, participants %v", x, run, origin, handles)
	}
}

// FuzzFields: what AppendBinary accepts of any fields, Parse turns back into them; what it refuses leaves the buffer
// as it was.
func FuzzFields(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Frame == nil {
			continue
		}
		var flags uint8
		if v.Frame.Durable {
			flags |= 0x20
		}
		if v.Frame.High {
			flags |= 0x10
		}
		f.Add(typeNumber(v.Frame), flags, uint16(v.Frame.Channel), uint32(v.Frame.Session), uint32(v.Frame.Sequence), uint16(v.Frame.Offset), uint16(v.Frame.Total), uint16(v.Frame.Reason),
			tlvs(f, v.Frame.Ext), unhex(f, v.Frame.Payload))
	}
	f.Fuzz(func(t *testing.T, typ, flags uint8, channel uint16, session, sequence uint32, offset, total, reason uint16, ext, payload []byte) {
		frame := wire.Frame{Type: wire.Type(typ), Flags: wire.Flags(flags), Channel: channel, Session: wire.Serial(session), Sequence: wire.Serial(sequence),
			Offset: offset, Total: total, Reason: wire.CloseReason(reason), Ext: ext, Payload: payload}
		buf := bytes.Repeat([]byte{0xee}, 64)
		b, err := frame.AppendBinary(buf[:5])
		if err != nil {
			checkError(t, err, frame.Len())
			if len(b) != 5 || &b[0] != &buf[0] || !bytes.Equal(buf, bytes.Repeat([]byte{0xee}, 64)) {
				t.Fatalf("AppendBinary failed (%v), and left %x of %x", err, b, buf)
			}
			return
		}
		if len(b) != 5+frame.Len() || !bytes.Equal(b[:5], buf[:5]) {
			t.Fatalf("Len is %d, and %d bytes were appended", frame.Len(), len(b)-5)
		}
		var back wire.Frame
		if err := back.Parse(b[5:]); err != nil {
			t.Fatalf("%+v encodes as %x, which is refused: %v", frame, b[5:], err)
		}
		if frame.Type != wire.TypeClose {
			frame.Reason = 0
		}
		if !bytes.Equal(back.Ext, frame.Ext) || !bytes.Equal(back.Payload, frame.Payload) {
			t.Fatalf("%+v comes back as %+v", frame, back)
		}
		back.Ext, back.Payload = frame.Ext, frame.Payload
		if !reflect.DeepEqual(back, frame) {
			t.Fatalf("%+v comes back as %+v", frame, back)
		}
	})
}

// FuzzExtensions: on bytes that need not be extensions, the accessors agree with a walk over them, and Append adds
// one valid TLV to valid ones or changes nothing.
func FuzzExtensions(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Frame != nil && len(v.Frame.Ext) > 0 {
			n := len(v.Frame.Ext) - 1
			x, last := tlvs(f, v.Frame.Ext[:n]), v.Frame.Ext[n]
			f.Add(x, uint8(last.Type), unhex(f, last.Value))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, typ uint8, value []byte) {
		x := wire.Extensions(slices.Clip(raw))
		size := 0
		for _, v := range x.All() {
			size += 2 + len(v)
		}
		if size > len(x) || len(x)-size >= 2 && len(x)-size >= 2+int(x[size+1]) {
			t.Fatalf("All went over %d bytes of %x", size, x)
		}
		x.Run()
		x.Origin()
		x.AppendParticipants(nil)

		y, err := x.Append(wire.ExtType(typ), value)
		frame := wire.Frame{Channel: 1, Ext: y}
		if err != nil {
			checkError(t, err, len(x)+2+len(value))
			if !bytes.Equal(y, x) {
				t.Fatalf("Append failed (%v), and returned %x for %x", err, y, x)
			}
			return
		}
		if !bytes.HasPrefix(y, x) || len(y) != len(x)+2+len(value) {
			t.Fatalf("Append(%x, %x) = %x", typ, value, y)
		}
		if _, err := frame.AppendBinary(nil); err != nil {
			t.Fatalf("Append made %x, which a frame refuses: %v", y, err)
		}
		checkExtensions(t, y)
	})
}

// session is the beginning of that of PORT-PROTOCOL.md section 5.5.
const session = `{"id":1,"op":"open","endpoint":1,"self":3,"now":5000000,"unix":1700000000000000,"rand":"00000000","limits":{"lossy":null},"bounds":{"receivers":300},"first":1}
{"id":2,"op":"in","endpoint":1,"now":5000000,"do":"linkUp","budget":1200,"reliable":true,"relay":false}
{"id":3,"op":"in","endpoint":1,"now":5000000,"do":"sender","sender":1,"channel":0,"durable":false,"high":false,"kbps":0,"keepAlive":0,"to":[]}
{"id":4,"op":"in","endpoint":1,"now":6000000,"do":"send","sender":1,"data":"6869"}
{"id":5,"op":"in","endpoint":1,"now":6000000,"do":"transmit","max":1,"durable":true,"lossy":true}
{"id":6,"op":"in","endpoint":1,"now":9000000,"do":"frame","from":9,"hex":"80000001bcfe5680000000016869"}
{"id":7,"op":"in","endpoint":1,"now":9000000,"do":"read","receiver":1}
{"id":8,"op":"in","endpoint":1,"now":129000001,"do":"advance"}
{"id":9,"op":"drop","endpoint":1}`

// FuzzReference: whatever the lines, the reply to each is one line, an object with an id and exactly one other key, and the
// same from each port that was asked the same.
func FuzzReference(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"op":"hello","protocol":"cdcp-port/1","echo":"00ff7f80"}`,
		`{"id":2,"op":"decode","hex":"800003e865000001000000016869"}`,
		`{"id":3,"op":"decode","hex":"800003"}`,
		`{"id":4,"op":"encode","frame":{"type":"data","durable":true,"high":false,"channel":1,"session":1,"sequence":4,"offset":0,"total":0,"ext":[[1,"0001"]],"reason":0,"payload":""}}`,
		`{"id":5,"op":"zz-7f3e"}`, `{"id":6}`, `{"op":"decode","hex":"0"}`, `[]`, `null`, ``, `{"id":{},"op":"encode","frame":{"type":"x","ext":[[]]}}`,
		session,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		var one, two reference.Port
		for line := range bytes.SplitSeq(lines, []byte("\n")) {
			reply := one.Call(line)
			if bytes.ContainsRune(reply, '\n') || !bytes.Equal(reply, two.Call(line)) {
				t.Fatalf("%q is answered with %q", line, reply)
			}
			var v map[string]json.RawMessage
			if err := json.Unmarshal(reply, &v); err != nil {
				t.Fatalf("%q is answered with %q: %v", line, reply, err)
			}
			_, ok := v["ok"]
			_, unsupported := v["unsupported"]
			_, bug := v["bug"]
			if len(v) != 2 || v["id"] == nil || !ok && !unsupported && !bug {
				t.Fatalf("%q is answered with %q", line, reply)
			}
		}
	})
}
