package conformance

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A Vector is a golden vector, as testdata/README.md describes it.
type Vector struct {
	ID      string   `json:"id"`
	Clauses []string `json:"clauses"`
	Comment string   `json:"comment"`
	Base    string   `json:"base,omitempty"`
	Faults  []string `json:"faults,omitempty"`
	Hex     *string  `json:"hex,omitempty"` // tokens; nil: an encoder is tried
	Frame   *Frame   `json:"frame,omitempty"`
	Error   *Fault   `json:"error,omitempty"` // nil: accepted
}

// A Frame is the value of a frame (PORT-PROTOCOL.md section 4). In a vector, Payload and the values of TLVs are tokens.
type Frame struct {
	Type     string `json:"type"`
	Durable  bool   `json:"durable"`
	High     bool   `json:"high"`
	Channel  int64  `json:"channel"`
	Session  int64  `json:"session"`
	Sequence int64  `json:"sequence"`
	Offset   int64  `json:"offset"`
	Total    int64  `json:"total"`
	Ext      []TLV  `json:"ext"`
	Reason   int64  `json:"reason"`
	Payload  string `json:"payload"`
}

// A TLV is written as an array of two: [1,"0001"].
type TLV struct {
	Type  int64
	Value string
}

// MarshalJSON implements [json.Marshaler].
func (t TLV) MarshalJSON() ([]byte, error) { return json.Marshal([]any{t.Type, t.Value}) }

// UnmarshalJSON implements [json.Unmarshaler].
func (t *TLV) UnmarshalJSON(b []byte) error {
	var two []json.RawMessage
	if err := json.Unmarshal(b, &two); err != nil {
		return err
	}
	if len(two) != 2 {
		return fmt.Errorf("a TLV has a type and a value, not %d elements", len(two))
	}
	return errors.Join(json.Unmarshal(two[0], &t.Type), json.Unmarshal(two[1], &t.Value))
}

// A Fault is the error with which a frame is refused. Field explains and is not compared.
type Fault struct {
	Code   int    `json:"code"`
	Offset int    `json:"offset"`
	Field  string `json:"field"`
}

// loadVectors reads vectors/*.jsonl. It refuses a folder without vectors, unknown keys, repeated ids, an id that is
// not its file's, and a vector of none of the three kinds.
func loadVectors(fsys fs.FS) ([]Vector, error) {
	names, err := fs.Glob(fsys, "vectors/*.jsonl")
	if err != nil {
		return nil, err
	}
	var vectors []Vector
	seen := make(map[string]bool)
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		prefix := strings.TrimSuffix(path.Base(name), ".jsonl") + "-"
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			v, err := parseVector(lines.Bytes())
			switch {
			case err != nil:
			case !strings.HasPrefix(v.ID, prefix) || v.ID == prefix:
				err = fmt.Errorf("the id %q does not begin with %q", v.ID, prefix)
			case seen[v.ID]:
				err = fmt.Errorf("the id %q stands here again", v.ID)
			}
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			seen[v.ID] = true
			vectors = append(vectors, v)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(vectors) == 0 {
		return nil, fmt.Errorf("no vectors in vectors/*.jsonl")
	}
	return vectors, nil
}

func parseVector(line []byte) (Vector, error) {
	var v Vector
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, fmt.Errorf("more than one object in a line")
	}
	switch {
	case v.Error == nil && (v.Hex == nil || v.Frame == nil || v.Base != "" || len(v.Faults) != 0):
		return v, fmt.Errorf("%s: an accepted vector has hex and frame, and no base and no faults", v.ID)
	case v.Error != nil && ((v.Hex == nil) == (v.Frame == nil) || v.Base == ""):
		return v, fmt.Errorf("%s: a refused vector has a base, and either hex or frame", v.ID)
	case len(v.Faults) != 0 && len(v.Faults) != 2:
		return v, fmt.Errorf("%s: faults are two", v.ID)
	}
	if v.Hex != nil {
		if _, err := expand(*v.Hex); err != nil {
			return v, fmt.Errorf("%s: %w", v.ID, err)
		}
	}
	if v.Frame != nil {
		if _, err := v.Frame.expand(); err != nil {
			return v, fmt.Errorf("%s: %w", v.ID, err)
		}
	}
	return v, nil
}

// maxRepeat bounds the N of HH*N, and maxBytes the bytes of all tokens together, so that a file cannot make a loader
// allocate without end.
const (
	maxRepeat = 1 << 17
	maxBytes  = 1 << 18
)

var errBytes = fmt.Errorf("more than %d bytes", maxBytes)

// Expand returns the bytes that tokens spell, in the form of testdata/README.md: of "03e8 61*3" they are
// 03 e8 61 61 61. At most 262144 bytes.
func Expand(tokens string) ([]byte, error) {
	plain, err := expand(tokens)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(plain)
}

// expand returns the plain hexadecimal of tokens: "03e8 61*3" is 03e8616161.
func expand(tokens string) (string, error) {
	if tokens == "" {
		return "", nil
	}
	var s strings.Builder
	for token := range strings.SplitSeq(tokens, " ") {
		digits, times, repeated := strings.Cut(token, "*")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 1 || n > maxRepeat || strconv.Itoa(n) != times || len(digits) != 2 {
				return "", fmt.Errorf("token %q: HH*N has one byte, and N from 1 to %d", token, maxRepeat)
			}
		}
		if b, err := hex.DecodeString(digits); err != nil || len(b) == 0 || hex.EncodeToString(b) != digits {
			return "", fmt.Errorf("token %q: not bytes in lower case hexadecimal", token)
		}
		if s.Len()+n*len(digits) > 2*maxBytes {
			return "", errBytes
		}
		s.WriteString(strings.Repeat(digits, n))
	}
	return s.String(), nil
}

// expand returns f with plain hexadecimal in place of tokens.
func (f *Frame) expand() (*Frame, error) {
	g := *f
	var err error
	if g.Payload, err = expand(f.Payload); err != nil {
		return nil, err
	}
	total := len(g.Payload)
	g.Ext = make([]TLV, len(f.Ext))
	for i, t := range f.Ext {
		g.Ext[i].Type = t.Type
		if g.Ext[i].Value, err = expand(t.Value); err != nil {
			return nil, err
		}
		if total += len(g.Ext[i].Value); total > 2*maxBytes {
			return nil, errBytes
		}
	}
	return &g, nil
}
