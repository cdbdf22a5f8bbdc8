package fragment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// The floors are the least that code for this header does behind a call that is not inlined: no checks of the fields that
// it does not use, fragments of one size, one message at a time, no owner, no budget and no clock. The benchmarks say how
// far the whole package is from them; scripts/bench runs them and prints the ratios.

const (
	frameSize    = 1200
	fragmentHead = 16
	bodySize     = frameSize - fragmentHead
	fragments    = (wire.MaxMessageSize + bodySize - 1) / bodySize
	benchHead    = 0x8080_03e8_6500_0001 // DATA, F, channel 1000, session 0x65000001
)

var errFloor = errors.New("refused")

//go:noinline
func floorSplit(frame []byte, sequence uint32, message []byte) int {
	n := 0
	for offset := 0; offset < len(message); offset += bodySize {
		end := min(offset+bodySize, len(message))
		f := frame[:fragmentHead+end-offset]
		binary.BigEndian.PutUint64(f, benchHead)
		binary.BigEndian.PutUint64(f[8:], uint64(sequence)<<32|uint64(offset)<<16|uint64(len(message)))
		copy(f[fragmentHead:], message[offset:end])
		n += len(f)
	}
	return n
}

type floorReassembler struct {
	sequence uint32
	got      uint32 // a bit for each fragment
	want     uint32
	buf      [fragments * bodySize]byte
}

//go:noinline
func (r *floorReassembler) add(frame []byte) ([]byte, error) {
	if len(frame) < fragmentHead {
		return nil, errFloor
	}
	head, tail := binary.BigEndian.Uint64(frame), binary.BigEndian.Uint64(frame[8:])
	if head != benchHead {
		return nil, errFloor
	}
	payload := frame[fragmentHead:]
	sequence, offset, total := uint32(tail>>32), int(tail>>16&0xffff), int(tail&0xffff)
	if sequence != r.sequence || r.want == 0 {
		n := (total + bodySize - 1) / bodySize
		if n == 0 || n > fragments {
			return nil, errFloor
		}
		r.sequence, r.got, r.want = sequence, 0, 1<<n-1
	}
	if offset+len(payload) > total || total > len(r.buf) {
		return nil, errFloor
	}
	bit := uint32(1) << (offset / bodySize & 31)
	if r.got&bit != 0 {
		return nil, nil
	}
	copy(r.buf[offset:], payload)
	if r.got |= bit; r.got == r.want {
		r.want = 0
		return r.buf[:total], nil
	}
	return nil, nil
}

// benchMessages are different messages of 32 KiB, used in turn, so that code never sees the same bytes twice running.
func benchMessages() [8][]byte {
	var messages [8][]byte
	for i := range messages {
		messages[i] = randomBytes(uint64(i), wire.MaxMessageSize)
	}
	return messages
}

// splitInto writes the frames of a message one after the other into buf, and gives each to visit, if that is not nil.
func splitInto(tb testing.TB, buf []byte, f wire.Frame, message []byte, visit func([]byte)) int {
	f.Total = uint16(len(message))
	s := fragment.Split(message)
	n := 0
	for {
		offset, part, ok := s.Next(bodySize)
		if !ok {
			return n
		}
		f.Offset, f.Payload = uint16(offset), part
		b, err := f.AppendBinary(buf[:0])
		if err != nil {
			tb.Fatal(err)
		}
		n += len(b)
		if visit != nil {
			visit(b)
		}
	}
}

// BenchmarkSplit decides whether a message can go out in fragments as fast as one loop would write them.
func BenchmarkSplit(b *testing.B) {
	messages := benchMessages()
	frame := make([]byte, frameSize)
	const want = wire.MaxMessageSize + fragments*fragmentHead
	b.Run("32KiB/impl=floor", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(wire.MaxMessageSize)
		i := 0
		for b.Loop() {
			if n := floorSplit(frame, uint32(i), messages[i&7]); n != want {
				b.Fatal(n)
			}
			i++
		}
	})
	b.Run("32KiB/impl=cdcp", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(wire.MaxMessageSize)
		i := 0
		for b.Loop() {
			f := wire.Frame{Channel: 1000, Session: 0x65000001, Sequence: wire.Serial(i)}
			if n := splitInto(b, frame, f, messages[i&7], nil); n != want {
				b.Fatal(n)
			}
			i++
		}
	})
}

// arrivals are the orders in which the fragments of a message can come.
var arrivals = []struct {
	name  string
	order func(r *rand.Rand) []int
}{
	{"inorder", func(*rand.Rand) []int {
		order := make([]int, fragments)
		for i := range order {
			order[i] = i
		}
		return order
	}},
	{"shuffled", func(r *rand.Rand) []int { return r.Perm(fragments) }},
	{"loss1", func(r *rand.Rand) []int {
		var order []int
		for i := range fragments {
			if r.IntN(100) != 0 {
				order = append(order, i)
			}
		}
		return order
	}},
}

// BenchmarkReassemble decides whether messages can come in, one frame at a time, at a small multiple of what it takes to copy
// them to their place. What is lost expires.
func BenchmarkReassemble(b *testing.B) {
	var frames [8][][]byte
	messages := benchMessages()
	for i, m := range messages {
		splitInto(b, make([]byte, frameSize), wire.Frame{Channel: 1000, Session: 0x65000001}, m, func(f []byte) {
			frames[i] = append(frames[i], bytes.Clone(f))
		})
	}
	for _, arrival := range arrivals {
		r := rand.New(rand.NewPCG(3, 9))
		var orders [256][]int
		for i := range orders {
			orders[i] = arrival.order(r)
		}
		run := func(name string, add func(i int, frame []byte) ([]byte, error)) {
			b.Run("order="+arrival.name+"/impl="+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(wire.MaxMessageSize)
				i := 0
				for b.Loop() {
					var whole []byte
					for _, k := range orders[i&255] {
						frame := frames[i&7][k]
						binary.BigEndian.PutUint64(frame[8:], uint64(i)<<32|binary.BigEndian.Uint64(frame[8:])&0xffffffff)
						m, err := add(i, frame)
						if err != nil {
							b.Fatal(err)
						}
						if m != nil {
							whole = m
						}
					}
					if got, want := whole != nil, len(orders[i&255]) == fragments; got != want {
						b.Fatalf("message %d: whole %v, want %v", i, got, want)
					}
					if whole != nil && whole[len(whole)-1] != messages[i&7][len(whole)-1] {
						b.Fatal("a message differs")
					}
					i++
				}
			})
		}
		floor := new(floorReassembler)
		run("floor", func(_ int, frame []byte) ([]byte, error) { return floor.add(frame) })
		reassembler := fragment.New(fragment.Budget{Bytes: 1 << 24, BytesPerPeer: 1 << 20})
		account := fragment.Account{From: 7}
		var f wire.Frame
		run("cdcp", func(i int, frame []byte) ([]byte, error) {
			if err := f.Parse(frame); err != nil {
				return nil, err
			}
			now := time.Duration(i) * time.Second
			if at, ok := reassembler.Deadline(); ok && at <= now {
				reassembler.Advance(now)
			}
			m, _, v := reassembler.Add(now, &account, &f)
			if v == fragment.Complete {
				reassembler.Release(&account, m)
			}
			return m, nil
		})
	}
}
