// Package wire turns the bytes of a frame of the Call Data Channel Protocol into a [Frame], and back (SPEC.md,
// sections 3 to 8).
//
// One message of the transport is one frame, so that a frame has no length of its own:
//
//	version         2 bits  // binary 10
//	type            6 bits  // DATA 0, CLOSE 1, KEEPALIVE 2
//	flags           uint8   // F 0x80, X 0x40, D 0x20, P 0x10, the rest zero
//	channel         uint16  // 1 to 65535
//	session         uint32  // serial
//	sequence        uint32  // serial
//	fragment-offset uint16  // if F
//	message-length  uint16  // if F
//	ext-length      uint8   // if X: bytes of TLVs, 2 to 255
//	TLVs            ...     // type uint8, length uint8, value; types strictly ascending
//	payload         ...     // DATA, to the end; CLOSE: reason uint16; KEEPALIVE: none
//
// All integers are big-endian. There is one encoding for each value: what [Frame.Parse] accepts, [Frame.AppendBinary]
// turns back into the same bytes.
//
// The package has no state. It reads no clock and no random source, starts no goroutine, does no I/O, and allocates only
// for errors and where a buffer that it appends to has to grow.
package wire
