package conformance

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// ownGroup keeps the interrupts of the console from the process, so that the runner decides when it ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup kills leader and all that it started. An error means that there is nothing left of it.
func killGroup(leader *os.Process) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(leader.Pid)).Run()
	_ = leader.Kill()
}

// fill reads pipe until it ends or is closed.
func (t *tail) fill(pipe *os.File) {
	defer pipe.Close()
	_, _ = io.Copy(t, pipe)
}

// latest does nothing: one cannot look into a pipe here without waiting.
func (t *tail) latest() {}
