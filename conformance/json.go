package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

var errJSON = errors.New("no JSON")

// parse reads one JSON value in UTF-8, all of b, with numbers kept as they are written. error: errJSON, or a key
// stands twice in an object.
func parse(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errJSON
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	if key, ok := twice(b); ok {
		return nil, fmt.Errorf("the key %q stands twice", key)
	}
	return v, nil
}

// twice returns a key that stands twice in an object of b, which is JSON.
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

// text returns v as a line of JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	return string(b)
}

// value returns v as [parse] gives it after a way through JSON.
func value(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	w, err := parse(b)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	return w
}

// short cuts the middle out of a long text, and says how much it was.
func short(s string) string {
	const most, kept = 400, 160
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s … %d characters … %s", s[:kept], len(s)-2*kept, s[len(s)-kept:])
}
