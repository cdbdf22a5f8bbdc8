// Package mutate changes a package in one small place at a time, and asks a judge whether it notices. A mutant that nobody
// notices, a survivor, shows a test that is missing, or does the same as the package unchanged. Survivors of the second kind are
// listed in equivalent.txt, with the reason.
//
// scripts/mutate is the program around it.
package mutate

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// A Change is what a mutant looks like, wherever in its file it stands.
type Change struct {
	File string // its path, with slashes
	Func string // Tick, or Window.Check of a method; "file" outside of functions
	Old  string // the line, or the first of the lines, that it changes
	New  string // what comes in its place; "": nothing
	Nth  int    // which of the changes that look the same, from 1 on
}

// String spells c as equivalent.txt has it.
func (c Change) String() string {
	s := c.File + " " + c.Func
	if c.Nth > 1 {
		s += fmt.Sprintf(" #%d", c.Nth)
	}
	s += "\n- " + c.Old
	if c.New != "" {
		s += "\n+ " + c.New
	}
	return s
}

// A Mutant is a change in its place.
type Mutant struct {
	Change
	Line int

	src        []byte // the file
	start, end int    // what text replaces in it
	text       string
}

// Source returns the file with the change.
func (m *Mutant) Source() []byte {
	return slices.Concat(m.src[:m.start], []byte(m.text), m.src[m.end:])
}

// operators has what becomes of each operator: the next one to it, and its negation.
var operators = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
}

// others has what becomes of a name.
var others = map[string]string{"true": "false", "false": "true", "min": "max", "max": "min"}

// Enumerate returns the mutants of a file of Go, in the order of their places. Not all of them compile.
func Enumerate(file string, src []byte) ([]Mutant, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	e := &enumerator{file: file, src: src, files: files}
	for _, d := range parsed.Decls {
		e.name = nameOf(d)
		ast.Inspect(d, e.node)
	}
	slices.SortStableFunc(e.mutants, func(a, b Mutant) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	count := make(map[Change]int)
	for i := range e.mutants {
		c := &e.mutants[i].Change
		count[*c]++
		c.Nth = count[*c]
	}
	return e.mutants, nil
}

// nameOf returns the name of a function as [Change] has it.
func nameOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return "file"
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		default:
			return fmt.Sprint(t) + "." + f.Name.Name
		}
	}
}

// An enumerator collects the mutants of a file.
type enumerator struct {
	file    string
	src     []byte
	files   *token.FileSet
	name    string // of the function
	mutants []Mutant
}

// node adds the mutants of n, apart from those of what is in it.
func (e *enumerator) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		e.operator(n.OpPos, n.Op)
	case *ast.IncDecStmt:
		e.operator(n.TokPos, n.Tok)
		e.remove(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			e.operator(n.TokPos, n.Tok)
			e.remove(n)
		}
	case *ast.ExprStmt:
		e.remove(n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			e.replace(n, "("+n.Value+"+1)")
			e.replace(n, "("+n.Value+"-1)")
		}
	case *ast.CallExpr:
		if name := fmt.Sprint(n.Fun); name == "min" || name == "max" {
			e.replace(n.Fun, others[name])
		}
	case *ast.IfStmt:
		e.negate(n.Cond)
	case *ast.ForStmt:
		e.negate(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, x := range c.(*ast.CaseClause).List {
					e.negate(x)
				}
			}
		}
	case *ast.FuncDecl:
		e.returns(n.Type, n.Body)
	case *ast.FuncLit:
		e.returns(n.Type, n.Body)
	case *ast.ImportSpec:
		return false
	}
	return true
}

func (e *enumerator) operator(at token.Pos, op token.Token) {
	for _, other := range operators[op] {
		e.add(at, at+token.Pos(len(op.String())), other.String())
	}
}

func (e *enumerator) replace(n ast.Node, text string) { e.add(n.Pos(), n.End(), text) }

func (e *enumerator) remove(n ast.Stmt) { e.replace(n, "") }

// negate turns a condition around, which is nil if there is none. A comparison has a mutant that does the same.
func (e *enumerator) negate(x ast.Expr) {
	if x == nil {
		return
	}
	if b, ok := x.(*ast.BinaryExpr); ok && b.Op.Precedence() == token.EQL.Precedence() {
		return
	}
	text := string(e.src[e.offset(x.Pos()):e.offset(x.End())])
	if other, ok := others[text]; ok {
		e.replace(x, other)
	} else {
		e.replace(x, "!("+text+")")
	}
}

// returns turns around what a function returns as a bool.
func (e *enumerator) returns(t *ast.FuncType, body *ast.BlockStmt) {
	if t.Results == nil || body == nil {
		return
	}
	var isBool []bool // for each result
	for _, f := range t.Results.List {
		for range max(1, len(f.Names)) {
			isBool = append(isBool, fmt.Sprint(f.Type) == "bool")
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == len(isBool) {
			for i, x := range r.Results {
				if isBool[i] {
					e.negate(x)
				}
			}
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
}

func (e *enumerator) offset(p token.Pos) int { return e.files.Position(p).Offset }

// add adds the mutant in which text stands from one place to another.
func (e *enumerator) add(from, to token.Pos, text string) {
	m := Mutant{src: e.src, start: e.offset(from), end: e.offset(to), text: text, Line: e.files.Position(from).Line}
	begin := strings.LastIndexByte(string(e.src[:m.start]), '\n') + 1
	line, _, _ := strings.Cut(string(e.src[begin:]), "\n")
	changed, _, _ := strings.Cut(string(m.Source()[begin:]), "\n")
	m.Change = Change{File: e.file, Func: e.name, Old: strings.TrimSpace(line), New: strings.TrimSpace(changed)}
	e.mutants = append(e.mutants, m)
}
