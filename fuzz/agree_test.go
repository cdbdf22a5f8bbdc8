package fuzz

import (
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
)

// python is the Python port, one for each process that fuzzes.
var python = sync.OnceValues(func() (*conformance.Process, error) {
	program, err := exec.LookPath("python3")
	if err != nil {
		return nil, err
	}
	p := conformance.NewProcess(10*time.Second, program, "../conformance/ports/python/port.py")
	return p, p.Start()
})

// agree fails unless both implementations give the same reply to a request.
func agree(t *testing.T, request map[string]any) map[string]any {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	p, err := python()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := p.Call(line)
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, p.Stderr())
	}
	var a, b map[string]any
	if err := json.Unmarshal(new(reference.Port).Call(line), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(theirs, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("%s:\nGo     %v\nPython %v", line, a, b)
	}
	return a
}

// needPython skips where there is no Python to disagree with. CI has one.
func needPython(f *testing.F) {
	if _, err := exec.LookPath("python3"); err != nil {
		f.Skipf("the second implementation needs Python 3: %v", err)
	}
}

// FuzzDecodersAgree: the Go and the Python decoder, written apart from one another, give the same frame or the same
// error for the same bytes.
func FuzzDecodersAgree(f *testing.F) {
	needPython(f)
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<17 {
			t.Skip("longer than a line of the port protocol holds")
		}
		agree(t, map[string]any{"id": 1, "op": "decode", "hex": hex.EncodeToString(b)})
	})
}

// FuzzEncodersAgree: the same for the encoders, and any fields that the port protocol can spell.
func FuzzEncodersAgree(f *testing.F) {
	needPython(f)
	for _, v := range vectors(f) {
		if v.Frame == nil {
			continue
		}
		f.Add(typeNumber(v.Frame), v.Frame.Durable, v.Frame.High, uint16(v.Frame.Channel), uint32(v.Frame.Session), uint32(v.Frame.Sequence),
			uint16(v.Frame.Offset), uint16(v.Frame.Total), uint16(v.Frame.Reason), tlvs(f, v.Frame.Ext), unhex(f, v.Frame.Payload))
	}
	f.Fuzz(func(t *testing.T, typ uint8, durable, high bool, channel uint16, session, sequence uint32, offset, total, reason uint16, ext, payload []byte) {
		if len(payload) > 1<<16 || len(ext) > 1<<12 {
			t.Skip("longer than a line of the port protocol holds")
		}
		name := typeNames[int(typ)%len(typeNames)]
		if name != "close" {
			reason = 0 // a field of CLOSE alone
		}
		pairs := [][]any{}
		for len(ext) >= 2 {
			n := min(int(ext[1]), len(ext)-2)
			pairs = append(pairs, []any{ext[0], hex.EncodeToString(ext[2 : 2+n])})
			ext = ext[2+n:]
		}
		agree(t, map[string]any{"id": 1, "op": "encode", "frame": map[string]any{
			"type": name, "durable": durable, "high": high, "channel": channel, "session": session, "sequence": sequence,
			"offset": offset, "total": total, "ext": pairs, "reason": reason, "payload": hex.EncodeToString(payload),
		}})
	})
}
