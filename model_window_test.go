package cdcp_test

import "github.com/cdcp-project/cdcp/wire"

// The window of the model of model_receive_test.go: a map of the numbers that came or were settled.

// missing returns the numbers that are missing.
func (r *modelReceiver) missing() []int64 {
	var all []int64
	for n := r.base; n <= r.top; n++ {
		if !r.came[n] {
			all = append(all, n)
		}
	}
	return all
}

// begin sets base by the first number.
func (r *modelReceiver) begin(n wire.Serial) {
	if r.begun {
		return
	}
	r.begun = true
	r.base = 1
	if (int64(n)-1+1<<32)%(1<<32) >= 1024 {
		r.base = int64(n) - 1023
	}
	r.top = r.base - 1
}

// settle settles what is missing up to a number, and moves base.
func (r *modelReceiver) settle(to int64) {
	for _, n := range r.missing() {
		if n > to {
			break
		}
		r.came[n] = true
		if r.proved[n] {
			r.lost++
		} else {
			r.unknown++
		}
	}
	for r.base <= r.top && r.came[r.base] {
		r.base++
	}
}

// accept takes in a number.
func (m *receiveModel) accept(r *modelReceiver, s wire.Serial, run uint16) {
	r.begin(s)
	n := unwrap(r.base, s)
	if r.delivered == 0 {
		r.low, r.high = n, n
	}
	r.delivered++
	r.low, r.high = min(r.low, n), max(r.high, n)
	r.came[n] = true
	m.know(r, n, run)
}

// knowLast takes in the last number of a KEEPALIVE or CLOSE. One that is neither newer than top nor in the window says nothing.
func (m *receiveModel) knowLast(r *modelReceiver, s wire.Serial, run uint16) {
	r.begin(s)
	if n := unwrap(r.top, s); n >= r.base {
		m.know(r, n, run)
	}
}

// know makes known that there is a number, and what its run proves.
func (m *receiveModel) know(r *modelReceiver, n int64, run uint16) {
	top := r.top
	reach := n - int64(run)
	if run == 0 {
		reach = -1 << 62
	}
	if r.delivered == 0 || r.high <= reach || r.high > n {
		reach = n // it proves nothing
	}
	prove := func(from, to int64) {
		for x := max(from, reach+1, r.low+1); x <= min(to, n); x++ {
			r.proved[x] = true
		}
	}
	prove(r.base, top)
	if out := n - 1024; out >= r.base {
		r.settle(min(out, top))
		if gone := out - max(top, r.base-1); gone > 0 { // these were never in the window, and can be very many
			lost := max(0, min(gone, out-max(reach, r.low)))
			r.lost += uint64(lost)
			r.unknown += uint64(gone - lost)
			top = out
		}
		r.base = max(r.base, out+1)
	}
	r.top = max(r.top, n)
	prove(max(r.base, top+1), n)
	r.settle(r.base - 1)
	if r.flags&wire.FlagDurable != 0 {
		r.settle(r.top)
	}
	m.schedule(r)
}

// schedule sets or stops the settling timer.
func (m *receiveModel) schedule(r *modelReceiver) {
	switch missing := r.missing(); {
	case len(missing) == 0:
		r.settling = modelTimer{}
	case r.settling.set == 0 || r.base > r.mark:
		m.set(&r.settling, modelSettle)
		r.mark = r.top
	}
}
