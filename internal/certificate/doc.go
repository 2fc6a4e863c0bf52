// SPDX-License-Identifier: Apache-2.0

// Package certificate has the certificates by which the node's doors speak TLS.
//
//	ClientHello ─▶ an ACME challenge? ─▶ the answer to it
//	            ─▶ own certificate of the host, or of *.parent
//	            ─▶ local authority, in development: a leaf for the host
//	            ─▶ ACME, for hosts that a front has: kept, or obtained now
//	            └▶ nothing: the handshake fails
//
// Own certificates are put in by the operator and are kept, one file a host with its key, in
// the data folder; nobody else may read them. The local authority is made once; who trusts
// its root trusts every host that this node makes up, so its key never leaves the folder.
//
// ACME is off unless it is asked for. It obtains a certificate when somebody first connects,
// for hosts that are served and no other, renews it in time, and proves control by HTTP-01 at
// the plain door and TLS-ALPN-01 at this one. A failed attempt is not repeated for a while,
// and new hosts are bounded per hour: an authority counts both.
//
// Guarantees. TLS 1.2 and later. A host's certificate is replaced without dropping a
// connection. Client certificates are asked for where a front wants them, and verified by
// whoever lets callers in, not here.
package certificate
