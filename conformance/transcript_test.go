package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

// An exchange is a request of a transcript and its reply.
type exchange struct {
	section        string // the number: 4.1
	request, reply string
}

// transcripts reads the fenced lines of PORT-PROTOCOL.md.
func transcripts(t *testing.T) []exchange {
	t.Helper()
	b, err := os.ReadFile("../PORT-PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	section, fenced, open := "", false, false
	for line := range strings.SplitSeq(string(b), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case !fenced && strings.HasPrefix(line, "## "), !fenced && strings.HasPrefix(line, "### "):
			section = strings.Fields(line)[1]
		case fenced && !open && strings.HasPrefix(line, "> "):
			all = append(all, exchange{section: section, request: line[2:]})
			open = true
		case fenced && open && strings.HasPrefix(line, "< "):
			all[len(all)-1].reply = line[2:]
			open = false
		case fenced:
			t.Errorf("section %s: %q is no line of a transcript, or comes out of turn", section, line)
		}
	}
	if open || fenced {
		t.Error("the last transcript has no end")
	}
	return all
}

func TestTranscripts(t *testing.T) {
	request, reply, line := schema(t, "cdcp-port.schema.json#/$defs/request"), schema(t, "cdcp-port.schema.json#/$defs/reply"), schema(t, "cdcp-port.schema.json")
	ops, sections := make(map[string]int), make(map[string]int)
	port := new(reference.Port)
	for _, x := range transcripts(t) {
		var q, a struct {
			ID int64
			Op string
		}
		if err := json.Unmarshal([]byte(x.request), &q); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(x.reply), &a); err != nil {
			t.Fatal(err)
		}
		if q.ID != a.ID {
			t.Errorf("%s is answered by %s", x.request, x.reply)
		}
		ops[q.Op]++
		main, _, _ := strings.Cut(x.section, ".")
		sections[main]++
		if err := validate(request, []byte(x.request)); err != nil {
			t.Errorf("%s: %v", x.request, err)
		}
		if err := validate(reply, []byte(x.reply)); err != nil {
			t.Errorf("%s: %v", x.reply, err)
		}
		if err := validate(line, []byte(x.reply)); err != nil {
			t.Errorf("%s: %v", x.reply, err)
		}
		if validate(reply, []byte(x.request)) == nil || validate(request, []byte(x.reply)) == nil {
			t.Errorf("to the schema, %s and %s are both requests, or both replies", x.request, x.reply)
		}

		got, want := object(t, port.Call([]byte(x.request))), object(t, []byte(x.reply))
		if q.Op == "hello" {
			// The version is that of the port, whatever it is.
			ok := want["ok"].(map[string]any)
			if version, _ := got["ok"].(map[string]any)["version"].(string); version == "" {
				t.Errorf("hello is answered with %v", got)
			} else {
				ok["version"] = version
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is answered with %v, want %v", x.request, got, want)
		}
	}
	for _, op := range []string{"hello", "decode", "encode", "open", "in", "drop"} {
		if ops[op] == 0 {
			t.Errorf("no transcript has %s", op)
		}
	}
	if len(sections) != 3 || sections["3"] != 1 || sections["4"] < 5 || sections["5"] < 14 {
		t.Errorf("the sections have %v exchanges", sections)
	}
}

// object reads an object with its numbers as they are written.
func object(t *testing.T, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func spell(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// deface calls try with v, a value of JSON, in every way in which one key or element is wrong: left out, of another
// kind, or one too many.
func deface(v any, try func(what string)) {
	others := []any{nil, true, "zz", 0.5, -1, []any{"zz"}, map[string]any{"zz": 1}}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, old := range v {
				at := at + "." + key
				delete(v, key)
				try("without " + at)
				for _, other := range others {
					if reflect.TypeOf(other) != reflect.TypeOf(old) {
						v[key] = other
						try(at + " becomes " + spell(other))
					}
				}
				v[key] = old
				walk(at, old)
			}
			v["zz"] = 1
			try(at + " with a key zz")
			delete(v, "zz")
		case []any:
			for i, old := range v {
				v[i] = map[string]any{"zz": []any{}}
				try(at + " with an element of another kind")
				v[i] = old
				walk(at, old)
			}
		}
	}
	walk("", v)
}

// TestSchemaRefusesReplies alters every reply of the transcripts in every place.
func TestSchemaRefusesReplies(t *testing.T) {
	s := schema(t, "cdcp-port.schema.json#/$defs/reply")
	tried := 0
	for _, x := range transcripts(t) {
		v := object(t, []byte(x.reply))
		deface(v, func(what string) {
			tried++
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if validate(s, b) == nil && !stillGood(what, string(b)) {
				t.Errorf("%s is a reply to the schema, %s", b, what)
			}
		})
	}
	if tried < 500 {
		t.Errorf("%d altered lines were tried", tried)
	}
}

// stillGood reports whether a reply, altered in that way, is a reply nevertheless.
func stillGood(what, b string) bool {
	var v struct{ OK map[string]any }
	if json.Unmarshal([]byte(b), &v) != nil {
		return false
	}
	switch what {
	case ".ok.next becomes null", ".ok.message becomes null": // there need not be a deadline, nor a message
		return true
	}
	if !strings.HasPrefix(what, "without .ok.") {
		return false
	}
	// Without its result a reply is that of drop, or of an input that has none.
	keys := strings.Join(slices.Sorted(maps.Keys(v.OK)), " ")
	return keys == "" || keys == "events next used"
}

// TestSchemaRefusesRequests does so with the requests, of which a port is to ignore keys that it does not know.
func TestSchemaRefusesRequests(t *testing.T) {
	s := schema(t, "cdcp-port.schema.json#/$defs/request")
	tried := 0
	for _, x := range transcripts(t) {
		if strings.Contains(x.request, `"zz-`) {
			continue
		}
		v := object(t, []byte(x.request))
		for key, old := range v {
			for _, other := range []any{nil, -1, 0.5, "zz", []any{"zz"}, map[string]any{"zz": "zz"}, "absent"} {
				if reflect.TypeOf(other) == reflect.TypeOf(old) && (key == "protocol" || other == "absent") {
					continue // any text will do
				}
				v[key] = other
				if other == "absent" {
					delete(v, key)
				}
				tried++
				b, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				if validate(s, b) == nil && !(key == "protocol" && reflect.TypeOf(other) == reflect.TypeFor[string]()) {
					t.Errorf("%s is a request to the schema", b)
				}
			}
			v[key] = old
		}
	}
	if tried < 300 {
		t.Errorf("%d altered lines were tried", tried)
	}
}

// TestVectorSchema holds every line of the vectors against the schema, and altered ones too.
func TestVectorSchema(t *testing.T) {
	s := schema(t, "vector.schema.json")
	names, err := fs.Glob(testdata.FS(), "vectors/*.jsonl")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files of vectors (%v)", len(names), err)
	}
	lines := 0
	for _, name := range names {
		f, err := testdata.FS().Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for n := 1; in.Scan(); n++ {
			lines++
			if err := validate(s, in.Bytes()); err != nil {
				t.Errorf("%s:%d: %v", name, n, err)
			}
		}
		if err := in.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := len(load(t).Vectors); lines != want {
		t.Errorf("%d lines, and %d vectors", lines, want)
	}

	for _, line := range []string{ownBase, ownRefused, ownEncode} {
		if err := validate(s, []byte(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		v := object(t, []byte(line))
		deface(v, func(what string) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if validate(s, b) == nil {
				t.Errorf("%s is a vector to the schema, %s", b, what)
			}
		})
	}
	for _, c := range []struct{ line, from, to string }{
		{ownBase, `"hex":"80 `, `"hex":"80  `},
		{ownBase, `"hex":"80 `, `"hex":"8 `},
		{ownBase, `"hex":"80 `, `"hex":"8A `},
		{ownBase, `"hex":"80 `, `"hex":"80*0 `},
		{ownBase, `"hex":"80 `, `"hex":"8080*2 `},
		{ownBase, `"payload":"6869"`, `"payload":"68 69"`},
		{ownBase, `"payload":"6869"`, `"payload":"68*"`},
		{ownBase, `"channel":1000`, `"channel":65536`},
		{ownBase, `"session":1694498817`, `"session":4294967296`},
		{ownBase, `[1,"0001"]`, `[256,"0001"]`},
		{ownBase, `[1,"0001"]`, `[1,"0001",0]`},
		{ownBase, `"data"`, `"fragment"`},
		{ownBase, `"own-base"`, `"own"`},
		{ownBase, `"own-base"`, `"Own-base"`},
		{ownBase, `"WIRE-001","WIRE-015"`, `"WIRE-001","WIRE-001"`},
		{ownBase, `"WIRE-001","WIRE-015"`, ``},
		{ownBase, `TLVs."`, `TLVs"`},
		{ownBase, `"hex"`, `"base":"own-x","hex"`},
		{ownBase, `"hex"`, `"faults":["own-x","own-y"],"hex"`},
		{ownRefused, `"hex"`, `"faults":["own-x"],"hex"`},
		{ownRefused, `"hex"`, `"faults":["own-x","own-x"],"hex"`},
		{ownRefused, `"code":5`, `"code":0`},
		{ownRefused, `"code":5`, `"code":18`},
		{ownRefused, `"offset":2`, `"offset":-2`},
		{ownRefused, `"field":"channel"`, `"field":"chanel"`},
		{ownEncode, `"error"`, `"hex":"80","error"`},
	} {
		altered := strings.Replace(c.line, c.from, c.to, 1)
		if altered == c.line || validate(s, []byte(altered)) == nil {
			t.Errorf("with %s for %s a vector is as good to the schema", c.to, c.from)
		}
	}
}
