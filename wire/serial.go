package wire

// A Serial is a number that wraps after 4294967295: a session id or a sequence number (SPEC.md section 2.3, RFC 1982).
// Serials have no order that < could give.
type Serial uint32

// Newer reports whether s comes after t: whether 1 ≤ (s − t) mod 2^32 ≤ 2^31 − 1. Of two numbers exactly 2^31 apart
// neither is newer (WIRE-002, where RFC 1982 section 3.2 leaves the order undefined).
func (s Serial) Newer(t Serial) bool { return int32(s-t) > 0 }

// Older reports whether s comes before t: whether the two differ and s is not newer (WIRE-002). Of two numbers exactly 2^31 apart
// each is older than the other.
func (s Serial) Older(t Serial) bool { return int32(s-t) < 0 }
