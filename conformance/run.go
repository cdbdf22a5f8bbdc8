package conformance

import (
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/testdata"
)

// Run judges an implementation inside its own go test, each case a subtest with the id of its vector. call answers
// one request of cdcp-port/1, a line of JSON without its line feed, with one reply; it is not called twice at the
// same time.
func Run(t *testing.T, call func(request []byte) (reply []byte)) {
	t.Helper()
	s, err := Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Judge(Func(call), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range r.Results {
		t.Run(result.Vector.ID, func(t *testing.T) {
			if result.Verdict != Passed {
				t.Errorf("%s: %s\nsent     %s\nexpected %s\ngot      %s\n%s%s", result.Verdict, result.Vector.Comment,
					short(result.Sent), short(result.Want), short(result.Got), strings.Join(result.Differs, "\n"), result.Detail)
			}
		})
	}
}

// RunScripts puts the scripts to a port, each a subtest with the name of its script.
func RunScripts(t *testing.T, p Port) {
	t.Helper()
	s, err := Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.JudgeScripts(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Run(r.Script.Name, func(t *testing.T) {
			if r.Verdict != Passed {
				t.Errorf("%s: %s\n%s\n%s", r.Verdict, r.Script.Comment, r.Detail, r.Stderr)
			}
		})
	}
}

// Func returns a port that is a function of the same process, as [Run] describes it. It has no standard error and
// needs no start.
func Func(call func(request []byte) (reply []byte)) Port { return function(call) }

type function func([]byte) []byte

func (f function) Call(request []byte) ([]byte, error) { return f(request), nil }
func (f function) Start() error                        { return nil }
func (f function) Stderr() string                      { return "" }
