// SPDX-License-Identifier: Apache-2.0

// Package npm finds what can be called in JavaScript and TypeScript, and how it is installed
// and compiled.
//
//	package.json, modules, folders of functions ─▶ Candidates
//	Plan of one ── Finish ──▶ lock file, build script, TypeScript, what the guest must know
//
// A module is judged by its text: what it exports, and with which parameters.
package npm
