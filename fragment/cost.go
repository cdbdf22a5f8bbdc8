package fragment

// A Budget is how much the messages of peers can cost, in bytes by [Cost] (SPEC.md section 9.15): all together, and those of
// one participant. Each is 0 to 2147483647.
type Budget struct {
	Bytes        int
	BytesPerPeer int
}

// Cost returns what a message of n bytes costs, in progress or not yet read; a killed one costs Cost(0). The bytes
// beyond n pay for the table of fragments, and for what is kept about any message.
func Cost(n int) int { return n + n/64 + 128 }
