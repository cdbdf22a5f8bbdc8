package mutate_test

import (
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"github.com/cdcp-project/cdcp/internal/mutate"
)

// enumerate returns the mutants of src as p/p.go. Each is a file that can be parsed.
func enumerate(t *testing.T, src string) []mutate.Mutant {
	t.Helper()
	all, err := mutate.Enumerate("p/p.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if _, err := parser.ParseFile(token.NewFileSet(), "", m.Source(), 0); err != nil {
			t.Errorf("%v: %v", m.Change, err)
		}
	}
	return all
}

func TestEnumerate(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"v := a < b", []string{"v := a <= b", "v := a >= b"}},
		{"v := a <= b", []string{"v := a < b", "v := a > b"}},
		{"v := a > b", []string{"v := a >= b", "v := a <= b"}},
		{"v := a >= b", []string{"v := a > b", "v := a < b"}},
		{"v := a == b", []string{"v := a != b"}},
		{"v := a != b", []string{"v := a == b"}},
		{"v := x && y || x", []string{"v := x || y || x", "v := x && y && x"}},
		{"v := a + b - a", []string{"v := a - b - a", "v := a + b + a"}},
		{"v := a * b / a % b & a | b << a", nil},
		{"v := 0x1f", []string{"v := (0x1f+1)", "v := (0x1f-1)"}},
		{"v := 1.5", nil},
		{"v := min(a, max(a, b))", []string{"v := max(a, max(a, b))", "v := min(a, min(a, b))"}},
		{"a++", []string{"", "a--"}},
		{"a--", []string{"", "a++"}},
		{"a = b", []string{""}},
		{"a += b", []string{"", "a -= b"}},
		{"a -= b", []string{"", "a += b"}},
		{"a <<= b", []string{""}},
		{"f(a)", []string{""}},
		{"if x {}", []string{"if !(x) {}"}},
		{"if a < b {}", []string{"if a <= b {}", "if a >= b {}"}},
		{"for true {}", []string{"for false {}"}},
		{"for {}", nil},
		{"switch { case f(x): }", []string{"switch { case !(f(x)): }"}},
		{"switch x { case f(x): }", nil},
		{"v := func() (int, bool) { return a, x }", []string{"v := func() (int, bool) { return a, !(x) }"}},
		{"v := func() bool { return false }", []string{"v := func() bool { return true }"}},
		{"v := func() (x, y bool) { return x, y }", []string{"v := func() (x, y bool) { return !(x), y }", "v := func() (x, y bool) { return x, !(y) }"}},
		{"v := func() bool { g := func() int { return a } }", nil},
		{"v := func() (int, bool) { return f(a) }", nil},
	} {
		src := "package p\n\nimport \"q\"\n\nfunc g() {\n\t" + c.line + "\n}\n"
		var got []string
		for _, m := range enumerate(t, src) {
			if m.Line != 6 || m.Old != c.line || m.File != "p/p.go" || m.Func != "g" {
				t.Errorf("%s: line %d, %+v", c.line, m.Line, m.Change)
			}
			got = append(got, m.New)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%q, want\n%q", c.line, got, c.want)
		}
	}
}

func TestFunc(t *testing.T) {
	for declaration, want := range map[string]string{
		"func f() { g() }":               "f",
		"func (x T) f() { g() }":         "T.f",
		"func (x *T) f() { g() }":        "T.f",
		"func (x *T[K]) f() { g() }":     "T.f",
		"const c = 7":                    "file",
		"var v = func() { g() }":         "file",
		"func f() { _ = func() { g() }}": "f",
	} {
		for _, m := range enumerate(t, "package p; "+declaration) {
			if m.Func != want {
				t.Errorf("%s: %q, want %q", declaration, m.Func, want)
			}
		}
	}
}

// TestNth shows mutants that look the same, and one that spans lines.
func TestNth(t *testing.T) {
	var got []string
	for _, m := range enumerate(t, "package p\n\nfunc f() {\n\tg()\n\tg()\n\th(\n\t\ti,\n\t)\n}\n") {
		got = append(got, m.String())
	}
	if want := []string{"p/p.go f\n- g()", "p/p.go f #2\n- g()", "p/p.go f\n- h("}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEquivalent(t *testing.T) {
	text := "# A comment\n# goes on.\n\np/p.go f #2\n- g()\nIt does\nnothing.\n\n\np/p.go T.f\n- a < b\n+ a <= b\nWhy.\n"
	got, err := mutate.ParseEquivalent(text)
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[mutate.Change]string{
		{File: "p/p.go", Func: "f", Old: "g()", Nth: 2}:                    "It does nothing.",
		{File: "p/p.go", Func: "T.f", Old: "a < b", New: "a <= b", Nth: 1}: "Why.",
	} {
		if got[c] != want {
			t.Errorf("%v: %q, want %q", c, got[c], want)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d are listed", len(got))
	}
	for _, wrong := range []string{
		"p/p.go f", "p/p.go\n- g()\nWhy.", "p/p.go f 2\n- g()\nWhy.", "p/p.go f #0\n- g()\nWhy.", "p/p.go f #x\n- g()\nWhy.",
		"p/p.go f\n+ g()\nWhy.", "p/p.go f\n- g()", "p/p.go f\n- g()\n+ h()", "p/p.go f\n- g()\nWhy.\n\np/p.go f\n- g()\nWhy.",
	} {
		if got, err := mutate.ParseEquivalent(wrong); err == nil {
			t.Errorf("%q is read as %v", wrong, got)
		}
	}
}
