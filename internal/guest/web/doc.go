// SPDX-License-Identifier: Apache-2.0

// Package web is the HTTP server of the guests that answer for a folder of files or
// programs: static sites, CGI folders, FastCGI programs. To the platform each of them is
// a program of the http contract.
//
//	$PORT ─▶ Serve ─▶ handler ─▶ Measure ─▶ program    troubles ─▶ stderr, the function's log
//
// Guarantees. It listens on loopback only. A client that is slow to send its request
// head is hung up on; the platform's own connections stay open between calls.
package web
