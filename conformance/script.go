package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// A literal is a frame in a script: its bytes in plain hexadecimal, or which of the frames that an endpoint gave out.
type literal struct {
	hex      string
	endpoint string // its word; "": it is the bytes
	number   int64  // 1 is the first
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

// The words of SPEC.md section 9.
var (
	verdicts = []string{"accepted", "duplicate", "stale", "superseded", "ignored", "mismatch", "overflow", "dropped"}
	refusals = []string{"InvalidArgument", "DataChannelFailedToStart", "DataChannelRandomIdNotAvailable", "DataChannelSenderClosed",
		"DataChannelMessageSizeOverLimit", "DataChannelMessageFailureForBandwidth", "DataChannelMessageFailureForTrafficLimit"}
	receiverReasons = []string{"closed", "replaced", "idle", "overflow", "limit", "left"}
	senderReasons   = []string{"replaced", "link"}
	counters        = []string{"framesIn", "malformed", "accepted", "duplicate", "stale", "superseded", "ignored", "mismatch", "overflow",
		"dropped", "messagesIn", "read", "discarded", "partials", "completed", "expired", "evicted", "abandoned", "limited", "forgotten",
		"messagesOut", "unsent", "framesOut", "held"}
)

// maxMessage is the longest message of SPEC.md section 6.
const maxMessage = 32768

// expect reads an expectation: of the result, then of events, then of next and used.
func (p *scriptParser) expect(words []string) error {
	st, head, do := p.step, words[0], p.step.keys["do"]
	turn := atResult
	switch {
	case head == "next" || head == "used":
		turn = atEnd
	case head == "created" || head == "closed" || head == "sender-closed" || head == "message" && (do != "read" || len(words) == 2):
		turn = atEvents
	}
	if turn < p.phase {
		return fmt.Errorf("%q comes too late: the result, the events, and then next and used", head)
	}
	p.phase = turn
	switch turn {
	case atResult:
		return p.result(words)
	case atEvents:
		event, err := p.event(words)
		st.events = append(st.events, event)
		return err
	}
	if head == "used" {
		keys, err := p.form("used N", words)
		if err == nil && st.used != nil {
			err = errors.New("used stands twice")
		}
		if err != nil {
			return err
		}
		st.used = new(keys["N"].(int64))
		return nil
	}
	keys, err := p.form("next DEADLINE", words)
	if err == nil && st.next != nil {
		err = errors.New("next stands twice")
	}
	if err != nil {
		return err
	}
	st.next = new(keys["DEADLINE"].(deadline))
	return nil
}

// result reads the expectation of a result. Only frames can be several.
func (p *scriptParser) result(words []string) error {
	st, head, do := p.step, words[0], p.step.keys["do"]
	if st.result != nil && do != "transmit" {
		return errors.New("a second result")
	}
	var keys map[string]any
	var err error
	switch {
	case head == "refused" && slices.Contains([]any{"linkUp", "sender", "send", "participants", "bitrate", "left"}, do):
		if keys, err = p.form("refused NAME [have=N] [limit=N] [retry=DEADLINE]", words); err == nil {
			if retry, ok := keys["retry"].(deadline); ok {
				st.retry = &retry
			}
			st.result = map[string]any{"error": map[string]any{"code": keys["NAME"], "have": keys["have"], "limit": keys["limit"]}}
		}
	case head == "channel" && do == "sender":
		if keys, err = p.form("channel U16", words); err == nil {
			st.result = map[string]any{"channel": keys["U16"], "maxMessage": maxMessage}
			st.sender = p.named
			p.senders[st.endpoint][p.named] = st.keys["sender"].(int64)
		}
	case head == "sequence" && do == "send":
		if keys, err = p.form("sequence U32", words); err == nil {
			st.result = map[string]any{"sequence": keys["U32"]}
		}
	case do == "frame" && slices.Contains(verdicts, head):
		if _, err = p.form(head, words); err == nil {
			st.result = map[string]any{"verdict": head}
		}
	case head == "error" && do == "frame":
		if keys, err = p.form("error N at U16", words); err == nil {
			st.result = map[string]any{"error": map[string]any{"code": keys["N"], "offset": keys["U16"]}}
		}
	case head == "frame" && do == "transmit":
		var others []string
		var s sent
		if s.frame, others, err = p.frame(words[1:]); err == nil {
			keys, err = p.form("[to=HANDLES] [by=PATH]", others)
		}
		if err == nil {
			s.to = keys["to"].([]int64)
			s.by, _ = keys["by"].(string)
			st.frames = append(st.frames, s)
		}
	case head == "empty" && do == "read":
		if _, err = p.form("empty", words); err == nil {
			st.result = map[string]any{"message": nil}
		}
	case head == "message" && do == "read":
		if keys, err = p.form("message U32 HEX", words); err == nil {
			st.result = map[string]any{"message": map[string]any{"sequence": keys["U32"], "data": keys["HEX"]}}
		}
	case do == "counts":
		st.result, err = p.form("delivered=N lost=N unknown=N dropped=N", words)
	case do == "stats":
		if keys, err = p.form("["+strings.Join(counters, "=COUNTER] [")+"=COUNTER]", words); err == nil {
			st.stats = slices.Sorted(maps.Keys(keys))
			st.result = map[string]any{"stats": keys}
		}
	default:
		err = fmt.Errorf("%q is nothing that %v has for a result", head, do)
	}
	return err
}

// event reads the expectation of an event.
func (p *scriptParser) event(words []string) (event map[string]any, err error) {
	var keys map[string]any
	switch words[0] {
	case "created":
		if keys, err = p.form("created R from=HANDLE channel=U16 [lossy] [durable]", words); err != nil {
			return nil, err
		}
		if keys["lossy"] == keys["durable"] {
			return nil, errors.New("created says lossy or durable")
		}
		return map[string]any{"event": "created", "receiver": keys["R"], "from": keys["from"], "channel": keys["channel"], "durable": keys["durable"]}, nil
	case "message":
		keys, err = p.form("message R", words)
		return map[string]any{"event": "message", "receiver": keys["R"]}, err
	case "closed":
		keys, err = p.form("closed R REASON", words)
		return map[string]any{"event": "closed", "receiver": keys["R"], "reason": keys["REASON"]}, err
	}
	keys, err = p.form("sender-closed S WHY", words)
	return map[string]any{"event": "senderClosed", "sender": keys["S"], "reason": keys["WHY"]}, err
}

// frame reads a FRAME. The words that are no part of it are left.
func (p *scriptParser) frame(words []string) (l literal, others []string, err error) {
	if len(words) == 0 {
		return l, nil, errors.New("a frame is missing")
	}
	head, words := words[0], words[1:]
	if head == "hex" {
		if len(words) == 0 {
			return l, nil, errors.New("hex has no bytes behind it")
		}
		l.hex, err = readHex(words[0])
		return l, words[1:], err
	}
	if word, number, ok := strings.Cut(head, "#"); ok {
		if p.endpoints[word] == 0 {
			return l, nil, fmt.Errorf("no endpoint %q is open", word)
		}
		l.endpoint = word
		if l.number, err = readNumber(number, maxInteger); err == nil && l.number == 0 {
			err = errors.New("the first frame has number 1")
		}
		return l, words, err
	}
	form, ok := map[string]string{"DATA": "[payload=HEX]", "CLOSE": "[reason=U16]", "KEEPALIVE": ""}[head]
	if !ok {
		return l, nil, fmt.Errorf("%q is no frame: DATA, CLOSE, KEEPALIVE, hex HEX or A#2", head)
	}
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool {
		if other := strings.HasPrefix(word, "to=") || strings.HasPrefix(word, "by="); other {
			others = append(others, word)
			return true
		}
		return false
	})
	keys, err := p.form("[channel=U16] [session=U32] [sequence=U32] [durable] [high] [offset=U16] [total=U16] "+
		"[run=RUN] [origin=ORIGIN] [participants=LIST] [ext=EXT] "+form, words)
	if err != nil {
		return l, nil, err
	}
	f := &Frame{Type: strings.ToLower(head), Durable: keys["durable"].(bool), High: keys["high"].(bool),
		Channel: keys["channel"].(int64), Session: keys["session"].(int64), Sequence: keys["sequence"].(int64),
		Offset: keys["offset"].(int64), Total: keys["total"].(int64)}
	f.Payload, _ = keys["payload"].(string)
	f.Reason, _ = keys["reason"].(int64)
	all, _ := keys["ext"].([]TLV)
	if run, ok := keys["run"].(int64); ok {
		all = append(all, numbersTLV(tlvRun, run))
	}
	if origin, ok := keys["origin"].(int64); ok {
		all = append(all, numbersTLV(tlvOrigin, origin))
	}
	if list, ok := keys["participants"].([]int64); ok {
		all = append(all, numbersTLV(tlvParticipants, list...))
	}
	if err := f.putTLVs(all); err != nil {
		return l, nil, err
	}
	l.hex = fmt.Sprintf("%x", f.bytes())
	return l, others, nil
}

// form reads words by a form. A word of it in capitals stands for a value of that kind; key=KIND, [key=KIND] and [flag] are options,
// which come behind the other words in any order, and those in brackets can be left out; any other word stands for itself. The
// values are given by kind or by key. A flag has one always; another option that is left out has the zero of its kind, if there is one.
func (p *scriptParser) form(form string, words []string) (map[string]any, error) {
	keys := make(map[string]any)
	options := make(map[string]string) // the kind by key; "": a flag
	required := []string{}
	for f := range strings.FieldsSeq(form) {
		bare := strings.Trim(f, "[]")
		key, name, valued := strings.Cut(bare, "=")
		switch {
		case valued && bare == f:
			required = append(required, key)
			options[key] = name
		case valued:
			options[key] = name
			if zero := kinds[name].zero; zero != nil {
				keys[key] = zero
			}
		case bare != f:
			options[key] = ""
			keys[key] = false
		default:
			if len(words) == 0 {
				return nil, fmt.Errorf("%s is missing: %s", f, form)
			}
			if k, ok := kinds[f]; ok {
				v, err := k.read(p, words[0])
				if err != nil {
					return nil, err
				}
				keys[f] = v
			} else if f != words[0] {
				return nil, fmt.Errorf("%q stands for %q: %s", words[0], f, form)
			}
			words = words[1:]
		}
	}
	given := make(map[string]bool)
	for _, word := range words {
		key, value, valued := strings.Cut(word, "=")
		name, ok := options[key]
		if !ok || valued != (name != "") {
			return nil, fmt.Errorf("%q is too much: %s", word, form)
		}
		if given[key] && name != "EXT" {
			return nil, fmt.Errorf("%q stands twice", key)
		}
		given[key] = true
		if !valued {
			keys[key] = true
			continue
		}
		v, err := kinds[name].read(p, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if t, ok := v.(TLV); ok && name == "EXT" {
			all, _ := keys[key].([]TLV)
			v = append(all, t)
		}
		keys[key] = v
	}
	for _, key := range required {
		if !given[key] {
			return nil, fmt.Errorf("%s= is missing: %s", key, form)
		}
	}
	return keys, nil
}

// A kind is a kind of value in a form.
type kind struct {
	read func(p *scriptParser, s string) (any, error)
	zero any // of an option that is left out; nil: there is none
}

// kinds has the kinds by the words that stand for them.
var kinds = map[string]kind{
	"N":       {number(0, maxInteger), int64(0)},
	"U16":     {number(0, 65535), int64(0)},
	"U32":     {number(0, 1<<32-1), int64(0)},
	"R":       {number(1, maxInteger), nil},
	"HANDLE":  {number(1, 65535), nil},
	"COUNT":   {number(0, 15), nil},
	"COUNTER": {number(0, maxInteger), nil},
	"FIRST":   {number(1, 1<<32-1), int64(1)},
	"BOUND":   {number(1, 1<<31-1), nil},
	"RATE": {func(p *scriptParser, s string) (any, error) {
		if s == "none" {
			return nil, nil
		}
		return number(1, 10000000)(p, s)
	}, nil},
	"TIME": {plain(readMicros), int64(0)},
	"START": {func(_ *scriptParser, s string) (any, error) {
		t, err := readMicros(s)
		if err == nil && t > maxStart {
			err = fmt.Errorf("%s leaves no time to go by", s)
		}
		return t, err
	}, int64(0)},
	"DEADLINE": {func(_ *scriptParser, s string) (any, error) {
		if s == "none" {
			return deadline{none: true}, nil
		}
		at, err := readMoment(s)
		if err == nil && at.from == "next" {
			err = errors.New("a deadline is counted from the step, or is a time on the clock")
		}
		return deadline{at: at}, err
	}, nil},
	"HEX":     {plain(readHex), ""},
	"HANDLES": {plain(readHandles), []int64{}},
	"NAME":    {oneOf(refusals...), nil},
	"REASON":  {oneOf(receiverReasons...), nil},
	"WHY":     {oneOf(senderReasons...), nil},
	"PATH":    {oneOf("reliable", "lossy"), nil},
	"RUN":     {number(0, 65535), nil},
	"ORIGIN":  {number(0, 65535), nil},
	"EXT":     {plain(readTLV), nil},
	"LIST": {func(_ *scriptParser, s string) (any, error) {
		list, err := readHandles(s)
		if err == nil && len(list) == 0 {
			err = errors.New("what a frame names is never all")
		}
		return list, err
	}, nil},
	"S": {func(p *scriptParser, s string) (any, error) {
		number := p.senders[p.step.endpoint][s]
		if number == 0 {
			return nil, fmt.Errorf("%s has no sender %q", p.step.endpoint, s)
		}
		return number, nil
	}, nil},
}

// number reads a number from least to most.
func number(least, most int64) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) {
		n, err := readNumber(s, most)
		if err == nil && n < least {
			err = fmt.Errorf("%d is less than %d", n, least)
		}
		return n, err
	}
}

// oneOf reads one of words.
func oneOf(words ...string) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}
}

// plain reads what depends on nothing before it.
func plain[T any](read func(string) (T, error)) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) { return read(s) }
}
