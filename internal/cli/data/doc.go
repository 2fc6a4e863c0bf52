// SPDX-License-Identifier: Apache-2.0

// Package data holds the commands about what functions keep and exchange: queues, buckets
// of objects, and values.
//
//	dayfly queue  ─▶ list, create, remove, publish, messages, replay, stats
//	dayfly bucket ─▶ list, create, remove, keys
//	dayfly object ─▶ ls, put, get, rm, url
//	dayfly kv     ─▶ get, put, delete, list, incr, watch, buckets
//
// What is got goes to stdout byte for byte, except to a terminal, which it could
// command. A file that is written appears when it is whole; one that is sent is read as
// it goes, and only what has to be known beforehand, such as a length, is spooled.
package data
