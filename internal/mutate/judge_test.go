package mutate_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/internal/mutate"
)

// write makes files in a new folder, and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// judge runs the mutants of p.go in dir, and returns the verdict on each by what comes in place of the line.
func judge(t *testing.T, dir, src string, j mutate.Judge) (map[string]mutate.Verdict, error) {
	t.Helper()
	mutants, err := mutate.Enumerate("p.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]mutate.Verdict)
	err = mutate.Run(t.Context(), dir, mutants, 2, j, func(m *mutate.Mutant, v mutate.Verdict) { got[m.New] = v })
	return got, err
}

func TestTests(t *testing.T) {
	const src = `package p

// Add adds to a what is more than 0.
func Add(a, b int) (sum int) {
	sum = a
	for range max(b, 0) {
		sum++
	}
	return sum
}
`
	dir := write(t, map[string]string{
		"go.mod": "module p\n\ngo 1.26\n",
		"p.go":   src,
		"p_test.go": `package p

import "testing"

func TestAdd(t *testing.T) {
	if Add(2, 3) != 5 || Add(2, 0) != 2 {
		t.Fail()
	}
}
`,
	})
	t.Chdir(dir)
	j, err := mutate.Tests(t.Context(), []string{"."}, "TestAdd", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := judge(t, dir, src, j)
	want := map[string]mutate.Verdict{
		"":                          mutate.Killed, // no a, and no step
		"for range min(b, 0) {":     mutate.Killed,
		"for range max(b, (0+1)) {": mutate.Killed,
		"for range max(b, (0-1)) {": mutate.Survived,
		"sum--":                     mutate.Killed,
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}

	// A time that is over before it begins.
	if j, err = mutate.Tests(t.Context(), []string{"."}, "TestAdd", 1); err != nil {
		t.Fatal(err)
	}
	if got, err := judge(t, dir, src, j); err == nil {
		t.Errorf("tests that take too long do not fail: %v", got)
	}
}

// TestRun shows what a judge gets, and what stops it.
func TestRun(t *testing.T) {
	const src = "package p\n\nfunc f() {\n\tg(1)\n}\n"
	dir := write(t, map[string]string{"p.go": src})
	noticed := func(_ context.Context, overlay string) (mutate.Verdict, error) {
		b, err := os.ReadFile(overlay)
		if err != nil {
			return "", err
		}
		var x struct{ Replace map[string]string }
		if err := json.Unmarshal(b, &x); err != nil || len(x.Replace) == 0 {
			return mutate.Survived, err
		}
		changed, err := os.ReadFile(x.Replace[filepath.Join(dir, "p.go")])
		switch {
		case err != nil:
			return "", err
		case strings.Contains(string(changed), "(1+1)"):
			return mutate.NotCompiled, nil
		case strings.Contains(string(changed), "g("):
			return mutate.Killed, nil
		}
		return mutate.Survived, nil
	}
	want := map[string]mutate.Verdict{"": mutate.Survived, "g((1-1))": mutate.Killed, "g((1+1))": mutate.NotCompiled}
	if got, err := judge(t, dir, src, noticed); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}

	for _, v := range []mutate.Verdict{mutate.Killed, mutate.NotCompiled} {
		got, err := judge(t, dir, src, func(context.Context, string) (mutate.Verdict, error) { return v, nil })
		if err == nil || len(got) > 0 {
			t.Errorf("a package that is %s unchanged is judged: %v", v, got)
		}
	}
	broken := errors.New("broken")
	calls := make(chan int, 9)
	got, err := judge(t, dir, src, func(ctx context.Context, overlay string) (mutate.Verdict, error) {
		calls <- 1
		if len(calls) > 1 {
			return "", broken
		}
		return mutate.Survived, nil
	})
	if !errors.Is(err, broken) || len(got) > 0 {
		t.Errorf("%v, %v, want %v", got, err, broken)
	}
}

// TestFind shows that a package is found, with its files that are no tests.
func TestFind(t *testing.T) {
	p, err := mutate.Find(t.Context(), ".")
	if err != nil || !strings.HasSuffix(p.ImportPath, "/internal/mutate") || !slices.Equal(p.GoFiles, []string{"equivalent.go", "judge.go", "mutate.go"}) {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := mutate.Find(t.Context(), "./nothing"); err == nil {
		t.Errorf("%+v", p)
	}
}
