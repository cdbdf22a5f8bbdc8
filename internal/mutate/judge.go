package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// A Verdict is what became of a mutant.
type Verdict string

// The verdicts.
const (
	Killed      Verdict = "killed"          // it was noticed
	Survived    Verdict = "survived"        // it was not
	NotCompiled Verdict = "did not compile" // it is no program
)

// A Judge says whether the change that an overlay makes is noticed. overlay is a file for the flag of that name of the go command. A
// Judge is called several times at once.
type Judge func(ctx context.Context, overlay string) (Verdict, error)

// Tests returns a judge that runs tests of packages: in short mode, up to the first failure, and each package for no longer than
// timeout, since a mutant can go on for ever. run is the pattern of the tests.
func Tests(ctx context.Context, packages []string, run string, timeout time.Duration) (Judge, error) {
	var list []Package
	for _, name := range packages {
		p, err := Find(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return func(ctx context.Context, overlay string) (Verdict, error) {
		for _, p := range list {
			program := overlay + ".test"
			build := exec.CommandContext(ctx, "go", "test", "-c", "-p", "1", "-ldflags", "-s -w", "-overlay", overlay, "-o", program, p.ImportPath)
			build.Dir = p.Dir
			if err := build.Run(); err != nil {
				return NotCompiled, ctx.Err()
			}
			if ok, err := passes(ctx, timeout, p.Dir, program, "-test.short", "-test.failfast", "-test.run", run); err != nil || !ok {
				return Killed, err
			}
		}
		return Survived, nil
	}, nil
}

// passes reports whether a program ends well in time.
func passes(ctx context.Context, timeout time.Duration, dir, program string, args ...string) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := exec.CommandContext(limited, program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "RAPID_NOFAILFILE=1") // rapid writes a file for each test that fails
	err := c.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return false, err
	}
	return err == nil, ctx.Err()
}

// A Package is what the go command knows of a package.
type Package struct {
	ImportPath string
	Dir        string
	GoFiles    []string // without tests
}

// Find returns the package that a path stands for.
func Find(ctx context.Context, path string) (p Package, err error) {
	list := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Dir,GoFiles", path)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return p, fmt.Errorf("go list %s: %w", path, err)
	}
	return p, json.NewDecoder(bytes.NewReader(out)).Decode(&p)
}

// Run puts mutants of files below dir to the judge, jobs of them at a time, and calls report with each verdict, in the order in
// which they come. error: the judge finds fault where nothing is changed, cannot go on, or ctx has ended.
func Run(ctx context.Context, dir string, mutants []Mutant, jobs int, judge Judge, report func(*Mutant, Verdict)) error {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	put := func(name string, replace map[string]string) (Verdict, error) {
		b, err := json.Marshal(map[string]any{"Replace": replace})
		if err != nil {
			return "", err
		}
		overlay := filepath.Join(work, name+".json")
		if err := os.WriteFile(overlay, b, 0o600); err != nil {
			return "", err
		}
		defer os.Remove(overlay + ".test")
		return judge(ctx, overlay)
	}
	if v, err := put("unchanged", map[string]string{}); err != nil || v != Survived {
		return fmt.Errorf("the package unchanged: %s, %v", v, err)
	}
	one := func(i int) (Verdict, error) {
		m := &mutants[i]
		changed := filepath.Join(work, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(changed, m.Source(), 0o600); err != nil {
			return "", err
		}
		return put(fmt.Sprint(i), map[string]string{filepath.Join(dir, filepath.FromSlash(m.File)): changed})
	}
	var (
		wait   sync.WaitGroup
		lock   sync.Mutex
		next   int
		failed error
	)
	for range jobs {
		wait.Go(func() {
			for {
				lock.Lock()
				i := next
				next++
				stop := i >= len(mutants) || failed != nil
				lock.Unlock()
				if stop {
					return
				}
				v, err := one(i)
				lock.Lock()
				if err != nil {
					failed = err
				} else {
					report(&mutants[i], v)
				}
				lock.Unlock()
			}
		})
	}
	wait.Wait()
	return failed
}
