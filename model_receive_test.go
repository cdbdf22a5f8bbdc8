package cdcp_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
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

// The window.

// missing returns the numbers that are missing.
func (r *modelReceiver) missing() []int64 {
	var all []int64
	for n := r.base; n <= r.top; n++ {
		if !r.came[n] {
			all = append(all, n)
		}
	}
	return all
}

func (r *modelReceiver) begin(n wire.Serial) {
	if r.begun {
		return
	}
	r.begun = true
	r.base = 1
	if (int64(n)-1+1<<32)%(1<<32) >= 1024 {
		r.base = int64(n) - 1023
	}
	r.top = r.base - 1
}

// settle settles what is missing up to a number, and moves base.
func (r *modelReceiver) settle(to int64) {
	for _, n := range r.missing() {
		if n > to {
			break
		}
		r.came[n] = true
		if r.proved[n] {
			r.lost++
		} else {
			r.unknown++
		}
	}
	for r.base <= r.top && r.came[r.base] {
		r.base++
	}
}

// accept takes in a number.
func (m *receiveModel) accept(r *modelReceiver, s wire.Serial, run uint16) {
	r.begin(s)
	n := unwrap(r.base, s)
	if r.delivered == 0 {
		r.low, r.high = n, n
	}
	r.delivered++
	r.low, r.high = min(r.low, n), max(r.high, n)
	r.came[n] = true
	m.know(r, n, run)
}

// knowLast takes in the last number of a KEEPALIVE or CLOSE. One that is neither newer than top nor in the window says nothing.
func (m *receiveModel) knowLast(r *modelReceiver, s wire.Serial, run uint16) {
	r.begin(s)
	if n := unwrap(r.top, s); n >= r.base {
		m.know(r, n, run)
	}
}

// know makes known that there is a number, and what its run proves.
func (m *receiveModel) know(r *modelReceiver, n int64, run uint16) {
	top := r.top
	reach := n - int64(run)
	if run == 0 {
		reach = -1 << 62
	}
	if r.delivered == 0 || r.high <= reach || r.high > n {
		reach = n // it proves nothing
	}
	prove := func(from, to int64) {
		for x := max(from, reach+1, r.low+1); x <= min(to, n); x++ {
			r.proved[x] = true
		}
	}
	prove(r.base, top)
	if out := n - 1024; out >= r.base {
		r.settle(min(out, top))
		if gone := out - max(top, r.base-1); gone > 0 { // these were never in the window, and can be very many
			lost := max(0, min(gone, out-max(reach, r.low)))
			r.lost += uint64(lost)
			r.unknown += uint64(gone - lost)
			top = out
		}
		r.base = max(r.base, out+1)
	}
	r.top = max(r.top, n)
	prove(max(r.base, top+1), n)
	r.settle(r.base - 1)
	if r.flags&wire.FlagDurable != 0 {
		r.settle(r.top)
	}
	m.schedule(r)
}

// schedule sets or stops the settling timer.
func (m *receiveModel) schedule(r *modelReceiver) {
	switch missing := r.missing(); {
	case len(missing) == 0:
		r.settling = modelTimer{}
	case r.settling.set == 0 || r.base > r.mark:
		m.set(&r.settling, modelSettle)
		r.mark = r.top
	}
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

// The frames.

func (m *receiveModel) frame(from wire.Participant, f *wire.Frame) cdcp.Verdict {
	m.stats.FramesIn++
	v := m.verdict(from, f)
	switch v {
	case cdcp.Accepted:
		m.stats.Accepted++
	case cdcp.Duplicate:
		m.stats.Duplicate++
	case cdcp.Stale:
		m.stats.Stale++
	case cdcp.Superseded:
		m.stats.Superseded++
	case cdcp.Ignored:
		m.stats.Ignored++
	case cdcp.Mismatch:
		m.stats.Mismatch++
	case cdcp.Overflow:
		m.stats.Overflow++
	case cdcp.Dropped:
		m.stats.Dropped++
	}
	return v
}

func (m *receiveModel) verdict(from wire.Participant, f *wire.Frame) cdcp.Verdict {
	if from == modelSelf || m.left[from] {
		return cdcp.Ignored
	}
	c := m.record(from, f.Channel)
	r := m.live(from, f.Channel, f.Session)
	over := r == nil && c.over(f.Session)
	run, _ := f.Ext.Run()
	if f.Offset > 0 {
		run = 0
	}
	durable := f.Flags&wire.FlagDurable != 0
	switch f.Type {
	case wire.TypeKeepAlive:
		switch {
		case over:
			return cdcp.Superseded
		case r == nil || r.state == "closing":
			return cdcp.Ignored
		case r.flags != f.Flags:
			return cdcp.Mismatch
		}
		m.knowLast(r, f.Sequence, run)
		m.touch(r)
		return cdcp.Accepted
	case wire.TypeClose:
		reason := cdcp.ReasonClosed
		if f.Reason == wire.CloseReplaced {
			reason = cdcp.ReasonReplaced
		}
		switch {
		case r != nil && r.state == "closing":
			return cdcp.Ignored
		case r != nil && r.flags != f.Flags:
			return cdcp.Mismatch
		case r != nil:
			early := f.Sequence != wire.Serial(r.high) && !modelNewer(f.Sequence, wire.Serial(r.high))
			m.knowLast(r, f.Sequence, run)
			if durable || len(r.missing()) == 0 || early {
				m.close(r, reason)
				return cdcp.Accepted
			}
			m.linger(r, f.Sequence, reason)
		case c != nil && c.closed && c.floor == f.Session && !c.final:
			c.final = true
			m.forgetOver(c)
		case over:
			return cdcp.Superseded
		case durable || f.Sequence == 0:
			c := m.recordOf(from, f.Channel)
			c.saw(f.Session, !c.closed && m.resting(c) && c.resting == 0)
			c.closed, c.floor, c.final = true, f.Session, true
			if m.resting(c) && c.resting == 0 {
				c.resting = m.tick()
			}
			m.forgetOver(c)
		default:
			r := m.open(from, f.Channel, f.Session, f.Flags)
			m.knowLast(r, f.Sequence, run)
			m.linger(r, f.Sequence, reason)
		}
		return cdcp.Accepted
	}

	if over {
		return cdcp.Superseded
	}
	p := m.partial(from, f)
	if r != nil {
		if r.flags != f.Flags {
			if f.Total != 0 && p != nil {
				m.kill(p)
			}
			return cdcp.Mismatch
		}
		n := unwrap(r.base, f.Sequence)
		switch {
		case r.state == "closing" && modelNewer(f.Sequence, wire.Serial(r.last)):
			return cdcp.Mismatch
		case n < r.base:
			return cdcp.Stale
		case r.came[n]:
			return cdcp.Duplicate
		}
	} else if c.returns(f.Session) && unwrap(c.base, f.Sequence) < c.base {
		return cdcp.Stale
	}
	if durable {
		for _, x := range slices.Clone(m.partials) {
			if x.peer == from && x.channel == f.Channel && x.session == f.Session && (x.sequence != f.Sequence || f.Total == 0) {
				m.stats.Abandoned++
				m.end(x)
			}
		}
	}
	if f.Total == 0 {
		return m.whole(r, from, f, run)
	}
	return m.fragment(r, p, from, f, run)
}

// linger makes a receiver closing.
func (m *receiveModel) linger(r *modelReceiver, last wire.Serial, reason cdcp.Reason) {
	r.state, r.reason, r.last, r.idle = "closing", reason, int64(last), modelTimer{}
	m.set(&r.settling, modelSettle)
	r.mark = r.top
}

// The messages.

// canFit reports whether a cost fits once all messages in progress, and so much more of the participant, are gone.
func (m *receiveModel) canFit(peer wire.Participant, cost, more int) bool {
	own, ownAll := m.held(peer)
	progress, all := m.held(0)
	return ownAll-own-more+cost <= m.bounds.BytesPerPeer && all-progress-more+cost <= m.bounds.Bytes
}

// fit makes room for a cost: by messages in progress, and then by those of r, if it is not nil.
func (m *receiveModel) fit(peer wire.Participant, cost int, r *modelReceiver) {
	evict := func(peer wire.Participant) {
		for _, p := range m.partials {
			if p.peer == peer {
				m.stats.Evicted++
				m.end(p)
				return
			}
		}
	}
	for {
		progress, all := m.held(peer)
		if all+cost <= m.bounds.BytesPerPeer {
			break
		}
		if progress > 0 {
			evict(peer)
		} else {
			m.discard(r)
		}
	}
	for {
		progress, all := m.held(0)
		if all+cost <= m.bounds.Bytes {
			break
		}
		if progress > 0 {
			count := func(peer wire.Participant) int {
				n, _ := m.held(peer)
				return n
			}
			evict(m.heaviest(count, func(peer wire.Participant) bool { return count(peer) > 0 }))
		} else {
			m.discard(r)
		}
	}
}

func (m *receiveModel) whole(r *modelReceiver, from wire.Participant, f *wire.Frame, run uint16) cdcp.Verdict {
	cost := modelCost(len(f.Payload))
	held := 0
	if r != nil {
		held = r.held()
	}
	ok := true
	if f.Flags&wire.FlagDurable != 0 {
		if ok = held+cost <= m.bounds.BytesPerReceiver && m.canFit(from, cost, 0); ok {
			m.fit(from, cost, nil)
		}
	} else {
		if !m.canFit(from, cost, held) {
			return cdcp.Dropped
		}
		for r != nil && r.held()+cost > m.bounds.BytesPerReceiver {
			m.discard(r)
		}
		m.fit(from, cost, r)
	}
	if p := m.partial(from, f); p != nil && ok {
		m.stats.Abandoned++
		m.end(p)
	}
	return m.deliver(r, from, f, run, f.Payload, ok)
}

func (m *receiveModel) partial(from wire.Participant, f *wire.Frame) *modelPartial {
	for _, p := range m.partials {
		if p.peer == from && p.channel == f.Channel && p.session == f.Session && p.sequence == f.Sequence {
			return p
		}
	}
	return nil
}

func (m *receiveModel) kill(p *modelPartial) {
	p.killed, p.data, p.here, p.parts = true, nil, nil, nil
}

func (m *receiveModel) fragment(r *modelReceiver, p *modelPartial, from wire.Participant, f *wire.Frame, run uint16) cdcp.Verdict {
	durable := f.Flags&wire.FlagDurable != 0
	offset, n := int(f.Offset), len(f.Payload)
	if p == nil {
		if durable && offset > 0 {
			return cdcp.Mismatch
		}
		if !m.canFit(from, modelCost(int(f.Total)), 0) {
			return cdcp.Dropped
		}
		m.fit(from, modelCost(int(f.Total)), nil)
		p = &modelPartial{
			peer: from, channel: f.Channel, session: f.Session, sequence: f.Sequence, flags: f.Flags,
			data: make([]byte, f.Total), here: make([]bool, f.Total),
		}
		m.partials = append(m.partials, p)
		m.stats.Partials++
	} else {
		if p.killed {
			return cdcp.Mismatch
		}
		if p.flags != f.Flags || len(p.data) != int(f.Total) {
			m.kill(p)
			return cdcp.Mismatch
		}
		if slices.Contains(p.parts, [2]int{offset, n}) && bytes.Equal(p.data[offset:offset+n], f.Payload) {
			return cdcp.Duplicate
		}
		got := 0
		for i := range p.here {
			if p.here[i] {
				got++
				if i >= offset && i < offset+n {
					m.kill(p)
					return cdcp.Mismatch
				}
			}
		}
		if durable && offset != got {
			m.kill(p)
			return cdcp.Mismatch
		}
	}
	for i, b := range f.Payload {
		p.data[offset+i], p.here[offset+i] = b, true
	}
	p.parts = append(p.parts, [2]int{offset, n})
	if offset == 0 {
		p.run = run
	}
	if slices.Contains(p.here, false) {
		if !durable {
			m.set(&p.expiry, modelExpiry)
		}
		return cdcp.Accepted
	}
	m.stats.Completed++
	cost, ok := p.cost(), true
	if r != nil && r.held()+cost > m.bounds.BytesPerReceiver {
		if ok = !durable; ok {
			for r.held()+cost > m.bounds.BytesPerReceiver {
				m.discard(r)
			}
		}
	}
	m.end(p)
	return m.deliver(r, from, f, p.run, p.data, ok)
}

// deliver gives a message to its receiver, or closes that one for want of room.
func (m *receiveModel) deliver(r *modelReceiver, from wire.Participant, f *wire.Frame, run uint16, data []byte, ok bool) cdcp.Verdict {
	if r == nil {
		r = m.open(from, f.Channel, f.Session, f.Flags)
	}
	m.announce(r)
	if !ok {
		m.close(r, cdcp.ReasonOverflow)
		return cdcp.Overflow
	}
	r.begin(f.Sequence)
	x := &modelMessage{unwrap(r.base, f.Sequence), bytes.Clone(data)}
	r.messages = append(r.messages, x)
	m.events = append(m.events, modelEvent{kind: cdcp.EventMessage, receiver: r, message: x})
	m.stats.MessagesIn++
	m.accept(r, f.Sequence, run)
	m.touch(r)
	if r.state == "closing" && len(r.missing()) == 0 {
		m.close(r, r.reason)
	}
	return cdcp.Accepted
}

func (m *receiveModel) leave(peer wire.Participant) {
	m.left[peer] = true
	for {
		var least *modelReceiver
		for _, r := range m.receivers {
			if r.live() && r.peer == peer && (least == nil || r.active < least.active) {
				least = r
			}
		}
		if least == nil {
			break
		}
		m.close(least, cdcp.ReasonLeft)
	}
	for _, p := range slices.Clone(m.partials) {
		if p.peer == peer {
			m.stats.Abandoned++
			m.end(p)
		}
	}
	m.records = slices.DeleteFunc(m.records, func(c *modelRecord) bool { return c.peer == peer })
}

// A receiveTest holds an endpoint to the model.
type receiveTest struct {
	*cdcp.Endpoint
	model     *receiveModel
	receivers []*modelReceiver // those that were announced and polled
	cursors   map[string]int64 // the newest number that was drawn, by stream
	channels  int
	sessions  []wire.Serial
	first     int64 // number that a stream begins with
	buf       []byte
}

func newReceiveTest(t *rapid.T) *receiveTest {
	b := cdcp.Bounds{
		BytesPerReceiver: 33408,
		BytesPerPeer:     rapid.SampledFrom([]int{33408, 40000, 70000}).Draw(t, "bytes per peer"),
		ReceiversPerPeer: rapid.SampledFrom([]int{1, 2, 3, 20}).Draw(t, "receivers per peer"),
		SendBytes:        33408,
	}
	b.Bytes = b.BytesPerPeer + rapid.SampledFrom([]int{0, 20000, 100000}).Draw(t, "bytes")
	b.Receivers = b.ReceiversPerPeer + rapid.SampledFrom([]int{0, 1, 10}).Draw(t, "receivers")
	b.ChannelsPerPeer = b.ReceiversPerPeer + rapid.SampledFrom([]int{1, 2}).Draw(t, "channels per peer")
	b.Channels = max(b.ChannelsPerPeer, b.Receivers+1) + rapid.SampledFrom([]int{0, 1}).Draw(t, "channels")
	e, err := cdcp.New(start, cdcp.Config{Self: modelSelf, Rand: zeros{}, Bounds: b})
	if err != nil {
		t.Fatal(err)
	}
	return &receiveTest{
		Endpoint: e, model: &receiveModel{bounds: b, left: make(map[wire.Participant]bool)}, cursors: make(map[string]int64),
		channels: rapid.IntRange(1, 4).Draw(t, "channels"),
		sessions: rapid.SampledFrom([][]wire.Serial{
			{7}, {7, 8}, {1<<32 - 2, 1<<32 - 1, 0, 1}, {0, 1<<31 - 1, 1 << 31, 1<<31 + 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		}).Draw(t, "sessions"),
		first: rapid.SampledFrom([]int64{0, 1000, 1<<31 - 3, 1<<32 - 3}).Draw(t, "first"),
	}
}

func (x *receiveTest) time() time.Time {
	return start.Add(time.Duration(x.model.now) * time.Microsecond)
}

// draw draws a frame without its payload.
func (x *receiveTest) draw(t *rapid.T, typ wire.Type) (from wire.Participant, f wire.Frame) {
	from = rapid.SampledFrom([]wire.Participant{1, 1, 1, 1, 2, 2, 2, 3, 3, modelSelf}).Draw(t, "from")
	f = wire.Frame{
		Type: typ, Channel: uint16(rapid.IntRange(1, x.channels).Draw(t, "channel")), Session: rapid.SampledFrom(x.sessions).Draw(t, "session"),
	}
	if (int(f.Session)+int(f.Channel))%3 == 0 {
		f.Flags = wire.FlagDurable
	}
	if seldom(t, "other flags") {
		f.Flags ^= rapid.SampledFrom([]wire.Flags{wire.FlagDurable, wire.FlagHigh}).Draw(t, "flag")
	}
	key := fmt.Sprint(from, f.Channel, f.Session)
	cursor, ok := x.cursors[key]
	if !ok {
		cursor = x.first
	}
	n := cursor + rapid.SampledFrom([]int64{1, 1, 1, 1, 2, 2, 3, 0, 0, -1, -1, -2, -3, 1023, 1024, 1025, 3000, -1024, -(1 << 31)}).Draw(t, "ahead")
	if typ != wire.TypeData && seldom(t, "no last number") {
		n = 0
	}
	if typ == wire.TypeData {
		x.cursors[key] = max(cursor, n)
	}
	f.Sequence = wire.Serial(n)
	if run := rapid.SampledFrom([]uint16{0, 0, 1, 2, 5, 65535}).Draw(t, "run"); run != 0 {
		f = withTLV(f, wire.ExtRun, run)
	}
	return from, f
}

// seldom is true once in some twenty times.
func seldom(t *rapid.T, what string) bool { return rapid.SampledFrom(rarely[:]).Draw(t, what) }

var rarely = [20]bool{13: true}

// hand hands in a frame.
func (x *receiveTest) hand(t *rapid.T, from wire.Participant, f wire.Frame) {
	var err error
	if x.buf, err = f.AppendBinary(x.buf[:0]); err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	want := x.model.frame(from, &f)
	got, err := x.HandleFrame(x.time(), from, x.buf)
	if err != nil || got != want {
		t.Fatalf("%v of %d, channel %d, session %d, number %d, offset %d of %d: %v, %v; want %v",
			f.Type, from, f.Channel, f.Session, f.Sequence, f.Offset, f.Total, got, err, want)
	}
	clear(x.buf)
}

// poll polls one event.
func (x *receiveTest) poll(t *rapid.T) bool {
	m := x.model
	got, ok := x.NextEvent()
	if ok != (len(m.events) > 0) {
		t.Fatalf("event %v %t, want %d events", got.Kind, ok, len(m.events))
	}
	if !ok {
		return false
	}
	want := m.events[0]
	m.events = m.events[1:]
	r := want.receiver
	if want.kind == cdcp.EventReceiverCreated {
		r.real = got.Receiver
		x.receivers = append(x.receivers, r)
	}
	m.prune()
	if got.Kind != want.kind || got.Receiver != r.real || got.Reason != want.reason || got.Receiver.From() != r.peer || got.Receiver.ChannelID() != r.channel {
		t.Fatalf("event %v %d/%d %v, want %v %d/%d %v", got.Kind, got.Receiver.From(), got.Receiver.ChannelID(), got.Reason,
			want.kind, r.peer, r.channel, want.reason)
	}
	return true
}

// read reads one message.
func (x *receiveTest) read(t *rapid.T, r *modelReceiver) bool {
	got, ok := r.real.Receive(nil)
	if ok != (len(r.messages) > 0) {
		t.Fatalf("message %d %t, want %d", got.Sequence, ok, len(r.messages))
	}
	if !ok {
		return false
	}
	want := x.model.takeOut(r)
	x.model.stats.Read++
	x.model.prune()
	if got.Sequence != wire.Serial(want.sequence) || !bytes.Equal(got.Data, want.data) {
		t.Fatalf("message %d of %d bytes, want %d of %d", got.Sequence, len(got.Data), wire.Serial(want.sequence), len(want.data))
	}
	return true
}

// check holds everything that can be seen without changing it to the model.
func (x *receiveTest) check(t *rapid.T) {
	m := x.model
	want := m.stats
	_, want.Held = m.held(0)
	if got := x.Stats(); got != want {
		t.Fatalf("stats\n%+v, want\n%+v", got, want)
	}
	waiting := 0
	for _, r := range m.receivers {
		waiting += len(r.messages)
	}
	if want.MessagesIn != want.Read+want.Discarded+uint64(waiting) ||
		want.Partials != want.Completed+want.Expired+want.Evicted+want.Abandoned+uint64(len(m.partials)) {
		t.Fatalf("sums of %+v", want)
	}
	at, do := m.next()
	if got := x.Deadline(); got.IsZero() != (do == nil) || do != nil && got.Sub(start).Microseconds() != at {
		t.Fatalf("deadline %v, want %v %t", got.Sub(start), time.Duration(at)*time.Microsecond, do != nil)
	}
	for _, r := range x.receivers {
		want := cdcp.Counts{Delivered: r.delivered, Lost: r.lost, Unknown: r.unknown, Dropped: r.dropped}
		if got := r.real.Counts(); got != want || r.real.Closed() == r.live() {
			t.Fatalf("receiver of %d/%d: %+v, closed %t; want %+v, %s", r.peer, r.channel, got, r.real.Closed(), want, r.state)
		}
	}
}

// drawPart draws a fragment of the message whose length and bytes follow from its number, or, seldom, one that does not fit to the
// others.
func drawPart(t *rapid.T, f *wire.Frame) {
	total := []int{257, 600, 1000, 20000}[f.Sequence%4]
	if seldom(t, "other length") {
		total = 32768
	}
	size := max(256, total/3)
	if seldom(t, "other size") {
		size++
	}
	offset := size * rapid.IntRange(0, (total-1)/size).Draw(t, "part")
	end := min(offset+size, total)
	f.Offset, f.Total, f.Payload = uint16(offset), uint16(total), make([]byte, end-offset)
	for i := range f.Payload {
		f.Payload[i] = byte((offset+i)*(offset+i)>>7) + byte(f.Sequence)
	}
	if seldom(t, "other bytes") {
		f.Payload[0]++
	}
}

// frame draws a frame, or all fragments of a message, and hands them in.
func (x *receiveTest) frame(t *rapid.T) {
	switch rapid.SampledFrom([]string{
		"whole", "whole", "whole", "whole", "whole", "whole", "fragment", "fragment", "fragment", "message", "sessions", "KEEPALIVE", "CLOSE",
	}).Draw(t, "kind") {
	case "whole":
		from, f := x.draw(t, wire.TypeData)
		f.Payload = bytes.Repeat([]byte{byte(f.Sequence)}, rapid.SampledFrom([]int{0, 1, 1, 10, 10, 300, 8000, 20000, 32768}).Draw(t, "size"))
		x.hand(t, from, f)
	case "fragment": // and others of that message
		from, f := x.draw(t, wire.TypeData)
		for range rapid.SampledFrom([]int{1, 2, 3, 4}).Draw(t, "fragments") {
			drawPart(t, &f)
			x.hand(t, from, f)
			x.wait(t)
		}
	case "message":
		from, f := x.draw(t, wire.TypeData)
		message := make([]byte, rapid.SampledFrom([]int{257, 600, 600, 20000}).Draw(t, "size"))
		for at := 0; at < len(message); at += 256 {
			g := f
			g.Offset, g.Total, g.Payload = uint16(at), uint16(len(message)), message[at:min(at+256, len(message))]
			x.hand(t, from, g)
		}
	case "sessions": // a message in each
		from, f := x.draw(t, wire.TypeData)
		for _, f.Session = range x.sessions {
			x.hand(t, from, f)
		}
	case "KEEPALIVE":
		from, f := x.draw(t, wire.TypeKeepAlive)
		x.hand(t, from, f)
	case "CLOSE":
		from, f := x.draw(t, wire.TypeClose)
		f.Reason = rapid.SampledFrom([]wire.CloseReason{0, 1, 2}).Draw(t, "reason")
		x.hand(t, from, f)
	}
}

// wait lets time pass, or seem to go back.
func (x *receiveTest) wait(t *rapid.T) {
	wait := rapid.SampledFrom([]int64{0, -1, 1, 1000, 1000000, 1000000, 2000000, 3000000, 5000000, 60000000, 120000000}).Draw(t, "wait")
	to := x.model.now + wait
	x.Advance(start.Add(time.Duration(to) * time.Microsecond))
	x.model.advance(to)
}

// TestModelReceive: whatever comes in, the endpoint says and holds what the model does.
func TestModelReceive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newReceiveTest(t)
		m := x.model
		t.Repeat(map[string]func(*rapid.T){
			"frame":      x.frame,
			"next frame": x.frame,
			"wait": x.wait,
			"deadline": func(t *rapid.T) {
				at := x.Deadline()
				if at.IsZero() {
					return
				}
				before := x.Stats()
				x.Advance(at.Add(-time.Microsecond))
				m.advance(at.Sub(start).Microseconds() - 1)
				if after := x.Stats(); after != before || !x.Deadline().Equal(at) {
					t.Fatalf("before the deadline %+v becomes %+v", before, after)
				}
				x.check(t)
				x.Advance(at)
				m.advance(at.Sub(start).Microseconds())
				if x.Deadline().Equal(at) {
					t.Fatal("at the deadline nothing happens")
				}
			},
			"poll": func(t *rapid.T) {
				for n := rapid.IntRange(1, 9).Draw(t, "n"); n > 0 && x.poll(t); n-- {
				}
			},
			"read": func(t *rapid.T) {
				if len(x.receivers) > 0 {
					r := rapid.SampledFrom(x.receivers).Draw(t, "receiver")
					for n := rapid.IntRange(1, 3).Draw(t, "n"); n > 0 && x.read(t, r); n-- {
					}
				}
			},
			"left": func(t *rapid.T) {
				if !seldom(t, "left") {
					return
				}
				peer := rapid.SampledFrom([]wire.Participant{3, 3, 3, 3, 2, 1}).Draw(t, "participant")
				if err := x.ParticipantLeft(x.time(), peer); err != nil {
					t.Fatal(err)
				}
				m.leave(peer)
			},
			"": x.check,
		})
		for x.poll(t) {
		}
		for _, r := range x.receivers {
			for x.read(t, r) {
			}
		}
		x.check(t)
	})
}
