// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Headers of an invoke answer.
const (
	headerInvocation = "X-Dayfly-Invocation" // which call this was
	headerStatus     = "X-Dayfly-Status"     // what the function answered with
	// headerFailure holds the kind of a failure before the answer began. As a trailer
	// it holds a failure after that, whole: base64 of its JSON.
	headerFailure = "X-Dayfly-Failure"
	// failureStatus is the answer's status when the function failed before it answered.
	failureStatus = http.StatusBadGateway
	// copyBytes is how much of an answer is moved at a time.
	copyBytes = 64 << 10
)

// invoke calls a function with an event, which is the body, and streams its answer.
func (a *API) invoke(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	now := time.Now()
	call := newInvocation(ref, r, now)
	w.Header().Set(headerInvocation, string(call.ID))
	result, err := a.deps.Invoker.Invoke(r.Context(), call)
	if err != nil {
		return err
	}
	defer result.Body.Close()
	if result.Failure != nil {
		w.Header().Set(headerFailure, string(result.Failure.Kind))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(failureStatus)
		return json.NewEncoder(w).Encode(result.Failure)
	}
	h := w.Header()
	h.Set(headerStatus, strconv.Itoa(result.Status))
	h.Set("Trailer", headerFailure)
	if kind := result.Header.Get("Content-Type"); kind != "" {
		h.Set("Content-Type", kind)
	} else {
		h.Set("Content-Type", "application/octet-stream")
	}
	w.WriteHeader(http.StatusOK)
	return relay(w, result.Body)
}

func newInvocation(ref dayfly.FunctionRef, r *http.Request, now time.Time) *dayfly.Invocation {
	id := dayfly.NewInvocationID(now)
	return &dayfly.Invocation{
		ID: id, Function: ref, Alias: dayfly.LiveAlias, Source: dayfly.SourceInvoke, Received: now,
		Request: dayfly.Request{
			Kind: dayfly.RequestEvent, Method: http.MethodPost, Path: "/", Host: r.Host,
			Proto: r.Proto, Scheme: "http", RemoteAddr: remoteAddr(r), Header: eventHeader(r),
			Body: r.Body, ContentLength: r.ContentLength, TraceParent: r.Header.Get("Traceparent"),
		},
	}
}

// remoteAddr is the caller's address without its port.
func remoteAddr(r *http.Request) string {
	if remote, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return remote
	}
	return r.RemoteAddr
}

// eventHeader is what a function sees of the caller's headers: never the token.
func eventHeader(r *http.Request) http.Header {
	h := http.Header{}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/json"
	}
	h.Set("Content-Type", kind)
	return h
}

// relay copies an answer, each piece as it comes, and tells a failure on the way in
// the trailer. What breaks on our side cuts the connection.
func relay(w http.ResponseWriter, body io.Reader) error {
	control := http.NewResponseController(w)
	buf := make([]byte, copyBytes)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(paceTimeout))
			if _, werr := w.Write(buf[:n]); werr != nil {
				return fmt.Errorf("write answer: %w", werr)
			}
			_ = control.Flush() // a dead connection shows with the next write
		}
		var failure *dayfly.Failure
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &failure):
			text, err := json.Marshal(failure)
			if err != nil {
				return fmt.Errorf("encode failure: %w", err)
			}
			w.Header().Set(headerFailure, base64.StdEncoding.EncodeToString(text))
			return nil
		default:
			if rec, ok := w.(*recorder); ok {
				rec.cut = true
			}
			if errors.Is(err, context.Canceled) {
				return dayfly.Errorf(dayfly.KindCanceled, "read answer: %w", err)
			}
			return fmt.Errorf("read answer: %w", err)
		}
	}
}
