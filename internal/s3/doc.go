// SPDX-License-Identifier: Apache-2.0

// Package s3 lets S3's clients work on the buckets of projects, unmodified.
//
//	connection ─▶ guard (stalls) ─▶ prepare: bucket and key, as sent
//	box door ────▶ guard, project ─▶ route: method, subresource ─▶ operation
//	                                 authenticate: whose key? its project from here on
//	                                 operation (versitygw's protocol) ─▶ store ─▶ blob
//
// The protocol, which is signatures, streaming checksums, XML and conditions, is that of
// versitygw's packages, used as a library. The table of what is answered, who may ask and
// what is kept is ours. It stores nothing itself: package blob does.
//
// Guarantees:
//   - Nobody is served without a signature, except CORS preflights. A key opens the buckets
//     of its own project and no others; two projects may use the same names.
//   - A key is derived from the node's secret and the project's name: nothing is stored for
//     it, and a new secret makes every old key void.
//   - A request's date is at most 15 minutes off; a presigned URL lives seven days at most.
//   - Through the door of a box only the key of the project that the box runs is good.
//   - Bodies stream: memory does not grow with their size. Documents have 4 MiB at most,
//     headers 16 KiB. A client that stalls for a minute is cut off.
//   - What is not supported is refused as NotImplemented; nothing is accepted and ignored
//     that would change who reads an object or how long it is kept.
package s3
