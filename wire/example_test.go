package wire_test

import (
	"errors"
	"fmt"

	"github.com/cdcp-project/cdcp/wire"
)

// A message to two participants, and back.
func Example() {
	ext, err := wire.Extensions(nil).Append(wire.ExtParticipants, []byte{0, 7, 0, 9})
	if err != nil {
		fmt.Println(err)
		return
	}
	sent := wire.Frame{
		Type:     wire.TypeData,
		Flags:    wire.FlagDurable,
		Channel:  1000,
		Session:  1694498817,
		Sequence: 1,
		Ext:      ext,
		Payload:  []byte("hi"),
	}
	b, err := sent.AppendBinary(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", b)

	var received wire.Frame
	if err := received.Parse(b); err != nil {
		fmt.Println(err)
		return
	}
	participants, _ := received.Ext.AppendParticipants(nil)
	fmt.Printf("%v on channel %d to %d: %q\n", received.Type, received.Channel, participants, received.Payload)
	// Output:
	// 80 60 03 e8 65 00 00 01 00 00 00 01 06 c1 04 00 07 00 09 68 69
	// DATA on channel 1000 to [7 9]: "hi"
}

func ExampleFrame_Parse() {
	b := []byte{0x80, 0x00, 0x03, 0xe8, 0x65, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 'h', 'i'}
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v, flags %v, channel %d, session %d, sequence %d, %q\n", f.Type, f.Flags, f.Channel, f.Session, f.Sequence, f.Payload)
	// Output:
	// DATA, flags none, channel 1000, session 1694498817, sequence 1, "hi"
}

// A fragment says where in its message it belongs. This one is the last of its message.
func ExampleFrame_Parse_fragment() {
	b := []byte{0x80, 0x80, 0x03, 0xe8, 0x65, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x03, 0x01, 0x00, 0x01, 0x02, 'h', 'i'}
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("bytes %d to %d of %d\n", f.Offset, int(f.Offset)+len(f.Payload), f.Total)
	// Output:
	// bytes 256 to 258 of 258
}

// Payload is a part of the bytes that were parsed. What is to outlive them has to be copied.
func ExampleFrame_Parse_alias() {
	b := []byte{0x80, 0x00, 0x03, 0xe8, 0x65, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 'h', 'i'}
	var f wire.Frame
	if err := f.Parse(b); err != nil {
		fmt.Println(err)
		return
	}
	kept := string(f.Payload)
	copy(b[12:], "yo") // the next frame comes in
	fmt.Printf("%s %s\n", kept, f.Payload)
	// Output:
	// hi yo
}

func ExampleFrame_AppendBinary() {
	f := wire.Frame{
		Type:     wire.TypeClose,
		Channel:  1000,
		Session:  1694498817,
		Sequence: 3,
		Reason:   wire.CloseReplaced,
	}
	b, err := f.AppendBinary(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", b)
	// Output:
	// 81 00 03 e8 65 00 00 01 00 00 00 03 00 01
}

// A frame that a receiver would refuse is refused by its sender, with the same error.
func ExampleFrame_AppendBinary_refused() {
	f := wire.Frame{Type: wire.TypeKeepAlive, Channel: 1000, Payload: []byte("hi")}
	_, err := f.AppendBinary(nil)
	fmt.Println(err)
	// Output:
	// wire: trailing-bytes: end at offset 12
}

// A buffer with room for Len bytes is not replaced by a bigger one.
func ExampleFrame_Len() {
	f := wire.Frame{Channel: 1000, Session: 1694498817, Sequence: 1, Payload: []byte("hi")}
	b, err := f.AppendBinary(make([]byte, 0, f.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Len(), len(b), cap(b))
	// Output:
	// 14 14 14
}

// Sequence numbers wrap, and so the newer of two can be the smaller.
func ExampleSerial_Older() {
	var last, next wire.Serial = 4294967295, 0
	fmt.Println(last.Older(next), next.Older(last), next.Older(next+1<<31), (next + 1<<31).Older(next))
	// Output: true false true true
}

func ExampleSerial_Newer() {
	var last, next wire.Serial = 4294967295, 0
	fmt.Println(next.Newer(last), last.Newer(next), next.Newer(next))
	// Output:
	// true false false
}

// A relay says whom it had a frame from.
func ExampleExtensions_Append() {
	var ext wire.Extensions
	ext, err := ext.Append(wire.ExtRun, []byte{0, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ext, err = ext.Append(wire.ExtOrigin, []byte{0, 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", []byte(ext))

	_, err = ext.Append(wire.ExtRun, []byte{0, 2}) // types ascend
	fmt.Println(err)
	// Output:
	// 01 02 00 01 41 02 00 07
	// wire: bad-tlv-order: tlv-type at offset 8
}

// TLVs that this version does not know are there as well.
func ExampleExtensions_All() {
	ext := wire.Extensions{0x01, 2, 0, 1, 0x0a, 3, 'a', 'b', 'c', 0x41, 2, 0, 7}
	for t, value := range ext.All() {
		fmt.Printf("%v: % x\n", t, value)
	}
	// Output:
	// run: 00 01
	// ext(0x0a): 61 62 63
	// origin: 00 07
}

func ExampleExtensions_Run() {
	ext := wire.Extensions{0x01, 2, 0, 3}
	if run, ok := ext.Run(); ok {
		fmt.Printf("the last %d messages went to the same list\n", run)
	}
	// Output:
	// the last 3 messages went to the same list
}

func ExampleExtensions_Origin() {
	ext := wire.Extensions{0x41, 2, 0, 7}
	if origin, ok := ext.Origin(); ok {
		fmt.Printf("from participant %d\n", origin)
	}
	// Output:
	// from participant 7
}

// A slice that is used again saves an allocation for each frame.
func ExampleExtensions_AppendParticipants() {
	var participants []wire.Participant
	for _, ext := range []wire.Extensions{{0xc1, 4, 0, 7, 0, 9}, nil} {
		var ok bool
		participants, ok = ext.AppendParticipants(participants[:0])
		if ok {
			fmt.Printf("for %d\n", participants)
		} else {
			fmt.Println("for all")
		}
	}
	// Output:
	// for [7 9]
	// for all
}

func ExampleExtType_Critical() {
	fmt.Println(wire.ExtParticipants.Critical(), wire.ExtRun.Critical())
	// Output:
	// true false
}

func ExampleExtType_HopByHop() {
	fmt.Println(wire.ExtOrigin.HopByHop(), wire.ExtRun.HopByHop())
	// Output:
	// true false
}

func ExampleExtType_String() {
	fmt.Println(wire.ExtParticipants, wire.ExtType(0x0a))
	// Output:
	// participants ext(0x0a)
}

func ExampleType_String() {
	fmt.Println(wire.TypeData, wire.TypeClose, wire.TypeKeepAlive, wire.Type(42))
	// Output:
	// DATA CLOSE KEEPALIVE type(42)
}

// D and P belong to the session. F and X are set by AppendBinary and not by its caller.
func ExampleFlags() {
	f := wire.Frame{Flags: wire.FlagDurable | wire.FlagHigh, Channel: 1, Ext: wire.Extensions{0x41, 2, 0, 7}}
	fmt.Println(f.Flags&wire.FlagDurable != 0, f.Flags&wire.FlagExtensions != 0)

	b, err := f.AppendBinary(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(wire.Flags(b[1]))
	// Output:
	// true false
	// XDP
}

func ExampleFlags_String() {
	fmt.Println(wire.FlagExtensions|wire.FlagDurable, wire.Flags(0), wire.Flags(0x83))
	// Output:
	// XD none F10
}

func ExampleCloseReason_String() {
	fmt.Println(wire.CloseNormal, wire.CloseReplaced, wire.CloseReason(4000))
	// Output:
	// normal replaced generic(4000)
}

func ExampleCode_String() {
	fmt.Println(wire.CodeBadChannel, wire.Code(99))
	fmt.Println(wire.CodeBadChannel.String(), wire.Code(99).String())
	// Output:
	// wire: bad-channel wire: code(99)
	// bad-channel code(99)
}

// A Code is an error, without a place.
func ExampleCode_Error() {
	fmt.Println(wire.CodeBadChannel.Error())
	// Output:
	// wire: bad-channel
}

func ExampleError() {
	var f wire.Frame
	err := f.Parse([]byte{0x80, 0x00, 0x03})
	if e, ok := errors.AsType[*wire.Error](err); ok {
		fmt.Printf("code %d, offset %d, field %s\n", e.Code, e.Offset, e.Field)
	}
	// Output:
	// code 1, offset 2, field channel
}

func ExampleError_Error() {
	var f wire.Frame
	fmt.Println(f.Parse([]byte{0x80, 0x00, 0x03}))
	// Output:
	// wire: truncated: channel at offset 2
}

// Unwrap is there for errors.Is.
func ExampleError_Unwrap() {
	var f wire.Frame
	err := f.Parse([]byte{0x80, 0x00, 0x03})
	fmt.Println(errors.Is(err, wire.CodeTruncated), errors.Is(err, wire.CodeBadChannel))
	// Output:
	// true false
}
