// SPDX-License-Identifier: Apache-2.0

// Package toolchain finds the language runtimes that are installed on this host.
//
//	places (distribution, /usr/local, version managers) ─▶ executables, links resolved
//	   ─▶ cache, by path, size and time ─▶ known
//	   └▶ probe: ask the program for its version (two at once, bounded time) ─▶ known
//	known ─▶ names (python3.11, node20, go1.26) ─▶ List, Find
//
// Only real executables count: the shims of version managers are scripts that choose
// at run time, which would be slow and would not work inside a sandbox.
//
// Guarantees. New touches nothing. After a restart nothing is executed that has not
// changed. A program that hangs or lies costs a bounded time and is left out. Names
// are stable as long as what is installed is.
//
// Package toolchain installs nothing and starts no function: pool and build do.
package toolchain
