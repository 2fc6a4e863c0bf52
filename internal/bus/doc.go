// SPDX-License-Identifier: Apache-2.0

// Package bus is the ground that everything remembered stands on: an embedded NATS
// JetStream server, reached inside the process and over no network.
//
//	store ─┐                       ┌─▶ DIR/jetstream   streams, buckets, objects
//	logs  ─┼─▶ connection ─▶ server┤
//	build ─┘   (a pipe)            └─▶ DIR/lock        one process per directory
//
// It is the only importer of the NATS server. It knows no functions, revisions or log
// lines: subjects.go lists every subject, stream and bucket there is, with its bounds,
// and store, logs and the bundle cache bring the meaning.
//
// Guarantees:
//   - What was acknowledged survives kill -9 of the process, always. After a loss of
//     power at most the last SyncInterval (100 ms) may be missing.
//   - No TCP port is opened; functions cannot reach the server.
//   - Two processes never write one directory: the second Open fails and names the first.
//   - A stream or bucket is created when it is first asked for, and keeps its data when
//     its bounds change.
//   - Close ends within ten seconds, or says that it could not.
//
// The server keeps blocks of recent messages in memory while they are in use. A program
// that embeds it should set a memory limit for the Go runtime, otherwise heavy writing
// can leave a few hundred megabytes resident until the next collections.
package bus
