// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

const (
	// asyncPrefix starts the path under which OpenFaaS has asynchronous calls.
	asyncPrefix = "/async-function/"
	// asyncBodyMax bounds the body of an asynchronous call: it is stored in one message.
	asyncBodyMax = 768 << 10
	// asyncBodiesMax bounds how many bodies above eagerBody come in at once: together
	// they take 96 MiB at most.
	asyncBodiesMax = 128
	// bodiesPause is what a caller is asked to wait when there are so many.
	bodiesPause = time.Second

	// headerInvoke asks for an asynchronous call when it says "async".
	headerInvoke = "X-Dayfly-Invoke"
	// headerCallID tells the caller which event it became, as OpenFaaS does.
	headerCallID = "X-Call-Id"
)

// Queue takes calls to be executed later: what it accepted is on disk.
type Queue interface {
	Push(ctx context.Context, p queue.Push) (queue.Accepted, error)
}

// Async is what asynchronous calls need.
type Async struct {
	Queue Queue
	// CheckURL refuses callbacks that can never be reached.
	CheckURL func(url string) error
	// EventsURL is where the management API tells of events: an event's identity
	// follows.
	EventsURL string
}

// wantsAsync tells whether the caller waits for no answer.
func wantsAsync(r *http.Request, at address) (bool, error) {
	values, asked := r.Header[headerInvoke]
	if !asked {
		return at.async, nil
	}
	delete(r.Header, headerInvoke)
	switch {
	case values[0] == "async":
		return true, nil
	case values[0] == "sync" && !at.async:
		return false, nil
	}
	return false, dayfly.Errorf(dayfly.KindInvalid, "%s is %.40q, want async", headerInvoke, values[0])
}

// later takes a call to be executed later.
//
//	1 read what the caller wants    2 take the body in    3 push    4 answer 202
func (g *Gateway) later(w http.ResponseWriter, r *http.Request, inv *dayfly.Invocation) {
	push, err := g.pushOf(r, inv)
	if err != nil {
		g.refuse(w, r, inv.ID, err)
		return
	}
	ctx, body := g.follow(r.Context(), w, &inv.Request)
	defer body.finish()
	if push.Call.Body, err = g.takeBody(inv); err != nil {
		body.finish()
		g.refuse(w, r, inv.ID, err)
		return
	}
	taken, err := g.async.Queue.Push(ctx, push)
	if err != nil {
		g.refuse(w, r, inv.ID, err)
		return
	}
	g.answerAccepted(w, &push, taken)
}

// pushOf reads what the caller wants out of the headers, which are the platform's from
// here on: the function does not see them.
func (g *Gateway) pushOf(r *http.Request, inv *dayfly.Invocation) (queue.Push, error) {
	req := &inv.Request
	p := queue.Push{Function: inv.Function, Source: dayfly.SourceAsync}
	name, openFaaS := strings.CutPrefix(req.Prefix, asyncPrefix)
	if openFaaS && r.Method == http.MethodDelete {
		return p, dayfly.Errorf(dayfly.KindDenied, "events are not canceled here").
			WithHint("dayfly cancel ID does it; a call with DELETE is one to %s with %s: async",
				functionPrefix, headerInvoke)
	}
	if err := p.Ask(r.Header, inv.Received, g.async.CheckURL); err != nil {
		return p, err
	}
	if openFaaS {
		r.Header["X-Forwarded-Prefix"] = []string{functionPrefix + name} // where it is called and answers
	}
	delete(r.Header, "Connection") // nothing can be upgraded any more
	delete(r.Header, "Upgrade")
	p.Call = &queue.Call{Kind: dayfly.RequestHTTP, Method: req.Method, Path: req.Path, RawQuery: req.RawQuery,
		Host: req.Host, Scheme: req.Scheme, RemoteAddr: req.RemoteAddr, Header: req.Header}
	return p, nil
}

// takeBody reads the whole body. Those that are not small wait for nobody: too many at
// once are refused.
func (g *Gateway) takeBody(inv *dayfly.Invocation) ([]byte, error) {
	req := &inv.Request
	tooLarge := dayfly.Errorf(dayfly.KindInvalid, "%w: asynchronous calls take at most %s",
		dayfly.ErrRequestTooLarge, dayfly.FormatBytes(asyncBodyMax)).
		WithHint("put what is larger in a bucket, and its key in the call")
	if req.ContentLength > asyncBodyMax {
		return nil, tooLarge
	}
	if req.ContentLength == 0 {
		return nil, nil
	}
	if small, ok := req.Body.(eager); ok {
		return io.ReadAll(small)
	}
	select {
	case g.bodies <- struct{}{}:
		defer func() { <-g.bodies }()
	default:
		e := dayfly.Errorf(dayfly.KindExhausted, "%d large calls are being taken in already", asyncBodiesMax)
		e.RetryAfter = bodiesPause
		return nil, e
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, asyncBodyMax+1))
	var known *dayfly.Error
	switch {
	case errors.As(err, &known):
		return nil, known
	case err != nil:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the request body broke off: %w", err)
	case len(body) > asyncBodyMax:
		return nil, tooLarge
	}
	return body, nil
}

// answerAccepted says that the call is on disk, and how to ask for it.
func (g *Gateway) answerAccepted(w http.ResponseWriter, p *queue.Push, taken queue.Accepted) {
	body, err := json.Marshal(p.Receipt(taken, time.Now()))
	if err != nil {
		body = []byte("{}")
	}
	header := w.Header()
	delete(header, headerInvocation) // there is none yet
	header[queue.HeaderEvent] = []string{string(taken.ID)}
	header[headerCallID] = []string{string(taken.ID)}
	header["Location"] = []string{g.async.EventsURL + string(taken.ID)}
	header["Content-Type"] = []string{"application/json"}
	header["Cache-Control"] = []string{"no-store"}
	header["Content-Length"] = []string{strconv.Itoa(len(body) + 1)}
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(append(body, '\n'))
}
