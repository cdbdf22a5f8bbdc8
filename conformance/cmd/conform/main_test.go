package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

// portMode names the variable by which this test binary becomes a port that is wrong in one way: a key of ports.
const portMode = "CONFORM_TEST_PORT"

// ports answer a request in a wrong way.
var ports = map[string]func(request []byte) (reply []byte){
	// It gives the offset of trailing bytes as one more. Other cases pass.
	"wrong": func(request []byte) []byte {
		return bytes.Replace(new(reference.Port).Call(request), []byte(`{"code":17,"offset":1`), []byte(`{"code":17,"offset":2`), 1)
	},
	// It cannot encode.
	"decoder": func(request []byte) []byte {
		reply := new(reference.Port).Call(bytes.Replace(request, []byte(`"op":"encode"`), []byte(`"op":"no encode"`), 1))
		return bytes.Replace(reply, []byte(`"no encode"`), []byte(`"encode"`), 1)
	},
	// Bytes do not survive it.
	"lossy": func(request []byte) []byte {
		return bytes.Replace(new(reference.Port).Call(request), []byte("ff"), []byte("fe"), 1)
	},
	// It says in a file, its argument, that it lives, and does not answer to a case.
	"stuck": func(request []byte) []byte {
		if bytes.Contains(request, []byte(`"op":"decode"`)) {
			if err := os.WriteFile(os.Args[1], fmt.Append(nil, os.Getpid()), 0o644); err != nil {
				panic(err)
			}
			time.Sleep(time.Minute)
		}
		return new(reference.Port).Call(request)
	},
	// It ends before it has answered.
	"exit": func([]byte) []byte {
		os.Exit(0)
		return nil
	},
}

var (
	program string // conform, built
	self    string // this test binary
)

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if answer, ok := ports[os.Getenv(portMode)]; ok {
		in := bufio.NewScanner(os.Stdin)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			fmt.Printf("%s\n", answer(in.Bytes()))
		}
		return 0
	}
	dir, err := os.MkdirTemp("", "conform")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "conform")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if self, err = os.Executable(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// conform runs the program, in which this test binary is a port of that mode.
func conform(t *testing.T, mode string, args ...string) (stdout, stderr string, class int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	return finish(t, cmd, mode)
}

func finish(t *testing.T, cmd *exec.Cmd, mode string) (stdout, stderr string, class int) {
	t.Helper()
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Env = append(os.Environ(), portMode+"="+mode)
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			t.Fatal(err)
		}
	}
	if both := o.String() + e.String(); strings.Contains(both, "\x1b") || strings.Contains(both, "panic") {
		t.Errorf("%q writes escape codes to a pipe, or panics:\n%s", cmd.Args, both)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func TestExit(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere", "report")
	for _, c := range []struct {
		class int
		mode  string // of this test binary, which is the port; "": the built-in reference
		args  string // of conform
		want  string // in what it writes, on either side
	}{
		{0, "", "", "conforms to cdcp.v1"},
		{0, "", "run", "conforms to cdcp.v1"},
		{0, "", "run --only close-normal", "passes a part of cdcp.v1"},
		{0, "", "run --only WIRE-015 --timeout 1m", "passes a part of cdcp.v1"},
		{0, "", "run -h", "conform judges"},
		{0, "", "help", "conform judges"},
		{0, "", "--help", "conform judges"},
		{0, "", "list", "WIRE-001"},
		{0, "", "inspect 82 00 0001 00000000 00000000", "accepted: KEEPALIVE, 12 bytes"},
		{1, "wrong", "run --timeout 1m", "does NOT conform to cdcp.v1"},
		{1, "decoder", "run --timeout 1m", "does NOT conform to cdcp.v1"},
		{1, "", "inspect 80 00 03", "refused: error 1, truncated, at offset 2, channel"},
		{2, "", "judge", `there is no command "judge"`},
		{2, "", "--only close-normal", `there is no command "--only"`},
		{2, "", "list all", "list has no arguments"},
		{2, "", "run --speed 3", "flag provided but not defined: -speed"},
		{2, "", "run --only [", `pattern "[": syntax error in pattern`},
		{2, "", "run --timeout 0", "--timeout is to be more than 0"},
		{2, "", "run --timeout soon", `invalid value "soon"`},
		{2, "", "inspect zz", "position 1: 'z' is no hexadecimal digit"},
		{3, "", "run -- " + nowhere, "the port did not start"},
		{3, "exit", "run", "the port did not start: exit: ended with status 0"},
		{3, "lossy", "run", "bytes do not survive"},
		{4, "", "run --only close-normal --json " + nowhere, nowhere},
		{4, "", "run --only close-normal --junit " + nowhere, nowhere},
		{5, "", "run --only nothing-like-this", `nothing matches "nothing-like-this"`},
	} {
		t.Run(c.mode+" "+c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			if c.mode != "" {
				args = append(args, "--", self)
			}
			stdout, stderr, class := conform(t, c.mode, args...)
			if class != c.class || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("exit class %d, want %d and %q in\n%s%s", class, c.class, c.want, stdout, stderr)
			}
			said := regexp.MustCompile(`(?m)^\d+ of \d+ cases\n`).ReplaceAllString(stderr, "") != ""
			if said != (class >= 2 || c.args == "run -h") {
				t.Errorf("exit class %d, and on the side %q", class, stderr)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, arg := range []string{"help", "-h", "-help", "--help"} {
		if stdout, stderr, class := conform(t, "", arg); stdout != usage || stderr != "" || class != exitConforms {
			t.Errorf("conform %s: exit class %d, %q, %q", arg, class, stdout, stderr)
		}
	}
}

func TestList(t *testing.T) {
	s := load(t)
	stdout, _, _ := conform(t, "", "list")
	lines := make(map[string]bool)
	for line := range strings.Lines(stdout) {
		if word, _, _ := strings.Cut(line, " "); word != "" {
			lines[word] = true
		}
	}
	for _, v := range s.Vectors {
		if !lines[v.ID] || !strings.Contains(stdout, "\n  "+v.Comment+"\n") {
			t.Errorf("%s is not listed with its comment", v.ID)
		}
	}
	for _, c := range s.Spec.Clauses {
		if !lines[c.ID] || !strings.Contains(stdout, "\n  "+c.Text+"\n") {
			t.Errorf("%s is not listed with its text", c.ID)
		}
	}
	for _, want := range []string{fmt.Sprintf("%d cases\n", len(s.Vectors)), fmt.Sprintf("\n%d clauses\n", len(s.Spec.Clauses))} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in what conform list says", want)
		}
	}
}

func TestPart(t *testing.T) {
	stdout, _, _ := conform(t, "", "run", "--only", "close-*")
	if want := "A PART of the suite, what matches close-*."; !strings.HasPrefix(stdout, want) {
		t.Errorf("%q is not the first that is said in\n%s", want, stdout)
	}
	stdout, _, _ = conform(t, "", "run")
	if strings.Contains(strings.ToLower(stdout), "part") {
		t.Errorf("all of the suite speaks of a part:\n%s", stdout)
	}
}

// TestReports holds the files of a run against the suite, at ports of which it is known which cases they fail.
func TestReports(t *testing.T) {
	s := load(t)
	for _, mode := range []string{"", "wrong", "decoder"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			jsonFile, junitFile := filepath.Join(dir, "report.json"), filepath.Join(dir, "report.xml")
			args := []string{"run", "--timeout", "1m", "--json", jsonFile, "--junit", junitFile}
			var command []string
			if mode != "" {
				command = []string{self, "an argument"}
				args = append(append(args, "--"), command...)
			}
			conform(t, mode, args...)
			checkJSON(t, jsonFile, s, mode, command)
			checkJUnit(t, junitFile, s, mode)
		})
	}
}

// checkJSON checks a report in JSON, against its schema too.
func checkJSON(t *testing.T, file string, s *conformance.Suite, mode string, command []string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("report.schema.json", readJSON(t, testdata.FS(), "schema/report.schema.json")); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	value := readJSON(t, os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	keys := slices.Sorted(maps.Keys(value.(map[string]any)))
	if want := []string{"cases", "clauses", "note", "pairs", "part", "port", "suite", "totals"}; !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}

	r := readReport(t, file)
	if r.Suite != "cdcp.v1" || r.Port.Name != reference.Name || r.Part != nil || !slices.Equal(r.Port.Command, command) {
		t.Errorf("suite %q, port %q, part %v, command %q, want command %q", r.Suite, r.Port.Name, r.Part, r.Port.Command, command)
	}
	if want := expected(s, mode); r.Tally != want {
		t.Errorf("tally %+v, want %+v", r.Tally, want)
	}
	if len(r.Cases) != len(s.Vectors) {
		t.Fatalf("%d cases, want %d", len(r.Cases), len(s.Vectors))
	}
	for i, c := range r.Cases {
		if v := s.Vectors[i]; c.ID != v.ID || c.Verdict != verdict(v, mode) {
			t.Errorf("case %d is %s: %s, want %s: %s", i, c.ID, c.Verdict, v.ID, verdict(v, mode))
		}
	}
}

// checkJUnit checks a report in XML.
func checkJUnit(t *testing.T, file string, s *conformance.Suite, mode string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		XMLName  xml.Name `xml:"testsuite"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(b, &suite); err != nil {
		t.Fatal(err)
	}
	want := expected(s, mode).Totals
	if suite.Tests != want.Cases || suite.Failures != want.Failed || suite.Errors != want.Unsupported || len(suite.Cases) != want.Cases {
		t.Fatalf("%d tests, %d cases, %d failures, %d errors, want %+v", suite.Tests, len(suite.Cases), suite.Failures, suite.Errors, want)
	}
	for i, c := range suite.Cases {
		v := s.Vectors[i]
		if want := verdict(v, mode); c.Name != v.ID || (c.Failure != nil) != (want == "failed") || (c.Error != nil) != (want == "unsupported") {
			t.Errorf("case %d is %+v, want %s: %s", i, c, v.ID, want)
		}
	}
}

// A report is what the tests read of a report in JSON.
type report struct {
	Suite string
	Port  struct {
		Name    string
		Command []string
	}
	Part *string
	conformance.Tally
	Cases []struct{ ID, Verdict string }
}

func readReport(t *testing.T, file string) (r report) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func readJSON(t *testing.T, fsys fs.FS, name string) any {
	t.Helper()
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verdict returns what is to come of v at the port of that mode.
func verdict(v conformance.Vector, mode string) string {
	switch {
	case mode == "decoder" && (v.Error == nil || v.Hex == nil):
		return "unsupported"
	case mode == "wrong" && v.Error != nil && v.Error.Code == 17 && strings.HasPrefix(fmt.Sprint(v.Error.Offset), "1"):
		return "failed"
	}
	return "passed"
}

// expected returns the tally of the whole suite at the port of that mode.
func expected(s *conformance.Suite, mode string) (t conformance.Tally) {
	failed := make(map[string]bool) // by clause
	for _, v := range s.Vectors {
		t.Totals.Cases++
		switch verdict(v, mode) {
		case "passed":
			t.Totals.Passed++
		case "failed":
			t.Totals.Failed++
		case "unsupported":
			t.Totals.Unsupported++
		}
		if v.Error != nil {
			t.Pairs.Total++
			if verdict(v, mode) == "passed" && verdict(*s.Vector(v.Base), mode) == "passed" {
				t.Pairs.Passed++
			}
		}
		for _, id := range v.Clauses {
			failed[id] = failed[id] || verdict(v, mode) != "passed"
		}
	}
	for _, c := range s.Spec.Clauses {
		if c.Reason == "" && strings.HasPrefix(c.ID, "WIRE-") {
			t.Clauses.Total++
			if !failed[c.ID] {
				t.Clauses.Proven++
			}
		}
	}
	return t
}

// TestRepeat pastes the command that a failing case shows into a shell.
func TestRepeat(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no shell")
	}
	stdout, _, _ := conform(t, "wrong", "run", "--timeout", "1m", "--", self, "two words", "it's", "$HOME *", "")
	failing := regexp.MustCompile(`(?m)^FAIL (\S+): `).FindAllStringSubmatch(stdout, -1)
	repeat := regexp.MustCompile(`(?m)^  repeat   (.*)$`).FindAllStringSubmatch(stdout, -1)
	if want := expected(load(t), "wrong").Totals.Failed; len(failing) != want || len(repeat) != want || want < 2 {
		t.Fatalf("%d failing cases, and %d repeat lines, want %d:\n%s", len(failing), len(repeat), want, stdout)
	}
	t.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for i := range failing[:2] {
		file := filepath.Join(t.TempDir(), "report.json")
		line := strings.Replace(repeat[i][1], "conform run ", "conform run --json '"+file+"' ", 1)
		_, _, class := finish(t, exec.Command(sh, "-c", line), "wrong")
		if class != exitDoesNot {
			t.Errorf("%s: exit class %d", line, class)
		}
		r := readReport(t, file)
		if len(r.Cases) != 1 || r.Cases[0].ID != failing[i][1] || r.Cases[0].Verdict != "failed" || r.Part == nil || *r.Part != failing[i][1] {
			t.Errorf("%s repeats %+v", line, r)
		}
		if want := []string{self, "two words", "it's", "$HOME *", ""}; !slices.Equal(r.Port.Command, want) {
			t.Errorf("%s starts %q, want %q", line, r.Port.Command, want)
		}
	}
}

// TestProgress: a run that takes longer than a second says how far it is, and one that does not says nothing.
func TestProgress(t *testing.T) {
	var b strings.Builder
	progress, end := progressTo(&b)
	began := time.Now()
	for b.Len() == 0 && time.Since(began) < time.Minute {
		progress(3, 7)
		time.Sleep(time.Millisecond)
	}
	if end(); time.Since(began) < time.Second || b.String() != "3 of 7 cases\n" {
		t.Errorf("after %v: %q", time.Since(began), b.String())
	}
}

// TestPort talks to conform port as PORT-PROTOCOL.md shows it.
func TestPort(t *testing.T) {
	const requests = `{"id":1,"op":"hello","protocol":"cdcp-port/1","echo":"00ff7f80"}
{"id":2,"op":"decode","hex":"800003e865000001000000016869"}
{"id":3,"op":"decode","hex":"800003"}
{"id":4,"op":"encode","frame":{"type":"data","durable":true,"high":false,"channel":1,"session":1,"sequence":4,"offset":0,"total":0,"ext":[[1,"0001"]],"reason":0,"payload":""}}
{"id":5,"op":"encode","frame":{"type":"close","durable":false,"high":false,"channel":0,"session":1,"sequence":4,"offset":0,"total":0,"ext":[],"reason":1,"payload":""}}
{"id":6,"op":"zz-7f3e"}`
	replies := []string{
		`{"id":1,"ok":{"protocol":"cdcp-port/1","echo":"00ff7f80","name":"` + reference.Name + `","version":"` + reference.Version + `","language":"Go"}}`,
		`{"id":2,"ok":{"frame":{"type":"data","durable":false,"high":false,"channel":1000,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[],"reason":0,"payload":"6869"}}}`,
		`{"id":3,"ok":{"error":{"code":1,"offset":2}}}`,
		`{"id":4,"ok":{"hex":"8060000100000001000000040401020001"}}`,
		`{"id":5,"ok":{"error":{"code":5,"offset":2}}}`,
		`{"id":6,"unsupported":"zz-7f3e"}`,
	}
	cmd := exec.Command(program, "port")
	cmd.Stdin = strings.NewReader(requests)
	stdout, stderr, class := finish(t, cmd, "")
	if class != exitConforms || stderr != "" {
		t.Errorf("exit class %d, %q", class, stderr)
	}
	lines := strings.SplitAfter(stdout, "\n")
	if len(lines) != len(replies)+1 || lines[len(replies)] != "" {
		t.Fatalf("%d replies are wanted, and this came:\n%s", len(replies), stdout)
	}
	for i, want := range replies {
		if plain(t, lines[i]) != plain(t, want) {
			t.Errorf("reply %s, want %s", lines[i], want)
		}
	}
}

// plain returns a line of JSON with its keys in order.
func plain(t *testing.T, line string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestInspectProgram gives a frame to the program by either way.
func TestInspectProgram(t *testing.T) {
	for _, c := range golden {
		want, wantClass := inspected(t, c.hex)
		stdout, _, class := conform(t, "", "inspect", c.hex)
		cmd := exec.Command(program, "inspect")
		cmd.Stdin = strings.NewReader(c.hex + "\n")
		piped, _, pipedClass := finish(t, cmd, "")
		if stdout != want || piped != want || class != wantClass || pipedClass != wantClass {
			t.Errorf("%s: exit classes %d and %d, want %d, and\n%s\n%s", c.name, class, pipedClass, wantClass, stdout, piped)
		}
	}
}
