package cdcptest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// epoch is when every Network begins, in seconds since 1970: the first moment of 2026, UTC.
const epoch = 1767225600

// A Network is one call: its endpoints and the links between them.
type Network struct {
	// Trace gets a line of text for everything that happens; nil: none is written. In all lines come first the seconds since the
	// Network was made and the endpoint that it is about. The rest is for people, and can change.
	Trace io.Writer

	seed      uint64
	rand      *rand.Rand
	link      Link
	start     time.Time
	now       time.Time
	endpoints []*Endpoint // by handle
	flights   flights
	launched  uint64 // flights since the beginning
	scratch   []byte // the frame that is handed in
}

// New returns a Network without endpoints. The link is the one that each endpoint has at first: to a relay, or, if it leads to
// none, to the one other endpoint.
func New(seed uint64, l Link) *Network {
	start := time.Unix(epoch, 0).UTC()
	return &Network{seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), link: l, start: start, now: start}
}

// Now returns the present time, which begins with the year 2026 and moves in whole microseconds.
func (n *Network) Now() time.Time { return n.now }

// Endpoint adds an endpoint, whose link is up at once. Its random source, if c has none, follows from the seed and its handle. Handles
// are given once, and without a relay there are two endpoints at most.
func (n *Network) Endpoint(c cdcp.Config) *Endpoint {
	i, taken := slices.BinarySearchFunc(n.endpoints, c.Self, func(e *Endpoint, h wire.Participant) int { return int(e.Self) - int(h) })
	if taken || !n.link.Relay && len(n.endpoints) == 2 {
		panic("cdcptest: no place for this endpoint")
	}
	if c.Rand == nil {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[:], n.seed)
		binary.BigEndian.PutUint16(seed[8:], uint16(c.Self))
		c.Rand = rand.NewChaCha8(seed)
	}
	inner, err := cdcp.New(n.now, c)
	must(err)
	e := &Endpoint{Endpoint: inner, Self: c.Self, Link: n.link, network: n}
	n.endpoints = slices.Insert(n.endpoints, i, e)
	e.up()
	return e
}

// Step takes in what the application did, goes on to the time at which something happens next, and lets it happen. It returns false,
// with the time as it was, when all is at rest: no frame is on its way and no timer runs.
func (n *Network) Step() bool {
	n.poll()
	at, ok := n.next()
	if ok {
		n.happen(at)
	}
	return ok
}

// Run does every step of the next d, in whole microseconds, and ends at that time.
func (n *Network) Run(d time.Duration) {
	until := n.now.Add(d.Truncate(time.Microsecond))
	n.poll()
	for at, ok := n.next(); ok && !at.After(until); at, ok = n.next() {
		n.happen(at)
	}
	n.now = until
}

// next returns the time at which something happens next.
func (n *Network) next() (next time.Time, ok bool) {
	consider := func(at time.Time) {
		if !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	if len(n.flights) > 0 {
		consider(n.flights[0].at)
	}
	for _, e := range n.endpoints {
		if at := e.Deadline(); !at.IsZero() {
			consider(at)
		}
		if e.isUp && e.free.After(n.now) {
			consider(e.free)
		}
	}
	return next, ok
}

// happen lets happen what does at a time: timers first, then arrivals in the order of their departures.
func (n *Network) happen(at time.Time) {
	n.now = at
	for _, e := range n.endpoints {
		if d := e.Deadline(); !d.IsZero() && !d.After(at) {
			n.trace(e.Self, "timer")
			e.Advance(at)
		}
	}
	for len(n.flights) > 0 && !n.flights[0].at.After(at) {
		n.arrive(n.flights.take())
	}
	n.poll()
}

// poll takes what the endpoints have to say: frames and events.
func (n *Network) poll() {
	for _, e := range n.endpoints {
		e.transmit()
		e.collect()
	}
}

// must panics if a call is refused.
func must(err error) {
	if err != nil {
		panic("cdcptest: " + err.Error())
	}
}
