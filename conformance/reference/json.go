package reference

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
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
