package cdcp

import (
	"slices"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// A peer is all that is kept of one participant.
type peer struct {
	handle  wire.Participant
	account fragment.Account
	live    list[Receiver] // those that are live, the least recently active first
	ended   list[Receiver] // those that are closed and of which something is left to poll, the one that closed first before others
	records int
	resting list[record] // those without a live receiver, in the order in which they lost the last one
}

// empty reports whether nothing is left of p that would be missed.
func (p *peer) empty() bool { return p.records == 0 && p.ended.n == 0 && p.account.Held() == 0 }

// peers are the participants of which something is kept, by handle and in ascending order of handle.
type peers struct {
	byHandle map[wire.Participant]*peer
	sorted   []*peer
	live     int // receivers of all, and so on
	ended    int
	records  int
}

// get returns the peer with that handle, which it makes if need be.
func (p *peers) get(r *fragment.Reassembler, h wire.Participant) *peer {
	if x := p.byHandle[h]; x != nil {
		return x
	}
	if len(p.sorted) == cap(p.sorted) { // before it grows, what is empty goes
		p.sorted = slices.DeleteFunc(p.sorted, func(x *peer) bool {
			if x.empty() {
				delete(p.byHandle, x.handle)
			}
			return x.empty()
		})
	}
	x := &peer{handle: h}
	x.account.From = h
	i, _ := slices.BinarySearchFunc(p.sorted, h, func(x *peer, h wire.Participant) int { return int(x.handle) - int(h) })
	p.sorted = slices.Insert(p.sorted, i, x)
	p.byHandle[h] = x
	return x
}

// heaviest returns the peer with the most of what is counted, and of equal ones that with the lower handle. Only those are looked at of
// which more than 0 can go.
func (p *peers) heaviest(count, canGo func(*peer) int) *peer {
	var heaviest *peer
	for _, x := range p.sorted {
		if canGo(x) > 0 && (heaviest == nil || count(x) > count(heaviest)) {
			heaviest = x
		}
	}
	return heaviest
}
