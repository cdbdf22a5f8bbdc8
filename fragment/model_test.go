package fragment_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// The model is built differently on purpose: one map over the messages of everybody, a map from each byte that is here to the
// fragment it came in, time in whole microseconds, order by counters, and a search through everything for each question.
type model struct {
	bytes, perPeer int
	clock          int // counts what is put in an order
	inProgress     map[modelName]*modelMessage
	unread         map[wire.Participant]int // cost
	stats          fragment.Stats
}

type modelName struct {
	from              wire.Participant
	channel           uint16
	session, sequence wire.Serial
}

type modelMessage struct {
	flags    wire.Flags
	total    int
	bytes    map[int]modelByte
	run      uint16
	killed   bool
	born     int
	deadline int64 // µs
	set      int
}

type modelByte struct {
	value byte
	part  [2]int // from, to
}

func modelCost(n int) int { return n + n/64 + 128 }

func (m *modelMessage) cost() int {
	if m.killed {
		return modelCost(0)
	}
	return modelCost(m.total)
}

func (m *model) progress(from wire.Participant) int {
	sum := 0
	for n, msg := range m.inProgress {
		if n.from == from {
			sum += msg.cost()
		}
	}
	return sum
}

func (m *model) heldBy(from wire.Participant) int { return m.unread[from] + m.progress(from) }

func (m *model) held() int {
	sum := 0
	for _, from := range peers {
		sum += m.heldBy(from)
	}
	return sum
}

// evict drops the oldest message in progress of one participant, and reports whether there was one.
func (m *model) evict(from wire.Participant) bool {
	var oldest modelName
	found := false
	for n, msg := range m.inProgress {
		if n.from == from && (!found || msg.born < m.inProgress[oldest].born) {
			oldest, found = n, true
		}
	}
	if found {
		delete(m.inProgress, oldest)
		m.stats.Evicted++
	}
	return found
}

func (m *model) makeRoom(from wire.Participant, cost int) bool {
	for m.heldBy(from)+cost > m.perPeer {
		if !m.evict(from) {
			return false
		}
	}
	for m.held()+cost > m.bytes {
		heaviest, most := wire.Participant(0), 0
		for _, p := range peers { // ascending
			if m.progress(p) > most {
				heaviest, most = p, m.progress(p)
			}
		}
		if !m.evict(heaviest) {
			return false
		}
	}
	return true
}

// fits asks a copy.
func (m *model) fits(from wire.Participant, cost, spare int) bool {
	c := *m
	c.inProgress = make(map[modelName]*modelMessage)
	maps.Copy(c.inProgress, m.inProgress)
	c.unread = make(map[wire.Participant]int)
	maps.Copy(c.unread, m.unread)
	c.unread[from] -= spare
	return c.makeRoom(from, cost)
}

func (m *model) add(now int64, from wire.Participant, f *wire.Frame) fragment.Verdict {
	name := modelName{from, f.Channel, f.Session, f.Sequence}
	msg := m.inProgress[name]
	if msg == nil {
		if f.Flags&wire.FlagDurable != 0 && f.Offset > 0 {
			return fragment.Conflict
		}
		if !m.fits(from, modelCost(int(f.Total)), 0) {
			return fragment.NoRoom
		}
		m.makeRoom(from, modelCost(int(f.Total)))
		m.clock++
		msg = &modelMessage{flags: f.Flags, total: int(f.Total), bytes: make(map[int]modelByte), born: m.clock}
		m.inProgress[name] = msg
		m.stats.Partials++
	}
	if msg.killed {
		return fragment.Conflict
	}
	span := [2]int{int(f.Offset), int(f.Offset) + len(f.Payload)}
	same, here := 0, 0
	for i, v := range f.Payload {
		if b, ok := msg.bytes[span[0]+i]; ok {
			here++
			if b.part == span && b.value == v {
				same++
			}
		}
	}
	agrees := msg.flags == f.Flags && msg.total == int(f.Total)
	if agrees && same == len(f.Payload) {
		return fragment.Duplicate
	}
	follows := here == 0 && (span[0] == 0 || msg.has(span[0]-1))
	if !agrees || here > 0 || msg.flags&wire.FlagDurable != 0 && !follows {
		msg.killed = true
		return fragment.Conflict
	}
	for i, v := range f.Payload {
		msg.bytes[span[0]+i] = modelByte{v, span}
	}
	if span[0] == 0 {
		msg.run, _ = f.Ext.Run()
	}
	if len(msg.bytes) == msg.total {
		return fragment.Complete
	}
	m.clock++
	msg.deadline, msg.set = now+5_000_000, m.clock
	return fragment.Held
}

// end ends those that the function chooses.
func (m *model) end(which func(modelName) bool) {
	for n := range m.inProgress {
		if which(n) {
			delete(m.inProgress, n)
			m.stats.Abandoned++
		}
	}
}

// next returns the earliest deadline; ok is false if there is none.
func (m *model) next() (at int64, ok bool) {
	for _, msg := range m.inProgress {
		if msg.flags&wire.FlagDurable == 0 && (!ok || msg.deadline < at) {
			at, ok = msg.deadline, true
		}
	}
	return at, ok
}

func (m *model) advance(now int64) {
	for n, msg := range m.inProgress {
		if msg.flags&wire.FlagDurable == 0 && msg.deadline <= now {
			delete(m.inProgress, n)
			m.stats.Expired++
		}
	}
}

// missing returns the fragment that begins at the first byte that is missing of the message with that place by age, and is as
// long as can be, but no longer than the step of its length; nil if there is none.
func (m *model) missing(from wire.Participant, place int) (modelName, *wire.Frame) {
	var names []modelName
	for n, msg := range m.inProgress {
		if n.from == from && !msg.killed {
			names = append(names, n)
		}
	}
	if place >= len(names) {
		return modelName{}, nil
	}
	slices.SortFunc(names, func(a, b modelName) int { return m.inProgress[a].born - m.inProgress[b].born })
	n := names[place]
	msg := m.inProgress[n]
	start := 0
	for msg.has(start) {
		start++
	}
	step := 256
	for _, l := range lengths {
		if l.total == msg.total {
			step = l.step
		}
	}
	end := start + 1
	for end < msg.total && !msg.has(end) && end < start+step {
		end++
	}
	if start > 0 && start < 256 || end < msg.total && end < start+256 {
		return modelName{}, nil
	}
	return n, &wire.Frame{
		Flags: msg.flags, Channel: n.channel, Session: n.session, Sequence: n.sequence,
		Offset: uint16(start), Total: uint16(msg.total), Payload: content(n.sequence, msg.total)[start:end],
	}
}

func (m *modelMessage) has(i int) bool {
	_, ok := m.bytes[i]
	return ok
}

var peers = []wire.Participant{2, 3, 500}

// lengths are those of the messages that are drawn, with the step in which they are cut most of the time.
var lengths = []struct{ total, step int }{{257, 256}, {600, 300}, {1000, 256}, {4096, 1024}, {32768, 8192}, {20000, 5000}}

// drawFragment draws a fragment that [wire.Frame.Parse] would accept. Most of them agree with others of the message.
func drawFragment(t *rapid.T) *wire.Frame {
	f := &wire.Frame{
		Channel:  uint16(rapid.IntRange(1, 2).Draw(t, "channel")),
		Session:  wire.Serial(rapid.SampledFrom([]uint32{0, 1<<32 - 1}).Draw(t, "session")),
		Sequence: wire.Serial(rapid.SampledFrom([]uint32{1, 1 << 31, 1<<32 - 1}).Draw(t, "sequence")),
	}
	if f.Session == 0 {
		f.Flags = wire.FlagDurable
	}
	l := lengths[(int(f.Channel)+int(f.Sequence%7))%len(lengths)]
	odd := func(label string) bool { return rapid.IntRange(0, 29).Draw(t, label) == 0 }
	if odd("flags differ") {
		f.Flags ^= rapid.SampledFrom([]wire.Flags{wire.FlagDurable, wire.FlagHigh}).Draw(t, "flags")
	}
	total := l.total
	if odd("length differs") {
		total = rapid.SampledFrom(lengths).Draw(t, "length").total
	}
	start := rapid.IntRange(0, (total-1)/l.step).Draw(t, "place") * l.step
	end := min(start+l.step, total)
	if odd("start differs") {
		start = rapid.IntRange(0, total-1).Draw(t, "start")
	}
	if odd("end differs") {
		end = rapid.IntRange(start+1, total).Draw(t, "end")
	}
	if start < 256 { // WIRE-019
		start = 0
	}
	if end < total { // WIRE-031
		end = min(max(end, start+256), total)
	}
	end = max(end, start+1)
	if start == 0 && end == total { // WIRE-030
		end = total - 1
	}
	f.Offset, f.Total = uint16(start), uint16(total)
	f.Payload = content(f.Sequence, total)[start:end]
	if odd("bytes differ") {
		f.Payload[rapid.IntRange(0, len(f.Payload)-1).Draw(t, "where")]++
	}
	if rapid.Bool().Draw(t, "with a run") {
		f.Ext, _ = f.Ext.Append(wire.ExtRun, []byte{byte(start >> 8), byte(start) | 1})
	}
	return f
}

// TestModel holds the Reassembler against the model, after every step of many.
func TestModel(t *testing.T) {
	reached := make(map[fragment.Verdict]int)
	rapid.Check(t, func(t *rapid.T) { testModel(t, reached) })
	for v := fragment.Held; v <= fragment.NoRoom; v++ {
		if reached[v] == 0 && !testing.Short() {
			t.Errorf("no fragment was %v", v)
		}
	}
	t.Logf("verdicts: %v", reached)
}

func testModel(t *rapid.T, reached map[fragment.Verdict]int) {
	perPeer := rapid.SampledFrom([]int{400, 1500, 5000, 40000, 100000, 200000}).Draw(t, "per peer")
	all := perPeer * rapid.IntRange(2, 6).Draw(t, "halves") / 2
	r := fragment.New(fragment.Budget{Bytes: all, BytesPerPeer: perPeer})
	m := &model{bytes: all, perPeer: perPeer, inProgress: make(map[modelName]*modelMessage), unread: make(map[wire.Participant]int)}
	accounts := make(map[wire.Participant]*fragment.Account)
	for _, p := range peers {
		accounts[p] = &fragment.Account{From: p}
	}
	type unread struct {
		from    wire.Participant
		message []byte
		want    []byte
	}
	var waiting []unread
	var now int64 // µs
	drawPeer := func(t *rapid.T) (wire.Participant, *fragment.Account) {
		p := rapid.SampledFrom(peers).Draw(t, "from")
		return p, accounts[p]
	}
	keep := func(from wire.Participant, message, want []byte) {
		if !bytes.Equal(message, want) {
			t.Fatalf("a message of %d bytes, want %d, or others", len(message), len(want))
		}
		waiting = append(waiting, unread{from, message, bytes.Clone(want)})
		m.unread[from] += modelCost(len(want))
	}
	addOne := func(t *rapid.T, from wire.Participant, f *wire.Frame) {
		a := accounts[from]
		name := modelName{from, f.Channel, f.Session, f.Sequence}
		want := m.add(now, from, f)
		message, run, got := r.Add(time.Duration(now)*time.Microsecond, a, f)
		reached[got]++
		if got != want {
			t.Fatalf("verdict %v, want %v", got, want)
		}
		for i := range f.Payload {
			f.Payload[i] ^= 0x55
		}
		if got != fragment.Complete {
			if message != nil || run != 0 {
				t.Fatalf("run %d, %d bytes with verdict %v", run, len(message), got)
			}
			return
		}
		msg := m.inProgress[name]
		delete(m.inProgress, name)
		m.stats.Completed++
		if run != msg.run {
			t.Fatalf("run %d, want %d", run, msg.run)
		}
		whole := make([]byte, msg.total)
		for i, b := range msg.bytes {
			whole[i] = b.value
		}
		keep(from, message, whole)
	}
	add := func(t *rapid.T) {
		from, _ := drawPeer(t)
		addOne(t, from, drawFragment(t))
	}
	// missing adds the first bytes that are missing of one of the oldest messages in progress.
	missing := func(t *rapid.T) {
		from, _ := drawPeer(t)
		name, f := m.missing(from, rapid.IntRange(0, 2).Draw(t, "age"))
		if f == nil {
			t.Skip("nothing is missing")
		}
		if rapid.IntRange(0, 9).Draw(t, "with a run") == 0 {
			f.Ext, _ = f.Ext.Append(wire.ExtRun, []byte{byte(f.Offset >> 8), 3})
		}
		addOne(t, name.from, f)
	}
	actions := map[string]func(*rapid.T){
		"add":           add,
		"add another":   add,
		"add missing":   missing,
		"add missing 2": missing,
		"add missing 3": missing,
		"keep": func(t *rapid.T) {
			from, a := drawPeer(t)
			payload := randomBytes(uint64(len(waiting)), rapid.SampledFrom([]int{0, 1, 200, 1000, 5000, 32768}).Draw(t, "n"))
			want := m.makeRoom(from, modelCost(len(payload)))
			message, ok := r.Keep(a, payload)
			if ok != want {
				t.Fatalf("Keep is %v, want %v", ok, want)
			}
			if ok {
				keep(from, message, bytes.Clone(payload))
			}
			clear(payload)
		},
		"release": func(t *rapid.T) {
			if len(waiting) == 0 {
				t.Skip("none waits")
			}
			i := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
			u := waiting[i]
			waiting = append(waiting[:i], waiting[i+1:]...)
			if !bytes.Equal(u.message, u.want) {
				t.Fatal("a message changed before it was released")
			}
			r.Release(accounts[u.from], u.message)
			m.unread[u.from] -= modelCost(len(u.want))
		},
		"kill": func(t *rapid.T) {
			from, a := drawPeer(t)
			f := drawFragment(t)
			r.Kill(a, f.Channel, f.Session, f.Sequence)
			if msg := m.inProgress[modelName{from, f.Channel, f.Session, f.Sequence}]; msg != nil {
				msg.killed = true
			}
		},
		"end": func(t *rapid.T) {
			from, a := drawPeer(t)
			f := drawFragment(t)
			r.End(a, f.Channel, f.Session, f.Sequence)
			m.end(func(n modelName) bool { return n == modelName{from, f.Channel, f.Session, f.Sequence} })
		},
		"end others": func(t *rapid.T) {
			from, a := drawPeer(t)
			f := drawFragment(t)
			r.EndOthers(a, f.Channel, f.Session, f.Sequence)
			m.end(func(n modelName) bool {
				return n.from == from && n.channel == f.Channel && n.session == f.Session && n.sequence != f.Sequence
			})
		},
		"forget": func(t *rapid.T) {
			from, a := drawPeer(t)
			f := drawFragment(t)
			r.Forget(a, f.Channel, func(s wire.Serial) bool { return s == f.Session })
			m.end(func(n modelName) bool { return n.from == from && n.channel == f.Channel && n.session == f.Session })
		},
		"forget all": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
				t.Skip("not now")
			}
			from, a := drawPeer(t)
			r.ForgetAll(a)
			m.end(func(n modelName) bool { return n.from == from })
		},
		"wait": func(t *rapid.T) {
			now += int64(rapid.IntRange(0, 2_000_000).Draw(t, "µs"))
			r.Advance(time.Duration(now) * time.Microsecond)
			m.advance(now)
		},
		"wait for the deadline": func(t *rapid.T) {
			at, ok := m.next()
			if !ok {
				t.Skip("there is none")
			}
			was := r.Stats()
			now = at - 1
			r.Advance(time.Duration(now) * time.Microsecond)
			if r.Stats() != was {
				t.Fatal("something expired before the deadline")
			}
			now = at
			r.Advance(time.Duration(now) * time.Microsecond)
			m.advance(now)
			if r.Stats() == was {
				t.Fatal("nothing expired at the deadline")
			}
		},
		"": func(t *rapid.T) { // after every step
			if r.Held() != m.held() || r.Held() > all {
				t.Fatalf("held %d, want %d, at most %d", r.Held(), m.held(), all)
			}
			for p, a := range accounts {
				if a.Held() != m.heldBy(p) || a.Held() > perPeer {
					t.Fatalf("participant %d holds %d, want %d, at most %d", p, a.Held(), m.heldBy(p), perPeer)
				}
				for _, n := range []int{0, 1000, 32768} {
					for _, spare := range []int{0, m.unread[p]} {
						if got, want := r.Fits(a, n, spare), m.fits(p, modelCost(n), spare); got != want {
							t.Fatalf("Fits of %d bytes with %d to spare is %v, want %v", n, spare, got, want)
						}
					}
				}
			}
			at, ok := r.Deadline()
			if want, wantOK := m.next(); ok != wantOK || at != time.Duration(want)*time.Microsecond {
				t.Fatalf("deadline %v, %v, want %d µs, %v", at, ok, want, wantOK)
			}
			s := r.Stats()
			if s != m.stats {
				t.Fatalf("counters %+v, want %+v", s, m.stats)
			}
			if s.Partials != s.Completed+s.Expired+s.Evicted+s.Abandoned+uint64(len(m.inProgress)) {
				t.Fatalf("counters %+v with %d in progress", s, len(m.inProgress))
			}
		},
	}
	for range 8 { // a Repeat is about 30 steps
		t.Repeat(actions)
	}
}
