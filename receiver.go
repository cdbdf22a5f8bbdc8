package cdcp

import (
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
)

// A Receiver is the receiving end of one session of one channel of one participant (SPEC.md section 9.12). It belongs to its
// [Endpoint], and is as little safe for concurrent use. What it holds can be read after it closed.
type Receiver struct {
	e       *Endpoint
	record  *record
	sibling *Receiver // the next live one of the same record

	session   wire.Serial
	last      wire.Serial // closing: the last number of the CLOSE
	flags     wire.Flags  // D and P
	state     receiverState
	announced bool
	reason    Reason // why it is closing or closed

	window   sequencer.Window
	messages messages
	dropped  uint64 // delivered and dropped unread

	created, ended *event // as long as they are not polled, else nil

	activity uint64         // grows with every activity of any receiver
	order    node[Receiver] // among those of its peer that are live, or ended
	idle     node[Receiver]
	idleAt   time.Duration
	settling node[Receiver]
	settleAt time.Duration
}

type receiverState uint8

const (
	receiverOpen receiverState = iota
	receiverClosing
	receiverClosed
)

// A Message is one message of a session.
type Message struct {
	Sequence wire.Serial
	Data     []byte
}

// Counts are those of a Receiver (SPEC.md section 9.13). Every sequence number from the first that the Receiver could have had ends as
// exactly one of the first three.
type Counts struct {
	Delivered uint64 // its message came
	Lost      uint64 // its message was sent to this endpoint, and did not come in time
	Unknown   uint64 // no message came, and none may have been sent to this endpoint
	Dropped   uint64 // of those delivered: pushed out by newer ones, or by a bound, before they were read
}

// From returns the participant that sends.
func (r *Receiver) From() wire.Participant { return r.record.peer.handle }

// ChannelID returns the id of the channel, 1 to 65535.
func (r *Receiver) ChannelID() uint16 { return r.record.channel }

// Reliability returns that of the session.
func (r *Receiver) Reliability() Reliability {
	if r.durable() {
		return Durable
	}
	return Lossy
}

func (r *Receiver) durable() bool { return r.flags&wire.FlagDurable != 0 }

// Closed reports whether no message will come any more.
func (r *Receiver) Closed() bool { return r.state == receiverClosed }

// Counts returns the counts up to now.
func (r *Receiver) Counts() Counts {
	delivered, lost, unknown := r.window.Counts()
	return Counts{delivered, lost, unknown, r.dropped}
}

// Receive takes out the oldest message that the receiver holds (EVENT-002), and appends its bytes to buf, which can be nil. It
// returns false, and buf as Data, when there is none. Nothing is allocated if buf has room.
func (r *Receiver) Receive(buf []byte) (m Message, ok bool) {
	x := r.messages.first
	if x == nil {
		return Message{Data: buf}, false
	}
	m = Message{Sequence: x.sequence, Data: append(buf, x.data...)}
	r.e.stats.Read++
	r.takeOut()
	r.e.settleEnded(r)
	return m, true
}

// polled takes in that x, one of its events, was polled.
func (r *Receiver) polled(x *event) {
	switch x {
	case r.created:
		r.created = nil
	case r.ended:
		r.ended = nil
	}
	r.e.settleEnded(r)
}

// takeOut removes the oldest message, and its event if that was not polled (EVENT-001).
func (r *Receiver) takeOut() {
	e := r.e
	x := r.messages.pop()
	e.events.remove(&x.event)
	e.fragments.Release(&r.record.peer.account, x.data)
	e.spareMessages.put(x)
}

// A message is one that a receiver holds.
type message struct {
	event    event // withdrawn when the message is taken out
	next     *message
	sequence wire.Serial
	data     []byte // charged to the account of the peer
}

// messages is a queue of them.
type messages struct {
	first, last *message
	cost        int // bytes
}

func (q *messages) push(x *message) {
	if q.last != nil {
		q.last.next = x
	} else {
		q.first = x
	}
	q.last = x
	q.cost += fragment.Cost(len(x.data))
}

func (q *messages) pop() *message {
	x := q.first
	if q.first = x.next; q.first == nil {
		q.last = nil
	}
	x.next = nil
	q.cost -= fragment.Cost(len(x.data))
	return x
}
