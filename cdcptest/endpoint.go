package cdcptest

import (
	"slices"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// An Endpoint is one of a [Network]. Everything that the application calls is that of [cdcp.Endpoint]; what the carriage calls there
// is for the Network alone.
type Endpoint struct {
	*cdcp.Endpoint

	Self wire.Participant

	// Link is what its frames travel on; with a relay, frames to it too. It can be changed at any time, and then counts for frames
	// that depart; Budget and Reliable count from the next Up on.
	Link Link

	network *Network
	isUp    bool
	left    bool
	cuts    int          // how often its link went down
	free    time.Time    // when the link can take the next frame
	last    [2]time.Time // when the last frame of the reliable path arrives: from e, to e
	events  []cdcp.Event
}

// Events returns the events since it was last called. A message event stands here even if its message was read, or dropped, since.
func (e *Endpoint) Events() []cdcp.Event {
	e.collect()
	events := e.events
	e.events = nil
	return events
}

// Down cuts the link: what is on its way on it is lost, on the reliable path too. Without a relay both ends are down. It does nothing
// if the link is down.
func (e *Endpoint) Down() {
	for _, x := range e.ends() {
		x.down()
	}
}

// Up brings the link up. Without a relay both ends are up. It does nothing if the link is up, or the endpoint left.
func (e *Endpoint) Up() {
	for _, x := range e.ends() {
		x.up()
	}
}

// Leave takes the endpoint out of the call: its link goes down for good, and all others are told that it left.
func (e *Endpoint) Leave() {
	e.Down()
	e.left = true
	n := e.network
	n.trace(e.Self, "left")
	for _, x := range n.endpoints {
		if x != e && !x.left {
			must(x.ParticipantLeft(n.now, e.Self))
		}
	}
}

// ends returns the endpoints whose link is that of e.
func (e *Endpoint) ends() []*Endpoint {
	if e.network.link.Relay {
		return []*Endpoint{e}
	}
	return e.network.endpoints
}

func (e *Endpoint) up() {
	if e.isUp || e.left {
		return
	}
	e.isUp, e.free, e.last = true, time.Time{}, [2]time.Time{}
	e.network.trace(e.Self, "link up")
	must(e.LinkUp(e.network.now, cdcp.Link{Budget: e.Link.budget(), Reliable: e.Link.Reliable, Relay: e.network.link.Relay}))
}

func (e *Endpoint) down() {
	if !e.isUp {
		return
	}
	e.isUp = false
	e.cuts++
	e.network.trace(e.Self, "link down")
	e.LinkDown(e.network.now)
}

// transmit takes the frames that its link can carry now.
func (e *Endpoint) transmit() {
	n := e.network
	for e.isUp && !e.free.After(n.now) {
		b, route, ok := e.NextFrame(n.now, cdcp.ClassAll, nil)
		if !ok {
			return
		}
		n.trace(e.Self, "> %s to %s", describe(b), names(route.Participants))
		e.free = n.now.Add(e.Link.duration(len(b)))
		f := flight{frame: b, class: route.Class, link: e, from: e.Self}
		if !n.link.Relay {
			i := slices.IndexFunc(n.endpoints, func(x *Endpoint) bool {
				return x != e && (len(route.Participants) == 0 || slices.Contains(route.Participants, x.Self))
			})
			if i < 0 {
				continue
			}
			f.to = n.endpoints[i]
		}
		n.launch(f)
	}
}

// collect polls the events.
func (e *Endpoint) collect() {
	for v, ok := e.NextEvent(); ok; v, ok = e.NextEvent() {
		e.network.trace(e.Self, "! %s", eventDescription(v))
		e.events = append(e.events, v)
	}
}

// handle hands in a frame, in memory that is another's afterwards.
func (e *Endpoint) handle(from wire.Participant, frame []byte) {
	n := e.network
	b := append(n.scratch[:0], frame...)
	verdict, err := e.HandleFrame(n.now, from, b)
	must(err)
	clear(b)
	n.scratch = b
	n.trace(e.Self, "< %s from %d: %s", describe(frame), from, verdict)
}
