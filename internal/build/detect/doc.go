// SPDX-License-Identifier: Apache-2.0

// Package detect decides from the files of a source how it is built and called.
//
//	files, settings ─▶ Source ─▶ candidates, best first ─▶ Plan
//	                     one file │ Procfile │ platform file │ go │ node │ python │ program
//
// It reads text and runs nothing: what a module exports is judged by how it is written.
// What a user said in settings wins, and is checked against the files. The order of
// candidates is documented in docs/guides/packaging.md and held by a table of tests.
//
// Guarantees. Source is a function of its arguments alone: the same files and settings
// give the same Plan. It reads a bounded number of bytes. When nothing fits, the error
// says what was looked for and how to say it.
//
// Package detect does not know which runtimes are installed, nor how to install what a
// plan asks for: build does.
package detect
