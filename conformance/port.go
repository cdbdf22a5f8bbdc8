package conformance

// A Port answers the requests of cdcp-port/1.
type Port interface {
	// Call sends one request, a line without its line feed, and returns the reply. An error is a [*Broken], and the
	// port is to be started again before the next Call.
	Call(request []byte) (reply []byte, err error)

	// Start starts the port, or starts it again, from nothing.
	Start() error

	// Stderr returns what the port said on the side since the last Call of Stderr.
	Stderr() string
}

// A Verdict is what became of a case.
type Verdict string

// The verdicts. All but Passed fail the port.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"      // it answered, and the answer is wrong
	Unsupported Verdict = "unsupported" // it says that it does not know the op
	Bug         Verdict = "bug"         // it says that it failed itself
	Crash       Verdict = "crash"       // it ended by a signal or with a status other than 0
	Exit        Verdict = "exit"        // it ended with status 0, or closed its output, in place of an answer
	Hang        Verdict = "hang"        // no answer within the time limit
	Noise       Verdict = "noise"       // a line that is no reply
	WrongID     Verdict = "wrong-id"    // a reply to another request
	NotRun      Verdict = "not-run"     // the port could not be started again, or had been given up
)

// A Broken is the error of a port with which one cannot go on talking. Verdict is Crash, Exit, Hang, Noise or, if it was
// not started, NotRun from a [Port], and also WrongID from a probe.
type Broken struct {
	Verdict Verdict
	Detail  string
}

// Error returns the verdict and the detail.
func (b *Broken) Error() string { return string(b.Verdict) + ": " + b.Detail }

// Identity is what a port says of itself in hello.
type Identity struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Language string `json:"language"`
}
