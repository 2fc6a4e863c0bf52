// SPDX-License-Identifier: Apache-2.0

// Package crowd bounds what clients of the public doors can hold, however many they are and
// however slowly they read.
//
//	accept ─▶ too many of one address? ─▶ 429, closed
//	      └─▶ too many in all? ─▶ the idle longest go ─▶ none was idle? ─▶ 503, closed
//	      └─▶ Conn ─▶ server ─▶ answer ─▶ taken at 8 KiB in 30 s, or cut
//
// Guarantees: a write to a client ends, well or not, whether the connection's or an HTTP/2
// stream's own window is what keeps it. Only time counts in which something waits to be
// taken: an answer whose function is quiet is not cut by this. Connections of this machine
// itself count in all, and not by address: a proxy on it stands for many clients.
//
// Requests that come in slowly are the server's time-outs and the gateway's uploads.
package crowd
