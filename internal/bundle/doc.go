// SPDX-License-Identifier: Apache-2.0

// Package bundle turns folders into content-addressed archives, and back.
//
//	folder ─▶ Pack ─▶ tar (sorted, no times, no owners) ─▶ zstd ─▶ archive
//	                    └▶ SHA-256 = Digest
//	archive ─▶ Store.Put ─▶ verify ─▶ Objects ─▶ Store.Folder ─▶ DIR/<digest>/
//
// A bundle is what a function's source is uploaded as, and what is built from it. The
// digest names the content, not the compression: the same files give the same digest
// on every machine, whatever their times, owners and umask were.
//
// Guarantees. Unpack writes nothing outside its folder, whatever the archive says,
// and stops at its limits. Every link in an unpacked folder leads to somewhere in the
// same folder. A folder that Store.Folder returns is complete and equals its digest,
// also after a crash or a power failure, and is never written to again.
//
// Package bundle does not know languages (build does) and does not decide what may be
// deleted (the catalog tells Sweep what to keep).
package bundle
