// SPDX-License-Identifier: Apache-2.0

// Package frame is the wire format between the host and a guest, as both sides need
// it: docs/formats/frames.md says what each frame means.
//
//	length u24 │ type u8 │ stream u32 │ payload …
//
// It encodes and decodes; it holds no connection state. Every size that comes off
// the wire is checked before anything is allocated for it, because the peer may be
// hostile. A Reader belongs to one goroutine; the Append functions are pure.
package frame
