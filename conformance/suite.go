package conformance

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// A Suite is what a port is judged by.
type Suite struct {
	Spec    *Spec
	Vectors []Vector
	Scripts []Script
	Part    string // the pattern that selected the vectors and scripts; "": all of them are here
}

// Load reads a suite from fsys, the folder testdata: spec.json, vectors/*.jsonl, and scripts/*.txt, of which there can be none. It
// refuses a folder without vectors, what is neither a vector nor a script, repeated ids and names, and a base or a clause that does
// not exist.
func Load(fsys fs.FS) (*Suite, error) {
	spec, err := LoadSpec(fsys)
	if err != nil {
		return nil, err
	}
	vectors, err := loadVectors(fsys)
	if err != nil {
		return nil, err
	}
	scripts, err := loadScripts(fsys)
	if err != nil {
		return nil, err
	}
	s := &Suite{Spec: spec, Vectors: vectors, Scripts: scripts}
	for _, v := range vectors {
		if len(v.Clauses) == 0 {
			return nil, fmt.Errorf("%s cites no clause", v.ID)
		}
		for _, id := range v.Clauses {
			if spec.Clause(id) == nil {
				return nil, fmt.Errorf("%s cites %s, which SPEC.md does not have", v.ID, id)
			}
		}
		if base := s.Vector(v.Base); v.Error != nil && (base == nil || base.Error != nil) {
			return nil, fmt.Errorf("%s: its base %q is no accepted vector", v.ID, v.Base)
		}
	}
	for _, x := range scripts {
		for _, id := range x.Clauses {
			if spec.Clause(id) == nil {
				return nil, fmt.Errorf("%s:%d: %s cites %s, which SPEC.md does not have", x.File, x.Line, x.Name, id)
			}
		}
	}
	return s, nil
}

// Vector returns the vector with that id, or nil.
func (s *Suite) Vector(id string) *Vector {
	for i := range s.Vectors {
		if s.Vectors[i].ID == id {
			return &s.Vectors[i]
		}
	}
	return nil
}

// Select returns the part of s whose ids or names, or one of whose clauses, match pattern, in the syntax of [path.Match]:
// "close-*", "WIRE-015". The part can be empty.
func (s *Suite) Select(pattern string) (*Suite, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	matches := func(name string) bool { ok, _ := path.Match(pattern, name); return ok }
	part := &Suite{Spec: s.Spec, Part: pattern}
	for _, v := range s.Vectors {
		if matches(v.ID) || slices.ContainsFunc(v.Clauses, matches) {
			part.Vectors = append(part.Vectors, v)
		}
	}
	for _, x := range s.Scripts {
		if matches(x.Name) || slices.ContainsFunc(x.Clauses, matches) {
			part.Scripts = append(part.Scripts, x)
		}
	}
	return part, nil
}

// A step is one request of a case, and the ok that is to come back.
type step struct {
	op   string
	keys any // of the request, other than id and op: an object in JSON
	want any
}

// steps returns what is asked about v: both directions of an accepted vector, the one that is refused of another.
func (v *Vector) steps() []step {
	var asHex, asFrame map[string]any // keys of a request, and of the ok to the other one
	if v.Hex != nil {
		plain, _ := expand(*v.Hex) // parseVector has seen that it can be
		asHex = map[string]any{"hex": plain}
	}
	if v.Frame != nil {
		f, _ := v.Frame.expand()
		asFrame = map[string]any{"frame": f}
	}
	switch {
	case v.Error == nil:
		return []step{
			{"decode", asHex, value(asFrame)},
			{"encode", asFrame, value(asHex)},
		}
	case v.Hex != nil:
		return []step{{"decode", asHex, v.Error.want()}}
	}
	return []step{{"encode", asFrame, v.Error.want()}}
}

func (f *Fault) want() any {
	return value(map[string]any{"error": map[string]int{"code": f.Code, "offset": f.Offset}})
}
