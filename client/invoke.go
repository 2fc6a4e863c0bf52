// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/dayfly-faas/dayfly"
)

// Headers of an invoke answer (docs/formats/management-api.md).
const (
	headerInvocation = "X-Dayfly-Invocation"
	headerStatus     = "X-Dayfly-Status"
	headerFailure    = "X-Dayfly-Failure"
)

// Answer is what a function answered. Body streams and must be closed; its Read gives
// a *dayfly.Failure when the function fails after it began to answer.
type Answer struct {
	Invocation dayfly.InvocationID
	// Status is what the function set: 200 for one that speaks of events only.
	Status      int
	ContentType string
	Body        io.ReadCloser
}

// InvokeError is an error of a call that has an identity: the call can be explained.
type InvokeError struct {
	Invocation dayfly.InvocationID
	Err        error // a *dayfly.Failure, or a *dayfly.Error
}

// Error gives the words of the cause.
func (e *InvokeError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *InvokeError) Unwrap() error { return e.Err }

// Invoke calls a function with an event, which is JSON unless the function knows
// better. When the function fails before it answers, the error is a *dayfly.Failure
// in an *InvokeError.
func (c *Client) Invoke(
	ctx context.Context, f dayfly.FunctionRef, event io.Reader,
) (*Answer, error) {
	resp, err := c.send(ctx, call{method: http.MethodPost, path: pathOf(f, "/invoke"),
		body: event, kind: "application/json"})
	if err != nil {
		return nil, err
	}
	id := dayfly.InvocationID(resp.Header.Get(headerInvocation))
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		err := problemOrFailure(resp)
		if id != "" {
			err = &InvokeError{Invocation: id, Err: err}
		}
		return nil, err
	}
	status, err := strconv.Atoi(resp.Header.Get(headerStatus))
	if err != nil {
		status = http.StatusOK
	}
	return &Answer{Invocation: id, Status: status, ContentType: resp.Header.Get("Content-Type"),
		Body: &answerBody{resp: resp, client: c}}, nil
}

func problemOrFailure(resp *http.Response) error {
	if resp.Header.Get(headerFailure) == "" {
		return problemOf(resp)
	}
	failure := &dayfly.Failure{}
	text := io.LimitReader(resp.Body, answerBytesMax)
	if err := json.NewDecoder(text).Decode(failure); err != nil {
		return dayfly.Errorf(dayfly.KindInternal, "read failure: %w", err)
	}
	return failure
}

// answerBody looks at the trailer when the body ends.
type answerBody struct {
	resp   *http.Response
	client *Client
}

// Read gives io.EOF only when the function ended well.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.resp.Body.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, b.client.wayError(err)
	}
	told := b.resp.Trailer.Get(headerFailure)
	if told == "" {
		return n, io.EOF
	}
	failure := &dayfly.Failure{}
	text, err := base64.StdEncoding.DecodeString(told)
	if err == nil {
		err = json.Unmarshal(text, failure)
	}
	if err != nil {
		return n, dayfly.Errorf(dayfly.KindInternal, "read failure: %w", err)
	}
	return n, failure
}

// Close ends the call.
func (b *answerBody) Close() error { return b.resp.Body.Close() }
