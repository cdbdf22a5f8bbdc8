package cdcp

import (
	"encoding/binary"
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

// hopSize is what a relay adds to a frame: an extension length and an origin (LINK-001).
const hopSize = 5

// NextFrame appends the next frame to dst, if one is in turn whose class the carriage can take now, and says where it goes. With
// ok the frame counts as taken. Without, dst is returned as it was. The frame is at most as long as the budget of the link, and
// nothing is allocated if dst has room for it.
func (e *Endpoint) NextFrame(now time.Time, can Classes, dst []byte) (frame []byte, r Route, ok bool) {
	t := e.enter(now)
	if !e.up {
		can = 0
	}
	c := e.turns.next(can, e.frameLength)
	if c == nil {
		return dst, Route{}, false
	}
	s, list := e.compose(c)
	frame, err := e.out.AppendBinary(dst)
	if err != nil {
		panic("cdcp: a frame that cannot be encoded: " + err.Error())
	}
	r = Route{Participants: e.recipients(list), Class: c.turn.class, Priority: c.turn.priority}
	e.stats.FramesOut++
	e.turns.took(c, len(frame)-len(dst), s.weight)
	e.taken(t, c, s)
	return frame, r, true
}

// frameLength returns the length of the frame that c waits with.
func (e *Endpoint) frameLength(c *channel) int {
	e.compose(c)
	return e.out.Len()
}

// compose puts the frame that c waits with into e.out, and returns its session and its list.
func (e *Endpoint) compose(c *channel) (s *Sender, list []wire.Participant) {
	f := &e.out
	*f = wire.Frame{Channel: c.id}
	x := c.queue.first
	var run uint16
	switch {
	case x == nil: // KEEP-007
		s = c.sender
		f.Type, f.Sequence, run, list = wire.TypeKeepAlive, s.last, s.lastRun, s.list
	case x.close: // QUEUE-006
		s = x.sender
		f.Type, f.Sequence, f.Reason, run = wire.TypeClose, x.sequence, s.reason, x.run
	default:
		s = x.sender
		f.Sequence, list = x.sequence, x.list
		if !x.begun {
			run = x.run // LIST-009
		}
	}
	f.Session, f.Flags = s.session, s.flags

	e.ext = e.ext[:0]
	if run != 0 {
		e.ext = append(e.ext, byte(wire.ExtRun), 2)
		e.ext = binary.BigEndian.AppendUint16(e.ext, run)
	}
	if e.link.Relay && len(list) > 0 { // LIST-012
		e.ext = append(e.ext, byte(wire.ExtParticipants), byte(2*e.presence.count(list)))
		for _, h := range list {
			if e.presence.has(h) {
				e.ext = binary.BigEndian.AppendUint16(e.ext, uint16(h))
			}
		}
	}
	f.Ext = e.ext

	if f.Type == wire.TypeData {
		f.Payload = x.data
		if x.begun || f.Len() > e.frameBudget { // QUEUE-002
			f.Payload, f.Total = nil, uint16(len(x.data))
			e.parts = x.parts
			offset, part, _ := e.parts.Next(e.frameBudget - f.Len()) // QUEUE-003
			f.Offset, f.Payload = uint16(offset), part
		}
	}
	return s, list
}

// recipients returns those of list that are present (LIST-007), in memory that the next call uses again.
func (e *Endpoint) recipients(list []wire.Participant) []wire.Participant {
	if len(list) == 0 {
		return nil
	}
	e.route = e.route[:0]
	for _, h := range list {
		if e.presence.has(h) {
			e.route = append(e.route, h)
		}
	}
	return e.route
}

// taken does what follows when the frame that c waited with, which is e.out, was taken.
func (e *Endpoint) taken(t time.Duration, c *channel, s *Sender) {
	x := c.queue.first
	if x != nil && e.out.Total != 0 {
		x.begun = true
		x.parts = e.parts
	}
	if x != nil && (x.close || e.out.Total == 0 || x.parts.Rest() == 0) {
		c.queue.remove(nil, x)
		e.spare.put(x)
	}
	if e.out.Type != wire.TypeClose {
		s.sent = true
		c.keepAlive.waits = false
		if !s.closed && s.interval > 0 {
			e.keepAlives.set(t, c) // KEEP-001
		}
	}
	e.wait(c)
}

// wait tells the turns what c waits with now.
func (e *Endpoint) wait(c *channel) {
	var s *Sender
	reliable := false
	switch x := c.queue.first; {
	case x != nil:
		s = x.sender
		reliable = x.close && e.link.Reliable // QUEUE-007
	case c.keepAlive.waits:
		s = c.sender
	default:
		e.turns.wait(c, turn{})
		return
	}
	t := turn{class: ClassLossy}
	if reliable || s.flags&wire.FlagDurable != 0 && e.link.Reliable { // QUEUE-008
		t.class = ClassReliable
	}
	if s.flags&wire.FlagHigh != 0 {
		t.priority = High
	}
	e.turns.wait(c, t)
}

// prune takes the messages out of the queue of c that drop says, and the CLOSEs that have become needless (QUEUE-005).
func (e *Endpoint) prune(c *channel, drop func(*entry) bool) {
	var previous *entry
	for x := c.queue.first; x != nil; {
		next := x.next
		message := !x.close && drop(x)
		if message || x.close && !x.sender.sent && x.sender.queued == 0 {
			if message {
				e.stats.Unsent++
			}
			c.queue.remove(previous, x)
			e.spare.put(x)
		} else {
			previous = x
		}
		x = next
	}
	e.wait(c)
}

// LinkUp says that a link can take frames, and what it carries. If one is up already, it is down first. The error is an [*Error]
// with InvalidArgument if the budget is out of its range.
func (e *Endpoint) LinkUp(now time.Time, l Link) error {
	t := e.enter(now)
	if l.Budget < minBudget || l.Budget > maxBudget {
		return &Error{Code: InvalidArgument} // CALL-001
	}
	if e.up {
		e.linkDown() // LINK-002
	}
	e.link, e.up = l, true
	e.frameBudget = l.Budget
	if l.Relay {
		e.frameBudget -= hopSize // LINK-001
	}
	for c := range e.channels.all() {
		s := c.sender
		if s != nil && s.flags&wire.FlagDurable != 0 && !l.Reliable {
			s.drop() // LINK-006; nothing of it was taken, since LINK-003 would have closed it
		}
		e.prune(c, func(x *entry) bool { return x.sender.flags&wire.FlagDurable != 0 && !l.Reliable })
		if s != nil && s.sent && s.interval > 0 {
			e.keepAlives.set(t, c) // KEEP-003
		}
	}
	return nil
}

// LinkDown says that the transport lost its state, and with it maybe what it was given. It does nothing if the link is down.
func (e *Endpoint) LinkDown(now time.Time) {
	e.enter(now)
	if e.up {
		e.linkDown()
	}
}

func (e *Endpoint) linkDown() {
	e.up = false
	for c := range e.channels.all() {
		if s := c.sender; s != nil {
			if s.flags&wire.FlagDurable != 0 && s.sent {
				s.drop() // LINK-003
			} else {
				e.keepAlives.stop(c) // KEEP-004
			}
		}
		e.prune(c, func(x *entry) bool { return x.sender.flags&wire.FlagDurable == 0 || x.sender.sent }) // LINK-004
	}
}

// remindKeepAlive does what is due for the timer of c (KEEP-002).
func (e *Endpoint) remindKeepAlive(t time.Duration, c *channel) {
	if c.queue.first != nil || !e.presence.reaches(c.sender.list) {
		e.keepAlives.set(t, c)
		return
	}
	e.keepAlives.stop(c)
	c.keepAlive.waits = true
	e.wait(c)
}

// checkKeepAlive drops a KEEPALIVE of c that would go to nobody (KEEP-006).
func (e *Endpoint) checkKeepAlive(t time.Duration, c *channel) {
	if c.keepAlive.waits && !e.presence.reaches(c.sender.list) {
		e.keepAlives.set(t, c)
		e.wait(c)
	}
}

// forgetRecipient takes out of the queues what goes to nobody now that a participant left (LIST-006, KEEP-006).
func (e *Endpoint) forgetRecipient(t time.Duration) {
	for c := range e.channels.all() {
		e.prune(c, func(x *entry) bool { return !e.presence.reaches(x.list) })
		if c.sender != nil {
			e.checkKeepAlive(t, c)
		}
	}
}
