// SPDX-License-Identifier: Apache-2.0

// Package courier sends requests to URLs that users name, callbacks and destinations, and
// to nowhere that functions may not reach themselves.
//
//	URL ─▶ form ─▶ name, looked up once ─▶ addresses that are allowed ─▶ connection
//	  ▲                                                                      │
//	  └──────────── redirect, three times at most ◀──────────────────────────┘
//
// Which addresses those are it does not decide (package egress).
//
// Guarantees:
//   - The address that is connected to was checked: no name that resolves to something
//     else the second time, no redirect and no form of writing an address gets around it.
//   - An exchange ends after fifteen seconds, and of an answer no more than 64 KiB is read.
//   - No proxy is used, and no credentials are sent that the URL holds.
//   - An error of kind invalid or denied is final; another time may mend any other.
package courier
