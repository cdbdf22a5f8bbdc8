package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/conformance/reference"
)

// The test binary is the hostile port too: TestMain turns it into one if the variable says which behaviour, and the
// one argument where to say that it lives. The argument is a folder of the test's own, so that it also marks the
// processes of that test.
const behaviourVariable = "CDCP_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	if name := os.Getenv(behaviourVariable); name != "" {
		beHostile(name, os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// A host is a port that goes by the reference, but where its behaviour says otherwise.
type host struct {
	dir  string // of the test
	line []byte // the request
	id   int64
	op   string
	hex  string
	n    int // of the cases before in this process
}

// A behaviour replaces what a port does when it begins, at hello, at an op that does not exist, at a decode or
// encode, and at the end of its input. nil: what is right.
type behaviour struct {
	begin, hello, unknown, work, end func(h *host)
}

func beHostile(name, dir string) {
	b, ok := behaviours[name]
	if !ok {
		panic("no behaviour " + name)
	}
	if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())+".pid"), nil, 0o644); err != nil {
		panic(err)
	}
	h := &host{dir: dir}
	or := func(f, usual func(*host)) {
		if f == nil {
			f = usual
		}
		f(h)
	}
	nothing := func(*host) {}
	or(b.begin, nothing)
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		h.line = bytes.TrimSuffix(line, []byte("\n"))
		var q struct {
			ID      int64
			Op, Hex string
		}
		if err := json.Unmarshal(h.line, &q); err != nil {
			panic(err)
		}
		h.id, h.op, h.hex = q.ID, q.Op, q.Hex
		switch h.op {
		case "hello":
			or(b.hello, (*host).right)
		case "decode", "encode":
			or(b.work, (*host).right)
			h.n++
		default:
			or(b.unknown, (*host).right)
		}
	}
	or(b.end, nothing)
}

// right gives the right answer.
func (h *host) right() { h.say("%s\n", new(reference.Port).Call(h.line)) }

// say writes at once to the standard output.
func (h *host) say(format string, args ...any) { fmt.Printf(format, args...) }

// file is the name of a file by which the port tells the test, or its next process, something.
func (h *host) file(name string) string { return filepath.Join(h.dir, name) }

// sit stays for ever: until the folder of the test is gone, so that whatever goes wrong, nothing outlives the test by much.
func (h *host) sit() {
	for {
		time.Sleep(200 * time.Millisecond)
		if _, err := os.Stat(h.dir); err != nil {
			os.Exit(1)
		}
	}
}

// altered gives the right answer to hello with one thing replaced.
func altered(from, to string) func(*host) {
	return func(h *host) {
		good := string(new(reference.Port).Call(h.line))
		if !strings.Contains(good, from) {
			panic("no " + from + " in " + good)
		}
		h.say("%s\n", strings.Replace(good, from, to, 1))
	}
}

func answer(format string) func(*host) { return func(h *host) { h.say(format+"\n", h.id) } }

// goodHex and goodFrame are the first example of PORT-PROTOCOL.md section 4.1.
const (
	goodHex   = `800003e865000001000000016869`
	goodFrame = `{"type":"data","durable":false,"high":false,"channel":1000,"session":1694498817,"sequence":1,"offset":0,"total":0,"ext":[],"reason":0,"payload":"6869"}`
)

var behaviours = map[string]behaviour{
	"right": {},

	// Those that do nothing.
	"accept-all": {work: func(h *host) {
		if h.op == "decode" {
			h.say(`{"id":%d,"ok":{"frame":%s}}`+"\n", h.id, goodFrame)
		} else {
			h.say(`{"id":%d,"ok":{"hex":"%s"}}`+"\n", h.id, goodHex)
		}
	}},
	"reject-all":      {work: answer(`{"id":%d,"ok":{"error":{"code":1,"offset":0}}}`)},
	"echo":            {work: func(h *host) { h.say("%s\n", h.line) }},
	"echo-all":        {hello: func(h *host) { h.say("%s\n", h.line) }},
	"unsupported":     {work: func(h *host) { h.say(`{"id":%d,"unsupported":"%s"}`+"\n", h.id, h.op) }},
	"unsupported-lie": {work: answer(`{"id":%d,"unsupported":"another"}`)},
	"bug":             {work: answer(`{"id":%d,"bug":"I am not well"}`)},

	// Those that end.
	"crash":      {work: func(h *host) { panic("nobody expects it") }},
	"exit-3":     {work: func(h *host) { os.Exit(3) }},
	"exit-0":     {work: func(h *host) { os.Exit(0) }},
	"signal":     {work: func(h *host) { self().Kill(); h.sit() }},
	"half-exit":  {work: func(h *host) { h.say(`{"id":%d,"o`, h.id); os.Exit(0) }},
	"half-crash": {work: func(h *host) { h.say(`{"id":%d,"o`, h.id); os.Exit(4) }},
	"half-hang":  {work: func(h *host) { h.say(`{"id":%d,"o`, h.id); h.sit() }},
	"last-line":  {work: func(h *host) { h.say("%s", new(reference.Port).Call(h.line)); os.Exit(0) }},
	"exit-at-hello": {hello: func(h *host) {
		fmt.Fprintln(os.Stderr, "no licence")
		os.Exit(1)
	}},
	"closes-output": {work: func(h *host) { os.Stdout.Close(); h.sit() }},
	"does-not-come-back": {
		begin: func(h *host) {
			if _, err := os.Stat(h.file("fell")); err == nil {
				fmt.Fprintln(os.Stderr, "still down")
				os.Exit(1)
			}
		},
		work: func(h *host) { os.WriteFile(h.file("fell"), nil, 0o644); os.Exit(9) },
	},
	"crash-at-one": {work: func(h *host) {
		fmt.Fprintln(os.Stderr, "asked for", h.hex)
		if h.hex == crashAt {
			fmt.Fprintln(os.Stderr, "cannot bear", h.hex)
			os.Exit(7)
		}
		h.right()
	}},
	"talks-and-fails": {work: func(h *host) {
		fmt.Fprintf(os.Stderr, "say %d about %s\n", h.id, h.op)
		h.say(`{"id":%d,"bug":"bug %d"}`+"\n", h.id, h.id)
	}},

	// Those that do not end.
	"silent":        {hello: func(*host) {}},
	"hang":          {work: (*host).sit},
	"hang-and-tell": {work: func(h *host) { os.WriteFile(h.file("hangs"), nil, 0o644); h.sit() }},
	"hang-at-hello": {hello: (*host).sit},
	"never-reads":   {begin: (*host).sit},
	"deaf-to-end":   {end: (*host).sit},
	"ends-badly":    {end: func(*host) { os.Exit(5) }},

	// Those that talk too much.
	"noise":        {work: func(h *host) { h.say("INFO a case\n"); h.right() }},
	"noise-always": {begin: func(h *host) { h.say("INFO begin\n") }},
	"noise-after":  {work: func(h *host) { h.right(); h.say("INFO done\n") }},
	"flood": {work: func(h *host) {
		for {
			if _, err := os.Stdout.WriteString("INFO a case\n"); err != nil {
				os.Exit(1)
			}
		}
	}},
	"flood-of-stderr": {work: func(h *host) {
		io.Copy(os.Stderr, strings.NewReader(strings.Repeat("blah\n", 100000)+"the end\n"))
		answer(`{"id":%d,"bug":"flooded"}`)(h)
	}},
	"long-line":    {work: func(h *host) { h.padded(1<<20 + 1) }},
	"longest-line": {work: func(h *host) { h.padded(1 << 20) }},
	"no-line-end": {work: func(h *host) {
		for {
			if _, err := os.Stdout.WriteString("blah"); err != nil {
				os.Exit(1)
			}
		}
	}},
	"windows": {
		hello:   func(h *host) { h.say("%s\r\n", new(reference.Port).Call(h.line)) },
		unknown: func(h *host) { h.say("%s\r\n", new(reference.Port).Call(h.line)) },
		work:    func(h *host) { h.say("%s\r\n", new(reference.Port).Call(h.line)) },
	},

	// Those that answer what is no answer.
	"wrong-id":   {work: func(h *host) { h.say(`{"id":%d,"ok":{"error":{"code":1,"offset":0}}}`+"\n", h.id+1) }},
	"string-id":  {work: answer(`{"id":"%d","ok":{"error":{"code":1,"offset":0}}}`)},
	"real-id":    {work: answer(`{"id":%d.0,"ok":{"error":{"code":1,"offset":0}}}`)},
	"missing-id": {work: func(h *host) { h.say(`{"ok":{"error":{"code":1,"offset":0}}}` + "\n") }},
	"null-id":    {work: func(h *host) { h.say(`{"id":null,"ok":{"error":{"code":1,"offset":0}}}` + "\n") }},
	"no-json":    {work: answer(`id=%d ok`)},
	"bad-utf8":   {work: answer(`{"id":%d,"bug":"` + "\xff" + `"}`)},
	"bom":        {work: answer("\ufeff" + `{"id":%d,"bug":"x"}`)},
	"empty-line": {work: func(h *host) { h.say("\n") }},
	"array":      {work: answer(`[{"id":%d,"ok":{"error":{"code":1,"offset":0}}}]`)},
	"two-values": {work: answer(`{"id":%d,"bug":"x"} {}`)},
	"same-key": {work: func(h *host) {
		h.say("%s\n", strings.Replace(string(new(reference.Port).Call(h.line)), `"ok"`, `"ok":{},"ok"`, 1))
	}},
	"two-keys": {work: func(h *host) {
		h.say("%s\n", strings.Replace(string(new(reference.Port).Call(h.line)), `"ok"`, `"bug":"x","ok"`, 1))
	}},
	"extra-key": {work: func(h *host) {
		h.say("%s\n", strings.Replace(string(new(reference.Port).Call(h.line)), `"ok":{`, `"ok":{"took":5,`, 1))
	}},
	"no-key": {work: answer(`{"id":%d}`)},

	// Those that fail the probes.
	"hello-unsupported":   {hello: answer(`{"id":%d,"unsupported":"hello"}`)},
	"hello-bug":           {hello: answer(`{"id":%d,"bug":"no hello"}`)},
	"hello-noise":         {hello: func(h *host) { h.say("ready\n"); h.right() }},
	"hello-wrong-id":      {hello: func(h *host) { h.say(`{"id":0,"bug":"what"}` + "\n") }},
	"hello-array":         {hello: answer(`{"id":%d,"ok":[]}`)},
	"hello-two-keys":      {hello: altered(`"ok":`, `"unsupported":"hello","ok":`)},
	"hello-extra":         {hello: altered(`"ok":{`, `"ok":{"zeal":1,"os":"any",`)},
	"hello-protocol":      {hello: altered(`"cdcp-port/1"`, `"cdcp-port/2"`)},
	"hello-drops-a-byte":  {hello: altered("fdfeff", "fdfe")},
	"hello-upper-case":    {hello: altered("fdfeff", "fdfeFF")},
	"hello-loses-0":       {hello: altered(`"000102`, `"0102`)},
	"hello-no-name":       {hello: altered(`"name":"cdcp-go"`, `"name":""`)},
	"hello-long-version":  {hello: altered(`"version":"`, `"version":"`+strings.Repeat("ä", 64))},
	"hello-no-language":   {hello: altered(`"language":"Go"`, `"language":null`)},
	"ok-to-unknown":       {unknown: answer(`{"id":%d,"ok":{}}`)},
	"bug-to-unknown":      {unknown: answer(`{"id":%d,"bug":"unknown op"}`)},
	"another-unsupported": {unknown: answer(`{"id":%d,"unsupported":"op"}`)},
	"unknown-two-keys":    {unknown: func(h *host) { h.say(`{"id":%d,"unsupported":"%s","ok":{}}`+"\n", h.id, h.op) }},
	"hang-at-unknown":     {unknown: (*host).sit},

	// Those that leave somebody behind.
	"grandchild":   {work: func(h *host) { h.start("sit"); os.Exit(0) }},
	"grandchild-3": {work: func(h *host) { h.start("sit"); os.Exit(3) }},
	"parent-hangs": {work: func(h *host) { h.start("sit"); h.sit() }},
	"parent-ends":  {end: func(h *host) { h.start("sit") }},
	"escapee":      {work: func(h *host) { h.start("sit", "setsid"); os.Exit(0) }},
	"sit":          {begin: func(h *host) { os.WriteFile(h.file("sits"), nil, 0o644); h.sit() }},
}

// crashAt is what crash-at-one cannot bear. No vector has its session id.
const crashAt = `800003e8deadbeef000000016869`

func self() *os.Process {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	return p
}

// padded answers with a line of n bytes.
func (h *host) padded(n int) {
	begin, end := fmt.Sprintf(`{"id":%d,"bug":"`, h.id), `"}`
	h.say("%s%s%s\n", begin, strings.Repeat("x", n-len(begin)-len(end)), end)
}

// start starts a process that holds the output and the standard error of this one, and waits until it is there.
func (h *host) start(name string, prefix ...string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	words := append(prefix, self, h.dir)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), behaviourVariable+"="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(h.file("sits")); err == nil {
			os.Remove(h.file("sits"))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// The test's side.

// A subject is a hostile port under test.
type subject struct {
	*conformance.Process
	t     *testing.T
	dir   string
	start time.Duration // the time limit of the probes
	work  time.Duration // the time limit of a case
	name  string
}

// enough is a time limit that no port reaches that answers at all, however busy the machine.
const enough = time.Minute

// hostile returns the port of that behaviour. When the test ends, it sees to it that nothing is left: no process, no
// goroutine.
func hostile(t *testing.T, name string) *subject {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &subject{conformance.NewProcess(enough, self, dir), t, dir, enough, enough, name}
	goroutines := runtime.NumGoroutine()
	t.Cleanup(func() {
		s.Kill()
		s.Close()
		eventually(t, func() string {
			if n := runtime.NumGoroutine(); n > goroutines {
				return fmt.Sprintf("%d goroutines before, %d after Close", goroutines, n)
			}
			return ""
		})
		if len(s.pids()) == 0 && s.start == enough { // otherwise it can have been killed before it came to say so
			t.Error("no process has run")
		}
		for _, pid := range s.pids() {
			eventually(t, func() string {
				if s.alive(pid) {
					return fmt.Sprintf("process %d is left", pid)
				}
				return ""
			})
		}
	})
	return s
}

// eventually waits until fault has nothing to say. The time is the longest that a loaded machine can take, and is not
// waited for by a test that passes.
func eventually(t *testing.T, fault func() string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s := fault()
		if s == "" {
			return
		}
		if time.Now().After(end) {
			t.Error(s)
			return
		}
	}
}

// Start sets the behaviour, which the process takes from the environment of this one.
func (s *subject) Start() error {
	s.SetTimeout(s.start)
	s.t.Setenv("GORACE", "atexit_sleep_ms=0") // under the race detector a process takes a second to end
	s.t.Setenv("GOCOVERDIR", s.dir)           // and with coverage it complains on its standard error
	s.t.Setenv(behaviourVariable, s.name)
	err := s.Process.Start()
	os.Unsetenv(behaviourVariable)
	return err
}

// Call gives a case another time limit than a probe.
func (s *subject) Call(request []byte) ([]byte, error) {
	if bytes.Contains(request, []byte(`"op":"decode"`)) || bytes.Contains(request, []byte(`"op":"encode"`)) {
		s.SetTimeout(s.work)
	}
	return s.Process.Call(request)
}

// pids returns the numbers of all processes that have run for the test.
func (s *subject) pids() []int {
	names, err := filepath.Glob(filepath.Join(s.dir, "*.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".pid"))
		if err != nil {
			s.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// alive reports whether a process of the test is there, and no zombie. Where the argument of a process can be seen, a
// number that is somebody else's by now does not count.
func (s *subject) alive(pid int) bool {
	switch runtime.GOOS {
	case "windows", "plan9", "js", "wasip1":
		return false // there is no way to ask
	case "linux":
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return bytes.Contains(b, []byte(s.dir)) // the command line of a zombie is empty
		}
	}
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

// few returns a suite of n cases: an accepted one, and then refused ones of which it is the base.
func few(t *testing.T, n int) *conformance.Suite {
	t.Helper()
	all := load(t)
	bases := make(map[string]int)
	for _, v := range all.Vectors {
		if v.Error == nil || v.Hex == nil {
			continue
		}
		if bases[v.Base]++; bases[v.Base] < n-1 {
			continue
		}
		s := &conformance.Suite{Spec: all.Spec, Vectors: []conformance.Vector{*all.Vector(v.Base)}}
		for _, w := range all.Vectors {
			if w.Base == v.Base && w.Hex != nil && len(s.Vectors) < n {
				s.Vectors = append(s.Vectors, w)
			}
		}
		return s
	}
	t.Fatalf("no vector is the base of %d", n-1)
	return nil
}

func verdicts(r *conformance.Report) []conformance.Verdict {
	var all []conformance.Verdict
	for _, result := range r.Results {
		all = append(all, result.Verdict)
	}
	return all
}

// TestMetaRight shows that the hostile ports differ from a good one in nothing but their behaviour: one that has none passes.
func TestMetaRight(t *testing.T) {
	for name, suite := range map[string]*conformance.Suite{"right": load(t), "windows": few(t, 5)} {
		t.Run(name, func(t *testing.T) {
			p := hostile(t, name)
			r, err := suite.Judge(p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tally := r.Tally(); !r.Conforms() || tally.Pairs.Total == 0 || tally.Pairs.Passed != tally.Pairs.Total {
				t.Errorf("a right port has %+v", tally)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if n := len(p.pids()); n != 1 {
				t.Errorf("%d processes were started, want 1", n)
			}
		})
	}
}

// TestDoNothing puts the whole suite to ports that do not look at the bytes.
func TestDoNothing(t *testing.T) {
	whole := load(t)
	for _, c := range []struct {
		name     string
		verdicts []conformance.Verdict // those that occur
		suite    *conformance.Suite
	}{
		{"accept-all", []conformance.Verdict{conformance.Failed, conformance.Passed}, whole}, // its fixed frame is a vector's, by chance
		{"reject-all", []conformance.Verdict{conformance.Failed, conformance.Passed}, whole},
		{"echo", []conformance.Verdict{conformance.Failed}, whole},
		{"unsupported", []conformance.Verdict{conformance.Unsupported}, whole},
		{"unsupported-lie", []conformance.Verdict{conformance.Failed}, few(t, 5)},
		{"bug", []conformance.Verdict{conformance.Bug}, few(t, 5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			suite := c.suite
			p := hostile(t, c.name)
			calls, last := 0, -1
			r, err := suite.Judge(p, func(done, total int) {
				if done != last+1 || total != len(suite.Vectors) {
					t.Errorf("progress %d of %d after %d", done, total, last)
				}
				calls, last = calls+1, done
			})
			if err != nil {
				t.Fatal(err)
			}
			if calls != len(suite.Vectors) || len(r.Results) != len(suite.Vectors) {
				t.Errorf("%d cases were told of and %d have a result, want %d", calls, len(r.Results), len(suite.Vectors))
			}
			tally := r.Tally()
			if tally.Pairs.Passed != 0 || tally.Pairs.Total == 0 {
				t.Errorf("%d of %d pairs passed, want 0 of some", tally.Pairs.Passed, tally.Pairs.Total)
			}
			if tally.Clauses.Proven != 0 || r.Conforms() {
				t.Errorf("%d clauses are proven, and it conforms: %v", tally.Clauses.Proven, r.Conforms())
			}
			for _, result := range r.Results {
				if !slices.Contains(c.verdicts, result.Verdict) {
					t.Errorf("%s: %s, want one of %s", result.Vector.ID, result.Verdict, c.verdicts)
				}
				if result.Verdict == conformance.Passed && (result.Vector.Error == nil) != (c.name == "accept-all") {
					t.Errorf("%s passed at %s", result.Vector.ID, c.name)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if n := len(p.pids()); n != 1 {
				t.Errorf("%d processes were started for what breaks nothing, want 1", n)
			}
		})
	}
}

// TestHostile puts a few cases to ports that break the protocol.
func TestHostile(t *testing.T) {
	const (
		passed  = conformance.Passed
		failed  = conformance.Failed
		bug     = conformance.Bug
		crash   = conformance.Crash
		exit    = conformance.Exit
		hang    = conformance.Hang
		noise   = conformance.Noise
		wrongID = conformance.WrongID
		notRun  = conformance.NotRun
	)
	type verdicts = []conformance.Verdict
	killed := "signal: killed"
	if runtime.GOOS == "windows" {
		killed = "exit status 1"
	}
	const short, brief = 1500 * time.Millisecond, 100 * time.Millisecond
	for _, c := range []struct {
		name     string
		verdicts verdicts
		says     string // in the detail and the differences of the last case, %d being the id asked for
		work     time.Duration
	}{
		{"crash", verdicts{crash, crash, crash}, "ended: exit status 2", 0},
		{"exit-3", verdicts{crash, crash, crash}, "ended: exit status 3", 0},
		{"signal", verdicts{crash, crash}, "ended: " + killed, 0},
		{"exit-0", verdicts{exit, exit, exit}, "ended with status 0", 0},
		{"half-exit", verdicts{exit, exit}, `ended with status 0, after half a line: {"id":`, 0},
		{"half-crash", verdicts{crash, crash}, `ended: exit status 4, after half a line: {"id":`, 0},
		{"half-hang", verdicts{hang}, `no answer within 1.5s, after half a line: {"id":`, short},
		{"last-line", verdicts{exit, passed, exit}, "ended with status 0", 0},
		{"closes-output", verdicts{exit}, "closed its output", 0},
		{"does-not-come-back", verdicts{crash, notRun, notRun, notRun, notRun, notRun, notRun, notRun}, "the port was given up after 5 lost cases in a row", 0},
		{"hang", verdicts{hang, hang, hang, hang, hang, notRun, notRun}, "the port was given up after 5 lost cases in a row", brief},
		{"noise", verdicts{noise, noise}, "no JSON: INFO a case", 0},
		{"noise-after", verdicts{noise, passed, noise}, "INFO done", 0},
		{"flood", verdicts{noise, noise, noise}, "no JSON: INFO a case", 0},
		{"flood-of-stderr", verdicts{bug}, "flooded", 0},
		{"long-line", verdicts{noise, noise}, "a line of more than 1048576 bytes", 0},
		{"longest-line", verdicts{bug, bug}, "xxx", 0},
		{"no-line-end", verdicts{noise, noise}, "a line of more than 1048576 bytes", 0},
		{"wrong-id", verdicts{wrongID, wrongID}, "asked as 6, answered as 7", 0},
		{"string-id", verdicts{wrongID, wrongID}, "asked as 6, answered as 6", 0},
		{"real-id", verdicts{wrongID, wrongID}, "asked as 6, answered as 6.0", 0},
		{"missing-id", verdicts{noise, noise}, `no reply: {"ok":`, 0},
		{"null-id", verdicts{noise, noise}, `no reply: {"id":null`, 0},
		{"no-json", verdicts{noise, noise}, "no JSON: id=6 ok", 0},
		{"bad-utf8", verdicts{noise, noise}, "no JSON: ", 0},
		{"bom", verdicts{noise, noise}, "no JSON: ", 0},
		{"empty-line", verdicts{noise, noise}, "no JSON: ", 0},
		{"array", verdicts{noise, noise}, "no reply: [", 0},
		{"two-values", verdicts{noise, noise}, "no JSON: ", 0},
		{"same-key", verdicts{noise, noise}, `the key "ok" stands twice`, 0},
		{"two-keys", verdicts{failed, failed}, ".bug is not asked for", 0},
		{"extra-key", verdicts{failed, failed}, ".ok.took is not asked for", 0},
		{"no-key", verdicts{failed, failed}, ".ok is missing", 0},
		{"grandchild", verdicts{exit, exit}, "ended with status 0", 0},
		{"grandchild-3", verdicts{crash, crash}, "ended: exit status 3", 0},
		{"parent-hangs", verdicts{hang}, "no answer within 1.5s", short},
	} {
		t.Run(c.name, func(t *testing.T) {
			suite := few(t, max(2, len(c.verdicts)))
			suite.Vectors = suite.Vectors[:len(c.verdicts)]
			p := hostile(t, c.name)
			if c.work != 0 {
				p.work = c.work
			}
			began := time.Now()
			r, err := suite.Judge(p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > enough/2 {
				t.Errorf("it took %v: somebody has waited for the time limit", took)
			}
			if got := verdictsOf(r); !slices.Equal(got, c.verdicts) {
				t.Fatalf("the verdicts are %s, want %s", got, c.verdicts)
			}
			if tally := r.Tally(); r.Conforms() || tally.Pairs.Passed != 0 || tally.Pairs.Total != len(c.verdicts)-1 {
				t.Errorf("it conforms: %v, and has %+v", r.Conforms(), tally)
			}
			last := r.Results[len(r.Results)-1]
			if says := last.Detail + strings.Join(last.Differs, "\n"); !strings.Contains(says, c.says) {
				t.Errorf("of the last case it says %q, and not %q", says, c.says)
			}
			for _, result := range r.Results {
				if result.Verdict == passed || result.Verdict == notRun {
					continue
				}
				if !json.Valid([]byte(result.Sent)) || !json.Valid([]byte(result.Want)) || result.Want == "" {
					t.Errorf("%s: sent %q, wanted %q", result.Vector.ID, result.Sent, result.Want)
				}
			}
			if c.name == "flood" {
				p.SetTimeout(brief) // it does not look at its input any more
			} else {
				p.SetTimeout(enough)
			}
			if err := p.Close(); (err != nil) != (c.name == "flood") {
				t.Errorf("Close gives %v", err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("Close, again, gives %v", err)
			}
		})
	}
}

var verdictsOf = verdicts

// TestHostileAtStart starts ports with which there is no talking.
func TestHostileAtStart(t *testing.T) {
	const brief = 700 * time.Millisecond
	for _, c := range []struct {
		name, says string
		start      time.Duration
	}{
		{"silent", "hang: no answer within 700ms", brief},
		{"hang-at-hello", "hang: no answer within 700ms", brief},
		{"never-reads", "hang: no answer within 700ms", brief},
		{"hang-at-unknown", "hang: no answer within 1.5s", 1500 * time.Millisecond},
		{"exit-at-hello", "crash: ended: exit status 1\nits standard error:\nno licence\n", 0},
		{"echo-all", "hello was answered with {", 0},
		{"noise-always", "noise: no JSON: INFO begin", 0},
		{"hello-noise", "noise: no JSON: ready", 0},
		{"hello-wrong-id", "wrong-id: asked as 1, answered as 0", 0},
		{"hello-unsupported", `hello was answered with {"unsupported":"hello"}`, 0},
		{"hello-bug", `hello was answered with {"bug":"no hello"}`, 0},
		{"hello-array", `hello was answered with {"ok":[]}`, 0},
		{"hello-two-keys", "hello was answered with {", 0},
		{"hello-extra", `hello's reply has a key "os", which the protocol does not`, 0},
		{"hello-protocol", `the port speaks "cdcp-port/2", not "cdcp-port/1"`, 0},
		{"hello-drops-a-byte", "bytes do not survive: ", 0},
		{"hello-upper-case", "bytes do not survive: ", 0},
		{"hello-loses-0", "bytes do not survive: ", 0},
		{"hello-no-name", `hello's name is "", not 1 to 64 characters`, 0},
		{"hello-long-version", "hello's version is ", 0},
		{"hello-no-language", "hello's language is null, not 1 to 64 characters", 0},
		{"ok-to-unknown", `does not exist, and was answered with {"ok":{}} in place of "unsupported"`, 0},
		{"bug-to-unknown", `was answered with {"bug":"unknown op"} in place of "unsupported"`, 0},
		{"another-unsupported", `was answered with {"unsupported":"op"} in place of "unsupported"`, 0},
		{"unknown-two-keys", `was answered with {"ok":{},"unsupported":"zz-`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := hostile(t, c.name)
			if c.start != 0 {
				p.start = c.start
			}
			began := time.Now()
			r, err := few(t, 2).Judge(p, func(int, int) { t.Error("a case is begun") })
			if err == nil {
				t.Fatalf("it starts, and has %v", verdictsOf(r))
			}
			if !strings.HasPrefix(err.Error(), "the port did not start: ") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %q, and has not %q", err, c.says)
			}
			if r != nil {
				t.Error("there is a report of nothing")
			}
			if took := time.Since(began); took > enough/2 {
				t.Errorf("it took %v", took)
			}
			p.SetTimeout(enough)
			p.Close()
		})
	}
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		name, says string // "": no error
		limit      time.Duration
	}{
		{"right", "", enough},
		{"deaf-to-end", "the port did not end at the end of its input, and was killed after 100ms", 100 * time.Millisecond},
		{"ends-badly", "the port ended at the end of its input with exit status 5, not with status 0", enough},
		{"parent-ends", "", enough}, // and its child is killed
	} {
		t.Run(c.name, func(t *testing.T) {
			p := hostile(t, c.name)
			r, err := few(t, 3).Judge(p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Conforms() {
				t.Errorf("the verdicts are %s", verdictsOf(r))
			}
			began := time.Now()
			p.SetTimeout(c.limit)
			if err := p.Close(); fmt.Sprint(err) != c.says && (err != nil || c.says != "") {
				t.Errorf("Close gives %v, want %q", err, c.says)
			}
			if took := time.Since(began); took > enough/2 {
				t.Errorf("it took %v", took)
			}
			if _, err := p.Call([]byte("{}")); err == nil {
				t.Error("Call after Close gives no error")
			}
		})
	}
}

// TestCloseWhileItTalks closes a port that will not stop writing.
func TestCloseWhileItTalks(t *testing.T) {
	p := hostile(t, "flood")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Call([]byte(`{"id":1,"op":"decode","hex":""}`)); err != nil || string(b) != "INFO a case" {
		t.Fatalf("Call gives %q, %v", b, err)
	}
	p.SetTimeout(50 * time.Millisecond)
	if err := p.Close(); err == nil {
		t.Error("Close of a port that does not end gives no error")
	}
}

// TestStartAgain starts a port anew without a word to the one that runs.
func TestStartAgain(t *testing.T) {
	p := hostile(t, "right")
	for range 4 {
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := p.Call([]byte(`{"id":1,"op":"zz"}`)); err != nil || string(b) != `{"id":1,"unsupported":"zz"}` {
		t.Fatalf("Call gives %q, %v", b, err)
	}
	pids := p.pids()
	alive := 0
	eventually(t, func() string {
		if alive = len(slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !p.alive(pid) })); alive > 1 {
			return fmt.Sprintf("%d processes of one port are alive", alive)
		}
		return ""
	})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestKill kills a port in the middle of a call, from another goroutine.
func TestKill(t *testing.T) {
	p := hostile(t, "hang-and-tell")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := p.Call([]byte(`{"id":1,"op":"decode","hex":""}`))
		done <- err
	}()
	eventually(t, func() string {
		if _, err := os.Stat(filepath.Join(p.dir, "hangs")); err != nil {
			return "the port has not come to the call"
		}
		return ""
	})
	p.Kill()
	select {
	case err := <-done:
		if b, ok := errors.AsType[*conformance.Broken](err); !ok || b.Verdict != conformance.Crash {
			t.Errorf("the call that was under way gives %v", err)
		}
	case <-time.After(enough / 2):
		t.Fatal("the call that was under way has not returned")
	}
	p.Kill()
}

// TestCrashAtOne has a port that crashes at one case: it is started again, and all the others pass.
func TestCrashAtOne(t *testing.T) {
	suite := load(t)
	suite.Vectors = append(suite.Vectors[:20:20], conformance.Vector{
		ID: "one", Clauses: []string{"WIRE-001"}, Hex: new(string), Frame: new(conformance.Frame),
	})
	one := &suite.Vectors[20]
	*one.Hex = crashAt
	if err := json.Unmarshal([]byte(strings.Replace(goodFrame, "1694498817", "3735928559", 1)), one.Frame); err != nil {
		t.Fatal(err)
	}
	suite.Vectors = append(suite.Vectors, load(t).Vectors[20:60]...)
	p := hostile(t, "crash-at-one")
	r, err := suite.Judge(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range r.Results {
		want := conformance.Passed
		if result.Vector.ID == "one" {
			want = conformance.Crash
			if says := "asked for " + crashAt + "\ncannot bear " + crashAt + "\n"; runtime.GOOS != "windows" && result.Stderr != says {
				t.Errorf("the standard error of the case is %q, want %q", result.Stderr, says)
			}
			if result.Detail != "ended: exit status 7" || result.Got != "" || !strings.Contains(result.Sent, crashAt) {
				t.Errorf("the case has the detail %q, got %q and was sent %q", result.Detail, result.Got, result.Sent)
			}
		} else if result.Stderr != "" {
			t.Errorf("%s shows the standard error %q", result.Vector.ID, result.Stderr)
		}
		if result.Verdict != want {
			t.Errorf("%s: %s, want %s: %s", result.Vector.ID, result.Verdict, want, result.Detail)
		}
	}
	if tally := r.Tally(); tally.Totals.Passed != len(suite.Vectors)-1 || tally.Totals.Failed != 1 {
		t.Errorf("it has %+v of %d", tally.Totals, len(suite.Vectors))
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if n := len(p.pids()); n != 2 {
		t.Errorf("%d processes were started, want 2", n)
	}
}

// TestStderr has a port that stays alive: each case has what was said about it, and nothing of the case before.
func TestStderr(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("one cannot look into a pipe here")
	}
	p := hostile(t, "talks-and-fails")
	suite := load(t)
	suite.Vectors = suite.Vectors[:100]
	r, err := suite.Judge(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range r.Results {
		op := "decode"
		if result.Vector.Hex == nil {
			op = "encode"
		}
		id := i + 3 // after the probes
		if want := fmt.Sprintf("say %d about %s\n", id, op); result.Stderr != want {
			t.Errorf("%s shows %q, want %q", result.Vector.ID, result.Stderr, want)
		}
		if want := fmt.Sprintf("bug %d", id); result.Detail != want || result.Verdict != conformance.Bug {
			t.Errorf("%s: %s: %s, want %s", result.Vector.ID, result.Verdict, result.Detail, want)
		}
	}
}

// TestEscapee has a port that leaves a process outside of its group, with its output. Nobody can kill that one; it
// must not stop the run.
func TestEscapee(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid")
	}
	p := hostile(t, "escapee")
	p.work = 3 * time.Second
	t.Cleanup(func() { // before that of hostile
		for _, pid := range p.pids() {
			if q, err := os.FindProcess(pid); err == nil && p.alive(pid) {
				q.Kill()
			}
		}
	})
	suite := few(t, 2)
	suite.Vectors = suite.Vectors[:1]
	r, err := suite.Judge(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := verdictsOf(r); !slices.Equal(got, []conformance.Verdict{conformance.Hang}) {
		t.Errorf("the verdicts are %s", got)
	}
	goroutines := runtime.NumGoroutine()
	p.Close()
	eventually(t, func() string {
		if n := runtime.NumGoroutine(); n > goroutines-2 { // those of the output and the standard error, which are still open
			return fmt.Sprintf("%d goroutines before Close, %d after", goroutines, n)
		}
		return ""
	})
}
