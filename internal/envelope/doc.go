// SPDX-License-Identifier: Apache-2.0

// Package envelope says how events look on the wire: to those who send them, and to
// functions of each contract and dialect.
//
//	HTTP header + body ── Read ──▶ []dayfly.Event      CloudEvents 1.0: binary,
//	                   ◀─ Write… ─┘                    structured, batch; plain bodies
//
//	dayfly.Event  ── Single ──▶ dayfly.Request ─▶ invoke
//	[]Item        ── Batch  ──▶ dayfly.Request ─▶ invoke ─▶ answer
//	                             Failures ◀────────────────────┘
//	                             which of the batch must come again
//
// Handlers of Lambda events get what AWS sends: SQS and S3 records, EventBridge's
// scheduled event. Workers get their scheduled and queue handlers called. Everything
// else gets a CloudEvent: a POST with its attributes as ce- headers and its data as the
// body, or, of a batch, a JSON list of CloudEvents. docs/formats/function-events.md has it all.
//
// Guarantees. Nothing here does I/O or keeps state; what is read is bounded in number
// and size, and an error names the attribute that is wrong. What one of the Write
// functions writes, Read gives back.
//
// Package envelope does not decide when or how often something is sent (queue).
package envelope
