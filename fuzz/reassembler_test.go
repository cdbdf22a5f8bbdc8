package fuzz

import (
	"bytes"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// The operations on a reassembler, by the byte that they begin with.
const (
	partFields  = iota // a frame that is made of fields
	partFrame          // a frame that is written out
	partKeep           // a whole message
	partRelease        // of a message that was given out
	partKill
	partEnd
	partEndOthers
	partForget
	partForgetAll
	partWait
	partOps
)

// A naiveReassembler is SPEC.md section 9.14 as it reads, and BOUND-005: one list of messages in the order in which they began, each
// with the fragments that came.
type naiveReassembler struct {
	budget   fragment.Budget
	progress []*naiveMessage
	unread   map[wire.Participant]int // cost
	stats    fragment.Stats
}

type naiveMessage struct {
	stream
	sequence wire.Serial
	flags    wire.Flags
	total    int
	parts    []naivePart // nil: killed
	deadline int64
}

type naivePart struct {
	start int
	bytes []byte
	run   uint16
}

func (m *naiveMessage) cost() int {
	if m.parts == nil {
		return fragment.Cost(0)
	}
	return fragment.Cost(m.total)
}

func (m *naiveMessage) got() int {
	n := 0
	for _, p := range m.parts {
		n += len(p.bytes)
	}
	return n
}

func (r *naiveReassembler) cost(of func(wire.Participant) bool, all bool) int {
	sum := 0
	for _, m := range r.progress {
		if of(m.from) {
			sum += m.cost()
		}
	}
	if all {
		for p, n := range r.unread {
			if of(p) {
				sum += n
			}
		}
	}
	return sum
}

func only(p wire.Participant) func(wire.Participant) bool {
	return func(q wire.Participant) bool { return p == q }
}

func anyone(wire.Participant) bool { return true }

// end ends those that which chooses, and returns how many they are.
func (r *naiveReassembler) end(which func(*naiveMessage) bool) uint64 {
	var rest []*naiveMessage
	for _, m := range r.progress {
		if !which(m) {
			rest = append(rest, m)
		}
	}
	n := len(r.progress) - len(rest)
	r.progress = rest
	return uint64(n)
}

// makeRoom is BOUND-001 and BOUND-005. It reports whether there is room then.
func (r *naiveReassembler) makeRoom(from wire.Participant, cost int) bool {
	evict := func(p wire.Participant) bool {
		for _, m := range r.progress {
			if m.from == p {
				r.stats.Evicted += r.end(func(x *naiveMessage) bool { return x == m })
				return true
			}
		}
		return false
	}
	for r.cost(only(from), true)+cost > r.budget.BytesPerPeer {
		if !evict(from) {
			return false
		}
	}
	for r.cost(anyone, true)+cost > r.budget.Bytes {
		heaviest, most := wire.Participant(0), 0
		for _, m := range r.progress {
			if n := r.cost(only(m.from), false); n > most || n == most && m.from < heaviest {
				heaviest, most = m.from, n
			}
		}
		if !evict(heaviest) {
			return false
		}
	}
	return true
}

// fits asks what makeRoom would say.
func (r *naiveReassembler) fits(from wire.Participant, cost int) bool {
	c := *r
	return c.makeRoom(from, cost)
}

func (r *naiveReassembler) find(s stream, n wire.Serial) *naiveMessage {
	for _, m := range r.progress {
		if m.stream == s && m.sequence == n {
			return m
		}
	}
	return nil
}

func (r *naiveReassembler) add(now int64, s stream, f *wire.Frame) (message []byte, run uint16, v fragment.Verdict) {
	m := r.find(s, f.Sequence)
	part := naivePart{start: int(f.Offset), bytes: bytes.Clone(f.Payload)}
	part.run, _ = f.Ext.Run()
	durable := f.Flags&wire.FlagDurable != 0
	if m == nil {
		if durable && f.Offset != 0 {
			return nil, 0, fragment.Conflict // FRAG-005
		}
		cost := fragment.Cost(int(f.Total))
		if !r.fits(s.from, cost) {
			return nil, 0, fragment.NoRoom // BOUND-008
		}
		r.makeRoom(s.from, cost)
		r.stats.Partials++
		m = &naiveMessage{stream: s, sequence: f.Sequence, flags: f.Flags, total: int(f.Total), parts: []naivePart{}}
		r.progress = append(r.progress, m)
	}
	if m.parts == nil {
		return nil, 0, fragment.Conflict // FRAG-007
	}
	conflict := m.flags != f.Flags || m.total != int(f.Total)
	for _, p := range m.parts {
		if !conflict && p.start == part.start && bytes.Equal(p.bytes, part.bytes) {
			return nil, 0, fragment.Duplicate // FRAG-002
		}
		conflict = conflict || p.start < part.start+len(part.bytes) && part.start < p.start+len(p.bytes) // FRAG-003
	}
	if conflict || m.flags&wire.FlagDurable != 0 && part.start != m.got() { // FRAG-006
		m.parts = nil
		return nil, 0, fragment.Conflict
	}
	m.parts = append(m.parts, part)
	if m.got() < m.total {
		m.deadline = now + 5e6 // FRAG-004
		return nil, 0, fragment.Held
	}
	message = make([]byte, m.total)
	for _, p := range m.parts {
		copy(message[p.start:], p.bytes)
		if p.start == 0 {
			run = p.run // FRAME-005
		}
	}
	r.stats.Completed += r.end(func(x *naiveMessage) bool { return x == m })
	r.unread[s.from] += fragment.Cost(m.total)
	return message, run, fragment.Complete
}

// next returns the first deadline.
func (r *naiveReassembler) next() (at int64, ok bool) {
	for _, m := range r.progress {
		if m.flags&wire.FlagDurable == 0 && (!ok || m.deadline < at) {
			at, ok = m.deadline, true
		}
	}
	return at, ok
}

// recordReassembler writes frames with fragments as FuzzReassembler reads them; nil: there are none.
func recordReassembler(frames [][]byte) []byte {
	r, found := recording{}.u8(0), false
	for _, b := range frames {
		var f wire.Frame
		if f.Parse(b) == nil && f.Total != 0 {
			r, found = r.u8(partFrame, 0).bytes(b), true
		}
	}
	if !found {
		return nil
	}
	return r.u8(partWait, 3, partWait, 5, partRelease, 0)
}

// FuzzReassembler: verdicts, messages, costs, deadlines and counters are those of a naive one.
func FuzzReassembler(f *testing.F) {
	for _, all := range scripts(f) {
		if r := recordReassembler(frames(f, all)); r != nil {
			f.Add(r)
		}
	}
	// A lossy and a durable message, each with a fragment that comes twice and with one that contradicts; whole ones in between.
	r := recording{}.u8(1)
	for _, flags := range []byte{0x00, 0x20} {
		add := func(kind, step, length byte, more ...byte) {
			r = r.u8(partFields, 1, flags|kind, 0, flags>>5, step, 0, length).u8(more...)
		}
		add(fieldsBegin, 0, 5, 8)
		add(fieldsBegin, 1, 5, 8)
		add(fieldsNext, 1, 5)
		r = r.u8(partKeep, 0, 9)
		add(fieldsNext, 1, 5)
		add(fieldsNext, 1, 5)
		r = r.u8(partRelease, 0)
		add(fieldsBegin, 0, 5, 8)
		add(0x40|fieldsBegin, 1, 5, 8)
		add(fieldsBegin, 0, 5, 8)
		r = r.u8(partWait, 1)
	}
	f.Add([]byte(r.u8(partKill, 1, 0, 0, 0, partWait, 8)))

	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 300 // operations, for the sake of time
		tape := &tape{b}
		c := boundsOf[int(tape.u8())%len(boundsOf)]
		budget := fragment.Budget{Bytes: max(c.Bytes, 70000), BytesPerPeer: max(c.BytesPerPeer, 33408)}
		r, naive := fragment.New(budget), &naiveReassembler{budget: budget, unread: make(map[wire.Participant]int)}
		accounts := make(map[wire.Participant]*fragment.Account)
		account := func(p wire.Participant) *fragment.Account {
			if accounts[p] == nil {
				accounts[p] = &fragment.Account{From: p}
			}
			return accounts[p]
		}
		type given struct {
			from      wire.Participant
			got, want []byte
		}
		var unread []given
		streams := make(map[stream]*progress)
		now := int64(0)
		for i := 0; i < most && tape.more(); i++ {
			switch kind := tape.u8() % partOps; kind {
			case partFields, partFrame:
				var from wire.Participant
				var frame []byte
				if kind == partFields {
					from, frame = tape.fields(streams)
				} else {
					from, frame = wire.Participant(tape.number(2, handles)), tape.bytes()
				}
				var f wire.Frame
				if f.Parse(frame) != nil || f.Total == 0 {
					continue
				}
				want, wantRun, wantVerdict := naive.add(now, stream{from, f.Channel, f.Session}, &f)
				got, run, v := r.Add(time.Duration(now)*time.Microsecond, account(from), &f)
				if v != wantVerdict || run != wantRun || !bytes.Equal(got, want) {
					t.Fatalf("fragment %d+%d of %d is %v with run %d and %d bytes, want %v, %d, %d", f.Offset, len(f.Payload), f.Total,
						v, run, len(got), wantVerdict, wantRun, len(want))
				}
				if v == fragment.Complete {
					unread = append(unread, given{from, got, want})
				}
				clear(frame)
			case partKeep:
				from, length := wire.Participant(tape.number(2, handles)), int(min(tape.number(2, lengths), wire.MaxMessageSize))
				message := content(uint64(i), 0, length)
				want := naive.makeRoom(from, fragment.Cost(length))
				got, ok := r.Keep(account(from), message)
				if ok != want || ok && !bytes.Equal(got, message) {
					t.Fatalf("Keep of %d bytes is %v, want %v", length, ok, want)
				}
				if ok {
					naive.unread[from] += fragment.Cost(length)
					unread = append(unread, given{from, got, message})
				}
			case partRelease:
				which := int(tape.u8())
				if len(unread) == 0 {
					continue
				}
				u := &unread[which%len(unread)]
				if !bytes.Equal(u.got, u.want) {
					t.Fatal("a message changed while it was held")
				}
				r.Release(account(u.from), u.got)
				naive.unread[u.from] -= fragment.Cost(len(u.want))
				*u = unread[len(unread)-1]
				unread = unread[:len(unread)-1]
			case partKill, partEnd, partEndOthers, partForget, partForgetAll:
				s := stream{wire.Participant(tape.number(2, handles)), uint16(tape.number(2, channelIDs)), wire.Serial(tape.number(4, sessions))}
				n := wire.Serial(tape.number(4, steps))
				a := account(s.from)
				switch kind {
				case partKill:
					r.Kill(a, s.channel, s.session, n)
					if m := naive.find(s, n); m != nil {
						m.parts = nil
					}
				case partEnd:
					r.End(a, s.channel, s.session, n)
					naive.stats.Abandoned += naive.end(func(m *naiveMessage) bool { return m.stream == s && m.sequence == n })
				case partEndOthers:
					r.EndOthers(a, s.channel, s.session, n)
					naive.stats.Abandoned += naive.end(func(m *naiveMessage) bool { return m.stream == s && m.sequence != n })
				case partForget:
					over := func(x wire.Serial) bool { return x.Newer(s.session) }
					r.Forget(a, s.channel, over)
					naive.stats.Abandoned += naive.end(func(m *naiveMessage) bool {
						return m.from == s.from && m.channel == s.channel && over(m.session)
					})
				case partForgetAll:
					r.ForgetAll(a)
					naive.stats.Abandoned += naive.end(func(m *naiveMessage) bool { return m.from == s.from })
				}
			case partWait:
				now += int64(tape.number(4, waits))
				r.Advance(time.Duration(now) * time.Microsecond)
				naive.stats.Expired += naive.end(func(m *naiveMessage) bool { return m.flags&wire.FlagDurable == 0 && m.deadline <= now })
			}
			at, ok := r.Deadline()
			want, wantOK := naive.next()
			if ok != wantOK || at != time.Duration(want)*time.Microsecond || r.Stats() != naive.stats || r.Held() != naive.cost(anyone, true) {
				t.Fatalf("deadline %v %v, held %d, %+v, want %d us %v, %d, %+v", at, ok, r.Held(), r.Stats(),
					want, wantOK, naive.cost(anyone, true), naive.stats)
			}
			if r.Held() > budget.Bytes {
				t.Fatalf("%d bytes are held of %d", r.Held(), budget.Bytes)
			}
			for p, a := range accounts {
				if a.Held() != naive.cost(only(p), true) || a.Held() > budget.BytesPerPeer {
					t.Fatalf("participant %d holds %d, want %d", p, a.Held(), naive.cost(only(p), true))
				}
				for _, n := range []int{0, 1200, wire.MaxMessageSize} {
					if got, want := r.Fits(a, n, 0), naive.fits(p, fragment.Cost(n)); got != want {
						t.Fatalf("Fits of %d bytes is %v, want %v", n, got, want)
					}
				}
			}
		}
	})
}
