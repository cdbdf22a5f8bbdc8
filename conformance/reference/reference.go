// Package reference is the Go library behind the port protocol, cdcp-port/1 (PORT-PROTOCOL.md). The conformance suite
// judges it through the same lines of JSON as any port.
package reference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/cdcp-project/cdcp/wire"
)

// What hello answers.
const (
	Protocol = "cdcp-port/1"
	Name     = "cdcp-go"
	Version  = "0.1.0"
	Language = "Go"
)

// reply has the id and one other key.
type reply struct {
	ID          json.RawMessage `json:"id"`
	OK          any             `json:"ok,omitempty"`
	Unsupported *string         `json:"unsupported,omitempty"`
	Bug         string          `json:"bug,omitempty"`
}

// A Port answers requests, and keeps the endpoints that they open. The zero value is ready for use. It is not safe for concurrent
// use.
type Port struct {
	endpoints map[int64]*endpoint
}

// Call answers one request, a line of JSON without its line feed, with one reply. A line that is no request of the protocol is
// answered with a bug, under id 0 if its id cannot be read.
func (p *Port) Call(line []byte) []byte {
	r := reply{ID: json.RawMessage("0")}
	var q object
	var id uint64
	var op string
	err := json.Unmarshal(line, &q)
	if err == nil {
		err = q.get("id", &id)
	}
	if err == nil {
		r.ID = q["id"]
		err = q.get("op", &op)
	}
	if err == nil {
		switch op {
		case "hello":
			r.OK, err = hello(q)
		case "decode":
			r.OK, err = decode(q)
		case "encode":
			r.OK, err = encode(q)
		case "open":
			r.OK, err = p.open(q)
		case "in":
			r.OK, err = p.in(q)
		case "drop":
			r.OK, err = p.drop(q)
		default:
			r.Unsupported = &op
		}
	}
	if err != nil {
		r.OK, r.Bug = nil, err.Error()
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic("reference: a reply that cannot be written: " + err.Error())
	}
	return b
}

// Serve is a port of its own: it answers the requests that it reads from r, one per line, on w, until r ends. It returns the first
// error of r or w.
func Serve(r io.Reader, w io.Writer) error {
	var p Port
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if _, err := w.Write(append(p.Call(line), '\n')); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func hello(q object) (any, error) {
	var protocol string
	var echo hexBytes
	if err := errors.Join(q.get("protocol", &protocol), q.get("echo", &echo)); err != nil {
		return nil, err
	}
	return result{"protocol": Protocol, "echo": echo, "name": Name, "version": Version, "language": Language}, nil
}

func decode(q object) (any, error) {
	var b hexBytes
	if err := q.get("hex", &b); err != nil {
		return nil, err
	}
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		return refusal(err)
	}
	return result{"frame": fromWire(&f)}, nil
}

func encode(q object) (any, error) {
	var v frame
	if err := q.get("frame", &v); err != nil {
		return nil, err
	}
	// A buffer with room, as a user keeps one: a whole message takes the short way through AppendBinary.
	b, err := v.toWire().AppendBinary(make([]byte, 0, wire.MaxFrameSize))
	if err != nil {
		return refusal(err)
	}
	return result{"hex": hexBytes(b)}, nil
}

// refusal is the result of a frame that package wire refuses. error: err is of another kind.
func refusal(err error) (result, error) {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return nil, err
	}
	return result{"error": result{"code": int(e.Code), "offset": e.Offset}}, nil
}
