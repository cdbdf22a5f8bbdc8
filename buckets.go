package cdcp

import "time"

// A bucket is one of SPEC.md section 9.10. It counts in the units of which it gains rate in every microsecond: thousandths of a
// bit for kbit/s, millionths of a packet for packets/s. All numbers stay below 2^53.
type bucket struct {
	rate  int64 // kbit/s or packets/s; 0: it gains nothing
	depth int64 // units
	level int64 // units, at the time at
	at    time.Duration
}

const (
	unitsPerBit    = 1000
	unitsPerPacket = 1000000
	burstBits      = 262144 // the least depth: a message of the largest size
	burstPackets   = 28
	packetSize     = 1200 // bytes that count as one packet
	perSecond      = 1000000
)

// newBucket returns a full one, whose depth is a second at its rate or the least number of units, whichever is more.
func newBucket(rate int, least int64) bucket {
	depth := max(int64(rate)*perSecond, least)
	return bucket{rate: int64(rate), depth: depth, level: depth}
}

// fill brings b up to date (RATE-006).
func (b *bucket) fill(now time.Duration) {
	elapsed := int64((now - b.at) / time.Microsecond)
	b.at = now
	if b.rate > 0 && elapsed >= b.wait(b.depth) {
		b.level = b.depth
	} else {
		b.level += elapsed * b.rate
	}
}

// wait returns the microseconds after which b, with a rate that is not 0, holds that many units.
func (b *bucket) wait(units int64) int64 { return (max(0, units-b.level) + b.rate - 1) / b.rate }

// The classes of buckets, in the order of the table of SPEC.md section 9.10.
const (
	classDurable = iota
	classLossy
	classLossyHigh
	classes
)

// buckets are those of an Endpoint.
type buckets struct {
	class     [classes]bucket
	broadcast [classes]bucket
	limited   [classes]bool // whether there are buckets for the class
	packets   bucket
	paced     bool // whether there is a bucket for packets
}

func newBuckets(l Limits) buckets {
	var b buckets
	for c, rate := range [classes]int{classDurable: l.Durable, classLossy: l.Lossy, classLossyHigh: l.LossyHigh} {
		if b.limited[c] = rate != NoLimit; b.limited[c] {
			b.class[c] = newBucket(rate, burstBits*unitsPerBit)
			b.broadcast[c] = b.class[c]
		}
	}
	if b.paced = l.BroadcastPackets != NoLimit; b.paced {
		b.packets = newBucket(l.BroadcastPackets, burstPackets*unitsPerPacket)
	}
	return b
}

// received takes in the received bitrate, kbit/s (RATE-003, RATE-007).
func (b *buckets) received(now time.Duration, kbps int) {
	for c := range b.broadcast {
		b.broadcast[c].fill(now)
		b.broadcast[c].rate = max(0, b.class[c].rate-(4*int64(kbps)+4)/5)
	}
}

// charge charges a message of n bytes to every bucket that applies, or to none (RATE-005): then it returns the rate that is
// at fault, and the time at which all would hold the cost, or never.
func (b *buckets) charge(now time.Duration, class, n int, broadcast bool) (limit int, retry time.Duration, ok bool) {
	broadcast = broadcast && (b.limited[class] || b.paced)
	if !b.limited[class] && !broadcast {
		return 0, now, true
	}
	bits := 8 * int64(n) * unitsPerBit
	packets := max(1, (int64(n)+packetSize-1)/packetSize) * unitsPerPacket
	var due [3]struct {
		*bucket
		cost int64
	}
	applies := due[:0]
	add := func(x *bucket, cost int64) {
		x.fill(now)
		applies = append(applies, struct {
			*bucket
			cost int64
		}{x, cost})
	}
	if b.limited[class] {
		add(&b.class[class], bits) // RATE-001
	}
	if broadcast && b.limited[class] {
		add(&b.broadcast[class], bits) // RATE-002
	}
	if broadcast && b.paced {
		add(&b.packets, packets)
	}
	ok, retry = true, now
	for _, x := range applies {
		if x.level >= x.cost {
			continue
		}
		at := never
		if x.rate > 0 {
			at = now + time.Duration(x.wait(x.cost))*time.Microsecond
		}
		if ok || at > retry {
			limit, retry = int(x.rate), at
		}
		ok = false
	}
	if ok {
		for _, x := range applies {
			x.level -= x.cost
		}
	}
	return limit, retry, ok
}
