// SPDX-License-Identifier: Apache-2.0

// Package detect decides from the files of a source how it is built and called.
//
//	files, settings ─▶ look.Source ─▶ candidates, best first ─▶ look.Plan
//	  Procfile │ platform file │ gomod │ npm │ pip │ jvm │ nuget │ cargo │ gems │ composer
//	  │ FastCGI │ wasm │ CGI │ program │ pages
//
// It reads text and runs nothing: what a module exports is judged by how it is written.
// What a user said in settings wins, and is checked against the files. The order of
// candidates is documented in docs/guides/packaging.md and held by a table of tests.
//
// A language with tools of its own is a package beside this one, named after them; what
// has none, and what is no language, is here. Those packages know of look alone: what
// one needs of another goes through detect.
//
// Guarantees. Source is a function of its arguments alone: the same files and settings
// give the same Plan. It reads a bounded number of bytes. When nothing fits, the error
// says what was looked for and how to say it.
//
// Package detect does not know which runtimes are installed, nor how to install what a
// plan asks for: recipe does.
package detect
