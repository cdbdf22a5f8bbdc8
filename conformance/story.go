package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A play is a script in the course of being put to a port.
type play struct {
	stages map[string]*stage // by the word of the endpoint
	last   int64             // the time of the step before, µs
}

// A stage is what the script has to know of an endpoint.
type stage struct {
	number int64
	next   any // the deadline, an int64, or nil
	used   int64
	frames []string         // those that it gave out, in hexadecimal
	names  map[int64]string // of senders, by number
}

// play puts one script to the port, up to the first difference, and drops the endpoints that it opened. error: the port is to be
// started again.
func (t *talk) play(r *Result) error {
	p := &play{stages: make(map[string]*stage)}
	for i := range r.Script.Steps {
		if err := t.perform(p, &r.Script.Steps[i], r); err != nil {
			return err
		}
		if r.Verdict != Passed {
			break
		}
	}
	for _, word := range slices.Sorted(maps.Keys(p.stages)) {
		drop := step{"drop", map[string]any{"endpoint": p.stages[word].number}, value(struct{}{})}
		reply, err := t.ask(drop.op, drop.keys)
		if r.Verdict == Passed && !t.settle(r, drop, reply, err) {
			r.Detail = fmt.Sprintf("%s:%d: dropping %s: %s", r.Script.File, r.Script.Line, word, strings.Join(append(r.Differs, r.Detail), "; "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// perform does one step, and says in r what became of it. error: the port is to be started again.
func (t *talk) perform(p *play, st *Step, r *Result) error {
	fail := func(verdict Verdict, why string) {
		r.Verdict, r.Detail = verdict, strings.TrimSuffix(fmt.Sprintf("%s:%d: %s\n%s", r.Script.File, st.Line, st.Text, why), "\n")
	}
	now, keys, err := p.request(st)
	if err != nil {
		fail(Failed, err.Error())
		return nil
	}
	reply, err := t.ask(st.op, keys)
	ok, doubt := p.want(st, now, reply)
	if err == nil && doubt != nil {
		fail(Failed, doubt.Error())
		return nil
	}
	step := step{st.op, keys, value(ok)}
	switch {
	case t.settle(r, step, reply, err):
		p.take(st, now, step.want)
	case r.Verdict == Failed:
		fail(Failed, p.compare(st, step.want, reply["ok"], r.Differs))
	default:
		fail(r.Verdict, r.Detail)
	}
	return err
}

// request returns the time of a step and the keys of its request. error: the story has gone another way.
func (p *play) request(st *Step) (now int64, keys map[string]any, err error) {
	if st.op == "open" {
		return 0, st.keys, nil
	}
	e := p.stages[st.endpoint]
	now = st.at.after
	switch st.at.from {
	case "step":
		now += p.last
	case "next":
		next, ok := e.next.(int64)
		if !ok {
			return 0, nil, fmt.Errorf("%s has no deadline", st.endpoint)
		}
		now += next
	}
	if now < 0 || now > maxInteger {
		return 0, nil, fmt.Errorf("the time is %d us", now)
	}
	keys = maps.Clone(st.keys)
	keys["now"] = now
	if st.frame != nil {
		keys["hex"], err = p.bytes(*st.frame)
	}
	return now, keys, err
}

// bytes returns the bytes of a frame, in hexadecimal.
func (p *play) bytes(l literal) (string, error) {
	if l.endpoint == "" {
		return l.hex, nil
	}
	frames := p.stages[l.endpoint].frames
	if l.number > int64(len(frames)) {
		return "", fmt.Errorf("%s has given out %d frames, and no %s#%d", l.endpoint, len(frames), l.endpoint, l.number)
	}
	return frames[l.number-1], nil
}

// want returns the ok that is to come back. What a script does not look at, it takes from the reply.
func (p *play) want(st *Step, now int64, reply map[string]any) (map[string]any, error) {
	events := st.events
	if events == nil {
		events = []any{}
	}
	want := map[string]any{"events": events, "next": nil, "used": int64(0)}
	if st.op == "open" {
		return want, nil
	}
	e := p.stages[st.endpoint]
	want["next"], want["used"] = e.next, e.used
	if st.next != nil {
		want["next"] = st.next.micros(now)
	}
	if st.used != nil {
		want["used"] = *st.used
	}
	maps.Copy(want, st.result)
	switch st.keys["do"] {
	case "transmit":
		frames := []any{}
		for _, s := range st.frames {
			hex, err := p.bytes(s.frame)
			if err != nil {
				return nil, err
			}
			frames = append(frames, s.want(hex))
		}
		want["frames"] = frames
	case "stats":
		ok, _ := reply["ok"].(map[string]any)
		got, _ := ok["stats"].(map[string]any)
		stats := maps.Clone(st.result["stats"].(map[string]any))
		for _, name := range counters {
			if _, looked := stats[name]; looked {
				continue
			}
			stats[name] = 0
			if n, ok := got[name].(json.Number); ok {
				if v, err := readNumber(n.String(), maxInteger); err == nil {
					stats[name] = v
				}
			}
		}
		want["stats"] = stats
	}
	if refused, ok := st.result["error"].(map[string]any); ok && st.keys["do"] != "frame" {
		refused = maps.Clone(refused)
		refused["retry"] = st.retry.micros(now)
		want["error"] = refused
	}
	return want, nil
}

// micros returns the time that is expected, counted from now, or nil.
func (d *deadline) micros(now int64) any {
	if d == nil || d.none {
		return nil
	}
	if d.at.from == "step" {
		return now + d.at.after
	}
	return d.at.after
}

// want returns what is to be said of a frame with these bytes: its P, the path that its D asks for and the reliable one for a
// CLOSE, unless the script says another.
func (s sent) want(hex string) map[string]any {
	durable, high := frameFlags(hex)
	if s.by != "" {
		durable = s.by == "reliable"
	}
	return map[string]any{"hex": hex, "to": s.to, "durable": durable, "high": high}
}

// take moves the story on by a step that went as is expected.
func (p *play) take(st *Step, now int64, ok any) {
	if st.op == "open" {
		e := p.stages[st.endpoint]
		if e == nil {
			e = &stage{number: st.keys["endpoint"].(int64)}
			p.stages[st.endpoint] = e
		}
		e.next, e.used, e.names = nil, 0, make(map[int64]string)
		return
	}
	p.last = now
	e := p.stages[st.endpoint]
	if st.next != nil {
		e.next = st.next.micros(now)
	}
	if st.used != nil {
		e.used = *st.used
	}
	if st.sender != "" {
		e.names[st.keys["sender"].(int64)] = st.sender
	}
	frames, _ := ok.(map[string]any)["frames"].([]any)
	for _, f := range frames {
		e.frames = append(e.frames, f.(map[string]any)["hex"].(string))
	}
}

// compare shows what was expected and what came, as expectations of a script: "-" is before what did not come, "+" before what
// was not expected.
func (p *play) compare(st *Step, want, got any, differs []string) string {
	e := p.stages[st.endpoint]
	if e == nil {
		e = &stage{}
	}
	a, b := e.lines(st, want), e.lines(st, got)
	if slices.Equal(a, b) {
		return strings.Join(differs, "\n")
	}
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var lines []string
	mark := func(with string, all []string) {
		for _, line := range all {
			lines = append(lines, with+" > "+line)
		}
	}
	mark(" ", a[:head])
	mark("-", a[head:len(a)-tail])
	mark("+", b[head:len(b)-tail])
	mark(" ", a[len(a)-tail:])
	return strings.Join(lines, "\n")
}

// lines writes an ok as the expectations that it would meet, as far as it has the form of one.
func (e *stage) lines(st *Step, v any) []string {
	ok, is := v.(map[string]any)
	if !is {
		return []string{short(text(v))}
	}
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if refused, is := ok["error"].(map[string]any); is && st.keys["do"] == "frame" {
		say("error %v at %v", refused["code"], refused["offset"])
	} else if is {
		say("refused %v have=%v limit=%v retry=%s", refused["code"], refused["have"], refused["limit"], spellDeadline(refused["retry"]))
	}
	for _, key := range []string{"channel", "sequence"} {
		if v, is := ok[key]; is {
			say("%s %v", key, v)
		}
	}
	if v, is := ok["verdict"]; is {
		say("%v", v)
	}
	if m, is := ok["message"].(map[string]any); is {
		say("message %v %s", m["sequence"], spellHex(fmt.Sprint(m["data"])))
	} else if _, is := ok["message"]; is {
		say("empty")
	}
	if _, is := ok["delivered"]; is {
		say("delivered=%v lost=%v unknown=%v dropped=%v", ok["delivered"], ok["lost"], ok["unknown"], ok["dropped"])
	}
	if stats, is := ok["stats"].(map[string]any); is {
		var words []string
		for _, name := range st.stats {
			words = append(words, fmt.Sprintf("%s=%v", name, stats[name]))
		}
		say("%s", strings.Join(words, " "))
	}
	frames, _ := ok["frames"].([]any)
	for _, f := range frames {
		f, _ := f.(map[string]any)
		say("frame %s", spellSent(f))
	}
	events, _ := ok["events"].([]any)
	for _, v := range events {
		switch v, _ := v.(map[string]any); v["event"] {
		case "created":
			kind := "lossy"
			if v["durable"] == true {
				kind = "durable"
			}
			say("created %v from=%v channel=%v %s", v["receiver"], v["from"], v["channel"], kind)
		case "message":
			say("message %v", v["receiver"])
		case "closed":
			say("closed %v %v", v["receiver"], v["reason"])
		case "senderClosed":
			name := fmt.Sprint(v["sender"])
			for number, word := range e.names {
				if fmt.Sprint(number) == name {
					name = word
					break
				}
			}
			say("sender-closed %s %v", name, v["reason"])
		default:
			say("%s", short(text(v)))
		}
	}
	if text(ok["next"]) != text(e.next) {
		say("next %s", spellDeadline(ok["next"]))
	}
	if used := fmt.Sprint(ok["used"]); used != fmt.Sprint(e.used) {
		say("used %s", used)
	}
	return lines
}

// spellDeadline writes a number of µs as a time, and null as none.
func spellDeadline(v any) string {
	if v == nil {
		return "none"
	}
	if n, ok := v.(json.Number); ok {
		if t, err := readNumber(n.String(), maxInteger); err == nil {
			return spellMicros(t)
		}
	}
	return text(v)
}

// spellSent writes a frame that was taken, and where it goes if that does not follow from it.
func spellSent(f map[string]any) string {
	plain, _ := f["hex"].(string)
	s := spellFrame(plain)
	if to, ok := f["to"].([]any); ok && len(to) > 0 {
		words := make([]string, len(to))
		for i, n := range to {
			words[i] = fmt.Sprint(n)
		}
		s += " to=" + strings.Join(words, ",")
	}
	durable, _ := frameFlags(plain)
	if f["durable"] != durable {
		by := "lossy"
		if f["durable"] == true {
			by = "reliable"
		}
		s += " by=" + by
	}
	return s
}
