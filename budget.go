package cdcp

import "github.com/cdcp-project/cdcp/wire"

// makeRoomForReceiver closes receivers for the sake of r, which has just become live (RECV-019, BOUND-003).
func (e *Endpoint) makeRoomForReceiver(r *Receiver) {
	p := r.record.peer
	if r.record.receives > maxSiblings {
		e.closeReceiver(r.record.leastActive(), ReasonLimit)
	}
	if p.live.n > e.bounds.ReceiversPerPeer {
		e.closeReceiver(p.live.head(), ReasonLimit)
	}
	if e.peers.live > e.bounds.Receivers {
		others := func(x *peer) int {
			if x == p {
				return x.live.n - 1
			}
			return x.live.n
		}
		e.closeReceiver(e.peers.heaviest(others, others).live.head(), ReasonLimit)
	}
}

// makeRoomForEnded drops what is left to poll of closed receivers until there is room for that of one more, of p (BOUND-004).
func (e *Endpoint) makeRoomForEnded(p *peer) {
	if p.ended.n >= e.bounds.ReceiversPerPeer {
		e.dropEnded(p.ended.head())
	}
	if e.peers.ended >= e.bounds.Receivers {
		ended := func(p *peer) int { return p.ended.n }
		e.dropEnded(e.peers.heaviest(ended, ended).ended.head())
	}
}

// dropEnded drops all messages and events of a closed receiver.
func (e *Endpoint) dropEnded(r *Receiver) {
	for r.messages.first != nil {
		e.discard(r)
	}
	for _, x := range []**event{&r.created, &r.ended} {
		if *x != nil {
			e.events.remove(*x)
			*x = nil
		}
	}
	e.settleEnded(r)
}

// recordOf returns the channel record of a participant, which it makes, and room for it, if there is none (BOUND-002).
func (e *Endpoint) recordOf(from wire.Participant, channel uint16) *record {
	key := recordKey(from, channel)
	if c := e.records[key]; c != nil {
		return c
	}
	p := e.peers.get(e.fragments, from)
	if p.records >= e.bounds.ChannelsPerPeer {
		e.forgetOldest(p)
	}
	if e.peers.records >= e.bounds.Channels {
		e.forgetOldest(e.peers.heaviest(func(p *peer) int { return p.records }, func(p *peer) int { return p.resting.n }))
	}
	c := &record{peer: p, channel: channel}
	c.resting.of = c
	e.records[key] = c
	p.records++
	e.peers.records++
	return c
}

// rest puts a record that has no live receiver, any more or yet, behind those that have been without one for longer.
func (e *Endpoint) rest(c *record) {
	if c.receives == 0 && !c.peer.resting.has(&c.resting) {
		c.peer.resting.push(&c.resting)
	}
}

// forgetOldest removes the record of p that has been without a live receiver for the longest time.
func (e *Endpoint) forgetOldest(p *peer) {
	e.forgetRecord(p.resting.head())
	e.stats.Forgotten++
}

// forgetRecord removes a record without a live receiver.
func (e *Endpoint) forgetRecord(c *record) {
	c.peer.resting.remove(&c.resting)
	delete(e.records, recordKey(c.peer.handle, c.channel))
	c.peer.records--
	e.peers.records--
}

// forgetPeer closes the receivers of p, and forgets its messages in progress and its records (LEFT-001).
func (e *Endpoint) forgetPeer(p *peer) {
	for r := p.live.head(); r != nil; r = p.live.head() {
		e.closeReceiver(r, ReasonLeft)
	}
	e.fragments.ForgetAll(&p.account)
	for c := p.resting.head(); c != nil; c = p.resting.head() {
		e.forgetRecord(c)
	}
}
