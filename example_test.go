package cdcp_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/cdcp-project/cdcp/wire"
)

func Example() {
	// The message "hi", number 1 of its session, lossy and of normal priority, for everyone in the call.
	f := wire.Frame{
		Type:     wire.TypeData,
		Channel:  1000,
		Session:  1694498817,
		Sequence: 1,
		Payload:  []byte("hi"),
	}
	b, err := f.AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("% x\n", b)

	// Parse copies nothing: the payload is a part of b.
	var g wire.Frame
	if err := g.Parse(b); err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Type, g.Channel, g.Session, g.Sequence, string(g.Payload))

	// Three bytes: the frame ends inside the channel id.
	err = g.Parse(b[:3])
	if e, ok := errors.AsType[*wire.Error](err); ok {
		fmt.Printf("code %d at offset %d\n", e.Code, e.Offset)
	}
	fmt.Println(err, errors.Is(err, wire.CodeTruncated))
	// Output:
	// 80 00 03 e8 65 00 00 01 00 00 00 01 68 69
	// DATA 1000 1694498817 1 hi
	// code 1 at offset 2
	// wire: truncated: channel at offset 2 true
}
