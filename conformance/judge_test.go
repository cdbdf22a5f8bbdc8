package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

// folder returns a folder testdata with the real spec.json and one file of vectors, typed.
func folder(t testing.TB, lines ...string) fstest.MapFS {
	t.Helper()
	spec, err := fs.ReadFile(testdata.FS(), "spec.json")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"spec.json":         {Data: spec},
		"vectors/own.jsonl": {Data: []byte(strings.Join(lines, "\n") + "\n")},
	}
}

// The vectors of the tests of the judge and of the report.
const (
	ownBase    = `{"id":"own-base","clauses":["WIRE-001","WIRE-015"],"comment":"A message with two TLVs.","hex":"80 40 03e8 65000001 00000001 08 01 02 0001 41 02 0002 6869","frame":{"type":"data","durable":false,"high":false,"channel":1000,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[[1,"0001"],[65,"0002"]],"reason":0,"payload":"6869"}}`
	ownRefused = `{"id":"own-channel-0","clauses":["WIRE-015"],"comment":"The channel id is 0.","base":"own-base","hex":"80 40 0000 65000001 00000001 08 01 02 0001 41 02 0002 6869","error":{"code":5,"offset":2,"field":"channel"}}`
	ownEncode  = `{"id":"own-encode-0","clauses":["WIRE-007"],"comment":"An encoder is given channel 0.","base":"own-base","frame":{"type":"data","durable":false,"high":false,"channel":0,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[[1,"0001"],[65,"0002"]],"reason":0,"payload":"6869"},"error":{"code":5,"offset":2,"field":"channel"}}`
)

func own(t testing.TB, lines ...string) *conformance.Suite {
	t.Helper()
	s, err := conformance.Load(folder(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answering returns a port that answers the probes well, the nth step of the cases with answers[n], in which ID
// stands for the id, and further steps well.
func answering(answers ...string) conformance.Port {
	return conformance.Func(func(request []byte) []byte {
		var q struct {
			ID json.Number
			Op string
		}
		if err := json.Unmarshal(request, &q); err != nil {
			panic(err)
		}
		if len(answers) == 0 || q.Op != "decode" && q.Op != "encode" {
			return new(reference.Port).Call(request)
		}
		reply := strings.ReplaceAll(answers[0], "ID", q.ID.String())
		answers = answers[1:]
		return []byte(reply)
	})
}

func TestVerdicts(t *testing.T) {
	const (
		decoded = `{"id":ID,"ok":{"frame":{"type":"data","durable":false,"high":false,"channel":1000,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[[1,"0001"],[65,"0002"]],"reason":0,"payload":"6869"}}}`
		encoded = `{"id":ID,"ok":{"hex":"804003e8650000010000000108010200014102000268` + `69"}}`
		refused = `{"id":ID,"ok":{"error":{"code":5,"offset":2}}}`
	)
	type replace = [2]string
	for _, c := range []struct {
		name    string
		line    string // of the vector
		good    string // the right answer to its first step
		change  replace
		verdict conformance.Verdict
		differs []string
	}{
		{"right", ownBase, decoded, replace{}, conformance.Passed, nil},
		{"right, refused", ownRefused, refused, replace{}, conformance.Passed, nil},
		{"right, encoder", ownEncode, refused, replace{}, conformance.Passed, nil},
		{"white space", ownBase, decoded, replace{`{"frame"`, " { \"frame\"\t"}, conformance.Passed, nil},
		{"another order", ownRefused, refused, replace{`"code":5,"offset":2`, `"offset":2,"code":5`}, conformance.Passed, nil},
		{"an escape in a key", ownRefused, refused, replace{`"code"`, `"c\u006fde"`}, conformance.Passed, nil},

		{"type", ownBase, decoded, replace{`"data"`, `"close"`}, conformance.Failed, []string{`.ok.frame.type: expected "data", got "close"`}},
		{"durable", ownBase, decoded, replace{`"durable":false`, `"durable":true`}, conformance.Failed, []string{`.ok.frame.durable: expected false, got true`}},
		{"high", ownBase, decoded, replace{`"high":false`, `"high":0`}, conformance.Failed, []string{`.ok.frame.high: expected false, got 0`}},
		{"channel", ownBase, decoded, replace{`1000`, `1001`}, conformance.Failed, []string{`.ok.frame.channel: expected 1000, got 1001`}},
		{"session", ownBase, decoded, replace{`1694498817`, `1694498816`}, conformance.Failed, []string{`.ok.frame.session: expected 1694498817, got 1694498816`}},
		{"sequence", ownBase, decoded, replace{`"sequence":1`, `"sequence":-1`}, conformance.Failed, []string{`.ok.frame.sequence: expected 1, got -1`}},
		{"offset", ownBase, decoded, replace{`"offset":0`, `"offset":null`}, conformance.Failed, []string{`.ok.frame.offset: expected 0, got null`}},
		{"total", ownBase, decoded, replace{`"total":0`, `"total":[]`}, conformance.Failed, []string{`.ok.frame.total: expected 0, got []`}},
		{"reason", ownBase, decoded, replace{`"reason":0`, `"reason":{}`}, conformance.Failed, []string{`.ok.frame.reason: expected 0, got {}`}},
		{"payload", ownBase, decoded, replace{`"6869"`, `"6968"`}, conformance.Failed, []string{`.ok.frame.payload: expected "6869", got "6968"`}},
		{"upper case", ownBase, decoded, replace{`"6869"`, `"686A"`}, conformance.Failed, []string{`.ok.frame.payload: expected "6869", got "686A"`}},
		{"a TLV value", ownBase, decoded, replace{`"0002"`, `"0003"`}, conformance.Failed, []string{`.ok.frame.ext[1][1]: expected "0002", got "0003"`}},
		{"a TLV type", ownBase, decoded, replace{`[1,`, `["1",`}, conformance.Failed, []string{`.ok.frame.ext[0][0]: expected 1, got "1"`}},
		{"a TLV of three", ownBase, decoded, replace{`"0002"]`, `"0002",0]`}, conformance.Failed, []string{`.ok.frame.ext[1]: expected [65,"0002"], got [65,"0002",0]`}},
		{"a TLV of one", ownBase, decoded, replace{`[65,"0002"]`, `[65]`}, conformance.Failed, []string{`.ok.frame.ext[1]: expected [65,"0002"], got [65]`}},
		{"a TLV as an object", ownBase, decoded, replace{`[65,"0002"]`, `{"65":"0002"}`}, conformance.Failed, []string{`.ok.frame.ext[1]: expected [65,"0002"], got {"65":"0002"}`}},
		{"TLVs in another order", ownBase, decoded, replace{`[1,"0001"],[65,"0002"]`, `[65,"0002"],[1,"0001"]`}, conformance.Failed, []string{
			`.ok.frame.ext[0][0]: expected 1, got 65`, `.ok.frame.ext[0][1]: expected "0001", got "0002"`, `.ok.frame.ext[1][0]: expected 65, got 1`, `.ok.frame.ext[1][1]: expected "0002", got "0001"`}},
		{"one TLV less", ownBase, decoded, replace{`,[65,"0002"]`, ``}, conformance.Failed, []string{`.ok.frame.ext: expected [[1,"0001"],[65,"0002"]], got [[1,"0001"]]`}},
		{"no TLVs", ownBase, decoded, replace{`[[1,"0001"],[65,"0002"]]`, `null`}, conformance.Failed, []string{`.ok.frame.ext: expected [[1,"0001"],[65,"0002"]], got null`}},

		{"a key is missing", ownBase, decoded, replace{`"high":false,`, ``}, conformance.Failed, []string{`.ok.frame.high is missing`}},
		{"a key too many", ownBase, decoded, replace{`"high":false,`, `"high":false,"low":true,`}, conformance.Failed, []string{`.ok.frame.low is not asked for`}},
		{"a key in another case", ownBase, decoded, replace{`"high"`, `"High"`}, conformance.Failed, []string{`.ok.frame.high is missing`, `.ok.frame.High is not asked for`}},
		{"an explanation", ownRefused, refused, replace{`"offset":2`, `"offset":2,"field":"channel"`}, conformance.Failed, []string{`.ok.error.field is not asked for`}},
		{"both", ownRefused, refused, replace{`"error"`, `"frame":null,"error"`}, conformance.Failed, []string{`.ok.frame is not asked for`}},
		{"a frame is null", ownBase, `{"id":ID,"ok":{"frame":null}}`, replace{}, conformance.Failed, nil},
		{"ok is null", ownBase, `{"id":ID,"ok":null}`, replace{}, conformance.Failed, nil},
		{"ok is true", ownRefused, `{"id":ID,"ok":true}`, replace{}, conformance.Failed, []string{`.ok: expected {"error":{"code":5,"offset":2}}, got true`}},

		{"a fraction", ownRefused, refused, replace{`5`, `5.0`}, conformance.Failed, []string{`.ok.error.code: expected 5, got 5.0`}},
		{"an exponent", ownBase, decoded, replace{`1000`, `1e3`}, conformance.Failed, []string{`.ok.frame.channel: expected 1000, got 1e3`}},
		{"a string", ownBase, decoded, replace{`1000`, `"1000"`}, conformance.Failed, []string{`.ok.frame.channel: expected 1000, got "1000"`}},
		{"minus 0", ownBase, decoded, replace{`"reason":0`, `"reason":-0`}, conformance.Failed, []string{`.ok.frame.reason: expected 0, got -0`}},
		{"more than a double has", ownBase, decoded, replace{`1000`, `1000.00000000000000000001`}, conformance.Failed, []string{`.ok.frame.channel: expected 1000, got 1000.00000000000000000001`}},
		{"another code", ownRefused, refused, replace{`5`, `6`}, conformance.Failed, []string{`.ok.error.code: expected 5, got 6`}},
		{"another offset", ownEncode, refused, replace{`2`, `0`}, conformance.Failed, []string{`.ok.error.offset: expected 2, got 0`}},
		{"taken", ownRefused, decoded, replace{}, conformance.Failed, nil},
		{"refused", ownBase, refused, replace{}, conformance.Failed, nil},

		{"unsupported", ownBase, `{"id":ID,"unsupported":"decode"}`, replace{}, conformance.Unsupported, nil},
		{"unsupported, encoder", ownEncode, `{"id":ID,"unsupported":"encode"}`, replace{}, conformance.Unsupported, nil},
		{"unsupported by another name", ownBase, `{"id":ID,"unsupported":"encode"}`, replace{}, conformance.Failed, []string{`.ok is missing`, `.unsupported is not asked for`}},
		{"unsupported is no string", ownBase, `{"id":ID,"unsupported":["decode"]}`, replace{}, conformance.Failed, []string{`.ok is missing`, `.unsupported is not asked for`}},
		{"unsupported and right", ownRefused, refused, replace{`"ok"`, `"unsupported":"decode","ok"`}, conformance.Failed, []string{`.unsupported is not asked for`}},
		{"bug", ownBase, `{"id":ID,"bug":"so it is"}`, replace{}, conformance.Bug, nil},
		{"bug of no words", ownBase, `{"id":ID,"bug":""}`, replace{}, conformance.Bug, nil},
		{"bug is no string", ownBase, `{"id":ID,"bug":1}`, replace{}, conformance.Failed, []string{`.ok is missing`, `.bug is not asked for`}},
		{"bug and right", ownRefused, refused, replace{`"ok"`, `"bug":"x","ok"`}, conformance.Failed, []string{`.bug is not asked for`}},
		{"a key besides", ownRefused, refused, replace{`"ok"`, `"time":1,"ok"`}, conformance.Failed, []string{`.time is not asked for`}},
		{"nothing", ownBase, `{"id":ID}`, replace{}, conformance.Failed, []string{`.ok is missing`}},

		{"no line", ownBase, ``, replace{}, conformance.Noise, nil},
		{"no JSON", ownBase, `ok`, replace{}, conformance.Noise, nil},
		{"half", ownBase, `{"id":ID,`, replace{}, conformance.Noise, nil},
		{"a number", ownBase, `ID`, replace{}, conformance.Noise, nil},
		{"null", ownBase, `null`, replace{}, conformance.Noise, nil},
		{"two objects", ownBase, decoded + decoded, replace{}, conformance.Noise, nil},
		{"a bracket too many", ownBase, decoded + "}", replace{}, conformance.Noise, nil},
		{"no id", ownRefused, refused, replace{`"id":ID,`, ``}, conformance.Noise, nil},
		{"the id is null", ownRefused, refused, replace{`"id":ID`, `"id":null`}, conformance.Noise, nil},
		{"a key twice", ownRefused, refused, replace{`"code":5`, `"code":6,"code":5`}, conformance.Noise, nil},
		{"ok twice", ownRefused, refused, replace{`"ok"`, `"ok":1,"ok"`}, conformance.Noise, nil},
		{"no UTF-8", ownBase, "{\"id\":ID,\"bug\":\"\xc3\"}", replace{}, conformance.Noise, nil},
		{"another id", ownRefused, refused, replace{`ID`, `ID1`}, conformance.WrongID, nil},
		{"the id as a string", ownRefused, refused, replace{`ID`, `"ID"`}, conformance.WrongID, nil},
		{"the id with a fraction", ownRefused, refused, replace{`ID`, `ID.0`}, conformance.WrongID, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := c.good
			if c.change != (replace{}) {
				if !strings.Contains(reply, c.change[0]) {
					t.Fatalf("nothing to replace in %s", reply)
				}
				reply = strings.Replace(reply, c.change[0], c.change[1], 1)
			}
			s := own(t, ownBase, ownRefused, ownEncode)
			for i, v := range s.Vectors {
				if strings.Contains(c.line, `"id":"`+v.ID+`"`) {
					s.Vectors = s.Vectors[i : i+1]
					break
				}
			}
			r, err := s.Judge(answering(reply), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := r.Results[0]
			if got.Verdict != c.verdict {
				t.Fatalf("%s is %s (%s %s), want %s", reply, got.Verdict, got.Detail, got.Differs, c.verdict)
			}
			if c.differs != nil && !slices.Equal(got.Differs, c.differs) {
				t.Errorf("it differs in\n%s\nwant\n%s", strings.Join(got.Differs, "\n"), strings.Join(c.differs, "\n"))
			}
			if (len(got.Differs) > 0) != (c.verdict == conformance.Failed) {
				t.Errorf("%s differs in %q", got.Verdict, got.Differs)
			}
			if c.verdict == conformance.Passed && got.Sent+got.Want+got.Got+got.Detail != "" {
				t.Errorf("a case that passed has %+v", got)
			}
			if c.verdict != conformance.Passed && (got.Sent == "" || got.Want == "") {
				t.Errorf("a case that did not pass was sent %q and wanted %q", got.Sent, got.Want)
			}
		})
	}

	// The second step of an accepted case counts as the first does.
	for reply, want := range map[string]conformance.Verdict{
		encoded: conformance.Passed,
		strings.Replace(encoded, "6869", "686", 1): conformance.Failed,
		strings.Replace(encoded, "e8", "E8", 1):    conformance.Failed,
		refused:                                    conformance.Failed,
		decoded:                                    conformance.Failed,
		`{"id":ID,"unsupported":"encode"}`:         conformance.Unsupported,
		`{"id":ID,"bug":"no"}`:                     conformance.Bug,
		`log`:                                      conformance.Noise,
		strings.Replace(encoded, `"ok"`, `"ok":null,"ok"`, 1): conformance.Noise,
	} {
		r, err := own(t, ownBase).Judge(answering(decoded, reply), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Results[0]; got.Verdict != want || want != conformance.Passed && !strings.Contains(got.Sent, `"op":"encode"`) {
			t.Errorf("%s in the second step is %s of %s, want %s", reply, got.Verdict, got.Sent, want)
		}
	}
}

// A port that is a function can break too.
func TestBrokenFunction(t *testing.T) {
	p := &failing{Port: conformance.Func(new(reference.Port).Call), err: fmt.Errorf("no line to %s", "Mars")}
	r, err := own(t, ownBase, ownRefused).Judge(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range r.Results {
		if result.Verdict != conformance.Crash || result.Detail != "no line to Mars" || result.Stderr != "said" {
			t.Errorf("%s: %s: %s, %q", result.Vector.ID, result.Verdict, result.Detail, result.Stderr)
		}
	}
	if p.starts != 2 {
		t.Errorf("it was started %d times, want 2", p.starts)
	}
}

type failing struct {
	conformance.Port
	err    error
	starts int
}

func (p *failing) Start() error   { p.starts++; return p.Port.Start() }
func (p *failing) Stderr() string { return "said" }

func (p *failing) Call(request []byte) ([]byte, error) {
	if bytes.Contains(request, []byte(`"op":"decode"`)) {
		return nil, p.err
	}
	return p.Port.Call(request)
}

// FuzzJudge gives any bytes as the reply to any step. What passes is equal to what is wanted, as a comparison sees it
// that has nothing of the judge.
func FuzzJudge(f *testing.F) {
	suite := own(f, ownBase, ownRefused, ownEncode)
	want := []string{
		`{"frame":{"type":"data","durable":false,"high":false,"channel":1000,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[[1,"0001"],[65,"0002"]],"reason":0,"payload":"6869"}}`,
		`{"hex":"804003e86500000100000001080102000141020002` + `6869"}`,
		`{"error":{"code":5,"offset":2}}`,
		`{"error":{"code":5,"offset":2}}`,
	}
	ids := []int{3, 4, 5, 6} // of the steps, after two probes
	for step, w := range want {
		for _, reply := range []string{
			`{"id":%d,"ok":%s}`, ` {"ok":%[2]s,"id":%[1]d} `, `{"id":%d,"ok":%s}{}`, `{"id":%d,"ok":%s,"bug":""}`, `{"id":%d,"ok":[%s]}`,
			`{"id":%d,"ok":0,"ok":%s}`, `{"id":%d.0,"ok":%s}`, `[%d,%s]`, `{"id":%d,"bug":%q}`, `{"id":%d,"unsupported":"decode"}%.0s`, `%d%s`, "\xff%d%s", `{"id":%d,"ok":null}%.0s`,
		} {
			f.Add(step, fmt.Appendf(nil, reply, ids[step], w))
		}
		f.Add(step, fmt.Appendf(nil, `{"id":%d,"ok":%s}`, ids[step], strings.Replace(w, "2", "2.0", 1)))
	}
	f.Fuzz(func(t *testing.T, step int, reply []byte) {
		if step < 0 || step >= len(want) {
			t.Skip()
		}
		at := 0
		r, err := suite.Judge(conformance.Func(func(request []byte) []byte {
			if bytes.Contains(request, []byte(`"op":"hello"`)) || bytes.Contains(request, []byte(`"op":"zz-`)) {
				return new(reference.Port).Call(request)
			}
			if at++; at == step+1 {
				return reply
			}
			return new(reference.Port).Call(request)
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		owner := max(0, step-1) // steps 0 and 1 are those of the accepted case
		for i, result := range r.Results {
			passed := result.Verdict == conformance.Passed
			if i != owner {
				if !passed {
					t.Errorf("%s is %s, and was answered well", result.Vector.ID, result.Verdict)
				}
				continue
			}
			if equal := sameReply(reply, ids[step], want[step]); passed && !equal {
				t.Errorf("%q passed, want %s", reply, want[step])
			}
			// What any writer of JSON would write has to pass.
			if string(reply) == fmt.Sprintf(`{"id":%d,"ok":%s}`, ids[step], want[step]) && !passed {
				t.Errorf("%q is %s", reply, result.Verdict)
			}
		}
		// A report of it can be written, whatever it was.
		var b bytes.Buffer
		if err := r.WriteJSON(&b); err != nil || !json.Valid(b.Bytes()) {
			t.Errorf("WriteJSON gives %v and %s", err, &b)
		}
		if err := r.WriteText(&b, false); err != nil {
			t.Error(err)
		}
		if err := wellFormed(r); err != nil {
			t.Error(err)
		}
	})
}

func sameReply(reply []byte, id int, want string) bool {
	var got, ok map[string]any
	if json.Unmarshal(reply, &got) != nil || json.Unmarshal([]byte(want), &ok) != nil {
		return false
	}
	return reflect.DeepEqual(got, map[string]any{"id": float64(id), "ok": any(ok)}) && slices.Equal(slices.Sorted(maps.Keys(got)), []string{"id", "ok"})
}
