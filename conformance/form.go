package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// form reads words by a form. A word of it in capitals stands for a value of that kind; key=KIND, [key=KIND] and [flag] are options,
// which come behind the other words in any order, and those in brackets can be left out; any other word stands for itself. The
// values are given by kind or by key. A flag has one always; another option that is left out has the zero of its kind, if there is one.
func (p *scriptParser) form(form string, words []string) (map[string]any, error) {
	keys := make(map[string]any)
	options := make(map[string]string) // the kind by key; "": a flag
	required := []string{}
	for f := range strings.FieldsSeq(form) {
		bare := strings.Trim(f, "[]")
		key, name, valued := strings.Cut(bare, "=")
		switch {
		case valued && bare == f:
			required = append(required, key)
			options[key] = name
		case valued:
			options[key] = name
			if zero := kinds[name].zero; zero != nil {
				keys[key] = zero
			}
		case bare != f:
			options[key] = ""
			keys[key] = false
		default:
			if len(words) == 0 {
				return nil, fmt.Errorf("%s is missing: %s", f, form)
			}
			if k, ok := kinds[f]; ok {
				v, err := k.read(p, words[0])
				if err != nil {
					return nil, err
				}
				keys[f] = v
			} else if f != words[0] {
				return nil, fmt.Errorf("%q stands for %q: %s", words[0], f, form)
			}
			words = words[1:]
		}
	}
	given := make(map[string]bool)
	for _, word := range words {
		key, value, valued := strings.Cut(word, "=")
		name, ok := options[key]
		if !ok || valued != (name != "") {
			return nil, fmt.Errorf("%q is too much: %s", word, form)
		}
		if given[key] && name != "EXT" {
			return nil, fmt.Errorf("%q stands twice", key)
		}
		given[key] = true
		if !valued {
			keys[key] = true
			continue
		}
		v, err := kinds[name].read(p, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if t, ok := v.(TLV); ok && name == "EXT" {
			all, _ := keys[key].([]TLV)
			v = append(all, t)
		}
		keys[key] = v
	}
	for _, key := range required {
		if !given[key] {
			return nil, fmt.Errorf("%s= is missing: %s", key, form)
		}
	}
	return keys, nil
}

// A kind is a kind of value in a form.
type kind struct {
	read func(p *scriptParser, s string) (any, error)
	zero any // of an option that is left out; nil: there is none
}

// kinds has the kinds by the words that stand for them.
var kinds = map[string]kind{
	"N":       {number(0, maxInteger), int64(0)},
	"U16":     {number(0, 65535), int64(0)},
	"U32":     {number(0, 1<<32-1), int64(0)},
	"R":       {number(1, maxInteger), nil},
	"HANDLE":  {number(1, 65535), nil},
	"COUNT":   {number(0, 15), nil},
	"COUNTER": {number(0, maxInteger), nil},
	"FIRST":   {number(1, 1<<32-1), int64(1)},
	"BOUND":   {number(1, 1<<31-1), nil},
	"RATE": {func(p *scriptParser, s string) (any, error) {
		if s == "none" {
			return nil, nil
		}
		return number(1, 10000000)(p, s)
	}, nil},
	"TIME": {plain(readMicros), int64(0)},
	"START": {func(_ *scriptParser, s string) (any, error) {
		t, err := readMicros(s)
		if err == nil && t > maxStart {
			err = fmt.Errorf("%s leaves no time to go by", s)
		}
		return t, err
	}, int64(0)},
	"DEADLINE": {func(_ *scriptParser, s string) (any, error) {
		if s == "none" {
			return deadline{none: true}, nil
		}
		at, err := readMoment(s)
		if err == nil && at.from == "next" {
			err = errors.New("a deadline is counted from the step, or is a time on the clock")
		}
		return deadline{at: at}, err
	}, nil},
	"HEX":     {plain(readHex), ""},
	"HANDLES": {plain(readHandles), []int64{}},
	"NAME":    {oneOf(refusals...), nil},
	"REASON":  {oneOf(receiverReasons...), nil},
	"WHY":     {oneOf(senderReasons...), nil},
	"PATH":    {oneOf("reliable", "lossy"), nil},
	"RUN":     {number(0, 65535), nil},
	"ORIGIN":  {number(0, 65535), nil},
	"EXT":     {plain(readTLV), nil},
	"LIST": {func(_ *scriptParser, s string) (any, error) {
		list, err := readHandles(s)
		if err == nil && len(list) == 0 {
			err = errors.New("what a frame names is never all")
		}
		return list, err
	}, nil},
	"S": {func(p *scriptParser, s string) (any, error) {
		number := p.senders[p.step.endpoint][s]
		if number == 0 {
			return nil, fmt.Errorf("%s has no sender %q", p.step.endpoint, s)
		}
		return number, nil
	}, nil},
}

// number reads a number from least to most.
func number(least, most int64) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) {
		n, err := readNumber(s, most)
		if err == nil && n < least {
			err = fmt.Errorf("%d is less than %d", n, least)
		}
		return n, err
	}
}

// oneOf reads one of words.
func oneOf(words ...string) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}
}

// plain reads what depends on nothing before it.
func plain[T any](read func(string) (T, error)) func(*scriptParser, string) (any, error) {
	return func(_ *scriptParser, s string) (any, error) { return read(s) }
}
