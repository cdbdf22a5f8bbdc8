package cdcp

import (
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

const idleTime = 120*time.Second + time.Microsecond // RECV-007: more than two minutes

// HandleFrame takes in one frame that came from a participant: whom the transport authenticated, or whom a trusted relay named. It
// says what became of the frame, and copies what it keeps. It never asks the carriage to wait.
//
// A frame that does not decode changes nothing; the error is then a [*wire.Error], and the verdict 0. The error is an [*Error] with
// InvalidArgument if from is 0.
func (e *Endpoint) HandleFrame(now time.Time, from wire.Participant, frame []byte) (Verdict, error) {
	t := e.enter(now)
	if from == 0 {
		return 0, &Error{Code: InvalidArgument}
	}
	e.stats.FramesIn++
	if err := e.in.Parse(frame); err != nil {
		e.stats.Malformed++
		return 0, err
	}
	v := e.handle(t, from, &e.in)
	e.stats.count(v)
	return v, nil
}

// handle does the checks of FRAME-001 in order, up to those that depend on the type.
func (e *Endpoint) handle(t time.Duration, from wire.Participant, f *wire.Frame) Verdict {
	if !e.presence.has(from) {
		return Ignored // FRAME-002
	}
	c := e.records[recordKey(from, f.Channel)]
	var r *Receiver
	over := false
	if c != nil {
		r = c.find(f.Session)
		over = r == nil && !c.admissible(f.Session)
	}
	switch f.Type {
	case wire.TypeClose:
		return e.handleClose(t, from, c, r, over, f)
	case wire.TypeKeepAlive:
		return e.handleKeepAlive(t, r, over, f)
	}
	if over {
		return Superseded // RECV-001
	}
	return e.handleData(t, from, c, r, f)
}

func recordKey(from wire.Participant, channel uint16) uint32 {
	return uint32(from)<<16 | uint32(channel)
}

// handleKeepAlive takes in a KEEPALIVE.
func (e *Endpoint) handleKeepAlive(t time.Duration, r *Receiver, over bool, f *wire.Frame) Verdict {
	switch {
	case over:
		return Superseded // RECV-002
	case r == nil || r.state == receiverClosing:
		return Ignored // RECV-002, RECV-004
	case r.flags != f.Flags:
		return Mismatch // FRAME-003
	}
	r.window.Mark(t, f.Sequence, run(f))
	e.refresh(t, r)
	return Accepted
}

// handleClose takes in a CLOSE.
func (e *Endpoint) handleClose(t time.Duration, from wire.Participant, c *record, r *Receiver, over bool, f *wire.Frame) Verdict {
	reason := ReasonClosed // RECV-018
	if f.Reason == wire.CloseReplaced {
		reason = ReasonReplaced
	}
	lossy := f.Flags&wire.FlagDurable == 0
	switch {
	case r != nil && r.state == receiverClosing:
		return Ignored // RECV-004
	case r != nil && r.flags != f.Flags:
		return Mismatch // FRAME-003
	case r != nil:
		high, _ := r.window.High()
		early := f.Sequence.Older(high)
		r.window.Mark(t, f.Sequence, run(f))
		if !lossy || early || !r.window.Missing() { // RECV-008, RECV-009
			e.closeReceiver(r, reason)
		} else {
			e.linger(t, r, f.Sequence, reason)
		}
	case c != nil && c.closed && c.floor == f.Session && !c.final: // RECV-003
		c.final = true
		e.forgetPartials(c)
	case over:
		return Superseded // RECV-003
	case lossy && f.Sequence != 0: // RECV-012
		r = e.newReceiver(t, from, f)
		r.window.Mark(t, f.Sequence, run(f))
		e.linger(t, r, f.Sequence, reason)
	default: // RECV-013
		c = e.recordOf(from, f.Channel)
		c.saw(f.Session)
		c.close(f.Session, 0, true)
		e.rest(c)
		e.forgetPartials(c)
	}
	return Accepted
}

// linger makes r closing: messages up to last can still come (RECV-009).
func (e *Endpoint) linger(t time.Duration, r *Receiver, last wire.Serial, reason Reason) {
	r.state, r.last, r.reason = receiverClosing, last, reason
	r.window.Linger(t)
	e.idle.remove(&r.idle)
	e.settle(r)
}

// handleData takes in a DATA frame of a session that is not over. r is nil if it has no receiver.
func (e *Endpoint) handleData(t time.Duration, from wire.Participant, c *record, r *Receiver, f *wire.Frame) Verdict {
	if r != nil {
		if r.flags != f.Flags { // FRAME-003
			if f.Total != 0 {
				e.fragments.Kill(&c.peer.account, f.Channel, f.Session, f.Sequence)
			}
			return Mismatch
		}
		if r.state == receiverClosing && f.Sequence.Newer(r.last) {
			return Mismatch // RECV-011
		}
		switch r.window.Check(f.Sequence) {
		case sequencer.Duplicate:
			return Duplicate // WINDOW-003
		case sequencer.Stale:
			return Stale // WINDOW-002
		}
	} else if c != nil && c.returns(f.Session) && f.Sequence.Older(c.base) {
		return Stale // RECV-016
	}
	var p *peer
	if c != nil {
		p = c.peer
	} else {
		p = e.peers.get(e.fragments, from)
	}
	if f.Flags&wire.FlagDurable != 0 {
		e.fragments.EndOthers(&p.account, f.Channel, f.Session, f.Sequence) // FRAG-008
		if f.Total == 0 {
			e.fragments.End(&p.account, f.Channel, f.Session, f.Sequence)
		}
	}
	if f.Total == 0 {
		return e.deliver(t, p, r, f, nil, run(f))
	}
	whole, n, v := e.fragments.Add(t, &p.account, f)
	switch v {
	case fragment.Complete:
		return e.deliver(t, p, r, f, whole, n)
	case fragment.Duplicate:
		return Duplicate
	case fragment.Conflict:
		return Mismatch
	case fragment.NoRoom:
		return Dropped
	}
	return Accepted
}

// run returns the run of a frame, 0 if it has none (FRAME-005).
func run(f *wire.Frame) uint16 {
	if f.Offset != 0 || len(f.Ext) == 0 {
		return 0
	}
	n, _ := f.Ext.Run()
	return n
}

// deliver gives a whole message to its receiver, which it creates if r is nil. data is the message if it came in fragments, and
// charged; else it is nil, and the message is the payload of f.
func (e *Endpoint) deliver(t time.Duration, p *peer, r *Receiver, f *wire.Frame, data []byte, run uint16) Verdict {
	data, ok := e.makeRoom(p, r, f, data)
	if !ok && f.Flags&wire.FlagDurable == 0 {
		return Dropped // BOUND-007
	}
	if r == nil {
		r = e.newReceiver(t, p.handle, f) // RECV-005
	}
	if !r.announced {
		r.announced = true
		r.created = &event{Event: Event{Kind: EventReceiverCreated, Receiver: r}}
		e.events.push(r.created)
	}
	if !ok {
		e.closeReceiver(r, ReasonOverflow) // BOUND-006
		return Overflow
	}
	x := e.spareMessages.get()
	x.sequence, x.data = f.Sequence, data
	x.event.Event = Event{Kind: EventMessage, Receiver: r}
	r.messages.push(x)
	e.events.push(&x.event)
	e.stats.MessagesIn++
	r.window.Accept(t, f.Sequence, run)
	if r.state == receiverClosing && !r.window.Missing() {
		e.closeReceiver(r, r.reason) // RECV-010
		return Accepted
	}
	e.refresh(t, r)
	return Accepted
}

// makeRoom returns the message, kept and charged, if there is room for it or room can be made (SPEC.md section 9.15). If not, nothing
// makes room for it.
func (e *Endpoint) makeRoom(p *peer, r *Receiver, f *wire.Frame, data []byte) ([]byte, bool) {
	n := max(len(f.Payload), int(f.Total))
	lossy := f.Flags&wire.FlagDurable == 0
	held := 0 // by the receiver
	if r != nil {
		held = r.messages.cost
	}
	if !lossy && held+fragment.Cost(n) > e.bounds.BytesPerReceiver { // BOUND-006
		if f.Total != 0 {
			e.fragments.Release(&p.account, data)
		}
		return nil, false
	}
	if f.Total != 0 {
		e.fitReceiver(r, n)
		return data, true
	}
	spare := 0
	if lossy {
		spare = held
	}
	if !e.fragments.Fits(&p.account, n, spare) {
		return nil, false
	}
	e.fitReceiver(r, n)
	for {
		if data, ok := e.fragments.Keep(&p.account, f.Payload); ok {
			e.fragments.End(&p.account, f.Channel, f.Session, f.Sequence) // FRAG-010
			return data, true
		}
		e.discard(r) // BOUND-007
	}
}

// fitReceiver drops the oldest messages of r, if it is not nil, until it has room for one of n bytes (BOUND-007).
func (e *Endpoint) fitReceiver(r *Receiver, n int) {
	for r != nil && r.messages.cost+fragment.Cost(n) > e.bounds.BytesPerReceiver {
		e.discard(r)
	}
}

// discard drops the oldest message of r unread.
func (e *Endpoint) discard(r *Receiver) {
	r.takeOut()
	r.dropped++
	e.stats.Discarded++
}

// refresh takes in that r was active: the idle timer of an open receiver begins again (RECV-007).
func (e *Endpoint) refresh(t time.Duration, r *Receiver) {
	e.activity++
	r.activity = e.activity
	r.record.peer.live.touch(&r.order)
	if at := t + idleTime; r.state == receiverOpen && (!e.idle.has(&r.idle) || r.idleAt != at) {
		r.idleAt = at
		e.idle.touch(&r.idle)
	}
	e.settle(r)
}

// settle puts r where its settling timer stands.
func (e *Endpoint) settle(r *Receiver) {
	at, ok := r.window.Deadline()
	switch {
	case !ok:
		e.settling.remove(&r.settling)
	case !e.settling.has(&r.settling) || r.settleAt != at:
		r.settleAt = at
		e.settling.touch(&r.settling)
	}
}

// newReceiver makes a live receiver for the session of f, and room for it by others.
func (e *Endpoint) newReceiver(t time.Duration, from wire.Participant, f *wire.Frame) *Receiver {
	c := e.recordOf(from, f.Channel)
	r := &Receiver{e: e, record: c, session: f.Session, flags: f.Flags}
	r.order.of, r.idle.of, r.settling.of = r, r, r
	r.window = sequencer.NewWindow(r.durable())
	if c.returns(f.Session) {
		r.window.Resume(c.base)
	}
	c.saw(f.Session)
	c.peer.resting.remove(&c.resting)
	c.add(r)
	c.peer.live.push(&r.order)
	e.peers.live++
	e.refresh(t, r)
	e.makeRoomForReceiver(r)
	e.forgetPartials(c)
	return r
}

// closeReceiver closes a live receiver.
func (e *Endpoint) closeReceiver(r *Receiver, reason Reason) {
	c := r.record
	p := c.peer
	final := r.state == receiverClosing || reason == ReasonClosed || reason == ReasonReplaced || reason == ReasonOverflow
	r.window.Settle() // WINDOW-010
	r.state, r.reason = receiverClosed, reason
	e.idle.remove(&r.idle)
	e.settling.remove(&r.settling)
	p.live.remove(&r.order)
	e.peers.live--
	c.remove(r)
	c.close(r.session, r.window.Base(), final) // RECV-014
	e.rest(c)
	e.forgetPartials(c)
	if reason == ReasonLimit {
		e.stats.Limited++
	}
	if r.announced {
		r.ended = &event{Event: Event{Kind: EventReceiverClosed, Receiver: r, Reason: reason}}
		e.events.push(r.ended)
		e.makeRoomForEnded(p)
		p.ended.push(&r.order)
		e.peers.ended++
	}
}

// forgetPartials forgets the messages in progress of the sessions of c that are over (RECV-015).
func (e *Endpoint) forgetPartials(c *record) {
	e.fragments.Forget(&c.peer.account, c.channel, c.over)
}

// settleEnded takes r from among the ended ones when nothing is left of it to poll.
func (e *Endpoint) settleEnded(r *Receiver) {
	p := r.record.peer
	if r.state == receiverClosed && r.messages.first == nil && r.created == nil && r.ended == nil && p.ended.has(&r.order) {
		p.ended.remove(&r.order)
		e.peers.ended--
	}
}
