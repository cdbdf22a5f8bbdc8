//go:build !unix && !windows

package conformance

import (
	"io"
	"os"
	"os/exec"
)

// ownGroup does nothing: there are no process groups here.
func ownGroup(*exec.Cmd) {}

// killGroup kills leader alone.
func killGroup(leader *os.Process) { _ = leader.Kill() }

// fill reads pipe until it ends or is closed.
func (t *tail) fill(pipe *os.File) {
	defer pipe.Close()
	_, _ = io.Copy(t, pipe)
}

// latest does nothing: one cannot look into a pipe here without waiting.
func (t *tail) latest() {}
