// SPDX-License-Identifier: Apache-2.0

// Package grpctest tries whether gRPC is still gRPC behind a door: a server of gRPC's own
// interoperability tests, and a client that asks it everything that HTTP makes hard.
//
//	Check ─▶ grpc client ─▶ what is tried ─▶ grpc server with Service
//
// Metadata "do" has the service do what a well-behaved one does not. Only tests, and programs
// that they build, import this package.
package grpctest
