package cdcp_test

import (
	"math/big"
	"slices"
	"time"

	"github.com/cdcp-project/cdcp"
)

// A modelBucket holds units: bits, or packets.
type modelBucket struct {
	rate   int      // kbit/s or packets/s; cdcp.NoLimit: it is none
	gain   *big.Rat // for each microsecond
	depth  *big.Rat
	level  *big.Rat
	filled int64 // when level was
}

func newModelBucket(rate int, second, least int64, perSecond int64) *modelBucket {
	if rate == cdcp.NoLimit {
		return &modelBucket{rate: rate}
	}
	depth := new(big.Rat).SetInt64(max(second, least))
	b := &modelBucket{depth: depth, level: depth}
	b.setRate(rate, perSecond)
	return b
}

// setRate makes a bucket gain so many units in a second.
func (b *modelBucket) setRate(rate int, perSecond int64) {
	b.rate, b.gain = rate, big.NewRat(perSecond, 1_000_000)
}

func (b *modelBucket) fill(now int64) {
	level := new(big.Rat).Mul(b.gain, new(big.Rat).SetInt64(now-b.filled))
	if level.Add(level, b.level); level.Cmp(b.depth) > 0 {
		level = b.depth
	}
	b.level, b.filled = level, now
}

// lacks returns when the bucket will hold a cost, or -1; ok: it does now.
func (b *modelBucket) lacks(cost int64, now int64) (at int64, ok bool) {
	b.fill(now)
	missing := new(big.Rat).Sub(new(big.Rat).SetInt64(cost), b.level)
	if missing.Sign() <= 0 {
		return now, true
	}
	if b.gain.Sign() == 0 {
		return -1, false
	}
	wait := missing.Quo(missing, b.gain)
	n := new(big.Int).Add(wait.Num(), new(big.Int).Sub(wait.Denom(), big.NewInt(1)))
	return now + n.Div(n, wait.Denom()).Int64(), false
}

// charge charges a message to its buckets.
func (m *sendModel) charge(s *modelSender, n int) *cdcp.Error {
	class := 1
	switch {
	case s.durable:
		class = 0
	case s.high:
		class = 2
	}
	costs := map[*modelBucket]int64{m.class[class]: 8 * int64(n)}
	buckets := []*modelBucket{m.class[class]}
	if m.link.Relay && len(s.list) == 0 {
		buckets = append(buckets, m.broadcast[class], m.packets)
		costs[m.broadcast[class]] = 8 * int64(n)
		costs[m.packets] = max(1, int64((n+1199)/1200))
	}
	buckets = slices.DeleteFunc(buckets, func(b *modelBucket) bool { return b.rate == cdcp.NoLimit })
	var last *modelBucket
	latest := int64(0)
	for _, b := range buckets {
		at, ok := b.lacks(costs[b], m.now)
		if !ok && (last == nil || latest >= 0 && (at < 0 || at > latest)) {
			last, latest = b, at
		}
	}
	if last == nil {
		for _, b := range buckets {
			b.level = new(big.Rat).Sub(b.level, new(big.Rat).SetInt64(costs[b]))
		}
		return nil
	}
	e := &cdcp.Error{Code: cdcp.MessageFailureForTrafficLimit, Have: n, Limit: last.rate}
	if latest >= 0 {
		e.Retry = start.Add(time.Duration(latest) * time.Microsecond)
	}
	return e
}

func (m *sendModel) bitrate(kbps int) {
	for i, b := range m.broadcast {
		if b.rate == cdcp.NoLimit {
			continue
		}
		b.fill(m.now)
		rate := max(0, m.class[i].rate-(4*kbps+4)/5)
		b.setRate(rate, 1000*int64(rate))
	}
}
