package mutate

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseEquivalent reads the mutants that do the same as the package unchanged, with the reason for each, in paragraphs:
//
//	sequencer/window.go Window.Check
//	- case ahead >= 1<<31 && w.begun:
//	+ case ahead > 1<<31 && w.begun:
//	Why the two do the same.
//
// Without a line of + the mutant leaves nothing of the line. Behind the function, #2 stands for the second of the mutants that
// look so. A paragraph of lines that begin with # is a comment.
func ParseEquivalent(text string) (map[Change]string, error) {
	reasons := make(map[Change]string)
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, "#") {
			continue
		}
		lines := strings.Split(strings.TrimSpace(paragraph), "\n")
		c := Change{Nth: 1}
		head := strings.Fields(lines[0])
		if len(head) == 3 && strings.HasPrefix(head[2], "#") {
			c.Nth, _ = strconv.Atoi(head[2][1:])
			head = head[:2]
		}
		if len(head) != 2 || c.Nth < 1 || len(lines) < 2 || !strings.HasPrefix(lines[1], "- ") {
			return nil, fmt.Errorf("no file, function and change: %q", paragraph)
		}
		c.File, c.Func, c.Old = head[0], head[1], lines[1][2:]
		rest := lines[2:]
		if len(rest) > 0 && strings.HasPrefix(rest[0], "+ ") {
			c.New, rest = rest[0][2:], rest[1:]
		}
		if len(rest) == 0 {
			return nil, fmt.Errorf("no reason: %q", paragraph)
		}
		if _, ok := reasons[c]; ok {
			return nil, fmt.Errorf("listed twice: %q", paragraph)
		}
		reasons[c] = strings.Join(rest, " ")
	}
	return reasons, nil
}
