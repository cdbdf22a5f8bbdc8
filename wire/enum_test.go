package wire_test

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/wire"
)

// specNames returns the names in a table of SPEC.md by their numbers.
func specNames(t *testing.T, row, from, to string) map[int]string {
	t.Helper()
	names := make(map[int]string)
	for _, match := range regexp.MustCompile("(?m)"+row).FindAllStringSubmatch(spec(t, from, to), -1) {
		n, err := strconv.ParseInt(match[1], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		names[int(n)] = match[2]
	}
	return names
}

// TestNames: a number that has a name in SPEC.md has that name, and no other number has one.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name     string
		row      string
		from, to string
		want     map[int]string // what the table is known to hold, so that one that is not found does not pass
		most     int
		other    string // the format of a number without a name
		got      func(n int) fmt.Stringer
	}{
		{
			name: "Type",
			row:  "^\\| ([0-9]+) \\| ([A-Z]+) \\|",
			from: "## 4 Frame types", to: "### 4.1 DATA",
			want: map[int]string{
				int(wire.TypeData):      "DATA",
				int(wire.TypeClose):     "CLOSE",
				int(wire.TypeKeepAlive): "KEEPALIVE",
			},
			most:  255,
			other: "type(%d)",
			got:   func(n int) fmt.Stringer { return wire.Type(n) },
		},
		{
			name: "CloseReason",
			row:  "^\\| ([0-9]+) \\| ([a-z]+) \\|",
			from: "### 4.2 CLOSE", to: "### 4.3 KEEPALIVE",
			want: map[int]string{
				int(wire.CloseNormal):   "normal",
				int(wire.CloseReplaced): "replaced",
			},
			most:  65535,
			other: "generic(%d)",
			got:   func(n int) fmt.Stringer { return wire.CloseReason(n) },
		},
		{
			name: "ExtType",
			row:  "^\\| (0x[0-9A-F]{2}) \\| ([a-z]+) \\|",
			from: "## 5 Extensions", to: "## 6 Limits",
			want: map[int]string{
				int(wire.ExtRun):          "run",
				int(wire.ExtOrigin):       "origin",
				int(wire.ExtParticipants): "participants",
			},
			most:  255,
			other: "ext(0x%02x)",
			got:   func(n int) fmt.Stringer { return wire.ExtType(n) },
		},
		{
			name: "Code",
			row:  "^\\| ([0-9]+) \\| `([a-z-]+)` \\|",
			from: "## 7 Errors", to: "### 7.1 Which field raises which code",
			want: map[int]string{
				int(wire.CodeTruncated):          "truncated",
				int(wire.CodeUnknownVersion):     "unknown-version",
				int(wire.CodeUnknownType):        "unknown-type",
				int(wire.CodeBadFlags):           "bad-flags",
				int(wire.CodeBadChannel):         "bad-channel",
				int(wire.CodeBadFragmentOffset):  "bad-fragment-offset",
				int(wire.CodeBadMessageLength):   "bad-message-length",
				int(wire.CodeBadExtLength):       "bad-ext-length",
				int(wire.CodeBadTLVOrder):        "bad-tlv-order",
				int(wire.CodeUnknownCriticalTLV): "unknown-critical-tlv",
				int(wire.CodeBadTLVLength):       "bad-tlv-length",
				int(wire.CodeBadTLVValue):        "bad-tlv-value",
				int(wire.CodeMessageTooLong):     "message-too-long",
				int(wire.CodeFragmentOverrun):    "fragment-overrun",
				int(wire.CodeFragmentWhole):      "fragment-whole",
				int(wire.CodeFragmentShort):      "fragment-short",
				int(wire.CodeTrailingBytes):      "trailing-bytes",
			},
			most:  255,
			other: "code(%d)",
			got:   func(n int) fmt.Stringer { return wire.Code(n) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names := specNames(t, tt.row, tt.from, tt.to)
			if !maps.Equal(names, tt.want) {
				t.Errorf("the table in SPEC.md %q has %v, the constants are %v", tt.from, names, tt.want)
			}
			for n := range tt.most + 1 {
				want, ok := names[n]
				if !ok {
					want = fmt.Sprintf(tt.other, n)
				}
				if got := tt.got(n).String(); got != want {
					t.Errorf("%s(%d).String() = %q, want %q", tt.name, n, got, want)
				}
			}
		})
	}
}

// TestCodeError: a Code as an error says where it comes from.
func TestCodeError(t *testing.T) {
	for n := range 256 {
		var err error = wire.Code(n)
		if got, want := err.Error(), "wire: "+wire.Code(n).String(); got != want {
			t.Errorf("Code(%d).Error() = %q, want %q", n, got, want)
		}
	}
}

// TestFlagsString: a letter for each bit that is set, from bit 7 on, and no two values alike.
func TestFlagsString(t *testing.T) {
	for _, tt := range []struct {
		flags wire.Flags
		want  string
	}{
		{0, "none"},
		{wire.FlagFragment, "F"},
		{wire.FlagExtensions, "X"},
		{wire.FlagDurable, "D"},
		{wire.FlagHigh, "P"},
		{wire.FlagDurable | wire.FlagHigh, "DP"},
		{wire.FlagExtensions | wire.FlagDurable, "XD"},
		{wire.FlagFragment | wire.FlagExtensions | wire.FlagDurable | wire.FlagHigh, "FXDP"},
		{0x88, "F3"},
		{0x08, "3"},
		{0x04, "2"},
		{0x02, "1"},
		{0x01, "0"},
		{0xff, "FXDP3210"},
	} {
		if got := tt.flags.String(); got != tt.want {
			t.Errorf("Flags(%#02x).String() = %q, want %q", uint8(tt.flags), got, tt.want)
		}
	}
	seen := make(map[string]int)
	for n := range 256 {
		s := wire.Flags(n).String()
		if before, ok := seen[s]; ok {
			t.Errorf("%q is the text of both %#02x and %#02x", s, before, n)
		}
		seen[s] = n
	}
}

// TestFlags: the masks are those of the table in SPEC.md section 3.4.
func TestFlags(t *testing.T) {
	want := map[string]wire.Flags{
		"F, fragment":      wire.FlagFragment,
		"X, extensions":    wire.FlagExtensions,
		"D, durable":       wire.FlagDurable,
		"P, high priority": wire.FlagHigh,
	}
	got := make(map[string]wire.Flags)
	row := regexp.MustCompile(`(?m)^\| [4-7] \| (0x[0-9A-F]{2}) \| ([^|]+) \|`)
	for _, match := range row.FindAllStringSubmatch(spec(t, "### 3.4 Flags", "### 3.5 Channel id"), -1) {
		mask, err := strconv.ParseUint(match[1], 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		got[match[2]] = wire.Flags(mask)
	}
	if !maps.Equal(got, want) {
		t.Errorf("SPEC.md section 3.4 has the masks %x, the constants are %x", got, want)
	}
}

// TestLimits: the limits are those of SPEC.md section 6.
func TestLimits(t *testing.T) {
	text := spec(t, "## 6 Limits", "## 7 Errors")
	for _, line := range []string{
		fmt.Sprintf("| message, bytes | 0 | %d |", wire.MaxMessageSize),
		fmt.Sprintf("| message that is fragmented, bytes | %d | %d |", wire.MinFragmentSize+1, wire.MaxMessageSize),
		fmt.Sprintf("| extension length, bytes | 2 | %d |", wire.MaxExtSize),
		fmt.Sprintf("| participants in a frame | 1 | %d |", wire.MaxParticipants),
		fmt.Sprintf("no frame is longer than %d bytes", wire.MaxFrameSize),
	} {
		if !strings.Contains(text, line) {
			t.Errorf("SPEC.md section 6 does not say %q", line)
		}
	}
}
