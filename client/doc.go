// SPDX-License-Identifier: Apache-2.0

// Package client speaks to the management API of a Dayfly node.
//
//	New ─▶ Client ─┬─ OpenSource, Upload, Deploy ─▶ Outcome
//	               ├─ Functions, Inspect, Rollback, Evict, Remove
//	               ├─ Invoke ─▶ Answer, streamed
//	               └─ Logs, Invocations, Invocation, Info, Features, Runtimes
//
// The command line and the end-to-end tests use nothing else. The protocol is described
// in docs/formats/management-api.md.
//
// Every method takes a context and ends with it. An error that the node told is a
// *dayfly.Error with its kind, message, hint and when to try again; an error on the way
// there is one of kind unavailable, canceled or timeout. A failure of a function itself
// is a *dayfly.Failure. A Client may be used from any number of goroutines.
//
// The package does not retry and does not keep anything between calls.
package client
