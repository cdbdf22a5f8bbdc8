package fragment

import "math/bits"

const (
	classes = 72  // sizes of buffers, from 16 to 32768 bytes
	maxFree = 256 // things of one kind that wait in a free list
)

// Buffers hands out byte slices and takes them back, to hand them out again. What it keeps meanwhile is bounded, and so
// is the slack: the capacity of a buffer is at most 12.5 % or 15 bytes over what was asked for, and never over 32768
// bytes.
type Buffers struct {
	limit int // of free
	free  int // capacity of the buffers that wait, bytes
	lists [classes][][]byte
}

// NewBuffers returns Buffers that keep at most limit bytes for use again.
func NewBuffers(limit int) *Buffers { return &Buffers{limit: limit} }

// Get returns a buffer of n bytes, 0 to 32768. What is in it is left from its last use.
func (f *Buffers) Get(n int) []byte {
	var b []byte
	if n > 0 {
		class, size := classOf(n)
		if b = f.pop(class); b == nil {
			b = make([]byte, size)
		}
	}
	for class := classes - 1; f.free > f.limit; { // a limit that was lowered
		if f.pop(class) == nil {
			class--
		}
	}
	return b[:n]
}

// Put takes back b, which came from Get and was not resliced but at its end. The caller does not use it any more.
func (f *Buffers) Put(b []byte) {
	if cap(b) == 0 {
		return
	}
	class, size := classOf(cap(b))
	if size != cap(b) {
		panic("fragment: Put of a slice that is not from Get")
	}
	if len(f.lists[class]) < maxFree && f.free+size <= f.limit {
		f.lists[class] = append(f.lists[class], b)
		f.free += size
	}
}

// pop returns a buffer of the class that waits, or nil.
func (f *Buffers) pop(class int) []byte {
	list := f.lists[class]
	if len(list) == 0 {
		return nil
	}
	b := list[len(list)-1]
	list[len(list)-1] = nil
	f.lists[class] = list[:len(list)-1]
	f.free -= cap(b)
	return b
}

// classOf returns the class of buffers of n bytes, n > 0, and their capacity: n rounded up to a multiple of 16 bytes, or of
// a sixteenth of the next power of two if that is more.
func classOf(n int) (class, size int) {
	shift := max(bits.Len(uint(n-1))-4, 4)
	step := (n - 1) >> shift // 8 to 15; 0 to 15 for the least shift
	return 8*(shift-4) + step, (step + 1) << shift
}
