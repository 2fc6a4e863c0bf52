// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// answerBytesMax bounds what is kept of an answer: for a destination, a callback, or
// the list of failures of a batch. The rest is read and forgotten.
const answerBytesMax = 1 << 20

// Answer is what an attempt gave.
type Answer struct {
	Invocation dayfly.InvocationID
	Start      time.Time
	Took       time.Duration
	Status     int
	Header     http.Header
	Body       []byte
	Cut        bool // Body is not all of it
	Failure    *dayfly.Failure
	Err        error
}

// Read takes a result in, and ends the call.
func (a *Answer) Read(r *dayfly.Result, keep bool) {
	defer func() { _ = r.Body.Close() }()
	a.Status, a.Header, a.Failure = r.Status, r.Header, r.Failure
	if keep {
		var kept bytes.Buffer
		_, a.Err = io.Copy(&kept, io.LimitReader(r.Body, answerBytesMax))
		a.Body = kept.Bytes()
	}
	if a.Err == nil {
		var rest int64
		rest, a.Err = io.Copy(io.Discard, r.Body)
		a.Cut = keep && rest > 0
	}
	var failure *dayfly.Failure
	if errors.As(a.Err, &failure) {
		a.Failure, a.Err = failure, nil
	}
}

// Verdict is what an attempt means for its event.
type Verdict int

// The verdicts.
const (
	Done     Verdict = iota // it succeeded
	Retry                   // the function failed, another attempt may help
	Fatal                   // it failed, and would again
	Capacity                // there was no room for it: not an attempt
	Platform                // the platform failed: not an attempt
	Removed                 // there is no such function
	Stopped                 // it was cut off: by a cancellation or the end of the node
)

// Judge tells what an answer means.
func Judge(a *Answer) Verdict {
	switch {
	case a.Failure != nil:
		return Retry
	case a.Err != nil:
		return judgeError(a.Err)
	}
	return judgeStatus(a.Status)
}

func judgeError(err error) Verdict {
	switch dayfly.KindOf(err) {
	case dayfly.KindExhausted:
		return Capacity
	case dayfly.KindNotFound:
		return Removed
	case dayfly.KindCanceled:
		return Stopped
	case dayfly.KindInvalid, dayfly.KindDenied, dayfly.KindUnauthenticated:
		return Fatal
	}
	return Platform
}

func judgeStatus(status int) Verdict {
	switch {
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusTooManyRequests:
		return Retry
	case status >= 400:
		return Fatal
	}
	return Done
}

// Attempt gives what is kept of an attempt.
func (a *Answer) Attempt(number int, v Verdict) dayfly.Attempt {
	out := dayfly.Attempt{Number: number, Invocation: a.Invocation, Start: a.Start, Duration: a.Took, Status: a.Status}
	switch {
	case a.Failure != nil:
		out.Fault, out.Error = dayfly.FaultGuest, a.Failure.Error()
	case a.Err != nil:
		out.Error = a.Err.Error()
		switch v {
		case Capacity:
			out.Fault = dayfly.FaultCapacity
		case Fatal, Retry:
			out.Fault = dayfly.FaultGuest
		case Stopped:
			out.Fault = dayfly.FaultCaller
		default:
			out.Fault = dayfly.FaultPlatform
		}
	case v != Done:
		out.Fault = dayfly.FaultGuest
		out.Error = fmt.Sprintf("the function answered %d %s", a.Status, http.StatusText(a.Status))
		if a.Status < http.StatusBadRequest {
			out.Error = "the function's answer names it as failed"
		}
	}
	return out
}
