package cdcp_test

import (
	"slices"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// The receive side of an endpoint, once more and as simply as can be: numbers that do not wrap, everything in one slice that is
// searched from the front, one number and one byte at a time. Times are microseconds since the start.

const (
	modelSettle = 2_000_000
	modelIdle   = 120_000_001
	modelExpiry = 5_000_000
	modelSelf   = 100
)

// A modelTimer runs if set is not 0. set says when it was set, among all timers.
type modelTimer struct {
	at  int64
	set int
}

type modelReceiver struct {
	peer    wire.Participant
	channel uint16
	session wire.Serial
	flags   wire.Flags

	state     string // open, closing, closed
	reason    cdcp.Reason
	last      int64 // closing: of the CLOSE
	announced bool
	active    int // when it was last active, among all receivers
	idle      modelTimer
	settling  modelTimer
	mark      int64

	begun                    bool
	base, top, low, high     int64
	came                     map[int64]bool // accepted, or settled
	proved                   map[int64]bool
	delivered, lost, unknown uint64
	dropped                  uint64

	messages []*modelMessage
	ended    int // when it closed, among all receivers
	real     *cdcp.Receiver
}

type modelMessage struct {
	sequence int64
	data     []byte
}

type modelEvent struct {
	kind     cdcp.EventKind
	receiver *modelReceiver
	message  *modelMessage
	reason   cdcp.Reason
}

type modelRecord struct {
	peer          wire.Participant
	channel       uint16
	newest        wire.Serial
	floor         wire.Serial
	closed, final bool // whether there is a floor
	base          int64
	resting       int // since when no receiver of it is live, among all records
}

type modelPartial struct {
	peer     wire.Participant
	channel  uint16
	session  wire.Serial
	sequence wire.Serial
	flags    wire.Flags
	run      uint16
	killed   bool
	data     []byte
	here     []bool // by byte
	parts    [][2]int
	expiry   modelTimer
}

// receiveModel is the model. All its slices are in the order in which things came about.
type receiveModel struct {
	now       int64
	bounds    cdcp.Bounds
	left      map[wire.Participant]bool
	receivers []*modelReceiver // live, or closed with something left to poll
	records   []*modelRecord
	partials  []*modelPartial
	events    []modelEvent
	stats     cdcp.Stats
	clock     int // of what comes about
}

func (m *receiveModel) tick() int {
	m.clock++
	return m.clock
}

func (m *receiveModel) set(t *modelTimer, after int64) {
	if at := m.now + after; t.set == 0 || t.at != at {
		*t = modelTimer{at, m.tick()}
	}
}

// modelNewer is WIRE-002 in its own words.
func modelNewer(a, b wire.Serial) bool {
	d := (int64(a) - int64(b) + 1<<32) % (1 << 32)
	return 1 <= d && d <= 1<<31-1
}

// unwrap returns the number that s stands for near base.
func unwrap(base int64, s wire.Serial) int64 {
	d := (int64(s) - base%(1<<32) + 2<<32) % (1 << 32)
	if d >= 1<<31 {
		d -= 1 << 32
	}
	return base + d
}

func modelCost(n int) int { return n + n/64 + 128 }

func (p *modelPartial) cost() int { return modelCost(len(p.data)) }

func (r *modelReceiver) held() int {
	sum := 0
	for _, x := range r.messages {
		sum += modelCost(len(x.data))
	}
	return sum
}

func (r *modelReceiver) live() bool { return r.state != "closed" }

// held returns what is held of a participant, or of all (0): in progress, and in all.
func (m *receiveModel) held(peer wire.Participant) (progress, all int) {
	for _, p := range m.partials {
		if peer == 0 || p.peer == peer {
			progress += p.cost()
		}
	}
	all = progress
	for _, r := range m.receivers {
		if peer == 0 || r.peer == peer {
			all += r.held()
		}
	}
	return progress, all
}

// next returns the timer that is due first, and what it does.
func (m *receiveModel) next() (at int64, do func()) {
	var best modelTimer
	consider := func(t modelTimer, f func()) {
		if t.set != 0 && (do == nil || t.at < best.at || t.at == best.at && t.set < best.set) {
			best, do = t, f
		}
	}
	// Each kind of its own, the earlier kind first.
	for _, r := range m.receivers {
		consider(r.settling, func() { m.settleDue(r) })
	}
	settling, settle := best, do
	best, do = modelTimer{}, nil
	for _, r := range m.receivers {
		consider(r.idle, func() { m.close(r, cdcp.ReasonIdle) })
	}
	if settle != nil && (do == nil || settling.at <= best.at) {
		best, do = settling, settle
	}
	first, act := best, do
	best, do = modelTimer{}, nil
	for _, p := range m.partials {
		consider(p.expiry, func() {
			m.stats.Expired++
			m.end(p)
		})
	}
	if act != nil && (do == nil || first.at <= best.at) {
		best, do = first, act
	}
	return best.at, do
}

func (m *receiveModel) advance(now int64) {
	now = max(now, m.now)
	for at, do := m.next(); do != nil && at <= now; at, do = m.next() {
		m.now = at
		do()
	}
	m.now = now
}

func (m *receiveModel) settleDue(r *modelReceiver) {
	if r.state == "closing" {
		m.close(r, r.reason)
		return
	}
	r.settling = modelTimer{}
	r.settle(r.mark)
	m.schedule(r)
}

// The records.

func (m *receiveModel) record(peer wire.Participant, channel uint16) *modelRecord {
	for _, c := range m.records {
		if c.peer == peer && c.channel == channel {
			return c
		}
	}
	return nil
}

func (m *receiveModel) live(peer wire.Participant, channel uint16, session wire.Serial) *modelReceiver {
	for _, r := range m.receivers {
		if r.live() && r.peer == peer && r.channel == channel && r.session == session {
			return r
		}
	}
	return nil
}

func (c *modelRecord) returns(session wire.Serial) bool {
	return c != nil && c.closed && !c.final && session == c.floor && session == c.newest
}

// over: of a session without a live receiver.
func (c *modelRecord) over(session wire.Serial) bool {
	return c != nil && c.closed && !modelNewer(session, c.floor) && !c.returns(session)
}

// forgetOver forgets messages in progress of sessions that are over.
func (m *receiveModel) forgetOver(c *modelRecord) {
	for _, p := range slices.Clone(m.partials) {
		if p.peer == c.peer && p.channel == c.channel && m.live(p.peer, p.channel, p.session) == nil && c.over(p.session) {
			m.stats.Abandoned++
			m.end(p)
		}
	}
}

func (m *receiveModel) end(p *modelPartial) {
	m.partials = slices.DeleteFunc(m.partials, func(x *modelPartial) bool { return x == p })
}

// recordOf returns the record, which it makes, and room for it.
func (m *receiveModel) recordOf(peer wire.Participant, channel uint16) *modelRecord {
	if c := m.record(peer, channel); c != nil {
		return c
	}
	forget := func(peer wire.Participant) {
		var oldest *modelRecord
		for _, c := range m.records {
			if c.peer == peer && m.resting(c) && (oldest == nil || c.resting < oldest.resting) {
				oldest = c
			}
		}
		m.records = slices.DeleteFunc(m.records, func(c *modelRecord) bool { return c == oldest })
		m.stats.Forgotten++
	}
	count := func(peer wire.Participant) int {
		n := 0
		for _, c := range m.records {
			if c.peer == peer {
				n++
			}
		}
		return n
	}
	if count(peer) >= m.bounds.ChannelsPerPeer {
		forget(peer)
	}
	if len(m.records) >= m.bounds.Channels {
		forget(m.heaviest(count, func(peer wire.Participant) bool {
			return slices.ContainsFunc(m.records, func(c *modelRecord) bool { return c.peer == peer && m.resting(c) })
		}))
	}
	c := &modelRecord{peer: peer, channel: channel}
	m.records = append(m.records, c)
	return c
}

// resting reports whether a record has no live receiver.
func (m *receiveModel) resting(c *modelRecord) bool {
	return !slices.ContainsFunc(m.receivers, func(r *modelReceiver) bool { return r.live() && r.peer == c.peer && r.channel == c.channel })
}

// heaviest returns the participant with the most of what is counted, of those that have something that goes.
func (m *receiveModel) heaviest(count func(wire.Participant) int, canGo func(wire.Participant) bool) wire.Participant {
	best, most := wire.Participant(0), -1
	for peer := wire.Participant(1); peer <= modelSelf; peer++ {
		if canGo(peer) && count(peer) > most {
			best, most = peer, count(peer)
		}
	}
	return best
}

// saw takes in that a session had a receiver or a CLOSE.
func (c *modelRecord) saw(session wire.Serial, first bool) {
	if first || modelNewer(session, c.newest) {
		c.newest = session
	}
}

// The receivers.

// open makes a live receiver, and room for it.
func (m *receiveModel) open(peer wire.Participant, channel uint16, session wire.Serial, flags wire.Flags) *modelReceiver {
	first := m.record(peer, channel) == nil
	c := m.recordOf(peer, channel)
	r := &modelReceiver{
		peer: peer, channel: channel, session: session, flags: flags, state: "open",
		came: make(map[int64]bool), proved: make(map[int64]bool), active: m.tick(),
	}
	if c.returns(session) {
		r.begun, r.base = true, c.base
	}
	r.top = r.base - 1
	c.saw(session, first)
	m.receivers = append(m.receivers, r)
	m.forgetOver(c)

	others := func(peer wire.Participant, channel uint16) []*modelReceiver {
		var all []*modelReceiver
		for _, x := range m.receivers {
			if x.live() && x != r && (peer == 0 || x.peer == peer) && (channel == 0 || x.channel == channel) {
				all = append(all, x)
			}
		}
		slices.SortFunc(all, func(a, b *modelReceiver) int { return a.active - b.active })
		return all
	}
	if all := others(peer, channel); len(all) >= 8 {
		m.close(all[0], cdcp.ReasonLimit)
	}
	if all := others(peer, 0); len(all) >= m.bounds.ReceiversPerPeer {
		m.close(all[0], cdcp.ReasonLimit)
	}
	if all := others(0, 0); len(all) >= m.bounds.Receivers {
		count := func(peer wire.Participant) int { return len(others(peer, 0)) }
		m.close(others(m.heaviest(count, func(peer wire.Participant) bool { return count(peer) > 0 }), 0)[0], cdcp.ReasonLimit)
	}
	return r
}

func (m *receiveModel) announce(r *modelReceiver) {
	if !r.announced {
		r.announced = true
		m.events = append(m.events, modelEvent{kind: cdcp.EventReceiverCreated, receiver: r})
	}
}

func (m *receiveModel) close(r *modelReceiver, reason cdcp.Reason) {
	final := r.state == "closing" || reason == cdcp.ReasonClosed || reason == cdcp.ReasonReplaced || reason == cdcp.ReasonOverflow
	r.settle(r.top)
	r.state, r.idle, r.settling = "closed", modelTimer{}, modelTimer{}
	c := m.record(r.peer, r.channel)
	if !c.closed || modelNewer(r.session, c.floor) || r.session == c.floor {
		c.closed, c.floor, c.final, c.base = true, r.session, final, r.base
	}
	c.resting = m.tick()
	m.forgetOver(c)
	if reason == cdcp.ReasonLimit {
		m.stats.Limited++
	}
	if !r.announced {
		m.prune()
		return
	}
	left := func(peer wire.Participant) []*modelReceiver {
		var all []*modelReceiver
		for _, x := range m.receivers {
			if x != r && !x.live() && (peer == 0 || x.peer == peer) {
				all = append(all, x)
			}
		}
		slices.SortFunc(all, func(a, b *modelReceiver) int { return a.ended - b.ended })
		return all
	}
	drop := func(x *modelReceiver) {
		for len(x.messages) > 0 {
			m.discard(x)
		}
		m.events = slices.DeleteFunc(m.events, func(v modelEvent) bool { return v.receiver == x })
		m.prune()
	}
	m.events = append(m.events, modelEvent{kind: cdcp.EventReceiverClosed, receiver: r, reason: reason})
	r.ended = m.tick()
	if all := left(r.peer); len(all) >= m.bounds.ReceiversPerPeer {
		drop(all[0])
	}
	if all := left(0); len(all) >= m.bounds.Receivers {
		count := func(peer wire.Participant) int { return len(left(peer)) }
		drop(left(m.heaviest(count, func(peer wire.Participant) bool { return count(peer) > 0 }))[0])
	}
}

// prune takes away closed receivers of which nothing is left to poll.
func (m *receiveModel) prune() {
	m.receivers = slices.DeleteFunc(m.receivers, func(r *modelReceiver) bool {
		return !r.live() && len(r.messages) == 0 && !slices.ContainsFunc(m.events, func(v modelEvent) bool { return v.receiver == r })
	})
}

// takeOut takes the oldest message out of a receiver, and its event with it.
func (m *receiveModel) takeOut(r *modelReceiver) *modelMessage {
	x := r.messages[0]
	r.messages = r.messages[1:]
	m.events = slices.DeleteFunc(m.events, func(v modelEvent) bool { return v.message == x })
	return x
}

func (m *receiveModel) discard(r *modelReceiver) {
	m.takeOut(r)
	r.dropped++
	m.stats.Discarded++
}

func (m *receiveModel) touch(r *modelReceiver) {
	r.active = m.tick()
	if r.state == "open" {
		m.set(&r.idle, modelIdle)
	}
}
