package cdcp

import (
	"math"
	"slices"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// SenderOptions says what a new sender is to be (SPEC.md section 9.5).
type SenderOptions struct {
	ChannelID    uint16             // 1 to 65535; 0: the Endpoint chooses
	BitrateKbps  int                // a hint, 0 to [MaxRate]: the weight of its turns; 0: 32
	Priority     Priority           // Normal or High
	Reliability  Reliability        // Lossy or Durable
	Participants []wire.Participant // up to 64, in any order; empty: everyone. It is copied
	KeepAlive    time.Duration      // 0: none; or whole seconds, 1 to 60
}

// valid reports whether everything but the list is in its range (CALL-001).
func (o *SenderOptions) valid() bool {
	return validRate(o.BitrateKbps) && o.Priority <= High && o.Reliability <= Durable &&
		o.KeepAlive >= 0 && o.KeepAlive <= maxKeepAlive*time.Second && o.KeepAlive%time.Second == 0
}

// flags returns D and P of the session.
func (o *SenderOptions) flags() wire.Flags {
	var f wire.Flags
	if o.Reliability == Durable {
		f |= wire.FlagDurable
	}
	if o.Priority == High {
		f |= wire.FlagHigh
	}
	return f
}

// A Sender is the sending end of one session of one channel. It belongs to its [Endpoint], and is as little safe for concurrent
// use.
type Sender struct {
	e        *Endpoint
	channel  *channel
	session  wire.Serial
	flags    wire.Flags // D and P
	closed   bool
	sent     bool // a DATA frame of it was taken
	reason   wire.CloseReason
	weight   int
	interval time.Duration // of keep-alive; 0: none

	last     wire.Serial // the number of the last message
	numbered bool        // whether there is a last message
	lastRun  uint16      // what its DATA carries; 0: none
	queued   int         // messages in the transmit queue

	list    []wire.Participant // ascending; never written to
	run     int                // messages since the list was last changed
	changed bool               // whether the list was ever changed
}

// ChannelID returns the id of the channel, 1 to 65535.
func (s *Sender) ChannelID() uint16 { return s.channel.id }

// MaxMessageSize returns the length of the longest message that Send accepts, in bytes.
func (s *Sender) MaxMessageSize() int { return wire.MaxMessageSize }

// Closed reports whether the sender is closed, for whatever reason.
func (s *Sender) Closed() bool { return s.closed }

// Send accepts a message of 0 to [Sender.MaxMessageSize] bytes, which it copies, and returns its sequence number. It goes to those
// that are in the list of participants now.
//
// A message that is refused uses no number and changes nothing. The error is an [*Error] with, in this order: SenderClosed;
// MessageSizeOverLimit; MessageFailureForBandwidth, as long as the link is down or the frames of the channel are not taken;
// MessageFailureForTrafficLimit, with the time from which on the message would be accepted (CALL-004 to CALL-007).
func (s *Sender) Send(now time.Time, data []byte) (wire.Serial, error) {
	e := s.e
	t := e.enter(now)
	if s.closed {
		return 0, &Error{Code: SenderClosed} // SEND-003
	}
	if len(data) > wire.MaxMessageSize {
		return 0, &Error{Code: MessageSizeOverLimit, Have: len(data), Limit: wire.MaxMessageSize} // CALL-005
	}
	if !e.up {
		return 0, &Error{Code: MessageFailureForBandwidth} // CALL-006
	}
	if have := s.channel.queue.cost + fragment.Cost(len(data)); have > e.bounds.SendBytes {
		return 0, &Error{Code: MessageFailureForBandwidth, Have: have, Limit: e.bounds.SendBytes}
	}
	if limit, retry, ok := e.buckets.charge(t, s.class(), len(data), e.link.Relay && len(s.list) == 0); !ok {
		return 0, &Error{Code: MessageFailureForTrafficLimit, Have: len(data), Limit: limit, Retry: e.time(retry)} // CALL-007
	}
	return s.accept(t, data), nil
}

// accept numbers a message and puts it in the queue (SEND-001).
func (s *Sender) accept(t time.Duration, data []byte) wire.Serial {
	e := s.e
	if s.numbered { // SESS-003
		s.last++
	} else {
		s.last, s.numbered = e.firstSequence, true
	}
	s.run++
	if s.changed { // LIST-009, LIST-010
		s.lastRun = uint16(min(s.run, math.MaxUint16))
	}
	e.stats.MessagesOut++
	if !e.presence.reaches(s.list) { // LIST-006
		e.stats.Unsent++
		return s.last
	}
	x := e.spare.entries.get()
	x.sender, x.sequence, x.run, x.list = s, s.last, s.lastRun, s.list
	x.data = e.spare.buffers.Get(len(data))
	copy(x.data, data)
	x.parts = fragment.Split(x.data)
	s.channel.queue.push(x)
	if s.channel.keepAlive.waits {
		e.keepAlives.set(t, s.channel) // KEEP-005
	}
	e.wait(s.channel)
	return s.last
}

// class returns the index of the buckets of the class (RATE-001).
func (s *Sender) class() int {
	switch {
	case s.flags&wire.FlagDurable != 0:
		return classDurable
	case s.flags&wire.FlagHigh != 0:
		return classLossyHigh
	}
	return classLossy
}

// SetParticipants replaces the list: up to 64 participants in any order, or none, which stands for everyone. It is copied. It
// applies to the messages that are sent from now on, and numbering goes on. The error is an [*Error] with SenderClosed or
// InvalidArgument; the list is then as it was.
func (s *Sender) SetParticipants(now time.Time, list []wire.Participant) error {
	e := s.e
	t := e.enter(now)
	if s.closed {
		return &Error{Code: SenderClosed} // SEND-003
	}
	set, ok := newList(list)
	if !ok {
		return &Error{Code: InvalidArgument} // LIST-002
	}
	if slices.Equal(set, s.list) {
		return nil // LIST-008
	}
	s.list, s.run, s.changed = set, 0, true
	e.checkKeepAlive(t, s.channel)
	return nil
}

// Close closes the sender. What it accepted still goes out, and then everyone in the call learns that the session is over. Closing
// it again does nothing.
func (s *Sender) Close(now time.Time) {
	s.e.enter(now)
	if !s.closed {
		s.finish(wire.CloseNormal) // SEND-004
	}
}

// finish closes an open sender; reason is that of its CLOSE.
func (s *Sender) finish(reason wire.CloseReason) {
	e := s.e
	e.keepAlives.stop(s.channel) // KEEP-004
	s.closed, s.reason = true, reason
	s.channel.sender = nil
	e.ids.Release(s.channel.id)
	if s.sent || s.queued > 0 { // QUEUE-004
		x := e.spare.entries.get()
		x.sender, x.close, x.sequence, x.run = s, true, s.last, s.lastRun
		s.channel.queue.push(x)
	}
	e.wait(s.channel)
}

// drop closes an open sender because of the link, and tells the application (LINK-003, LINK-006).
func (s *Sender) drop() {
	s.finish(wire.CloseNormal)
	s.e.events.push(&event{Event: Event{Kind: EventSenderClosed, Sender: s, Reason: ReasonLink}})
}
