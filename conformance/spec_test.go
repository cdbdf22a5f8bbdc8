package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
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
	footnote   = regexp.MustCompile(`^\*([a-z])\*$`)
	ids        = regexp.MustCompile(`^[A-Z]+-\d{3}(, [A-Z]+-\d{3})*$`)
	catchAll   = regexp.MustCompile(`(?i)^(any |all |every |the )?(others?|else|rest|anything else)$`)
	nothing    = regexp.MustCompile(`^(cannot happen|no effect|refused)\b`)
	rule       = regexp.MustCompile(`^[-: |]*-[-: |]*$`)
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
	var grid *table                 // the table of states that was last begun in this section
	var last []string               // the row of a table in the line before this one
	questions := make(map[int]int)  // of appendix B: how often each stands there
	var asked bool                  // there is an appendix B
	var outside int                 // questions of it that lie outside the protocol
	var block []string              // the lines of a paragraph or list item
	end := func() {
		line := strings.Join(block, " ")
		block = nil
		if m := letter.FindStringSubmatch(line); m != nil {
			letters[m[1]] = m[2]
			if grid != nil {
				if grid.letters[m[1]] != "" {
					fault("%s: the letter %s is explained twice", section, m[1])
				}
				grid.letters[m[1]] = m[2]
			}
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
	endGrid := func() {
		end()
		if grid != nil {
			transitions, wrong := grid.read()
			s.Transitions = append(s.Transitions, transitions...)
			faults = append(faults, wrong...)
		}
		grid = nil
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
			endGrid()
			section = m[1]
			trimmed = m[1]
			asked = asked || strings.HasPrefix(section, "B ")
		}
		row := cells(trimmed)
		switch {
		case row == nil || rule.MatchString(trimmed):
		case last == nil && strings.HasPrefix(row[0], "state"):
			endGrid()
			grid = &table{machine: section, inputs: row, letters: make(map[string]string)}
		case last != nil && grid != nil && !grid.over:
			grid.rows = append(grid.rows, row)
		case strings.HasPrefix(section, "B ") && last != nil:
			n, err := strconv.Atoi(row[0])
			if err != nil || len(row) != 4 || row[1] == "" || row[2] == "" {
				fault("a row of appendix B has no number, no question, no answer, or no clauses: %q", trimmed)
				break
			}
			questions[n]++
			switch who, out := strings.CutPrefix(row[3], "outside: "); {
			case out && who != "":
				outside++
			case !ids.MatchString(row[3]):
				fault("question %d is answered by %q, and by no clauses", n, row[3])
			}
		}
		if row == nil && grid != nil {
			grid.over = true
		}
		last = row
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
	endGrid()
	if fenced {
		fault("a fence is not closed")
	}
	named := make(map[string]bool) // machine, state and input
	for _, c := range s.Transitions {
		place := strings.Join([]string{c.Machine, c.State, c.Input}, ": ")
		if named[place] {
			fault("%s stands here twice", place)
		}
		named[place] = true
	}
	if asked {
		for n := 1; n <= 51; n++ {
			if questions[n] != 1 {
				fault("question %d stands in appendix B %d times", n, questions[n])
			}
			delete(questions, n)
		}
		for n := range questions {
			fault("question %d of appendix B is none of the 51", n)
		}
		if outside > 8 {
			fault("%d questions lie outside the protocol, more than 8", outside)
		}
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
		if s.Clause(id) == nil {
			fault("%s is named, and is no clause", id)
		}
	}
	return s, faults
}

// cells returns the cells of a row of a table, or nil if line is none.
func cells(line string) []string {
	if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	row := strings.Split(line[1:len(line)-1], "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

// A table is one of states and inputs, as it stands in the text.
type table struct {
	machine string
	inputs  []string // the header; its first cell is no input
	rows    [][]string
	over    bool              // what follows is no row
	letters map[string]string // those under the table
}

// read returns what the table says, and what is wrong with it. Whether its clauses exist is not looked at.
func (g *table) read() (all []conformance.Transition, faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, g.machine+": "+fmt.Sprintf(format, args...))
	}
	name := func(name string) {
		for part := range strings.SplitSeq(name, ",") {
			if part = strings.TrimSpace(part); part == "" || catchAll.MatchString(part) {
				fault("a state or input is named %q", name)
			}
		}
	}
	for _, input := range g.inputs[1:] {
		name(input)
	}
	if len(g.rows) == 0 || len(g.inputs) < 2 {
		fault("a table without states or inputs")
	}
	used := make(map[string]bool)
	for _, row := range g.rows {
		name(row[0])
		if len(row) != len(g.inputs) {
			fault("the row of %q has %d cells and not %d", row[0], len(row), len(g.inputs))
			continue
		}
		for i, cell := range row[1:] {
			c := conformance.Transition{Machine: g.machine, State: row[0], Input: g.inputs[i+1]}
			if m := footnote.FindStringSubmatch(cell); m != nil {
				used[m[1]] = true
				if c.Reason = g.letters[m[1]]; c.Reason == "" {
					fault("the cell of %q and %q has the letter %s, which is not explained under the table", c.State, c.Input, m[1])
				}
			} else if ids.MatchString(cell) {
				c.Clauses = strings.Split(cell, ", ")
			} else {
				fault("the cell of %q and %q is %q, and neither clauses nor a letter", c.State, c.Input, cell)
			}
			all = append(all, c)
		}
	}
	for l, reason := range g.letters {
		if !used[l] {
			fault("the letter %s stands in no cell", l)
		}
		if !nothing.MatchString(reason) {
			fault("the letter %s says %q, and not that the input cannot happen, has no effect or is refused", l, reason)
		}
	}
	return all, faults
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
	machines := make(map[string]bool)
	for _, c := range s.Transitions {
		machines[c.Machine] = true
	}
	if len(machines) < 7 || len(s.Transitions) < 150 {
		t.Errorf("%d places in the tables of %d machines were found", len(s.Transitions), len(machines))
	}
	t.Logf("%d clauses, %d machines, %d places in their tables", len(s.Clauses), len(machines), len(s.Transitions))
	if !strings.Contains(specText(t), "\n## B Questions") {
		t.Error("there is no appendix B")
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
		{"unknown clause of a machine", "See TIME-009.", "TIME-009 is named, and is no clause"},
		{"a state named other", states + "| other | A-001 | *a* |\n\n- *a*: no effect: x.", `named "other"`},
		{"a state named any other", states + "| any other | A-001 | *a* |\n\n- *a*: no effect: x.", `named "any other"`},
		{"an input named other", "### 9 X\n\n| state | other |\n|---|---|\n| up | A-001 |", `named "other"`},
		{"half an input named other", "### 9 X\n\n| state | CLOSE, other |\n|---|---|\n| up | A-001 |", `named "CLOSE, other"`},
		{"an input without a name", "### 9 X\n\n| state | |\n|---|---|\n| up | A-001 |", `named ""`},
		{"an empty place", states + "| up | A-001 | |", `"up" and "out" is ""`},
		{"a row of empty places", states + "| | | |", `named ""`},
		{"a place too few", states + "| up | A-001 |", "2 cells and not 3"},
		{"a place too many", states + "| up | A-001 | A-001 | A-001 |", "4 cells and not 3"},
		{"words in a place", states + "| up | A-001 | nothing |", `"nothing", and neither`},
		{"clauses without a comma", states + "| up | A-001 | A-001 A-001 |", "neither clauses nor a letter"},
		{"a letter that is not in asterisks", states + "| up | A-001 | a |\n\n- *a*: no effect: x.", "neither clauses nor a letter"},
		{"a clause and a letter", states + "| up | A-001 | A-001, *a* |\n\n- *a*: no effect: x.", "neither clauses nor a letter"},
		{"unknown clause in a place", states + "| up | A-001 | A-002 |", "A-002 is named, and is no clause"},
		{"a letter without words", states + "| up | A-001 | *a* |", "letter a, which is not explained"},
		{"a letter of the table before", states + "| up | A-001 | *a* |\n\n- *a*: no effect: x.\n\n| state | in |\n|---|---|\n| up | *a* |", "letter a, which is not explained"},
		{"a letter above its table", "### 9 X\n\n- *a*: no effect: x.\n\n| state | in |\n|---|---|\n| up | *a* |", "letter a, which is not explained"},
		{"a letter that is in no place", states + "| up | A-001 | A-001 |\n\n- *a*: no effect: x.", "stands in no cell"},
		{"a letter twice", states + "| up | A-001 | *a* |\n\n- *a*: no effect: x.\n- *a*: no effect: y.", "explained twice"},
		{"a letter that is no reason", states + "| up | A-001 | *a* |\n\n- *a*: not now.", "cannot happen, has no effect or is refused"},
		{"a state twice", states + "| up | A-001 | A-001 |\n| up | A-001 | A-001 |", "9 X: up: in stands here twice"},
		{"a table without states", states, "without states or inputs"},
		{"a table without inputs", "### 9 X\n\n| state |\n|---|\n| up |", "without states or inputs"},
		{"a question that is missing", questions(1, 50, "| A-001 |"), "question 51 stands in appendix B 0 times"},
		{"a question twice", questions(1, 51, "| A-001 |") + "| 7 | what | this | A-001 |\n", "question 7 stands in appendix B 2 times"},
		{"a question too many", questions(1, 52, "| A-001 |"), "question 52 of appendix B is none"},
		{"a question without a number", questions(1, 51, "| A-001 |") + "| x | what | this | A-001 |\n", "has no number"},
		{"a question without an answer", questions(1, 51, "| A-001 |") + "| 7 | what | | A-001 |\n", "no answer"},
		{"an answer without clauses", questions(1, 51, "| |"), `question 9 is answered by ""`},
		{"an answer by a section", questions(1, 51, "| section 9 |"), `question 9 is answered by "section 9"`},
		{"an answer by nobody", questions(1, 51, "| outside: |"), `question 9 is answered by "outside:"`},
		{"an answer by no clause", questions(1, 51, "| A-002 |"), "A-002 is named, and is no clause"},
		{"too many outside", questions(1, 42, "| A-001 |") + strings.TrimPrefix(questions(43, 51, "| outside: the host |"), questions(1, 0, "")), "9 questions lie outside"},
		{"no question", questions(1, 0, ""), "question 1 stands in appendix B 0 times"},
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
	good = states + "| up | A-001, A-001 | *a* |\n| down, or another state | *b* | A-001 |\n\n- *a*: cannot happen: it\n  is so.\n- *b*: refused by A-001.\n\n" +
		"| bound | |\n|---|---|\n| other | *c* |\n" +
		questions(1, 43, "| A-001, A-001 |") + strings.TrimPrefix(questions(44, 51, "| outside: the host |"), questions(1, 0, ""))
	s, faults = readSpec(good)
	want := []conformance.Transition{
		{Machine: "9 X", State: "up", Input: "in", Clauses: []string{"A-001", "A-001"}},
		{Machine: "9 X", State: "up", Input: "out", Reason: "cannot happen: it is so."},
		{Machine: "9 X", State: "down, or another state", Input: "in", Reason: "refused by A-001."},
		{Machine: "9 X", State: "down, or another state", Input: "out", Clauses: []string{"A-001"}},
	}
	if len(faults) != 0 || !reflect.DeepEqual(s.Transitions, want) {
		t.Errorf("a good text gives %q and %+v", faults, s.Transitions)
	}
}

// states is the head of a table of states, with a clause A-001.
const states = "### 9 X\n\n- [A-001] It MUST.\n\n| state | in | out |\n|---|---|---|\n"

// questions is an appendix B with rows from one number to another, all with the same end.
func questions(from, to int, end string) string {
	var text strings.Builder
	text.WriteString("\n## B Questions\n\n| | question | answer | clauses |\n|---|---|---|---|\n")
	for n := from; n <= to; n++ {
		text.WriteString(fmt.Sprintf("| %d | what | this %s\n", n, end))
	}
	return text.String()
}

func load(t testing.TB) *conformance.Suite {
	t.Helper()
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
