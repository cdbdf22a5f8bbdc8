package conformance

import (
	"os"
	"sync"
)

// A tail keeps the end of what comes out of a pipe.
type tail struct {
	mu   sync.Mutex
	pipe *os.File
	buf  []byte // at most maxTail bytes
}

const maxTail = 16 << 10

// open makes pipe what take looks into for the latest.
func (t *tail) open(pipe *os.File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pipe = pipe
}

// add keeps the end of what there is and of b. The caller holds mu.
func (t *tail) add(b []byte) {
	t.buf = append(t.buf, b[max(0, len(b)-maxTail):]...)
	t.buf = append(t.buf[:0], t.buf[max(0, len(t.buf)-maxTail):]...)
}

// take returns what there is and forgets it.
func (t *tail) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest()
	s := string(t.buf)
	t.buf = t.buf[:0]
	return s
}
