package cdcp

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// An Endpoint is one participant's end of all the data channels of a call (SPEC.md section 9).
//
// It is driven by calls, and does nothing between them. Each call that has a time first does what was due up to then; a time
// earlier than the latest one acts as the latest one. Times have a step of one microsecond after that of [New]. What the Endpoint
// has to say is polled with [Endpoint.NextFrame], [Endpoint.NextEvent] and [Endpoint.Deadline], in any order and at any time; nothing
// waits for a poll. The same calls give the same results.
//
// An Endpoint is not safe for concurrent use, together with its senders and receivers.
type Endpoint struct {
	start         time.Time
	unix          int64         // wall time at start, µs since 1970
	now           time.Duration // the latest time, since start
	quiet         time.Duration // nothing is due before it
	rand          io.Reader
	firstSequence wire.Serial
	bounds        Bounds
	stats         Stats // without those of fragments
	events        events
	presence      presence

	// What goes out.
	link        Link
	up          bool
	frameBudget int // bytes
	ids         sequencer.ChannelIDs
	channels    channels
	turns       scheduler
	buckets     buckets
	keepAlives  keepAlives
	spare       spare
	out         wire.Frame         // the frame that goes next
	ext         []byte             // its TLVs
	parts       fragment.Splitter  // what its message has left behind it
	route       []wire.Participant // whom it goes to

	// What comes in.
	in            wire.Frame
	peers         peers
	records       map[uint32]*record // by participant and channel
	fragments     *fragment.Reassembler
	spareMessages freeList[message]
	activity      uint64
	settling      list[Receiver] // those whose settling timer runs
	idle          list[Receiver] // those whose idle timer runs
}

// New returns an Endpoint whose link is down. now is the start of its clock, and is read as wall time once, here. The error is an
// [*Error] with InvalidArgument if c is out of range.
func New(now time.Time, c Config) (*Endpoint, error) {
	limits, err := c.Limits.orDefaults()
	if err != nil {
		return nil, err
	}
	bounds, err := c.Bounds.orDefaults()
	if err != nil {
		return nil, err
	}
	if c.Self == 0 || c.Rand == nil {
		return nil, &Error{Code: InvalidArgument}
	}
	e := &Endpoint{
		start:         now,
		unix:          now.UnixMicro(),
		rand:          c.Rand,
		firstSequence: c.FirstSequence,
		bounds:        bounds,
		presence:      presence{self: c.Self},
		buckets:       newBuckets(limits),
		spare:         spare{buffers: fragment.NewBuffers(bounds.SendBytes)},
		peers:         peers{byHandle: make(map[wire.Participant]*peer)},
		records:       make(map[uint32]*record),
		fragments:     fragment.New(bounds.budget()),
	}
	if e.firstSequence == 0 {
		e.firstSequence = 1
	}
	return e, nil
}

// NewSender opens a sender, and with it a new session of its channel. If the channel id has an open sender, that one closes, with
// an event. The error is an [*Error] with, in this order, InvalidArgument, FailedToStart or RandomIDNotAvailable (CALL-002), or
// the one of the random source; nothing has changed then.
func (e *Endpoint) NewSender(now time.Time, o SenderOptions) (*Sender, error) {
	t := e.enter(now)
	set, ok := newList(o.Participants)
	if !ok || !o.valid() {
		return nil, &Error{Code: InvalidArgument} // CALL-001
	}
	if !e.up || o.Reliability == Durable && !e.link.Reliable {
		return nil, &Error{Code: FailedToStart} // CALL-003
	}
	id := o.ChannelID
	if id == 0 {
		var err error
		if id, err = e.chooseID(); err != nil {
			return nil, err
		}
	}
	return e.open(t, id, o, set), nil
}

// chooseID draws the id of a channel and takes it.
func (e *Endpoint) chooseID() (uint16, error) {
	if e.ids.Free() == 0 {
		return 0, &Error{Code: RandomIDNotAvailable, Have: channelIDs, Limit: channelIDs} // CHAN-002
	}
	var x [4]byte
	if _, err := io.ReadFull(e.rand, x[:]); err != nil {
		return 0, err
	}
	id, _ := e.ids.Choose(binary.BigEndian.Uint32(x[:])) // CHAN-001
	return id, nil
}

// open begins a new session of a channel.
func (e *Endpoint) open(t time.Duration, id uint16, o SenderOptions, set []wire.Participant) *Sender {
	tick := sequencer.Tick(e.unix + int64(t/time.Microsecond))
	c := e.channels.get(id)
	if c == nil {
		c = &channel{id: id, latest: tick}
		c.keepAlive.node.of = c
		e.channels.add(c)
	} else {
		c.latest = sequencer.NextSession(c.latest, tick) // SESS-001
	}
	if old := c.sender; old != nil { // CHAN-004
		old.finish(wire.CloseReplaced)
		e.events.push(&event{Event: Event{Kind: EventSenderClosed, Sender: old, Reason: ReasonReplaced}})
	}
	e.ids.Take(id)
	s := &Sender{e: e, channel: c, session: c.latest, flags: o.flags(), weight: weight(o.BitrateKbps), interval: o.KeepAlive, list: set}
	c.sender = s
	return s
}

// Close closes every sender, as [Sender.Close] does.
func (e *Endpoint) Close(now time.Time) {
	e.enter(now)
	for c := range e.channels.all() {
		if c.sender != nil {
			c.sender.finish(wire.CloseNormal) // SEND-006
		}
	}
}

// Advance does what is due at now. It is for the times at which nothing else is called.
func (e *Endpoint) Advance(now time.Time) { e.enter(now) }

// SetReceiveBitrate takes in what the host measured: the payload of DATA frames that came in during the last second, in whole
// kbit/s, 0 to [MaxRate]. It limits broadcasts through a relay (RATE-003). The error is an [*Error] with InvalidArgument.
func (e *Endpoint) SetReceiveBitrate(now time.Time, kbps int) error {
	t := e.enter(now)
	if !validRate(kbps) {
		return &Error{Code: InvalidArgument} // CALL-001
	}
	e.buckets.received(t, kbps)
	return nil
}

// ParticipantLeft says that a participant left the call for good (HOST-003). Its receivers close, and what is kept of it is
// forgotten, except for the messages that its receivers hold. The error is an [*Error] with InvalidArgument for 0 and for this
// endpoint itself.
func (e *Endpoint) ParticipantLeft(now time.Time, p wire.Participant) error {
	t := e.enter(now)
	if p == 0 || p == e.presence.self {
		return &Error{Code: InvalidArgument} // CALL-001
	}
	e.presence.remove(p)
	if x := e.peers.byHandle[p]; x != nil {
		e.forgetPeer(x)
	}
	e.forgetRecipient(t)
	return nil
}

// NextEvent returns the next event for the application; false: there is none.
func (e *Endpoint) NextEvent() (Event, bool) {
	x := e.events.pop()
	if x == nil {
		return Event{}, false
	}
	if r := x.Receiver; r != nil {
		r.polled(x)
	}
	return x.Event, true
}

// Stats returns the counters up to now.
func (e *Endpoint) Stats() Stats {
	s, f := e.stats, e.fragments.Stats()
	s.Partials, s.Completed, s.Expired, s.Evicted, s.Abandoned = f.Partials, f.Completed, f.Expired, f.Evicted, f.Abandoned
	s.Held = e.fragments.Held()
	return s
}
