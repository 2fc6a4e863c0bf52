// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

// Call implements serve.Handler: it ends when the guest is through with the call.
func (r *Relay) Call(c *serve.Call) {
	inv := r.invocation(c)
	if inv == nil {
		return // the caller went away within its body
	}
	r.mu.Lock()
	r.calls[inv.ID] = c
	r.mu.Unlock()
	r.open.Add(1)
	defer r.open.Done()
	through := make(chan struct{})
	result, err := r.guest.Exchange(c.Context(), inv, func() { close(through) })
	if err == nil {
		err = r.answer(c, result)
		_ = result.Body.Close()
	}
	if err != nil {
		r.fail(c, err)
	}
	<-through
	r.mu.Lock()
	delete(r.calls, inv.ID)
	r.mu.Unlock()
}

// invocation makes the guest's request of the host's.
func (r *Relay) invocation(c *serve.Call) *dayfly.Invocation {
	body, err := io.ReadAll(c)
	if err != nil || c.Context().Err() != nil {
		return nil
	}
	h := &c.Head
	if h.Kind == string(dayfly.RequestHTTP) {
		if r.rev.Dialect == dayfly.DialectOpenWhisk {
			body = event.Params(h, body)
		} else {
			body = event.Encode(r.rev.Payload, r.rev.Function, h, body)
		}
	}
	rev := &dayfly.Revision{}
	rev.Spec.Limits.ResponseBytes = r.rev.ResponseBytes
	return &dayfly.Invocation{ID: dayfly.InvocationID(h.ID), Revision: rev,
		Received: time.UnixMilli(h.Received), Deadline: time.UnixMilli(h.Deadline),
		Request: dayfly.Request{Kind: dayfly.RequestEvent, TraceParent: h.Trace,
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}}
}

// answer passes a result on, as HTTP when the request was. An error is why the call has
// no answer, or no whole one.
func (r *Relay) answer(c *serve.Call, result *dayfly.Result) error {
	isHTTP := c.Head.Kind == string(dayfly.RequestHTTP)
	kind, _, _ := strings.Cut(result.Header.Get("Content-Type"), ";")
	isJSON := kind == "" || kind == "application/json"
	switch {
	case result.Failure != nil:
		return result.Failure
	case isHTTP && kind == event.TypeIntegration:
		answer, err := event.ReadPrelude(result.Body)
		if err != nil {
			return err
		}
		return send(c, answer, result.Body)
	case isHTTP && isJSON:
		return r.translate(c, result.Body)
	case isJSON && r.rev.Dialect == dayfly.DialectOpenWhisk:
		return actionResult(c, result)
	}
	// An event's answer, or one of HTTP that the guest streams as it is.
	if err := c.Respond(result.Status, result.Header, nil); err != nil {
		return err
	}
	return finish(c, result.Body)
}

// actionResult passes on what an OpenWhisk action returned, unless it is an error.
func actionResult(c *serve.Call, result *dayfly.Result) error {
	whole, err := io.ReadAll(result.Body)
	if err != nil {
		return err
	}
	if failure := event.ParamsFailure(whole); failure != nil {
		return c.Fail(*failure)
	}
	if err := c.Respond(result.Status, result.Header, nil); err != nil {
		return err
	}
	return finish(c, bytes.NewReader(whole))
}

// translate turns a result into HTTP.
func (r *Relay) translate(c *serve.Call, body io.Reader) error {
	whole, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var answer event.Answer
	if r.rev.Dialect == dayfly.DialectOpenWhisk {
		answer, err = event.ParamsAnswer(whole)
	} else {
		answer, err = event.Decode(r.rev.Payload, whole)
	}
	if err != nil {
		return err
	}
	return send(c, answer, http.NoBody)
}

// send answers with what is there of the body, and then the rest.
func send(c *serve.Call, answer event.Answer, rest io.Reader) error {
	header := make(http.Header, len(answer.Headers))
	for _, kv := range answer.Headers {
		header[kv[0]] = append(header[kv[0]], kv[1])
	}
	if err := c.Respond(answer.Status, header, answer.Failure); err != nil {
		return err
	}
	return finish(c, io.MultiReader(bytes.NewReader(answer.Body), rest))
}

func finish(c *serve.Call, body io.Reader) error {
	if _, err := io.Copy(c, body); err != nil {
		return err
	}
	return c.End()
}

// fail ends a call with what kept it from an answer.
func (r *Relay) fail(c *serve.Call, err error) {
	bad := (*event.Malformed)(nil)
	failure, own := guest.FailureOf(err)
	switch {
	case own:
		head := errorHead(failure)
		head.Last = r.guest.Ends()
		_ = c.Fail(*head)
	case errors.As(err, &bad):
		_ = c.Fail(bad.Head())
	case errors.Is(err, guest.ErrGone):
		r.open.Done()
		r.lost()
	default: // the head is too large, or the caller is gone and nobody reads this
		_ = c.Fail((&event.Malformed{Message: err.Error()}).Head())
	}
}
