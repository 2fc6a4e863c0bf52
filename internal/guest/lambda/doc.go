// SPDX-License-Identifier: Apache-2.0

// Package lambda is the guest of the lambda contract: it runs a program made for AWS
// Lambda's custom runtimes and serves it the Runtime API inside its own box.
//
//	host ══ frames ══ Call ─▶ event ─▶ queue ──▶ GET next ─▶ the program
//	              answer ◀── guest/event ◀── POST response, POST error ◀──┘
//	                       127.0.0.1:9001, in the box's own network
//
// A revision is ready once its program asks for the first event. HTTP requests become
// events by the revision's payload; an event goes in, and its answer out, byte for
// byte. An answer is passed on at once; the instance counts as busy until the program
// asks for the next event, or ends, which ends the guest with the same status.
//
// Beside the Runtime API it serves what runtime clients need of the Extensions API; the
// Telemetry and Logs APIs answer that they are not supported. There are no layers, so
// no program of /opt/extensions is started.
//
// Guarantees. Each id is answered once; what breaks the contract is refused with the
// errors that AWS gives. The program can at worst harm its own box: connections, head
// and body sizes are bounded, and a call ends with its time.
package lambda
