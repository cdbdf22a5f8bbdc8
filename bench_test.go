package cdcp_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/internal/floor"
	"github.com/cdcp-project/cdcp/wire"
)

// The benchmarks put the Endpoint beside floors: the least that the work can be done with, behind calls that are not inlined. Run
// them with scripts/bench, which prints ratios.

// floorDecode reads a header of 12 bytes, of which the session is an index.
//
//go:noinline
func floorDecode(b []byte) (session, sequence uint32, payload []byte, err error) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return 0, 0, nil, floor.ErrRefused
	}
	return binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[12:len(b):len(b)], nil
}

// A floorWindow is a window of 64 numbers that counts what it accepts.
type floorWindow struct {
	high     uint64
	bits     uint64
	received uint64
}

//go:noinline
func (w *floorWindow) add(n uint32) bool {
	d := int32(n - uint32(w.high))
	if d > 0 {
		w.bits = w.bits<<uint32(d) | 1
		w.high += uint64(d)
		w.received++
		return true
	}
	back := uint32(-d)
	if back > 63 || w.bits>>back&1 != 0 {
		return false
	}
	w.bits |= 1 << back
	w.received++
	return true
}

// newBenchEndpoint returns an Endpoint without limits and with a link, at the time start.
func newBenchEndpoint(b *testing.B, start time.Time, bounds cdcp.Bounds) *cdcp.Endpoint {
	b.Helper()
	none := cdcp.Limits{Durable: cdcp.NoLimit, Lossy: cdcp.NoLimit, LossyHigh: cdcp.NoLimit, BroadcastPackets: cdcp.NoLimit}
	e, err := cdcp.New(start, cdcp.Config{Self: 1, Rand: rand.NewChaCha8([32]byte{}), Limits: none, Bounds: bounds})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.LinkUp(start, cdcp.Link{Budget: 1200, Reliable: true}); err != nil {
		b.Fatal(err)
	}
	return e
}

// lossyFrame returns the first frame of a session.
func lossyFrame(b *testing.B, channel uint16, size int) []byte {
	b.Helper()
	f := wire.Frame{Channel: channel, Session: 1, Sequence: 1, Payload: make([]byte, size)}
	frame, err := f.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	return frame
}

const benchSize = 64

// BenchmarkReceive decides whether the path from a frame to its message is short: HandleFrame, NextEvent and Receive, 64 bytes,
// with numbers of n sessions in order and sessions in no order. It decides too whether the number of receivers matters, all of
// which have an idle timer; what they do to the caches can be seen in floor-index, which has one word and a window for each.
func BenchmarkReceive(b *testing.B) {
	for _, sessions := range []int{1, 64, 4096, 65535} {
		r := rand.New(rand.NewPCG(1, 2))
		pick := make([]int, 1<<16)
		for i := range pick {
			pick[i] = r.IntN(sessions)
		}
		frames := make([][]byte, sessions)
		for i := range frames {
			frames[i] = lossyFrame(b, uint16(i/64)+1, benchSize)
		}
		b.Run(fmt.Sprintf("sessions=%d/impl=floor", sessions), func(b *testing.B) {
			b.ReportAllocs()
			windows := make([]*floorWindow, sessions)
			next := make([]uint32, sessions)
			for i := range windows {
				windows[i] = &floorWindow{bits: 1}
			}
			i, whole := 0, 0
			for b.Loop() {
				k := pick[i&(len(pick)-1)]
				i++
				f := frames[k]
				next[k]++
				binary.BigEndian.PutUint32(f[4:], uint32(k))
				binary.BigEndian.PutUint32(f[8:], next[k])
				session, n, payload, err := floorDecode(f)
				if err == nil && int(session) < len(windows) && windows[session].add(n) && len(payload) == benchSize {
					whole++
				}
			}
			if whole != i {
				b.Fatalf("%d of %d messages came", whole, i)
			}
		})
		b.Run(fmt.Sprintf("sessions=%d/impl=cdcp", sessions), func(b *testing.B) {
			b.ReportAllocs()
			start := time.Now()
			e := newBenchEndpoint(b, start, cdcp.Bounds{Receivers: 1 << 16, ReceiversPerPeer: 1 << 16, Channels: 1<<16 + 1, ChannelsPerPeer: 1<<16 + 1})
			now := start
			buf := make([]byte, 0, benchSize)
			next := make([]uint32, sessions)
			receive := func(k int) bool {
				f := frames[k]
				next[k]++
				binary.BigEndian.PutUint32(f[4:], 1)
				binary.BigEndian.PutUint32(f[8:], next[k])
				v, err := e.HandleFrame(now, wire.Participant(k%64+2), f)
				event, ok := e.NextEvent()
				if ok && event.Kind == cdcp.EventReceiverCreated {
					event, ok = e.NextEvent()
				}
				if err != nil || v != cdcp.Accepted || !ok {
					return false
				}
				m, ok := event.Receiver.Receive(buf)
				return ok && len(m.Data) == benchSize
			}
			for k := range frames {
				if !receive(k) {
					b.Fatalf("the first message of session %d did not come", k)
				}
			}
			i, whole := 0, 0
			for b.Loop() {
				k := pick[i&(len(pick)-1)]
				i++
				now = now.Add(time.Microsecond)
				if receive(k) {
					whole++
				}
			}
			if whole != i {
				b.Fatalf("%d of %d messages came", whole, i)
			}
		})
	}
}

// BenchmarkSend decides the same for the other direction: Send and NextFrame, 64 bytes, with n receivers at the same Endpoint.
func BenchmarkSend(b *testing.B) {
	payload := make([]byte, benchSize)
	for _, receivers := range []int{0, 1, 64, 4096, 65535} {
		b.Run(fmt.Sprintf("receivers=%d/impl=floor", receivers), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 1200)
			var n uint32
			for b.Loop() {
				n++
				if _, err := floor.Encode(buf, 0x8000_03e8_6500_0001, n, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("receivers=%d/impl=cdcp", receivers), func(b *testing.B) {
			b.ReportAllocs()
			start := time.Now()
			e := newBenchEndpoint(b, start, cdcp.Bounds{Receivers: 1 << 16, ReceiversPerPeer: 1 << 16, Channels: 1<<16 + 1, ChannelsPerPeer: 1<<16 + 1})
			for k := range receivers {
				if v, err := e.HandleFrame(start, wire.Participant(k%64+2), lossyFrame(b, uint16(k/64)+1, 0)); v != cdcp.Accepted {
					b.Fatal(v, err)
				}
			}
			s, err := e.NewSender(start, cdcp.SenderOptions{ChannelID: 1000})
			if err != nil {
				b.Fatal(err)
			}
			now := start
			buf := make([]byte, 0, 1200)
			for b.Loop() {
				now = now.Add(time.Microsecond)
				if _, err := s.Send(now, payload); err != nil {
					b.Fatal(err)
				}
				if _, _, ok := e.NextFrame(now, cdcp.ClassAll, buf); !ok {
					b.Fatal("no frame")
				}
			}
		})
	}
}
