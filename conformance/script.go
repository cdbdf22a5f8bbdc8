package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Script is a story about endpoints, as testdata/scripts/README.md describes it.
type Script struct {
	Name    string
	Clauses []string
	Comment string // the first one
	File    string // scripts/recv.txt
	Line    int    // where it begins
	Steps   []Step
}

// A Step is a line of a script that opens an endpoint or is an input to one, with what is expected of it.
type Step struct {
	Line int    // in the file
	Text string // the line, with single spaces

	op       string         // of the request: open or in
	endpoint string         // its word
	keys     map[string]any // of the request, except, for an input, now
	at       moment         // of an input
	frame    *literal       // the frame that comes in
	sender   string         // the word of the sender that is created; "": none is

	result map[string]any // the keys of the result; nil: none
	retry  *deadline      // of a refusal; nil: none
	frames []sent         // that are taken
	stats  []string       // counters that are looked at
	events []any
	next   *deadline // nil: it stays
	used   *int64    // nil: it stays
}

// A sent frame is one that an endpoint is to give out.
type sent struct {
	frame literal
	to    []int64
	by    string // reliable or lossy; "": by the frame
}

// A deadline is a time that is expected, or that there is none.
type deadline struct {
	at   moment
	none bool
}

var (
	scriptName = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
	scriptWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`) // names an endpoint or a sender
)

// loadScripts reads scripts/*.txt, of which there need not be any. It refuses what testdata/scripts/README.md does not have,
// repeated names, and a name that is not its file's.
func loadScripts(fsys fs.FS) ([]Script, error) {
	names, err := fs.Glob(fsys, "scripts/*.txt")
	if err != nil {
		return nil, err
	}
	var scripts []Script
	seen := make(map[string]bool)
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		all, err := parseScripts(name, string(b))
		if err != nil {
			return nil, err
		}
		prefix := strings.TrimSuffix(path.Base(name), ".txt") + "-"
		for _, s := range all {
			if !strings.HasPrefix(s.Name, prefix) {
				return nil, fmt.Errorf("%s:%d: the name %q does not begin with %q", s.File, s.Line, s.Name, prefix)
			}
			if seen[s.Name] {
				return nil, fmt.Errorf("%s:%d: the name %q stands here again", s.File, s.Line, s.Name)
			}
			seen[s.Name] = true
		}
		scripts = append(scripts, all...)
	}
	return scripts, nil
}

// A scriptParser reads the lines of a file.
type scriptParser struct {
	at        int // the line that is read, or that is at fault
	done      []Script
	script    *Script          // that is being read, or nil
	step      *Step            // that is being read, or nil
	named     string           // the sender that step is to create
	phase     phase            // of step
	endpoints map[string]int64 // numbers by word
	senders   map[string]map[string]int64
	inputs    int // of the script
}

// A phase is how far the expectations of a step have come.
type phase int

const (
	atResult phase = iota
	atEvents
	atEnd
)

func parseScripts(file, text string) ([]Script, error) {
	p := &scriptParser{}
	read := func() error {
		n := 0
		for line := range strings.Lines(text) {
			n++
			p.at = n
			if !utf8.ValidString(line) {
				return errors.New("not UTF-8")
			}
			if words := strings.Fields(line); len(words) > 0 {
				if err := p.line(words); err != nil {
					return err
				}
			}
		}
		return p.endScript()
	}
	if err := read(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, p.at, err)
	}
	for i := range p.done {
		p.done[i].File = file
	}
	return p.done, nil
}

// line reads a line of at least one word.
func (p *scriptParser) line(words []string) error {
	if words[0] != "script" && p.script == nil {
		return fmt.Errorf("%q stands before the first script", words[0])
	}
	switch {
	case words[0] == "script":
		if err := p.endScript(); err != nil {
			return err
		}
		if len(words) != 2 || !scriptName.MatchString(words[1]) {
			return errors.New("a script has one name, of words with hyphens between them")
		}
		p.script = &Script{Name: words[1], Line: p.at}
		p.endpoints, p.senders, p.inputs = make(map[string]int64), make(map[string]map[string]int64), 0
		return nil
	case words[0] == "clauses":
		if len(p.script.Steps) > 0 || len(words) == 1 {
			return errors.New("clauses are one or more, before the first step")
		}
		for _, id := range words[1:] {
			if slices.Contains(p.script.Clauses, id) {
				return fmt.Errorf("%s is cited twice", id)
			}
			p.script.Clauses = append(p.script.Clauses, id)
		}
		return nil
	case strings.HasPrefix(words[0], "#"):
		if p.script.Comment == "" {
			p.script.Comment = strings.TrimSpace(strings.TrimPrefix(strings.Join(words, " "), "#"))
		}
		return nil
	case words[0] == ">":
		if p.step == nil || p.step.op == "open" {
			return errors.New("an expectation stands below a step")
		}
		if len(words) == 1 {
			return errors.New("nothing is expected")
		}
		return p.expect(words[1:])
	case words[0] == "open", strings.HasPrefix(words[0], "@"):
		if err := p.endStep(); err != nil {
			return err
		}
		p.script.Steps = append(p.script.Steps, Step{Line: p.at, Text: strings.Join(words, " ")})
		p.step, p.named, p.phase = &p.script.Steps[len(p.script.Steps)-1], "", atResult
		if words[0] == "open" {
			return p.open(words[1:])
		}
		p.inputs++
		return p.input(words[0][1:], words[1:])
	}
	return fmt.Errorf("no line begins with %q", words[0])
}

func (p *scriptParser) endScript() error {
	if p.script == nil {
		return nil
	}
	if err := p.endStep(); err != nil {
		return err
	}
	now, s := p.at, p.script
	p.at = s.Line
	switch {
	case len(s.Clauses) == 0:
		return fmt.Errorf("%s cites no clause", s.Name)
	case s.Comment == "":
		return fmt.Errorf("%s has no comment", s.Name)
	case p.inputs == 0:
		return fmt.Errorf("%s has no input", s.Name)
	}
	p.at, p.done, p.script = now, append(p.done, *s), nil
	return nil
}

// endStep sees to it that a step whose input has a result expects one.
func (p *scriptParser) endStep() error {
	st := p.step
	p.step = nil
	if st != nil && st.result == nil && slices.Contains([]any{"sender", "send", "frame", "read", "counts", "stats"}, st.keys["do"]) {
		p.at = st.Line
		return errors.New("the result is not expected")
	}
	return nil
}

// open reads open E KEYS.
func (p *scriptParser) open(words []string) error {
	if len(words) == 0 || !scriptWord.MatchString(words[0]) {
		return errors.New("open names an endpoint, of letters and digits")
	}
	word := words[0]
	if p.endpoints[word] == 0 {
		p.endpoints[word] = int64(len(p.endpoints) + 1)
	}
	p.senders[word] = make(map[string]int64)
	p.step.op, p.step.endpoint = "open", word
	keys, err := p.form("self=HANDLE [at=START] [unix=TIME] [rand=HEX] [first=FIRST] "+
		"[limits.durable=RATE] [limits.lossy=RATE] [limits.lossyHigh=RATE] [limits.broadcastPackets=RATE] "+
		"[bounds.bytesPerReceiver=BOUND] [bounds.bytesPerPeer=BOUND] [bounds.bytes=BOUND] [bounds.receiversPerPeer=BOUND] "+
		"[bounds.receivers=BOUND] [bounds.channelsPerPeer=BOUND] [bounds.channels=BOUND] [bounds.sendBytes=BOUND]", words[1:])
	if err != nil {
		return err
	}
	limits, bounds := map[string]any{}, map[string]any{}
	for key, v := range keys {
		if name, ok := strings.CutPrefix(key, "limits."); ok {
			limits[name] = v
		} else if name, ok := strings.CutPrefix(key, "bounds."); ok {
			bounds[name] = v
		}
	}
	p.step.keys = map[string]any{"endpoint": p.endpoints[word], "self": keys["self"], "now": keys["at"], "unix": keys["unix"],
		"rand": keys["rand"], "first": keys["first"], "limits": limits, "bounds": bounds}
	return nil
}

// inputs has the do of each input and the form of what follows it, by its word.
var inputs = map[string]struct{ do, form string }{
	"up":      {"linkUp", "budget=N [reliable] [relay]"},
	"down":    {"linkDown", ""},
	"sender":  {"sender", "[channel=U16] [durable] [high] [kbps=N] [keepalive=TIME] [to=HANDLES]"},
	"send":    {"send", "S HEX"},
	"list":    {"participants", "S HANDLES"},
	"close":   {"close", "S"},
	"hangup":  {"hangUp", ""},
	"rx":      {"bitrate", "N"},
	"left":    {"left", "U16"},
	"take":    {"transmit", "COUNT [reliable] [lossy]"},
	"frame":   {"frame", "from=HANDLE"},
	"read":    {"read", "R"},
	"counts":  {"counts", "R"},
	"advance": {"advance", ""},
	"stats":   {"stats", ""},
}

// names are the keys of a request that differ from those of the form.
var names = map[string]map[string]string{
	"sender":       {"keepalive": "keepAlive"},
	"send":         {"S": "sender", "HEX": "data"},
	"participants": {"S": "sender", "HANDLES": "to"},
	"close":        {"S": "sender"},
	"bitrate":      {"N": "kbps"},
	"left":         {"U16": "participant"},
	"transmit":     {"COUNT": "max", "reliable": "durable"},
	"read":         {"R": "receiver"},
	"counts":       {"R": "receiver"},
}

// input reads @TIME E INPUT, without the @.
func (p *scriptParser) input(at string, words []string) error {
	st := p.step
	st.op = "in"
	var err error
	if st.at, err = readMoment(at); err != nil {
		return err
	}
	if st.at.from == "step" && p.inputs == 1 {
		return errors.New("there is no step before")
	}
	if len(words) < 2 {
		return errors.New("a step is @TIME, an endpoint and an input")
	}
	st.endpoint = words[0]
	number, ok := p.endpoints[words[0]]
	if !ok {
		return fmt.Errorf("no endpoint %q is open", words[0])
	}
	input, ok := inputs[words[1]]
	if !ok {
		return fmt.Errorf("there is no input %q", words[1])
	}
	words = words[2:]
	st.keys = map[string]any{"endpoint": number, "do": input.do}
	var rest []string // the frame that comes in
	switch input.do {
	case "sender":
		if len(words) == 0 || !scriptWord.MatchString(words[0]) {
			return errors.New("sender names a sender, of letters and digits")
		}
		if p.senders[st.endpoint][words[0]] != 0 {
			return fmt.Errorf("there is a sender %q", words[0])
		}
		// It has its number when it is expected to be there: after a refusal the number is free again.
		p.named, words = words[0], words[1:]
		st.keys["sender"] = int64(len(p.senders[st.endpoint]) + 1)
	case "frame":
		if len(words) > 1 {
			words, rest = words[:1], words[1:]
		}
	}
	keys, err := p.form(input.form, words)
	if err != nil {
		return err
	}
	for key, v := range keys {
		if name, ok := names[input.do][key]; ok {
			key = name
		}
		st.keys[key] = v
	}
	switch input.do {
	case "transmit":
		st.result = map[string]any{} // frames, of which there can be none
		if st.keys["durable"] == false && st.keys["lossy"] == false {
			st.keys["durable"], st.keys["lossy"] = true, true
		}
	case "frame":
		frame, others, err := p.frame(rest)
		if err == nil && len(others) > 0 {
			err = fmt.Errorf("%q is no part of a frame", others[0])
		}
		if err != nil {
			return err
		}
		st.frame = &frame
	}
	return nil
}
