// SPDX-License-Identifier: Apache-2.0

// Package goshim writes the main package of Go functions that have none: functions for
// functions-framework, OpenFaaS, OpenWhisk or Vercel, and plain HTTP functions.
//
//	Program{Kind, Functions} ──▶ Source ──▶ main.go: serves them on $PORT
//
// What is written uses the standard library only, except where the function's own
// signature or module brings the framework's package. It passes go vet and needs no
// language version beyond Go 1.13, as it is compiled with the function's own go.mod.
//
// It is not for programs with a main function, which serve by themselves, nor does it
// look for functions: detect does.
//
// Guarantees. Names and paths come from strangers' sources: Source refuses what is not
// an identifier, an import path or a plain pattern, so nothing can be written between
// the lines.
package goshim
