// SPDX-License-Identifier: Apache-2.0

// Package rpc knows what of HTTP/2 makes it gRPC: content types, deadlines, statuses, and
// where messages begin and end.
//
//	head     content-type: application/grpc   te: trailers   grpc-timeout: 500m
//	body     ┌flag┬─length─┬──message──┐┌flag┬─length─┬──message──┐…
//	trailer  grpc-status: 4   grpc-message: too%20late
//
// It decodes no message and keeps none: a Meter counts bytes as they pass by, on either side
// of a call. Everything else of gRPC is net/http's.
package rpc
