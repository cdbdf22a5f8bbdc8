// Package sequencer keeps the numbers of the Call Data Channel Protocol: which channel ids are in use ([ChannelIDs]), which
// id the next session has ([NextSession]), and which numbers of a session have come ([Window]); SPEC.md sections 9.3, 9.4 and
// 9.13.
//
// The package reads no clock and no random source: both are arguments. Times are those of SPEC.md section 9.1: whole
// microseconds since the endpoint was created, never negative, and no earlier than in the call before. None of its types
// is safe for concurrent use.
package sequencer
