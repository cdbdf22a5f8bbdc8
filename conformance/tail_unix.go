//go:build unix

package conformance

import (
	"os"
	"syscall"
)

// fill reads pipe until it ends or is closed.
func (t *tail) fill(pipe *os.File) {
	defer pipe.Close()
	conn, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) (done bool) {
		for {
			t.mu.Lock()
			ended, empty := t.read(int(fd))
			t.mu.Unlock()
			if ended || empty {
				return ended
			}
		}
	})
}

// latest reads what the port has written before now and fill has not come to yet, so that what a port says before its
// reply is there with the reply.
func (t *tail) latest() {
	if t.pipe == nil {
		return
	}
	if conn, err := t.pipe.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { t.read(int(fd)) })
	}
}

// read reads what is in a pipe, as much as one can hold and no more. It reports whether the pipe has ended, or has
// nothing left for now.
func (t *tail) read(fd int) (ended, empty bool) {
	const mostOfPipe = 1 << 20
	buf := make([]byte, maxTail)
	for total := 0; total < mostOfPipe; {
		n, err := syscall.Read(fd, buf)
		switch {
		case n > 0:
			t.add(buf[:n])
			total += n
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false, true
		default:
			return true, false
		}
	}
	return false, false
}
