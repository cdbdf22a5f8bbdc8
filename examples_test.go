package cdcp_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/cdcptest"
	"github.com/cdcp-project/cdcp/wire"
)

// An Endpoint is made when the call begins, and opens senders once the call is connected.
func ExampleNew() {
	now := time.Now()
	e, err := cdcp.New(now, cdcp.Config{Self: 1, Rand: rand.Reader})
	if err != nil {
		panic(err)
	}
	_, err = e.NewSender(now, cdcp.SenderOptions{ChannelID: 1000})
	fmt.Println(errors.Is(err, cdcp.FailedToStart))

	if err := e.LinkUp(now, cdcp.Link{Budget: 1200, Reliable: true}); err != nil {
		panic(err)
	}
	s, err := e.NewSender(now, cdcp.SenderOptions{ChannelID: 1000})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.ChannelID(), s.MaxMessageSize())
	// Output:
	// true
	// 1000 32768
}

// pair returns two endpoints of a call, joined by a simulated network.
func pair() (n *cdcptest.Network, alice, bob *cdcptest.Endpoint) {
	n = cdcptest.New(1, cdcptest.Link{Reliable: true})
	return n, n.Endpoint(cdcp.Config{Self: 1}), n.Endpoint(cdcp.Config{Self: 2})
}

// mustOpen opens a sender.
func mustOpen(n *cdcptest.Network, e *cdcptest.Endpoint, o cdcp.SenderOptions) *cdcp.Sender {
	s, err := e.NewSender(n.Now(), o)
	if err != nil {
		panic(err)
	}
	return s
}

// mustSend sends messages.
func mustSend(n *cdcptest.Network, s *cdcp.Sender, messages ...string) {
	for _, m := range messages {
		if _, err := s.Send(n.Now(), []byte(m)); err != nil {
			panic(err)
		}
	}
}

func ExampleEndpoint_NewSender() {
	n, alice, bob := pair()
	s, err := alice.NewSender(n.Now(), cdcp.SenderOptions{
		ChannelID:    1000,
		BitrateKbps:  32,
		Priority:     cdcp.Normal,
		Reliability:  cdcp.Lossy,
		Participants: []wire.Participant{bob.Self},
		KeepAlive:    30 * time.Second,
	})
	fmt.Println(s.ChannelID(), err)

	// A new sender on the channel closes the one that has it.
	t := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 1000, Reliability: cdcp.Durable})
	fmt.Println(s.Closed(), t.Closed())
	event, _ := alice.NextEvent()
	fmt.Println(event.Kind, event.Sender == s, event.Reason)
	// Output:
	// 1000 <nil>
	// true false
	// sender closed true replaced
}

func ExampleEndpoint_NextEvent() {
	n, alice, bob := pair()
	s := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 1000, Reliability: cdcp.Durable})
	mustSend(n, s, "one", "two")
	s.Close(n.Now())
	n.Run(time.Second)

	for _, event := range bob.Events() { // as bob.NextEvent gave them
		switch event.Kind {
		case cdcp.EventReceiverCreated:
			fmt.Println("created", event.Receiver.ChannelID(), event.Receiver.From())
		case cdcp.EventMessage:
			m, _ := event.Receiver.Receive(nil)
			fmt.Printf("message %d: %s\n", m.Sequence, m.Data)
		case cdcp.EventReceiverClosed:
			fmt.Println("closed:", event.Reason)
		}
	}
	// Output:
	// created 1000 1
	// message 1: one
	// message 2: two
	// closed: closed
}

func ExampleSender_Send() {
	n, alice, _ := pair()
	s := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 1000, Reliability: cdcp.Durable})
	fmt.Println(s.Send(n.Now(), make([]byte, 32768)))

	// The bucket of durable messages, 64 kbit/s, is empty. A kilobyte is 125 ms of it.
	_, err := s.Send(n.Now(), make([]byte, 1000))
	if e, ok := errors.AsType[*cdcp.Error](err); ok {
		fmt.Println(e.Code, e.Limit, e.Retry.Sub(n.Now()))
	}
	n.Run(125 * time.Millisecond)
	fmt.Println(s.Send(n.Now(), make([]byte, 1000)))
	// Output:
	// 1 <nil>
	// cdcp: DataChannelMessageFailureForTrafficLimit 64 125ms
	// 2 <nil>
}

// Three messages, to A and B, to B, to A: A reads 1 and 3, and knows that it lost nothing.
func ExampleSender_SetParticipants() {
	n := cdcptest.New(1, cdcptest.Link{Reliable: true, Relay: true})
	sender := n.Endpoint(cdcp.Config{Self: 1})
	a, b := n.Endpoint(cdcp.Config{Self: 2}), n.Endpoint(cdcp.Config{Self: 3})

	s := mustOpen(n, sender, cdcp.SenderOptions{ChannelID: 7, Participants: []wire.Participant{a.Self, b.Self}})
	mustSend(n, s, "first")
	for _, next := range []struct {
		to      wire.Participant
		message string
	}{{b.Self, "second"}, {a.Self, "third"}} {
		if err := s.SetParticipants(n.Now(), []wire.Participant{next.to}); err != nil {
			panic(err)
		}
		mustSend(n, s, next.message)
	}
	n.Run(5 * time.Second)

	for _, e := range []*cdcptest.Endpoint{a, b} {
		var r *cdcp.Receiver
		for _, event := range e.Events() {
			if r = event.Receiver; event.Kind == cdcp.EventMessage {
				m, _ := r.Receive(nil)
				fmt.Print(m.Sequence, " ", string(m.Data), ", ")
			}
		}
		counts := r.Counts()
		fmt.Println("lost", counts.Lost, "unknown", counts.Unknown)
	}
	// Output:
	// 1 first, 3 third, lost 0 unknown 1
	// 1 first, 2 second, lost 0 unknown 0
}

func ExampleReceiver_Receive() {
	n, alice, bob := pair()
	mustSend(n, mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 7}), "hi")
	n.Run(time.Second)

	r := bob.Events()[0].Receiver
	m, ok := r.Receive(nil)
	fmt.Println(r.From(), r.ChannelID(), r.Reliability(), m.Sequence, string(m.Data), ok)
	_, ok = r.Receive(nil)
	fmt.Println(ok, r.Counts().Delivered)
	// Output:
	// 1 7 lossy 1 hi true
	// false 1
}

// A receiver closes after more than two minutes without a message, and the next message makes a new one.
func ExampleReceiver_Closed() {
	n, alice, bob := pair()
	s := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 7})
	mustSend(n, s, "hi")
	n.Run(0)
	came := n.Now()
	r := bob.Events()[0].Receiver

	for _, after := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
		bob.Advance(came.Add(2*time.Minute + after))
		fmt.Println(after, r.Closed())
	}
	fmt.Println(bob.Deadline().IsZero())

	n.Run(3 * time.Minute)
	mustSend(n, s, "still here")
	n.Run(time.Second)
	for _, event := range bob.Events() {
		fmt.Println(event.Kind, event.Receiver == r)
	}
	// Output:
	// -1µs false
	// 0s false
	// 1µs true
	// true
	// receiver closed true
	// receiver created false
	// message false
}

// A group of three, through a relay: what one sends to everyone, the others get.
func ExampleEndpoint_group() {
	n := cdcptest.New(1, cdcptest.Link{Reliable: true, Relay: true, Delay: 10 * time.Millisecond})
	var all []*cdcptest.Endpoint
	for h := wire.Participant(1); h <= 3; h++ {
		all = append(all, n.Endpoint(cdcp.Config{Self: h}))
	}
	for _, e := range all {
		mustSend(n, mustOpen(n, e, cdcp.SenderOptions{ChannelID: 1}), fmt.Sprint("hello from ", e.Self))
	}
	n.Run(time.Second)
	for _, e := range all {
		for _, event := range e.Events() {
			if event.Kind == cdcp.EventMessage {
				m, _ := event.Receiver.Receive(nil)
				fmt.Printf("%d: %s\n", e.Self, m.Data)
			}
		}
	}
	// Output:
	// 1: hello from 2
	// 1: hello from 3
	// 2: hello from 1
	// 2: hello from 3
	// 3: hello from 1
	// 3: hello from 2
}

// Each of the six errors.
func ExampleError() {
	n, alice, _ := pair()
	now := n.Now()
	report := func(err error) {
		e, _ := errors.AsType[*cdcp.Error](err)
		fmt.Println(e.Code, e.Have, e.Limit, !e.Retry.IsZero())
	}

	s := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 7})
	_, err := s.Send(now, make([]byte, 32769))
	report(err)
	for err = nil; err == nil; _, err = s.Send(now, make([]byte, 32768)) {
	}
	report(err) // the bucket of lossy messages, 512 kbit/s
	u := mustOpen(n, alice, cdcp.SenderOptions{ChannelID: 8, Reliability: cdcp.Durable})
	for err = nil; err == nil; _, err = u.Send(now, nil) {
	}
	report(err) // empty messages fill the transmit queue, of which no frame is taken
	s.Close(now)
	_, err = s.Send(now, nil)
	report(err)
	for err = nil; err == nil; _, err = alice.NewSender(now, cdcp.SenderOptions{}) {
	}
	report(err) // every id is in use
	alice.LinkDown(now)
	_, err = alice.NewSender(now, cdcp.SenderOptions{ChannelID: 9})
	report(err)
	// Output:
	// cdcp: DataChannelMessageSizeOverLimit 32769 32768 false
	// cdcp: DataChannelMessageFailureForTrafficLimit 32768 512 true
	// cdcp: DataChannelMessageFailureForBandwidth 131200 131072 false
	// cdcp: DataChannelSenderClosed 0 0 false
	// cdcp: DataChannelRandomIdNotAvailable 65535 65535 false
	// cdcp: DataChannelFailedToStart 0 0 false
}
