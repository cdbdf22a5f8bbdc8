// Package cdcp is the root of the Call Data Channel Protocol (CDCP): short binary messages between the participants of an
// audio or video call, over an open wire format. SPEC.md is the protocol; this module is one implementation of it.
//
// The package has no code so far. It will hold the Endpoint: one participant's end of all the data channels of a call, with
// its senders, receivers and sessions (SPEC.md section 9). These packages are here:
//
//   - [github.com/cdcp-project/cdcp/wire] turns the bytes of a frame into its fields, and back.
//   - [github.com/cdcp-project/cdcp/conformance] judges whether an implementation, in any language, keeps to SPEC.md.
//   - [github.com/cdcp-project/cdcp/conformance/reference] is package wire behind the port protocol, to be judged like any other.
//   - [github.com/cdcp-project/cdcp/testdata] embeds the golden vectors, which are plain files.
//
// The program github.com/cdcp-project/cdcp/conformance/cmd/conform runs the conformance suite and explains frames.
package cdcp
