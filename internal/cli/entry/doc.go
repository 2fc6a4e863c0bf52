// SPDX-License-Identifier: Apache-2.0

// Package entry has the commands about who may come in, and how they know that they are in
// the right place: API keys, hashes of passwords, certificates.
//
//	dayfly key create, list, rotate, revoke ─▶ client ─▶ the node
//	dayfly certificate add, list, remove, trust ─▶ client ─▶ the node
//	dayfly key hash ─▶ a hash for dayfly.yaml, made here
//
// Guarantees: the text of a key goes to standard output once, and nowhere else. A password is
// read from standard input, never from the command line, which others can see.
package entry
