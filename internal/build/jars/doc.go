// SPDX-License-Identifier: Apache-2.0

// Package jars fetches files of a Maven repository that builds of JVM languages need.
//
//	dayfly guest jars --cache DIR [--to DIR] [--unpack DIR] PATH@SHA256 …
//
//	PATH@SHA256 ─▶ in the cache? ─yes─▶ copy to --to, or unpack below --unpack
//	                   └no─▶ download ─▶ same digest? ─▶ cache
//
// It runs in the box of a build step: what is downloaded reaches our own process never.
// Compilers and the interfaces that handlers implement come so, without a start of
// Maven: seconds become tenths.
//
// Guarantees. A file is used only when its SHA-256 is the one given. One that is cut
// short by a crash is never taken for whole. Downloads and archives are bounded.
//
// Package jars does not resolve what a file depends on: that is a build tool's work.
package jars
