package cdcp

// Stats are the counters of an Endpoint since [New] (SPEC.md section 9.17). FramesIn is the sum of Malformed and the eight
// verdicts; MessagesIn that of Read, Discarded and what waits to be read; Partials that of Completed, Expired, Evicted, Abandoned and
// what is in progress.
type Stats struct {
	FramesIn  uint64 // frames handed in
	Malformed uint64 // frames that did not decode

	Accepted, Duplicate, Stale, Superseded, Ignored, Mismatch, Overflow, Dropped uint64 // frames, by verdict

	MessagesIn uint64 // messages that receivers took in
	Read       uint64 // messages that were read
	Discarded  uint64 // messages that a bound dropped before they were read

	Partials  uint64 // messages that began with a fragment
	Completed uint64 // whose last fragment came
	Expired   uint64 // that were not complete in time (FRAG-004)
	Evicted   uint64 // that gave way to others (BOUND-005)
	Abandoned uint64 // that ended with their session, or by another message of it

	Limited   uint64 // receivers that closed with ReasonLimit
	Forgotten uint64 // channel records that a bound removed (BOUND-002)

	MessagesOut uint64 // messages that senders accepted
	Unsent      uint64 // of these, messages that were taken out of their queue
	FramesOut   uint64 // frames that were taken

	Held int // the cost of all messages held now, bytes (SPEC.md section 9.15)
}

// count counts a frame that decoded.
func (s *Stats) count(v Verdict) {
	switch v {
	case Accepted:
		s.Accepted++
	case Duplicate:
		s.Duplicate++
	case Stale:
		s.Stale++
	case Superseded:
		s.Superseded++
	case Ignored:
		s.Ignored++
	case Mismatch:
		s.Mismatch++
	case Overflow:
		s.Overflow++
	case Dropped:
		s.Dropped++
	}
}
