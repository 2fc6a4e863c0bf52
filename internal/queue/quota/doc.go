// SPDX-License-Identifier: Apache-2.0

// Package quota keeps one lane from taking the room of all.
//
//	Pushed ─▶ what each lane was given since ─┐
//	Judge  ─▶ what each lane held then ───────┴▶ Allow: is there room for this lane?
//
// Guarantees: while the stream is less than half full every lane may have what it wants;
// from there on none may have more than a quarter of it. What lanes hold is an estimate
// between two calls of Judge: too high, never too low by more than how the sizes of a lane's
// events differ. Methods may be called from any goroutine, and do no I/O.
package quota
