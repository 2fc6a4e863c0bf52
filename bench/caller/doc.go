// SPDX-License-Identifier: Apache-2.0

// Package caller calls servers for the load generator.
//
//	Target ─▶ Dial ─▶ Conn.Call ─▶ Answer, its body compared
//
// It speaks just enough HTTP/1.1 to check an answer: the generator shares the processors with
// what it measures, and net/http's client would take a third of them. It is not for servers
// that are not trusted: bodies are as long as they say.
package caller
