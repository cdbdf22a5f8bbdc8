package sequencer

import "github.com/cdcp-project/cdcp/wire"

const tickLength = 16000 // microseconds

// Tick returns the tick at a wall time in microseconds since 1970: the number of whole 16 ms until then, mod 2^32 (SPEC.md
// section 9.4). It is the id of the first session of a channel (SESS-001).
func Tick(unixMicros int64) wire.Serial {
	ticks := unixMicros / tickLength
	if unixMicros%tickLength < 0 {
		ticks-- // division cuts towards zero, and a tick begins before its times
	}
	return wire.Serial(ticks)
}

// NextSession returns the id of the session after latest on its channel: the newer of tick, the [Tick] of the present, and
// latest + 1. If they are exactly 2^31 apart, neither is newer, and it is latest + 1.
func NextSession(latest, tick wire.Serial) wire.Serial {
	if next := latest + 1; !tick.Newer(next) {
		return next // SESS-001
	}
	return tick
}
