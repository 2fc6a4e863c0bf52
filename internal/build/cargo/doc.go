// SPDX-License-Identifier: Apache-2.0

// Package cargo finds the program of a Rust source: of a crate, of a workspace, or of a
// single file.
//
//	Cargo.toml, members ─▶ the program to build ─▶ Candidates ─▶ Finish
package cargo
