// SPDX-License-Identifier: Apache-2.0

// Package front describes what a project shows to the public: its hosts, its routes and
// who may use them.
//
//	dayfly.yaml, OpenAPI ─▶ Front ─▶ Check ─▶ catalog ─▶ gateway
//
// It is the form of such a description in dayfly.yaml, in the management API and in the
// catalog alike. It holds what was said, with names and numbers checked; the packages below
// gateway and auth turn it into something that serves.
//
// Guarantees: decoding refuses keys that it does not know. An error of Check is a *Problem,
// which names the field by its path, so that a reader of the file can find its line. It
// does no input or output, and knows neither functions nor nodes.
package front
