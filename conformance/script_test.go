package conformance_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
	"github.com/cdcp-project/cdcp/testdata"
)

var portCommand = flag.String("port", "", "the command of the port that TestScripts judges, as seen from this folder; none: the reference")

// TestScripts puts the scripts to the reference, or to the port of -port.
func TestScripts(t *testing.T) {
	command := strings.Fields(*portCommand)
	if len(command) == 0 {
		conformance.RunScripts(t, conformance.Func(new(reference.Port).Call))
		return
	}
	p := conformance.NewProcess(10*time.Second, command...)
	conformance.RunScripts(t, p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// ownScript is the example of testdata/scripts/README.md under another name.
const ownScript = `script own-idle
clauses RECV-005 RECV-007 TIME-005
# After exactly 120 s of silence a receiver is open; one microsecond later it closes.
open B self=9
@1s       B frame from=3 DATA channel=7 session=5 sequence=1 payload=6869
          > accepted
          > created 1 from=3 channel=7 lossy
          > message 1
          > next 121.000001s
@next-1us B advance
@next     B advance
          > closed 1 idle
          > next none
`

// ownHead begins a script that goes on in its line 5, with an endpoint A.
const ownHead = "script own-a\nclauses TIME-001\n# A test.\nopen A self=1\n"

// leanSpec is spec.json with no more than scripts need, the ids of clauses, so that much can be loaded in little time.
var leanSpec = sync.OnceValue(func() []byte {
	spec := *suite().Spec
	spec.Clauses, spec.Errors, spec.Cells, spec.Transitions = slices.Clone(spec.Clauses), spec.Errors[:1], spec.Cells[:1], spec.Transitions[:1]
	for i := range spec.Clauses {
		spec.Clauses[i] = conformance.Clause{ID: spec.Clauses[i].ID}
	}
	b, err := json.Marshal(spec)
	if err != nil {
		panic(err)
	}
	return b
})

// loadScript loads a suite with one file of scripts.
func loadScript(text string) (*conformance.Suite, error) {
	return conformance.Load(fstest.MapFS{
		"spec.json":         {Data: leanSpec()},
		"vectors/own.jsonl": {Data: []byte(ownBase)},
		"scripts/own.txt":   {Data: []byte(text)},
	})
}

// play puts the first script of text to a port.
func play(t testing.TB, text string, call func([]byte) []byte) conformance.Result {
	t.Helper()
	s, err := loadScript(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	results, err := s.JudgeScripts(conformance.Func(call), nil)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestLoadScripts(t *testing.T) {
	s, err := loadScript(ownScript + "\n\n" + strings.Replace(ownHead, "own-a", "own-b-2", 1) + "# More.\n@0 A advance\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Scripts) != 2 {
		t.Fatalf("%d scripts", len(s.Scripts))
	}
	a, b := s.Scripts[0], s.Scripts[1]
	if a.Name != "own-idle" || !slices.Equal(a.Clauses, []string{"RECV-005", "RECV-007", "TIME-005"}) || a.File != "scripts/own.txt" || a.Line != 1 ||
		!strings.HasSuffix(a.Comment, "it closes.") || len(a.Steps) != 4 || a.Steps[2].Line != 10 || a.Steps[2].Text != "@next-1us B advance" {
		t.Errorf("%+v", a)
	}
	if b.Name != "own-b-2" || b.Comment != "A test." || b.Line != 16 || len(b.Steps) != 2 {
		t.Errorf("%+v", b)
	}
	for pattern, want := range map[string]int{"own-*": 2, "own-idle": 1, "TIME-005": 1, "TIME-00?": 2, "x": 0} {
		if part, err := s.Select(pattern); err != nil || len(part.Scripts) != want {
			t.Errorf("%s selects %d scripts (%v)", pattern, len(part.Scripts), err)
		}
	}
}

// TestLoadRefusesScripts: a script that is not of the form is refused, with the line at which it is not.
func TestLoadRefusesScripts(t *testing.T) {
	up := ownHead + "@0 A up budget=576\n"          // 5
	sender := up + "@0 A sender s\n  > channel 1\n" // 6, 7
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"a line before the first script", "# x\n" + ownScript, 1, "before the first script"},
		{"no name", "script\n", 1, "one name"},
		{"two names", "script own-a own-b\n", 1, "one name"},
		{"a name of one word", "script own\n", 1, "one name"},
		{"capitals in a name", "script own-A\n", 1, "one name"},
		{"the name of another file", "script other-a\n" + ownScript[len("script own-idle\n"):], 1, `does not begin with "own-"`},
		{"a name again", ownScript + ownScript, 14, "stands here again"},
		{"no clauses", "script own-a\n# x\nopen A self=1\n@0 A advance\n", 1, "cites no clause"},
		{"no clause in a line", "script own-a\nclauses\n", 2, "one or more"},
		{"a clause twice", "script own-a\nclauses TIME-001\nclauses TIME-001\n", 3, "cited twice"},
		{"an unknown clause", strings.Replace(ownScript, "TIME-005", "TIME-999", 1), 1, "TIME-999"},
		{"late clauses", ownHead + "clauses TIME-002\n", 5, "before the first step"},
		{"no comment", "script own-a\nclauses TIME-001\nopen A self=1\n@0 A advance\n\n" + ownScript, 1, "no comment"},
		{"no input", ownHead, 1, "no input"},
		{"an unknown word", ownHead + "close A\n", 5, `"close"`},
		{"no UTF-8", ownHead + "# \xff\n", 5, "UTF-8"},

		{"open without a name", ownHead + "open\n", 5, "names an endpoint"},
		{"open with a wrong name", ownHead + "open A-B self=1\n", 5, "names an endpoint"},
		{"open without self", ownHead + "open B\n", 5, "self= is missing"},
		{"self is 0", ownHead + "open B self=0\n", 5, "self: 0 is less than 1"},
		{"self is too big", ownHead + "open B self=65536\n", 5, "self:"},
		{"an option twice", ownHead + "open B self=1 self=1\n", 5, `"self" stands twice`},
		{"an unknown option", ownHead + "open B self=1 limits.x=3\n", 5, `"limits.x=3" is too much`},
		{"a limit of 0", ownHead + "open B self=1 limits.lossy=0\n", 5, "limits.lossy:"},
		{"a limit over the largest", ownHead + "open B self=1 limits.lossy=10000001\n", 5, "limits.lossy:"},
		{"a bound that is none", ownHead + "open B self=1 bounds.bytes=none\n", 5, "bounds.bytes:"},
		{"first is 0", ownHead + "open B self=1 first=0\n", 5, "first:"},
		{"a late start", ownHead + "open B self=1 at=9006100000s\n", 5, "at:"},
		{"an expectation of open", ownHead + "> next none\n", 5, "below a step"},

		{"a step of nothing", ownHead + "@0\n", 5, "a step is"},
		{"a step without an input", ownHead + "@0 A\n", 5, "a step is"},
		{"an endpoint that is not open", ownHead + "@0 B advance\n", 5, `no endpoint "B"`},
		{"an unknown input", ownHead + "@0 A jump\n", 5, `no input "jump"`},
		{"a time without a unit", ownHead + "@5 A advance\n", 5, `"5"`},
		{"a time of another unit", ownHead + "@5m A advance\n", 5, `"5m"`},
		{"a part of a microsecond", ownHead + "@1.0000001s A advance\n", 5, `"1.0000001s"`},
		{"a half microsecond", ownHead + "@1.5us A advance\n", 5, `"1.5us"`},
		{"a point and no more", ownHead + "@1.s A advance\n", 5, `"1.s"`},
		{"a fraction and no more", ownHead + "@.5s A advance\n", 5, `".5s"`},
		{"two points", ownHead + "@1.2.3s A advance\n", 5, `"1.2.3s"`},
		{"a negative time", ownHead + "@-1s A advance\n", 5, `"-1s"`},
		{"a time without end", ownHead + "@99999999999999999999s A advance\n", 5, "no time"},
		{"a time that is small mod 2^64", ownHead + "@18446744073710s A advance\n", 5, "no time"},
		{"a time over 2^53", ownHead + "@9007199255s A advance\n", 5, "no time"},
		{"the first step is after another", ownHead + "@+1s A advance\n", 5, "no step before"},
		{"next and nothing", ownHead + "@next+ A advance\n", 5, "no time"},
		{"next times", ownHead + "@next*2s A advance\n", 5, "no time"},

		{"up without a budget", ownHead + "@0 A up reliable\n", 5, "budget= is missing"},
		{"a flag with a value", ownHead + "@0 A up budget=576 relay=1\n", 5, `"relay=1"`},
		{"a value that is missing", ownHead + "@0 A up budget\n", 5, `"budget"`},
		{"too much", ownHead + "@0 A down now\n", 5, `"now"`},
		{"a sender without a name", up + "@0 A sender\n", 6, "names a sender"},
		{"a sender with a wrong name", up + "@0 A sender channel=1\n", 6, "names a sender"},
		{"a sender without a result", up + "@0 A sender s\n\n@0 A advance\n", 6, "result is not expected"},
		{"a name of a sender again", sender + "@0 A sender s\n", 8, `a sender "s"`},
		{"an unknown sender", sender + "@0 A close t\n", 8, `no sender "t"`},
		{"a sender of another endpoint", sender + "open B self=2\n@0 B close s\n", 9, `no sender "s"`},
		{"a sender of a life before", sender + "open A self=2\n@0 A close s\n", 9, `no sender "s"`},
		{"a sender that was refused", up + "@0 A sender s\n> refused InvalidArgument\n@0 A close s\n", 8, `no sender "s"`},
		{"a channel over 65535", up + "@0 A sender s channel=65536\n", 6, "channel:"},
		{"send without bytes", sender + "@0 A send s\n", 8, "HEX is missing"},
		{"half a byte", sender + "@0 A send s 616\n", 8, `"616"`},
		{"capital digits", sender + "@0 A send s 6A\n", 8, `"6A"`},
		{"a plus too much", sender + "@0 A send s 61+\n", 8, `""`},
		{"no byte, repeated", sender + "@0 A send s 61*0\n", 8, `"61*0"`},
		{"too many bytes", sender + "@0 A send s 61*131072+61*131072+61\n", 8, "more than"},
		{"a list of nothing", sender + "@0 A list s 7,,9\n", 8, `""`},
		{"a handle over 65535", sender + "@0 A list s 65536\n", 8, `"65536"`},
		{"a handle with a sign", sender + "@0 A list s +7\n", 8, `"+7"`},
		{"too many frames", up + "@0 A take 16\n", 6, `"16"`},
		{"a receiver 0", up + "@0 A read 0\n", 6, "less than 1"},
		{"a number in no base", up + "@0 A rx 0b1\n", 6, `"0b1"`},

		{"a frame from nobody", ownHead + "@0 A frame DATA\n", 5, `"DATA"`},
		{"no frame", ownHead + "@0 A frame from=3\n", 5, "a frame is missing"},
		{"an unknown frame", ownHead + "@0 A frame from=3 FRAGMENT\n", 5, `"FRAGMENT"`},
		{"hex of nothing", ownHead + "@0 A frame from=3 hex\n", 5, "no bytes"},
		{"more than hex", ownHead + "@0 A frame from=3 hex 80 00\n", 5, `"00"`},
		{"a frame of an unknown endpoint", ownHead + "@0 A frame from=3 B#1\n", 5, `no endpoint "B"`},
		{"a frame 0", ownHead + "@0 A frame from=3 A#0\n", 5, "number 1"},
		{"a path of a frame that comes in", ownHead + "@0 A frame from=3 DATA channel=1 by=lossy\n", 5, `"by=lossy"`},
		{"a reason of DATA", ownHead + "@0 A frame from=3 DATA reason=1\n", 5, `"reason=1"`},
		{"a payload of CLOSE", ownHead + "@0 A frame from=3 CLOSE payload=61\n", 5, `"payload=61"`},
		{"a run over 65535", ownHead + "@0 A frame from=3 DATA run=65536\n", 5, "run:"},
		{"participants are all", ownHead + "@0 A frame from=3 DATA participants=all\n", 5, "participants:"},
		{"a TLV without a type", ownHead + "@0 A frame from=3 DATA ext=:aa\n", 5, "ext:"},
		{"a TLV without a colon", ownHead + "@0 A frame from=3 DATA ext=1a\n", 5, "ext:"},
		{"a TLV with half a type", ownHead + "@0 A frame from=3 DATA ext=1:aa\n", 5, "ext:"},
		{"two TLVs of a type", ownHead + "@0 A frame from=3 DATA run=1 ext=01:0001\n", 5, "two TLVs"},
		{"too many bytes of TLVs", ownHead + "@0 A frame from=3 DATA ext=02:61*254\n", 5, "255 bytes"},

		{"an expectation of nothing", ownHead + "@0 A advance\n>\n", 6, "nothing is expected"},
		{"an expectation above any step", "script own-a\n> accepted\n", 2, "below a step"},
		{"the result of another input", up + "> sequence 1\n", 6, `"sequence"`},
		{"a result of what has none", up + "> accepted\n", 6, `"accepted"`},
		{"an unknown verdict", ownHead + "@0 A frame from=3 DATA\n> welcome\n", 6, `"welcome"`},
		{"a second verdict", ownHead + "@0 A frame from=3 DATA\n> stale\n> stale\n", 7, "second result"},
		{"a refusal of what cannot be refused", ownHead + "@0 A down\n> refused InvalidArgument\n", 6, `"refused"`},
		{"an unknown refusal", up + "> refused SenderClosed\n", 6, `"SenderClosed"`},
		{"a wrong word", ownHead + "@0 A frame from=3 DATA\n> error 1 in 2\n", 6, `"in" stands for "at"`},
		{"a result after an event", ownHead + "@0 A frame from=3 DATA\n> message 1\n> accepted\n", 7, "too late"},
		{"an event after next", ownHead + "@0 A advance\n> next none\n> message 1\n", 7, "too late"},
		{"next twice", ownHead + "@0 A advance\n> next none\n> next none\n", 7, "next stands twice"},
		{"used twice", ownHead + "@0 A advance\n> used 4\n> used 4\n", 7, "used stands twice"},
		{"next from next", ownHead + "@0 A advance\n> next next\n", 6, "counted from the step"},
		{"created of no kind", ownHead + "@0 A advance\n> created 1 from=3 channel=7\n", 6, "lossy or durable"},
		{"created of both kinds", ownHead + "@0 A advance\n> created 1 from=3 channel=7 lossy durable\n", 6, "lossy or durable"},
		{"an unknown reason", ownHead + "@0 A advance\n> closed 1 link\n", 6, `"link"`},
		{"a reason of a receiver", sender + "@0 A down\n> sender-closed s idle\n", 9, `"idle"`},
		{"an unknown sender closes", sender + "@0 A down\n> sender-closed t link\n", 9, `no sender "t"`},
		{"an unknown counter", ownHead + "@0 A stats\n> Held=0\n", 6, `"Held=0"`},
		{"counters that are missing", ownHead + "@0 A counts 1\n> delivered=1\n", 6, "is missing"},
		{"an unknown path", up + "@0 A take 1\n> frame DATA by=durable\n", 7, `"durable"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := loadScript(c.text)
			if where := fmt.Sprintf("scripts/own.txt:%d: ", c.line); err == nil || !strings.HasPrefix(err.Error(), where) || !strings.Contains(err.Error(), c.want) || s != nil {
				t.Errorf("the error is %v, and not %s with %q", err, where, c.want)
			}
		})
	}
}

// TestPlay sees what is said of a script that passes, and of one that does not.
func TestPlay(t *testing.T) {
	right := new(reference.Port).Call
	swap := func(old, now string) func([]byte) []byte {
		port := new(reference.Port)
		return func(q []byte) []byte { return bytes.Replace(port.Call(q), []byte(old), []byte(now), 1) }
	}
	edit := func(old, now string) string { return strings.Replace(ownScript, old, now, 1) }
	const at = "scripts/own.txt:5: @1s B frame from=3 DATA channel=7 session=5 sequence=1 payload=6869\n"
	for _, c := range []struct {
		name, text string
		call       func([]byte) []byte
		verdict    conformance.Verdict
		detail     string
	}{
		{"right", ownScript, right, conformance.Passed, ""},
		{"another event", edit("lossy", "durable"), right, conformance.Failed, at + "  > accepted\n- > created 1 from=3 channel=7 durable\n+ > created 1 from=3 channel=7 lossy\n  > message 1\n  > next 121.000001s"},
		{"an event less", ownScript, swap(`,{"event":"message","receiver":1}`, ""), conformance.Failed, at + "  > accepted\n  > created 1 from=3 channel=7 lossy\n- > message 1\n  > next 121.000001s"},
		{"next is not expected", edit("          > next 121.000001s\n", ""), right, conformance.Failed, at + "  > accepted\n  > created 1 from=3 channel=7 lossy\n  > message 1\n+ > next 121.000001s"},
		{"next is not said", edit("          > next none\n", ""), right, conformance.Failed, "scripts/own.txt:11: @next B advance\n  > closed 1 idle\n+ > next none"},
		{"next by the step", edit("next 121.000001s", "next +120.000001s"), right, conformance.Passed, ""},
		{"another step", edit("@next-1us B", "@next-2us B"), right, conformance.Passed, ""},
		{"a later step", edit("@next-1us B", "@next+0 B"), right, conformance.Failed, "scripts/own.txt:10: @next+0 B advance\n+ > closed 1 idle\n+ > next none"},
		{"no deadline", ownScript + "@next B advance\n", right, conformance.Failed, "scripts/own.txt:14: @next B advance\nB has no deadline"},
		{"before 0", ownHead + "@0 A advance\n@1us A frame from=3 DATA channel=7 sequence=1 payload=-\n> accepted\n> created 1 from=3 channel=7 lossy\n> message 1\n> next +120.000001s\n@next-200s A advance\n",
			right, conformance.Failed, "scripts/own.txt:11: @next-200s A advance\nthe time is -79999998 us"},
		{"a key too much", ownScript, swap(`"receiver":1}`, `"receiver":1,"zz":1}`), conformance.Failed, at + ".ok.events[0].zz is not asked for"},
		{"used", ownScript, swap(`"used":0}}`, `"used":4}}`), conformance.Failed, "scripts/own.txt:4: open B self=9\n+ > used 4"},
		{"no object", ownScript, swap(`"ok":{"events":[],"next":null,"used":0}`, `"ok":[]`), conformance.Failed, "scripts/own.txt:4: open B self=9\n+ > []"},
		{"unsupported", ownScript, func(q []byte) []byte {
			a := right(bytes.Replace(q, []byte(`"op":"open"`), []byte(`"op":"to-open"`), 1))
			return bytes.Replace(a, []byte(`"to-open"`), []byte(`"open"`), 1)
		}, conformance.Unsupported, "scripts/own.txt:4: open B self=9"},
		{"a bug", edit("@next-1us B advance", "@1s B read 2\n> empty"), right, conformance.Bug, "scripts/own.txt:10: @1s B read 2\nthere is no receiver 2"},
		{"another id", ownScript, func(q []byte) []byte {
			return bytes.Replace(right(q), []byte(`{"id":4`), []byte(`{"id":5`), 1)
		}, conformance.WrongID, at + "asked as 4, answered as 5"},
		{"a drop that is answered wrongly", ownScript, swap(`"ok":{}`, `"ok":{"zz":1}`), conformance.Failed, "scripts/own.txt:1: dropping B: .ok.zz is not asked for; "},
		{"a frame that is not there", ownHead + "@0 A frame from=3 A#1\n> accepted\n", right, conformance.Failed, "scripts/own.txt:5: @0 A frame from=3 A#1\nA has given out 0 frames, and no A#1"},
		{"a frame that is not expected", ownHead + "@0 A up budget=576\n@0 A sender s channel=7\n> channel 7\n@0 A send s 61*10\n> sequence 1\n@0 A take 9\n", right, conformance.Failed,
			"scripts/own.txt:10: @0 A take 9\n+ > frame DATA channel=7 sequence=1 payload=61*10"},
		{"a sender that is not expected to close", ownHead + "@0 A up budget=576 reliable\n@0 A sender s channel=7 durable\n> channel 7\n@1s A up budget=576\n", right, conformance.Failed,
			"scripts/own.txt:8: @1s A up budget=576\n+ > sender-closed s link"},
		{"a refusal", ownHead + "@0 A up budget=5\n", right, conformance.Failed, "scripts/own.txt:5: @0 A up budget=5\n+ > refused InvalidArgument have=0 limit=0 retry=none"},
		{"a retry by the step", strings.Replace(ownHead, "self=1", "self=1 at=7s limits.durable=8", 1) +
			"@7s A up budget=576 reliable\n@7s A sender s channel=7 durable\n> channel 7\n@8s A send s 61*32768\n> sequence 1\n@+3ms A send s 61*5\n> refused DataChannelMessageFailureForTrafficLimit have=5 limit=8 retry=+2ms\n",
			right, conformance.Passed, ""},
		{"a counter", ownHead + "@0 A stats\n> framesIn=1 held=0\n", right, conformance.Failed, "scripts/own.txt:5: @0 A stats\n- > framesIn=1 held=0\n+ > framesIn=0 held=0"},
		{"a counter that is missing", ownHead + "@0 A stats\n> framesIn=0\n", swap(`"held":0,`, ``), conformance.Failed, "scripts/own.txt:5: @0 A stats\n.ok.stats.held is missing"},
		{"a counter below 0", ownHead + "@0 A stats\n> framesIn=0\n", swap(`"held":0,`, `"held":-1,`), conformance.Failed, "scripts/own.txt:5: @0 A stats\n.ok.stats.held: expected 0, got -1"},
		{"an endpoint that is opened anew", "script own-a\nclauses TIME-001\n# A test.\nopen A self=1 rand=00000000\n@0 A up budget=576\n@0 A sender s keepalive=1s\n> channel 1\n> used 4\n@0 A send s -\n> sequence 1\n@0 A take 1\n" +
			"> frame DATA channel=1 sequence=1\n> next 1s\nopen A self=1\n@0 A advance\n@0 A up budget=576\n@0 A sender s channel=1\n> channel 1\n@0 A send s -\n> sequence 1\n@0 A take 1\n> frame A#1\n", right, conformance.Passed, ""},
		{"a frame goes on", ownHead + "open B self=2 at=3s\n@0 A up budget=576\n@0 A sender s channel=0x7\n> channel 7\n@0 A send s -\n> sequence 1\n@0 A take 1\n> frame DATA channel=7 sequence=1\n" +
			"@3s B frame from=1 A#1\n> accepted\n> created 1 from=1 channel=7 lossy\n> message 1\n> next +120.000001s\n@+0 B read 1\n> message 1 -\n", right, conformance.Passed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := play(t, c.text, c.call)
			if r.Verdict != c.verdict || r.Detail != c.detail || (r.Verdict == conformance.Passed) != (len(r.Differs) == 0 && r.Sent == "") && r.Sent != "" {
				t.Errorf("%s\n%s\nwant %s\n%s", r.Verdict, r.Detail, c.verdict, c.detail)
			}
		})
	}
}

// TestFramesOfScripts holds the frames of scripts against the vectors: what is written for the bytes of an accepted one stands for
// these bytes, and is written by its fields.
func TestFramesOfScripts(t *testing.T) {
	var vectors []conformance.Vector
	var frames []string // the bytes of each, in hexadecimal
	for _, v := range load(t).Vectors {
		if v.Hex != nil {
			vectors = append(vectors, v)
			frames = append(frames, hex.EncodeToString(bytesOf(t, strings.Fields(*v.Hex))))
		}
	}
	if len(frames) < 100 {
		t.Fatalf("%d vectors have bytes", len(frames))
	}
	// judge plays a script for each frame, which has one input, and answers it with the reply of that frame.
	judge := func(script func(i int) string, reply func(i int, hex string) string) []conformance.Result {
		var text strings.Builder
		for i := range frames {
			text.WriteString(strings.Replace(ownHead, "own-a", fmt.Sprintf("own-%d", i), 1) + script(i) + "\n")
		}
		s, err := loadScript(text.String())
		if err != nil {
			t.Fatal(err)
		}
		i, port := -1, new(reference.Port)
		results, err := s.JudgeScripts(conformance.Func(func(request []byte) []byte {
			var q struct {
				ID          int64
				Op, Do, Hex string
			}
			if err := json.Unmarshal(request, &q); err != nil {
				t.Fatal(err)
			}
			if q.Op != "in" {
				return port.Call(request)
			}
			i++
			return fmt.Appendf(nil, `{"id":%d,"ok":{%s,"events":[],"next":null,"used":0}}`, q.ID, reply(i, q.Hex))
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	said := make([]string, len(frames))
	for i, r := range judge(func(int) string { return "@0 A take 1" }, func(i int, _ string) string {
		return `"frames":[{"hex":"` + frames[i] + `","to":[5,7],"durable":true,"high":false}]`
	}) {
		_, line, ok := strings.Cut(r.Detail, "\n+ > frame ")
		frame, to, ok2 := strings.Cut(line, " to=")
		if said[i] = frame; !ok || !ok2 || !strings.HasPrefix(to, "5,7") || strings.HasPrefix(frame, "hex ") && vectors[i].Error == nil {
			t.Fatalf("%s is said to be %q", vectors[i].ID, r.Detail)
		}
	}
	judge(func(i int) string { return "@0 A frame from=3 " + said[i] + "\n> stale" }, func(i int, hex string) string {
		if hex != frames[i] {
			t.Errorf("%s: %s is\n%s, not\n%s", vectors[i].ID, said[i], hex, frames[i])
		}
		return `"verdict":"stale"`
	})
}

// FuzzScript reads any text as a file of scripts. What is refused is refused at a line of it. What is a script makes requests as the
// schema has them, and when it fails, it passes that step with what is said to have come in place of what was expected.
func FuzzScript(f *testing.F) {
	f.Add(ownScript)
	f.Add(ownHead + "@0 A up budget=576 reliable relay\n@+20ms A sender s channel=7 durable high kbps=0x20 keepalive=1s to=7,9\n> refused InvalidArgument have=1 limit=2 retry=3us\n" +
		"@0 A sender s channel=7 to=all\n> channel 7\n@0 A send s 6869+00*10\n> sequence 1\n@0 A take 15 lossy\n> frame hex 80 to=7 by=reliable\n@0 A list s 7\n@0 A close s\n@0 A hangup\n@0 A rx 3\n@0 A left 7\n@0 A stats\n> held=0\n@0 A down\n")
	f.Add(ownHead + "open B self=2 at=3s unix=4ms rand=00*4 first=0xffffffff limits.lossy=none bounds.receivers=300\n@0 B frame from=3 CLOSE channel=7 sequence=2 durable run=1 origin=2 participants=1,2 ext=1a:aa ext=02:- reason=1\n> accepted\n@next A advance\n" +
		"@0 A frame from=3 DATA offset=256 total=300\n> error 1 at 2\n@0 A frame from=3 A#1\n> dropped\n@0 A read 1\n> message 1 -\n@0 A counts 1\n> delivered=1 lost=0 unknown=0 dropped=0\n> closed 1 idle\n> sender-closed s link\n> used 4\n> next +2s\n")
	names, err := fs.Glob(testdata.FS(), "scripts/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(testdata.FS(), name)
		if err != nil {
			f.Fatal(err)
		}
		first, _, _ := strings.Cut(strings.ReplaceAll(string(b), "script "+strings.TrimSuffix(name[len("scripts/"):], ".txt")+"-", "script own-"), "\n\n")
		f.Add(first)
	}
	request, reply := schema(f, "cdcp-port.schema.json#/$defs/request"), schema(f, "cdcp-port.schema.json#/$defs/reply")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := loadScript(text)
		if err != nil {
			if line := scriptLine(err); line < 1 || line > strings.Count(text, "\n")+1 {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		if len(s.Scripts) == 0 {
			return
		}
		port := new(reference.Port)
		call := func(q []byte) []byte {
			a := port.Call(q)
			if bytes.Contains(q, []byte(`"op":"hello"`)) {
				return a // it is the same each time, and long
			}
			if err := validate(request, q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			if err := validate(reply, a); err != nil {
				t.Fatalf("%s\nis answered with %s: %v", q, a, err)
			}
			return a
		}
		r := play(t, text, call)
		switch r.Verdict {
		case conformance.Passed, conformance.Bug:
			return
		case conformance.Failed:
		default:
			t.Fatalf("%s: %s", r.Verdict, r.Detail)
		}
		line := failedLine(t, r)
		pasted, ok := paste(text, line, r.Detail)
		if !ok {
			return
		}
		if _, err = loadScript(pasted); err != nil {
			// Whether a sender is there can differ from what was expected, and its name then be wrong further down.
			if scriptLine(err) <= line {
				t.Fatalf("what came cannot be expected: %v\n%s", err, pasted)
			}
			return
		}
		if r = play(t, pasted, call); r.Verdict == conformance.Failed && failedLine(t, r) <= line {
			t.Fatalf("what came is not what was expected: %s\n%s", r.Detail, pasted)
		}
	})
}

// scriptLine returns the line of an error of Load, or 0.
func scriptLine(err error) int {
	_, rest, _ := strings.Cut(err.Error(), "scripts/own.txt:")
	digits, _, _ := strings.Cut(rest, ":")
	line, _ := strconv.Atoi(digits)
	return line
}

// failedLine returns the line of the step at which a script failed.
func failedLine(t *testing.T, r conformance.Result) int {
	t.Helper()
	line := scriptLine(fmt.Errorf("%s", r.Detail))
	if !slices.ContainsFunc(r.Script.Steps, func(st conformance.Step) bool { return st.Line == line }) {
		t.Fatalf("no step is at line %d: %s", line, r.Detail)
	}
	return line
}

// paste returns text with what came, by detail, below the step at line, in place of what was expected there. ok: it says what came.
func paste(text string, line int, detail string) (pasted string, ok bool) {
	var came []string
	for said := range strings.Lines(detail) {
		mark, expectation, is := strings.Cut(strings.TrimSuffix(said, "\n"), " > ")
		if ok = ok || is && (mark == "+" || mark == "-"); is && (mark == "+" || mark == " ") {
			came = append(came, "> "+expectation)
		}
	}
	lines := strings.Split(text, "\n")
	head, rest := lines[:line], lines[line:]
	begins := func(line string) string { return append(strings.Fields(line), "")[0] }
	end := slices.IndexFunc(rest, func(line string) bool {
		word := begins(line)
		return word == "open" || word == "script" || strings.HasPrefix(word, "@")
	})
	if end < 0 {
		end = len(rest)
	}
	kept := slices.DeleteFunc(slices.Clone(rest[:end]), func(line string) bool { return begins(line) == ">" })
	return strings.Join(slices.Concat(head, came, kept, rest[end:]), "\n"), ok
}
