package fuzz

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// The operations on a pair of endpoints, by the byte that they begin with.
const (
	pairSender = iota
	pairSend
	pairList
	pairClose
	pairWait
	pairTake     // frames, and put them on their paths
	pairReliable // the next ones of a reliable path arrive
	pairLossy    // one of a lossy path arrives, or is lost, or arrives and stays
	pairCut      // the link goes down and up again
	pairRead
	pairOps
)

// listsOf are those that a sender of a pair can have, of endpoint 1 and 2, and 9, who is somewhere else.
var listsOf = [][]wire.Participant{nil, {1, 2}, {9}, {9, 2, 1}}

// A pair is two endpoints, the paths between them, and the books on what is sent.
type pair struct {
	t        *testing.T
	ends     [2]*rig
	now      time.Time
	reliable [2][][]byte // what is on its way from each
	lossy    [2][][]byte
	sessions []*pairSession
	first    wire.Serial // number of every session
	cut      bool        // whether the link ever went down under a session
}

// A pairSession is what one sender sent.
type pairSession struct {
	*cdcp.Sender
	from      int
	durable   bool
	list      []wire.Participant
	addressed []bool // of each message, whether the other one is in its list
	got       []bool
	next      int // durable: the first message that can come now
}

func newPair(t *testing.T, first wire.Serial) *pair {
	p := &pair{t: t, now: epoch, first: first}
	for i := range p.ends {
		p.ends[i] = newRig(t, cdcp.Config{Self: wire.Participant(i + 1), FirstSequence: first, Limits: limitsOf[1]})
	}
	return p
}

// body returns message n of a session, which says what it is.
func body(session, n, length int) []byte {
	b := content(uint64(n), 0, max(4, min(length, wire.MaxMessageSize)))
	binary.BigEndian.PutUint16(b, uint16(session))
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	return b
}

func (p *pair) up(l cdcp.Link) {
	for i, e := range p.ends {
		e.LinkDown(p.now)
		if err := e.LinkUp(p.now, l); err != nil {
			p.t.Fatal(err)
		}
		e.link, e.up = l, true
		p.reliable[i] = nil
	}
}

func (p *pair) send(i, length int) {
	s := p.sessions[i]
	n := len(s.addressed)
	number, err := s.Send(p.now, body(i, n, length))
	if err != nil {
		return
	}
	if want := p.first + wire.Serial(n); number != want {
		p.t.Fatalf("message %d of a session has number %d, want %d", n, number, want) // SESS-003, SESS-004
	}
	p.ends[s.from].want.MessagesOut++
	s.addressed = append(s.addressed, len(s.list) == 0 || slices.Contains(s.list, wire.Participant(2-s.from)))
	s.got = append(s.got, false)
}

// take takes frames and puts those on their path that go to the other one.
func (p *pair) take(who, most int, can cdcp.Classes) {
	e := p.ends[who]
	for range most {
		b, route, ok := e.NextFrame(p.now, can, nil)
		if !ok {
			break
		}
		e.want.FramesOut++
		e.checkFrame(b, route, can)
		if route.Participants != nil && !slices.Contains(route.Participants, wire.Participant(2-who)) {
			continue
		}
		path := &p.lossy[who]
		if route.Class == cdcp.ClassReliable {
			path = &p.reliable[who]
		}
		*path = append(*path, b)
	}
}

// arrive hands what came from one endpoint to the other.
func (p *pair) arrive(from int, b []byte) {
	p.ends[1-from].frame(p.now, wire.Participant(from+1), bytes.Clone(b))
}

// carry lets up to most frames of a reliable path arrive.
func (p *pair) carry(from, most int) {
	n := min(most, len(p.reliable[from]))
	for _, b := range p.reliable[from][:n] {
		p.arrive(from, b)
	}
	p.reliable[from] = p.reliable[from][n:]
}

// read polls and reads all that an endpoint has, and holds it against what was sent.
func (p *pair) read(who int) {
	e := p.ends[who]
	e.poll(everything)
	e.log = e.log[:0]
	for _, r := range e.receivers {
		var s *pairSession
		for m, ok := e.read(r); ok; m, ok = e.read(r) {
			p.checkMessage(who, r, m)
			s = p.sessions[binary.BigEndian.Uint16(m.Data)]
		}
		if c := r.Counts(); s != nil && p.first == 1 && c.Delivered+c.Lost+c.Unknown > uint64(len(s.addressed)) {
			p.t.Fatalf("%+v of a session of %d messages", c, len(s.addressed))
		}
	}
}

func (p *pair) checkMessage(who int, r *cdcp.Receiver, m cdcp.Message) {
	p.t.Helper()
	i, n := int(binary.BigEndian.Uint16(m.Data)), int(binary.BigEndian.Uint16(m.Data[2:]))
	if i >= len(p.sessions) || n >= len(p.sessions[i].got) {
		p.t.Fatalf("message %d of session %d was not sent", n, i)
	}
	s := p.sessions[i]
	switch {
	case !bytes.Equal(m.Data, body(i, n, len(m.Data))) || m.Sequence != p.first+wire.Serial(n):
		p.t.Fatalf("message %d of session %d has changed, or has number %d", n, i, m.Sequence)
	case s.from == who || r.ChannelID() != s.ChannelID() || (r.Reliability() == cdcp.Durable) != s.durable || int(r.From()) != s.from+1:
		p.t.Fatalf("session %d of %d comes to %d on channel %d, %v", i, s.from+1, who+1, r.ChannelID(), r.Reliability())
	case !s.addressed[n]:
		p.t.Fatalf("message %d of session %d was for others", n, i)
	case s.got[n]:
		p.t.Fatalf("message %d of session %d comes twice", n, i)
	case s.durable && n < s.next:
		p.t.Fatalf("message %d of durable session %d comes after message %d", n, i, s.next-1)
	case s.durable && p.roomy() && slices.Contains(s.addressed[s.next:n], true):
		p.t.Fatalf("message %d of durable session %d comes, and not all from %d on", n, i, s.next)
	}
	s.got[n] = true
	s.next = n + 1
}

// roomy reports whether there always was room for all messages and receivers.
func (p *pair) roomy() bool {
	for _, e := range p.ends {
		if s := e.Stats(); s.Evicted+s.Dropped+s.Discarded+s.Overflow+s.Limited > 0 {
			return false
		}
	}
	return true
}

// settle lets everything arrive and be read.
func (p *pair) settle() {
	for moved := true; moved; {
		moved = false
		for who := range p.ends {
			p.take(who, everything, cdcp.ClassAll)
			moved = moved || len(p.reliable[who])+len(p.lossy[who]) > 0
			p.carry(who, everything)
			for _, b := range p.lossy[who] {
				p.arrive(who, b)
			}
			p.lossy[who] = nil
		}
		p.read(0)
		p.read(1)
	}
}

// recordPair writes what a script asks of one endpoint as FuzzPair reads it: the other one gets what comes of it.
func recordPair(all []request) []byte {
	r := recording{}.number(4, uint64(all[0].First))
	for i, q := range all[1:] {
		r = r.u8(pairWait).number(6, elapsed(all, i+1))
		list := byte(min(len(q.To), len(listsOf)-1))
		switch q.Do {
		case "sender":
			r = r.u8(pairSender, 0).number(2, uint64(q.Channel)).bit(q.Durable).bit(q.High).number(1, q.KeepAlive/1e6).u8(list)
		case "send":
			r = r.u8(pairSend, q.Sender-1).number(2, uint64(len(q.Data)/2))
		case "participants":
			r = r.u8(pairList, q.Sender-1, list)
		case "close":
			r = r.u8(pairClose, q.Sender-1)
		case "linkUp":
			r = r.u8(pairCut).number(4, q.Budget).bit(q.Reliable)
		case "transmit":
			r = r.u8(pairTake, 0, q.Max).bit(q.Durable).bit(q.Lossy).u8(pairReliable, 0, q.Max, pairLossy, 0, 0, 0, pairRead, 1)
		}
	}
	return r
}

// FuzzPair: what one endpoint sends comes to the other as it was sent, if it is in the list, on a lossy path that loses, repeats and
// mixes up: durable messages in order and without a gap, lossy ones at most once. When nothing stood in the way all durable ones come.
func FuzzPair(f *testing.F) {
	for _, all := range scripts(f) {
		f.Add(recordPair(all))
	}
	// Both ways, both reliabilities, messages of one frame and of several; the lossy ones arrive from the last on, one of them twice.
	r := recording{}.u8(0)
	for who := range byte(2) {
		r = r.u8(pairSender, who, 0, 1, 0, 0, 0, pairSender, who, 1, 0, 1, 2, 1)
	}
	for i := range byte(8) {
		r = r.u8(pairSend, i, i+3, pairSend, i, 10, pairTake, i, 3, 1, 1, pairLossy, i, 9, 2, pairLossy, i, 1, i%3, pairReliable, i, 0, pairWait, i)
	}
	f.Add([]byte(r.u8(pairList, 1, 3, pairSend, 1, 4, pairClose, 0, pairCut, 1, 1, pairRead, 0)))

	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 500 // operations, for the sake of time
		tape := &tape{b}
		p := newPair(t, wire.Serial(max(1, tape.number(4, sessions))))
		p.up(cdcp.Link{Budget: 1200, Reliable: true})
		for i := 0; i < most && tape.more(); i++ {
			p.do(tape)
			for _, e := range p.ends {
				e.Advance(p.now)
				e.check(p.now)
				e.log = e.log[:0]
			}
		}
		p.settle()
		for i, s := range p.sessions {
			if n := slices.Index(s.addressed[s.next:], true); s.durable && n >= 0 && !p.cut && p.roomy() && !p.idle() {
				t.Fatalf("message %d of durable session %d did not come, and nothing stood in its way", s.next+n, i)
			}
		}
	})
}

// idle reports whether a receiver can have closed because nothing came.
func (p *pair) idle() bool { return p.now.Sub(epoch) > 2*time.Minute }

// do reads one operation and does it.
func (p *pair) do(tape *tape) {
	kind := tape.u8() % pairOps
	switch kind {
	case pairSender:
		who := int(tape.u8() & 1)
		o := cdcp.SenderOptions{ChannelID: uint16(tape.number(2, channelIDs))}
		if tape.bit() {
			o.Reliability = cdcp.Durable
		}
		if tape.bit() {
			o.Priority = cdcp.High
		}
		o.KeepAlive = time.Duration(tape.number(1, seconds)) * time.Second
		o.Participants = listsOf[int(tape.u8())%len(listsOf)]
		if s, err := p.ends[who].NewSender(p.now, o); err == nil {
			p.ends[who].senders = append(p.ends[who].senders, s)
			p.sessions = append(p.sessions, &pairSession{Sender: s, from: who, durable: o.Reliability == cdcp.Durable, list: o.Participants})
		}
	case pairSend, pairList, pairClose:
		i, length := int(tape.u8()), 0
		var list []wire.Participant
		switch kind {
		case pairSend:
			length = int(tape.number(2, lengths))
		case pairList:
			list = listsOf[int(tape.u8())%len(listsOf)]
		}
		if len(p.sessions) == 0 {
			return
		}
		i %= len(p.sessions)
		s := p.sessions[i]
		switch kind {
		case pairSend:
			p.send(i, length)
		case pairList:
			if s.SetParticipants(p.now, list) == nil {
				s.list = list
			}
		case pairClose:
			s.Close(p.now)
		}
	case pairWait:
		p.now = p.now.Add(max(0, tape.wait(p.now, p.ends[0].Deadline()).Sub(p.now)))
	case pairTake:
		who, most := int(tape.u8()&1), 1+int(tape.u8())
		var can cdcp.Classes
		if tape.bit() {
			can |= cdcp.ClassReliable
		}
		if tape.bit() {
			can |= cdcp.ClassLossy
		}
		p.take(who, most, can)
	case pairReliable:
		who := int(tape.u8() & 1)
		p.carry(who, 1+int(tape.u8()))
	case pairLossy:
		who, which, fate := int(tape.u8()&1), int(tape.u8()), tape.u8()%3
		path := &p.lossy[who]
		if len(*path) == 0 {
			return
		}
		which %= len(*path)
		if fate != 1 {
			p.arrive(who, (*path)[which])
		}
		if fate != 2 {
			*path = slices.Delete(*path, which, which+1)
		}
	case pairCut:
		l := cdcp.Link{Budget: int(min(65535, max(576, tape.number(4, budgets)))), Reliable: tape.bit()}
		p.cut = p.cut || len(p.sessions) > 0
		p.up(l)
	case pairRead:
		p.read(int(tape.u8() & 1))
	}
}
