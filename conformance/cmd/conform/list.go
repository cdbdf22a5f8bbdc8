package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/testdata"
)

// list is conform list: every case, then every clause with the cases that prove it.
func list(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintf(stderr, "conform: list has no arguments\n\n%s", usage)
		return exitUsage
	}
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		return fail(stderr, exitSuite, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases\n\n", len(s.Vectors))
	for _, v := range s.Vectors {
		what := "accepted"
		if v.Error != nil {
			what = fmt.Sprintf("refused: %s at %d", s.Spec.Error(v.Error.Code).Name, v.Error.Offset)
		}
		fmt.Fprintf(&b, "%-40s %s\n  %s\n  %s\n", v.ID, what, v.Comment, strings.Join(v.Clauses, " "))
	}
	fmt.Fprintf(&b, "\n%d clauses\n\n", len(s.Spec.Clauses))
	for _, c := range s.Spec.Clauses {
		accepted, refused := 0, 0
		for _, v := range s.Vectors {
			if slices.Contains(v.Clauses, c.ID) {
				if v.Error == nil {
					accepted++
				} else {
					refused++
				}
			}
		}
		proof := fmt.Sprintf("%d accepted and %d refused cases", accepted, refused)
		if c.Reason != "" {
			proof = "no cases: " + c.Reason
		}
		fmt.Fprintf(&b, "%s  %s\n  %s\n", c.ID, proof, c.Text)
	}
	if _, err := io.WriteString(stdout, b.String()); err != nil {
		return fail(stderr, exitSuite, err)
	}
	return exitConforms
}
