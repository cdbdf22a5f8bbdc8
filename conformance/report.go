package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"
)

// A Report is what came of a [Suite] at a port.
type Report struct {
	Suite   *Suite
	Port    Identity
	Command []string // how the port was started; nil: the built-in reference, or a function
	Flags   []string // of conform run, that a case needs to be repeated as it was run
	Note    string   // what else there is to say of the port, which is not judged
	Results []Result
}

// Tally counts cases, pairs and clauses, as the report in JSON has them.
type Tally struct {
	Totals struct {
		Cases       int `json:"cases"`
		Passed      int `json:"passed"`
		Failed      int `json:"failed"` // everything but passed and unsupported
		Unsupported int `json:"unsupported"`
	} `json:"totals"`
	Pairs struct {
		Total  int `json:"total"` // refused vectors whose base was run too
		Passed int `json:"passed"`
	} `json:"pairs"`
	Clauses struct {
		Total  int `json:"total"`  // clauses that vectors can prove: those about the wire that have no reason against it
		Proven int `json:"proven"` // of them, those with an accepted and a refused case, all of whose cases passed
	} `json:"clauses"`
}

// Tally counts what r has.
func (r *Report) Tally() Tally {
	var t Tally
	verdicts := make(map[string]Verdict, len(r.Results))
	type cited struct{ accepted, refused, failed bool }
	clauses := make(map[string]*cited)
	for _, c := range r.Suite.Spec.Clauses {
		if c.Reason == "" && strings.HasPrefix(c.ID, "WIRE-") {
			clauses[c.ID] = new(cited)
			t.Clauses.Total++
		}
	}
	for _, result := range r.Results {
		verdicts[result.Vector.ID] = result.Verdict
		t.Totals.Cases++
		switch result.Verdict {
		case Passed:
			t.Totals.Passed++
		case Unsupported:
			t.Totals.Unsupported++
		default:
			t.Totals.Failed++
		}
		for _, id := range result.Vector.Clauses {
			if c := clauses[id]; c != nil {
				c.accepted = c.accepted || result.Vector.Error == nil
				c.refused = c.refused || result.Vector.Error != nil
				c.failed = c.failed || result.Verdict != Passed
			}
		}
	}
	for _, result := range r.Results {
		if base, ok := verdicts[result.Vector.Base]; ok {
			t.Pairs.Total++
			if base == Passed && result.Verdict == Passed {
				t.Pairs.Passed++
			}
		}
	}
	for _, c := range clauses {
		if c.accepted && c.refused && !c.failed {
			t.Clauses.Proven++
		}
	}
	return t
}

// Conforms reports whether something ran, and all of it passed.
func (r *Report) Conforms() bool {
	t := r.Tally()
	return t.Totals.Cases > 0 && t.Totals.Passed == t.Totals.Cases
}

// how names the way in which the port was started.
func (r *Report) how() string {
	if r.Command == nil {
		return "built in"
	}
	return commandLine(r.Command)
}

// maxClauses is how many clauses of a failing case are printed with their text. A case that is accepted can cite a dozen.
const maxClauses = 3

// WriteText writes r for people to w, with colours of a terminal if colour is set.
func (r *Report) WriteText(w io.Writer, colour bool) error {
	paint := func(code, s string) string {
		if !colour {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-9s%s\n", name, strings.ReplaceAll(printable(value, "\n\t"), "\n", "\n           "))
		}
	}
	if r.Suite.Part != "" {
		fmt.Fprintf(&b, "A PART of the suite, what matches %s. It proves nothing about the rest.\n\n", r.Suite.Part)
	}
	for _, result := range r.Results {
		if result.Verdict == Passed {
			continue
		}
		v := result.Vector
		fmt.Fprintf(&b, "%s %s: %s\n", paint("1;31", "FAIL"), v.ID, result.Verdict)
		line("tried", v.Comment)
		for i, id := range v.Clauses {
			if i == maxClauses {
				line("and", strings.Join(v.Clauses[i:], " "))
				break
			}
			line(id, r.Suite.Spec.Clause(id).Text)
		}
		if v.Hex != nil {
			line("bytes", *v.Hex)
		}
		line("sent", short(result.Sent))
		line("expected", short(result.Want))
		line("got", short(result.Got))
		line("differs", strings.Join(result.Differs, "\n"))
		line("because", result.Detail)
		line("stderr", strings.TrimSpace(result.Stderr))
		line("repeat", r.repeat(v.ID))
		b.WriteString("\n")
	}

	t := r.Tally()
	verdict := paint("1;32", "conforms to")
	switch {
	case t.Totals.Cases == 0:
		verdict = paint("1;31", "was not tried on any case of")
	case !r.Conforms():
		verdict = paint("1;31", "does NOT conform to")
	case r.Suite.Part != "":
		verdict = paint("1;32", "passes a part of")
	}
	who := printable(fmt.Sprintf("%s %s (%s; %s)", r.Port.Name, r.Port.Version, r.Port.Language, r.how()), "")
	fmt.Fprintf(&b, "%s %s %s\n\n", who, verdict, r.Suite.Spec.Protocol)
	fmt.Fprintf(&b, "  cases    %4d passed  %4d failed  %4d unsupported  of %d\n", t.Totals.Passed, t.Totals.Failed, t.Totals.Unsupported, t.Totals.Cases)
	fmt.Fprintf(&b, "  pairs    %4d passed                                 of %d\n", t.Pairs.Passed, t.Pairs.Total)
	fmt.Fprintf(&b, "  clauses  %4d proven                                 of %d\n", t.Clauses.Proven, t.Clauses.Total)
	if r.Note != "" {
		fmt.Fprintf(&b, "\nnote: %s\n", r.Note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable replaces what a terminal would act on, so that a port cannot write over what is said of it. The control
// characters of keep stay.
func printable(s, keep string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) && !strings.ContainsRune(keep, c) {
			return '\uFFFD'
		}
		return c
	}, strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n"))
}

// repeat returns the command that runs one case again.
func (r *Report) repeat(id string) string {
	words := append([]string{"conform", "run", "--only", id}, r.Flags...)
	if r.Command != nil {
		words = append(append(words, "--"), r.Command...)
	}
	return commandLine(words)
}

// commandLine returns words as one pastes them into a shell.
func commandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		word = filepath.ToSlash(word)
		if word == "" || strings.ContainsFunc(word, func(c rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%", c)
		}) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted[i] = word
	}
	return strings.Join(quoted, " ")
}

type reportJSON struct {
	Suite string   `json:"suite"`
	Port  portJSON `json:"port"`
	Part  *string  `json:"part"`
	Tally
	Note  string       `json:"note"`
	Cases []resultJSON `json:"cases"`
}

type portJSON struct {
	Identity
	Command []string `json:"command"`
}

type resultJSON struct {
	ID       string   `json:"id"`
	Clauses  []string `json:"clauses"`
	Base     *string  `json:"base"`
	Verdict  Verdict  `json:"verdict"`
	Detail   string   `json:"detail"`
	Sent     string   `json:"sent"`
	Expected string   `json:"expected"`
	Got      string   `json:"got"`
	Differs  []string `json:"differs"`
	Stderr   string   `json:"stderr"`
}

// WriteJSON writes r to w as testdata/schema/report.schema.json describes it. It has no times, so that the same port
// gives the same bytes.
func (r *Report) WriteJSON(w io.Writer) error {
	v := reportJSON{Suite: r.Suite.Spec.Protocol, Port: portJSON{r.Port, r.Command}, Tally: r.Tally(), Note: r.Note, Cases: []resultJSON{}}
	if r.Suite.Part != "" {
		v.Part = &r.Suite.Part
	}
	for _, result := range r.Results {
		c := resultJSON{result.Vector.ID, result.Vector.Clauses, nil, result.Verdict, result.Detail, result.Sent, result.Want, result.Got, result.Differs, result.Stderr}
		if result.Vector.Base != "" {
			c.Base = &result.Vector.Base
		}
		if c.Differs == nil {
			c.Differs = []string{}
		}
		v.Cases = append(v.Cases, c)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Error   *junitFailure `xml:"error"`
	Stderr  string        `xml:"system-err,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes r to w in the XML that test reporters read: a wrong answer is a failure, and a port that broke,
// or does not know the op, an error.
func (r *Report) WriteJUnit(w io.Writer) error {
	s := junitSuite{Name: r.Suite.Spec.Protocol + " " + r.Port.Name, Tests: len(r.Results)}
	for _, result := range r.Results {
		family, _, _ := strings.Cut(result.Vector.ID, "-")
		c := junitCase{Name: result.Vector.ID, Class: r.Suite.Spec.Protocol + "." + family, Time: fmt.Sprintf("%.6f", result.Took.Seconds()), Stderr: clean(result.Stderr)}
		f := &junitFailure{string(result.Verdict) + ": " + clean(result.Vector.Comment), string(result.Verdict),
			clean(fmt.Sprintf("sent %s\nexpected %s\ngot %s\n%s\n%s", short(result.Sent), short(result.Want), short(result.Got), strings.Join(result.Differs, "\n"), result.Detail))}
		switch result.Verdict {
		case Passed:
		case Failed:
			c.Failure = f
			s.Failures++
		default:
			c.Error = f
			s.Errors++
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean replaces what XML has no way to write.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' {
			return '\uFFFD'
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
