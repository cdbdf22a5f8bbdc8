package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// maxLost is how many cases in a row can go by with a port that hangs or does not start again, before it is given up.
const maxLost = 5

// A Result is what became of one case: of a vector, or of a script.
type Result struct {
	Vector  *Vector
	Script  *Script
	Verdict Verdict
	Took    time.Duration
	Detail  string   // of a port that broke, or said that it failed; of a script always, if it did not pass
	Sent    string   // the request that was answered wrongly, or not at all; "" if it passed
	Want    string   // the ok that was to come back
	Got     string   // the reply without its id; "" if there was none
	Differs []string // where Got differs from Want
	Stderr  string   // what the port said on the side
}

// Judge puts every vector of s to the port, which it starts, and starts again whenever it breaks. progress, which can
// be nil, is called before each case. error: the port could not be started, or did not pass the probes at the start;
// nothing was judged.
func (s *Suite) Judge(p Port, progress func(done, total int)) (*Report, error) {
	results := make([]Result, len(s.Vectors))
	for i := range results {
		results[i].Vector = &s.Vectors[i]
	}
	who, err := judgeAll(p, results, progress)
	if err != nil {
		return nil, err
	}
	return &Report{Suite: s, Port: who, Results: results}, nil
}

// JudgeScripts puts every script of s to the port, as Judge does with the vectors. A script ends at its first difference.
func (s *Suite) JudgeScripts(p Port, progress func(done, total int)) ([]Result, error) {
	results := make([]Result, len(s.Scripts))
	for i := range results {
		results[i].Script = &s.Scripts[i]
	}
	if _, err := judgeAll(p, results, progress); err != nil {
		return nil, err
	}
	return results, nil
}

// judgeAll puts the cases that results name to the port, and says what became of them.
func judgeAll(p Port, results []Result, progress func(done, total int)) (Identity, error) {
	t := &talk{port: p}
	who, err := t.start()
	if err != nil {
		return who, startError(err, p.Stderr())
	}
	broken, lost := error(nil), 0 // the port has to be started again; cases lost in a row
	for i := range results {
		if progress != nil {
			progress(i, len(results))
		}
		began := time.Now()
		r := &results[i]
		if broken != nil && lost < maxLost {
			_, broken = t.start()
		}
		if broken == nil {
			p.Stderr() // of the time before
			broken = t.try(r)
		} else {
			r.Verdict = NotRun
			r.Detail = fmt.Sprintf("the port could not be started again: %v", broken)
			if lost == maxLost {
				r.Detail = fmt.Sprintf("the port was given up after %d lost cases in a row", lost)
			}
		}
		if r.Verdict == Hang || r.Verdict == NotRun {
			lost = min(lost+1, maxLost)
		} else {
			lost = 0
		}
		if r.Verdict != Passed {
			r.Stderr = p.Stderr()
		}
		r.Took = time.Since(began)
	}
	return who, nil
}

func startError(err error, stderr string) error {
	if stderr != "" {
		return fmt.Errorf("the port did not start: %w\nits standard error:\n%s", err, stderr)
	}
	return fmt.Errorf("the port did not start: %w", err)
}

// try puts one case to the port. error: the port is to be started again.
func (t *talk) try(r *Result) error {
	if r.Script != nil {
		return t.play(r)
	}
	for _, step := range r.Vector.steps() {
		reply, err := t.ask(step.op, step.keys)
		if !t.settle(r, step, reply, err) {
			return err
		}
	}
	return nil
}

// settle says in r what became of the last request, a step of its case, and reports whether it passed.
func (t *talk) settle(r *Result, step step, reply map[string]any, err error) bool {
	if err == nil {
		r.Verdict, r.Differs = judge(reply, step)
		if r.Verdict == Passed {
			return true
		}
		r.Got = text(reply)
		if r.Verdict == Bug {
			r.Detail = fmt.Sprint(reply["bug"])
		}
	} else {
		r.Verdict, r.Detail = Crash, err.Error()
		if b, ok := errors.AsType[*Broken](err); ok {
			r.Verdict, r.Detail = b.Verdict, b.Detail
		}
	}
	r.Sent, r.Want = string(t.sent), text(map[string]any{"ok": step.want})
	return false
}

// judge compares a reply with the ok that is to come back.
func judge(reply map[string]any, step step) (Verdict, []string) {
	if len(reply) == 1 && reply["unsupported"] == step.op {
		return Unsupported, nil
	}
	if _, is := reply["bug"].(string); is && len(reply) == 1 {
		return Bug, nil
	}
	if differs := diff("", map[string]any{"ok": step.want}, any(reply)); len(differs) > 0 {
		return Failed, differs
	}
	return Passed, nil
}

// diff says where got differs from want, both as parse gives them, by path.
func diff(at string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		var all []string
		for _, key := range slices.Sorted(maps.Keys(w)) {
			if v, ok := g[key]; ok {
				all = append(all, diff(at+"."+key, w[key], v)...)
			} else {
				all = append(all, fmt.Sprintf("%s.%s is missing", at, key))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(g)) {
			if _, ok := w[key]; !ok {
				all = append(all, fmt.Sprintf("%s.%s is not asked for", at, key))
			}
		}
		return all
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		var all []string
		for i := range w {
			all = append(all, diff(fmt.Sprintf("%s[%d]", at, i), w[i], g[i])...)
		}
		return all
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: expected %s, got %s", at, short(text(want)), short(text(got)))}
}
