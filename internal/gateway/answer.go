// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// copyBuffers carry bodies from functions to clients.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// answer sends a function's result to the client.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, inv *dayfly.Invocation, result *dayfly.Result) {
	id := inv.ID
	if result.Failure != nil && len(result.Header) == 0 {
		if speaksRPC(r) {
			g.refuseRPC(w, r, id, result.Failure)
			return
		}
		fail(w, inv, result)
		return
	}
	if result.Status == http.StatusSwitchingProtocols {
		g.splice(w, id, result)
		return
	}
	header := w.Header()
	for name, values := range result.Header {
		switch name {
		case headerInvocation:
		case "Set-Cookie", "Vary": // the door may have said some: a renewed session, CORS
			header[name] = append(slices.Clip(header[name]), values...)
		default:
			header[name] = values
		}
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // as the function said: none, and none is guessed
	}
	announceTrailers(header, result.Trailer)
	streams := isRPC(r)
	if streams && header[rpc.HeaderStatus] != nil {
		header["Content-Length"] = nil // nothing but trailers comes: none is to be invented
	}
	w.WriteHeader(result.Status)
	if r.Method == http.MethodHead {
		return
	}
	if err := g.copy(w, result); err != nil {
		if streams && !errors.Is(err, errClient) {
			g.trailRPC(header, r, id, err)
			return
		}
		// The head is out, so the only honest end is to cut the connection: the client
		// sees that the body is incomplete.
		panic(http.ErrAbortHandler)
	}
	for name, values := range result.Trailer {
		header[http.TrailerPrefix+name] = values
	}
}

func announceTrailers(header, trailer http.Header) {
	for name := range trailer {
		header.Add("Trailer", name)
	}
}

// errClient is why an answer ends that its client does not take.
var errClient = errors.New("write to client")

// copy streams the body. An answer whose length is known is sent as it fills the
// buffers, and at once when it is whole: the function may go on working after it.
// Others are flushed as the function writes them.
func (g *Gateway) copy(w http.ResponseWriter, result *dayfly.Result) error {
	bufp := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(bufp)
	rc := http.NewResponseController(w)
	left, err := strconv.ParseInt(result.Header.Get("Content-Length"), 10, 64)
	live := err != nil
	if live && result.Header[rpc.HeaderStatus] == nil {
		_ = rc.Flush() // the head may be what the client waits for
	}
	for {
		n, err := result.Body.Read(*bufp)
		if n > 0 {
			if _, err := w.Write((*bufp)[:n]); err != nil {
				return fmt.Errorf("%w: %w", errClient, err)
			}
			if left -= int64(n); live || left == 0 {
				if err := rc.Flush(); err != nil {
					return fmt.Errorf("%w: %w", errClient, err)
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// splice joins an upgraded connection of the function with the client's.
func (g *Gateway) splice(w http.ResponseWriter, id dayfly.InvocationID, result *dayfly.Result) {
	function, ok := result.Body.(io.ReadWriteCloser)
	if !ok {
		writeProblem(w, http.StatusBadGateway, problem{Kind: dayfly.KindInternal, ID: id,
			Detail: "the function switched protocols on a connection that cannot"})
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		writeProblem(w, http.StatusBadRequest, problem{Kind: dayfly.KindInvalid, ID: id,
			Detail: "protocols can be switched over HTTP/1.1 only"})
		return
	}
	defer client.Close()
	_ = client.SetDeadline(time.Time{})
	head := &http.Response{StatusCode: result.Status, ProtoMajor: 1, ProtoMinor: 1, Header: result.Header}
	head.Header[headerInvocation] = []string{string(id)}
	var wire bytes.Buffer // one write: some clients read the head in one piece
	if err := head.Write(&wire); err != nil {
		return
	}
	if _, err := client.Write(wire.Bytes()); err != nil {
		return
	}
	var once sync.Once
	done := make(chan struct{})
	end := func() { once.Do(func() { close(done) }) }
	go func() {
		defer end()
		_, _ = io.Copy(function, buffered)
	}()
	go func() {
		defer end()
		_, _ = io.Copy(client, function)
	}()
	<-done
}

// problem is the body of an answer that is ours and not the function's: RFC 9457, as
// the management API's, with the invocation.
type problem struct {
	Title   string              `json:"title"`
	Status  int                 `json:"status"`
	Detail  string              `json:"detail"`
	Kind    dayfly.Kind         `json:"kind"`
	Failure dayfly.FailureKind  `json:"failure,omitempty"`
	Hint    string              `json:"hint,omitempty"`
	ID      dayfly.InvocationID `json:"invocation"`
}

// kindFailed marks an answer about a function's own failure; it is no error kind,
// since nothing of the platform failed.
const kindFailed dayfly.Kind = "failed"

// fail tells the client of a function's failure. A handler that raised or answered
// nonsense looks as behind the gateway of AWS that its payload is of: existing clients
// know those answers.
func fail(w http.ResponseWriter, inv *dayfly.Invocation, result *dayfly.Result) {
	switch result.Failure.Kind {
	case dayfly.FailureException, dayfly.FailureResponse:
		kind, text := failureText(inv.Revision)
		header := w.Header()
		header.Set("Content-Type", kind)
		header.Set("Content-Length", strconv.Itoa(len(text)))
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(result.Status)
		_, _ = io.WriteString(w, text)
	default:
		writeProblem(w, result.Status, failureProblem(inv.ID, result.Failure))
	}
}

// failureText is the answer for a failure as function URLs, REST APIs and load balancers
// give it, with its content type.
func failureText(rev *dayfly.Revision) (kind, text string) {
	var payload dayfly.Payload
	if rev != nil {
		payload = rev.Spec.Payload
	}
	switch payload {
	case dayfly.PayloadV1:
		return "application/json", `{"message":"Internal server error"}`
	case dayfly.PayloadALB, dayfly.PayloadALBMulti:
		return "text/html", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
			"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
	}
	return "text/plain; charset=utf-8", "Internal Server Error"
}

// failureProblem tells the public of a function's failure: what kind it was, not what
// the code said, which may hold secrets. Its owner sees the rest.
func failureProblem(id dayfly.InvocationID, failure *dayfly.Failure) problem {
	p := problem{Kind: kindFailed, Failure: failure.Kind, ID: id,
		Hint: "dayfly explain " + string(id) + " tells its owner more"}
	switch failure.Kind {
	case dayfly.FailureTimeout, dayfly.FailureMemory, dayfly.FailureTooLarge:
		p.Detail = failure.Message
	case dayfly.FailureInit:
		p.Detail = "the function could not be started"
	default:
		p.Detail = "the function's process ended during the call"
	}
	return p
}

// refuse answers a request that no function answered.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, id dayfly.InvocationID, err error) {
	g.refuseAs(w, r, id, err, statusOf(err))
}

// refuseAs is refuse with a status of its own.
func (g *Gateway) refuseAs(
	w http.ResponseWriter, r *http.Request, id dayfly.InvocationID, err error, status int,
) {
	if speaksRPC(r) {
		g.refuseRPC(w, r, id, err)
		return
	}
	kind := dayfly.KindOf(err)
	p := problem{Kind: kind, ID: id, Detail: "the platform could not serve the call"}
	var e *dayfly.Error
	if errors.As(err, &e) && kind != dayfly.KindInternal {
		p.Detail, p.Hint = e.Message, e.Hint
		if e.RetryAfter > 0 {
			seconds := int64((e.RetryAfter + time.Second - 1) / time.Second)
			w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
	}
	if kind == dayfly.KindInternal {
		g.log.Error("call failed in the platform", "invocation", id, "path", r.URL.Path, "error", err)
	}
	writeProblem(w, status, p)
}

func writeProblem(w http.ResponseWriter, status int, p problem) {
	p.Title, p.Status = http.StatusText(status), status
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"kind":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Del("Trailer")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// statusOf maps an error to a status.
func statusOf(err error) int {
	switch {
	case errors.Is(err, dayfly.ErrRequestTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errHeadTooLarge):
		return http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, dayfly.ErrCondition):
		return http.StatusPreconditionFailed
	}
	return dayfly.KindOf(err).HTTPStatus()
}
