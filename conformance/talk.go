package conformance

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

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
		return nil, &Broken{Noise, fmt.Sprintf("%v: %s", err, short(string(b)))}
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
