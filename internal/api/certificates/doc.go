// SPDX-License-Identifier: Apache-2.0

// Package certificates is the part of the management API about the certificates of the node's
// TLS door.
//
//	GET    /v1/certificates        ─▶ what there is: own ones, and those that were obtained
//	PUT    /v1/certificates/{host} ─▶ keep an own one, served from the next handshake on
//	DELETE /v1/certificates/{host} ─▶ forget an own one
//	GET    /v1/certificate-root    ─▶ the local authority's root, to trust
//
// Guarantees: no key is ever told, neither a host's nor the authority's.
package certificates
