package fragment

import "github.com/cdcp-project/cdcp/wire"

// A Splitter cuts a message into the parts that its fragments carry, in ascending order. It is a value; a copy goes on
// from the same place on its own. The zero value has nothing to give out.
type Splitter struct {
	message []byte
	offset  int
}

// Split returns a Splitter of message, which is not copied: it is not to be written to as long as parts are in use.
func Split(message []byte) Splitter { return Splitter{message: message} }

// Next returns the next part and its offset in the message. The part has limit bytes, or reaches to the end of the message
// (QUEUE-003). It aliases the message, with its capacity clipped. ok is false when everything was given out.
//
// The limit is the caller's to choose anew for each part: what the frame budget leaves for the payload, and less than
// the message for the first part (WIRE-030). It is at least [wire.MinFragmentSize], since a shorter fragment is refused
// (WIRE-031); Next panics if it is not.
func (s *Splitter) Next(limit int) (offset int, part []byte, ok bool) {
	if limit < wire.MinFragmentSize {
		panic("fragment: limit under 256 bytes")
	}
	if s.Rest() == 0 {
		return 0, nil, false
	}
	start := s.offset
	s.offset += min(limit, s.Rest())
	return start, s.message[start:s.offset:s.offset], true
}

// Rest returns the number of bytes that were not given out yet.
func (s *Splitter) Rest() int { return len(s.message) - s.offset }
