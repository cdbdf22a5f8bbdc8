package cdcp_test

import (
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/cdcptest"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// ordinarySteps begin with the one that can do nothing.
var ordinarySteps = []string{"step", "step", "open", "open", "send", "send", "send", "send", "list", "close", "run"}

func drawFirst(t *rapid.T) wire.Serial {
	return rapid.SampledFrom([]wire.Serial{0, 0, 1, 1000, 1<<32 - 5}).Draw(t, "first")
}

// TestNetworkDurable: over a path that is ordered and loses nothing, each durable message comes to each of its list, once and in
// order. With a lossy path that keeps the order, so do all others; and as long as nothing gets lost, nothing is counted as lost.
func TestNetworkDurable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jitter := rapid.SampledFrom([]time.Duration{0, 0, 900}).Draw(t, "jitter") * time.Millisecond
		w := weather{
			link: cdcptest.Link{
				Reliable: true, Relay: rapid.Bool().Draw(t, "relay"), Budget: rapid.SampledFrom([]int{576, 1200, 65535}).Draw(t, "budget"),
				Rate: rapid.SampledFrom([]int{0, 1000, 10000}).Draw(t, "rate"), Delay: 30 * time.Millisecond, Jitter: jitter,
			},
			endpoints: 2, first: drawFirst(t), prompt: true, steps: ordinarySteps,
			bounds: cdcp.Bounds{Bytes: 1 << 24},
		}
		if w.link.Relay {
			w.endpoints = rapid.IntRange(2, 4).Draw(t, "endpoints")
			w.steps = append([]string{"step", "join"}, w.steps...)
		}
		c := play(t, w)
		c.requireOnce()
		c.requireLaw()
		c.requireAll(jitter == 0)
		for _, m := range c.members {
			for _, r := range m.receivers {
				// One who joins can get a message that was overtaken by one that came to the relay before.
				if x := r.Counts(); x.Lost != 0 && !(m.late && jitter > 0) || x.Dropped != 0 {
					c.fail("%d: %+v of %d/%d, and nothing got lost", m.Self, x, r.From(), r.ChannelID())
				}
			}
		}
	})
}

// TestNetworkLossy: over a path that loses, repeats and reorders, what comes was sent, comes once and unchanged, and is counted.
func TestNetworkLossy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawBad(t)
		w.steps = ordinarySteps
		w.prompt = rapid.Bool().Draw(t, "prompt")
		w.bounds = cdcp.Bounds{Bytes: 1 << 24}
		c := play(t, w)
		c.requireOnce()
		c.requireLaw()
		if w.link.Reliable && w.prompt {
			c.requireAll(false)
		}
	})
}

func drawBad(t *rapid.T) weather {
	ms := rapid.SampledFrom([]time.Duration{0, 10, 1000, 6000})
	share := rapid.SampledFrom([]float64{0, 0.02, 0.3, 0.9})
	w := weather{endpoints: 2, first: drawFirst(t), link: cdcptest.Link{
		Reliable: rapid.Bool().Draw(t, "reliable"), Relay: rapid.Bool().Draw(t, "relay"),
		Budget: rapid.SampledFrom([]int{576, 1200}).Draw(t, "budget"), Rate: rapid.SampledFrom([]int{0, 100}).Draw(t, "rate"),
		Delay: ms.Draw(t, "delay") * time.Millisecond, Jitter: ms.Draw(t, "jitter") * time.Millisecond,
		Loss: share.Draw(t, "loss"), Duplicate: share.Draw(t, "duplicate"),
	}}
	if w.link.Relay {
		w.endpoints = rapid.IntRange(2, 4).Draw(t, "endpoints")
	}
	return w
}

// TestNetworkStorm adds cuts, those who leave and join, and bounds that are soon met. What holds then, holds always: nothing
// comes that was not sent so, no bound is exceeded, the sums hold, and the call comes to rest.
func TestNetworkStorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawBad(t)
		w.steps = append([]string{"step", "down", "up", "up", "up", "run"}, ordinarySteps...)
		if w.link.Relay {
			w.steps = append(w.steps, "leave", "join")
		}
		w.bounds = cdcp.Bounds{BytesPerReceiver: 33408, BytesPerPeer: 40000, Bytes: 70000, ReceiversPerPeer: 2, Receivers: 3, ChannelsPerPeer: 3, Channels: 4}
		play(t, w)
	})
}
