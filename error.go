// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind classifies an error for callers: doors map it to an HTTP status, the CLI to
// an exit code, queues to a retry policy.
type Kind string

// The closed set of kinds. An error without a kind is KindInternal.
const (
	KindInvalid         Kind = "invalid"         // the input is wrong; repeating it will not help
	KindUnauthenticated Kind = "unauthenticated" // no credentials, or bad ones
	KindDenied          Kind = "denied"          // known, but not allowed
	KindNotFound        Kind = "not_found"       // no such thing
	KindConflict        Kind = "conflict"        // the thing changed, or exists already
	KindExhausted       Kind = "exhausted"       // a limit or capacity is reached; try later
	KindUnavailable     Kind = "unavailable"     // this node cannot serve now
	KindTimeout         Kind = "timeout"         // the time given ran out
	KindCanceled        Kind = "canceled"        // the caller went away
	KindInternal        Kind = "internal"        // a fault of the platform
)

// HTTPStatus is what a door answers for an error of that kind: the one table. An
// unknown kind is an internal error.
func (k Kind) HTTPStatus() int {
	switch k {
	case KindInvalid:
		return http.StatusBadRequest
	case KindUnauthenticated:
		return http.StatusUnauthorized
	case KindDenied:
		return http.StatusForbidden
	case KindNotFound:
		return http.StatusNotFound
	case KindConflict:
		return http.StatusConflict
	case KindExhausted:
		return http.StatusTooManyRequests
	case KindUnavailable:
		return http.StatusServiceUnavailable
	case KindTimeout:
		return http.StatusGatewayTimeout
	case KindCanceled:
		return statusClientClosed
	}
	return http.StatusInternalServerError
}

// statusClientClosed is for the log: the caller went away, and nobody reads it.
const statusClientClosed = 499

// Error is an error that knows its kind. Message and Hint may be shown to a user
// unless the kind is internal; Err, the cause, may not.
type Error struct {
	Kind    Kind
	Message string
	// Hint says what to do about it, when something can be done.
	Hint string
	// RetryAfter is how long to wait before trying again; zero when not known.
	RetryAfter time.Duration
	Err        error
}

// Error gives the message, which names the cause already when there is one.
func (e *Error) Error() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of that kind; a cause given by %w is kept for errors.Is.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint adds what to do about e, and returns it.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// KindOf gives the kind of err: that of the outermost Error in its chain, else
// KindInternal. A nil error has no kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// ErrRequestTooLarge is wrapped by the error of a request whose body passes its limit.
var ErrRequestTooLarge = errors.New("the request body is too large")

// ErrCondition is wrapped by the error of a change whose condition does not hold: the
// thing is at another version, or exists already.
var ErrCondition = errors.New("the condition does not hold")
