// SPDX-License-Identifier: Apache-2.0

// Package grep keeps regular expressions that are compiled when they are first used.
//
//	var goMain = grep.Of(`…`)  ─▶ first match ─▶ regexp, kept
//
// The program is started many times a second inside boxes and by people, mostly to do
// something else than to look at sources: hundreds of expressions compiled at each start
// took 4 of its 11 ms of initialisation.
//
// Guarantees: an expression is compiled once, whoever asks at the same time; one that
// does not compile is a fault of the program and panics, and a test of the repository
// compiles all of them.
//
// Not its job: expressions of users, which may fail; see package regexp.
package grep
