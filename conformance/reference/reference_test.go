package reference_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
)

func ExamplePort_Call() {
	fmt.Printf("%s\n", new(reference.Port).Call([]byte(`{"id":3,"op":"decode","hex":"800003"}`)))
	// Output: {"id":3,"ok":{"error":{"code":1,"offset":2}}}
}

func ExampleServe() {
	in := strings.NewReader(`{"id":1,"op":"encode","frame":{"type":"close","durable":false,"high":false,"channel":1000,"session":1694498817,` +
		`"sequence":3,"offset":0,"total":0,"ext":[],"reason":0,"payload":""}}` + "\n" + `{"id":2,"op":"zz-7f3e"}`)
	if err := reference.Serve(in, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"id":1,"ok":{"hex":"810003e865000001000000030000"}}
	// {"id":2,"unsupported":"zz-7f3e"}
}

// TestConformance judges the reference as any other implementation in Go is judged.
func TestConformance(t *testing.T) { conformance.Run(t, new(reference.Port).Call) }

// TestBug puts lines to it that are no requests.
func TestBug(t *testing.T) {
	const frame = `{"type":"data","durable":true,"high":false,"channel":1,"session":1,"sequence":4,"offset":0,"total":0,"ext":[[1,"0001"]],"reason":0,"payload":""}`
	swap := func(old, now string) string {
		if !strings.Contains(frame, old) {
			t.Fatalf("%s is not in the frame", old)
		}
		return `{"id":7,"op":"encode","frame":` + strings.Replace(frame, old, now, 1) + `}`
	}
	for _, c := range []struct {
		line string
		id   int
		want string // in the text of the bug
	}{
		{`x`, 0, "invalid"},
		{``, 0, "unexpected end"},
		{`[]`, 0, "array"},
		{`{"op":"decode","hex":""}`, 0, `"id" is missing`},
		{`{"id":null,"op":"decode","hex":""}`, 0, `"id" is missing`},
		{`{"id":"x","op":"decode","hex":""}`, 0, `"id"`},
		{`{"id":1.5,"op":"decode","hex":""}`, 0, `"id"`},
		{`{"id":-1,"op":"decode","hex":""}`, 0, `"id"`},
		{`{"id":7}`, 7, `"op" is missing`},
		{`{"id":7,"OP":"decode","hex":""}`, 7, `"op" is missing`},
		{`{"id":7,"op":3}`, 7, `"op"`},
		{`{"id":7,"op":"hello","echo":""}`, 7, `"protocol" is missing`},
		{`{"id":7,"op":"hello","protocol":"cdcp-port/1"}`, 7, `"echo" is missing`},
		{`{"id":7,"op":"decode"}`, 7, `"hex" is missing`},
		{`{"id":7,"op":"decode","hex":null}`, 7, `"hex" is missing`},
		{`{"id":7,"op":"decode","hex":"0"}`, 7, `"hex"`},
		{`{"id":7,"op":"decode","hex":"8A"}`, 7, "upper case"},
		{`{"id":7,"op":"decode","hex":"80 00"}`, 7, `"hex"`},
		{`{"id":7,"op":"encode"}`, 7, `"frame" is missing`},
		{`{"id":7,"op":"encode","frame":[]}`, 7, `"frame"`},
		{swap(`"reason":0,`, ``), 7, `"reason" is missing`},
		{swap(`"data"`, `"datum"`), 7, "datum"},
		{swap(`"channel":1`, `"channel":65536`), 7, `"channel"`},
		{swap(`[1,"0001"]`, `[1]`), 7, "a TLV of 1 elements"},
		{swap(`[1,"0001"]`, `[256,"0001"]`), 7, "256"},
		{swap(`[1,"0001"]`, `7`), 7, `"ext"`},
	} {
		var r struct {
			ID  int
			OK  json.RawMessage
			Bug string
		}
		b := new(reference.Port).Call([]byte(c.line))
		if err := json.Unmarshal(b, &r); err != nil || r.ID != c.id || r.OK != nil || !strings.Contains(r.Bug, c.want) {
			t.Errorf("%s\nis answered with %s, want id %d and a bug with %q", c.line, b, c.id, c.want)
		}
	}
	if b := new(reference.Port).Call([]byte(`{"id":7,"op":"encode","frame":` + frame + `}`)); string(b) != `{"id":7,"ok":{"hex":"8060000100000001000000040401020001"}}` {
		t.Errorf("the frame that was swapped about is answered with %s", b)
	}
}

// TestServeErrors: Serve ends with the first error of its input or output, and skips empty lines.
func TestServeErrors(t *testing.T) {
	broken := errors.New("broken")
	if err := reference.Serve(iotest.ErrReader(broken), &strings.Builder{}); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	if err := reference.Serve(strings.NewReader("{}\n"), failing{broken}); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	var out strings.Builder
	if err := reference.Serve(strings.NewReader("\n\r\n{\"id\":1,\"op\":\"zz\"}\r\n"), &out); err != nil || out.String() != "{\"id\":1,\"unsupported\":\"zz\"}\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
