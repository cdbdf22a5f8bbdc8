//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestInterrupt: an interrupt ends the program while it waits for a port, and leaves no port behind.
func TestInterrupt(t *testing.T) {
	lives := filepath.Join(t.TempDir(), "lives")
	cmd := exec.Command(program, "run", "--timeout", "1m", "--", self, lives)
	cmd.Env = append(os.Environ(), portMode+"=stuck")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	soon := func(what string, done func() bool) {
		t.Helper()
		for began := time.Now(); !done(); time.Sleep(time.Millisecond) {
			if time.Since(began) > 50*time.Second {
				cmd.Process.Kill()
				t.Fatalf("%s does not happen", what)
			}
		}
	}
	var port int
	soon("the first case", func() bool {
		b, err := os.ReadFile(lives)
		if err != nil {
			return false
		}
		port, err = strconv.Atoi(string(b))
		return err == nil
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // its error is in cmd.ProcessState
	if class := cmd.ProcessState.ExitCode(); class != exitSuite {
		t.Errorf("%v, want exit class %d", cmd.ProcessState, exitSuite)
	}
	soon("the end of the port", func() bool { return syscall.Kill(port, 0) == syscall.ESRCH })
}
