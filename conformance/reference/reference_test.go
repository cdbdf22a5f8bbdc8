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

// opened returns a port with an endpoint 1 on a link, which has a sender 1 and a receiver 1.
func opened(t *testing.T) *reference.Port {
	t.Helper()
	p := new(reference.Port)
	for _, x := range [][2]string{
		{`"op":"open",` + openKeys, `"events":[],"next":null,"used":0`},
		{`"op":"in","endpoint":1,"now":7000000,"do":"linkUp","budget":576,"reliable":true,"relay":false`, `"events":[],"next":null,"used":0`},
		{`"op":"in","endpoint":1,"now":7000000,"do":"sender",` + senderKeys, `"channel":7,"events":[],"maxMessage":32768,"next":null,"used":0`},
		{`"op":"in","endpoint":1,"now":7000000,"do":"frame","from":3,"hex":"800000070000000500000001"`,
			`"events":[{"channel":7,"durable":false,"event":"created","from":3,"receiver":1},{"event":"message","receiver":1}],"next":127000001,"used":0,"verdict":"accepted"`},
	} {
		if got, want := string(p.Call([]byte(`{"id":7,`+x[0]+`}`))), `{"id":7,"ok":{`+x[1]+`}}`; got != want {
			t.Fatalf("%s\nis answered with %s, want %s", x[0], got, want)
		}
	}
	return p
}

const (
	openKeys   = `"endpoint":1,"self":9,"now":7000000,"unix":1700000000000000,"rand":"000000","limits":{"durable":8},"bounds":{"sendBytes":33408},"first":1`
	senderKeys = `"sender":1,"channel":7,"durable":true,"high":false,"kbps":0,"keepAlive":0,"to":[3]`
)

// TestEndpoint is about what only the port has: its clock, its numbers, and several endpoints. What endpoints do is for the scripts.
func TestEndpoint(t *testing.T) {
	p := opened(t)
	in := func(now, keys string) string {
		return string(p.Call([]byte(`{"id":7,"op":"in","endpoint":1,"now":` + now + `,"do":` + keys + `}`)))
	}
	for _, c := range []struct{ now, keys, want string }{
		// Times that come back are on the clock of the runner, which began at 7 s.
		{"7000000", `"send","sender":1,"data":"` + strings.Repeat("00", 32768) + `"`, `"sequence":1`},
		{"7000000", `"send","sender":1,"data":"00"`, `"error":{"code":"DataChannelMessageFailureForBandwidth","have":33537,"limit":33408,"retry":null}`},
		{"7000000", `"transmit","max":1,"durable":false,"lossy":true`, `"frames":[]`},
		{"7000000", `"transmit","max":0,"durable":true,"lossy":true`, `"frames":[]`},
		{"7000000", `"left","participant":3`, `"events":[{"event":"closed","reason":"left","receiver":1}]`},
		{"7000000", `"send","sender":1,"data":"0000"`, `"error":{"code":"DataChannelMessageFailureForTrafficLimit","have":2,"limit":8,"retry":7002000}`},
		{"7002000", `"send","sender":1,"data":"0000"`, `"sequence":2`},
		{"7002000", `"read","receiver":1`, `"message":{"data":"","sequence":1}`},
		{"7002000", `"stats"`, `"messagesOut":2`},
		{"7002000", `"frame","from":3,"hex":"00"`, `"error":{"code":2,"offset":0}`},
		// The number of a sender that is refused is free again.
		{"7002000", `"sender","sender":2,"channel":0,"durable":false,"high":false,"kbps":10000001,"keepAlive":0,"to":[]`, `"error":{"code":"InvalidArgument","have":0,"limit":0,"retry":null}`},
		{"7002000", `"sender","sender":2,"channel":7,"durable":false,"high":true,"kbps":9007199254740991,"keepAlive":0,"to":[]`, `"error":{"code":"InvalidArgument"`},
		{"7002000", `"sender","sender":2,"channel":7,"durable":false,"high":true,"kbps":0,"keepAlive":1000000,"to":[]`, `"events":[{"event":"senderClosed","reason":"replaced","sender":1}]`},
		{"7002000", `"bitrate","kbps":9007199254740991`, `"error":{"code":"InvalidArgument"`},
		{"7002000", `"send","sender":2,"data":"01"`, `"sequence":1`},
		{"7002000", `"transmit","max":2,"durable":true,"lossy":true`, `{"durable":false,"hex":"80100007`},
	} {
		if got := in(c.now, c.keys); !strings.Contains(got, c.want) || !strings.HasPrefix(got, `{"id":7,"ok":{`) {
			t.Errorf("%.100s\nis answered with %s, want %s", c.keys, got, c.want)
		}
	}
	// Another endpoint shares nothing, and one of the same number begins anew.
	for _, line := range []string{
		`"op":"open",` + strings.Replace(openKeys, `"endpoint":1`, `"endpoint":2`, 1),
		`"op":"in","endpoint":2,"now":7000000,"do":"linkUp","budget":576,"reliable":true,"relay":false`,
		`"op":"in","endpoint":2,"now":7000000,"do":"sender",` + senderKeys,
		`"op":"open",` + openKeys,
		`"op":"in","endpoint":1,"now":7000000,"do":"linkUp","budget":576,"reliable":true,"relay":false`,
		`"op":"in","endpoint":1,"now":7000000,"do":"sender",` + senderKeys,
		`"op":"drop","endpoint":1`,
		`"op":"in","endpoint":2,"now":7000000,"do":"close","sender":1`,
	} {
		if got := string(p.Call([]byte(`{"id":7,` + line + `}`))); !strings.HasPrefix(got, `{"id":7,"ok":{`) {
			t.Errorf("%s\nis answered with %s", line, got)
		}
	}
	if got := in("7000000", `"advance"`); !strings.Contains(got, "no endpoint 1 is open") {
		t.Errorf("an endpoint that was dropped answers %s", got)
	}
}

// TestBug puts lines to it that are no requests.
func TestBug(t *testing.T) {
	const frame = `{"type":"data","durable":true,"high":false,"channel":1,"session":1,"sequence":4,"offset":0,"total":0,"ext":[[1,"0001"]],"reason":0,"payload":""}`
	swap := func(old, now string) string {
		if !strings.Contains(frame, old) {
			t.Fatalf("%s is not in the frame", old)
		}
		return `{"id":7,"op":"encode","frame":` + strings.Replace(frame, old, now, 1) + `}`
	}
	open := func(old, now string) string {
		if !strings.Contains(openKeys, old) {
			t.Fatalf("%s is not in the keys of open", old)
		}
		return `{"id":7,"op":"open",` + strings.Replace(openKeys, old, now, 1) + `}`
	}
	in := func(keys string) string { return `{"id":7,"op":"in","endpoint":1,"now":7000000,"do":` + keys + `}` }
	p := opened(t)
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

		{open(`"endpoint":1,`, ``), 7, `"endpoint" is missing`},
		{open(`"endpoint":1,`, `"endpoint":0,`), 7, `"endpoint"`},
		{open(`"self":9`, `"self":0`), 7, `"self"`},
		{open(`"self":9`, `"self":65536`), 7, `"self"`},
		{open(`"now":7000000`, `"now":9007199254740991`), 7, `"now"`},
		{open(`"now":7000000`, `"now":7e6`), 7, `"now"`},
		{open(`"unix":1700000000000000`, `"unix":-1`), 7, `"unix"`},
		{open(`"unix":1700000000000000`, `"unix":9007199254740992`), 7, `"unix"`},
		{open(`"rand":"000000"`, `"rand":"0"`), 7, `"rand"`},
		{open(`{"durable":8}`, `[]`), 7, `"limits"`},
		{open(`{"durable":8}`, `{"durable":0}`), 7, `"durable"`},
		{open(`{"durable":8}`, `{"durable":-1}`), 7, `"durable"`},
		{open(`{"durable":8}`, `{"lossy":10000001}`), 7, `InvalidArgument`},
		{open(`{"durable":8}`, `{"lossyHigh":"none"}`), 7, `"lossyHigh"`},
		{open(`{"durable":8}`, `{"broadcastPackets":9007199254740991}`), 7, `"broadcastPackets"`},
		{open(`{"sendBytes":33408}`, `null`), 7, `"bounds" is missing`},
		{open(`{"sendBytes":33408}`, `{"sendBytes":null}`), 7, `"sendBytes"`},
		{open(`{"sendBytes":33408}`, `{"sendBytes":0}`), 7, `"sendBytes"`},
		{open(`{"sendBytes":33408}`, `{"sendBytes":33407}`), 7, `InvalidArgument`},
		{open(`{"sendBytes":33408}`, `{"bytes":2147483648}`), 7, `"bytes"`},
		{open(`"first":1`, `"first":0`), 7, `"first"`},
		{open(`"first":1`, `"first":4294967296`), 7, `"first"`},

		{`{"id":7,"op":"drop"}`, 7, `"endpoint" is missing`},
		{`{"id":7,"op":"drop","endpoint":2}`, 7, "no endpoint 2 is open"},
		{`{"id":7,"op":"in","endpoint":2,"now":7000000,"do":"advance"}`, 7, "no endpoint 2 is open"},
		{`{"id":7,"op":"in","endpoint":1,"do":"advance"}`, 7, `"now" is missing`},
		{`{"id":7,"op":"in","endpoint":1,"now":7000000}`, 7, `"do" is missing`},
		{in(`"jump"`), 7, `"jump"`},
		{in(`"linkUp","budget":576,"reliable":true`), 7, `"relay" is missing`},
		{in(`"linkUp","budget":576,"reliable":1,"relay":false`), 7, `"reliable"`},
		{in(`"sender",` + senderKeys), 7, "there is a sender 1"},
		{in(`"sender",` + strings.Replace(senderKeys, `"sender":1,"channel":7`, `"sender":0,"channel":7`, 1)), 7, `"sender"`},
		{in(`"sender",` + strings.Replace(senderKeys, `"sender":1,"channel":7`, `"sender":2,"channel":65536`, 1)), 7, `"channel"`},
		{in(`"sender",` + strings.Replace(senderKeys, `"sender":1,"channel":7`, `"sender":2,"channel":0`, 1)), 7, "EOF"}, // 3 random bytes of 4
		{in(`"send","sender":2,"data":""`), 7, "no sender 2"},
		{in(`"send","sender":1,"data":"0"`), 7, `"data"`},
		{in(`"participants","sender":2,"to":[]`), 7, "no sender 2"},
		{in(`"participants","sender":1,"to":[65536]`), 7, `"to"`},
		{in(`"close","sender":2`), 7, "no sender 2"},
		{in(`"close"`), 7, `"sender" is missing`},
		{in(`"bitrate","kbps":-1`), 7, `"kbps"`},
		{in(`"left","participant":65536`), 7, `"participant"`},
		{in(`"transmit","max":16,"durable":true,"lossy":true`), 7, `"max"`},
		{in(`"transmit","max":1,"durable":true`), 7, `"lossy" is missing`},
		{in(`"frame","from":0,"hex":""`), 7, `"from"`},
		{in(`"frame","from":3,"hex":"8A"`), 7, "upper case"},
		{in(`"read","receiver":0`), 7, `"receiver"`},
		{in(`"read","receiver":2`), 7, "no receiver 2"},
		{in(`"counts","receiver":2`), 7, "no receiver 2"},
	} {
		var r struct {
			ID  int
			OK  json.RawMessage
			Bug string
		}
		b := p.Call([]byte(c.line))
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
