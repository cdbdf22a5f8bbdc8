package cdcptest

import (
	"container/heap"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A Link says how frames travel: from an endpoint to the relay and from there to an endpoint, each on the link of that endpoint,
// or, without a relay, from one endpoint to the other on the link of the first. The zero value has no reliable path, carries
// everything at once, and loses nothing.
//
// The reliable path loses and repeats nothing, and keeps the order of all frames.
type Link struct {
	Budget   int  // the longest frame that it carries, 576 to 65535 bytes; 0: 1200
	Reliable bool // it has a reliable path; without one all frames take the lossy path
	Relay    bool // it leads to a relay; the same for all links of a Network

	Rate   int           // kbit/s that an endpoint can send; while a frame goes no other is taken. 0: no limit
	Delay  time.Duration // of every frame
	Jitter time.Duration // by up to how much more each frame is late, as drawn; it puts those of the lossy path in another order

	Loss      float64 // share of the frames of the lossy path that get lost, 0 to 1
	Duplicate float64 // share of the others that come twice, 0 to 1
}

const defaultBudget = 1200

func (l *Link) budget() int {
	if l.Budget == 0 {
		return defaultBudget
	}
	return l.Budget
}

// duration returns how long a frame of n bytes keeps the link from taking another.
func (l *Link) duration(n int) time.Duration {
	if l.Rate == 0 {
		return 0
	}
	return time.Duration((n*8000+l.Rate-1)/l.Rate) * time.Microsecond
}

// A flight is one frame on its way over one link.
type flight struct {
	at    time.Time // of its arrival
	order uint64    // of its departure
	frame []byte
	class cdcp.Classes
	from  wire.Participant // whose frame it is
	link  *Endpoint        // over whose link it goes
	cuts  int              // of that link at its departure
	to    *Endpoint        // nil: the relay
}

// launch sends f on its way: once, twice or not at all.
func (n *Network) launch(f flight) {
	l := &f.link.Link
	if f.class == cdcp.ClassReliable && l.Reliable {
		direction := 0
		if f.link == f.to {
			direction = 1
		}
		last := &f.link.last[direction]
		if f.at = n.now.Add(n.delay(l)); f.at.Before(*last) {
			f.at = *last
		}
		*last = f.at
		n.depart(f)
		return
	}
	if n.draw(l.Loss) {
		n.trace(f.from, "x %s is lost", describe(f.frame))
		return
	}
	copies := 1
	if n.draw(l.Duplicate) {
		copies = 2
	}
	for range copies {
		f.at = n.now.Add(n.delay(l))
		n.depart(f)
	}
}

func (n *Network) depart(f flight) {
	f.order, f.cuts = n.launched, f.link.cuts
	n.launched++
	heap.Push(&n.flights, f)
}

// delay draws how long a frame takes.
func (n *Network) delay(l *Link) time.Duration {
	const step = time.Microsecond
	return l.Delay.Truncate(step) + time.Duration(n.rand.Int64N(int64(l.Jitter/step)+1))*step
}

// draw reports whether something happens whose share of all is p.
func (n *Network) draw(p float64) bool { return n.rand.Float64() < p }

// arrive lets f reach the relay or an endpoint, if its link was not cut since it departed.
func (n *Network) arrive(f flight) {
	switch {
	case f.cuts != f.link.cuts:
		n.trace(f.from, "x %s is cut off", describe(f.frame))
	case f.to == nil:
		n.relay(f)
	case n.link.Relay:
		f.to.handle(origin(f.frame), f.frame)
	default:
		f.to.handle(f.from, f.frame)
	}
}

// flights are a heap: what arrives first, and of equal times what departed first.
type flights []flight

func (s *flights) take() flight { return heap.Pop(s).(flight) }

func (s flights) Len() int { return len(s) }

func (s flights) Less(i, j int) bool {
	if c := s[i].at.Compare(s[j].at); c != 0 {
		return c < 0
	}
	return s[i].order < s[j].order
}

func (s flights) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

func (s *flights) Push(f any) { *s = append(*s, f.(flight)) }

func (s *flights) Pop() any {
	last := len(*s) - 1
	f := (*s)[last]
	*s = (*s)[:last]
	return f
}
