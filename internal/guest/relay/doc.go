// SPDX-License-Identifier: Apache-2.0

// Package relay stands in a box before a guest that takes events only, as its first
// process: it speaks HTTP's language to the host and the guest's to the guest.
//
//	host ══ frames, descriptor 3 ══ relay ══ frames, descriptor 3 ══ guest
//	        HTTP request ─▶ event (guest/event) ─▶ request of kind event
//	        HTTP answer  ◀─ result              ◀─ response, JSON
//
// Requests of kind event, the revision, cancellation, failures and log lines pass as
// they are. A guest may answer with a body that is no result but HTTP already: its
// content type says so, and it is streamed.
//
// Guarantees. The relay ends when its guest does, with the guest's exit status; it
// holds at most the bodies of the open calls, which the host bounds.
package relay
