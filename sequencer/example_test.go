package sequencer_test

import (
	"fmt"
	"time"

	"github.com/cdcp-project/cdcp/sequencer"
)

// A message is lost, and another comes late.
func Example() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 4, 0) // 2 and 3 are missing
	w.Accept(100*time.Millisecond, 3, 0)
	if due, ok := w.Deadline(); ok {
		w.Advance(due)
		fmt.Println(due, w.Base())
	}
	delivered, lost, unknown := w.Counts()
	fmt.Println(delivered, lost, unknown)
	// Output:
	// 2s 5
	// 3 1 0
}

func ExampleChannelIDs_Choose() {
	var ids sequencer.ChannelIDs
	fmt.Println(ids.Choose(0))
	fmt.Println(ids.Choose(0)) // 1 is not free any more
	fmt.Println(ids.Choose(1 << 31))
	fmt.Println(ids.Choose(1<<32 - 1))
	// Output:
	// 1 true
	// 2 true
	// 32769 true
	// 65535 true
}

func ExampleChannelIDs_Take() {
	var ids sequencer.ChannelIDs
	fmt.Println(ids.Take(1000), ids.Take(1000), ids.Take(0))
	// Output:
	// true false false
}

func ExampleChannelIDs_Release() {
	var ids sequencer.ChannelIDs
	id, _ := ids.Choose(12345)
	ids.Release(id)
	fmt.Println(ids.Take(id))
	// Output:
	// true
}

func ExampleChannelIDs_Free() {
	var ids sequencer.ChannelIDs
	ids.Take(1000)
	fmt.Println(ids.Free())
	// Output:
	// 65534
}

func ExampleTick() {
	unix := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fmt.Println(sequencer.Tick(unix.UnixMicro()))
	fmt.Println(sequencer.Tick(unix.Add(16 * time.Millisecond).UnixMicro()))
	// Output:
	// 3077417600
	// 3077417601
}

func ExampleNextSession() {
	fmt.Println(sequencer.NextSession(1000, 5000))
	fmt.Println(sequencer.NextSession(5000, 5000)) // in the same tick
	fmt.Println(sequencer.NextSession(1<<32-1, 1<<32-1))
	// Output:
	// 5000
	// 5001
	// 0
}

func ExampleNewWindow() {
	w := sequencer.NewWindow(true)
	w.Accept(0, 1, 0)
	w.Accept(0, 4, 0)
	fmt.Println(w.Counts()) // nothing is waited for in a durable session
	fmt.Println(w.Accept(0, 3, 0) == sequencer.Stale)
	// Output:
	// 2 2 0
	// true
}

func ExampleWindow_Resume() {
	var w sequencer.Window
	w.Resume(500)
	fmt.Println(w.Check(499) == sequencer.Stale)
	// Output:
	// true
}

func ExampleWindow_Check() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	fmt.Println(w.Check(1) == sequencer.Stale, w.Check(2) == sequencer.New, w.Check(3) == sequencer.Duplicate)
	// Output:
	// true true true
}

// A run says how many numbers up to that of the message went to this receiver.
func ExampleWindow_Accept() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 6, 3) // 4, 5 and 6 did
	w.Settle()
	_, lost, unknown := w.Counts()
	fmt.Println(lost, unknown)
	// Output:
	// 2 2
}

func ExampleWindow_Mark() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Mark(0, 2, 0) // there is one more
	fmt.Println(w.Missing())
	// Output:
	// true
}

func ExampleWindow_Linger() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	w.Linger(time.Second) // its CLOSE came
	fmt.Println(w.Deadline())
	// Output:
	// 3s true
}

func ExampleWindow_Settle() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	w.Settle()
	fmt.Println(w.Counts())
	fmt.Println(w.Base())
	// Output:
	// 2 1 0
	// 4
}

func ExampleWindow_Advance() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	w.Accept(time.Second, 5, 0)
	w.Advance(2 * time.Second)
	fmt.Println(w.Deadline()) // of 4, which was not known to be missing when the timer was set
	// Output:
	// 4s true
}

func ExampleWindow_Deadline() {
	var w sequencer.Window
	fmt.Println(w.Deadline())
	w.Accept(0, 2, 0) // 1 is missing
	fmt.Println(w.Deadline())
	// Output:
	// 0s false
	// 2s true
}

func ExampleWindow_Missing() {
	var w sequencer.Window
	w.Accept(0, 2, 0)
	fmt.Println(w.Missing())
	w.Accept(0, 1, 0)
	fmt.Println(w.Missing())
	// Output:
	// true
	// false
}

func ExampleWindow_Base() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Accept(0, 3, 0)
	fmt.Println(w.Base())
	// Output:
	// 2
}

func ExampleWindow_High() {
	var w sequencer.Window
	w.Accept(0, 1, 0)
	w.Mark(0, 3, 0)
	fmt.Println(w.High())
	// Output:
	// 1 true
}

func ExampleWindow_Counts() {
	var w sequencer.Window
	w.Accept(0, 2, 0) // 1 may have been sent before this receiver joined
	w.Accept(0, 4, 0)
	w.Settle()
	delivered, lost, unknown := w.Counts()
	fmt.Println(delivered, lost, unknown)
	// Output:
	// 2 1 1
}
