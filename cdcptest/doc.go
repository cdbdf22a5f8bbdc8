// Package cdcptest is a simulated call for tests: endpoints of package cdcp, the links between them, and a relay if there is one,
// in virtual time.
//
// A [Network] is made of a seed and a [Link]. It moves frames, and time, by [Network.Step] or [Network.Run]: time jumps to where
// something happens next, and nothing happens in between. Between two steps the test is the application: it opens senders, sends,
// polls what came with [Endpoint.Events], reads, and takes links down and up. All calls that want a time get that of
// [Network.Now].
//
// The same seed and the same calls give the same run, to the microsecond, and the same [Network.Trace]. The package reads no clock.
// Nothing in it is safe for concurrent use. A test that asks for what cannot be gets a panic.
package cdcptest
