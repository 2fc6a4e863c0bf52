// SPDX-License-Identifier: Apache-2.0

// Package outcome says what an attempt gave, what that means for its event, and how it is
// told to others.
//
//	Result ─ Read ─▶ Answer ─ Judge ─▶ Verdict: done, retry, fatal, or no attempt at all
//	                   ├─ Attempt ─▶ the event's history
//	                   ├─ Event ───▶ the CloudEvent of a destination, with AWS' record in it
//	                   └─ CallbackHeader ─▶ what OpenFaaS' gateway posts
//
// It writes nothing and waits for nobody but the answer that it reads.
//
// Guarantees: a function's failure, a fault of the platform and a want of capacity are told
// apart; an answer takes at most 1 MiB of memory, and a record fits into an event.
package outcome
