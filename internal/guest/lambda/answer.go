// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	headerMode      = "Lambda-Runtime-Function-Response-Mode"
	headerErrorType = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody = "Lambda-Runtime-Function-Error-Body"
	typeBytes       = "application/octet-stream"
	// drainMax bounds what is read and thrown away of an answer that nobody wants.
	drainMax = 1 << 30
)

var (
	errOversized = errors.New("the response is too large")
	errTruncated = errors.New("the request is truncated")
)

// response takes the answer to an event.
func (g *Guest) response(w http.ResponseWriter, r *http.Request) {
	inv, no := g.take(r.PathValue("id"), stateAnswer)
	if no != nil {
		drain(r.Body)
		no.write(w)
		return
	}
	mode := r.Header.Get(headerMode)
	if mode != "" && mode != "streaming" {
		drain(r.Body)
		g.fail(inv, failureOf(dayfly.FailureResponse, "Runtime.InvalidResponseModeHeader",
			"", "the function's response mode is unknown"))
		badMode.write(w)
		return
	}
	a := &answer{invocation: inv, request: r, guest: g, streamed: mode == "streaming"}
	failure, err := a.pass()
	switch {
	case errors.Is(err, errOversized):
		drain(r.Body)
		g.fail(inv, failureOf(dayfly.FailureTooLarge, "Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size ("+strconv.Itoa(payloadMax)+" bytes).",
			"the response is larger than "+strconv.Itoa(payloadMax)+" bytes; a streamed one may be"))
		oversized.write(w)
		return
	case errors.Is(err, errTruncated):
		g.fail(inv, failureOf(dayfly.FailureResponse, "Runtime.TruncatedResponse", "",
			"the response was cut off"))
		truncated.write(w)
		return
	case failure != nil:
		g.fail(inv, failure)
	default:
		g.settled(inv, false, func() { _ = inv.call.End() })
	}
	accept(w)
}

func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, drainMax) }

func (g *Guest) fail(inv *invocation, failure *frame.ErrorHead) {
	g.settled(inv, true, func() { _ = inv.call.Fail(*failure) })
}

// answer is one response on its way to the caller.
type answer struct {
	*invocation
	request  *http.Request
	guest    *Guest
	streamed bool
}

// pass sends the answer. It gives the failure that the program told of in its trailers,
// or that makes the answer none; the error is one of the two above.
func (a *answer) pass() (*frame.ErrorHead, error) {
	kind, _, _ := strings.Cut(a.request.Header.Get("Content-Type"), ";")
	isHTTP := a.call.Head.Kind == string(dayfly.RequestHTTP)
	switch {
	case isHTTP && kind == event.TypeIntegration:
		return a.prelude()
	case isHTTP && (kind == typeBytes || a.streamed && kind != "application/json"):
		return a.stream(http.StatusOK, http.Header{"Content-Type": {a.request.Header.Get("Content-Type")}}, nil)
	case !isHTTP && a.streamed:
		return a.stream(http.StatusOK, http.Header{"Content-Type": {a.request.Header.Get("Content-Type")}}, nil)
	}
	whole, err := io.ReadAll(io.LimitReader(a.request.Body, payloadMax+1))
	switch {
	case err != nil:
		return nil, errTruncated
	case len(whole) > payloadMax:
		return nil, errOversized
	}
	if failure := a.trailers(); failure != nil {
		return failure, nil
	}
	if !isHTTP {
		given := a.request.Header.Get("Content-Type")
		return a.send(http.StatusOK, http.Header{"Content-Type": {given}}, whole), nil
	}
	if kind == "application/unknown" { // what a Python handler gave as bytes
		return a.send(http.StatusOK, http.Header{"Content-Type": {typeBytes}}, whole), nil
	}
	decoded, err := event.Decode(a.guest.rev.Payload, whole)
	if bad := (*event.Malformed)(nil); errors.As(err, &bad) {
		head := bad.Head()
		return &head, nil
	}
	return a.send(decoded.Status, headerOf(decoded.Headers), decoded.Body), nil
}

// prelude reads status and headers off the answer and streams the rest.
func (a *answer) prelude() (*frame.ErrorHead, error) {
	decoded, err := event.ReadPrelude(a.request.Body)
	if bad := (*event.Malformed)(nil); errors.As(err, &bad) {
		drain(a.request.Body)
		if failure := a.trailers(); failure != nil {
			return failure, nil
		}
		head := bad.Head()
		return &head, nil
	}
	if err != nil {
		return nil, errTruncated
	}
	return a.stream(decoded.Status, headerOf(decoded.Headers), decoded.Body)
}

// stream passes the body on as it comes: first what was read of it, then the rest.
func (a *answer) stream(status int, header http.Header, read []byte) (*frame.ErrorHead, error) {
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", typeBytes)
	}
	if err := a.call.Respond(status, header, nil); err != nil {
		drain(a.request.Body)
		return unsent(err), nil
	}
	body := &watched{r: a.request.Body}
	if _, err := io.Copy(a.call, io.MultiReader(bytes.NewReader(read), body)); err != nil && body.err == nil {
		drain(body) // the caller is gone; the program must not notice
	}
	if body.err != nil {
		return nil, errTruncated
	}
	return a.trailers(), nil
}

// watched remembers how reading ended.
type watched struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// send passes a whole answer on. Its length is told, so that the caller has all of it
// before the program is through with the call.
func (a *answer) send(status int, header http.Header, body []byte) *frame.ErrorHead {
	if status != http.StatusNoContent && status != http.StatusNotModified {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	if err := a.call.Respond(status, header, nil); err != nil {
		return unsent(err)
	}
	_, _ = a.call.Write(body) // it fails when the caller is gone, which is well
	return nil
}

// unsent is the failure of an answer whose head cannot be sent.
func unsent(err error) *frame.ErrorHead {
	head := (&event.Malformed{Message: err.Error()}).Head()
	return &head
}

// trailers gives the failure that came after the body.
func (a *answer) trailers() *frame.ErrorHead {
	class := a.request.Trailer.Get(headerErrorType)
	if class == "" {
		return nil
	}
	payload, err := base64.StdEncoding.DecodeString(a.request.Trailer.Get(headerErrorBody))
	if err != nil || len(payload) == 0 {
		payload = event.ErrorPayload(class, "")
	}
	return told(dayfly.FailureException, class, payload)
}

func headerOf(pairs [][2]string) http.Header {
	header := make(http.Header, len(pairs))
	for _, kv := range pairs {
		name := http.CanonicalHeaderKey(kv[0])
		header[name] = append(header[name], kv[1])
	}
	return header
}
