package fragment

// Stats counts messages since [New] (SPEC.md section 9.17). Partials is the sum of the others and of what is in progress
// (EVENT-005).
type Stats struct {
	Partials  uint64 // messages that began with a fragment
	Completed uint64 // whose last fragment came
	Expired   uint64 // that FRAG-004 ended
	Evicted   uint64 // that gave way to others (BOUND-005)
	Abandoned uint64 // that FRAG-008, FRAG-010, RECV-015 or LEFT-001 ended
}
