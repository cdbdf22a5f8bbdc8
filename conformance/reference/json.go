package reference

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
)

// An object is one of JSON, of which get reads the keys one by one: the protocol leaves none out.
type object map[string]json.RawMessage

// get reads the value of a key into v. error: it is missing, null, or of another kind.
func (o object) get(key string, v any) error {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return fmt.Errorf("%q is missing", key)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	return nil
}

// The largest integer of the protocol, and the latest start of a clock, which leaves time to go by.
const (
	maxInteger = 1<<53 - 1
	maxStart   = 1<<53 - 1<<40
)

// integer reads an integer from least to most. What a 32-bit int has no room for becomes the largest one: it is beyond whatever
// SPEC.md allows as well.
func integer[T ~int | ~int64 | ~uint16 | ~uint32](o object, key string, least, most uint64, v *T) error {
	var n uint64
	if err := o.get(key, &n); err != nil {
		return err
	}
	if n < least || n > most {
		return fmt.Errorf("%q: %d is not from %d to %d", key, n, least, most)
	}
	if *v = T(n); uint64(*v) != n {
		*v = T(min(n, math.MaxInt32))
	}
	return nil
}

// hexBytes is written in hexadecimal, in lower case.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

func (b *hexBytes) UnmarshalText(text []byte) error {
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			return fmt.Errorf("hexadecimal in upper case: %q", c)
		}
	}
	var err error
	*b, err = hex.AppendDecode(nil, text)
	return err
}
