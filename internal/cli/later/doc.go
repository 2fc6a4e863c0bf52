// SPDX-License-Identifier: Apache-2.0

// Package later holds the commands about what is executed without a caller that waits:
// what causes it, and what becomes of it.
//
//	invoke --async ─┐
//	trigger, cron ──┼─▶ event ─┬─▶ events, cancel: how it goes, and to take it back
//	clock ──────────┘          ├─▶ pause, resume: whether its function takes any
//	                           └─▶ dead: what was given up, to be tried again or dropped
//
// What is followed is asked for again and again, until it has ended or the person
// stops; a node that is gone meanwhile is an error, not an end.
package later
