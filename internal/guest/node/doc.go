// SPDX-License-Identifier: Apache-2.0

// Package node carries the guest for Node: the scripts that run inside a sandbox, boot
// as a stem and become one revision of a function.
//
//	guest.cjs ─▶ become ─┬─ lambda ── streaming, payload(-old)        ┐
//	                     ├─ fetch ── worker · netlify · azure         ├ frames
//	                     ├─ events · openfaas · openwhisk ── whole    ┘ (call, wire)
//	                     └─ serve · framework · vercel ── HTTP on 127.0.0.1
//
// Functions written for another runtime find stand-ins (standin*.cjs) for its globals
// and packages, as far as plain functions use them; what is not there says so.
//
// The package only carries the files and knows how Node is to be started; the host's
// side of the conversation is package guest, starting processes is package sandbox.
//
// What holds inside the sandbox:
//
//   - Plain scripts for Node 18 and later, without dependencies and without a build.
//   - One write for the answer of a small call; bodies stream in both directions
//     within the windows of docs/formats/frames.md, so memory stays bounded.
//   - A call lasts until the handler's work is done: a streaming Lambda handler until
//     its promise settles, a fetch handler until what it gave to waitUntil has settled
//     (30 seconds at most). Only then may the instance be frozen.
//   - An answer by Lambda callback waits until the event loop is empty, unless the
//     handler says otherwise. The connection does not keep the loop alive while calls
//     run, so that Node itself tells when it is empty.
//   - A stem warms in two parts: what every function gains by before it says hello, what
//     is dear and only some need (Node's fetch, TLS, the HTTP server) once it has idled
//     for a fifth of a second. A burst does not wait for the second part.
//   - V8's heap may grow between full collections by half in small instances and by the
//     whole in others, so that garbage alone does not pass the memory limit.
//   - A line that is printed after its call has ended belongs to no call.
//   - What foreign code patches (JSON, Buffer, Date, timers, console) was taken before.
//   - Lambda, fetch and node-http load nothing of the other dialects: those files are
//     read when a function needs them.
//   - A worker's scheduled and queue handlers are called by CloudEvents of the types
//     dev.dayfly.cron, {cron, scheduledTime}, and dev.dayfly.queue.batch, {queue,
//     messages: [{id, timestamp, body, attempts}]}; a batch is answered with
//     {batchItemFailures: [{itemIdentifier, delaySeconds}]}.
//   - The connection's end is the process's end.
package node
