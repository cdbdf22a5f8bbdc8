//go:build !unix && !windows

package conformance

import (
	"os"
	"os/exec"
)

// ownGroup does nothing: there are no process groups here.
func ownGroup(*exec.Cmd) {}

// killGroup kills leader alone.
func killGroup(leader *os.Process) { _ = leader.Kill() }
