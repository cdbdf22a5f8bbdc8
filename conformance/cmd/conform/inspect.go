package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cdcp-project/cdcp/conformance"
	"github.com/cdcp-project/cdcp/testdata"
	"github.com/cdcp-project/cdcp/wire"
)

const (
	maxInspect = 1 << 17 // of the frame, and of the N of HH*N; bytes
	maxText    = 1 << 20 // of the text that spells the frame; bytes
)

// inspect is conform inspect: the fields of one frame, and the verdict on it.
func inspect(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	text := strings.Join(args, " ")
	if len(args) == 0 {
		b, err := io.ReadAll(io.LimitReader(stdin, maxText+1))
		if err != nil {
			return fail(stderr, exitSuite, err)
		}
		text = string(b)
	}
	frame, err := unhex(text)
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	spec, err := conformance.LoadSpec(testdata.FS())
	if err != nil {
		return fail(stderr, exitSuite, err)
	}
	explanation, accepted := explain(frame, spec, colour(stdout))
	if _, err := io.WriteString(stdout, explanation); err != nil {
		return fail(stderr, exitSuite, err)
	}
	if !accepted {
		return exitDoesNot
	}
	return exitConforms
}

// unhex reads bytes as people write them: hexadecimal in any case, with or without 0x in front of a word, and HH*N, a
// word of its own, for N bytes HH. White space, colons, commas and hyphens part words and mean nothing else.
func unhex(s string) ([]byte, error) {
	bad := func(at int, format string, args ...any) ([]byte, error) {
		return nil, fmt.Errorf("position %d: %s", at+1, fmt.Sprintf(format, args...))
	}
	if len(s) > maxText {
		return bad(maxText, "more than %d bytes of text", maxText)
	}
	var b []byte
	half := -1 // where the first digit of a byte stands that has no second yet
	for at, end := 0, 0; at < len(s); at = end + 1 {
		end = len(s)
		if n := strings.IndexAny(s[at:], " \t\r\n\v\f:,-"); n >= 0 {
			end = at + n
		}
		if half < 0 && end-at >= 2 && strings.EqualFold(s[at:at+2], "0x") {
			at += 2
		}
		digits, times, repeated := strings.Cut(s[at:end], "*")
		for i, r := range digits {
			d := strings.IndexRune("0123456789abcdef", unicode.ToLower(r))
			switch {
			case d < 0:
				return bad(at+i, "%q is no hexadecimal digit", r)
			case half < 0:
				b, half = append(b, byte(d<<4)), at+i
			default:
				b[len(b)-1] |= byte(d)
				half = -1
			}
		}
		if repeated {
			at += len(digits)
			n, err := strconv.ParseUint(times, 10, 64)
			if len(digits) != 2 || half >= 0 {
				return bad(at, "'*' repeats one byte, as in 61*300")
			}
			if err != nil || n < 1 || n > maxInspect {
				return bad(at+1, "a byte is repeated 1 to %d times", maxInspect)
			}
			b = append(b, slices.Repeat(b[len(b)-1:], int(n-1))...)
		}
		if len(b) > maxInspect {
			return bad(at, "more than %d bytes", maxInspect)
		}
	}
	if half >= 0 {
		return bad(half, "half a byte")
	}
	return b, nil
}

// A field is one field of a frame as it stands there, at fault or not.
type field struct {
	offset int    // of its first byte in the frame
	name   string // as in SPEC.md section 3.1
	bytes  []byte // what there is of it
	words  string // its value
}

// fields goes over the fields of a frame, up to one that is not there whole. It follows the layout, and leaves it to
// package wire to say what is at fault; whoever goes over a frame that is refused stops at the field at fault.
func fields(frame []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		w := walker{frame: frame, yield: yield}
		w.take("version", 1, func(v []byte) string { return fmt.Sprintf("%d (binary %02b)", v[0]>>6, v[0]>>6) })
		w.at = 0 // the type shares its byte
		t := typeOf(w.take("type", 1, func(v []byte) string { return typeOf(v).String() }))
		flags := wire.Flags(number(w.take("flags", 1, flagWords)))
		w.take("channel", 2, decimal)
		w.take("session", 4, decimal)
		w.take("sequence", 4, decimal)
		if flags&wire.FlagFragment != 0 {
			w.take("fragment-offset", 2, decimal)
			w.take("message-length", 2, length)
		}
		if flags&wire.FlagExtensions != 0 {
			size := int(number(w.take("ext-length", 1, func(v []byte) string { return length(v) + " of TLVs" })))
			for end := w.at + size; w.at < end && !w.over; {
				t := wire.ExtType(number(w.take("tlv-type", 1, tlvWords)))
				left := end - w.at // from the length on
				n := number(w.take("tlv-length", min(left, 1), func(v []byte) string {
					switch {
					case left == 0:
						return "absent: the TLVs are over"
					case int(number(v)) > left-1:
						return fmt.Sprintf("%s, and the TLVs have %d", length(v), left-1)
					}
					return length(v)
				}))
				w.take("tlv-value", int(n), func(v []byte) string { return valueWords(t, v) })
			}
		}
		switch t {
		case wire.TypeData:
			w.take("payload", len(frame)-w.at, content)
		case wire.TypeClose:
			w.take("reason", 2, func(v []byte) string { return wire.CloseReason(number(v)).String() })
		}
		if rest := len(frame) - w.at; rest > 0 {
			w.take("end", rest, func([]byte) string { return count(rest, "byte") + " too many" })
		}
	}
}

// A walker takes the bytes of a frame, field after field.
type walker struct {
	frame []byte
	yield func(field) bool
	at    int  // where the next field begins, 0 to len(frame)
	over  bool // a field was not there whole, or no more are wanted
}

// take yields the next size bytes as a field, with its value in words if they are all there, and returns what there
// is of them. Once the walk is over it does nothing.
func (w *walker) take(name string, size int, words func(v []byte) string) []byte {
	if w.over {
		return nil
	}
	v := w.frame[w.at:min(w.at+size, len(w.frame))]
	f := field{offset: w.at, name: name, bytes: v}
	switch len(v) {
	case size:
		f.words = words(v)
	case 0:
		f.words = "absent"
	default:
		f.words = fmt.Sprintf("cut short: %d of %d bytes", len(v), size)
	}
	w.over = !w.yield(f) || len(v) < size
	w.at += len(v)
	return v
}

// number returns the integer that v spells, 0 if it is empty.
func number(v []byte) (n uint32) {
	for _, c := range v {
		n = n<<8 | uint32(c)
	}
	return n
}

func decimal(v []byte) string { return fmt.Sprint(number(v)) }

func length(v []byte) string { return count(int(number(v)), "byte") }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func typeOf(v []byte) wire.Type { return wire.Type(number(v) & 0x3f) }

func flagWords(v []byte) string {
	f := wire.Flags(number(v))
	var words []string
	for _, flag := range []struct {
		mask       wire.Flags
		set, clear string
	}{
		{wire.FlagFragment, "fragment", ""},
		{wire.FlagExtensions, "extensions", ""},
		{wire.FlagDurable, "durable", "lossy"},
		{wire.FlagHigh, "high priority", "normal priority"},
		{0x08, "bit 3", ""},
		{0x04, "bit 2", ""},
		{0x02, "bit 1", ""},
		{0x01, "bit 0", ""},
	} {
		word := flag.clear
		if f&flag.mask != 0 {
			word = flag.set
		}
		if word != "" {
			words = append(words, word)
		}
	}
	return f.String() + ": " + strings.Join(words, ", ")
}

func tlvWords(v []byte) string {
	t := wire.ExtType(number(v))
	words := t.String()
	if t.Critical() {
		words += ", critical"
	}
	if t.HopByHop() {
		return words + ", hop-by-hop"
	}
	return words + ", end-to-end"
}

func valueWords(t wire.ExtType, v []byte) string {
	switch t {
	case wire.ExtRun:
		if number(v) == 65535 {
			return "65535 or more messages to this list"
		}
		return count(int(number(v)), "message") + " to this list"
	case wire.ExtOrigin:
		return "participant " + decimal(v)
	case wire.ExtParticipants:
		var handles []string
		for handle := range slices.Chunk(v, 2) {
			handles = append(handles, decimal(handle))
		}
		return "participants " + strings.Join(handles, ", ")
	}
	return content(v)
}

// content says how many bytes v has, and quotes the beginning if it is text.
func content(v []byte) string {
	const most = 40 // characters
	words := count(len(v), "byte")
	text := []rune(string(v))
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune("\t\n\r", r) }
	switch {
	case len(v) == 0 || !utf8.Valid(v) || slices.ContainsFunc(text, unprintable):
		return words
	case len(text) > most:
		return words + ", " + strconv.Quote(string(text[:most])) + "…"
	}
	return words + ", " + strconv.Quote(string(text))
}

// explain returns the fields of a frame, up to one at fault, and the verdict on it, with colours of a terminal if
// colour is set.
func explain(frame []byte, spec *conformance.Spec, colour bool) (text string, accepted bool) {
	paint := func(code, s string) string {
		if !colour {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	var parsed wire.Frame
	fault, refused := errors.AsType[*wire.Error](parsed.Parse(frame))

	var rows []field
	width := 0 // of the column of bytes, characters
	for f := range fields(frame) {
		rows = append(rows, f)
		width = max(width, utf8.RuneCountInString(abridged(f.bytes)))
		if refused && f.name == fault.Field && f.offset == fault.Offset {
			break
		}
	}
	var b strings.Builder
	for _, f := range rows {
		fmt.Fprintf(&b, "%s  %-*s  %-15s  %s\n", paint("2", fmt.Sprintf("%4d", f.offset)), width, abridged(f.bytes), f.name, f.words)
	}
	b.WriteString("\n")
	if !refused {
		fmt.Fprintf(&b, "%s: %v, %s\n", paint("1;32", "accepted"), parsed.Type, count(len(frame), "byte"))
		return b.String(), true
	}

	first := max(0, fault.Offset-8)
	last := min(first+16, len(frame))
	around := strings.TrimRight(fmt.Sprintf("  % x", frame[first:last]), " ")
	if last < len(frame) {
		around += " …"
	}
	fmt.Fprintf(&b, "%s%s\n", paint("2", fmt.Sprintf("%4d", first)), around)
	fmt.Fprintf(&b, "%*s%s\n\n", 6+3*(fault.Offset-first), "", paint("1;31", "^"))
	fmt.Fprintf(&b, "%s: error %d, %s, at offset %d, %s\n", paint("1;31", "refused"), fault.Code, fault.Code.String(), fault.Offset, fault.Field)
	hang(&b, "because", spec.Error(int(fault.Code)).Text)
	for _, id := range spec.Cell(fault.Field, int(fault.Code)).Clauses {
		hang(&b, id, spec.Clause(id).Text)
	}
	return b.String(), false
}

// abridged returns v in hexadecimal; of more than 16 bytes the first 8, an ellipsis, and how many there are.
func abridged(v []byte) string {
	if len(v) > 16 {
		return fmt.Sprintf("%x…%d", v[:8], len(v))
	}
	return fmt.Sprintf("%x", v)
}

// hang writes text in lines of up to 80 characters, and label in front of the first.
func hang(b *strings.Builder, label, text string) {
	const margin, width = 12, 80
	fmt.Fprintf(b, "  %-*s", margin-2, label)
	column := margin
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			fmt.Fprintf(b, "\n%*s", margin, "")
			column = margin
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteString("\n")
}
