// SPDX-License-Identifier: Apache-2.0

// Bench is the scoreboard: one command that measures Dayfly on this machine, beside
// the floor that physics sets and beside other ways to run the same handler.
//
//	go run ./bench [-quick] [-only REGEXP] [-json] [-out DIR] [-binary FILE]
//
//	platform (a real dayfly) ─┐
//	floors (bare processes) ──┼─▶ scenarios ─▶ rows ─▶ table, results.json, picture.svg
//	peers (from npm) ─────────┘
//
// Every figure is taken through HTTP from the outside, on the same machine and cores
// as what is measured: the load generator is part of the load. Answers are checked,
// and a wrong one is an error, never a fast answer. Where runs repeat, subjects take
// turns and the best run counts, since neighbours on a shared machine only ever slow
// a run down. A peer that cannot be installed or does not start is reported as such.
package main
