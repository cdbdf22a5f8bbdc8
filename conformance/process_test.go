package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// SetTimeout is for the tests of package conformance_test: those that wait for a hang would otherwise give a port no
// more time to start in.
func (p *Process) SetTimeout(d time.Duration) { p.timeout = d }

func TestReadLine(t *testing.T) {
	full := strings.Repeat("x", maxLine)
	type want struct {
		line string
		err  error
	}
	for _, c := range []struct {
		name, in string
		want     []want
	}{
		{"nothing", "", []want{{"", io.EOF}}},
		{"a line", "a\n", []want{{"a", nil}, {"", io.EOF}}},
		{"two lines", "a\nb\n", []want{{"a", nil}, {"b", nil}, {"", io.EOF}}},
		{"an empty line", "\n", []want{{"", nil}, {"", io.EOF}}},
		{"no end", "a", []want{{"a", io.EOF}}},
		{"carriage return", "a\r\nb\r\n", []want{{"a", nil}, {"b", nil}, {"", io.EOF}}},
		{"carriage return inside", "a\rb\n", []want{{"a\rb", nil}}},
		{"only one is taken off", "a\r\r\n", []want{{"a\r", nil}}},
		{"the longest", full + "\n" + "a\n", []want{{full, nil}, {"a", nil}}},
		{"the longest, with a carriage return", full + "\r\n" + "a\n", []want{{full, nil}, {"a", nil}}},
		{"the longest, without an end", full, []want{{full, io.EOF}}},
		{"one byte more", full + "y\n", []want{{full + "y", errLong}}},
		{"one byte more, with a carriage return", full + "y\r\n", []want{{full + "y\r", errLong}}},
		{"one byte more, a carriage return inside", full + "\ry\n", []want{{full + "\ry", errLong}}},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.in), "halves": iotest.HalfReader(strings.NewReader(c.in))} {
			b := bufio.NewReader(r)
			for i, w := range c.want {
				line, err := readLine(b)
				if !errors.Is(err, w.err) {
					t.Errorf("%s, %s: line %d ends with %v, want %v", c.name, name, i, err, w.err)
				}
				// How much of a line that is too long was read does not matter, as long as there is an end to it.
				if w.err == errLong && len(line) <= maxLine+8<<10 {
					continue
				}
				if string(line) != w.line {
					t.Errorf("%s, %s: line %d has %d bytes, %.20q, want %d, %.20q", c.name, name, i, len(line), line, len(w.line), w.line)
				}
			}
		}
	}
}

func TestReadLineIsBounded(t *testing.T) {
	endless := readerFunc(func(b []byte) (int, error) {
		for i := range b {
			b[i] = 'x'
		}
		return len(b), nil
	})
	line, err := readLine(bufio.NewReader(endless))
	if !errors.Is(err, errLong) || len(line) > maxLine+8<<10 {
		t.Errorf("an endless line gives %d bytes and %v", len(line), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestTail(t *testing.T) {
	long := make([]byte, 3*maxTail+7)
	for i := range long {
		long[i] = byte('a' + i%26)
	}
	for _, size := range []int{997, maxTail - 1, maxTail, maxTail + 1, len(long)} {
		var tail tail
		for part := range slices.Chunk(long, size) {
			tail.add(part)
		}
		if got := tail.take(); got != string(long[len(long)-maxTail:]) {
			t.Errorf("written by %d bytes: %d bytes are kept, and they are not the last %d", size, len(got), maxTail)
		}
		if got := tail.take(); got != "" {
			t.Errorf("written by %d bytes: taken twice", size)
		}
	}
	var tail tail
	tail.add([]byte("a"))
	tail.add([]byte("b"))
	if got := tail.take(); got != "ab" {
		t.Errorf("take gives %q, want %q", got, "ab")
	}
}

// TestTailOfPipe is what a failing case relies on: what was written before take, take returns, however little fill
// has had time to do.
func TestTailOfPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("one cannot look into a pipe here")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var tail tail
	tail.open(r)
	filled := make(chan struct{})
	go func() { tail.fill(r); close(filled) }()
	for i := range 2000 {
		want := fmt.Sprintln("line", i)
		if _, err := w.WriteString(want); err != nil {
			t.Fatal(err)
		}
		if got := tail.take(); got != want {
			t.Fatalf("take %d gives %q, want %q", i, got, want)
		}
	}
	// More than a pipe holds, so that fill has to empty it, and no longer than that.
	big := strings.Repeat("0123456789abcdef", 100<<10)
	if _, err := w.WriteString(big); err != nil {
		t.Fatal(err)
	}
	w.Close()
	<-filled
	if got := tail.take(); got != big[len(big)-maxTail:] {
		t.Errorf("of %d bytes %d are kept, and they are not the last %d", len(big), len(got), maxTail)
	}
}

func TestTailOfClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var tail tail
	tail.open(r)
	filled := make(chan struct{})
	go func() { tail.fill(r); close(filled) }()
	r.Close()
	<-filled // though the other end is open
	if got := tail.take(); got != "" {
		t.Errorf("take gives %q", got)
	}
}

func TestStartOfNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	p := NewProcess(time.Second, filepath.Join(t.TempDir(), "absent"))
	for range 3 {
		if err := p.Start(); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("Start gives %v, want %v", err, os.ErrNotExist)
		}
	}
	if _, err := p.Call([]byte("{}")); err == nil {
		t.Error("Call of a port that did not start gives no error")
	}
	p.Kill()
	if err := p.Close(); err != nil {
		t.Errorf("Close of a port that did not start gives %v", err)
	}
	if s := p.Stderr(); s != "" {
		t.Errorf("Stderr of a port that did not start gives %q", s)
	}
	if _, err := new(Suite).Judge(p, nil); err == nil || !strings.HasPrefix(err.Error(), "the port did not start: ") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Judge gives %v", err)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
}

func TestShort(t *testing.T) {
	for _, n := range []int{0, 1, 400} {
		if s := strings.Repeat("x", n); short(s) != s {
			t.Errorf("%d characters become %q", n, short(s))
		}
	}
	got := short(strings.Repeat("a", 160) + strings.Repeat("b", 81) + strings.Repeat("c", 160))
	if want := strings.Repeat("a", 160) + " … 81 characters … " + strings.Repeat("c", 160); got != want {
		t.Errorf("401 characters become %q, want %q", got, want)
	}
}

func TestCommandLine(t *testing.T) {
	words := []string{"python3", "ports/python/port.py", "", "two words", "it's", `a\b`, "$HOME", "*", "a=b", "~", "#", "ü", "new\nline", "50%", "a:b,c+d@e", "'", `"`}
	const want = `python3 ports/python/port.py '' 'two words' 'it'\''s' 'a\b' '$HOME' '*' a=b '~' '#' 'ü' 'new` + "\n" + `line' 50% a:b,c+d@e ''\''' '"'`
	if got := commandLine(words); runtime.GOOS != "windows" && got != want {
		t.Errorf("commandLine gives\n%s\nwant\n%s", got, want)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell to ask")
	}
	words = slices.DeleteFunc(words, func(s string) bool { return filepath.ToSlash(s) != s })
	out, err := exec.Command(sh, "-c", `printf '%s\0' `+commandLine(words)).Output()
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got, words) {
		t.Errorf("a shell reads %q (%v), want %q", got, err, words)
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, keep, want string }{
		{"plain, ünd 日本", "", "plain, ünd 日本"},
		{"a\nb\tc", "\n\t", "a\nb\tc"},
		{"a\nb\tc", "", "a\uFFFDb\uFFFDc"},
		{"a\r\nb", "\n", "a\nb"},
		{"a\rb", "\n", "a\uFFFDb"},
		{"\x1b[2J\x00\x7f", "\n", "\uFFFD[2J\uFFFD\uFFFD"},
		{"c1 \u009b2J", "", "c1 \uFFFD2J"},
		{"right \u202e to left", "", "right \uFFFD to left"},
		{"\xff\xfe", "", "\uFFFD"},
	} {
		if got := printable(c.in, c.keep); got != c.want {
			t.Errorf("printable(%q, %q) gives %q, want %q", c.in, c.keep, got, c.want)
		}
	}
}

func TestTwice(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                               "",
		`{"a":1,"b":1}`:                    "",
		`{"a":1,"a":1}`:                    "a",
		`{"a":1,"b":{"a":1}}`:              "",
		`{"a":{"b":1},"b":[],"c":{}}`:      "",
		`{"a":{"b":1,"c":2,"b":3}}`:        "b",
		`[{"a":1},{"a":1}]`:                "",
		`[{"a":1},{"a":1,"a":[]}]`:         "a",
		`{"a":["a","a"],"c":"a"}`:          "",
		`{"a":"b","b":"a"}`:                "",
		`{"a":{},"a":{}}`:                  "a",
		`{"a":1e999,"b":2,"b":3}`:          "b",
		`{"a":[[{"z":[]}],{"z":1,"z":2}]}`: "z",
		`{"a":1,"\u0061":2}`:               "a",
		`{"":1,"a":2}`:                     "",
		`"a"`:                              "",
		`5`:                                "",
	} {
		if got, is := twice([]byte(in)); got != want || is != (want != "") {
			t.Errorf("twice(%s) gives %q, %v, want %q", in, got, is, want)
		}
	}
	if key, is := twice([]byte(`{"":1,"":2}`)); key != "" || !is {
		t.Errorf("the empty key, twice, gives %q, %v", key, is)
	}
	deep := append(bytes.Repeat([]byte(`{"a":[`), 4000), bytes.Repeat([]byte(`]}`), 4000)...)
	if _, err := parse(deep); err != nil {
		t.Fatal(err)
	}
	if key, is := twice(deep); is {
		t.Errorf("%q is found twice in objects of one key", key)
	}
}
