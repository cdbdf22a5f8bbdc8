package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/testdata"
	"github.com/cdcp-project/cdcp/wire"
)

// The outputs are typed, from SPEC.md, but for the words that SPEC.md has for errors and clauses: of clauses the ids
// of the cell in section 7.1 are here.
var golden = []struct{ name, hex, want string }{
	{"data-text", "80 00 03e8 65000001 00000001 6869", `
   0  80        version          2 (binary 10)
   0  80        type             DATA
   1  00        flags            none: lossy, normal priority
   2  03e8      channel          1000
   4  65000001  session          1694498817
   8  00000001  sequence         1
  12  6869      payload          2 bytes, "hi"

accepted: DATA, 14 bytes
`},
	{"ext-participants-run", "80 70 03e8 65000001 00000002 0a 01 02 0001 c1 04 00070009 6869", `
   0  80        version          2 (binary 10)
   0  80        type             DATA
   1  70        flags            XDP: extensions, durable, high priority
   2  03e8      channel          1000
   4  65000001  session          1694498817
   8  00000002  sequence         2
  12  0a        ext-length       10 bytes of TLVs
  13  01        tlv-type         run, end-to-end
  14  02        tlv-length       2 bytes
  15  0001      tlv-value        1 message to this list
  17  c1        tlv-type         participants, critical, hop-by-hop
  18  04        tlv-length       4 bytes
  19  00070009  tlv-value        participants 7, 9
  23  6869      payload          2 bytes, "hi"

accepted: DATA, 25 bytes
`},
	{"fragment-last", "80 80 03e8 65000001 00000003 0100 012c 61*44", `
   0  80                   version          2 (binary 10)
   0  80                   type             DATA
   1  80                   flags            F: fragment, lossy, normal priority
   2  03e8                 channel          1000
   4  65000001             session          1694498817
   8  00000003             sequence         3
  12  0100                 fragment-offset  256
  14  012c                 message-length   300 bytes
  16  6161616161616161…44  payload          44 bytes, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"…

accepted: DATA, 60 bytes
`},
	{"close-normal", "81 00 03e8 65000001 00000003 0000", `
   0  81        version          2 (binary 10)
   0  81        type             CLOSE
   1  00        flags            none: lossy, normal priority
   2  03e8      channel          1000
   4  65000001  session          1694498817
   8  00000003  sequence         3
  12  0000      reason           normal

accepted: CLOSE, 14 bytes
`},
	{"keepalive-plain", "82 00 03e8 65000001 00000003", `
   0  82        version          2 (binary 10)
   0  82        type             KEEPALIVE
   1  00        flags            none: lossy, normal priority
   2  03e8      channel          1000
   4  65000001  session          1694498817
   8  00000003  sequence         3

accepted: KEEPALIVE, 12 bytes
`},
	{"truncated-channel", "80 00 03", `
   0  80  version          2 (binary 10)
   0  80  type             DATA
   1  00  flags            none: lossy, normal priority
   2  03  channel          cut short: 1 of 2 bytes

   0  80 00 03
            ^

refused: error 1, truncated, at offset 2, channel
  WIRE-005
`},
	{"an empty frame", "", `
   0    version          absent

   0
      ^

refused: error 1, truncated, at offset 0, version
  WIRE-005
`},
	{"no session", "82 00 03e8", `
   0  82    version          2 (binary 10)
   0  82    type             KEEPALIVE
   1  00    flags            none: lossy, normal priority
   2  03e8  channel          1000
   4        session          absent

   0  82 00 03 e8
                  ^

refused: error 1, truncated, at offset 4, session
  WIRE-005
`},
	{"bad value in the second TLV", "80 40 03e8 65000001 00000002 0c 41 02 0005 c1 06 000700070008 00*20", `
   0  80            version          2 (binary 10)
   0  80            type             DATA
   1  40            flags            X: extensions, lossy, normal priority
   2  03e8          channel          1000
   4  65000001      session          1694498817
   8  00000002      sequence         2
  12  0c            ext-length       12 bytes of TLVs
  13  41            tlv-type         origin, hop-by-hop
  14  02            tlv-length       2 bytes
  15  0005          tlv-value        participant 5
  17  c1            tlv-type         participants, critical, hop-by-hop
  18  06            tlv-length       6 bytes
  19  000700070008  tlv-value        participants 7, 7, 8

  11  02 0c 41 02 00 05 c1 06 00 07 00 07 00 08 00 00 …
                              ^

refused: error 12, bad-tlv-value, at offset 19, tlv-value
  WIRE-037
  WIRE-039
  WIRE-041
  WIRE-042
`},
	{"the TLVs end behind a type", "80 40 0001 00000000 00000000 03 02 00 03 68", `
   0  80        version          2 (binary 10)
   0  80        type             DATA
   1  40        flags            X: extensions, lossy, normal priority
   2  0001      channel          1
   4  00000000  session          0
   8  00000000  sequence         0
  12  03        ext-length       3 bytes of TLVs
  13  02        tlv-type         ext(0x02), end-to-end
  14  00        tlv-length       0 bytes
  15            tlv-value        0 bytes
  15  03        tlv-type         ext(0x03), end-to-end
  16            tlv-length       absent: the TLVs are over

   8  00 00 00 00 03 02 00 03 68
                              ^

refused: error 11, bad-tlv-length, at offset 16, tlv-length
  WIRE-027
  WIRE-036
  WIRE-038
  WIRE-040
`},
	{"a TLV that does not fit", "80 40 0001 00000000 00000000 05 41 04 00050006", `
   0  80        version          2 (binary 10)
   0  80        type             DATA
   1  40        flags            X: extensions, lossy, normal priority
   2  0001      channel          1
   4  00000000  session          0
   8  00000000  sequence         0
  12  05        ext-length       5 bytes of TLVs
  13  41        tlv-type         origin, hop-by-hop
  14  04        tlv-length       4 bytes, and the TLVs have 3

   6  00 00 00 00 00 00 05 41 04 00 05 00 06
                              ^

refused: error 11, bad-tlv-length, at offset 14, tlv-length
  WIRE-027
  WIRE-036
  WIRE-038
  WIRE-040
`},
	{"unknown version", "40 00 03e8", `
   0  40  version          1 (binary 01)

   0  40 00 03 e8
      ^

refused: error 2, unknown-version, at offset 0, version
  WIRE-010
`},
	{"unknown type", "9a", `
   0  9a  version          2 (binary 10)
   0  9a  type             type(26)

   0  9a
      ^

refused: error 3, unknown-type, at offset 0, type
  WIRE-011
`},
	{"bad flags", "80 35", `
   0  80  version          2 (binary 10)
   0  80  type             DATA
   1  35  flags            DP20: durable, high priority, bit 2, bit 0

   0  80 35
         ^

refused: error 4, bad-flags, at offset 1, flags
  WIRE-012
  WIRE-013
`},
	{"trailing byte", "81 10 03e8 ffffffff 00000003 0102 00", `
   0  81        version          2 (binary 10)
   0  81        type             CLOSE
   1  10        flags            P: lossy, high priority
   2  03e8      channel          1000
   4  ffffffff  session          4294967295
   8  00000003  sequence         3
  12  0102      reason           generic(258)
  14  00        end              1 byte too many

   6  ff ff 00 00 00 03 01 02 00
                              ^

refused: error 17, trailing-bytes, at offset 14, end
  WIRE-033
  WIRE-035
`},
}

func TestInspect(t *testing.T) {
	for _, c := range golden {
		t.Run(c.name, func(t *testing.T) {
			out, class := inspected(t, c.hex)
			out = regexp.MustCompile(`(?m)^  because .*\n( {12}.*\n)*`).ReplaceAllString(out, "")
			out = regexp.MustCompile(`(?m)^(  WIRE-\d+)  .*\n( {12}.*\n)*`).ReplaceAllString(out, "$1\n")
			if want := c.want[1:]; out != want {
				t.Errorf("%s gives\n%s\nwant\n%s", c.hex, out, want)
			}
			want := exitConforms
			if strings.Contains(c.want, "\nrefused:") {
				want = exitDoesNot
			}
			if class != want {
				t.Errorf("exit class %d, want %d", class, want)
			}
		})
	}
}

// TestInspectReadme holds what README.md shows of inspect against what it prints.
func TestInspectReadme(t *testing.T) {
	b, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)conform inspect ([0-9a-f]+)\n\nIt prints:\n\n```\n(.*?)```").FindStringSubmatch(string(b))
	if shown == nil {
		t.Fatal("README.md shows no frame")
	}
	if out, _ := inspected(t, shown[1]); out != shown[2] {
		t.Errorf("README.md shows\n%s\nand inspect prints\n%s", shown[2], out)
	}
}

// TestInspectVectors explains every vector that has bytes.
func TestInspectVectors(t *testing.T) {
	s := load(t)
	for _, v := range s.Vectors {
		if v.Hex == nil {
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			frame := spelled(t, *v.Hex)
			out, class := inspected(t, *v.Hex)
			checkRows(t, frame, out)
			if v.Error == nil {
				if want := fmt.Sprintf("\naccepted: %s, %d byte", strings.ToUpper(v.Frame.Type), len(frame)); class != exitConforms || !strings.Contains(out, want) {
					t.Errorf("exit class %d, want 0 and %q in\n%s", class, want, out)
				}
				return
			}
			want := fmt.Sprintf("\nrefused: error %d, %s, at offset %d, %s\n", v.Error.Code, s.Spec.Error(v.Error.Code).Name, v.Error.Offset, v.Error.Field)
			if class != exitDoesNot || !strings.Contains(out, want) {
				t.Errorf("exit class %d, want 1 and %q in\n%s", class, want, out)
			}
			var ids []string
			for _, m := range regexp.MustCompile(`(?m)^  (WIRE-\d+)  `).FindAllStringSubmatch(out, -1) {
				ids = append(ids, m[1])
			}
			if want := s.Spec.Cell(v.Error.Field, v.Error.Code).Clauses; !slices.Equal(ids, want) {
				t.Errorf("clauses %q, want %q", ids, want)
			}
			words := strings.Join(strings.Fields(out), " ")
			if want := "because " + s.Spec.Error(v.Error.Code).Text; !strings.Contains(words, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
			for _, id := range ids {
				if !strings.Contains(words, s.Spec.Clause(id).Text) {
					t.Errorf("the text of %s is not in\n%s", id, out)
				}
			}
			checkCaret(t, frame, out, v.Error.Offset)
			_, verdict, _ := strings.Cut(out, want)
			for line := range strings.Lines(verdict) {
				if utf8.RuneCountInString(line) > 81 {
					t.Errorf("a line of more than 80 characters: %s", line)
				}
			}
		})
	}
}

// FuzzInspect holds explain, of which inspect makes its exit class, against package wire, and its rows against the bytes.
func FuzzInspect(f *testing.F) {
	s := load(f)
	for _, v := range s.Vectors {
		if v.Hex != nil {
			f.Add(spelled(f, *v.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		out, accepted := explain(frame, s.Spec, false)
		covered := checkRows(t, frame, out)
		var parsed wire.Frame
		fault, refused := errors.AsType[*wire.Error](parsed.Parse(frame))
		if accepted == refused {
			t.Errorf("accepted: %v, and wire says %v", accepted, fault)
		}
		if refused {
			checkCaret(t, frame, out, fault.Offset)
		} else if covered != len(frame) {
			t.Errorf("%d of %d bytes are shown", covered, len(frame))
		}
		for range fields(frame) { // also beyond a fault
		}
	})
}

var row = regexp.MustCompile(`^ {0,3}(\d+)  ([0-9a-f]*)(?:…(\d+))? +([a-z][a-z-]+)  +(\S.*)$`)

// checkRows checks that the rows of out stand for the bytes of frame from the first on, each of them once, but for
// the first, which version and type share. It returns how many bytes they stand for.
func checkRows(t *testing.T, frame []byte, out string) (covered int) {
	t.Helper()
	table, _, _ := strings.Cut(out, "\n\n")
	for i, line := range strings.Split(table, "\n") {
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q is no row", line)
		}
		if i == 1 {
			if m[4] != "type" {
				t.Errorf("the second row is %q", line)
			}
			covered = 0
		}
		if offset, _ := strconv.Atoi(m[1]); offset != covered {
			t.Fatalf("row %q, want offset %d in\n%s", line, covered, out)
		}
		shown, err := hex.DecodeString(m[2])
		if err != nil || len(shown) > 16 || !bytes.HasPrefix(frame[covered:], shown) {
			t.Fatalf("row %q, and the frame goes on with %x", line, frame[covered:])
		}
		n := len(shown)
		if m[3] != "" {
			if n, _ = strconv.Atoi(m[3]); n <= 16 {
				t.Errorf("row %q could show all its bytes", line)
			}
		}
		covered += n
	}
	return covered
}

// checkCaret checks that the caret in out is under the byte at that offset, or behind the last.
func checkCaret(t *testing.T, frame []byte, out string, offset int) {
	t.Helper()
	lines := strings.Split(out, "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "^" })
	if at < 1 {
		t.Fatalf("no caret in\n%s", out)
	}
	above, column := lines[at-1]+"  ", strings.Index(lines[at], "^")
	before := strings.Fields(above[:min(column, len(above))])
	first, err := strconv.Atoi(before[0])
	if err != nil || first+len(before)-1 != offset {
		t.Errorf("the caret is not under offset %d:\n%s\n%s", offset, lines[at-1], lines[at])
	}
	if offset < len(frame) {
		if want := fmt.Sprintf("%02x", frame[offset]); !strings.HasPrefix(above[column:], want+" ") || above[column-1] != ' ' {
			t.Errorf("the caret is not under %s:\n%s\n%s", want, lines[at-1], lines[at])
		}
	} else if want := len(strings.TrimRight(above, " ")) + 1; offset > 0 && column != want {
		t.Errorf("the caret is in column %d, not behind the last byte in %d:\n%s\n%s", column, want, lines[at-1], lines[at])
	}
}

func TestInspectWords(t *testing.T) {
	const head = "80 40 0001 00000000 00000000 "
	for _, c := range []struct{ name, hex, want string }{
		{"no payload", "80 00 0001 00000000 00000000", "  12            payload          0 bytes\n"},
		{"text in UTF-8", "80 00 0001 00000000 00000000 c3a4 e282ac 0a 22", `payload          7 bytes, "ä€\n\""` + "\n"},
		{"no UTF-8", "80 00 0001 00000000 00000000 61 ff", "payload          2 bytes\n"},
		{"an escape code", "80 00 0001 00000000 00000000 1b5b41", "payload          3 bytes\n"},
		{"an override of direction", "80 00 0001 00000000 00000000 e280ae", "payload          3 bytes\n"},
		{"40 characters", "80 00 0001 00000000 00000000 61*40", `"` + strings.Repeat("a", 40) + "\"\n"},
		{"41 characters", "80 00 0001 00000000 00000000 61*41", `"` + strings.Repeat("a", 40) + "\"…\n"},
		{"16 bytes", "80 00 0001 00000000 00000000 00*16", "  12  00000000000000000000000000000000  payload          16 bytes\n"},
		{"17 bytes", "80 00 0001 00000000 00000000 00*17", "  12  0000000000000000…17  payload          17 bytes\n"},
		{"run", head + "04 01 02 ffff", "tlv-value        65535 or more messages to this list\n"},
		{"origin", head + "04 41 02 0102", "tlv-value        participant 258\n"},
		{"one byte", head + "03 41 02 01", "tlv-length       2 bytes, and the TLVs have 1\n"},
		{"text in a TLV", head + "04 0a 02 6869", "tlv-type         ext(0x0a), end-to-end\n"},
		{"text in a TLV", head + "04 0a 02 6869", `tlv-value        2 bytes, "hi"` + "\n"},
		{"unknown and critical", head + "02 81 00", "tlv-type         ext(0x81), critical, end-to-end\n"},
		{"replaced", "81 00 0001 00000000 00000000 0001", "reason           replaced\n"},
		{"all flags", "80 ff", "flags            FXDP3210: fragment, extensions, durable, high priority, bit 3, bit 2, bit 1, bit 0\n"},
		{"half a value", head + "04 41 02 01", "tlv-value        cut short: 1 of 2 bytes\n"},
	} {
		if out, _ := inspected(t, c.hex); !strings.Contains(out, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, out)
		}
	}
}

func TestHang(t *testing.T) {
	var b strings.Builder
	hang(&b, "WIRE-000", "A decoder MUST take it for granted, if 1 ≤ n, that a line has 80 of them and\nnot more than that.")
	hang(&b, "because", "")
	hang(&b, "WIRE-001", "A decoder MUST "+strings.Repeat("x", 70)+" and go on.")
	want := `
  WIRE-000  A decoder MUST take it for granted, if 1 ≤ n, that a line has 80 of
            them and not more than that.
  because   ` + `
  WIRE-001  A decoder MUST
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            and go on.
`
	if b.String() != want[1:] {
		t.Errorf("got\n%swant%s", &b, want)
	}
}

func TestExplainInColour(t *testing.T) {
	spec := load(t).Spec
	accepted, _ := explain(spelled(t, "82 00 0001 00000000 00000000"), spec, true)
	refused, _ := explain([]byte{0x82}, spec, true)
	for _, c := range []struct{ text, want string }{
		{accepted, "\x1b[2m   0\x1b[0m  82        version "},
		{accepted, "\x1b[1;32maccepted\x1b[0m: KEEPALIVE"},
		{refused, "\n\x1b[2m   0\x1b[0m  82\n         \x1b[1;31m^\x1b[0m\n"},
		{refused, "\x1b[1;31mrefused\x1b[0m: error 1"},
	} {
		if !strings.Contains(c.text, c.want) {
			t.Errorf("%q is not in %q", c.want, c.text)
		}
	}
}

func TestUnhex(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \t\r\n", ""},
		{"80", "80"},
		{"AbCdEf", "abcdef"},
		{"8 0", "80"},
		{"80000\n3", "800003"},
		{"0x80", "80"},
		{"0X8000", "8000"},
		{"0x80, 0x00,0x03", "800003"},
		{"80:00-03,e8", "800003e8"},
		{"61*3", "616161"},
		{"0x61*2 00*1", "616100"},
		{"80 61*2\n", "806161"},
		{"61*131072", strings.Repeat("61", maxInspect)},
	} {
		if b, err := unhex(c.text); err != nil || hex.EncodeToString(b) != c.want {
			t.Errorf("%q gives %.20x, %v", c.text, b, err)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"zz", `position 1: 'z' is no hexadecimal digit`},
		{"80 g0", `position 4: 'g' is no hexadecimal digit`},
		{"80 8é", `position 5: 'é' is no hexadecimal digit`},
		{"80\xff", `position 3: '�' is no hexadecimal digit`},
		{"80\x10", `position 3: '\x10' is no hexadecimal digit`},
		{"80 3", "position 4: half a byte"},
		{"0x8, 0x0", `position 7: 'x' is no hexadecimal digit`},
		{"0x0x80", `position 4: 'x' is no hexadecimal digit`},
		{"6*3", "position 2: '*' repeats one byte, as in 61*300"},
		{"*3", "position 1: '*' repeats one byte, as in 61*300"},
		{"6162*3", "position 5: '*' repeats one byte, as in 61*300"},
		{"8 61*3", "position 5: '*' repeats one byte, as in 61*300"},
		{"61*", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*0", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*+1", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*3*3", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*3a", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*131073", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*18446744073709551617", "position 4: a byte is repeated 1 to 131072 times"},
		{"61*131072 61", "position 11: more than 131072 bytes"},
		{strings.Repeat(" ", maxText+1), "position 1048577: more than 1048576 bytes of text"},
	} {
		if b, err := unhex(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%.20q gives %.20x, %v, want %s", c.text, b, err, c.want)
		}
	}
}

// TestInspectInput reads the same frame from arguments and from the standard input.
func TestInspectInput(t *testing.T) {
	want, _ := inspected(t, "800003e865000001000000016869")
	args := strings.Fields("0x80 00 03:e8 65000001 00000001 6869")
	for _, c := range []struct {
		args  []string
		stdin io.Reader
	}{
		{args, nil},
		{nil, strings.NewReader("80 00 03E8\n65000001 00000001\n68 69\n")},
	} {
		var stdout, stderr strings.Builder
		if class := inspect(c.args, c.stdin, &stdout, &stderr); class != exitConforms || stdout.String() != want || stderr.Len() > 0 {
			t.Errorf("%q: exit class %d, %q and %q", c.args, class, &stdout, &stderr)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("no input") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("no output") }

func TestInspectBroken(t *testing.T) {
	var stdout, stderr strings.Builder
	if class := inspect(nil, broken{}, &stdout, &stderr); class != exitSuite || stderr.String() != "conform: no input\n" {
		t.Errorf("without an input: exit class %d, %q", class, &stderr)
	}
	stderr.Reset()
	if class := inspect([]string{"80"}, nil, broken{}, &stderr); class != exitSuite || stderr.String() != "conform: no output\n" {
		t.Errorf("without an output: exit class %d, %q", class, &stderr)
	}
}

// inspected returns what inspect says of the bytes of text, and the exit class.
func inspected(t testing.TB, text string) (out string, class int) {
	t.Helper()
	var stdout, stderr strings.Builder
	class = inspect([]string{text}, nil, &stdout, &stderr)
	if stderr.Len() > 0 || strings.Contains(stdout.String(), "\x1b") {
		t.Fatalf("inspect %.80s: exit class %d, %q and on the side %q", text, class, &stdout, &stderr)
	}
	return stdout.String(), class
}

// spelled returns the bytes of the tokens of a vector.
func spelled(t testing.TB, tokens string) []byte {
	t.Helper()
	b, err := conformance.Expand(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB) *conformance.Suite {
	t.Helper()
	s, err := conformance.Load(testdata.FS())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
