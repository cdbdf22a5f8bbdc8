package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/testdata"
)

var update = flag.Bool("update", false, "write testdata/spec.json anew from SPEC.md")

const (
	specFile = "../SPEC.md"
	jsonFile = "../testdata/spec.json"
)

// keyword is what RFC 2119 and RFC 8174 give a meaning to, however it is written.
var keyword = regexp.MustCompile(`(?i)\b(must|shall|should|may|required|recommended|optional)( not)?\b`)

var (
	clauseTag  = regexp.MustCompile(`^- \[([A-Z]+-\d{3})(?:, ([a-z]+))?\] `)
	clauseName = regexp.MustCompile(`\b[A-Z]+-\d{3}\b`)
	heading    = regexp.MustCompile(`^#+ (.*)`)
	errorRow   = regexp.MustCompile("^\\| (\\d+) \\| `([a-z-]+)` \\| (.*) \\| (.*) \\|$")
	cellRow    = regexp.MustCompile("^\\| `([a-z-]+)` \\|((?: (?:[a-z]|\\d{3}(?: \\d{3})*) \\|)+)$")
	letter     = regexp.MustCompile(`^- \*([a-z])\*: (.*)`)
	code       = regexp.MustCompile("`[^`]*`")
)

// readSpec reads the clauses and tables of a text in the form of SPEC.md, and says what is wrong with that form.
func readSpec(text string) (s conformance.Spec, faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if m := regexp.MustCompile("negotiated under the name `([a-z0-9.]+)`").FindStringSubmatch(text); m != nil {
		s.Protocol = m[1]
	}
	var section string
	letters := make(map[string]string)
	raisers := make(map[int]string) // the fields of an error in section 7
	var block []string              // the lines of a paragraph or list item
	end := func() {
		line := strings.Join(block, " ")
		block = nil
		if m := letter.FindStringSubmatch(line); m != nil {
			letters[m[1]] = m[2]
		}
		words := keyword.FindAllString(code.ReplaceAllString(line, "``"), -1)
		m := clauseTag.FindStringSubmatch(line)
		if m == nil {
			for _, word := range words {
				fault("%q stands outside a clause, in %q", word, line)
			}
			return
		}
		if len(words) != 1 || words[0] != "MUST" && words[0] != "MUST NOT" {
			fault("%s has the key words %q, and not one MUST or MUST NOT", m[1], words)
			return
		}
		if s.Clause(m[1]) != nil {
			fault("%s stands here twice", m[1])
		}
		if m[2] != "" && !slices.Contains([]string{"definition", "host", "binding"}, m[2]) {
			fault("%s: %q is no reason to have no cases", m[1], m[2])
		}
		s.Clauses = append(s.Clauses, conformance.Clause{ID: m[1], Keyword: words[0], Section: section, Text: strings.TrimPrefix(line, m[0]), Reason: m[2]})
	}
	fenced := false
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			end()
			section = m[1]
			trimmed = m[1]
		}
		if m := errorRow.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			if strings.HasPrefix(section, "7 ") {
				s.Errors = append(s.Errors, conformance.ErrorCode{Code: n, Name: m[2], Text: m[4]})
				raisers[n] = m[3]
			}
		}
		if m := cellRow.FindStringSubmatch(line); m != nil && strings.HasPrefix(section, "7.1 ") {
			for i, cell := range strings.Split(strings.Trim(m[2], " |"), " | ") {
				c := conformance.Cell{Field: m[1], Code: i + 1, Reason: letters[cell]}
				if c.Reason == "" {
					for number := range strings.FieldsSeq(cell) {
						c.Clauses = append(c.Clauses, "WIRE-"+number)
					}
				}
				s.Cells = append(s.Cells, c)
			}
		}
		if trimmed == "" || strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "|") {
			end()
		}
		if trimmed != "" {
			block = append(block, trimmed)
		}
	}
	end()
	if fenced {
		fault("a fence is not closed")
	}
	for _, c := range s.Cells {
		for _, id := range c.Clauses {
			if s.Clause(id) == nil {
				fault("the cell of %s and code %d names %s, which is no clause and no reason", c.Field, c.Code, id)
			}
		}
	}
	for _, e := range s.Errors {
		if want := raisedBy(&s, e.Code); raisers[e.Code] != want {
			fault("error %d is raised by %q, and by the cells of section 7.1 by %q", e.Code, raisers[e.Code], want)
		}
	}
	for _, id := range clauseName.FindAllString(regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, ""), -1) {
		if strings.HasPrefix(id, "WIRE-") && s.Clause(id) == nil {
			fault("%s is named, and is no clause", id)
		}
	}
	return s, faults
}

// raisedBy names the fields that raise a code by the cells of section 7.1, or, where they are most of them, those that do not.
func raisedBy(s *conformance.Spec, code int) string {
	var do, not []string
	for _, c := range s.Cells {
		if c.Code != code {
			continue
		}
		if len(c.Clauses) > 0 {
			do = append(do, "`"+c.Field+"`")
		} else {
			not = append(not, "`"+c.Field+"`")
		}
	}
	if len(not) > 1 && len(do) > len(not) {
		last := len(not) - 1
		return "every field but " + strings.Join(not[:last], ", ") + " and " + not[last]
	}
	return strings.Join(do, ", ")
}

func specText(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSpec holds SPEC.md against its own form, and testdata/spec.json against SPEC.md.
func TestSpec(t *testing.T) {
	s, faults := readSpec(specText(t))
	for _, f := range faults {
		t.Error(f)
	}
	if n := len(s.Clauses); n < 40 {
		t.Errorf("%d clauses were found", n)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(jsonFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(jsonFile); err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is not what SPEC.md says (%v): go test ./conformance -run TestSpec -update", jsonFile, err)
	}
}

// TestSpecForm shows to readSpec what it is to refuse.
func TestSpecForm(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"keyword outside a clause", "A decoder MUST do it.", "outside a clause"},
		{"in small letters", "A decoder should do it.", "outside a clause"},
		{"in a table", "| a | is optional |", "outside a clause"},
		{"in a heading", "## What you may do", "outside a clause"},
		{"two keywords", "- [WIRE-001] It MUST do this and MUST NOT do that.", "key words"},
		{"none", "- [WIRE-001] It does this.", "key words"},
		{"another keyword", "- [WIRE-001] It SHOULD do this.", "key words"},
		{"small", "- [WIRE-001] It must do this.", "key words"},
		{"in the next line", "- [WIRE-001] It MUST do\n  this, and should\n  do that.", "key words"},
		{"one id twice", "- [WIRE-001] It MUST do this.\n- [WIRE-001] It MUST do that.", "twice"},
		{"unknown reason", "- [WIRE-001, whim] It MUST do this.", "no reason"},
		{"unknown clause", "See WIRE-009.", "no clause"},
		{"unknown clause in a cell", "### 7.1 Cells\n| `flags` | 005 |", "no clause"},
		{"empty cell", "### 7.1 Cells\n| `flags` | c |", "no clause"},
		{"open fence", "```\nx", "fence"},
		{"a field that raises no such code", "## 7 Errors\n| 1 | `x` | `flags` | it does |\n### 7.1 Cells\n- *a*: no\n\n| `flags` | a |", "raised by"},
	} {
		if _, faults := readSpec(c.text); !strings.Contains(strings.Join(faults, "\n"), c.want) {
			t.Errorf("%s: %q gives %q, want %q in it", c.name, c.text, faults, c.want)
		}
	}
	good := "## 1 A\n\n- [WIRE-001] It MUST do `may`, as\n  WIRE-002 says.\n- [WIRE-002, host] It MUST NOT.\n\n```\nmust\n```\n"
	s, faults := readSpec(good)
	if len(faults) != 0 || len(s.Clauses) != 2 || s.Clauses[0].Text != "It MUST do `may`, as WIRE-002 says." || s.Clauses[1].Reason != "host" || s.Clauses[1].Section != "1 A" {
		t.Errorf("a good text gives %q and %+v", faults, s)
	}
}

func load(t testing.TB) *conformance.Suite {
	t.Helper()
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
