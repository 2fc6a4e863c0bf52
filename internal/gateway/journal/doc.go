// SPDX-License-Identifier: Apache-2.0

// Package journal writes the access log of the public door: a line for each request.
//
//	request ─▶ Wrap ─▶ handler, which fills the Note ─▶ line ─▶ queue ─▶ Run ─▶ file
//	                                                      └─▶ full: dropped, counted, said
//
// Guarantees: no request waits for the file. Values of parameters that carry credentials are
// never written, nor are headers but User-Agent and Referer, this one without its query. A
// line is one line, whatever a client sent. After SIGHUP the file is opened anew; one that
// reached its size is put aside, and the oldest of those put aside goes.
package journal
