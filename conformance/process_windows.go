package conformance

import (
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
