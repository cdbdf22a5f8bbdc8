package conformance_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/conformance"
)

// A place is a call of fail in package wire, which makes every error there.
type place struct {
	file       string
	line       int
	start, end int // of the return statement that the call stands in
	call       string
}

// places returns every call of fail in the non-test files of dir. Each stands in a return statement of its own.
func places(t *testing.T, dir string) []place {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []place
	calls := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		offset := func(p token.Pos) int { return files.Position(p).Offset }
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && fmt.Sprint(lit.Type) == "Error" && filepath.Base(name) != "error.go" {
				t.Errorf("%s makes an Error without fail", files.Position(n.Pos()))
			}
			if call, ok := n.(*ast.CallExpr); ok && fmt.Sprint(call.Fun) == "fail" {
				calls++
			}
			ret, ok := n.(*ast.ReturnStmt)
			if !ok || len(ret.Results) == 0 {
				return true
			}
			if call, ok := ret.Results[len(ret.Results)-1].(*ast.CallExpr); ok && fmt.Sprint(call.Fun) == "fail" {
				all = append(all, place{name, files.Position(ret.Pos()).Line, offset(ret.Pos()), offset(ret.End()), string(src[offset(call.Pos()):offset(call.End())])})
			}
			return true
		})
	}
	if len(all) != calls {
		t.Fatalf("%d of %d calls of fail stand at the end of a return statement", len(all), calls)
	}
	return all
}

// TestErrorsAreNeeded takes each place in package wire that makes an error, makes it not make it, and lets the suite
// judge the port that comes out. The vectors have to see it: by a wrong answer, or, where the code behind the check
// relies on it, by a crash at that vector. With -v it prints the number of places, and how many vectors saw each.
func TestErrorsAreNeeded(t *testing.T) {
	all := places(t, "../wire")
	if len(all) < 20 {
		t.Fatalf("%d places make errors: too few to be true", len(all))
	}
	s := load(t)
	seen := 0
	for _, p := range all {
		name := fmt.Sprintf("%s:%d", filepath.Base(p.file), p.line)
		r := judgeWithout(t, s, p)
		wrong, broke := 0, 0
		for _, result := range r.Results {
			switch result.Verdict {
			case conformance.Passed:
			case conformance.Failed:
				wrong++
			default:
				broke++
			}
		}
		t.Logf("%-12s without %-58s %3d vectors answered wrongly, %d broke the port", name, p.call, wrong, broke)
		if wrong+broke == 0 {
			t.Errorf("%s: without %s every vector passes", name, p.call)
			continue
		}
		seen++
	}
	t.Logf("%d places make an error in package wire; the vectors miss it at %d of them when it is gone", len(all), seen)
}

// judgeWithout builds the reference without the error at p, and judges it.
func judgeWithout(t *testing.T, s *conformance.Suite, p place) *conformance.Report {
	t.Helper()
	src, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, "mutant.go")
	text := string(src[:p.start]) + "_ = " + p.call + string(src[p.end:])
	if err := os.WriteFile(mutant, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(p.file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "conform.exe")
	if err := os.WriteFile(overlayFile, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-overlay", overlayFile, "-o", program, "./cmd/conform")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s:%d: the mutant does not build: %v\n%s", p.file, p.line, err, out)
	}
	port := conformance.NewProcess(5*time.Second, program, "port")
	r, err := s.Judge(port, nil)
	if err != nil {
		t.Fatal(err)
	}
	port.Kill() // a mutant can have crashed: how it ends does not matter
	return r
}
