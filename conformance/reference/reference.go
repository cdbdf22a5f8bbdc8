// Package reference is the Go library behind the port protocol, cdcp-port/1 (PORT-PROTOCOL.md). The conformance suite judges it through the same
// lines of JSON as any port.
package reference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// request holds the keys of every op.
type request struct {
	ID    json.RawMessage `json:"id"`
	Op    string          `json:"op"`
	Echo  string          `json:"echo"`
	Hex   string          `json:"hex"`
	Frame frame           `json:"frame"`
}

// reply has the id and one other key.
type reply struct {
	ID          json.RawMessage `json:"id"`
	OK          any             `json:"ok,omitempty"`
	Unsupported *string         `json:"unsupported,omitempty"`
	Bug         string          `json:"bug,omitempty"`
}

// Call answers one request, a line of JSON without its line feed, with one reply. It keeps nothing of it. What is no request of the protocol is answered with a bug,
// under id 0 where the id cannot be read.
func Call(line []byte) []byte {
	var q request
	if err := json.Unmarshal(line, &q); err != nil {
		return marshal(reply{ID: id(q.ID), Bug: err.Error()})
	}
	r := reply{ID: id(q.ID)}
	switch q.Op {
	case "hello":
		r.OK = map[string]string{"protocol": Protocol, "echo": q.Echo, "name": Name, "version": Version, "language": Language}
	case "decode":
		r.OK, r.Bug = decode(q.Hex)
	case "encode":
		r.OK, r.Bug = encode(q.Frame)
	default:
		r.Unsupported = &q.Op
	}
	return marshal(r)
}

// Serve answers the requests that it reads from r, one per line, on w, until r ends. It returns the first error of r or w.
func Serve(r io.Reader, w io.Writer) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if _, err := w.Write(append(Call(line), '\n')); err != nil {
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

func id(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("0")
	}
	return raw
}

func marshal(r reply) []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("reference: a reply that cannot be written: " + err.Error())
	}
	return b
}

func decode(hex string) (ok any, bug string) {
	b, err := fromHex(hex)
	if err != nil {
		return nil, err.Error()
	}
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		return refusal(err)
	}
	return map[string]frame{"frame": toFrame(&f)}, ""
}

func encode(v frame) (ok any, bug string) {
	f, err := v.toWire()
	if err != nil {
		return nil, err.Error()
	}
	b, err := f.AppendBinary(nil)
	if err != nil {
		return refusal(err)
	}
	return map[string]string{"hex": toHex(b)}, ""
}

// refusal is the result of a frame that package wire refuses.
func refusal(err error) (ok any, bug string) {
	e, is := errors.AsType[*wire.Error](err)
	if !is {
		return nil, fmt.Sprintf("an error without a code: %v", err)
	}
	return map[string]any{"error": map[string]int{"code": int(e.Code), "offset": e.Offset}}, ""
}
