// Package cdcp is the root of the Call Data Channel Protocol (CDCP): short binary messages between the participants of an
// audio or video call, over an open wire format. SPEC.md is the protocol; this module is one implementation of it.
//
// An [Endpoint] is one participant's end of all the data channels of a call. The application opens a [Sender] on a channel with
// [Endpoint.NewSender], and gets a [Receiver] for each session that comes in, announced by an event. Around the Endpoint stands a
// host, which owns the transport, the clock and the random source:
//
//  1. It tells the Endpoint that the link is up ([Endpoint.LinkUp]), and what it carries.
//  2. It hands in every frame that arrives, with the participant it came from ([Endpoint.HandleFrame]).
//  3. After each call it takes the frames that can go now ([Endpoint.NextFrame]) and the events ([Endpoint.NextEvent]).
//  4. At [Endpoint.Deadline], if nothing else happens before, it calls [Endpoint.Advance].
//
// The package reads no clock, starts no goroutine, and does no input and output. The same calls give the same results.
//
// The other packages:
//
//   - [github.com/cdcp-project/cdcp/wire] turns the bytes of a frame into its fields, and back.
//   - [github.com/cdcp-project/cdcp/sequencer] keeps the numbers on the wire: channel ids, session ids, sequence numbers.
//   - [github.com/cdcp-project/cdcp/fragment] cuts messages into fragments and puts them together again, in bounded memory.
//   - [github.com/cdcp-project/cdcp/cdcptest] is a simulated network for tests.
//   - [github.com/cdcp-project/cdcp/conformance] judges whether an implementation, in any language, keeps to SPEC.md.
//   - [github.com/cdcp-project/cdcp/conformance/reference] is this library behind the port protocol, to be judged like any other.
//   - [github.com/cdcp-project/cdcp/testdata] embeds the golden vectors and scripts, which are plain files.
//
// The program github.com/cdcp-project/cdcp/conformance/cmd/conform runs the conformance suite and explains frames.
package cdcp
