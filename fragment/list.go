package fragment

// A list is a queue of messages in progress that can leave it from any place. Each message has links for both lists that
// it can be in; chain says which of them belong to this one.
type list struct {
	first, last *partial
	chain       int
}

// The lists of a message.
const (
	byAge      = 0 // of its account: in the order of the first fragments
	byDeadline = 1 // of the reassembler, the lossy ones alone: in the order of the deadlines
	chains     = 2
)

type links struct{ before, after *partial }

// push puts p, which is not in the list, behind the others.
func (l *list) push(p *partial) {
	p.links[l.chain].before = l.last
	if l.last == nil {
		l.first = p
	} else {
		l.last.links[l.chain].after = p
	}
	l.last = p
}

// remove takes out p, which is in the list.
func (l *list) remove(p *partial) {
	n := p.links[l.chain]
	p.links[l.chain] = links{}
	if n.before == nil {
		l.first = n.after
	} else {
		n.before.links[l.chain].after = n.after
	}
	if n.after == nil {
		l.last = n.before
	} else {
		n.after.links[l.chain].before = n.before
	}
}
