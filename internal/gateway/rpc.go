// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// isRPC tells a call of gRPC. It streams both ways, for as long as it likes.
func isRPC(r *http.Request) bool { return r.ProtoMajor == 2 && rpc.Is(r.Header) }

// speaksRPC tells a caller who reads the status of gRPC and none of HTTP, in a browser too.
func speaksRPC(r *http.Request) bool {
	return r.Method == http.MethodPost && (isRPC(r) || rpc.IsWeb(r.Header))
}

// errDeadline is the end of a call at its caller's own deadline.
var errDeadline = &dayfly.Error{Kind: dayfly.KindTimeout, Message: "the call took longer than its caller waits"}

// withDeadline ends a context when its caller waits no longer. The caller ends the call then
// as well, but one that has vanished cannot.
func withDeadline(ctx context.Context, header http.Header, end func()) (context.Context, func()) {
	span, said := rpc.Timeout(header)
	if !said {
		return ctx, end
	}
	ctx, cancel := context.WithTimeoutCause(ctx, span, errDeadline)
	return ctx, func() { cancel(); end() }
}

// deadlineSlack is how much sooner than here a deadline may have passed at the other end,
// which ends the call for it: what is left is written with five digits at least.
const deadlineSlack = 10 * time.Millisecond

// inTime gives why a call ended: its caller's deadline, if that had passed.
func inTime(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	deadline, has := ctx.Deadline()
	if has && time.Until(deadline) < deadlineSlack || errors.Is(context.Cause(ctx), errDeadline) {
		return errDeadline
	}
	return err
}

// timely has the reading of an answer fail by the deadline of its caller, if there is one.
func timely(ctx context.Context, result *dayfly.Result) {
	if _, bounded := ctx.Deadline(); bounded {
		result.Body = timelyBody{result.Body, ctx}
	}
}

// timelyBody is the answer of a call that has a deadline.
type timelyBody struct {
	io.ReadCloser
	ctx context.Context // of the call
}

// Read implements io.Reader.
func (b timelyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = inTime(b.ctx, err)
	}
	return n, err
}

// quiet tells whether the next byte may come whenever the client likes: between messages of
// a stream. Within one, it may stop for no longer than within any body.
func (u *upload) quiet() bool { return u.call.Streams() && !u.meter.Within() }

// readQuiet reads without a deadline. Close ends it.
func (u *upload) readQuiet(p []byte) (int, error) {
	u.mu.Lock()
	stopped, broken := u.stopped, u.broken
	u.mu.Unlock()
	switch {
	case stopped:
		return 0, errUploadOver
	case broken != nil:
		return 0, broken
	}
	n, err := u.body.Read(p)
	u.moved(p[:n])
	return n, err
}

// moved notes what came.
func (u *upload) moved(p []byte) {
	if u.call == nil || len(p) == 0 {
		return
	}
	u.meter.Feed(p)
	if answer := u.answer.Load(); answer != nil {
		idle.Touch(*answer)
	}
}

// refuseRPC answers with a status alone.
func (g *Gateway) refuseRPC(w http.ResponseWriter, r *http.Request, id dayfly.InvocationID, err error) {
	header := w.Header()
	code, message := g.toldRPC(r, id, err)
	rpc.Status(header, code, message)
	var e *dayfly.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		header[rpc.HeaderPushback] = []string{strconv.FormatInt(max(1, e.RetryAfter.Milliseconds()), 10)}
	}
	header.Set("Cache-Control", "no-store")
	header.Del("Trailer")
	header.Set("Content-Type", "application/grpc")
	header["Content-Length"] = nil
	if !isRPC(r) { // gRPC-Web, whose callers are pages: they may read what they are told to
		header.Set("Content-Type", r.Header.Get("Content-Type"))
		header.Set("Content-Length", "0")
		header.Add("Access-Control-Expose-Headers", rpc.HeaderStatus+", "+rpc.HeaderMessage)
	}
	w.WriteHeader(http.StatusOK)
}

// trailRPC ends an answer that broke off with a status, which callers of gRPC wait for.
func (g *Gateway) trailRPC(header http.Header, r *http.Request, id dayfly.InvocationID, err error) {
	code, message := g.toldRPC(r, id, err)
	said := http.Header{}
	rpc.Status(said, code, message)
	for name, values := range said {
		header[http.TrailerPrefix+name] = values
	}
}

// toldRPC gives what callers of gRPC are told of an error.
func (g *Gateway) toldRPC(r *http.Request, id dayfly.InvocationID, err error) (rpc.Code, string) {
	var (
		failure *dayfly.Failure
		known   *dayfly.Error
		bad     *invalid
	)
	switch {
	case errors.As(err, &failure):
		if failure.Kind == dayfly.FailureResponse {
			return rpc.Internal, "the function's answer is not that of a server of gRPC"
		}
		return rpc.CodeOfFailure(failure.Kind), failureProblem(id, failure).Detail
	case errors.As(err, &bad):
		return rpc.InvalidArgument, bad.Error()
	case errors.Is(err, idle.ErrIdle):
		return rpc.Unavailable, "nothing moved on the stream for too long"
	case errors.Is(err, dayfly.ErrRequestTooLarge), errors.Is(err, errHeadTooLarge):
		return rpc.ResourceExhausted, messageOf(err)
	case errors.Is(err, errMethod):
		return rpc.Unimplemented, messageOf(err)
	case errors.As(err, &known) && known.Kind != dayfly.KindInternal:
		return rpc.CodeOf(known.Kind), known.Message
	}
	g.log.Error("call failed in the platform", "invocation", id, "path", r.URL.Path, "error", err)
	return rpc.Internal, "the platform could not serve the call"
}

// messageOf gives what may be told of an error that is the caller's.
func messageOf(err error) string {
	var known *dayfly.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}
