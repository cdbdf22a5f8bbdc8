package cdcp

import (
	"slices"

	"github.com/cdcp-project/cdcp/wire"
)

// presence knows which participants are present: not this endpoint, and not known to have left (SPEC.md section 9.6). A handle is
// never given twice in a call, and so what has left stays so.
type presence struct {
	self wire.Participant
	left []uint64 // a bit for each handle; nil: nobody left
}

func (p *presence) has(h wire.Participant) bool {
	return h != p.self && (p.left == nil || p.left[h/64]>>(h%64)&1 == 0)
}

func (p *presence) remove(h wire.Participant) {
	if p.left == nil {
		p.left = make([]uint64, 1<<16/64)
	}
	p.left[h/64] |= 1 << (h % 64)
}

// reaches reports whether what goes to list goes to anyone: the list is empty, or names someone present.
func (p *presence) reaches(list []wire.Participant) bool {
	return len(list) == 0 || slices.ContainsFunc(list, p.has)
}

// count returns how many of list are present.
func (p *presence) count(list []wire.Participant) int {
	n := 0
	for _, h := range list {
		if p.has(h) {
			n++
		}
	}
	return n
}

// newList returns the set that given names, ascending, in memory of its own; nil if it names nobody (LIST-001). ok is false if
// LIST-002 refuses it.
func newList(given []wire.Participant) (list []wire.Participant, ok bool) {
	if len(given) == 0 {
		return nil, true
	}
	list = slices.Clone(given)
	slices.Sort(list)
	list = slices.Clip(slices.Compact(list))
	return list, list[0] != 0 && len(list) <= wire.MaxParticipants
}
