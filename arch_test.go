package cdcp_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cdcp-project/cdcp"

// library has the packages that users build on, and everything that each of them imports: the standard library,
// without clocks to read and without I/O, and the packages before it. A package that is not here is no part of the
// library.
var library = map[string][]string{
	module: {"container/heap", "encoding/binary", "io", "iter", "math", "math/bits", "slices", "strconv", "time",
		module + "/fragment", module + "/sequencer", module + "/wire"},
	module + "/fragment":  {"bytes", "encoding/binary", "math/bits", "slices", "strconv", "time", module + "/wire"},
	module + "/sequencer": {"math/bits", "time", module + "/wire"},
	module + "/wire":      {"encoding/binary", "iter", "slices", "strconv", "strings"},
}

// judges has the packages of the suite and for tests, and which of ours each imports.
var judges = map[string][]string{
	module + "/testdata":                {},
	module + "/conformance":             {module + "/testdata"}, // neither cdcp nor wire: a judge that shares code with the judged proves nothing
	module + "/conformance/reference":   {module, module + "/wire"},
	module + "/cdcptest":                {module, module + "/wire"},
	module + "/internal/floor":          {},
	module + "/internal/mutate":         {},
	module + "/internal/mutate/cmd":     {module + "/internal/mutate"},
	module + "/conformance/cmd/conform": {module + "/conformance", module + "/conformance/reference", module + "/testdata", module + "/wire"},
}

// forbidden are the names of the standard library that make a package impure, in packages that it is otherwise fine
// to import.
var forbidden = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
}

type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// TestArchitecture holds the packages against the rules of ARCHITECTURE.md: the library is pure, and imports run one way.
func TestArchitecture(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...", "./testdata").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if allowed, ok := judges[p.ImportPath]; ok {
			seen++
			for _, path := range p.Imports {
				if strings.HasPrefix(path, module) && !slices.Contains(allowed, path) {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			}
			continue
		}
		allowed, ok := library[p.ImportPath]
		if !ok && len(p.GoFiles) > 0 {
			t.Errorf("%s is in no list of this test", p.ImportPath)
			continue
		}
		if ok {
			seen++
		}
		set := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(set, p.Dir+"/"+name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		for _, fault := range impurities(set, p.ImportPath, files, allowed) {
			t.Error(fault)
		}
	}
	if want := len(library) + len(judges); seen != want {
		t.Errorf("%d packages were found, %d are listed", seen, want)
	}
}

// impurities says what in the files of a library package depends on something other than its arguments.
func impurities(set *token.FileSet, path string, files []*ast.File, allowed []string) []string {
	var faults []string
	fault := func(n ast.Node, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s: %s", set.Position(n.Pos()), fmt.Sprintf(format, args...)))
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	check := types.Config{Importer: importer.ForCompiler(set, "source", nil), Error: func(err error) { faults = append(faults, err.Error()) }}
	check.Check(path, set, files, info) // its errors are in faults
	for _, f := range files {
		for _, spec := range f.Imports {
			if name, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(allowed, name) {
				fault(spec, "imports %s", name)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				fault(n, "starts a goroutine")
			case *ast.SelectStmt, *ast.ChanType:
				fault(n, "uses a channel")
			case *ast.RangeStmt:
				if typ := info.TypeOf(n.X); typ != nil {
					if _, ok := typ.Underlying().(*types.Map); ok {
						fault(n, "ranges over a map, whose order differs from run to run")
					}
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") && info.Uses[id] == types.Universe.Lookup(id.Name) {
					fault(n, "prints")
				}
			case *ast.SelectorExpr:
				if obj := info.Uses[n.Sel]; obj != nil && obj.Pkg() != nil && slices.Contains(forbidden[obj.Pkg().Path()], obj.Name()) {
					fault(n, "calls %s.%s", obj.Pkg().Path(), obj.Name())
				}
			}
			return true
		})
	}
	return faults
}

// TestImpurities shows to impurities what it is to find.
func TestImpurities(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`import "os"; var _ = os.Args`, "imports os"},
		{`func f() { go f() }`, "goroutine"},
		{`var c chan int`, "channel"},
		{`func f() { select {} }`, "channel"},
		{`type m map[int]int; func f(x m) { for range x { } }`, "ranges over a map"},
		{`import "time"; var x = time.Now()`, "calls time.Now"},
		{`import clock "time"; var x = clock.Since`, "calls time.Since"},
		{`func f() { println("x") }`, "prints"},
		{`func f() { undefined() }`, "undefined"},
		{`import "time"; func f(now time.Time, x []int) time.Time { for range x { }; return now.Add(1) }`, ""},
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "planted.go", "package p; "+c.body, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		faults := strings.Join(impurities(set, "p", []*ast.File{f}, []string{"time"}), "\n")
		if !strings.Contains(faults, c.want) || c.want == "" && faults != "" {
			t.Errorf("%q gives %q, want %q in it", c.body, faults, c.want)
		}
	}
}
