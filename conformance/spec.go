package conformance

import (
	"encoding/json"
	"fmt"
	"io/fs"
)

// A Clause is one normative sentence of SPEC.md.
type Clause struct {
	ID      string `json:"id"`      // WIRE-001
	Keyword string `json:"keyword"` // MUST or MUST NOT
	Section string `json:"section"` // number and title
	Text    string `json:"text"`    // without the id, in one line
	Reason  string `json:"reason"`  // why no case proves it: definition, host, binding; "" if cases do
}

// An ErrorCode is a row of SPEC.md section 7.
type ErrorCode struct {
	Code int    `json:"code"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// A Cell is a place in the table of SPEC.md section 7.1: the field raises the code by these clauses, or never, for a reason.
type Cell struct {
	Field   string   `json:"field"`
	Code    int      `json:"code"`
	Clauses []string `json:"clauses"` // ids, or none
	Reason  string   `json:"reason"`  // why there are none, else ""
}

// A Transition is a place in a table of SPEC.md section 9: what the input does in the state is decided by these clauses, or there is
// nothing to decide, for a reason.
type Transition struct {
	Machine string   `json:"machine"` // number and title of the section
	State   string   `json:"state"`
	Input   string   `json:"input"`
	Clauses []string `json:"clauses"` // ids, or none
	Reason  string   `json:"reason"`  // why there are none, else ""
}

// A Spec is what SPEC.md says of clauses, errors and machines, as testdata/spec.json holds it. A test keeps the two the same.
type Spec struct {
	Protocol    string       `json:"protocol"` // cdcp.v1
	Clauses     []Clause     `json:"clauses"`
	Errors      []ErrorCode  `json:"errors"`
	Cells       []Cell       `json:"cells"`
	Transitions []Transition `json:"transitions"` // by table, row and column
}

// LoadSpec reads spec.json from fsys, the folder testdata.
func LoadSpec(fsys fs.FS) (*Spec, error) {
	b, err := fs.ReadFile(fsys, "spec.json")
	if err != nil {
		return nil, err
	}
	var s Spec
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("spec.json: %w", err)
	}
	if len(s.Clauses) == 0 || len(s.Errors) == 0 || len(s.Cells) == 0 || len(s.Transitions) == 0 {
		return nil, fmt.Errorf("spec.json: no clauses, no errors or no cells")
	}
	return &s, nil
}

// Clause returns the clause with that id, or nil.
func (s *Spec) Clause(id string) *Clause {
	for i := range s.Clauses {
		if s.Clauses[i].ID == id {
			return &s.Clauses[i]
		}
	}
	return nil
}

// Error returns the error with that code, or nil.
func (s *Spec) Error(code int) *ErrorCode {
	for i := range s.Errors {
		if s.Errors[i].Code == code {
			return &s.Errors[i]
		}
	}
	return nil
}

// Cell returns the cell of that field and code, or nil.
func (s *Spec) Cell(field string, code int) *Cell {
	for i := range s.Cells {
		if s.Cells[i].Field == field && s.Cells[i].Code == code {
			return &s.Cells[i]
		}
	}
	return nil
}
