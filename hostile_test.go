package cdcp_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// A hostile makes the frames of one who is in the call and sends whatever it likes.
type hostile struct {
	*rand.Rand
	payload []byte // 32768 random bytes
	count   int    // of the frames that were made
}

// data returns a message of a random size, up to most bytes.
func (x *hostile) data(s stream, n wire.Serial, most int) wire.Frame {
	f := s.frame(wire.TypeData, n)
	f.Payload = x.payload[:x.IntN(most+1)]
	return f
}

// fragment returns size bytes from an offset of a message on, or what there is of them.
func (x *hostile) fragment(s stream, n wire.Serial, offset, size, total int) wire.Frame {
	f := s.frame(wire.TypeData, n)
	f.Payload = x.payload[offset:min(offset+size, total)]
	f.Offset, f.Total = uint16(offset), uint16(total)
	return f
}

// flagsOf returns D and P for a number.
func flagsOf(i int) wire.Flags { return wire.Flags(i%4) << 4 }

const channelsOfAttack = 2000

// attacks are what a hostile does. Each has channelsOfAttack channels of its own, which here begin with 1.
var attacks = []struct {
	name string
	next func(*hostile) wire.Frame
}{
	{"sessions", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.IntN(100)), wire.Serial(x.count), flagsOf(x.count)}, 1, 10)
	}},
	{"channels", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.IntN(channelsOfAttack)), 1, 0}, 1, 10)
	}},
	{"partials", func(x *hostile) wire.Frame {
		return x.fragment(stream{uint16(1 + x.IntN(100)), 1, 0}, wire.Serial(x.count), 0, 256, wire.MaxMessageSize)
	}},
	{"tiny partials", func(x *hostile) wire.Frame {
		return x.fragment(stream{uint16(1 + x.IntN(channelsOfAttack)), 1, 0}, wire.Serial(x.count), 0, 256, 257)
	}},
	{"fragments", func(x *hostile) wire.Frame {
		size := 256
		if x.IntN(50) == 0 {
			size += x.IntN(256)
		}
		return x.fragment(stream{1, 1, flagsOf(2 * (x.IntN(100) / 99))}, wire.Serial(x.count/32), 256*x.IntN(8), size, 2048)
	}},
	{"kills", func(x *hostile) wire.Frame {
		return x.fragment(stream{1, 1, 0}, wire.Serial(x.count/2), 0, 256+x.count%2, 32768-x.count%2)
	}},
	{"jumps", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.IntN(300)), 1, 0}, wire.Serial(x.Uint32()), 0)
	}},
	{"gaps", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.count%256), wire.Serial(x.count / 5000), 0}, wire.Serial(2*x.count), 0)
	}},
	{"closes", func(x *hostile) wire.Frame {
		f := stream{uint16(1 + x.IntN(channelsOfAttack)), wire.Serial(x.count), flagsOf(2 * x.IntN(2))}.close(wire.Serial(x.IntN(3)))
		f.Reason = wire.CloseReason(x.IntN(3))
		return f
	}},
	{"sessions that close", func(x *hostile) wire.Frame {
		s := stream{uint16(1 + x.count/2%600), wire.Serial(x.count / 2), wire.FlagDurable}
		if x.count%2 == 0 {
			return x.data(s, 1, 1000)
		}
		return s.close(1)
	}},
	{"superseded", func(x *hostile) wire.Frame {
		s := stream{uint16(1 + x.IntN(10)), wire.Serial(x.count - x.IntN(100)), 0}
		if x.IntN(3) == 0 {
			return s.close(1)
		}
		return x.data(s, 1, 100)
	}},
	{"overflow", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.count/200%3), wire.Serial(x.count / 200), wire.FlagDurable}, wire.Serial(x.count), wire.MaxMessageSize)
	}},
	{"unread", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.IntN(10)), 1, 0}, wire.Serial(x.count), wire.MaxMessageSize)
	}},
	{"empty", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.IntN(10)), 1, 0}, wire.Serial(x.count), 0)
	}},
	{"returning", func(x *hostile) wire.Frame {
		return x.data(stream{uint16(1 + x.count%400), 1, flagsOf(x.count % 400)}, wire.Serial(x.count), 10)
	}},
	{"keepalives", func(x *hostile) wire.Frame {
		s := stream{uint16(1 + x.IntN(10)), wire.Serial(x.count / 1000), 0}
		if x.IntN(100) == 0 {
			return x.data(s, wire.Serial(x.count), 10)
		}
		return s.keepAlive(wire.Serial(x.count))
	}},
}

// next appends a frame of an attack to dst. After the last attack come random bytes, and after those a mixture of everything.
func (x *hostile) next(dst []byte, attack int) []byte {
	x.count++
	mixed := attack > len(attacks)
	if mixed {
		attack = x.IntN(len(attacks) + 1)
	}
	if attack == len(attacks) {
		dst = append(dst, byte(0x80+x.IntN(3))) // a version and a type that decode
		for range x.IntN(100) {
			dst = append(dst, byte(x.Uint32()))
		}
		return dst
	}
	f := attacks[attack].next(x)
	f.Channel += uint16(attack * channelsOfAttack)
	if mixed && x.IntN(4) == 0 {
		f.Ext = wire.Extensions{byte(wire.ExtRun), 2, 0, byte(1 + x.IntN(3))}
	}
	frame, err := f.AppendBinary(dst)
	if err != nil {
		panic(err)
	}
	if mixed && x.IntN(8) == 0 { // one bit is another
		frame[len(dst)+x.IntN(min(len(frame)-len(dst), 20))] ^= 1 << x.IntN(8)
	}
	return frame
}

// nameOf returns the name of an attack.
func nameOf(attack int) string {
	if attack < len(attacks) {
		return attacks[attack].name
	}
	return [...]string{"bytes", "mixture"}[attack-len(attacks)]
}

// A source is a participant and a channel.
type source struct {
	from    wire.Participant
	channel uint16
}

// A reader is an application. It polls and reads as often as it is told.
type reader struct {
	h       *host
	honest  map[source]*cdcp.Receiver // the latest of each
	message []byte
}

const firstHonest = 1000 // handles from there on are honest

// poll polls some events, and reads the messages that they speak of if they are not from an honest participant.
func (a *reader) poll(most int) {
	for range most {
		x, ok := a.h.NextEvent()
		if !ok {
			return
		}
		switch r := x.Receiver; {
		case r.From() < firstHonest && x.Kind == cdcp.EventMessage:
			r.Receive(a.message[:0])
		case r.From() >= firstHonest && x.Kind == cdcp.EventReceiverCreated:
			a.honest[source{r.From(), r.ChannelID()}] = r
		}
	}
}

// An honest participant has three sessions: a durable one, a lossy one, and a durable one of long messages in fragments.
type honest struct {
	handle  wire.Participant
	session wire.Serial
	rounds  int // of this session
	frame   []byte
}

const (
	honestPart  = 1184 // bytes
	honestParts = (wire.MaxMessageSize + honestPart - 1) / honestPart
)

// begin begins new sessions.
func (p *honest) begin() {
	p.session++
	p.rounds = 0
}

// serve sends a message in two of the sessions and a fragment in the third, and fails the test unless what is whole by then can be read.
func (p *honest) serve(t *testing.T, a *reader, message []byte) {
	t.Helper()
	part := p.rounds % honestParts
	for i, s := range []stream{{1, p.session, wire.FlagDurable}, {2, p.session, 0}, {3, p.session, wire.FlagDurable | wire.FlagHigh}} {
		f := s.frame(wire.TypeData, wire.Serial(1+p.rounds))
		f.Payload = message[:100]
		want := f.Payload
		if i == 2 {
			f.Sequence = wire.Serial(1 + p.rounds/honestParts)
			f.Payload = message[honestPart*part : min(honestPart*(part+1), len(message))]
			f.Offset, f.Total = uint16(honestPart*part), uint16(len(message))
			if want = message; part < honestParts-1 {
				want = nil
			}
		}
		p.frame, _ = f.AppendBinary(p.frame[:0])
		if v, err := a.h.HandleFrame(a.h.now, p.handle, p.frame); v != cdcp.Accepted {
			t.Fatalf("%v of participant %d on channel %d is %v, %v", taken{Frame: f}, p.handle, f.Channel, v, err)
		}
		if want == nil {
			continue
		}
		if f.Sequence == 1 {
			a.poll(1 << 30) // for what was announced
		}
		m, _ := a.honest[source{p.handle, f.Channel}].Receive(a.message[:0])
		if m.Sequence != f.Sequence || !bytes.Equal(m.Data, want) {
			t.Fatalf("%v of participant %d on channel %d came as number %d, %d bytes", taken{Frame: f}, p.handle, f.Channel, m.Sequence, len(m.Data))
		}
	}
	p.rounds++
}

// TestHostile: whatever participants send, an endpoint holds no more than its bounds, counts every frame, and serves the others, whether
// its application reads and polls or not.
func TestHostile(t *testing.T) {
	frames := 1000000
	if testing.Short() {
		frames = 100000
	}
	for _, c := range []struct {
		name            string
		hostile, honest int
		bounds          cdcp.Bounds
	}{
		{"one", 1, 2, cdcp.Bounds{BytesPerPeer: 1 << 20, Bytes: 3 << 20, Receivers: 3 * 256, Channels: 3 * 1024}},
		{"several", 12, 2, cdcp.Bounds{BytesPerPeer: 1 << 20, Bytes: 16 << 20, Receivers: 4096, Channels: 16384}},
		{"more than there is room for", 30, 0, cdcp.Bounds{BytesPerPeer: 1 << 20, Bytes: 16 << 20, Receivers: 4096, Channels: 16384}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &hostile{Rand: rand.New(rand.NewPCG(1, uint64(c.hostile)))}
			for range wire.MaxMessageSize {
				x.payload = append(x.payload, byte(x.Uint32()))
			}
			var others []*honest
			for i := range c.honest {
				others = append(others, &honest{handle: wire.Participant(firstHonest + i), frame: make([]byte, 0, 1200)})
			}
			frame := make([]byte, 0, wire.MaxFrameSize)
			a := &reader{honest: make(map[source]*cdcp.Receiver), message: make([]byte, 0, wire.MaxMessageSize)}

			limit := (c.bounds.Bytes+c.bounds.Receivers*512*2+c.bounds.Channels*128)*5/4 + 1<<20
			most, held := 0, 0 // of the heap, and what was held then
			before := heap()
			a.h = newHost(t, 1, cdcp.Config{Bounds: c.bounds})
			h := a.h
			for range honestParts { // until all are announced
				for _, p := range others {
					p.serve(t, a, x.payload)
				}
			}
			endings := [...]uint64{cdcp.Accepted: h.Stats().FramesIn, cdcp.Dropped: 0} // by verdict; 0: malformed
			applications := [...]int{0, 1, 1 << 30}                                    // events that one polls at a time
			rounds := frames / len(applications) / (len(attacks) + 2)
			for _, polls := range applications {
				for attack := range len(attacks) + 2 {
					for _, p := range others {
						if polls > 1 { // or nobody would see them
							p.begin()
						}
					}
					for i := range rounds {
						frame = x.next(frame[:0], attack)
						h.now = h.now.Add(time.Duration(x.IntN(2*150000000/frames)) * time.Microsecond) // 150 s in all
						v, err := h.HandleFrame(h.now, wire.Participant(2+i/64%c.hostile), frame)
						if e, ok := errors.AsType[*wire.Error](err); err != nil && (!ok || v != 0 || e.Offset > len(frame)) {
							t.Fatalf("verdict %v, error %v", v, err)
						}
						endings[v]++
						if i%64 == 0 {
							for _, p := range others {
								p.serve(t, a, x.payload)
								endings[cdcp.Accepted] += 3
							}
							a.poll(polls)
						}
					}
					s := h.Stats()
					requireSums(t, s)
					got := [...]uint64{s.Malformed, s.Accepted, s.Duplicate, s.Stale, s.Superseded, s.Ignored, s.Mismatch, s.Overflow, s.Dropped}
					if got != endings {
						t.Fatalf("endings %d, counted %d", endings, got)
					}
					grown := heap() - before
					if grown > most {
						most, held = grown, s.Held
					}
					if grown > limit || s.Held > min(c.bounds.Bytes, (c.hostile+c.honest)*c.bounds.BytesPerPeer) {
						t.Fatalf("after %q with %d events polled at a time: the heap grew by %d bytes, limit %d; %d bytes held",
							nameOf(attack), polls, grown, limit, s.Held)
					}
				}
			}
			s := h.Stats()
			t.Logf("the heap grew by %d KiB at most, with %d KiB held; limit %d KiB", most>>10, held>>10, limit>>10)
			t.Logf("%+v", s)
			for _, n := range append(endings[:], s.Discarded, s.Expired, s.Evicted, s.Abandoned, s.Limited, s.Forgotten) {
				if n == 0 {
					t.Fatal("there is something that no attack brought about")
				}
			}
		})
	}
}
