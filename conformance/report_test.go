package conformance_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/testdata"
)

// schema compiles a schema of testdata, or a part of it: "report.schema.json", "cdcp-port.schema.json#/$defs/reply".
func schema(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	file, part, _ := strings.Cut(name, "#")
	b, err := fs.ReadFile(testdata.FS(), "schema/"+file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///"+file, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///" + file + "#" + part)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds one JSON value against a schema.
func validate(s *jsonschema.Schema, b []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// wellFormed reads what WriteJUnit writes.
func wellFormed(r *conformance.Report) error {
	var b bytes.Buffer
	if err := r.WriteJUnit(&b); err != nil {
		return err
	}
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// small is a report by hand: a spec of four clauses, and a case of every kind.
func small(results ...conformance.Result) *conformance.Report {
	return &conformance.Report{
		Suite: &conformance.Suite{Spec: &conformance.Spec{Protocol: "cdcp.v1", Clauses: []conformance.Clause{
			{ID: "WIRE-001", Text: "A first thing MUST be."},
			{ID: "WIRE-002", Text: "A number MUST mean this.", Reason: "definition"},
			{ID: "WIRE-003", Text: "A second thing MUST be."},
			{ID: "WIRE-004", Text: "A third thing MUST NOT be."},
		}}},
		Port:    conformance.Identity{Name: "cdcp-x", Version: "2.1", Language: "Brainfuck"},
		Results: results,
	}
}

// result is a case by hand. base "": an accepted one.
func result(id, base string, verdict conformance.Verdict, clauses ...string) conformance.Result {
	v := &conformance.Vector{ID: id, Base: base, Clauses: clauses, Comment: "What " + id + " tries.", Hex: new("80 00")}
	if base == "" {
		v.Frame = new(conformance.Frame)
	} else {
		v.Error = &conformance.Fault{Code: 1}
	}
	return conformance.Result{Vector: v, Verdict: verdict}
}

func TestTally(t *testing.T) {
	const passed, failed = conformance.Passed, conformance.Failed
	type counts struct{ cases, passed, failed, unsupported, pairs, pairsPassed, proven int }
	type results = []conformance.Result
	for _, c := range []struct {
		name     string
		results  results
		want     counts
		conforms bool
	}{
		{"nothing", nil, counts{}, false},
		{"an accepted case proves nothing alone", results{result("a-1", "", passed, "WIRE-001")}, counts{1, 1, 0, 0, 0, 0, 0}, true},
		{"nor does a refused one", results{result("a-2", "a-1", passed, "WIRE-001")}, counts{1, 1, 0, 0, 0, 0, 0}, true},
		{"both", results{result("a-1", "", passed, "WIRE-001"), result("a-2", "a-1", passed, "WIRE-001")}, counts{2, 2, 0, 0, 1, 1, 1}, true},
		{"in the other order", results{result("a-2", "a-1", passed, "WIRE-001"), result("a-1", "", passed, "WIRE-001")}, counts{2, 2, 0, 0, 1, 1, 1}, true},
		{"a third that fails", results{result("a-1", "", passed, "WIRE-001"), result("a-2", "a-1", passed, "WIRE-001"), result("a-3", "a-1", failed, "WIRE-001")}, counts{3, 2, 1, 0, 2, 1, 0}, false},
		{"of another clause", results{result("a-1", "", passed, "WIRE-001"), result("a-2", "a-1", passed, "WIRE-001"), result("a-3", "a-1", failed, "WIRE-003")}, counts{3, 2, 1, 0, 2, 1, 1}, false},
		{"the base fails", results{result("a-1", "", failed, "WIRE-001"), result("a-2", "a-1", passed, "WIRE-001"), result("a-3", "a-1", passed, "WIRE-003")}, counts{3, 2, 1, 0, 2, 0, 0}, false},
		{"the base was not run", results{result("b-1", "", passed, "WIRE-001"), result("a-2", "a-1", passed, "WIRE-001")}, counts{2, 2, 0, 0, 0, 0, 1}, true},
		{"a clause that no case can prove", results{result("a-1", "", passed, "WIRE-002"), result("a-2", "a-1", passed, "WIRE-002")}, counts{2, 2, 0, 0, 1, 1, 0}, true},
		{"two clauses at once", results{result("a-1", "", passed, "WIRE-001", "WIRE-003"), result("a-2", "a-1", passed, "WIRE-003", "WIRE-001")}, counts{2, 2, 0, 0, 1, 1, 2}, true},
		{"all kinds", results{
			result("a-0", "", passed, "WIRE-001"), result("a-1", "a-0", passed, "WIRE-001"),
			result("a-2", "a-0", conformance.Unsupported, "WIRE-003"), result("a-3", "", conformance.Unsupported, "WIRE-004"),
			result("a-4", "a-0", conformance.Bug, "WIRE-003"), result("a-5", "a-0", conformance.Crash, "WIRE-003"), result("a-6", "a-0", conformance.Exit, "WIRE-003"),
			result("a-7", "a-0", conformance.Hang, "WIRE-003"), result("a-8", "a-0", conformance.Noise, "WIRE-003"), result("a-9", "a-0", conformance.WrongID, "WIRE-003"),
			result("a-10", "a-0", conformance.NotRun, "WIRE-003"), result("a-11", "a-3", failed, "WIRE-004"),
		}, counts{12, 2, 8, 2, 10, 1, 1}, false},
	} {
		r := small(c.results...)
		tally := r.Tally()
		got := counts{tally.Totals.Cases, tally.Totals.Passed, tally.Totals.Failed, tally.Totals.Unsupported, tally.Pairs.Total, tally.Pairs.Passed, tally.Clauses.Proven}
		if got != c.want || tally.Clauses.Total != 3 || r.Conforms() != c.conforms {
			t.Errorf("%s: %+v of %d clauses, conforms %v, want %+v of 3, %v", c.name, got, tally.Clauses.Total, r.Conforms(), c.want, c.conforms)
		}
		if sum := got.passed + got.failed + got.unsupported; sum != got.cases {
			t.Errorf("%s: %d of %d cases are counted", c.name, sum, got.cases)
		}
	}
}

// evil is what a port can put into a text.
const evil = "\x1b[2J\x00\x07 ]]> <&\"'> \xff\xfe \u202e \ufffe\r\nnext"

// withFailures is a report with the failures that the texts below show.
func withFailures() *conformance.Report {
	good, unsupported, wrong, broken, encoder := result("a-0", "", conformance.Passed, "WIRE-001"), result("a-1", "a-0", conformance.Unsupported, "WIRE-001", "WIRE-003"),
		result("a-2", "", conformance.Failed, "WIRE-001", "WIRE-004"), result("b-1", "a-0", conformance.Crash, "WIRE-004"), result("b-2", "a-0", conformance.Failed, "WIRE-003")
	unsupported.Sent, unsupported.Want, unsupported.Got = `{"id":4,"op":"decode","hex":"8000"}`, `{"ok":{"error":{"code":1,"offset":0}}}`, `{"unsupported":"decode"}`
	wrong.Sent, wrong.Want, wrong.Got = `{"id":5,"op":"encode","frame":{}}`, `{"ok":{"hex":"8000"}}`, `{"ok":{"hex":"8001","x":1}}`
	wrong.Differs = []string{`.ok.hex: expected "8000", got "8001"`, `.ok.x is not asked for`}
	broken.Sent, broken.Want, broken.Detail, broken.Stderr = `{"id":6,"op":"decode","hex":"8000"}`, `{"ok":{"error":{"code":1,"offset":0}}}`, "ended: exit status 2", "panic: no\n\tat "+evil+"\n"
	broken.Took = 1500 * time.Microsecond
	encoder.Vector.Hex, encoder.Vector.Frame = nil, new(conformance.Frame)
	encoder.Sent, encoder.Want, encoder.Got, encoder.Differs = strings.Repeat("s", 401), "w", "g", []string{"d"}
	r := small(good, unsupported, wrong, broken, encoder)
	r.Command = []string{"python3", "my port.py"}
	r.Note = "the port ended badly"
	return r
}

const failuresText = `FAIL a-1: unsupported
  tried    What a-1 tries.
  WIRE-001 A first thing MUST be.
  WIRE-003 A second thing MUST be.
  bytes    80 00
  sent     {"id":4,"op":"decode","hex":"8000"}
  expected {"ok":{"error":{"code":1,"offset":0}}}
  got      {"unsupported":"decode"}
  repeat   conform run --only a-1 -- python3 'my port.py'

FAIL a-2: failed
  tried    What a-2 tries.
  WIRE-001 A first thing MUST be.
  WIRE-004 A third thing MUST NOT be.
  bytes    80 00
  sent     {"id":5,"op":"encode","frame":{}}
  expected {"ok":{"hex":"8000"}}
  got      {"ok":{"hex":"8001","x":1}}
  differs  .ok.hex: expected "8000", got "8001"
           .ok.x is not asked for
  repeat   conform run --only a-2 -- python3 'my port.py'

FAIL b-1: crash
  tried    What b-1 tries.
  WIRE-004 A third thing MUST NOT be.
  bytes    80 00
  sent     {"id":6,"op":"decode","hex":"8000"}
  expected {"ok":{"error":{"code":1,"offset":0}}}
  because  ended: exit status 2
  stderr   panic: no
           	at �[2J�� ]]> <&"'> � � �
           next
  repeat   conform run --only b-1 -- python3 'my port.py'

FAIL b-2: failed
  tried    What b-2 tries.
  WIRE-003 A second thing MUST be.
  sent     SSSS … 81 characters … SSSS
  expected w
  got      g
  differs  d
  repeat   conform run --only b-2 -- python3 'my port.py'

cdcp-x 2.1 (Brainfuck; python3 'my port.py') does NOT conform to cdcp.v1

  cases       1 passed     3 failed     1 unsupported  of 5
  pairs       0 passed                                 of 3
  clauses     0 proven                                 of 3

note: the port ended badly
`

func TestWriteText(t *testing.T) {
	pass := func() *conformance.Report {
		return small(result("a-0", "", conformance.Passed, "WIRE-001"), result("a-1", "a-0", conformance.Passed, "WIRE-001"))
	}
	part := func(r *conformance.Report) *conformance.Report { r.Suite.Part = "a-*"; return r }
	built := small(result("a-0", "", conformance.Hang, "WIRE-001", "WIRE-003", "WIRE-004", "WIRE-002"))
	built.Flags = []string{"--timeout", "1m0s"}
	built.Results[0].Detail = "no answer"
	forged := pass()
	forged.Port = conformance.Identity{Name: "x\nFAIL", Version: "\x1b[8m", Language: "\r\u202e"}
	for _, c := range []struct {
		name   string
		report *conformance.Report
		colour bool
		want   string
	}{
		{"passed", pass(), false, `cdcp-x 2.1 (Brainfuck; built in) conforms to cdcp.v1

  cases       2 passed     0 failed     0 unsupported  of 2
  pairs       1 passed                                 of 1
  clauses     1 proven                                 of 3
`},
		{"passed, in colour", pass(), true, "cdcp-x 2.1 (Brainfuck; built in) \x1b[1;32mconforms to\x1b[0m cdcp.v1" + `

  cases       2 passed     0 failed     0 unsupported  of 2
  pairs       1 passed                                 of 1
  clauses     1 proven                                 of 3
`},
		{"a part", part(pass()), false, `A PART of the suite, what matches a-*. It proves nothing about the rest.

cdcp-x 2.1 (Brainfuck; built in) passes a part of cdcp.v1

  cases       2 passed     0 failed     0 unsupported  of 2
  pairs       1 passed                                 of 1
  clauses     1 proven                                 of 3
`},
		{"a part, in colour", part(pass()), true, "A PART of the suite, what matches a-*. It proves nothing about the rest.\n\n" +
			"cdcp-x 2.1 (Brainfuck; built in) \x1b[1;32mpasses a part of\x1b[0m cdcp.v1" + `

  cases       2 passed     0 failed     0 unsupported  of 2
  pairs       1 passed                                 of 1
  clauses     1 proven                                 of 3
`},
		{"no cases", small(), false, `cdcp-x 2.1 (Brainfuck; built in) was not tried on any case of cdcp.v1

  cases       0 passed     0 failed     0 unsupported  of 0
  pairs       0 passed                                 of 0
  clauses     0 proven                                 of 3
`},
		{"no cases of a part, in colour", part(small()), true, "A PART of the suite, what matches a-*. It proves nothing about the rest.\n\n" +
			"cdcp-x 2.1 (Brainfuck; built in) \x1b[1;31mwas not tried on any case of\x1b[0m cdcp.v1" + `

  cases       0 passed     0 failed     0 unsupported  of 0
  pairs       0 passed                                 of 0
  clauses     0 proven                                 of 3
`},
		{"built in, in colour", built, true, "\x1b[1;31mFAIL\x1b[0m a-0: hang" + `
  tried    What a-0 tries.
  WIRE-001 A first thing MUST be.
  WIRE-003 A second thing MUST be.
  WIRE-004 A third thing MUST NOT be.
  and      WIRE-002
  bytes    80 00
  because  no answer
  repeat   conform run --only a-0 --timeout 1m0s

` + "cdcp-x 2.1 (Brainfuck; built in) \x1b[1;31mdoes NOT conform to\x1b[0m cdcp.v1" + `

  cases       0 passed     1 failed     0 unsupported  of 1
  pairs       0 passed                                 of 0
  clauses     0 proven                                 of 3
`},
		{"failures", withFailures(), false, strings.ReplaceAll(failuresText, "SSSS", strings.Repeat("s", 160))},
		{"a name that forges", forged, false, `x�FAIL �[8m (��; built in) conforms to cdcp.v1

  cases       2 passed     0 failed     0 unsupported  of 2
  pairs       1 passed                                 of 1
  clauses     1 proven                                 of 3
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.report.WriteText(&b, c.colour); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("WriteText gives\n%s\nwant\n%s", &b, c.want)
			}
		})
	}
}

func TestWriteJSON(t *testing.T) {
	report := schema(t, "report.schema.json")
	run := func(p conformance.Port) *conformance.Report {
		r, err := own(t, ownBase, ownRefused, ownEncode).Judge(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, r := range map[string]func() *conformance.Report{
		"failures": withFailures,
		"nothing":  func() *conformance.Report { return small() },
		"judged":   func() *conformance.Report { return run(answering()) },
		"broken":   func() *conformance.Report { return run(answering(`x`, `{"id":ID}`, `{"id":ID,"bug":"\u0000"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			var a, b bytes.Buffer
			if err := errors.Join(r().WriteJSON(&a), r().WriteJSON(&b)); err != nil {
				t.Fatal(err)
			}
			if err := validate(report, a.Bytes()); err != nil {
				t.Errorf("%v: %s", err, &a)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("the same port gives\n%s\nand\n%s", &a, &b)
			}
		})
	}

	var b bytes.Buffer
	r := withFailures()
	r.Suite.Part = "*"
	r.Results = r.Results[3:4]
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "suite": "cdcp.v1",
  "port": {
    "name": "cdcp-x",
    "version": "2.1",
    "language": "Brainfuck",
    "command": [
      "python3",
      "my port.py"
    ]
  },
  "part": "*",
  "totals": {
    "cases": 1,
    "passed": 0,
    "failed": 1,
    "unsupported": 0
  },
  "pairs": {
    "total": 0,
    "passed": 0
  },
  "clauses": {
    "total": 3,
    "proven": 0
  },
  "note": "the port ended badly",
  "cases": [
    {
      "id": "b-1",
      "clauses": [
        "WIRE-004"
      ],
      "base": "a-0",
      "verdict": "crash",
      "detail": "ended: exit status 2",
      "sent": "{\"id\":6,\"op\":\"decode\",\"hex\":\"8000\"}",
      "expected": "{\"ok\":{\"error\":{\"code\":1,\"offset\":0}}}",
      "got": "",
      "differs": [],
      "stderr": STDERR
    }
  ]
}
`
	// How a control character is escaped is for encoding/json to choose.
	text, _, _ := strings.Cut(want, "STDERR")
	var got struct{ Cases []struct{ Stderr string } }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !strings.HasPrefix(b.String(), text) || !strings.HasSuffix(b.String(), "\"\n    }\n  ]\n}\n") {
		t.Errorf("WriteJSON gives\n%s (%v)\nwant\n%s", &b, err, want)
	} else if says := strings.ToValidUTF8(r.Results[0].Stderr, "\uFFFD\uFFFD"); got.Cases[0].Stderr != says {
		t.Errorf("the standard error is %q, want %q", got.Cases[0].Stderr, says)
	}

	// The schema is one that refuses.
	for _, change := range [][2]string{
		{`"suite": "cdcp.v1",`, ``}, {`"verdict": "crash"`, `"verdict": "fine"`}, {`"part": "*"`, `"part": 5`}, {`"got": ""`, `"got": null`},
		{`"cases": 1`, `"cases": -1`}, {`"note"`, `"Note"`}, {`"differs": []`, `"differs": null`}, {`"base": "a-0",`, ``}, {`"total": 3,`, `"total": 3.5,`},
		{`"id": "b-1"`, `"id": "B 1"`}, {`"note"`, `"time":1,"note"`},
	} {
		altered := strings.Replace(b.String(), change[0], change[1], 1)
		if altered == b.String() || validate(report, []byte(altered)) == nil {
			t.Errorf("with %q for %q the report is as good to the schema", change[1], change[0])
		}
	}
}

func TestWriteJUnit(t *testing.T) {
	r := withFailures()
	r.Port.Name = evil
	r.Results[0].Vector.Comment, r.Results[1].Vector.Comment = evil, evil
	r.Results[2].Got, r.Results[2].Differs, r.Results[3].Detail = evil, []string{evil}, evil
	var b bytes.Buffer
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), xml.Header) || !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("it begins and ends as\n%s", &b)
	}
	if err := wellFormed(r); err != nil {
		t.Errorf("%v in\n%s", err, &b)
	}
	type fault struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	var got struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			Time    string `xml:"time,attr"`
			Failure *fault `xml:"failure"`
			Error   *fault `xml:"error"`
			Stderr  string `xml:"system-err"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 5 || got.Failures != 2 || got.Errors != 2 || len(got.Cases) != 5 || !strings.HasPrefix(got.Name, "cdcp.v1 ") {
		t.Fatalf("it has %+v", got)
	}
	for i, want := range []struct{ name, class, time, failure, err string }{
		{"a-0", "cdcp.v1.a", "0.000000", "", ""},
		{"a-1", "cdcp.v1.a", "0.000000", "", "unsupported"},
		{"a-2", "cdcp.v1.a", "0.000000", "failed", ""},
		{"b-1", "cdcp.v1.b", "0.001500", "", "crash"},
		{"b-2", "cdcp.v1.b", "0.000000", "failed", ""},
	} {
		c := got.Cases[i]
		for f, kind := range map[*fault]string{c.Failure: want.failure, c.Error: want.err} {
			if (f != nil) != (kind != "") || f != nil && (f.Type != kind || !strings.HasPrefix(f.Message, kind+": ") || !strings.Contains(f.Text, "expected ")) {
				t.Errorf("%s has %+v, want %q", c.Name, f, kind)
			}
		}
		if c.Name != want.name || c.Class != want.class || c.Time != want.time {
			t.Errorf("case %d is %+v, want %+v", i, c, want)
		}
	}
	if s := got.Cases[3].Stderr; !strings.HasPrefix(s, "panic: no\n\tat \uFFFD[2J") || !strings.HasSuffix(s, "next\n") {
		t.Errorf("the standard error is %q", s)
	}

	// Every control character, wherever a port can put one.
	for c := range rune(0xa0) {
		r := small(result("a-0", "", conformance.Noise, "WIRE-001"))
		text := fmt.Sprintf("a%cb", c)
		r.Results[0].Stderr, r.Results[0].Detail, r.Results[0].Got, r.Port.Name = text, text, text, text
		if err := wellFormed(r); err != nil {
			t.Errorf("%U: %v", c, err)
		}
	}
}

// A writer that fails is told of.
func TestWriteErrors(t *testing.T) {
	full := errors.New("full")
	r := withFailures()
	writers := map[string]func(io.Writer) error{
		"text":  func(w io.Writer) error { return r.WriteText(w, true) },
		"JSON":  r.WriteJSON,
		"JUnit": r.WriteJUnit,
	}
	for _, name := range slices.Sorted(maps.Keys(writers)) {
		write := writers[name]
		var whole bytes.Buffer
		if err := write(&whole); err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, 20, len(xml.Header), len(xml.Header) + 100, whole.Len() - 1} {
			if err := write(&writer{room, full}); !errors.Is(err, full) {
				t.Errorf("%s: with room for %d of %d bytes the error is %v", name, room, whole.Len(), err)
			}
		}
	}
}

// A writer has room for so many bytes.
type writer struct {
	room int
	err  error
}

func (w *writer) Write(b []byte) (int, error) {
	if w.room -= len(b); w.room < 0 {
		return 0, w.err
	}
	return len(b), nil
}
