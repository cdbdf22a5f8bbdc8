package cdcp

import (
	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// A queue is the transmit queue of a channel (SPEC.md section 9.7): what its sessions have to send, in the order in which it came
// about.
type queue struct {
	first, last *entry
	cost        int // of the messages in it, bytes
}

// An entry is a message or a CLOSE on its way out.
type entry struct {
	next     *entry
	sender   *Sender
	close    bool
	run      uint16 // 0: none (LIST-009)
	sequence wire.Serial
	list     []wire.Participant // the list when it was accepted, ascending; never written to
	data     []byte             // from the buffers of the Endpoint
	parts    fragment.Splitter  // what is left of data
	begun    bool               // a fragment of it was taken
}

func (q *queue) push(x *entry) {
	if q.last != nil {
		q.last.next = x
	} else {
		q.first = x
	}
	q.last = x
	if !x.close {
		q.cost += fragment.Cost(len(x.data))
		x.sender.queued++
	}
}

// remove takes x, which comes after previous (nil: which is the first), out of q.
func (q *queue) remove(previous, x *entry) {
	if previous != nil {
		previous.next = x.next
	} else {
		q.first = x.next
	}
	if q.last == x {
		q.last = previous
	}
	if !x.close {
		q.cost -= fragment.Cost(len(x.data))
		x.sender.queued--
	}
}

// spare holds what entries and their messages are made of.
type spare struct {
	entries freeList[entry]
	buffers *fragment.Buffers
}

func (s *spare) put(x *entry) {
	s.buffers.Put(x.data)
	s.entries.put(x)
}
