// SPDX-License-Identifier: Apache-2.0

// Package processors watches how busy this machine's processors are, so that instances
// are added only while they make calls faster.
//
//	/proc/stat ─▶ Run, five times a second ─▶ TakeSpare ─▶ pool's admission
//	what calls use of them ─▶ Effort ─▶ Crowded ─┘
//
// Guarantees: asking costs an atomic read; where the kernel does not tell, nothing ever
// counts as saturated. What is done about it is the pool's to decide.
package processors
