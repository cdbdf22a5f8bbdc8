package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// The largest number of a script, and of cdcp-port/1, and the latest start of a clock.
const (
	maxInteger = 1<<53 - 1
	maxStart   = 1<<53 - 1<<40
)

// readNumber reads a number from 0 to most, in decimal, or in hexadecimal behind 0x.
func readNumber(s string, most int64) (int64, error) {
	digits, base := s, 10
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		digits, base = rest, 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || n > uint64(most) {
		return 0, fmt.Errorf("%q is no number from 0 to %d", s, most)
	}
	return int64(n), nil
}

// The units of times, in µs, and how many digits of a fraction each can have.
var units = []struct {
	name   string
	micros int64
	digits int
}{{"us", 1, 0}, {"ms", 1000, 3}, {"s", 1000000, 6}}

// readMicros reads a time: 0, or one with a unit, in whole microseconds.
func readMicros(s string) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	for _, unit := range units {
		number, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		whole, fraction, point := strings.Cut(number, ".")
		if point && fraction == "" || len(fraction) > unit.digits {
			break
		}
		// Both parts together, as a number of microseconds, are whole·micros + fraction.
		n, err := strconv.ParseUint(whole, 10, 64)
		part, err2 := strconv.ParseUint("0"+fraction+strings.Repeat("0", unit.digits-len(fraction)), 10, 64)
		if err != nil || err2 != nil || n > maxInteger/uint64(unit.micros) {
			break
		}
		if n = n*uint64(unit.micros) + part; n <= maxInteger {
			return int64(n), nil
		}
		break
	}
	return 0, fmt.Errorf("%q is no time: 0, or a number of us, ms or s, in whole microseconds", s)
}

// spellMicros writes a time as readMicros reads it.
func spellMicros(t int64) string {
	if t == 0 {
		return "0"
	}
	unit := units[0]
	for _, u := range units {
		if t >= u.micros {
			unit = u
		}
	}
	whole, part := t/unit.micros, t%unit.micros
	if part == 0 {
		return fmt.Sprint(whole, unit.name)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%0*d", whole, unit.digits, part), "0") + unit.name
}

// A moment is a time that can be counted from another.
type moment struct {
	from  string // "": the clock. "step": the step before; in an expectation, the step. "next": the next deadline
	after int64  // µs
}

// readMoment reads 5s, +20ms, next, next-1us or next+3s.
func readMoment(s string) (moment, error) {
	m, sign := moment{}, int64(1)
	rest := s
	switch {
	case s == "next":
		return moment{from: "next"}, nil
	case strings.HasPrefix(s, "next+"):
		m.from, rest = "next", s[len("next+"):]
	case strings.HasPrefix(s, "next-"):
		m.from, rest, sign = "next", s[len("next-"):], -1
	case strings.HasPrefix(s, "+"):
		m.from, rest = "step", s[1:]
	}
	t, err := readMicros(rest)
	m.after = sign * t
	return m, err
}

// readHex reads bytes, and returns them in plain hexadecimal.
func readHex(s string) (string, error) {
	if s == "-" {
		return "", nil
	}
	if s == "" {
		return "", fmt.Errorf("no bytes are written -")
	}
	return expand(strings.ReplaceAll(s, "+", " "))
}

// spellHex writes plain hexadecimal as readHex reads it, with long runs of a byte in short.
func spellHex(plain string) string {
	if plain == "" {
		return "-"
	}
	const short = 8 // bytes that are written out
	var parts []string
	begin := 0 // of what is not written yet
	for i := 0; i < len(plain); {
		n := 1
		for i+2*n+2 <= len(plain) && plain[i+2*n:i+2*n+2] == plain[i:i+2] {
			n++
		}
		if n > short {
			if begin < i {
				parts = append(parts, plain[begin:i])
			}
			parts = append(parts, fmt.Sprintf("%s*%d", plain[i:i+2], n))
			begin = i + 2*n
		}
		i += 2 * n
	}
	if begin < len(plain) {
		parts = append(parts, plain[begin:])
	}
	return strings.Join(parts, "+")
}

// readHandles reads a list of participants; all is the empty one.
func readHandles(s string) ([]int64, error) {
	list := []int64{}
	if s == "all" {
		return list, nil
	}
	for word := range strings.SplitSeq(s, ",") {
		n, err := readNumber(word, 65535)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}
