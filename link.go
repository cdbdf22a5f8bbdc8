package cdcp

import "github.com/cdcp-project/cdcp/wire"

const (
	minBudget = 576
	maxBudget = 65535
)

// A Link is what carries the frames (SPEC.md section 9.2).
type Link struct {
	Budget   int  // the longest frame that it carries, 576 to 65535 bytes
	Reliable bool // it has a reliable path; without one there are no durable senders
	Relay    bool // it leads to a relay
}

// Classes says which frames the carriage can take now (SPEC.md section 9.8).
type Classes uint8

// The classes, which can be joined.
const (
	ClassReliable Classes = 1 // frames for the reliable path: durable sessions, and every CLOSE if the link has one
	ClassLossy    Classes = 2 // all others
	ClassAll              = ClassReliable | ClassLossy
)

// A Route says where a frame goes.
type Route struct {
	Participants []wire.Participant // ascending; nil: everyone. Valid until the next call on the Endpoint
	Class        Classes            // ClassReliable or ClassLossy
	Priority     Priority
}

// Priority is compared among the senders of one Endpoint alone.
type Priority uint8

// The priorities.
const (
	Normal Priority = 0
	High   Priority = 1
)

// String returns "normal" or "high".
func (p Priority) String() string {
	if p == High {
		return "high"
	}
	return "normal"
}

// Reliability is that of a session.
type Reliability uint8

// The reliabilities.
const (
	Lossy   Reliability = 0 // a message can be lost; those that come are whole, come once, and can come in any order
	Durable Reliability = 1 // each message comes, in order, as far as the reliable path of the link reaches
)

// String returns "lossy" or "durable".
func (r Reliability) String() string {
	if r == Durable {
		return "durable"
	}
	return "lossy"
}
