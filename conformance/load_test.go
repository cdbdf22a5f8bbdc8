package conformance_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
)

func TestLoad(t *testing.T) {
	s := load(t)
	if len(s.Vectors) == 0 || s.Part != "" || s.Spec.Protocol != "cdcp.v1" {
		t.Errorf("%d vectors, part %q, protocol %q", len(s.Vectors), s.Part, s.Spec.Protocol)
	}
	for i := range s.Vectors {
		if v := s.Vector(s.Vectors[i].ID); v != &s.Vectors[i] {
			t.Errorf("Vector(%q) gives another", s.Vectors[i].ID)
		}
	}
	if s.Vector("absent") != nil || s.Vector("") != nil {
		t.Error("a vector that is not there is found")
	}
	for i := range s.Spec.Clauses {
		if c := s.Spec.Clause(s.Spec.Clauses[i].ID); c != &s.Spec.Clauses[i] {
			t.Errorf("Clause(%q) gives another", s.Spec.Clauses[i].ID)
		}
	}
	for i := range s.Spec.Errors {
		if e := s.Spec.Error(s.Spec.Errors[i].Code); e != &s.Spec.Errors[i] {
			t.Errorf("Error(%d) gives another", s.Spec.Errors[i].Code)
		}
	}
	for i, want := range s.Spec.Cells {
		if c := s.Spec.Cell(want.Field, want.Code); c != &s.Spec.Cells[i] {
			t.Errorf("Cell(%q, %d) gives another", want.Field, want.Code)
		}
	}
	if s.Spec.Clause("WIRE-999") != nil || s.Spec.Error(0) != nil || s.Spec.Cell("channel", 0) != nil || s.Spec.Cell("absent", 1) != nil {
		t.Error("what is not there is found")
	}
}

func TestLoadRefuses(t *testing.T) {
	const hex = `"hex":"80 40 03e8 65000001 00000001 08 01 02 0001 41 02 0002 6869"`
	edit := func(line, from, to string) string {
		if !strings.Contains(line, from) {
			t.Fatalf("no %s in %s", from, line)
		}
		return strings.Replace(line, from, to, 1)
	}
	frame := ownBase[strings.Index(ownBase, `"frame"`) : len(ownBase)-1]
	token := func(hex string) []string { return []string{edit(ownBase, `"hex":"80`, `"hex":"`+hex+` 80`)} }
	payload := func(s string) []string { return []string{edit(ownBase, `"payload":"6869"`, `"payload":"`+s+`"`)} }
	tlv := func(s string) []string { return []string{edit(ownBase, `[1,"0001"]`, s)} }
	for _, c := range []struct {
		name  string
		lines []string
		want  string // in the error; "": it is taken
	}{
		{"good", []string{ownBase, ownRefused, ownEncode}, ""},
		{"the base comes later", []string{ownRefused, ownBase}, ""},
		{"a repeated byte", []string{edit(edit(ownBase, `0002 6869"`, `0002 68*1 69"`), `"payload":"6869"`, `"payload":"61*131072"`)}, ""},
		{"faults", []string{ownBase, edit(ownRefused, `"hex"`, `"faults":["a","b"],"hex"`)}, ""},

		{"an empty line", []string{ownBase, ``, ownRefused}, "vectors/own.jsonl:2: EOF"},
		{"no JSON", []string{ownBase, `x`}, "vectors/own.jsonl:2: invalid character"},
		{"an array", []string{`[]`}, "cannot unmarshal array"},
		{"half a line", []string{ownBase[:50]}, "unexpected EOF"},
		{"an unknown key", []string{edit(ownBase, `"id"`, `"colour":"red","id"`)}, `unknown field "colour"`},
		{"an unknown key of the frame", []string{edit(ownBase, `"type"`, `"fragment":false,"type"`)}, `unknown field "fragment"`},
		{"an unknown key of the error", []string{ownBase, edit(ownRefused, `"code"`, `"name":"x","code"`)}, `unknown field "name"`},
		{"two objects", []string{ownBase + ` ` + ownRefused}, "more than one object in a line"},
		{"a brace too many", []string{ownBase + `}`}, "more than one object in a line"},
		{"a bracket too many", []string{ownBase + `]`}, "more than one object in a line"},
		{"a comma too many", []string{ownBase + `,`}, "more than one object in a line"},
		{"a line over the limit", []string{ownBase + strings.Repeat(" ", 1<<20)}, "token too long"},

		{"the id again", []string{ownBase, ownBase}, `vectors/own.jsonl:2: the id "own-base" stands here again`},
		{"the id of another file", []string{edit(ownBase, `own-base`, `data-base`)}, `the id "data-base" does not begin with "own-"`},
		{"an id that goes on without a hyphen", []string{edit(ownBase, `own-base`, `ownbase`)}, `does not begin with "own-"`},
		{"an id of nothing more", []string{edit(ownBase, `own-base`, `own-`)}, `does not begin with "own-"`},
		{"no id", []string{edit(ownBase, `"id":"own-base",`, ``)}, `the id "" does not begin`},
		{"no clause", []string{edit(ownBase, `["WIRE-001","WIRE-015"]`, `[]`)}, "own-base cites no clause"},
		{"clauses left out", []string{edit(ownBase, `"clauses":["WIRE-001","WIRE-015"],`, ``)}, "own-base cites no clause"},
		{"an unknown clause", []string{edit(ownBase, `WIRE-015`, `WIRE-999`)}, "own-base cites WIRE-999, which SPEC.md does not have"},

		{"the base is missing", []string{ownRefused}, `own-channel-0: its base "own-base" is no accepted vector`},
		{"the base is refused", []string{ownBase, ownRefused, edit(ownEncode, `"base":"own-base"`, `"base":"own-channel-0"`)}, `own-encode-0: its base "own-channel-0" is no accepted vector`},
		{"it is its own base", []string{edit(ownRefused, `"base":"own-base"`, `"base":"own-channel-0"`)}, "is no accepted vector"},
		{"no base", []string{ownBase, edit(ownRefused, `"base":"own-base",`, ``)}, "own-channel-0: a refused vector has a base, and either hex or frame"},
		{"accepted and a base", []string{ownRefused, edit(ownBase, hex, `"base":"own-channel-0",`+hex)}, "own-base: an accepted vector has"},
		{"accepted and faults", []string{edit(ownBase, hex, `"faults":["a","b"],`+hex)}, "own-base: an accepted vector has"},
		{"no hex", []string{edit(ownBase, hex+`,`, ``)}, "own-base: an accepted vector has hex and frame"},
		{"no frame", []string{`{"id":"own-a","clauses":["WIRE-001"],"comment":"x",` + hex + `}`}, "own-a: an accepted vector has hex and frame"},
		{"nothing", []string{`{"id":"own-a","clauses":["WIRE-001"],"comment":"x"}`}, "own-a: an accepted vector has hex and frame"},
		{"refused, of both kinds", []string{ownBase, edit(ownRefused, `"error"`, frame+`,"error"`)}, "own-channel-0: a refused vector has a base, and either hex or frame"},
		{"refused, of no kind", []string{ownBase, `{"id":"own-a","clauses":["WIRE-001"],"comment":"x","base":"own-base","error":{"code":1,"offset":0,"field":"end"}}`}, "own-a: a refused vector has a base, and either"},
		{"one fault", []string{ownBase, edit(ownRefused, `"hex"`, `"faults":["a"],"hex"`)}, "own-channel-0: faults are two"},
		{"three faults", []string{ownBase, edit(ownRefused, `"hex"`, `"faults":["a","b","c"],"hex"`)}, "own-channel-0: faults are two"},

		{"an odd number of digits", token("812"), `token "812": not bytes`},
		{"one digit", token("8"), `token "8": not bytes`},
		{"upper case", token("8A"), `token "8A": not bytes`},
		{"text", token("zz"), `token "zz": not bytes`},
		{"0x", token("0x12"), `token "0x12": not bytes`},
		{"an empty token", token("80 "), `token "": not bytes`},
		{"an empty token at the end", []string{edit(ownBase, `6869"`, `6869 "`)}, `token "": not bytes`},
		{"a tabulator", token(`80\t80`), "not bytes"},
		{"no times", token("61*0"), `token "61*0": HH*N`},
		{"fewer times", token("61*-1"), `token "61*-1": HH*N`},
		{"how many times", token("61*"), `token "61*": HH*N`},
		{"a sign", token("61*+3"), `token "61*+3": HH*N`},
		{"a leading 0", token("61*03"), `token "61*03": HH*N`},
		{"times in hexadecimal", token("61*0x3"), `token "61*0x3": HH*N`},
		{"too often", token("61*131073"), `token "61*131073": HH*N`},
		{"far too often", token("61*999999999"), `token "61*999999999": HH*N`},
		{"more than an int has", token("61*99999999999999999999"), "HH*N"},
		{"times twice", token("61*2*2"), `token "61*2*2": HH*N`},
		{"two bytes", token("6161*2"), `token "6161*2": HH*N`},
		{"no byte", token("*2"), `token "*2": HH*N`},
		{"a byte in upper case", token("6A*2"), `token "6A*2": not bytes`},
		{"text, repeated", token("zz*2"), `token "zz*2": not bytes`},
		{"too many bytes in all", token("61*131072 61*131072 61"), "more than 262144 bytes"},

		{"payload: an odd number of digits", payload("616"), "own-base: token"},
		{"payload: too often", payload("61*999999999"), "own-base: token"},
		{"a TLV value: upper case", tlv(`[1,"00AA"]`), "own-base: token"},
		{"TLV values: too many bytes in all", tlv(`[1,"61*131072"],[1,"61*131072"]`), "own-base: more than 262144 bytes"},
		{"a TLV of one", tlv(`[1]`), "a TLV has a type and a value, not 1 elements"},
		{"a TLV of three", tlv(`[1,"",""]`), "a TLV has a type and a value, not 3 elements"},
		{"a TLV of none", tlv(`[]`), "a TLV has a type and a value, not 0 elements"},
		{"a TLV as an object", tlv(`{"type":1}`), "cannot unmarshal object"},
		{"a TLV type as a string", tlv(`["1",""]`), "cannot unmarshal string"},
		{"a TLV value as a number", tlv(`[1,1]`), "cannot unmarshal number"},
		{"a channel with a fraction", []string{edit(ownBase, `"channel":1000`, `"channel":1000.5`)}, "cannot unmarshal number"},
		{"a channel as a string", []string{edit(ownBase, `"channel":1000`, `"channel":"1000"`)}, "cannot unmarshal string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := conformance.Load(folder(t, c.lines...))
			if c.want == "" {
				if err != nil {
					t.Errorf("it is refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || s != nil {
				t.Errorf("the error is %v, and has not %q", err, c.want)
			}
		})
	}
}

func TestLoadRefusesFolder(t *testing.T) {
	with := func(edit func(f fstest.MapFS)) fstest.MapFS {
		f := folder(t, ownBase)
		edit(f)
		return f
	}
	spec := func(text string) fstest.MapFS {
		return with(func(f fstest.MapFS) { f["spec.json"] = &fstest.MapFile{Data: []byte(text)} })
	}
	for _, c := range []struct {
		name string
		fsys fs.FS
		want string
	}{
		{"empty", fstest.MapFS{}, "spec.json: file does not exist"},
		{"no spec.json", with(func(f fstest.MapFS) { delete(f, "spec.json") }), "spec.json: file does not exist"},
		{"no vectors", with(func(f fstest.MapFS) { delete(f, "vectors/own.jsonl") }), "no vectors"},
		{"a file without vectors", with(func(f fstest.MapFS) { f["vectors/own.jsonl"] = &fstest.MapFile{} }), "no vectors"},
		{"vectors elsewhere", with(func(f fstest.MapFS) { f["own.jsonl"] = f["vectors/own.jsonl"]; delete(f, "vectors/own.jsonl") }), "no vectors"},
		{"vectors by another name", with(func(f fstest.MapFS) { f["vectors/own.json"] = f["vectors/own.jsonl"]; delete(f, "vectors/own.jsonl") }), "no vectors"},
		{"a folder in place of a file", with(func(f fstest.MapFS) { f["vectors/x.jsonl"] = &fstest.MapFile{Mode: fs.ModeDir} }), "x.jsonl"},
		{"the id of a vector in another file", with(func(f fstest.MapFS) { f["vectors/other.jsonl"] = f["vectors/own.jsonl"] }), `vectors/other.jsonl:1: the id "own-base" does not begin with "other-"`},
		{"the same id in two files", with(func(f fstest.MapFS) {
			line := strings.Replace(ownBase, "own-base", "own-b-c", 1)
			f["vectors/own.jsonl"] = &fstest.MapFile{Data: []byte(line)}
			f["vectors/own-b.jsonl"] = &fstest.MapFile{Data: []byte(line)} // the prefix own-b- is one of own- too
		}), `the id "own-b-c" stands here again`},
		{"spec.json is no JSON", spec("x"), "spec.json: invalid character"},
		{"spec.json is empty", spec("{}"), "spec.json: no clauses, no errors or no cells"},
		{"no clauses", spec(`{"errors":[{"code":1}],"cells":[{"code":1}]}`), "no clauses"},
		{"no errors", spec(`{"clauses":[{"id":"WIRE-001"}],"cells":[{"code":1}]}`), "no errors"},
		{"no cells", spec(`{"clauses":[{"id":"WIRE-001"}],"errors":[{"code":1}]}`), "no cells"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := conformance.Load(c.fsys); err == nil || !strings.Contains(err.Error(), c.want) || s != nil {
				t.Errorf("the error is %v, and has not %q", err, c.want)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	s := own(t, ownBase, ownRefused, ownEncode)
	for _, c := range []struct{ pattern, want string }{
		{"own-base", "own-base"},
		{"own-*", "own-base own-channel-0 own-encode-0"},
		{"*-0", "own-channel-0 own-encode-0"},
		{"own-?ncode-0", "own-encode-0"},
		{"own-[a-c]*", "own-base own-channel-0"},
		{"WIRE-015", "own-base own-channel-0"},
		{"WIRE-007", "own-encode-0"},
		{"WIRE-00?", "own-base own-encode-0"},
		{"*", "own-base own-channel-0 own-encode-0"},
		{"own", ""},
		{"OWN-*", ""},
		{"WIRE-999", ""},
	} {
		part, err := s.Select(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var ids []string
		for _, v := range part.Vectors {
			ids = append(ids, v.ID)
		}
		if got := strings.Join(ids, " "); got != c.want || part.Part != c.pattern || part.Spec != s.Spec {
			t.Errorf("%s selects %q as part %q, want %q", c.pattern, got, part.Part, c.want)
		}
	}
	for _, pattern := range []string{"[", "own-[", "[a-", `\`, "zzz["} {
		if part, err := s.Select(pattern); err == nil || part != nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", pattern)) {
			t.Errorf("%q gives %v", pattern, err)
		}
	}
	if len(s.Vectors) != 3 || s.Part != "" {
		t.Error("Select has changed what it selects from")
	}
}

// FuzzLoad reads any bytes as a file of vectors.
func FuzzLoad(f *testing.F) {
	for _, lines := range [][]string{
		{ownBase}, {ownBase, ownRefused, ownEncode}, {ownRefused}, {ownBase, ownBase}, {``}, {`{}`}, {`null`}, {ownBase + `}`},
		{strings.Replace(ownBase, "6869", "61*300", 2)}, {strings.Replace(ownBase, "6869", "61*999999999", 2)},
		{strings.Replace(ownBase, `"frame"`, `"FRAME"`, 1)}, {strings.Replace(ownBase, "own-base", "own-\xff", 1)},
	} {
		f.Add([]byte(strings.Join(lines, "\n")))
	}
	fsys := folder(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys["vectors/own.jsonl"] = &fstest.MapFile{Data: b}
		s, err := conformance.Load(fsys)
		if (s == nil) == (err == nil) {
			t.Fatalf("Load gives %v and %v", s, err)
		}
		if err != nil {
			return
		}
		if len(s.Vectors) == 0 {
			t.Error("a suite of nothing")
		}
		seen := make(map[string]bool)
		for _, v := range s.Vectors {
			if seen[v.ID] || !strings.HasPrefix(v.ID, "own-") {
				t.Errorf("the id %q", v.ID)
			}
			seen[v.ID] = true
			if len(v.Clauses) == 0 || slices.ContainsFunc(v.Clauses, func(id string) bool { return s.Spec.Clause(id) == nil }) {
				t.Errorf("%s cites %q", v.ID, v.Clauses)
			}
			if v.Error == nil && (v.Hex == nil || v.Frame == nil) || v.Error != nil && (v.Hex == nil) == (v.Frame == nil) {
				t.Errorf("%s is of no kind", v.ID)
			}
			if v.Error != nil && (s.Vector(v.Base) == nil || s.Vector(v.Base).Error != nil) {
				t.Errorf("%s has the base %q", v.ID, v.Base)
			}
		}
		// What loads can be judged by.
		if _, err := s.Judge(conformance.Func(answerNothing), nil); err != nil {
			t.Error(err)
		}
	})
}

// answerNothing passes the probes, and answers no case.
func answerNothing(request []byte) []byte {
	if bytes.Contains(request, []byte(`"op":"hello"`)) || bytes.Contains(request, []byte(`"op":"zz-`)) {
		return new(reference.Port).Call(request)
	}
	return []byte("no")
}
