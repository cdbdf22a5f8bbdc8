package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// maxLine is the longest line of the port protocol, in bytes.
const maxLine = 1 << 20

// A Process is a port that runs as a process, with its standard input and output as the line. It and whatever it starts are one process group, which is
// killed when it hangs, when it ends and when it is closed. It is not safe for concurrent use, but for Kill.
type Process struct {
	command []string
	timeout time.Duration

	mu    sync.Mutex
	group *os.Process // what Kill kills; nil: nothing

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan output
	ended  chan struct{} // closed when cmd has been waited for
	stderr tail
}

// NewProcess returns a port that Start starts as command, the name of a program and its arguments. A reply that takes longer than timeout is a [Hang].
func NewProcess(timeout time.Duration, command ...string) *Process {
	return &Process{command: command, timeout: timeout}
}

// output is what the port wrote: a line, or what it had written of one when its output ended.
type output struct {
	line []byte
	err  error // nil for a whole line
}

var errLong = fmt.Errorf("a line of more than %d bytes", maxLine)

// Start starts the process, after it has ended one that runs.
func (p *Process) Start() error {
	p.Kill()
	p.cmd = exec.Command(p.command[0], p.command[1:]...)
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second // for the standard error of what the port leaves behind
	ownGroup(p.cmd)
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	// Not StdoutPipe: Wait would close it, and with it throw away what the port wrote last.
	stdout, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout = w
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		stdout.Close()
		return err
	}
	p.mu.Lock()
	p.group = p.cmd.Process
	p.mu.Unlock()

	lines, ended := make(chan output, 1), make(chan struct{})
	p.lines, p.ended = lines, ended
	go func() {
		defer stdout.Close()
		r := bufio.NewReader(stdout)
		for {
			line, err := readLine(r)
			lines <- output{line, err}
			if err != nil {
				return
			}
		}
	}()
	go func(cmd *exec.Cmd) {
		cmd.Wait() // its error is in cmd.ProcessState
		close(ended)
	}(p.cmd)
	return nil
}

// readLine reads a line and takes off its line feed, and a carriage return before it.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return line, errLong
		}
		if err == nil {
			return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// Call implements [Port].
func (p *Process) Call(request []byte) ([]byte, error) {
	select {
	case out := <-p.lines:
		if out.err == nil {
			p.Kill()
			return nil, &Broken{Noise, "wrote before it was asked: " + short(string(out.line))}
		}
		return nil, p.over(out)
	default:
	}
	go p.stdin.Write(append(bytes.Clone(request), '\n')) // a port that does not read must not stop us; an error shows as an end of output
	limit := time.NewTimer(p.timeout)
	defer limit.Stop()
	ended := p.ended
	for {
		select {
		case out := <-p.lines:
			if out.err == nil {
				return out.line, nil
			}
			return nil, p.over(out)
		case <-ended:
			// What it wrote is still on its way. Whatever else holds its output goes with it.
			p.Kill()
			ended = nil
		case <-limit.C:
			p.Kill()
			out := p.rest()
			return nil, &Broken{Hang, fmt.Sprintf("no answer within %v%s", p.timeout, half(out))}
		}
	}
}

// over says how an output came to its end.
func (p *Process) over(out output) *Broken {
	if errors.Is(out.err, errLong) {
		p.Kill()
		return &Broken{Noise, out.err.Error()}
	}
	select {
	case <-p.ended:
	case <-time.After(time.Second):
		p.Kill()
		return &Broken{Exit, "closed its output" + half(out)}
	}
	if p.cmd.ProcessState.Success() {
		return &Broken{Exit, "ended with status 0" + half(out)}
	}
	return &Broken{Crash, "ended: " + p.cmd.ProcessState.String() + half(out)}
}

// rest returns the end of the output of a port that was killed.
func (p *Process) rest() output {
	for {
		select {
		case out := <-p.lines:
			if out.err != nil {
				return out
			}
		case <-time.After(time.Second):
			return output{}
		}
	}
}

func half(out output) string {
	if len(out.line) == 0 {
		return ""
	}
	return ", after half a line: " + short(string(out.line))
}

// Kill ends the process and whatever it started, at once. A Call under way returns.
func (p *Process) Kill() {
	p.mu.Lock()
	group := p.group
	p.mu.Unlock()
	if group != nil {
		killGroup(group)
	}
}

// Close ends the input of the process and waits for it to end, as long as for a reply. error: it does not end, or not with status 0.
func (p *Process) Close() error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	defer p.Kill()
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(p.timeout):
		return fmt.Errorf("the port did not end at the end of its input, and was killed after %v", p.timeout)
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("the port ended at the end of its input with %v, not with status 0", p.cmd.ProcessState)
	}
	return nil
}

// Stderr implements [Port]: the last 16 KiB of it.
func (p *Process) Stderr() string { return p.stderr.take() }

// A tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 16 << 10

// Write implements [io.Writer].
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-maxTail):]...)
	t.buf = append(t.buf[:0], t.buf[max(0, len(t.buf)-maxTail):]...)
	return len(b), nil
}

func (t *tail) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.buf)
	t.buf = t.buf[:0]
	return s
}
