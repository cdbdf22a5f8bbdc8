// Conform judges whether an implementation of the Call Data Channel Protocol keeps to SPEC.md, and explains frames.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

// The exit classes. They are those of the built program: go run turns all but 0 into 1.
const (
	exitConforms   = 0
	exitDoesNot    = 1 // also: inspect was given a bad frame
	exitUsage      = 2
	exitNotStarted = 3 // the port did not start, or failed the probes at the start
	exitSuite      = 4 // the suite itself failed: vectors that cannot be read, a report that cannot be written
	exitNothingRan = 5
)

// defaultTimeout is how long a reply can take, if --timeout does not say.
const defaultTimeout = 10 * time.Second

const usage = `conform judges an implementation of the Call Data Channel Protocol.

  conform                                 judge the built-in reference
  conform run [flags] -- COMMAND ARG...   judge a port, a program that speaks cdcp-port/1
  conform run [flags]                     judge the built-in reference
  conform list                            list cases and clauses
  conform inspect HEX                     explain a frame, byte by byte; without HEX, read it from the input
  conform port                            be a port: the reference, over the standard input and output

Flags of run:
  --only PATTERN    only cases whose id, or a clause of which, matches: 'close-*', WIRE-015
  --timeout 10s     how long a reply can take before it counts as a hang
  --json FILE       write the results to FILE too, in JSON
  --junit FILE      write the results to FILE too, in the XML of JUnit

Exit status: 0 conforms, 1 does not (or: the frame is refused), 2 usage, 3 the port did not start,
4 the suite failed, 5 nothing ran.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"run"}
	}
	switch command, args := args[0], args[1:]; command {
	case "run":
		return judge(args, stdout, stderr)
	case "list":
		return list(args, stdout, stderr)
	case "inspect":
		return inspect(args, stdin, stdout, stderr)
	case "port":
		if err := reference.Serve(stdin, stdout); err != nil {
			return fail(stderr, exitSuite, err)
		}
		return exitConforms
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitConforms
	default:
		fmt.Fprintf(stderr, "conform: there is no command %q\n\n%s", command, usage)
		return exitUsage
	}
}

// fail says what went wrong, and returns the exit class.
func fail(stderr io.Writer, class int, err error) int {
	fmt.Fprintln(stderr, "conform:", err)
	return class
}

// judge is conform run.
func judge(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	only := flags.String("only", "", "")
	timeout := flags.Duration("timeout", defaultTimeout, "")
	jsonFile := flags.String("json", "", "")
	junitFile := flags.String("junit", "", "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitConforms
	} else if err != nil {
		return exitUsage
	}
	if *timeout <= 0 {
		fmt.Fprintln(stderr, "conform: --timeout is to be more than 0")
		return exitUsage
	}
	suite, err := conformance.Load(testdata.FS())
	if err != nil {
		return fail(stderr, exitSuite, err)
	}
	if *only != "" {
		if suite, err = suite.Select(*only); err != nil {
			return fail(stderr, exitUsage, err)
		}
		if len(suite.Vectors) == 0 {
			return fail(stderr, exitNothingRan, fmt.Errorf("nothing matches %q; conform list shows what there is", *only))
		}
	}

	command := flags.Args()
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return fail(stderr, exitSuite, err)
		}
		command = []string{self, "port"}
	}
	port := conformance.NewProcess(*timeout, command...)
	stop := killOnInterrupt(port)
	defer stop()
	progress, done := progressTo(stderr)
	report, err := suite.Judge(port, progress)
	done()
	if err != nil {
		port.Kill()
		return fail(stderr, exitNotStarted, err)
	}
	if err := port.Close(); err != nil {
		report.Note = err.Error()
	}
	if flags.NArg() > 0 {
		report.Command = command
	}
	if *timeout != defaultTimeout {
		report.Flags = []string{"--timeout", timeout.String()}
	}

	if err := report.WriteText(stdout, colour(stdout)); err != nil {
		return fail(stderr, exitSuite, err)
	}
	if err := errors.Join(writeFile(*jsonFile, report.WriteJSON), writeFile(*junitFile, report.WriteJUnit)); err != nil {
		return fail(stderr, exitSuite, err)
	}
	if !report.Conforms() {
		return exitDoesNot
	}
	return exitConforms
}

// killOnInterrupt sees to it that an interrupt leaves no port behind.
func killOnInterrupt(port *conformance.Process) (stop func()) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-interrupts; ok {
			port.Kill()
			os.Exit(exitSuite)
		}
	}()
	return func() { signal.Stop(interrupts); close(interrupts) }
}

// writeFile writes a file, if it has a name.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// progressTo returns a function that says on w, once a second, how far a run is, and one that ends it. On a terminal
// it writes over one line.
func progressTo(w io.Writer) (progress func(done, total int), end func()) {
	const every = time.Second
	last, said := time.Now(), false
	before, after := "", "\n"
	if terminal(w) {
		before, after = "\r", ""
	}
	progress = func(done, total int) {
		if now := time.Now(); now.Sub(last) >= every {
			last, said = now, true
			fmt.Fprintf(w, "%s%d of %d cases%s", before, done, total, after)
		}
	}
	return progress, func() {
		if said && after == "" {
			fmt.Fprint(w, "\r"+strings.Repeat(" ", 32)+"\r")
		}
	}
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colour reports whether to write colours to w: on a terminal that knows them, unless NO_COLOR is set to something.
func colour(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && runtime.GOOS != "windows"
}
