// Package fragment cuts messages into fragments, and puts them together again in bounded memory (SPEC.md, sections 9.7,
// 9.14 and 9.15).
//
// A [Splitter] walks over the parts of a message on its way out. A [Reassembler] holds the messages that came in, from
// their first byte until they were read: those in progress, of which fragments are missing, and those that wait to be
// read. Every message is charged to the [Account] of its participant by [Cost], in full and before anything is
// allocated, so that a [Budget] bounds what all of them take. [Buffers] are the free lists behind it.
//
// The owner of a Reassembler checks sessions, numbers and receivers (SPEC.md section 9.11) before it hands in a fragment.
// Times are those since an instant that the owner chooses, in whole microseconds, and never go back.
//
// The package reads no clock and no random source, starts no goroutine and does no I/O. Its types are not safe for
// concurrent use.
package fragment
