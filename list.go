package cdcp

// A list is doubly linked through nodes that lie in what it lists, so that joining and leaving it allocate nothing. What has been
// in it longest comes first. The zero value is empty.
type list[T any] struct {
	first, last *node[T]
	n           int
}

// A node links one T into one list. of is set before it is first used, and never changes.
type node[T any] struct {
	prev, next *node[T]
	of         *T
}

// has reports whether n is in l. n is in no other list.
func (l *list[T]) has(n *node[T]) bool { return n.prev != nil || l.first == n }

// push puts n, which is in no list, at the end of l.
func (l *list[T]) push(n *node[T]) {
	n.prev = l.last
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
	l.n++
}

// remove takes n out of l, if it is there.
func (l *list[T]) remove(n *node[T]) {
	if !l.has(n) {
		return
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	n.prev, n.next = nil, nil
	l.n--
}

// touch moves n, whether it is in l or in no list, to the end of l.
func (l *list[T]) touch(n *node[T]) {
	if l.last != n {
		l.remove(n)
		l.push(n)
	}
}

// head returns what has been in l longest, or nil.
func (l *list[T]) head() *T {
	if l.first == nil {
		return nil
	}
	return l.first.of
}

// A freeList keeps what is not needed any more, to be used again.
type freeList[T any] struct{ items []*T }

// maxFree is how many a freeList keeps.
const maxFree = 1024

// get returns a zero T.
func (f *freeList[T]) get() *T {
	last := len(f.items) - 1
	if last < 0 {
		return new(T)
	}
	x := f.items[last]
	f.items[last] = nil
	f.items = f.items[:last]
	return x
}

// put takes back x, which nothing points to any more.
func (f *freeList[T]) put(x *T) {
	*x = *new(T)
	if len(f.items) < maxFree {
		f.items = append(f.items, x)
	}
}
