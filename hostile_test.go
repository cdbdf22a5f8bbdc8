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

// A hostile is in the call and sends whatever it likes.
type hostile struct {
	*rand.Rand
	payload []byte // 32768 random bytes
	count   int    // of the frames that were made
}

// any returns a number from 0 to n - 1.
func (x *hostile) any(n int) int { return x.IntN(n) }

// data returns a message of a size that is random up to most.
func (x *hostile) data(s stream, n wire.Serial, most int) wire.Frame {
	f := s.frame(wire.TypeData, n)
	f.Payload = x.payload[:x.any(most+1)]
	return f
}

// fragment returns the part of a message from one offset to another, which the length of the message can cut off.
func (x *hostile) fragment(s stream, n wire.Serial, from, to, total int) wire.Frame {
	f := s.frame(wire.TypeData, n)
	f.Payload = x.payload[from:min(to, total)]
	f.Offset, f.Total = uint16(from), uint16(total)
	return f
}

// flags are those of a session, always the same.
func flagsOf(session int) wire.Flags { return wire.Flags(session%4) << 4 }

// attacks are what a hostile does, each of which makes one frame after the other. i counts the frames of one attack.
var attacks = []struct {
	name string
	next func(x *hostile, i int) wire.Frame
}{
	{"sessions", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + x.any(100)), wire.Serial(x.count), flagsOf(x.count)}, 1, 10)
	}},
	{"channels", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + x.any(65535)), 1, 0}, 1, 10)
	}},
	{"partials", func(x *hostile, i int) wire.Frame {
		return x.fragment(stream{uint16(1 + x.any(100)), 1 << 20, 0}, wire.Serial(x.count), 0, 256, wire.MaxMessageSize)
	}},
	{"tiny partials", func(x *hostile, i int) wire.Frame {
		return x.fragment(stream{uint16(1 + x.any(65535)), 1 << 20, 0}, wire.Serial(x.count), 0, 256, 257)
	}},
	{"fragments", func(x *hostile, i int) wire.Frame {
		from, total := 256*x.any(8), 2048+x.any(2)
		to := from + 256<<x.any(2)
		return x.fragment(stream{1, 1 << 20, 0}, wire.Serial(i/32), from, to, total)
	}},
	{"kills", func(x *hostile, i int) wire.Frame {
		return x.fragment(stream{1, 1 << 20, 0}, wire.Serial(x.count/2), 0, 256+i%2, 32768-i%2)
	}},
	{"jumps", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + x.any(300)), 1 << 20, 0}, wire.Serial(x.Uint32()), 0)
	}},
	{"gaps", func(x *hostile, i int) wire.Frame {
		s := stream{uint16(1 + i%256), 1<<20 + 1, 0}
		if i%5 == 0 {
			s.session = wire.Serial(1<<20 + 1 + x.count)
		}
		return x.data(s, wire.Serial(2*i+2), 0)
	}},
	{"closes", func(x *hostile, i int) wire.Frame {
		f := stream{uint16(1 + x.any(2000)), wire.Serial(x.count), flagsOf(x.any(2) * 2)}.close(wire.Serial(x.any(3)))
		f.Reason = wire.CloseReason(x.any(3))
		return f
	}},
	{"sessions that close", func(x *hostile, i int) wire.Frame {
		s := stream{uint16(1 + i/2%600), wire.Serial(x.count / 2), wire.FlagDurable}
		if i%2 == 0 {
			return x.data(s, 1, 1000)
		}
		return s.close(1)
	}},
	{"superseded", func(x *hostile, i int) wire.Frame {
		s := stream{uint16(1 + x.any(10)), wire.Serial(2*x.count - x.any(100)), 0}
		if i%3 == 0 {
			return s.close(1)
		}
		return x.data(s, 1, 100)
	}},
	{"overflow", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + i/40%10), wire.Serial(x.count / 400), wire.FlagDurable}, wire.Serial(i%400), wire.MaxMessageSize)
	}},
	{"unread", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + x.any(10)), 1 << 30, 0}, wire.Serial(x.count), wire.MaxMessageSize)
	}},
	{"empty", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + x.any(10)), 1 << 30, 0}, wire.Serial(x.count), 0)
	}},
	{"returning", func(x *hostile, i int) wire.Frame {
		return x.data(stream{uint16(1 + i%400), 1<<30 + 1, flagsOf(i % 400)}, wire.Serial(i), 10)
	}},
	{"keepalives", func(x *hostile, i int) wire.Frame {
		return stream{uint16(1 + x.any(400)), 1<<30 + 1, flagsOf(x.any(4))}.keepAlive(wire.Serial(x.count))
	}},
}

// next makes a frame of an attack, or, of the one after the last, of any. bytes are appended to dst.
func (x *hostile) next(dst []byte, attack, i int) []byte {
	x.count++
	mix := attack >= len(attacks)
	if mix {
		attack = x.any(len(attacks) + 1)
	}
	if attack == len(attacks) { // bytes, after a first one that decodes
		dst = append(dst, byte(0x80+x.any(3)))
		n := x.any(100)
		for range n {
			dst = append(dst, byte(x.Uint32()))
		}
		return dst
	}
	f := attacks[attack].next(x, i)
	if mix && x.any(4) == 0 {
		f.Ext = wire.Extensions{byte(wire.ExtRun), 2, 0, byte(1 + x.any(3))}
	}
	frame, err := f.AppendBinary(dst)
	if err != nil {
		panic(err)
	}
	if mix && x.any(8) == 0 {
		frame[len(dst)+x.any(min(len(frame)-len(dst), 20))] ^= 1 << x.any(8)
	}
	return frame
}

// An honest participant has a durable session, a lossy one, and one of long messages in fragments.
type honest struct {
	handle    wire.Participant
	receivers [3]*cdcp.Receiver
	sent      wire.Serial
	long      []byte // a frame for each fragment
	frame     []byte
	message   []byte
}

const honestParts = 28

// streams are those of an honest participant, by their channel less 1.
func (p *honest) stream(i int) stream {
	return stream{uint16(1 + i), 5000, [...]wire.Flags{wire.FlagDurable, 0, wire.FlagDurable | wire.FlagHigh}[i]}
}

// serve sends a message on two of its channels and a fragment on the third, and fails the test unless what is whole is there at once.
func (p *honest) serve(t *testing.T, h *host, long []byte) {
	p.sent++
	for i := range p.receivers {
		f := p.stream(i).frame(wire.TypeData, p.sent)
		f.Payload = long[:100]
		want := f.Payload
		if i == 2 {
			part := int(p.sent-1) % honestParts
			f.Sequence = 1 + (p.sent-1)/honestParts
			from := 1184 * part
			f.Payload = long[from:min(from+1184, len(long))]
			f.Offset, f.Total = uint16(from), uint16(len(long))
			want = nil
			if part == honestParts-1 {
				want = long
			}
		}
		p.frame, _ = f.AppendBinary(p.frame[:0])
		if v, err := h.HandleFrame(h.now, p.handle, p.frame); v != cdcp.Accepted {
			t.Fatalf("message %d of participant %d on channel %d is %v, %v", p.sent, p.handle, f.Channel, v, err)
		}
		if p.receivers[i] == nil && want != nil { // is announced last
			for x, ok := h.NextEvent(); ok; x, ok = h.NextEvent() {
				if r := x.Receiver; r.From() == p.handle && r.ChannelID() == f.Channel {
					p.receivers[i] = r
				}
			}
		}
		if want == nil {
			continue
		}
		m, ok := p.receivers[i].Receive(p.message[:0])
		if !ok || !bytes.Equal(m.Data, want) {
			t.Fatalf("message %d of participant %d on channel %d is %d bytes, %t", p.sent, p.handle, f.Channel, len(m.Data), ok)
		}
		p.message = m.Data
	}
}

// TestHostile: whatever participants send, an endpoint holds no more than its bounds, counts every frame, and serves the others, whether
// its application reads and polls or not.
func TestHostile(t *testing.T) {
	frames := 1000000
	if testing.Short() {
		frames = 100000
	}
	for _, c := range []struct {
		name    string
		hostile int
		honest  int
		bounds  cdcp.Bounds
	}{
		{"one", 1, 2, cdcp.Bounds{Bytes: 3 << 20, Receivers: 3 * 256, Channels: 3 * 1024}},
		{"several", 12, 2, cdcp.Bounds{}},
		{"more than there is room for", 30, 0, cdcp.Bounds{}}, // the bounds of all hold, and nobody else is sure of a place
	} {
		t.Run(c.name, func(t *testing.T) {
			bounds := c.bounds
			if bounds.Bytes == 0 {
				bounds = cdcp.Bounds{Bytes: 16 << 20, Receivers: 4096, Channels: 16384}
			}
			limit := (bounds.Bytes+bounds.Receivers*512*2+bounds.Channels*128)*5/4 + 1<<20

			x := &hostile{Rand: rand.New(rand.NewPCG(1, uint64(c.hostile)))}
			for range wire.MaxMessageSize {
				x.payload = append(x.payload, byte(x.Uint32()))
			}
			var others []*honest
			for i := range c.honest {
				others = append(others, &honest{handle: wire.Participant(100 + i), frame: make([]byte, 0, 1200), message: make([]byte, 0, wire.MaxMessageSize)})
			}
			frame := make([]byte, 0, wire.MaxFrameSize)
			buf := make([]byte, 0, wire.MaxMessageSize)

			most, held := 0, 0
			before := heap()
			h := newHost(t, 1, cdcp.Config{Bounds: c.bounds})
			for range honestParts { // before the others come
				for _, p := range others {
					p.serve(t, h, x.payload)
				}
			}
			var endings [9]uint64 // by verdict; 0: malformed
			endings[cdcp.Accepted] = h.Stats().FramesIn
			phases := 3 * (len(attacks) + 2)
			for phase := range phases {
				application := phase / (len(attacks) + 2) // 0: neither reads nor polls, 1: seldom, 2: always
				attack := phase % (len(attacks) + 2)
				for i := range frames / phases {
					frame = x.next(frame[:0], attack, i)
					h.now = h.now.Add(time.Duration(x.any(300)) * time.Microsecond)
					v, err := h.HandleFrame(h.now, wire.Participant(2+x.any(c.hostile)), frame)
					if e, ok := errors.AsType[*wire.Error](err); err != nil && (!ok || v != 0 || e.Offset > len(frame)) {
						t.Fatalf("verdict %v, error %v", v, err)
					}
					endings[v]++
					if i%64 > 0 {
						continue
					}
					for _, p := range others {
						n := h.Stats().FramesIn
						p.serve(t, h, x.payload)
						endings[cdcp.Accepted] += h.Stats().FramesIn - n
					}
					for n := 0; application == 2 || application == 1 && n < 1; n++ {
						e, ok := h.NextEvent()
						if !ok {
							break
						}
						for ok && e.Kind == cdcp.EventMessage {
							_, ok = e.Receiver.Receive(buf)
						}
					}
				}
				s := h.Stats()
				if requireSums(t, s); s.Held > bounds.Bytes {
					t.Fatalf("%d bytes held", s.Held)
				}
				got := [9]uint64{s.Malformed, s.Accepted, s.Duplicate, s.Stale, s.Superseded, s.Ignored, s.Mismatch, s.Overflow, s.Dropped}
				if got != endings {
					t.Fatalf("endings %d, counted %d", endings, got)
				}
				grown := heap() - before
				if grown > most {
					most, held = grown, s.Held
				}
				if grown > limit {
					name := "mix"
					if attack < len(attacks) {
						name = attacks[attack].name
					}
					t.Fatalf("%d bytes of heap after %q with application %d, want %d at most; %d bytes held", grown, name, application, limit, s.Held)
				}
			}
			t.Logf("%d frames, %d of them accepted; the heap grew by %d KiB at most, with %d KiB held; limit %d KiB",
				h.Stats().FramesIn, h.Stats().Accepted, most>>10, held>>10, limit>>10)
		})
	}
}
