// SPDX-License-Identifier: Apache-2.0

// Package seccomp assembles the filter that decides which system calls a box may make.
//
//	allowedCalls, special cases ─▶ runs of numbers ─▶ binary search ─▶ BPF bytes
//
// The policy is an allow-list: what is not named fails with EPERM. Package seccomp does
// not install the filter; sandbox/process does, as the last step before user code.
//
// Guarantees: the same filter for the same build; no I/O.
package seccomp
