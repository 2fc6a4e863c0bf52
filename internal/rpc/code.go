// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"github.com/dayfly-faas/dayfly"
)

// Code is a status of gRPC.
type Code int

// The codes that answers of the platform have.
const (
	Canceled          Code = 1
	Unknown           Code = 2
	InvalidArgument   Code = 3
	DeadlineExceeded  Code = 4
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Aborted           Code = 10
	Unimplemented     Code = 12
	Internal          Code = 13
	Unavailable       Code = 14
	Unauthenticated   Code = 16
)

// CodeOf gives the code for an error of that kind.
func CodeOf(kind dayfly.Kind) Code {
	switch kind {
	case dayfly.KindInvalid:
		return InvalidArgument
	case dayfly.KindUnauthenticated:
		return Unauthenticated
	case dayfly.KindDenied:
		return PermissionDenied
	case dayfly.KindNotFound: // no route or function answers there: as a server says of a method
		return Unimplemented
	case dayfly.KindConflict:
		return Aborted
	case dayfly.KindExhausted:
		return ResourceExhausted
	case dayfly.KindUnavailable:
		return Unavailable
	case dayfly.KindTimeout:
		return DeadlineExceeded
	case dayfly.KindCanceled:
		return Canceled
	}
	return Internal
}

// CodeOfFailure gives the code for a function's own failure. That of a process that ended is
// what callers see of a server that dies.
func CodeOfFailure(kind dayfly.FailureKind) Code {
	switch kind {
	case dayfly.FailureException:
		return Unknown
	case dayfly.FailureInit, dayfly.FailureExit:
		return Unavailable
	case dayfly.FailureTimeout:
		return DeadlineExceeded
	case dayfly.FailureMemory, dayfly.FailureTooLarge:
		return ResourceExhausted
	}
	return Internal
}
