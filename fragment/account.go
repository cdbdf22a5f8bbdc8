package fragment

import (
	"slices"

	"github.com/cdcp-project/cdcp/wire"
)

// An Account is the share of one participant in what a [Reassembler] holds. From is set before its first use and not
// changed after it; the rest of the zero value is ready. An Account is not copied, and belongs to one Reassembler. It can
// be dropped when Held is 0.
type Account struct {
	From wire.Participant

	held     int        // cost of all messages, bytes
	progress int        // of these, cost of the messages in progress
	place    int        // in Reassembler.accounts, if a message is in progress
	age      list       // the messages in progress
	partials []*partial // the same, ascending by stream and sequence, as numbers that do not wrap
}

// minPartials is the capacity of Account.partials that is not given back.
const minPartials = 8

// Held returns the cost of all messages of the participant that are held, in progress or not yet released.
func (a *Account) Held() int { return a.held }

// search returns the place in a.partials of the message, or where it would be.
func (a *Account) search(stream uint64, sequence wire.Serial) (i int, ok bool) {
	end := len(a.partials)
	for i < end {
		mid := int(uint(i+end) / 2)
		if p := a.partials[mid]; p.stream < stream || p.stream == stream && p.sequence < sequence {
			i = mid + 1
		} else {
			end = mid
		}
	}
	return i, i < len(a.partials) && a.partials[i].stream == stream && a.partials[i].sequence == sequence
}

// find returns the message in progress, or nil.
func (a *Account) find(stream uint64, sequence wire.Serial) *partial {
	if i, ok := a.search(stream, sequence); ok {
		return a.partials[i]
	}
	return nil
}

// insert makes p a message in progress of a.
func (a *Account) insert(p *partial) {
	i, _ := a.search(p.stream, p.sequence)
	a.partials = slices.Insert(a.partials, i, p)
	a.age.push(p)
}

// remove undoes insert.
func (a *Account) remove(p *partial) {
	i, _ := a.search(p.stream, p.sequence)
	a.partials = slices.Delete(a.partials, i, i+1)
	if c := cap(a.partials); c > minPartials && len(a.partials) <= c/4 {
		a.partials = append(make([]*partial, 0, c/2), a.partials...)
	}
	a.age.remove(p)
}
