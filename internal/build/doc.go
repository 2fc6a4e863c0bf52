// SPDX-License-Identifier: Apache-2.0

// Package build turns a source into a bundle that can run, and its configuration.
//
//	source ─▶ detect ─▶ plan ─▶ known result? ──────────────yes──▶ bundle
//	                     │         └no─▶ steps, each in a sandbox ─▶ pack ─▶ bundle
//	                     └▶ Spec: runtime, contract, entry, limits
//
// A source without dependencies is its own bundle: nothing is copied and no sandbox is
// started. Everything that runs foreign code, or reads files that foreign code names,
// runs in a box of its own with limits of memory, time, processes and disk: package
// managers with their install scripts, compilers, and our own TypeScript step.
//
// Guarantees. The bundle depends on the source, the settings and the runtime alone, and
// a result is remembered, so the same deploy again builds nothing. A failed or canceled
// build leaves nothing behind but its cache, which belongs to one project. Progress is
// told from one goroutine at a time.
//
// Package build does not decide what a source is (detect), does not keep bundles
// (bundle) and starts no function (pool).
package build
