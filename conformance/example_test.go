package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

func suite() *conformance.Suite {
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// half is a port that knows decode only.
func half(request []byte) []byte {
	if bytes.Contains(request, []byte(`"op":"encode"`)) {
		var q struct{ ID int64 }
		if err := json.Unmarshal(request, &q); err != nil {
			log.Fatal(err)
		}
		return fmt.Appendf(nil, `{"id":%d,"unsupported":"encode"}`, q.ID)
	}
	return new(reference.Port).Call(request)
}

// halfReport is what becomes of half at one case.
func halfReport() *conformance.Report {
	s, err := suite().Select("close-normal")
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Judge(conformance.Func(half), nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Port.Version = "1.0.0"
	return r
}

// selfPort returns a port that is this program, and answers as the reference does (see TestMain). end takes back what it changed.
func selfPort() (port *conformance.Process, end func()) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	covered := os.Getenv("GOCOVERDIR")
	os.Setenv("GOCOVERDIR", dir) // with coverage it would complain on its standard error
	os.Setenv(behaviourVariable, "right")
	return conformance.NewProcess(time.Minute, self, dir), func() {
		os.Unsetenv(behaviourVariable)
		os.Setenv("GOCOVERDIR", covered)
		os.RemoveAll(dir)
	}
}

func ExampleLoad() {
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Vector("close-normal").Comment)

	_, err = conformance.Load(fstest.MapFS{})
	fmt.Println(err)
	// Output:
	// The session is over after message 3, with reason 0, normal.
	// open spec.json: file does not exist
}

func ExampleLoadSpec() {
	spec, err := conformance.LoadSpec(testdata.FS())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Protocol)
	// Output: cdcp.v1
}

func ExampleSpec_Clause() {
	fmt.Println(suite().Spec.Clause("WIRE-001").Text)
	fmt.Println(suite().Spec.Clause("WIRE-999"))
	// Output:
	// Every integer of more than one byte MUST be carried in network byte order: the most significant byte first.
	// <nil>
}

func ExampleSpec_Error() {
	fmt.Println(suite().Spec.Error(5).Name)
	// Output: bad-channel
}

func ExampleSpec_Cell() {
	spec := suite().Spec
	fmt.Println(spec.Cell("channel", 5).Clauses)
	fmt.Println(spec.Cell("version", 3).Reason)
	// Output:
	// [WIRE-015]
	// the code speaks of another field.
}

func ExampleExpand() {
	b, err := conformance.Expand("80 00 03e8 61*3")
	fmt.Printf("% x %v\n", b, err)
	_, err = conformance.Expand("8")
	fmt.Println(err)
	// Output:
	// 80 00 03 e8 61 61 61 <nil>
	// token "8": not bytes in lower case hexadecimal
}

func ExampleSuite_Vector() {
	v := suite().Vector("close-normal")
	fmt.Println(*v.Hex)
	fmt.Println(v.Frame.Type, v.Frame.Channel)
	// Output:
	// 81 00 03e8 65000001 00000003 0000
	// close 1000
}

func ExampleSuite_Select() {
	s, err := suite().Select("close-nor*")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range s.Vectors {
		fmt.Println(v.ID)
	}
	_, err = s.Select("[")
	fmt.Println(err)
	// Output:
	// close-normal
	// pattern "[": syntax error in pattern
}

func ExampleSuite_Judge() {
	r, err := suite().Judge(conformance.Func(new(reference.Port).Call), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Port.Name, r.Conforms())

	_, err = suite().Judge(conformance.Func(func([]byte) []byte { return []byte("hello!") }), nil)
	fmt.Println(err)
	// Output:
	// cdcp-go true
	// the port did not start: noise: no JSON: hello!
}

func ExampleFunc() {
	port := conformance.Func(new(reference.Port).Call)
	reply, err := port.Call([]byte(`{"id":3,"op":"decode","hex":"800003"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", reply)
	// Output: {"id":3,"ok":{"error":{"code":1,"offset":2}}}
}

func ExampleNewProcess() {
	// The Python port of this repository, from its root.
	port := conformance.NewProcess(2*time.Second, "python3", "conformance/ports/python/port.py")
	report, err := suite().Judge(port, nil)
	if err != nil {
		port.Kill()
		log.Fatal(err)
	}
	if err := port.Close(); err != nil {
		report.Note = err.Error()
	}
	if err := report.WriteText(os.Stdout, false); err != nil {
		log.Fatal(err)
	}
}

func ExampleProcess_Start() {
	port := conformance.NewProcess(2*time.Second, "no-such-program-as-this")
	fmt.Println(port.Start() != nil)
	// Output: true
}

func ExampleProcess_Call() {
	port, end := selfPort()
	defer end()
	if err := port.Start(); err != nil {
		log.Fatal(err)
	}
	reply, err := port.Call([]byte(`{"id":6,"op":"zz-7f3e"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", reply)
	fmt.Println(port.Close())
	// Output:
	// {"id":6,"unsupported":"zz-7f3e"}
	// <nil>
}

func ExampleProcess_Close() {
	port, end := selfPort()
	defer end()
	fmt.Println(port.Close()) // not started
	if err := port.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(port.Close())
	// Output:
	// <nil>
	// <nil>
}

func ExampleProcess_Kill() {
	port, end := selfPort()
	defer end()
	if err := port.Start(); err != nil {
		log.Fatal(err)
	}
	port.Kill()
	fmt.Println(port.Close() != nil)
	// Output: true
}

func ExampleProcess_Stderr() {
	port, end := selfPort()
	defer end()
	if err := port.Start(); err != nil {
		log.Fatal(err)
	}
	if err := port.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", port.Stderr())
	// Output: ""
}

func ExampleReport_Tally() {
	t := halfReport().Tally()
	fmt.Println(t.Totals.Cases, t.Totals.Passed, t.Totals.Unsupported, t.Pairs.Total, t.Clauses.Proven)
	// Output: 1 0 1 0 0
}

func ExampleReport_Conforms() {
	fmt.Println(halfReport().Conforms())
	// Output: false
}

func ExampleReport_WriteText() {
	s, err := suite().Select("close-normal")
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Judge(conformance.Func(new(reference.Port).Call), nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Port.Version = "1.0.0"
	if err := r.WriteText(os.Stdout, false); err != nil {
		log.Fatal(err)
	}
	// Output:
	// A PART of the suite, what matches close-normal. It proves nothing about the rest.
	//
	// cdcp-go 1.0.0 (Go; built in) passes a part of cdcp.v1
	//
	//   cases       1 passed     0 failed     0 unsupported  of 1
	//   pairs       0 passed                                 of 0
	//   clauses     0 proven                                 of 43
}

func ExampleReport_WriteJSON() {
	var b bytes.Buffer
	if err := halfReport().WriteJSON(&b); err != nil {
		log.Fatal(err)
	}
	var v struct {
		Cases []struct{ ID, Verdict, Sent string }
	}
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Cases[0].ID, v.Cases[0].Verdict)
	// Output: close-normal unsupported
}

func ExampleReport_WriteJUnit() {
	r := halfReport()
	r.Results[0].Took = 0
	var b strings.Builder
	if err := r.WriteJUnit(&b); err != nil {
		log.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "<error")
	fmt.Println(head)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <testsuite name="cdcp.v1 cdcp-go" tests="1" failures="0" errors="1">
	//   <testcase name="close-normal" classname="cdcp.v1.close" time="0.000000">
}

func ExampleTLV_MarshalJSON() {
	b, err := json.Marshal(conformance.TLV{Type: 1, Value: "0001"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b)
	// Output: [1,"0001"]
}

func ExampleTLV_UnmarshalJSON() {
	var t conformance.TLV
	fmt.Println(json.Unmarshal([]byte(`[1,"0001"]`), &t), t)
	fmt.Println(json.Unmarshal([]byte(`[1]`), &t))
	// Output:
	// <nil> {1 0001}
	// a TLV has a type and a value, not 1 elements
}

func ExampleBroken_Error() {
	err := error(&conformance.Broken{Verdict: conformance.Hang, Detail: "no answer within 2s"})
	fmt.Println(err)
	// Output: hang: no answer within 2s
}

// Run is for the go test of an implementation.
func ExampleRun() {
	_ = func(t *testing.T) { // TestConformance
		conformance.Run(t, new(reference.Port).Call)
	}
}

// RunScripts is for the go test of an implementation.
func ExampleRunScripts() {
	_ = func(t *testing.T) { // TestScripts
		conformance.RunScripts(t, conformance.Func(new(reference.Port).Call))
	}
}

func ExampleSuite_JudgeScripts() {
	s, err := suite().Select("recv-idle-exact")
	if err != nil {
		log.Fatal(err)
	}
	results, err := s.JudgeScripts(conformance.Func(new(reference.Port).Call), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Script.Name, r.Verdict)
	}

	// A port that does not answer to the inputs of an endpoint in this way.
	port := new(reference.Port)
	results, err = s.JudgeScripts(conformance.Func(func(request []byte) []byte {
		return bytes.Replace(port.Call(request), []byte("accepted"), []byte("ignored"), 1)
	}), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Detail)
	// Output:
	// recv-idle-exact passed
	// scripts/recv.txt:5: @1s B frame from=3 DATA channel=7 session=5 sequence=1 payload=6869
	// - > accepted
	// + > ignored
	//   > created 1 from=3 channel=7 lossy
	//   > message 1
	//   > next 121.000001s
}

// TestRun runs the suite as an implementation runs it in its own test.
func TestRun(t *testing.T) {
	asked := 0
	conformance.Run(t, func(request []byte) []byte {
		asked++
		return new(reference.Port).Call(request)
	})
	if want := len(load(t).Vectors); asked < want+2 {
		t.Errorf("%d requests for %d cases and two probes", asked, want)
	}
}

// TestRunFails runs a test that has to fail, in a process of its own: Run with a port that passes everything but one thing.
func TestRunFails(t *testing.T) {
	if os.Getenv("CDCP_TEST_RUN_FAILS") != "" {
		conformance.Run(t, half)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestRunFails$/^close-normal$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "CDCP_TEST_RUN_FAILS=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("it does not fail:\n%s", out)
	}
	for _, says := range []string{"--- FAIL: TestRunFails/close-normal", "unsupported: The session is over after message 3", `"op":"encode"`, `got      {"unsupported":"encode"}`} {
		if !bytes.Contains(out, []byte(says)) {
			t.Errorf("%q is missing in\n%s", says, out)
		}
	}
}
