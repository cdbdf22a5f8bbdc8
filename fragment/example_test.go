package fragment_test

import (
	"fmt"
	"time"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// A message of 600 bytes to the other side, in frames of at most 316 bytes.
func Example() {
	sent := wire.Frame{Type: wire.TypeData, Channel: 1000, Session: 1694498817, Sequence: 1, Total: 600}
	r := fragment.New(fragment.Budget{Bytes: 16 << 20, BytesPerPeer: 1 << 20})
	a := fragment.Account{From: 7}

	s := fragment.Split(make([]byte, 600))
	for s.Rest() > 0 {
		offset, part, _ := s.Next(316 - 16)
		sent.Offset, sent.Payload = uint16(offset), part
		b, err := sent.AppendBinary(nil)
		if err != nil {
			fmt.Println(err)
			return
		}

		var received wire.Frame
		if err := received.Parse(b); err != nil {
			fmt.Println(err)
			return
		}
		message, _, verdict := r.Add(time.Second, &a, &received)
		fmt.Printf("%d bytes from %d: %v\n", len(part), offset, verdict)
		if verdict == fragment.Complete {
			fmt.Printf("message of %d bytes, held %d\n", len(message), r.Held())
			r.Release(&a, message)
		}
	}
	fmt.Printf("held %d\n", r.Held())
	// Output:
	// 300 bytes from 0: held
	// 300 bytes from 300: complete
	// message of 600 bytes, held 737
	// held 0
}

func ExampleCost() {
	fmt.Println(fragment.Cost(0), fragment.Cost(1000), fragment.Cost(wire.MaxMessageSize))
	// Output:
	// 128 1143 33408
}

// The first fragment has less room than the others, for its run.
func ExampleSplit() {
	s := fragment.Split(make([]byte, 1000))
	for limit := 400; s.Rest() > 0; limit = 405 {
		offset, part, _ := s.Next(limit)
		fmt.Printf("%d bytes from %d\n", len(part), offset)
	}
	// Output:
	// 400 bytes from 0
	// 405 bytes from 400
	// 195 bytes from 805
}

func ExampleSplitter_Next() {
	s := fragment.Split(make([]byte, 300))
	for range 3 {
		offset, part, ok := s.Next(256)
		fmt.Println(offset, len(part), ok)
	}
	// Output:
	// 0 256 true
	// 256 44 true
	// 0 0 false
}

func ExampleSplitter_Rest() {
	s := fragment.Split(make([]byte, 1000))
	s.Next(256)
	fmt.Println(s.Rest())
	// Output:
	// 744
}

func ExampleNewBuffers() {
	f := fragment.NewBuffers(1 << 16)
	b := f.Get(1000)
	fmt.Println(len(b), cap(b))
	f.Put(b)
	// Output:
	// 1000 1024
}

// What was put back is handed out again.
func ExampleBuffers_Get() {
	f := fragment.NewBuffers(1 << 16)
	b := f.Get(4)
	copy(b, "left")
	f.Put(b)
	fmt.Printf("%s\n", f.Get(4))
	// Output:
	// left
}

func ExampleBuffers_Put() {
	f := fragment.NewBuffers(0) // keeps nothing
	b := f.Get(4)
	copy(b, "left")
	f.Put(b)
	fmt.Println(f.Get(4))
	// Output:
	// [0 0 0 0]
}

// A participant can hold two messages of 300 bytes, and so the third makes the first go.
func ExampleNew() {
	r := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 900})
	a := fragment.Account{From: 7}
	f := wire.Frame{Channel: 1000, Session: 1, Total: 300, Payload: make([]byte, 256)}
	for range 3 {
		f.Sequence++
		r.Add(0, &a, &f)
	}
	fmt.Println(r.Held(), r.Stats().Evicted)
	// Output:
	// 864 1
}

func ExampleAccount_Held() {
	r := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 1 << 16})
	a, b := fragment.Account{From: 7}, fragment.Account{From: 8}
	r.Keep(&a, []byte("hi"))
	r.Keep(&b, make([]byte, 1000))
	fmt.Println(a.Held(), b.Held())
	// Output:
	// 130 1143
}

// begun returns a Reassembler that has the beginning of message 1 on channel 1000, in session 1.
func begun() (*fragment.Reassembler, *fragment.Account) {
	r, a := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 1 << 16}), &fragment.Account{From: 7}
	r.Add(time.Second, a, &wire.Frame{Channel: 1000, Session: 1, Sequence: 1, Total: 300, Payload: make([]byte, 256)})
	return r, a
}

func ExampleReassembler_Add() {
	r, a := begun()
	rest := wire.Frame{Channel: 1000, Session: 1, Sequence: 1, Offset: 256, Total: 300, Payload: make([]byte, 44)}
	message, _, verdict := r.Add(2*time.Second, a, &rest)
	fmt.Println(len(message), verdict)
	// Output:
	// 300 complete
}

func ExampleReassembler_Advance() {
	r, _ := begun()
	r.Advance(6*time.Second - time.Microsecond)
	fmt.Println(r.Stats().Expired)
	r.Advance(6 * time.Second)
	fmt.Println(r.Stats().Expired)
	// Output:
	// 0
	// 1
}

func ExampleReassembler_Deadline() {
	r, _ := begun()
	fmt.Println(r.Deadline())
	// Output:
	// 6s true
}

func ExampleReassembler_End() {
	r, a := begun()
	r.End(a, 1000, 1, 1)
	fmt.Println(r.Held(), r.Stats().Abandoned)
	// Output:
	// 0 1
}

func ExampleReassembler_EndOthers() {
	r, a := begun()
	r.EndOthers(a, 1000, 1, 1)
	fmt.Println(r.Stats().Abandoned)
	r.EndOthers(a, 1000, 1, 2)
	fmt.Println(r.Stats().Abandoned)
	// Output:
	// 0
	// 1
}

// Session 2 closed, and so did all sessions before it.
func ExampleReassembler_Forget() {
	r, a := begun()
	r.Forget(a, 1000, func(session wire.Serial) bool { return !session.Newer(2) })
	fmt.Println(r.Held())
	// Output:
	// 0
}

func ExampleReassembler_ForgetAll() {
	r, a := begun()
	r.Keep(a, []byte("hi")) // waits to be read
	r.ForgetAll(a)
	fmt.Println(r.Held())
	// Output:
	// 130
}

// A lossy message that does not fit makes room with unread messages of its receiver, if they are enough.
func ExampleReassembler_Fits() {
	r := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 2500})
	a := fragment.Account{From: 7}
	unread, _ := r.Keep(&a, make([]byte, 1000))
	r.Keep(&a, make([]byte, 1000))
	fmt.Println(r.Fits(&a, 500, 0), r.Fits(&a, 500, fragment.Cost(len(unread))))
	// Output:
	// false true
}

func ExampleReassembler_Held() {
	r, _ := begun()
	fmt.Println(r.Held() == fragment.Cost(300))
	// Output:
	// true
}

func ExampleReassembler_Keep() {
	r := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 1 << 16})
	a := fragment.Account{From: 7}
	frame := []byte("hi")
	message, ok := r.Keep(&a, frame)
	copy(frame, "--")
	fmt.Printf("%s %v\n", message, ok)
	// Output:
	// hi true
}

func ExampleReassembler_Kill() {
	r, a := begun()
	r.Kill(a, 1000, 1, 1)
	rest := wire.Frame{Channel: 1000, Session: 1, Sequence: 1, Offset: 256, Total: 300, Payload: make([]byte, 44)}
	_, _, verdict := r.Add(2*time.Second, a, &rest)
	fmt.Println(verdict, r.Held())
	// Output:
	// conflict 128
}

func ExampleReassembler_Release() {
	r := fragment.New(fragment.Budget{Bytes: 1 << 16, BytesPerPeer: 1 << 16})
	a := fragment.Account{From: 7}
	message, _ := r.Keep(&a, []byte("hi"))
	fmt.Println(r.Held())
	r.Release(&a, message)
	fmt.Println(r.Held())
	// Output:
	// 130
	// 0
}

func ExampleReassembler_Stats() {
	r, a := begun()
	r.ForgetAll(a)
	fmt.Printf("%+v\n", r.Stats())
	// Output:
	// {Partials:1 Completed:0 Expired:0 Evicted:0 Abandoned:1}
}

func ExampleVerdict_String() {
	fmt.Println(fragment.NoRoom, fragment.Verdict(9))
	// Output:
	// no room verdict(9)
}
