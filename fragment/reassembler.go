package fragment

import (
	"time"

	"github.com/cdcp-project/cdcp/wire"
)

// patience is how long after the last fragment that added bytes a lossy message expires (FRAG-004).
const patience = 5 * time.Second

// A Reassembler holds the messages of all participants, in progress and not yet released, within a [Budget]. What the budget
// leaves is for its free lists: a message that comes when another of about its size has gone allocates nothing.
//
// A message in progress is known by participant, channel, session and number. It is lossy or durable, as its first fragment
// is.
type Reassembler struct {
	budget   Budget
	held     int        // cost of all messages, bytes
	progress int        // of these, cost of the messages in progress
	accounts []*Account // those with messages in progress, in no order that matters
	timers   list       // the lossy messages in progress
	stats    Stats
	buffers  *Buffers
	free     *partial // linked by age
	spare    int      // length of free
}

// New returns a Reassembler that holds nothing.
func New(b Budget) *Reassembler {
	return &Reassembler{budget: b, timers: list{chain: byDeadline}, buffers: NewBuffers(b.Bytes)}
}

// Held returns the cost of all messages that are held, in progress or not yet released.
func (r *Reassembler) Held() int { return r.held }

// Stats returns the counters.
func (r *Reassembler) Stats() Stats { return r.stats }

// Fits reports whether there is room for a message of n bytes of a, once as many messages in progress as need be were
// dropped, and messages of a that cost spare were released. It changes nothing.
//
// Nothing is dropped for a message that does not fit so (BOUND-006, BOUND-008). Add asks by itself; before Keep it is the
// caller who knows what it would release.
func (r *Reassembler) Fits(a *Account, n, spare int) bool {
	cost := Cost(n) - spare
	return cost <= r.budget.BytesPerPeer-a.held+a.progress && cost <= r.budget.Bytes-r.held+r.progress
}

// Keep copies payload, a whole message of a of at most [wire.MaxMessageSize] bytes, which is held until Release. It makes
// room by dropping messages in progress. ok is false if that is not enough; those that were dropped stay dropped, and the
// caller can release messages of a and try again (BOUND-007).
func (r *Reassembler) Keep(a *Account, payload []byte) (message []byte, ok bool) {
	cost := Cost(len(payload))
	if !r.makeRoom(a, cost) {
		return nil, false
	}
	r.charge(a, cost)
	message = r.buffers.Get(len(payload))
	copy(message, payload)
	return message, true
}

// Release ends a message that Keep or Add gave out, as it was given out. The caller does not use it any more.
func (r *Reassembler) Release(a *Account, message []byte) {
	r.charge(a, -Cost(len(message)))
	r.buffers.Put(message)
}

// Add takes in f, a fragment of a that [wire.Frame.Parse] accepted, whose session and number the caller has checked. It copies
// what it keeps.
//
// With Complete come the message, which is held until Release, and the run of its fragment with offset 0, or 0 if there is
// none (FRAME-005). A fragment that begins a message makes room for all of it by dropping messages in progress. If
// that would not be enough nothing is dropped, and the verdict is NoRoom.
func (r *Reassembler) Add(now time.Duration, a *Account, f *wire.Frame) (message []byte, run uint16, v Verdict) {
	p := a.find(streamOf(f.Channel, f.Session), f.Sequence)
	if p == nil {
		if f.Flags&wire.FlagDurable != 0 && f.Offset != 0 {
			return nil, 0, Conflict // FRAG-005
		}
		if p = r.begin(a, f); p == nil {
			return nil, 0, NoRoom // BOUND-008
		}
	} else if v := p.check(f); v != Held {
		if v == Conflict {
			r.kill(p) // FRAG-003, FRAG-006
		}
		return nil, 0, v
	}
	p.add(f)
	if p.got == p.total { // FRAG-001
		message, run = r.complete(p)
		return message, run, Complete
	}
	if !p.durable() {
		r.setTimer(p, now+patience) // FRAG-004
	}
	return nil, 0, Held
}

// Kill kills the message if it is in progress: its bytes are given up, and until it ends as other messages in progress do
// each further fragment of it is a Conflict (FRAME-003, FRAG-007).
func (r *Reassembler) Kill(a *Account, channel uint16, session, sequence wire.Serial) {
	if p := a.find(streamOf(channel, session), sequence); p != nil {
		r.kill(p)
	}
}

// End ends the message if it is in progress (FRAG-010).
func (r *Reassembler) End(a *Account, channel uint16, session, sequence wire.Serial) {
	if p := a.find(streamOf(channel, session), sequence); p != nil {
		r.abandon(p)
	}
}

// EndOthers ends all messages in progress of the session but the one with that number. For a whole message of a durable
// session, that one ends too, by End (FRAG-008).
func (r *Reassembler) EndOthers(a *Account, channel uint16, session, sequence wire.Serial) {
	stream := streamOf(channel, session)
	end, _ := a.search(stream+1, 0)
	for i := end - 1; i >= 0 && a.partials[i].stream == stream; i-- {
		if p := a.partials[i]; p.sequence != sequence {
			r.abandon(p)
		}
	}
}

// Forget ends the messages in progress of all sessions of the channel for which over is true (RECV-015). It asks once for
// each message.
func (r *Reassembler) Forget(a *Account, channel uint16, over func(session wire.Serial) bool) {
	end, _ := a.search(streamOf(channel, 0)+1<<32, 0)
	for i := end - 1; i >= 0 && a.partials[i].channel() == channel; i-- {
		if p := a.partials[i]; over(p.session()) {
			r.abandon(p)
		}
	}
}

// ForgetAll ends all messages in progress of a (LEFT-001). Those that wait for Release stay.
func (r *Reassembler) ForgetAll(a *Account) {
	for i := len(a.partials) - 1; i >= 0; i-- {
		r.abandon(a.partials[i])
	}
}

// Advance ends the lossy messages whose deadline is at or before now, by deadline, and of equal ones in the order in which
// these were last set (TIME-003, FRAG-004).
func (r *Reassembler) Advance(now time.Duration) {
	for p := r.timers.first; p != nil && p.deadline <= now; p = r.timers.first {
		r.stats.Expired++
		r.drop(p)
	}
}

// Deadline returns the time at which the next message expires; ok is false if there is none.
func (r *Reassembler) Deadline() (at time.Duration, ok bool) {
	if p := r.timers.first; p != nil {
		return p.deadline, true
	}
	return 0, false
}

// makeRoom drops messages in progress until cost fits, and reports whether it does.
func (r *Reassembler) makeRoom(a *Account, cost int) bool {
	for cost > r.budget.BytesPerPeer-a.held { // BOUND-001: its own
		if a.age.first == nil {
			return false
		}
		r.evict(a)
	}
	for cost > r.budget.Bytes-r.held { // BOUND-001: the heaviest
		if len(r.accounts) == 0 {
			return false
		}
		r.evict(r.heaviest())
	}
	return true
}

// heaviest returns the account whose messages in progress cost the most, and of equal ones that of the lowest handle
// (BOUND-005). There is one.
func (r *Reassembler) heaviest() *Account {
	h := r.accounts[0]
	for _, a := range r.accounts[1:] {
		if a.progress > h.progress || a.progress == h.progress && a.From < h.From {
			h = a
		}
	}
	return h
}

// evict drops the message in progress of a whose first fragment came first (BOUND-005).
func (r *Reassembler) evict(a *Account) {
	r.stats.Evicted++
	r.drop(a.age.first)
}

func (r *Reassembler) abandon(p *partial) {
	r.stats.Abandoned++
	r.drop(p)
}

// begin makes room for the message of f and starts it, without the bytes of f. It returns nil if there cannot be room.
func (r *Reassembler) begin(a *Account, f *wire.Frame) *partial {
	n := int(f.Total)
	if !r.Fits(a, n, 0) {
		return nil
	}
	r.makeRoom(a, Cost(n))
	r.charge(a, Cost(n))
	r.chargeProgress(a, Cost(n))
	p := r.free
	if p == nil {
		p = new(partial)
	} else {
		r.free = p.links[byAge].after
		r.spare--
	}
	*p = partial{
		account:  a,
		message:  r.buffers.Get(n),
		table:    r.buffers.Get(tableSize(n)),
		stream:   streamOf(f.Channel, f.Session),
		sequence: f.Sequence,
		total:    f.Total,
		flags:    f.Flags,
	}
	if len(a.partials) == 0 {
		a.place = len(r.accounts)
		r.accounts = append(r.accounts, a)
	}
	a.insert(p)
	if !p.durable() {
		r.timers.push(p) // its deadline is set with its first bytes
	}
	r.stats.Partials++
	return p
}

// kill takes the bytes of p (FRAG-007). Its timer, if it has one, stays as it is (FRAG-004).
func (r *Reassembler) kill(p *partial) {
	before := p.cost()
	r.freeBytes(p)
	r.charge(p.account, p.cost()-before)
	r.chargeProgress(p.account, p.cost()-before)
}

// complete takes the message out of p, which is not in progress any more. The message stays charged.
func (r *Reassembler) complete(p *partial) (message []byte, run uint16) {
	r.stats.Completed++
	message, run = p.message, p.run
	r.chargeProgress(p.account, -p.cost())
	r.buffers.Put(p.table)
	r.remove(p)
	return message, run
}

// drop ends p and gives back what it was charged.
func (r *Reassembler) drop(p *partial) {
	r.charge(p.account, -p.cost())
	r.chargeProgress(p.account, -p.cost())
	r.freeBytes(p)
	r.remove(p)
}

// freeBytes frees the message and the table of p, if it was not killed before.
func (r *Reassembler) freeBytes(p *partial) {
	r.buffers.Put(p.message)
	r.buffers.Put(p.table)
	p.message, p.table = nil, nil
}

// remove takes p out of all lists and frees it.
func (r *Reassembler) remove(p *partial) {
	a := p.account
	if !p.durable() {
		r.timers.remove(p)
	}
	a.remove(p)
	if len(a.partials) == 0 {
		last := len(r.accounts) - 1
		r.accounts[a.place] = r.accounts[last]
		r.accounts[a.place].place = a.place
		r.accounts[last] = nil
		r.accounts = r.accounts[:last]
	}
	*p = partial{}
	if r.spare < maxFree {
		p.links[byAge].after, r.free = r.free, p
		r.spare++
	}
}

// setTimer sets the timer of p, which is lossy.
func (r *Reassembler) setTimer(p *partial, deadline time.Duration) {
	p.deadline = deadline
	if p != r.timers.last {
		r.timers.remove(p)
		r.timers.push(p)
	}
}

// charge changes what a is charged. The free lists may keep what is left of the budget.
func (r *Reassembler) charge(a *Account, cost int) {
	a.held += cost
	r.held += cost
	r.buffers.limit = r.budget.Bytes - r.held
}

// chargeProgress changes which part of that is for messages in progress.
func (r *Reassembler) chargeProgress(a *Account, cost int) {
	a.progress += cost
	r.progress += cost
}
