package wire

// The limits of SPEC.md section 6, in bytes unless another unit is named.
const (
	MaxMessageSize  = 32768 // of a message, whole or fragmented
	MinFragmentSize = 256   // of the payload of a fragment that is not the last of its message
	MaxExtSize      = 255   // of all the TLVs of a frame
	MaxParticipants = 64    // handles in one participants TLV
	MaxFrameSize    = 33039 // of any frame that Parse accepts
)

// Sizes of fields, and the bounds that follow from MinFragmentSize: a fragment with bytes before it has at least so
// many before it, and one more itself.
const (
	headerSize        = 12
	fragmentSize      = 4
	minExtSize        = 2
	reasonSize        = 2
	minFragmentOffset = MinFragmentSize
	maxFragmentOffset = MaxMessageSize - 1
	minFragmentTotal  = MinFragmentSize + 1
)
