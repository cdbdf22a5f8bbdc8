package cdcp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// A sendTest holds an endpoint to the model.
type sendTest struct {
	*cdcp.Endpoint
	model   *sendModel
	alike   bool   // all senders are
	random  uint32 // what is drawn next
	senders []*modelSender
}

// Read reads what is drawn next.
func (x *sendTest) Read(b []byte) (int, error) {
	if len(b) != 4 {
		return 0, errors.New("not four bytes")
	}
	binary.BigEndian.PutUint32(b, x.random)
	return 4, nil
}

func newSendTest(t *rapid.T) *sendTest {
	rate := func(name string, normal int) int {
		return rapid.SampledFrom([]int{cdcp.NoLimit, cdcp.NoLimit, 7, normal, cdcp.MaxRate}).Draw(t, name)
	}
	l := cdcp.Limits{Durable: rate("durable", 64), Lossy: rate("lossy", 512), LossyHigh: rate("lossy high", 200), BroadcastPackets: rate("packets", 80)}
	first := rapid.SampledFrom([]int64{1, 1, 1<<32 - 2}).Draw(t, "first")
	sendBytes := rapid.SampledFrom([]int{33408, 131072}).Draw(t, "send bytes")
	x := &sendTest{model: newSendModel(l, sendBytes, first), alike: rapid.Bool().Draw(t, "alike")}
	var err error
	x.Endpoint, err = cdcp.New(start, cdcp.Config{Self: modelSelf, Rand: x, Limits: l, Bounds: cdcp.Bounds{SendBytes: sendBytes}, FirstSequence: wire.Serial(first)})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *sendTest) time() time.Time { return start.Add(time.Duration(x.model.now) * time.Microsecond) }

func drawList(t *rapid.T) []wire.Participant {
	return rapid.SampledFrom([][]wire.Participant{
		nil, nil, {1}, {2, 1, 2}, {1, 2, 3}, {3}, {modelSelf}, {modelSelf, 2}, {0}, manyParticipants(64), manyParticipants(65),
	}).Draw(t, "list")
}

// manyParticipants returns so many, from 4 on.
func manyParticipants(n int) []wire.Participant {
	var list []wire.Participant
	for i := range n {
		list = append(list, wire.Participant(4+i))
	}
	return list
}

// do does an input, if it happens at a deadline or not, and compares its result: the code of a call, 0 if it is taken.
func (x *sendTest) do(t *rapid.T, what string, model func() cdcp.Code, call func() error) {
	var want cdcp.Code
	x.model.input(x.model.now, func() { want = model() })
	err := call()
	if got, ok := errors.AsType[*cdcp.Error](err); err == nil && want != 0 || err != nil && (!ok || got.Code != want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (x *sendTest) sender(t *rapid.T) *modelSender {
	if len(x.senders) == 0 {
		t.Skip("there is no sender")
	}
	return rapid.SampledFrom(x.senders).Draw(t, "sender")
}

func (x *sendTest) open(t *rapid.T) {
	o := cdcp.SenderOptions{
		ChannelID:    rapid.SampledFrom([]uint16{1, 2, 3, 4, 65535, 0}).Draw(t, "channel"),
		BitrateKbps:  rapid.SampledFrom([]int{0, 1, 16, 17, 64, 65, 512, 513, cdcp.MaxRate, cdcp.MaxRate + 1}).Draw(t, "hint"),
		Priority:     rapid.SampledFrom([]cdcp.Priority{cdcp.Normal, cdcp.High}).Draw(t, "priority"),
		Reliability:  rapid.SampledFrom([]cdcp.Reliability{cdcp.Lossy, cdcp.Durable}).Draw(t, "reliability"),
		Participants: drawList(t),
		KeepAlive:    rapid.SampledFrom([]time.Duration{0, 0, 1, 2, 60, 61}).Draw(t, "keep-alive") * time.Second,
	}
	if x.alike {
		o.Reliability, o.Priority, o.Participants, o.KeepAlive = cdcp.Lossy, cdcp.High, nil, 0
	}
	x.random = rapid.SampledFrom([]uint32{0, 1 << 17, 1<<32 - 1}).Draw(t, "random")
	x.do(t, "NewSender", func() cdcp.Code {
		s, code := x.model.newSender(o, x.random)
		if s != nil {
			x.senders = append(x.senders, s)
		}
		return code
	}, func() error {
		s, err := x.NewSender(x.time(), o)
		if s != nil {
			want := x.senders[len(x.senders)-1]
			if want.real = s; s.ChannelID() != want.channel.id {
				t.Fatalf("channel %d, want %d", s.ChannelID(), want.channel.id)
			}
		}
		return err
	})
}

func (x *sendTest) send(t *rapid.T) {
	s := x.sender(t)
	n := rapid.SampledFrom([]int{0, 1, 40, 500, 560, 1150, 1188, 1189, 1201, 3000, 32768, 32769}).Draw(t, "size")
	data := bytes.Repeat([]byte{byte(n)}, n)
	for range rapid.SampledFrom([]int{1, 1, 2, 10}).Draw(t, "times") {
		var want wire.Serial
		var fault *cdcp.Error
		x.model.input(x.model.now, func() { want, fault = x.model.send(s, data) })
		buf := bytes.Clone(data)
		got, err := s.real.Send(x.time(), buf)
		clear(buf)
		if e, _ := errors.AsType[*cdcp.Error](err); got != want || (err == nil) != (fault == nil) || fault != nil && (*e != *fault) {
			t.Fatalf("Send of %d: %d, %+v; want %d, %+v", n, got, err, want, fault)
		}
	}
}

// take takes the next frame.
func (x *sendTest) take(t *rapid.T, can cdcp.Classes) bool {
	var want *modelFrame
	x.model.input(x.model.now, func() { want = x.model.take(can) })
	got, route, ok := x.NextFrame(x.time(), can, []byte("prefix"))
	if !ok {
		if want != nil {
			t.Fatalf("no frame, want % x", want.bytes)
		}
		return false
	}
	if want == nil {
		t.Fatalf("frame % x, want none", got)
	}
	if !bytes.Equal(got, append([]byte("prefix"), want.bytes...)) {
		t.Fatalf("frame\n% x, want\n% x", got[6:], want.bytes)
	}
	if len(want.bytes) > x.model.link.Budget || route.Class != want.class || route.Priority != want.priority() || !slices.Equal(route.Participants, want.list) {
		t.Fatalf("route %+v, want class %d, priority %v, participants %d", route, want.class, want.priority(), want.list)
	}
	return true
}

func (x *sendTest) check(t *rapid.T) {
	m := x.model
	if got := x.Stats(); got != m.stats {
		t.Fatalf("stats %+v, want %+v", got, m.stats)
	}
	c := m.due()
	if got := x.Deadline(); got.IsZero() != (c == nil) || c != nil && got.Sub(start).Microseconds() != c.timer.at {
		t.Fatalf("deadline %v, want %+v", got.Sub(start), c)
	}
	for _, s := range x.senders {
		if s.real.Closed() != s.closed {
			t.Fatalf("sender on %d closed: %t", s.channel.id, s.real.Closed())
		}
	}
}

// TestModelSend: whatever is called, the endpoint says and gives out what the model does.
func TestModelSend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newSendTest(t)
		m := x.model
		advance := func(to int64) {
			m.input(to, func() {})
			x.Advance(start.Add(time.Duration(to) * time.Microsecond))
		}
		linkUp := func(t *rapid.T) {
			l := cdcp.Link{
				Budget:   rapid.SampledFrom([]int{576, 576, 1200, 1200, 1200, 65535, 65535, 575, 65536}).Draw(t, "budget"),
				Reliable: rapid.SampledFrom([]bool{true, true, false}).Draw(t, "reliable"),
				Relay:    rapid.Bool().Draw(t, "relay"),
			}
			x.do(t, "LinkUp", func() cdcp.Code { return m.linkUp(l) }, func() error { return x.LinkUp(x.time(), l) })
		}
		take := func(t *rapid.T) {
			can := rapid.SampledFrom([]cdcp.Classes{cdcp.ClassAll, cdcp.ClassAll, cdcp.ClassAll, cdcp.ClassReliable, cdcp.ClassLossy, 0}).Draw(t, "classes")
			for n := rapid.SampledFrom([]int{1, 2, 5, 10}).Draw(t, "n"); n > 0 && x.take(t, can); n-- {
			}
		}
		linkUp(t)
		t.Repeat(map[string]func(*rapid.T){
			"open":       x.open,
			"send":       x.send,
			"send more":  x.send,
			"send again": x.send,
			"take":       take,
			"take more":  take,
			"take again": take,
			"list": func(t *rapid.T) {
				s, list := x.sender(t), drawList(t)
				x.do(t, "SetParticipants", func() cdcp.Code { return m.setList(s, list) }, func() error { return s.real.SetParticipants(x.time(), list) })
			},
			"close": func(t *rapid.T) {
				s := x.sender(t)
				x.do(t, "Close", func() cdcp.Code {
					if !s.closed {
						m.close(s, wire.CloseNormal)
					}
					return 0
				}, func() error { s.real.Close(x.time()); return nil })
			},
			"hang up": func(t *rapid.T) {
				if !seldom(t, "hang up") {
					return
				}
				x.do(t, "Close", func() cdcp.Code {
					for _, c := range m.channels {
						if c.open != nil {
							m.close(c.open, wire.CloseNormal)
						}
					}
					return 0
				}, func() error { x.Close(x.time()); return nil })
			},
			"wait": func(t *rapid.T) {
				advance(m.now + rapid.SampledFrom([]int64{-1, 1, 1000, 16000, 999999, 1000000, 2000000, 60000000}).Draw(t, "wait"))
			},
			"deadline": func(t *rapid.T) {
				at := x.Deadline()
				if at.IsZero() {
					return
				}
				before := x.Stats()
				advance(at.Sub(start).Microseconds() - 1)
				if after := x.Stats(); after != before || !x.Deadline().Equal(at) {
					t.Fatalf("before the deadline %+v becomes %+v", before, after)
				}
				advance(at.Sub(start).Microseconds())
				if x.Deadline().Equal(at) {
					t.Fatal("at the deadline nothing happens")
				}
			},
			"link": func(t *rapid.T) {
				switch {
				case !m.up || seldom(t, "up"):
					linkUp(t)
				case seldom(t, "down"):
					x.do(t, "LinkDown", func() cdcp.Code { m.linkDown(); return 0 }, func() error { x.LinkDown(x.time()); return nil })
				}
			},
			"bitrate": func(t *rapid.T) {
				kbps := rapid.SampledFrom([]int{0, 1, 79, 80, 639, 640, cdcp.MaxRate, cdcp.MaxRate + 1, -1}).Draw(t, "kbps")
				x.do(t, "SetReceiveBitrate", func() cdcp.Code {
					if kbps < 0 || kbps > cdcp.MaxRate {
						return cdcp.InvalidArgument
					}
					m.bitrate(kbps)
					return 0
				}, func() error { return x.SetReceiveBitrate(x.time(), kbps) })
			},
			"left": func(t *rapid.T) {
				p := rapid.SampledFrom([]wire.Participant{0, modelSelf, 3, 1, 2}).Draw(t, "participant")
				if p != 0 && p != modelSelf && !seldom(t, "left") {
					return
				}
				x.do(t, "ParticipantLeft", func() cdcp.Code {
					if p == 0 || p == modelSelf {
						return cdcp.InvalidArgument
					}
					m.leave(p)
					return 0
				}, func() error { return x.ParticipantLeft(x.time(), p) })
			},
			"poll": func(t *rapid.T) {
				for _, want := range m.events {
					got, ok := x.NextEvent()
					if !ok || got.Kind != cdcp.EventSenderClosed || got.Sender != want.sender.real || got.Reason != want.reason {
						t.Fatalf("event %v %v %t, want %v of the sender on %d", got.Kind, got.Reason, ok, want.reason, want.sender.channel.id)
					}
				}
				if got, ok := x.NextEvent(); ok {
					t.Fatalf("event %v %v, want none", got.Kind, got.Reason)
				}
				m.events = nil
			},
			"": x.check,
		})
	})
}
