// SPDX-License-Identifier: Apache-2.0

// Package azure stands before an Azure Functions custom handler, in its box: it speaks
// the JSON protocol of Azure's host to the handler, and HTTP to the platform.
//
//	request on $PORT ─▶ route of a function.json ─▶ POST /FUNCTION {Data, Metadata} ─▶ handler
//	answer           ◀─ Outputs or ReturnValue   ◀──────────────────────────────────────┘
//
// The routes are host.json's prefix (api) and each function's route or name. A function
// of another trigger is called as Azure's administrators call it, by POST to
// /admin/functions/NAME with {"input": …}. A CloudEvent to / is for the function whose
// trigger is its like: timers for crons, the queue or the container of that name. When
// there is but one function, it takes any POST to /.
//
// What a handler puts out to queues, tables and so on goes nowhere, which a line on
// standard error says. Function keys are not asked for: the platform guards the door.
//
// Guarantees. The platform's port opens when the handler answers, and the process ends
// with the handler. Bodies, routes and files are bounded.
package azure
