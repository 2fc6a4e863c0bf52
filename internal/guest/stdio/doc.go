// SPDX-License-Identifier: Apache-2.0

// Package stdio is the guest of the stdio contract. It runs inside the box as the
// first process and starts the function's program anew for every call.
//
//	request ─▶ program: body on stdin, CGI variables (RFC 3875) in the environment
//	           the same as OpenFaaS's classic watchdog names it: Http_Method, Http_Path …
//	           stdout ─▶ answer        stderr ─▶ log lines
//
// Output that begins with a CGI header (Status, Content-Type or Location) is read as
// CGI; anything else is the body of a 200 answer. A program that ends with another
// status than 0 before it wrote anything has failed.
//
// It is the first process of its box, so it also reaps what programs leave behind.
package stdio
