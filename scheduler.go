package cdcp

import "container/heap"

// A scheduler decides whose frame goes next (SPEC.md section 9.8). A channel that waits stands in one of four lanes, by the priority
// and the class of its next frame.
type scheduler struct {
	lanes  [2][2]lane // by priority, and by class: reliable, lossy
	mark   [2]int64   // by priority
	credit int64      // bytes of high that normal has let go first (TURN-005)
}

const share = 7 // normal goes when high has sent this many times its frame

// A turn is what a channel waits with. The zero value is nothing.
type turn struct {
	class    Classes
	priority Priority
}

// wait says that c now waits with t.
func (s *scheduler) wait(c *channel, t turn) {
	old := c.turn
	if old == t {
		return
	}
	if old.class != 0 {
		heap.Remove(s.lane(old), c.index)
	}
	c.turn = t
	if t.class == 0 {
		return
	}
	if old.class == 0 || old.priority != t.priority { // TURN-001
		c.tag[t.priority] = max(c.tag[t.priority], s.mark[t.priority])
	}
	heap.Push(s.lane(t), c)
}

// lane returns where channels wait that wait with t.
func (s *scheduler) lane(t turn) *lane { return &s.lanes[t.priority][t.class>>1] }

// first returns the channel in turn that goes first within a priority, or nil.
func (s *scheduler) first(p Priority, classes Classes) *channel {
	var best *channel
	for i, l := range &s.lanes[p] {
		if classes>>i&1 != 0 && len(l) > 0 && (best == nil || l[0].before(best, p)) {
			best = l[0]
		}
	}
	return best
}

// next returns the channel whose turn it is, or nil. length gives the length of the frame that a channel waits with.
func (s *scheduler) next(classes Classes, length func(*channel) int) *channel {
	high, normal := s.first(High, classes), s.first(Normal, classes)
	switch {
	case high == nil:
		s.credit = 0 // TURN-005
		return normal
	case normal == nil:
		s.credit = 0
		return high
	}
	if price := share * int64(length(normal)); s.credit >= price {
		s.credit -= price
		return normal
	}
	s.credit += int64(length(high)) // TURN-004
	return high
}

// took charges c for the frame of n bytes that it waited with, at the weight 2^e (TURN-003).
func (s *scheduler) took(c *channel, n, e int) {
	p := c.turn.priority
	s.mark[p] = max(s.mark[p], c.tag[p])
	c.tag[p] = s.mark[p] + int64(n)<<e
	heap.Fix(s.lane(c.turn), c.index)
}

// before is the order of TURN-002.
func (c *channel) before(d *channel, p Priority) bool {
	return c.tag[p] < d.tag[p] || c.tag[p] == d.tag[p] && c.id < d.id
}

// A lane is a heap of channels that wait in one priority.
type lane []*channel

func (l lane) Len() int           { return len(l) }
func (l lane) Less(i, j int) bool { return l[i].before(l[j], l[i].turn.priority) }

func (l lane) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}

func (l *lane) Push(c any) {
	c.(*channel).index = len(*l)
	*l = append(*l, c.(*channel))
}

func (l *lane) Pop() any {
	last := len(*l) - 1
	c := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return c
}

// weight returns the e of a bitrate hint in kbit/s (SPEC.md section 9.8).
func weight(kbps int) int {
	if kbps == 0 {
		kbps = defaultHint
	}
	e := 0
	for limit := 512; e < 6 && kbps <= limit; limit /= 2 {
		e++
	}
	return e
}
