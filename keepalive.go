package cdcp

import (
	"math/bits"
	"time"
)

// A keepAlive is the state of a channel in SPEC.md section 9.9: no timer, a timer that runs, or a KEEPALIVE that waits.
type keepAlive struct {
	node  node[channel]
	at    time.Duration // the deadline, if the timer runs
	waits bool
}

// keepAlives are the timers of all channels: one list for each interval, in which what was set first is due first.
type keepAlives struct {
	lists [maxKeepAlive + 1]list[channel] // by seconds
	used  uint64                          // a bit for each list that is not empty
}

// set sets the timer of c to the interval of its sender from now on, and drops its KEEPALIVE.
func (k *keepAlives) set(now time.Duration, c *channel) {
	interval := c.sender.interval
	i := interval / time.Second
	if at := now + interval; !k.lists[i].has(&c.keepAlive.node) || c.keepAlive.at != at {
		c.keepAlive.at = at
		k.lists[i].touch(&c.keepAlive.node)
		k.used |= 1 << i
	}
	c.keepAlive.waits = false
}

// stop stops the timer of c, and drops its KEEPALIVE.
func (k *keepAlives) stop(c *channel) {
	c.keepAlive.waits = false
	l := &k.lists[c.sender.interval/time.Second]
	if l.remove(&c.keepAlive.node); l.n == 0 {
		k.used &^= 1 << (c.sender.interval / time.Second)
	}
}

// next returns the channel whose timer is due first, or nil. Of equal deadlines it is the one that was set first, and so the one
// with the longest interval (TIME-003).
func (k *keepAlives) next() *channel {
	var first *channel
	for used := k.used; used != 0; used &= used - 1 {
		if c := k.lists[bits.TrailingZeros64(used)].head(); first == nil || c.keepAlive.at <= first.keepAlive.at {
			first = c
		}
	}
	return first
}
