package fuzz

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

// A tape is a byte string that is read as operations. Behind its end come zeros. What can be chosen is either at a place of a table of
// values on which something turns, which one byte names, or written out behind a byte of 255.
type tape struct{ b []byte }

// written stands before a value that is written out.
const written = 255

func (t *tape) more() bool { return len(t.b) > 0 }

func (t *tape) uint(size int) uint64 {
	var all [8]byte
	n := copy(all[8-size:], t.b)
	t.b = t.b[n:]
	return binary.BigEndian.Uint64(all[:])
}

func (t *tape) u8() byte { return byte(t.uint(1)) }

// bit reports whether one byte is odd.
func (t *tape) bit() bool { return t.u8()&1 != 0 }

// number reads a number of that many bytes.
func (t *tape) number(size int, table []uint64) uint64 {
	i := t.u8()
	if i == written {
		return t.uint(size)
	}
	return table[int(i)%len(table)]
}

// bytes reads a length of two bytes, and as many bytes as there are of that.
func (t *tape) bytes() []byte {
	n := min(int(t.uint(2)), len(t.b))
	b := t.b[:n:n]
	t.b = t.b[n:]
	return b
}

// A recording is a tape that is made.
type recording []byte

func (r recording) u8(v ...byte) recording { return append(r, v...) }

func (r recording) bit(v bool) recording {
	if v {
		return append(r, 1)
	}
	return append(r, 0)
}

func (r recording) number(size int, v uint64) recording {
	r = append(r, written)
	return append(r, binary.BigEndian.AppendUint64(nil, v)[8-size:]...)
}

func (r recording) bytes(b []byte) recording {
	return append(binary.BigEndian.AppendUint16(r, uint16(len(b))), b...)
}

// A request is one of cdcp-port/1 to an endpoint.
type request struct {
	Op, Do         string
	Endpoint       int64
	Now            int64
	Self           uint16
	First          uint32
	Limits, Bounds map[string]any

	Budget               uint64
	Reliable, Relay      bool
	Sender               byte
	Channel              uint16
	Durable, High, Lossy bool
	Kbps, KeepAlive      uint64
	To                   []uint16
	Data                 string
	Participant, From    uint16
	Max, Receiver        byte
	Hex                  string
}

// scripts returns what the golden scripts ask of each endpoint, the opening first.
func scripts(f *testing.F) [][]request {
	f.Helper()
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		f.Fatal(err)
	}
	var all [][]request
	open := make(map[int64]int) // the place in all by number of the endpoint
	var port reference.Port
	if _, err := s.JudgeScripts(conformance.Func(func(line []byte) []byte {
		var q request
		if err := json.Unmarshal(line, &q); err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		switch q.Op {
		case "open":
			open[q.Endpoint] = len(all)
			all = append(all, []request{q})
		case "in":
			i := open[q.Endpoint]
			all[i] = append(all[i], q)
		}
		return port.Call(line)
	}), nil); err != nil {
		f.Fatal(err)
	}
	if len(all) == 0 {
		f.Fatal("there are no scripts, and so no seeds")
	}
	return all
}

// content returns the bytes of a message that are the same whenever it is cut into other fragments.
func content(seed uint64, from, to int) []byte {
	b := make([]byte, to-from)
	for i := range b {
		b[i] = byte(seed) + byte((from+i)>>4)
	}
	return b
}

// elapsed returns the time from one request to the next, µs. Some scripts go back.
func elapsed(all []request, i int) uint64 { return uint64(all[i].Now - all[i-1].Now) }

// frames returns the bytes of the frames that come in.
func frames(t testing.TB, all []request) [][]byte {
	t.Helper()
	var list [][]byte
	for _, q := range all {
		if q.Do == "frame" {
			list = append(list, unhex(t, q.Hex))
		}
	}
	return slices.Clip(list)
}
