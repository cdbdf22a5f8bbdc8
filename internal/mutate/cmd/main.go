// The program mutate is what scripts/mutate runs, in the root of the module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cdcp-project/cdcp/internal/mutate"
)

const (
	list = "internal/mutate/equivalent.txt"
	jobs = 2
)

type options struct {
	sample  int
	seed    uint64
	files   string
	skip    string
	run     string
	timeout time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.sample, "sample", 0, "judge `N` mutants, drawn at random; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "draw by this `number`")
	flag.StringVar(&o.files, "files", "", "`names` of files of the package, with commas; \"\": all")
	flag.StringVar(&o.skip, "skip", "", "leave out the functions and methods whose whole name matches this `pattern`")
	flag.StringVar(&o.run, "run", ".", "run the tests that match this `pattern`")
	flag.DurationVar(&o.timeout, "timeout", 20*time.Second, "how long the tests of a package can take")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: scripts/mutate [flags] PACKAGE [TEST-PACKAGES...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, flag.Arg(0), flag.Args()[min(1, flag.NArg()-1):])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// run judges mutants of a package by the tests of others, and prints what comes out.
func run(ctx context.Context, o options, path string, tests []string) error {
	skip, err := regexp.Compile("^(?:" + o.skip + ")$")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	equivalent, err := mutate.ParseEquivalent(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	p, err := mutate.Find(ctx, path)
	if err != nil {
		return err
	}
	judge, err := mutate.Tests(ctx, tests, o.run, o.timeout)
	if err != nil {
		return err
	}

	faults := 0 // of the list, and survivors
	fault := func(format string, args ...any) {
		fmt.Printf(format+"\n\n", args...)
		faults++
	}
	var mutants []mutate.Mutant
	skipped := 0
	for _, name := range p.GoFiles {
		if o.files != "" && !slices.Contains(strings.Split(o.files, ","), name) {
			continue
		}
		all, unknown, err := enumerate(root, filepath.Join(p.Dir, name), equivalent)
		if err != nil {
			return err
		}
		for _, c := range unknown {
			fault("listed in %s, and not there any more:\n%s", list, c)
		}
		for _, m := range all {
			if skip.MatchString(m.Func[strings.LastIndexByte(m.Func, '.')+1:]) {
				skipped++
			} else {
				mutants = append(mutants, m)
			}
		}
	}
	fmt.Printf("%s: %d mutants", p.ImportPath, len(mutants))
	if skipped > 0 {
		fmt.Printf(", besides %d in functions that -skip '%s' names", skipped, o.skip)
	}
	if o.sample > 0 && o.sample < len(mutants) {
		rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
		mutants = mutants[:o.sample]
		fmt.Printf("; %d of them, by seed %d", o.sample, o.seed)
	}
	fmt.Print("\n\n")

	count := make(map[mutate.Verdict]int)
	done, listed := 0, 0
	err = mutate.Run(ctx, root, mutants, jobs, judge, func(m *mutate.Mutant, v mutate.Verdict) {
		count[v]++
		done++
		fmt.Fprintf(os.Stderr, "\r%d of %d ", done, len(mutants))
		reason, isListed := equivalent[m.Change]
		switch {
		case isListed && v == mutate.Survived:
			listed++
		case isListed:
			fault("%s:%d %s, but listed in %s (%s):\n%s", m.File, m.Line, v, list, reason, m.Change)
		case v == mutate.Survived:
			fault("%s:%d survived:\n%s", m.File, m.Line, m.Change)
		}
	})
	fmt.Fprintln(os.Stderr)
	fmt.Printf("%d killed, %d survived, %d of these listed as equivalent, %d did not compile\n",
		count[mutate.Killed], count[mutate.Survived], listed, count[mutate.NotCompiled])
	if err != nil {
		return err
	}
	if faults > 0 {
		return errors.New("there are survivors, or faults in the list")
	}
	return nil
}

// enumerate returns the mutants of a file, and what the list has of it that is none of them.
func enumerate(root, path string, equivalent map[mutate.Change]string) (mutants []mutate.Mutant, unknown []mutate.Change, err error) {
	name, err := filepath.Rel(root, path)
	if err != nil {
		return nil, nil, err
	}
	name = filepath.ToSlash(name)
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	mutants, err = mutate.Enumerate(name, src)
	for c := range equivalent {
		if c.File == name && !slices.ContainsFunc(mutants, func(m mutate.Mutant) bool { return m.Change == c }) {
			unknown = append(unknown, c)
		}
	}
	return mutants, unknown, err
}
