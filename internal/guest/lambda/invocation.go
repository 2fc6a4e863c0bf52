// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

const (
	// payloadMax is AWS's bound of an event and of an answer that is not streamed.
	payloadMax = 6<<20 + 100
	// errorWait is how long a caller waits for the news that its call failed: a program
	// that ends after it told so must not get another call.
	errorWait = 100 * time.Millisecond
)

// state is where a program is in its life, by AWS's names.
type state string

const (
	stateStarted  state = "" // until the first next
	stateReady    state = "Ready"
	stateRunning  state = "Running"
	stateAnswered state = "ResponseSent"
	stateFailed   state = "InitError"
	stateAnswer   state = "InvocationResponse"
	stateError    state = "InvocationErrorResponse"
)

// invocation is one call on its way through the program.
type invocation struct {
	call  *serve.Call
	id    string
	event []byte
	// finish ends the call; it is set when answered is closed.
	finish   func()
	failure  bool
	answered chan struct{}
	passed   chan struct{} // closed by the next after the answer

	taken bool // an answer has begun; guarded by Guest.mu
}

// Call implements serve.Handler.
func (g *Guest) Call(c *serve.Call) {
	inv := &invocation{call: c, id: c.Head.ID, answered: make(chan struct{}), passed: make(chan struct{})}
	var ok bool
	if inv.event, ok = g.eventOf(c); !ok {
		return
	}
	select {
	case g.pending <- inv:
	case <-c.Context().Done():
		return // nobody has seen it, nobody waits for it
	case <-g.gone:
		select {} // the guest ends with its program, and the host tells the caller
	}
	select {
	case <-inv.answered:
	case <-g.gone:
		select {
		case <-inv.answered: // its answer was on its way
		case <-time.After(settleMax):
			select {}
		}
	}
	defer g.open.Done()
	g.awaitNext(inv)
	inv.finish()
}

// eventOf reads the call's body and makes the event of it.
func (g *Guest) eventOf(c *serve.Call) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(c, payloadMax+1))
	if err != nil || c.Context().Err() != nil {
		return nil, false
	}
	isHTTP := c.Head.Kind == string(dayfly.RequestHTTP)
	if isHTTP && len(body) <= payloadMax {
		body = event.Encode(g.rev.Payload, g.rev.Function, &c.Head, body)
	}
	if len(body) <= payloadMax {
		return body, true
	}
	message := "the event is larger than " + strconv.Itoa(payloadMax) + " bytes, which is what the Runtime API takes"
	if isHTTP {
		header := http.Header{"Content-Type": {"application/json"}}
		if c.Respond(http.StatusRequestEntityTooLarge, header, nil) == nil {
			_, _ = io.WriteString(c, `{"message":"Request Too Long"}`)
			_ = c.End()
		}
		return nil, false
	}
	_ = c.Fail(*failureOf(dayfly.FailureException, "RequestEntityTooLarge", message, message))
	return nil, false
}

// awaitNext waits until the program is through with the call. The news of a failure
// does not wait long.
func (g *Guest) awaitNext(inv *invocation) {
	if g.concurrent() {
		return
	}
	var limit <-chan time.Time
	if inv.failure {
		limit = time.After(errorWait)
	}
	select {
	case <-inv.passed:
	case <-g.gone:
	case <-limit:
	}
}

// next gives the program its next event, however long it takes until there is one.
func (g *Guest) next(w http.ResponseWriter, r *http.Request) {
	if from, ok := g.becomeReady(); !ok {
		illegal(from, stateReady).write(w)
		return
	}
	select {
	case inv := <-g.pending:
		if r.Context().Err() != nil { // who asked has hung up; another will
			go func() { g.pending <- inv }()
			return
		}
		g.mu.Lock()
		g.state = stateRunning
		g.running[inv.id] = inv
		g.mu.Unlock()
		g.announce(inv)
		g.writeEvent(w, inv)
	case <-r.Context().Done():
	case <-g.gone:
	}
}

// becomeReady passes the call before, if there was one.
func (g *Guest) becomeReady() (from state, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	from = g.state
	if from == stateFailed || from == stateRunning && !g.concurrent() {
		return from, false
	}
	if from == stateStarted {
		g.closed = true
		close(g.first)
	}
	if !g.concurrent() {
		for id, inv := range g.running {
			close(inv.passed)
			delete(g.running, id)
		}
	}
	g.state = stateReady
	return from, true
}

func (g *Guest) writeEvent(w http.ResponseWriter, inv *invocation) {
	h := w.Header()
	h["Lambda-Runtime-Aws-Request-Id"] = []string{inv.id}
	h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(inv.call.Head.Deadline, 10)}
	h["Lambda-Runtime-Invoked-Function-Arn"] = []string{g.arn()}
	if trace := event.XRay(inv.call.Head.Trace); trace != "" {
		h["Lambda-Runtime-Trace-Id"] = []string{trace}
	}
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(inv.event))}
	_, _ = w.Write(inv.event)
	inv.event = nil
}

func (g *Guest) arn() string {
	region := g.rev.Env["AWS_REGION"]
	if region == "" {
		region = "us-east-1"
	}
	return "arn:aws:lambda:" + region + ":000000000000:function:" + string(g.rev.Function)
}

// take claims the right to answer an invocation.
func (g *Guest) take(id string, to state) (*invocation, *refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	inv := g.running[id]
	if inv == nil || g.ending {
		return nil, &invalidID
	}
	if inv.taken {
		no := illegal(stateAnswered, to)
		return nil, &no
	}
	inv.taken = true
	g.open.Add(1)
	return inv, nil
}

// settled ends the program's part of a call: finish is called when the program is
// through with it.
func (g *Guest) settled(inv *invocation, failure bool, finish func()) {
	inv.finish, inv.failure = finish, failure
	g.mu.Lock()
	if g.concurrent() {
		delete(g.running, inv.id)
	} else {
		g.state = stateAnswered
	}
	g.mu.Unlock()
	close(inv.answered)
}

// failureOf makes a failure whose payload has the text that AWS's callers know.
func failureOf(kind dayfly.FailureKind, class, text, message string) *frame.ErrorHead {
	return &frame.ErrorHead{Kind: kind, Type: class, Message: message, Payload: event.ErrorPayload(class, text)}
}
