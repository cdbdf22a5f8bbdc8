package cdcp

import "strconv"

// An Event is something to tell the application (SPEC.md section 9.17).
type Event struct {
	Kind     EventKind
	Receiver *Receiver // of all kinds but EventSenderClosed
	Sender   *Sender   // of EventSenderClosed
	Reason   Reason    // of EventReceiverClosed and EventSenderClosed
}

// An EventKind says what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	EventReceiverCreated EventKind = 1 // a receiver is announced
	EventMessage         EventKind = 2 // a receiver holds one more message
	EventReceiverClosed  EventKind = 3 // a receiver closed; what it holds can still be read
	EventSenderClosed    EventKind = 4 // a sender closed, and not by its Close
)

// String returns the name of k in SPEC.md, or "event(N)".
func (k EventKind) String() string {
	switch k {
	case EventReceiverCreated:
		return "receiver created"
	case EventMessage:
		return "message"
	case EventReceiverClosed:
		return "receiver closed"
	case EventSenderClosed:
		return "sender closed"
	}
	return "event(" + strconv.Itoa(int(k)) + ")"
}

// A Reason says why a receiver or a sender closed (SPEC.md section 9.17). The zero value is no reason.
type Reason uint8

// The reasons.
const (
	ReasonClosed   Reason = 1 // receiver: its sender was closed by its application
	ReasonReplaced Reason = 2 // a newer sender took the channel id
	ReasonIdle     Reason = 3 // receiver: nothing came for more than 120 s
	ReasonOverflow Reason = 4 // receiver: a durable message found no room
	ReasonLimit    Reason = 5 // receiver: a bound needed its place
	ReasonLeft     Reason = 6 // receiver: the participant left
	ReasonLink     Reason = 7 // sender: the link went down, or cannot carry durable messages
)

// String returns the name of r in SPEC.md, or "reason(N)".
func (r Reason) String() string {
	switch r {
	case ReasonClosed:
		return "closed"
	case ReasonReplaced:
		return "replaced"
	case ReasonIdle:
		return "idle"
	case ReasonOverflow:
		return "overflow"
	case ReasonLimit:
		return "limit"
	case ReasonLeft:
		return "left"
	case ReasonLink:
		return "link"
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// An event is one that waits to be polled.
type event struct {
	Event
	node node[event]
}

// events are all that wait, in the order in which they came about.
type events struct{ list list[event] }

func (q *events) push(x *event) {
	x.node.of = x
	q.list.push(&x.node)
}

func (q *events) remove(x *event) { q.list.remove(&x.node) }

// pop takes out the first, or returns nil.
func (q *events) pop() *event {
	x := q.list.head()
	if x != nil {
		q.remove(x)
	}
	return x
}
