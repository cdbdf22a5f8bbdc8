package conformance

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Port answers the requests of cdcp-port/1.
type Port interface {
	// Call sends one request, a line without its line feed, and returns the reply. An error is a [*Broken], and the
	// port is to be started again before the next Call.
	Call(request []byte) (reply []byte, err error)

	// Start starts the port, or starts it again, from nothing.
	Start() error

	// Stderr returns what the port said on the side since the last Call of Stderr.
	Stderr() string
}

// A Verdict is what became of a case.
type Verdict string

// The verdicts. All but Passed fail the port.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"      // it answered, and the answer is wrong
	Unsupported Verdict = "unsupported" // it says that it does not know the op
	Bug         Verdict = "bug"         // it says that it failed itself
	Crash       Verdict = "crash"       // it ended by a signal or with a status other than 0
	Exit        Verdict = "exit"        // it ended with status 0, or closed its output, in place of an answer
	Hang        Verdict = "hang"        // no answer within the time limit
	Noise       Verdict = "noise"       // a line that is no reply
	WrongID     Verdict = "wrong-id"    // a reply to another request
	NotRun      Verdict = "not-run"     // the port could not be started again, or had been given up
)

// A Broken is the error of a port with which one cannot go on talking. Verdict is Crash, Exit, Hang or Noise from a
// [Port], and also WrongID from a probe.
type Broken struct {
	Verdict Verdict
	Detail  string
}

// Error returns the verdict and the detail.
func (b *Broken) Error() string { return string(b.Verdict) + ": " + b.Detail }

// Identity is what a port says of itself in hello.
type Identity struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Language string `json:"language"`
}

// talk numbers requests and reads replies.
type talk struct {
	port Port
	id   int64
	sent []byte // the last request
}

// ask sends a request, with keys (an object in JSON) behind id and op, and returns the reply, as parse gives it, an object with the id
// asked for, without that id.
func (t *talk) ask(op string, keys any) (reply map[string]any, err error) {
	t.id++
	t.sent = fmt.Appendf(nil, `{"id":%d,"op":%s`, t.id, text(op))
	if rest := text(keys); rest != "{}" {
		t.sent = append(append(t.sent, ','), rest[1:]...)
	} else {
		t.sent = append(t.sent, '}')
	}
	b, err := t.port.Call(t.sent)
	if err != nil {
		return nil, err
	}
	v, err := parse(b)
	if err != nil {
		return nil, &Broken{Noise, fmt.Sprintf("no JSON: %s", short(string(b)))}
	}
	if key, ok := twice(b); ok {
		return nil, &Broken{Noise, fmt.Sprintf("the key %q stands twice: %s", key, short(string(b)))}
	}
	reply, ok := v.(map[string]any)
	if !ok || reply["id"] == nil {
		return nil, &Broken{Noise, fmt.Sprintf("no reply: %s", short(string(b)))}
	}
	if id, ok := reply["id"].(json.Number); !ok || id.String() != fmt.Sprint(t.id) {
		return nil, &Broken{WrongID, fmt.Sprintf("asked as %d, answered as %v", t.id, reply["id"])}
	}
	delete(reply, "id")
	return reply, nil
}

// parse reads one JSON value in UTF-8, all of b, with numbers kept as they are written.
func parse(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// twice returns a key that stands twice in an object of b, which parse has read.
func twice(b []byte) (string, bool) {
	type level struct {
		keys map[string]bool // nil: an array
		key  bool            // what comes next is a key
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var open []*level
	for {
		token, err := d.Token()
		if err != nil {
			return "", false
		}
		var in *level
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		switch token {
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			continue
		}
		if in != nil && in.keys != nil {
			if in.key {
				key, _ := token.(string)
				if in.keys[key] {
					return key, true
				}
				in.keys[key] = true
			}
			in.key = !in.key
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &level{make(map[string]bool), true})
		case json.Delim('['):
			open = append(open, &level{})
		}
	}
}

// maxFrame is the longest frame of SPEC.md section 6; a port has to be able to read a line that holds one.
const maxFrame = 33039

// start starts the port and probes it: it says hello, gives bytes back as they were (each value, and as many as a
// frame can have), and does not know an op that does not exist. It returns who the port says it is.
func (t *talk) start() (Identity, error) {
	if err := t.port.Start(); err != nil {
		return Identity{}, err
	}
	all := make([]byte, maxFrame)
	for i := range all {
		all[i] = byte(i)
	}
	echo := hex.EncodeToString(all)
	reply, err := t.ask("hello", map[string]any{"protocol": "cdcp-port/1", "echo": echo})
	if err != nil {
		return Identity{}, err
	}
	ok, is := reply["ok"].(map[string]any)
	if !is || len(reply) != 1 {
		return Identity{}, fmt.Errorf("hello was answered with %s", short(text(reply)))
	}
	if ok["protocol"] != "cdcp-port/1" {
		return Identity{}, fmt.Errorf("the port speaks %s, not \"cdcp-port/1\"", short(text(ok["protocol"])))
	}
	if ok["echo"] != echo {
		return Identity{}, fmt.Errorf("bytes do not survive: hello's echo of 00 to ff, repeated to %d bytes, came back as %s", len(all), short(text(ok["echo"])))
	}
	var who Identity
	for _, f := range []struct {
		key   string
		value *string
	}{{"name", &who.Name}, {"version", &who.Version}, {"language", &who.Language}} {
		s, _ := ok[f.key].(string)
		if n := utf8.RuneCountInString(s); n < 1 || n > 64 {
			return Identity{}, fmt.Errorf("hello's %s is %s, not 1 to 64 characters", f.key, short(text(ok[f.key])))
		}
		*f.value = s
	}
	for _, key := range slices.Sorted(maps.Keys(ok)) {
		if !slices.Contains([]string{"protocol", "echo", "name", "version", "language"}, key) {
			return Identity{}, fmt.Errorf("hello's reply has a key %q, which the protocol does not", key)
		}
	}
	op := "zz-" + strings.ToLower(rand.Text()[:8])
	if reply, err = t.ask(op, struct{}{}); err != nil {
		return Identity{}, err
	}
	if len(reply) != 1 || reply["unsupported"] != op {
		return Identity{}, fmt.Errorf("the op %q does not exist, and was answered with %s in place of \"unsupported\"", op, short(text(reply)))
	}
	return who, nil
}

// text returns v as a line of JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	return string(b)
}

// short cuts the middle out of a long text, and says how much it was.
func short(s string) string {
	const most, kept = 400, 160
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s … %d characters … %s", s[:kept], len(s)-2*kept, s[len(s)-kept:])
}
