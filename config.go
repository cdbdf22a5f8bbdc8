package cdcp

import (
	"io"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// A Config says how an [Endpoint] is set up. It is read once, by [New].
type Config struct {
	Self   wire.Participant // the handle of this endpoint, 1 to 65535
	Rand   io.Reader        // read for channel ids alone, 4 bytes for each that the Endpoint chooses (CHAN-001)
	Limits Limits           // of what is sent; zero: the defaults
	Bounds Bounds           // of what peers can make the Endpoint hold; zero: the defaults

	// FirstSequence is the number of the first message of every session; 0: 1, which is what SESS-003 asks for. Any other is
	// for tests of numbers that wrap.
	FirstSequence wire.Serial
}

// Limits are the rates of SPEC.md section 9.10: kbit/s of payload for each class of messages, packets/s for broadcasts. Each is 1
// to [MaxRate], [NoLimit], or 0 for its default.
type Limits struct {
	Durable          int // 64
	Lossy            int // 512
	LossyHigh        int // 200
	BroadcastPackets int // 80
}

const (
	NoLimit = -1       // no limit at all
	MaxRate = 10000000 // the largest rate, bitrate hint and received bitrate, kbit/s or packets/s
)

// Bounds are those of SPEC.md section 9.15, in bytes by [fragment.Cost], or numbers of receivers and channel records. 0 is
// the default; none is more than 2147483647.
type Bounds struct {
	BytesPerReceiver int // 262144; at least 33408
	BytesPerPeer     int // 1048576; at least BytesPerReceiver
	Bytes            int // 16777216; at least BytesPerPeer
	ReceiversPerPeer int // 256; at least 1
	Receivers        int // 4096; at least ReceiversPerPeer
	ChannelsPerPeer  int // 1024; more than ReceiversPerPeer
	Channels         int // 16384; at least ChannelsPerPeer, more than Receivers
	SendBytes        int // 131072 for each channel; at least 33408
}

const (
	channelIDs     = 65535 // how many there are
	maxBound       = 1<<31 - 1
	maxKeepAlive   = 60 // seconds
	defaultHint    = 32 // kbit/s
	defaultDurable = 64
	defaultLossy   = 512
	defaultHigh    = 200
	defaultPackets = 80
)

// validRate reports whether kbps can be a bitrate hint or a received bitrate (CALL-001).
func validRate(kbps int) bool { return kbps >= 0 && kbps <= MaxRate }

// orDefaults fills in l, or refuses it.
func (l Limits) orDefaults() (Limits, error) {
	for _, f := range []struct {
		rate *int
		zero int
	}{{&l.Durable, defaultDurable}, {&l.Lossy, defaultLossy}, {&l.LossyHigh, defaultHigh}, {&l.BroadcastPackets, defaultPackets}} {
		if *f.rate == 0 {
			*f.rate = f.zero
		}
		if *f.rate != NoLimit && (*f.rate < 1 || *f.rate > MaxRate) {
			return l, &Error{Code: InvalidArgument}
		}
	}
	return l, nil
}

// orDefaults fills in b, or refuses it.
func (b Bounds) orDefaults() (Bounds, error) {
	leastBytes := fragment.Cost(wire.MaxMessageSize)
	fill := func(bound *int, zero int) {
		if *bound == 0 {
			*bound = zero
		}
	}
	fill(&b.BytesPerReceiver, 262144)
	fill(&b.BytesPerPeer, 1048576)
	fill(&b.Bytes, 16777216)
	fill(&b.ReceiversPerPeer, 256)
	fill(&b.Receivers, 4096)
	fill(&b.ChannelsPerPeer, 1024)
	fill(&b.Channels, 16384)
	fill(&b.SendBytes, 131072)
	for _, f := range []struct{ bound, least int }{
		{b.BytesPerReceiver, leastBytes},
		{b.BytesPerPeer, b.BytesPerReceiver},
		{b.Bytes, b.BytesPerPeer},
		{b.ReceiversPerPeer, 1},
		{b.Receivers, b.ReceiversPerPeer},
		{b.ChannelsPerPeer, b.ReceiversPerPeer + 1},
		{b.Channels, max(b.ChannelsPerPeer, b.Receivers+1)},
		{b.SendBytes, leastBytes},
	} {
		if f.bound < f.least || f.bound > maxBound {
			return b, &Error{Code: InvalidArgument}
		}
	}
	return b, nil
}

// budget is what package fragment holds to.
func (b Bounds) budget() fragment.Budget {
	return fragment.Budget{Bytes: b.Bytes, BytesPerPeer: b.BytesPerPeer}
}
