package cdcp_test

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A history is the inputs of a small world, by their index.
type history struct {
	n      int
	inputs [smallDepth]uint8
}

func (h history) and(i int) history {
	h.inputs[h.n] = uint8(i)
	h.n++
	return h
}

// An explorer goes to every state of small worlds that can be reached, by one of the shortest histories that lead there.
type explorer struct {
	tb     *testing.T
	world  smallWorld
	inputs []smallInput
	frames [][]byte // by input
	tried  int      // inputs, each in one state
	seed   maphash.Seed
	states map[uint64]struct{}
	buf    [1]byte
}

// explore goes over the states of a world, level by level.
func (x *explorer) explore(w smallWorld) {
	x.world, x.frames = w, nil
	for _, in := range x.inputs {
		x.frames = append(x.frames, w.frame(in))
	}
	for level := []history{{}}; len(level) > 0; {
		var next []history
		for _, h := range level {
			next = x.visit(next, h)
		}
		level = next
	}
}

func (w smallWorld) frame(in smallInput) []byte {
	f := wire.Frame{Type: wire.Type(in.kind), Channel: 1, Session: w.ids[in.session], Sequence: wire.Serial(in.number)}
	if w.durable[in.session] {
		f.Flags = wire.FlagDurable
	}
	if in.kind == smallData {
		f.Payload = []byte{byte(in.session<<4 | in.number)}
	}
	b, _ := f.AppendBinary(nil)
	return b
}

// isNew reports whether a state was not seen before.
func (x *explorer) isNew(o *smallOracle) bool {
	h := maphash.Comparable(x.seed, struct {
		w smallWorld
		o smallOracle
	}{x.world, o.key()})
	if _, ok := x.states[h]; ok {
		return false
	}
	x.states[h] = struct{}{}
	return true
}

// A universe is one participant of an endpoint, who lives through a history of its own. That there are several in one endpoint
// saves time; none is to notice the others.
type universe struct {
	receivers [2]*cdcp.Receiver // the latest of each session
	out       [8]smallEvent
	events    int
}

// An outcome is what an input has to lead to.
type outcome struct {
	input   int
	verdict cdcp.Verdict
	oracle  smallOracle
}

// foresee tells what each input leads to: those that change nothing, others, and waits, the shortest first.
func (x *explorer) foresee(here *smallOracle) (idle, active, waits []outcome) {
	key := here.key()
	for i, in := range x.inputs {
		o := *here
		v := o.do(in)
		c := outcome{i, v, o}
		switch {
		case in.kind == smallWait:
			waits = append(waits, c)
		case o.key() == key:
			idle = append(idle, c)
		default:
			active = append(active, c)
		}
		x.tried++
	}
	return idle, active, waits
}

// visit lets an endpoint live through a history, once for each input that can come then, and holds all of them to what the oracle
// says. It appends to next the histories that lead to new states.
//
// What changes nothing comes first, in all universes; what changes something, in one each; and all waits in the last one.
func (x *explorer) visit(next []history, h history) []history {
	here := smallOracle{durable: x.world.durable}
	for _, i := range h.inputs[:h.n] {
		here.do(x.inputs[i])
	}
	idle, active, waits := x.foresee(&here)
	for _, c := range slices.Concat(idle, active, waits) {
		if x.isNew(&c.oracle) && h.n < x.world.depth {
			next = append(next, h.and(c.input))
		}
	}

	e, err := cdcp.New(start, cdcp.Config{Self: 100, Rand: zeros{}})
	if err != nil {
		x.tb.Fatal(err)
	}
	now := start
	universes := make([]universe, len(active)+1)
	one := func(u, i int) (v cdcp.Verdict) { // one input in one universe
		if from := wire.Participant(u + 1); x.inputs[i].kind == smallLeft {
			err = e.ParticipantLeft(now, from)
		} else {
			v, err = e.HandleFrame(now, from, x.frames[i])
		}
		if err != nil {
			x.tb.Fatal(err)
		}
		return v
	}
	begin := func() {
		for u := range universes {
			universes[u].events = 0
		}
	}
	for _, i := range h.inputs[:h.n] {
		begin()
		if d := x.inputs[i].wait; d != 0 {
			now = now.Add(time.Duration(d))
			e.Advance(now)
		} else {
			for u := range universes {
				one(u, int(i))
			}
		}
		x.poll(e, universes)
	}
	begin()
	for u := range universes {
		for _, c := range idle {
			if v := one(u, c.input); v != c.verdict {
				x.fail(h.and(c.input), "verdict %v, want %v", v, c.verdict)
			}
		}
	}
	x.poll(e, universes)
	at, _, _ := here.next()
	if d := e.Deadline(); d.IsZero() != (at == math.MaxInt64) || !d.IsZero() && int64(d.Sub(start)) != at {
		x.fail(h, "deadline %v, want %v", d.Sub(start), time.Duration(at))
	}
	for u, c := range active {
		if v := one(u, c.input); v != c.verdict {
			x.fail(h.and(c.input), "verdict %v, want %v", v, c.verdict)
		}
	}
	x.poll(e, universes)
	for u, c := range active {
		x.compare(h.and(c.input), &universes[u], &c.oracle)
	}
	for _, c := range waits {
		e.Advance(now.Add(time.Duration(x.inputs[c.input].wait)))
		x.poll(e, universes)
		x.compare(h.and(c.input), &universes[len(active)], &c.oracle)
	}
	return next
}

// poll polls all events, and reads the messages.
func (x *explorer) poll(e *cdcp.Endpoint, universes []universe) {
	for v, ok := e.NextEvent(); ok; v, ok = e.NextEvent() {
		u := &universes[v.Receiver.From()-1]
		out := smallEvent{kind: v.Kind, reason: v.Reason}
		switch v.Kind {
		case cdcp.EventMessage:
			m, ok := v.Receiver.Receive(x.buf[:0])
			if !ok || len(m.Data) != 1 {
				x.tb.Fatalf("message %d % x, %t", m.Sequence, m.Data, ok)
			}
			s := int8(m.Data[0] >> 4)
			out.session, out.number = s, int8(m.Data[0]&15)
			if u.receivers[s] != v.Receiver {
				u.receivers[s] = v.Receiver
				u.out[u.events-1].session = s // it was created just before
			}
		case cdcp.EventReceiverClosed:
			out.session = int8(slices.Index(u.receivers[:], v.Receiver))
		}
		u.out[u.events] = out
		u.events++
	}
}

// compare holds the events since the last input, and the counts, to what the oracle says.
func (x *explorer) compare(h history, u *universe, o *smallOracle) {
	if got, want := u.out[:u.events], o.out[:o.events]; !slices.Equal(got, want) {
		x.fail(h, "events %v, want %v", got, want)
	}
	for s, r := range u.receivers {
		if r == nil || !o.sessions[s].announced {
			continue
		}
		c := o.sessions[s].counts
		want := cdcp.Counts{Delivered: uint64(c[numberAccepted]), Lost: uint64(c[numberLost]), Unknown: uint64(c[numberUnknown])}
		if got := r.Counts(); got != want {
			x.fail(h, "session %d: %+v, want %+v", s+1, got, want)
		}
	}
}

func (x *explorer) fail(h history, format string, args ...any) {
	x.tb.Helper()
	var inputs []string
	for _, i := range h.inputs[:h.n] {
		inputs = append(inputs, x.inputs[i].String())
	}
	x.tb.Fatalf("sessions %v, durable %v: %s: %s", x.world.ids, x.world.durable, strings.Join(inputs, ", "), fmt.Sprintf(format, args...))
}

// TestExhaustive holds an endpoint to the oracle in every state of small worlds: of sessions whose ids are next to each other, wrap in
// between, or are as far apart as can be; each of them lossy or durable.
func TestExhaustive(t *testing.T) {
	x := &explorer{tb: t, inputs: smallInputs(), seed: maphash.MakeSeed(), states: make(map[uint64]struct{})}
	depth := 5
	if testing.Short() {
		depth = 3
	}
	for _, ids := range [][2]wire.Serial{{7, 8}, {1<<32 - 1, 0}, {0, 1<<31 - 1}} {
		for _, durable := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			x.explore(smallWorld{ids, durable, depth})
		}
	}
	t.Logf("%d inputs in %d states", x.tried, len(x.states))
}
