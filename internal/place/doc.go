// SPDX-License-Identifier: Apache-2.0

// Package place decides which instances give way when memory is short. It is pure:
// candidates and the time go in, a choice comes out.
//
//	idle instances, bytes needed, clock ─▶ Evict ─▶ which to end, new clock
//
// Place never logs, locks or looks at a clock. How many instances there should be is
// scale's to say.
package place
