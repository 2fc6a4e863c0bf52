// SPDX-License-Identifier: Apache-2.0

// Package serve is the guest's side of frames, for the guests that are written in Go:
// they run inside the box, as its first process.
//
//	host ══ frames, descriptor 3 ══ Run ──▶ Handler.Specialise   once
//	                                   └──▶ Handler.Call         each call, in a goroutine
//	                                          Call: Head, Read ◀ body · Respond, Write, Log ▶ answer
//
// It keeps the windows of both bodies, orders what is written, and tells a call that the
// caller has gone. What a call is, and what holds it, is the Handler's matter.
//
// Guarantees. A call is ended exactly once, also when its Handler forgets to. When the
// connection ends, Run returns and the process is expected to exit.
package serve
