package conformance_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/conformance"
)

// TestClauses is the gate on clauses. A WIRE clause has an accepting and a rejecting vector; one of section 9 is cited by a script or,
// where no script can reach it, by a test of the library; or it has a reason. With -v it prints which.
func TestClauses(t *testing.T) {
	s := load(t)
	scripts, tests := citedByScripts(t), citedByTests(t)
	reasons := make(map[string]int)
	var byTests, missing []string
	for _, c := range s.Spec.Clauses {
		if c.Reason != "" {
			reasons[c.Reason]++
		}
		if !strings.HasPrefix(c.ID, "WIRE-") {
			t.Logf("%s: scripts %v, tests %v %s", c.ID, scripts[c.ID], tests[c.ID], c.Reason)
			switch {
			case c.Reason != "" && len(scripts[c.ID]) > 0:
				t.Errorf("%s has a reason to have no cases (%s), and is cited by %v", c.ID, c.Reason, scripts[c.ID])
			case c.Reason != "" || len(scripts[c.ID]) > 0:
			case len(tests[c.ID]) > 0:
				byTests = append(byTests, c.ID)
			default:
				missing = append(missing, c.ID)
			}
			continue
		}
		var accepted, refused []string
		for _, v := range s.Vectors {
			switch {
			case !slices.Contains(v.Clauses, c.ID):
			case v.Error == nil:
				accepted = append(accepted, v.ID)
			default:
				refused = append(refused, v.ID)
			}
		}
		t.Logf("%s: %d accepted, %d refused %s", c.ID, len(accepted), len(refused), c.Reason)
		switch cases := len(accepted) + len(refused); {
		case c.Reason != "" && cases > 0:
			t.Errorf("%s has a reason to have no cases (%s), and is cited by %v %v", c.ID, c.Reason, accepted, refused)
		case c.Reason == "" && (len(accepted) == 0 || len(refused) == 0):
			t.Errorf("%s has %d accepted and %d refused cases, and needs one of each, or a reason", c.ID, len(accepted), len(refused))
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d clauses are cited by no script and no test of the library, and have no reason: %v", len(missing), missing)
	}
	for id, names := range scripts {
		if s.Spec.Clause(id) == nil {
			t.Errorf("%v cite %s, which SPEC.md does not have", names, id)
		}
	}
	few := reasons["definition"] + reasons["host"]
	t.Logf("%d clauses, %d without cases: %v; %d proved by tests of the library alone: %v", len(s.Spec.Clauses), few+reasons["binding"], reasons, len(byTests), byTests)
	if few*20 > len(s.Spec.Clauses) {
		t.Errorf("%d of %d clauses are definitions or bind the host: more than one in twenty", few, len(s.Spec.Clauses))
	}
}

// citedByScripts returns the names of the scripts that cite a clause, by its id.
func citedByScripts(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../testdata/scripts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	cited := make(map[string][]string)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		citing(string(b), cited)
	}
	return cited
}

// citing adds the scripts in text to those that cite a clause.
func citing(text string, cited map[string][]string) {
	name := ""
	for line := range strings.Lines(text) {
		switch words := strings.Fields(line); {
		case len(words) == 2 && words[0] == "script":
			name = words[1]
		case len(words) > 1 && words[0] == "clauses":
			for _, id := range words[1:] {
				if !slices.Contains(cited[id], name) {
					cited[id] = append(cited[id], name)
				}
			}
		}
	}
}

// citedByTests returns the files with tests of the machines that name a clause, by its id.
func citedByTests(t *testing.T) map[string][]string {
	t.Helper()
	cited := make(map[string][]string)
	for _, folder := range []string{"..", "../sequencer", "../fragment"} {
		files, err := filepath.Glob(folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range clauseName.FindAllString(string(b), -1) {
				if !slices.Contains(cited[id], file) {
					cited[id] = append(cited[id], file)
				}
			}
		}
	}
	return cited
}

// TestCiting shows to citing scripts that cite and lines that only look so.
func TestCiting(t *testing.T) {
	cited := make(map[string][]string)
	citing("script a-x\nclauses A-001 A-002\nclauses A-003 A-001\n# clauses A-004\nopen clauses self=1\n\nscript a-y\nclauses A-001\n@0 clauses A-005\n", cited)
	if want := map[string][]string{"A-001": {"a-x", "a-y"}, "A-002": {"a-x"}, "A-003": {"a-x"}}; !reflect.DeepEqual(cited, want) {
		t.Errorf("cited are %v, want %v", cited, want)
	}
}

// TestCells is the gate on SPEC.md section 7.1: what the table says is proved by vectors, and vectors say nothing else.
func TestCells(t *testing.T) {
	s := load(t)
	fields, codes := make(map[string]bool), len(s.Spec.Errors)
	proved := make(map[string][]string) // by field and code: the clauses that refused vectors cite
	for _, v := range s.Vectors {
		if v.Error == nil {
			continue
		}
		cell := s.Spec.Cell(v.Error.Field, v.Error.Code)
		if cell == nil || !slices.ContainsFunc(cell.Clauses, func(id string) bool { return slices.Contains(v.Clauses, id) }) {
			t.Errorf("%s: code %d of %s, by %v, is not in the table", v.ID, v.Error.Code, v.Error.Field, v.Clauses)
			continue
		}
		key := fmt.Sprint(cell.Field, cell.Code)
		proved[key] = append(proved[key], v.Clauses...)
	}
	n := 0
	for _, c := range s.Spec.Cells {
		fields[c.Field] = true
		if (len(c.Clauses) == 0) == (c.Reason == "") {
			t.Errorf("the cell of %s and code %d has neither clauses nor a reason, or both", c.Field, c.Code)
		}
		for _, id := range c.Clauses {
			n++
			if !slices.Contains(proved[fmt.Sprint(c.Field, c.Code)], id) {
				t.Errorf("no refused vector shows that %s raises code %d by %s", c.Field, c.Code, id)
			}
		}
	}
	if len(s.Spec.Cells) != len(fields)*codes || codes == 0 {
		t.Errorf("%d cells for %d fields and %d codes", len(s.Spec.Cells), len(fields), codes)
	}
	for i, e := range s.Spec.Errors {
		if e.Code != i+1 {
			t.Errorf("error %d stands in row %d", e.Code, i+1)
		}
	}
	t.Logf("%d fields × %d codes: %d ways to be at fault, each shown", len(fields), codes, n)
}

// TestSingleFault proves that a refused vector differs from its base in one place, and one with two faults in the
// places of both.
func TestSingleFault(t *testing.T) {
	s := load(t)
	single, double := 0, 0
	for i := range s.Vectors {
		v := &s.Vectors[i]
		if v.Error == nil {
			continue
		}
		base := s.Vector(v.Base)
		if len(v.Faults) == 0 {
			single++
			if v.Hex == nil {
				if places := keys(base.Frame, v.Frame); len(places) != 1 {
					t.Errorf("%s differs from %s in %q", v.ID, v.Base, places)
				}
			} else if e := edited(t, base, v); !e.one() {
				t.Errorf("%s differs from %s in more than one place: %q at token %d for %q", v.ID, v.Base, e.now, e.at, e.old)
			}
			continue
		}
		double++
		var faults [2]*conformance.Vector
		for i, id := range v.Faults {
			f := s.Vector(id)
			if f == nil || f.Error == nil || f.Base != v.Base || len(f.Faults) != 0 || (f.Hex == nil) != (v.Hex == nil) {
				t.Fatalf("%s: its fault %s is no refused vector of the same kind, with the same base and one fault", v.ID, id)
			}
			faults[i] = f
		}
		if *faults[0].Error != *v.Error {
			t.Errorf("%s is refused with %+v, and its first fault with %+v", v.ID, *v.Error, *faults[0].Error)
		}
		if v.Hex == nil {
			both := append(keys(base.Frame, faults[0].Frame), keys(base.Frame, faults[1].Frame)...)
			if slices.Sort(both); !slices.Equal(both, keys(base.Frame, v.Frame)) {
				t.Errorf("%s differs from %s in %q, and its faults in %q", v.ID, v.Base, keys(base.Frame, v.Frame), both)
			}
		} else if both := apply(t, base, edited(t, base, faults[0]), edited(t, base, faults[1])); both != *v.Hex {
			t.Errorf("%s is %q, and both faults together are %q", v.ID, *v.Hex, both)
		}
	}
	t.Logf("%d refused vectors with one fault, %d with two", single, double)
	if single == 0 || double == 0 {
		t.Error("nothing was looked at")
	}
}

// An edit of a frame takes the tokens old from token at on, and puts the tokens now there.
type edit struct {
	at       int
	old, now []string
	cut      bool // the frame is the base cut short
}

// one reports whether e is one place: a token changed, tokens added, tokens taken away, or a cut.
func (e edit) one() bool {
	return len(e.old) == 1 && len(e.now) == 1 || (len(e.old) == 0) != (len(e.now) == 0) || e.cut
}

// edited returns the smallest edit that makes v's bytes of those of base.
func edited(t *testing.T, base, v *conformance.Vector) edit {
	t.Helper()
	old, now := strings.Fields(*base.Hex), strings.Fields(*v.Hex)
	p, q := bytesOf(t, old), bytesOf(t, now)
	e := edit{cut: len(q) < len(p) && string(p[:len(q)]) == string(q)}
	for e.at < min(len(old), len(now)) && old[e.at] == now[e.at] {
		e.at++
	}
	old, now = old[e.at:], now[e.at:]
	for !e.cut && len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	e.old, e.now = old, now
	return e
}

// apply returns the tokens of base after both edits. Two edits of one token flip the bits that either flips: version
// and type share a byte.
func apply(t *testing.T, base *conformance.Vector, e, f edit) string {
	t.Helper()
	if e.at > f.at {
		e, f = f, e
	}
	tokens := strings.Fields(*base.Hex)
	if e.at == f.at && e.one() && f.one() && len(e.old) == 1 && len(f.old) == 1 {
		a, b, c := bytesOf(t, e.old), bytesOf(t, e.now), bytesOf(t, f.now)
		for i := range a {
			a[i] ^= a[i] ^ b[i] ^ a[i] ^ c[i]
		}
		tokens[e.at] = hex.EncodeToString(a)
		return strings.Join(tokens, " ")
	}
	tokens = slices.Replace(tokens, f.at, f.at+len(f.old), f.now...)
	tokens = slices.Replace(tokens, e.at, e.at+len(e.old), e.now...)
	return strings.Join(tokens, " ")
}

// keys returns the keys in which two frames differ, sorted.
func keys(a, b *conformance.Frame) []string {
	var places []string
	add := func(key string, same bool) {
		if !same {
			places = append(places, key)
		}
	}
	add("channel", a.Channel == b.Channel)
	add("durable", a.Durable == b.Durable)
	add("ext", slices.Equal(a.Ext, b.Ext))
	add("high", a.High == b.High)
	add("offset", a.Offset == b.Offset)
	add("payload", a.Payload == b.Payload)
	add("reason", a.Reason == b.Reason)
	add("sequence", a.Sequence == b.Sequence)
	add("session", a.Session == b.Session)
	add("total", a.Total == b.Total)
	add("type", a.Type == b.Type)
	return places
}

// bytesOf returns the bytes of tokens, read without the help of package conformance.
func bytesOf(t *testing.T, tokens []string) []byte {
	t.Helper()
	var all []byte
	for _, token := range tokens {
		digits, times, _ := strings.Cut(token, "*")
		n := 1
		if times != "" {
			if _, err := fmt.Sscan(times, &n); err != nil {
				t.Fatal(err)
			}
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			all = append(all, b...)
		}
	}
	return all
}

// TestExpand holds Expand against a reading of its own, for the tokens of every vector.
func TestExpand(t *testing.T) {
	for _, v := range load(t).Vectors {
		if v.Hex == nil {
			continue
		}
		if b, err := conformance.Expand(*v.Hex); err != nil || !bytes.Equal(b, bytesOf(t, strings.Fields(*v.Hex))) {
			t.Errorf("%s: Expand(%.80q) = %.80x, %v", v.ID, *v.Hex, b, err)
		}
	}
}

// TestTruncations proves that each strict prefix of a frame of each shape stands among the vectors.
func TestTruncations(t *testing.T) {
	s := load(t)
	all := make(map[string]bool)
	for _, v := range s.Vectors {
		if v.Hex != nil {
			all[string(bytesOf(t, strings.Fields(*v.Hex)))] = true
		}
	}
	shapes, cuts := make(map[string]bool), 0
	for _, v := range s.Vectors {
		if !strings.HasPrefix(v.ID, "truncated-") || !strings.HasSuffix(v.ID, "-whole") {
			continue
		}
		shapes[fmt.Sprint(v.Frame.Type, v.Frame.Total > 0, len(v.Frame.Ext) > 0)] = true
		b := bytesOf(t, strings.Fields(*v.Hex))
		for n := range b {
			cuts++
			if !all[string(b[:n])] {
				t.Errorf("no vector has the first %d bytes of %s", n, v.ID)
			}
		}
	}
	if len(shapes) != 8 {
		t.Errorf("%d shapes are cut: %v; there are DATA with and without F and X, and CLOSE and KEEPALIVE with and without X", len(shapes), shapes)
	}
	t.Logf("%d shapes, %d cuts", len(shapes), cuts)
}

// TestExamples holds the worked examples of SPEC.md against the vectors of the same name.
func TestExamples(t *testing.T) {
	s := load(t)
	_, rest, _ := strings.Cut(specText(t), "\n## A Worked examples\n")
	examples := strings.Split(rest, "\nExample `")[1:]
	for _, example := range examples {
		id, rest, _ := strings.Cut(example, "`")
		_, rest, _ = strings.Cut(rest, "```\n")
		block, _, _ := strings.Cut(rest, "```")
		var tokens []string
		for line := range strings.Lines(block) {
			tokens = append(tokens, strings.Fields(line)[0])
		}
		v := s.Vector(id)
		if v == nil || v.Hex == nil || *v.Hex != strings.Join(tokens, " ") {
			t.Errorf("example %s has the bytes %q; the vector: %+v", id, tokens, v)
		}
	}
	if len(examples) < 6 {
		t.Errorf("%d worked examples were found", len(examples))
	}
}
