package cdcp

import "github.com/cdcp-project/cdcp/wire"

// A record is what is known of one channel of one participant (SPEC.md section 9.12).
type record struct {
	peer     *peer
	channel  uint16
	seen     bool        // whether there is a newest
	closed   bool        // whether there is a floor
	final    bool        // whether floor can not come back
	newest   wire.Serial // the newest session that had a receiver or a CLOSE here
	floor    wire.Serial // the newest session that closed here
	base     wire.Serial // where the window of floor stood when it closed
	live     *Receiver   // its live receivers, the newest receiver first, linked by sibling
	receives int         // how many
	resting  node[record]
}

// maxSiblings is how many live receivers one channel of one participant has at most (RECV-019).
const maxSiblings = 8

// find returns the live receiver of a session, or nil.
func (c *record) find(session wire.Serial) *Receiver {
	for r := c.live; r != nil; r = r.sibling {
		if r.session == session {
			return r
		}
	}
	return nil
}

// admissible reports whether a session without a live receiver can have one.
func (c *record) admissible(session wire.Serial) bool {
	return !c.closed || session.Newer(c.floor) || c.returns(session)
}

// returns reports whether session is one that closed and can come back.
func (c *record) returns(session wire.Serial) bool {
	return c.closed && !c.final && session == c.floor && session == c.newest
}

// over reports whether a session is over.
func (c *record) over(session wire.Serial) bool {
	return !c.admissible(session) && c.find(session) == nil
}

// saw takes in that a session had a receiver or a CLOSE here.
func (c *record) saw(session wire.Serial) {
	if !c.seen || session.Newer(c.newest) {
		c.seen, c.newest = true, session
	}
}

// close takes in that a session closed here, with its window at base (RECV-013, RECV-014).
func (c *record) close(session, base wire.Serial, final bool) {
	if !c.closed || session.Newer(c.floor) || session == c.floor {
		c.closed, c.floor, c.base, c.final = true, session, base, final
	}
}

// add puts r among the live receivers.
func (c *record) add(r *Receiver) {
	r.sibling, c.live = c.live, r
	c.receives++
}

// remove takes r from among them.
func (c *record) remove(r *Receiver) {
	p := &c.live
	for *p != r {
		p = &(*p).sibling
	}
	*p = r.sibling
	r.sibling = nil
	c.receives--
}

// leastActive returns the live receiver that was least recently active.
func (c *record) leastActive() *Receiver {
	least := c.live
	for r := c.live; r != nil; r = r.sibling {
		if r.activity < least.activity {
			least = r
		}
	}
	return least
}
