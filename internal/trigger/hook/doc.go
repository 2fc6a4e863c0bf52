// SPDX-License-Identifier: Apache-2.0

// Package hook is the door for webhooks: POST /webhook/NAME[.PROJECT]/TRIGGER.
//
//	POST ─▶ trigger of the live revision? ─▶ signature there? ─▶ read body ─▶ verify
//	            └ no: 404                        └ no: 401        (bounded)      └ no: 401
//	 200, 202 ◀─ queue.Push ◀─ filter ◀─ a challenge? answered at once ◀─────────┘ yes
//	            (durable, once per delivery)
//
// Package webhook knows how providers sign, package queue executes what was accepted; the
// function sees the request that the provider sent, with its headers and its body.
//
// Guarantees:
//   - What is not signed by one of the function's secrets reaches nothing: no queue, no
//     function, no log line of its own.
//   - An accepted delivery is durable before it is answered. A repetition, by the provider or
//     by somebody who recorded it, is answered as the first was and not executed, for as
//     long as the function's key_window.
//   - A provider is answered within seconds whatever the function does; when the delivery
//     cannot be kept in that time, it is told to come again.
//   - Nobody learns which functions or triggers exist from what is refused.
//   - Before the signature is verified a request costs at most its body in memory, 768 KiB,
//     and one hash of it: at most 64 large ones are held at once, 16 of one trigger.
package hook
