package cdcptest_test

import (
	"fmt"
	"os"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/cdcptest"
	"github.com/cdcp-project/cdcp/wire"
)

func Example() {
	n := cdcptest.New(1, cdcptest.Link{Reliable: true, Delay: 20 * time.Millisecond})
	alice := n.Endpoint(cdcp.Config{Self: 1})
	bob := n.Endpoint(cdcp.Config{Self: 2})

	s, err := alice.NewSender(n.Now(), cdcp.SenderOptions{ChannelID: 7, Reliability: cdcp.Durable})
	if err != nil {
		panic(err)
	}
	begin := n.Now()
	s.Send(n.Now(), []byte("hello"))
	s.Send(n.Now(), []byte("bye"))
	s.Close(n.Now())

	for n.Step() {
		for _, v := range bob.Events() {
			fmt.Printf("%v %v", n.Now().Sub(begin), v.Kind)
			if v.Kind == cdcp.EventMessage {
				m, _ := v.Receiver.Receive(nil)
				fmt.Printf(": %d %s", m.Sequence, m.Data)
			}
			fmt.Println()
		}
	}
	// Output:
	// 20ms receiver created
	// 20ms message: 1 hello
	// 20ms message: 2 bye
	// 20ms receiver closed
}

// A message to one participant, through a relay. The trace shows every frame as it is taken and as it is handed in.
func Example_relay() {
	n := cdcptest.New(1, cdcptest.Link{Relay: true, Delay: 20 * time.Millisecond})
	n.Trace = os.Stdout
	alice := n.Endpoint(cdcp.Config{Self: 1})
	n.Endpoint(cdcp.Config{Self: 2})
	n.Endpoint(cdcp.Config{Self: 3})

	s, err := alice.NewSender(n.Now(), cdcp.SenderOptions{ChannelID: 7, Participants: []wire.Participant{2}})
	if err != nil {
		panic(err)
	}
	s.Send(n.Now(), []byte("for you alone"))
	n.Run(time.Second)
	s.SetParticipants(n.Now(), nil)
	s.Send(n.Now(), []byte("for all"))
	n.Run(time.Second)
	// Output:
	// 0.000000 1 link up
	// 0.000000 2 link up
	// 0.000000 3 link up
	// 0.000000 1 > DATA 7/3077417600/1 13 bytes to 2
	// 0.040000 2 < DATA 7/3077417600/1 13 bytes from 1: accepted
	// 0.040000 2 ! receiver created 1/7
	// 0.040000 2 ! message 1/7
	// 1.000000 1 > DATA 7/3077417600/2 run 1 7 bytes to all
	// 1.040000 2 < DATA 7/3077417600/2 run 1 7 bytes from 1: accepted
	// 1.040000 3 < DATA 7/3077417600/2 run 1 7 bytes from 1: accepted
	// 1.040000 2 ! message 1/7
	// 1.040000 3 ! receiver created 1/7
	// 1.040000 3 ! message 1/7
}
