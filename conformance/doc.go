// Package conformance judges whether an implementation of the Call Data Channel Protocol, in any language, keeps to SPEC.md.
//
// What is judged is a port: something that answers the requests of cdcp-port/1 (PORT-PROTOCOL.md), one line of JSON
// each. It is a process ([NewProcess]) or a function ([Run]). What it is judged by are the golden vectors and the scripts of
// testdata: [Load] reads them into a [Suite]; [Suite.Judge] puts the vectors to a port, and the [Report] says what came of
// it; [Suite.JudgeScripts] does so with the scripts, and each [Result] says what came of one.
//
// The package imports neither cdcp nor wire: a judge that shares code with the judged proves nothing.
package conformance
