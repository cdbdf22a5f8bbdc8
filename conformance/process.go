package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// A Process is a port that runs as a process, with its standard input and output as the line. It and whatever it
// starts are one process group, which is killed when it hangs, when it ends and when it is closed. It is not safe for
// concurrent use, but for Kill.
type Process struct {
	command []string
	timeout time.Duration

	mu    sync.Mutex
	group *os.Process // what Kill kills; nil: nothing

	cmd    *exec.Cmd // nil: not started
	stdin  io.WriteCloser
	lines  chan output
	over   chan struct{} // closed when nobody reads lines any more
	ended  chan struct{} // closed when cmd has been waited for, its group killed, and its standard error read
	broken bool          // Call has said what became of it
	stderr tail
	pipes  [2]*os.File // our ends of its output and standard error
}

// NewProcess returns a port that Start starts as command: the name of a program, which is not left out, and its
// arguments. A reply that takes longer than timeout is a [Hang].
func NewProcess(timeout time.Duration, command ...string) *Process {
	return &Process{command: command, timeout: timeout}
}

// output is what the port wrote: a line, or what it had written of one when its output ended.
type output struct {
	line []byte
	err  error // nil for a whole line
}

var errLong = fmt.Errorf("a line of more than %d bytes", maxLine)

// maxRest is how long the standard error of a port that has ended can stay open, in what it started outside of its group.
const maxRest = 250 * time.Millisecond

// Start starts the process, after it has ended one that runs.
func (p *Process) Start() error {
	p.stop()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	// Pipes of our own: Wait would close those of cmd, and with them throw away what the port wrote last.
	var ours, theirs [2]*os.File
	for i := range ours {
		if ours[i], theirs[i], err = os.Pipe(); err != nil {
			break
		}
	}
	if err == nil {
		cmd.Stdout, cmd.Stderr = theirs[0], theirs[1]
		err = cmd.Start()
	}
	for _, f := range theirs {
		f.Close() // nil is an error too
	}
	if err != nil {
		stdin.Close()
		for _, f := range ours {
			f.Close()
		}
		return err
	}
	p.mu.Lock()
	p.group = cmd.Process
	p.mu.Unlock()

	lines, over, ended := make(chan output, 1), make(chan struct{}), make(chan struct{})
	p.cmd, p.stdin, p.lines, p.over, p.ended, p.broken, p.pipes = cmd, stdin, lines, over, ended, false, ours
	go func() {
		r := bufio.NewReader(ours[0])
		for {
			line, err := readLine(r)
			if err == io.EOF && json.Valid(line) {
				err = nil // a last line without a line feed counts; the end comes after it
			}
			select {
			case lines <- output{line, err}:
			case <-over:
				return
			}
			if err != nil {
				ours[0].Close()
				return
			}
		}
	}()
	said := make(chan struct{})
	p.stderr.open(ours[1])
	go func() {
		p.stderr.fill(ours[1])
		close(said)
	}()
	go func() {
		cmd.Wait() // its error is in cmd.ProcessState
		p.mu.Lock()
		killGroup(cmd.Process)
		if p.group == cmd.Process {
			p.group = nil // its number can be another's from now on
		}
		p.mu.Unlock()
		select {
		case <-said:
		case <-time.After(maxRest):
		}
		close(ended)
	}()
	return nil
}

// stop kills what runs and lets go of it.
func (p *Process) stop() {
	if p.cmd == nil {
		return
	}
	p.Kill()
	close(p.over)
	p.stdin.Close()
	for _, f := range p.pipes {
		f.Close()
	}
	p.cmd = nil
}

// readLine reads a line and takes off its end, a line feed and a carriage return before it.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		}
		if len(line) > maxLine+1 || len(line) > maxLine && (err == nil || line[maxLine] != '\r') {
			return line, errLong
		}
		if err == nil {
			return line, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// Call implements [Port].
func (p *Process) Call(request []byte) ([]byte, error) {
	reply, err := p.call(request)
	p.broken = err != nil
	return reply, err
}

func (p *Process) call(request []byte) ([]byte, error) {
	if p.cmd == nil {
		return nil, &Broken{NotRun, "the port is not started"}
	}
	select {
	case out := <-p.lines:
		if out.err == nil {
			p.Kill()
			return nil, &Broken{Noise, "wrote before it was asked: " + short(string(out.line))}
		}
		return nil, p.verdict(out)
	default:
	}
	go p.stdin.Write(append(bytes.Clone(request), '\n')) // a port that does not read must not stop us; an error shows as an end of output
	limit := time.NewTimer(p.timeout)
	defer limit.Stop()
	select {
	case out := <-p.lines:
		if out.err == nil {
			return out.line, nil
		}
		return nil, p.verdict(out)
	case <-limit.C:
		p.Kill()
		return nil, &Broken{Hang, fmt.Sprintf("no answer within %v%s", p.timeout, half(p.rest()))}
	}
}

// verdict says how an output came to its end.
func (p *Process) verdict(out output) *Broken {
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

// rest returns the end of the output of a port that was killed, after its standard error has ended.
func (p *Process) rest() output {
	limit := time.After(time.Second)
	var last output
	lines, ended := p.lines, p.ended
	for lines != nil || ended != nil {
		select {
		case out := <-lines:
			if out.err != nil {
				last, lines = out, nil
			}
		case <-ended:
			ended = nil
		case <-limit:
			return last
		}
	}
	return last
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
	defer p.mu.Unlock()
	if p.group != nil {
		killGroup(p.group)
	}
}

// Close ends the input of the process and waits for it to end, as long as for a reply. error: it does not end, or not
// with status 0. A port of which Call has said that it is broken is killed without a word.
func (p *Process) Close() error {
	if p.cmd == nil {
		return nil
	}
	defer p.stop()
	if p.broken {
		return nil
	}
	p.stdin.Close()
	limit := time.After(p.timeout)
	for {
		select {
		case <-p.lines: // it can be busy with writing what nobody asked for
		case <-p.ended:
			if !p.cmd.ProcessState.Success() {
				return fmt.Errorf("the port ended at the end of its input with %v, not with status 0", p.cmd.ProcessState)
			}
			return nil
		case <-limit:
			return fmt.Errorf("the port did not end at the end of its input, and was killed after %v", p.timeout)
		}
	}
}

// Stderr implements [Port]: the last 16 KiB of it.
func (p *Process) Stderr() string { return p.stderr.take() }
