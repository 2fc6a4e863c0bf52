// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/queue/outcome"
	"github.com/dayfly-faas/dayfly/internal/queue/policy"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// answerSlack is what an execution may take beside the function's own limits.
	answerSlack = time.Minute
	// headerEvent and headerAttempt tell a function which event it executes.
	headerEvent   = "X-Dayfly-Event"
	headerAttempt = "X-Dayfly-Attempt"
)

// execution is one or more attempts, one after the other, for some events of a lane.
type execution struct {
	q      *Queue
	lane   *lane
	ctx    context.Context // of the node: its end leaves the events for the next start
	policy policy.Policy
	items  []*item
	own    bool // it needs no slot of the node
	waits  int  // how often there was no capacity, or a fault of the platform

	cancel   context.CancelFunc // of the attempt under way
	canceled bool               // by Cancel; guarded by Queue.mu
}

// run makes attempts until every event has ended, or waits for its next attempt in LATER.
func (x *execution) run() {
	for len(x.items) > 0 && x.ctx.Err() == nil {
		wait := x.attempt()
		if len(x.items) > 0 {
			x.step(wait)
		}
		if x.lane.ctx.Err() != nil {
			break // the node takes no more
		}
	}
	x.release()
	keys := map[string]bool{}
	for _, it := range x.items { // left for the next start
		keys[it.OrderKey] = true
	}
	x.lane.free(keys)
}

// step waits before another attempt without taking anybody's place.
func (x *execution) step(wait time.Duration) {
	x.release()
	pause(x.ctx, wait)
	x.own = x.lane.begin(&x.policy)
	if x.own {
		return
	}
	select {
	case x.q.slots <- struct{}{}:
	case <-x.ctx.Done():
		x.own = true // there is no slot to give back; the node ends
	}
}

// release gives back the execution's place.
func (x *execution) release() {
	if !x.own {
		<-x.q.slots
	}
	x.lane.end(x.own)
}

// attempt executes what is left once, and settles what it can. It gives how long to wait
// before the next attempt for the rest.
func (x *execution) attempt() time.Duration {
	x.policy = x.q.policyOf(x.lane.id)
	if x.policy.Gone {
		x.settleAll(outcome.Removed, &outcome.Answer{Start: time.Now(), Err: errTriggerGone()})
		return 0
	}
	x.register()
	a := x.call()
	canceled := x.unregister()
	now := time.Now()
	switch v := outcome.Judge(a); {
	case canceled && v != outcome.Done:
		return x.afterCancel(a)
	case v == outcome.Stopped && x.ctx.Err() != nil:
		x.lane.mu.Lock()
		x.lane.window.Pass(now)
		x.lane.mu.Unlock()
		return 0
	case v == outcome.Stopped: // the call was cut off, but not by us
		return x.afterFault(a, outcome.Platform, now)
	case v == outcome.Capacity || v == outcome.Platform:
		return x.afterFault(a, v, now)
	case v == outcome.Removed && x.policy.Revision != nil && x.lane.id.Name != work.Posts:
		// It resolved a moment ago: what is not found is something else.
		x.ended(now)
		return x.settleAll(outcome.Fatal, a)
	case v == outcome.Done && x.policy.Queue:
		x.ended(now)
		return x.settleBatch(a)
	default:
		x.ended(now)
		return x.settleAll(v, a)
	}
}

// ended tells the lane's window that an execution ended.
func (x *execution) ended(now time.Time) {
	x.waits = 0
	x.lane.mu.Lock()
	defer x.lane.mu.Unlock()
	x.lane.window.Ended(now, x.policy.Most)
}

// register makes the events known as running, and cancelable.
func (x *execution) register() {
	x.q.mu.Lock()
	defer x.q.mu.Unlock()
	x.canceled = false
	for _, it := range x.items {
		x.q.running[it.ID] = x
	}
}

func (x *execution) unregister() (canceled bool) {
	x.q.mu.Lock()
	defer x.q.mu.Unlock()
	for _, it := range x.items {
		delete(x.q.running, it.ID)
	}
	x.cancel = nil
	return x.canceled
}

// call makes one attempt.
func (x *execution) call() *outcome.Answer {
	ctx, cancel := context.WithTimeout(x.ctx, x.timeout())
	defer cancel()
	x.q.mu.Lock()
	x.cancel = cancel
	stopped := x.canceled
	x.q.mu.Unlock()
	if stopped {
		cancel()
	}
	a := &outcome.Answer{Start: time.Now()}
	defer func() { a.Took = time.Since(a.Start) }()
	if x.lane.id.Name == work.Posts {
		x.q.deliver(ctx, x.items[0], a)
		return a
	}
	if x.policy.Revision == nil {
		a.Err = dayfly.Errorf(dayfly.KindNotFound, "function %s not found", x.lane.id.Function)
		return a
	}
	inv, err := x.invocation(a.Start)
	if err != nil {
		a.Err = err
		return a
	}
	a.Invocation = inv.ID
	x.q.fault("attempt:before")
	result, err := x.q.deps.Invoker.Invoke(ctx, inv)
	if err != nil {
		a.Err = err
		return a
	}
	a.Read(result, x.wantsAnswer())
	x.q.fault("attempt:after")
	return a
}

// timeout bounds an attempt from outside; the function's own limits end it before.
func (x *execution) timeout() time.Duration {
	if x.policy.Revision == nil {
		return answerSlack
	}
	s := &x.policy.Revision.Spec
	return s.Limits.Timeout + s.Limits.InitTimeout + s.Scaling.QueueTimeout + answerSlack
}

// wantsAnswer tells whether somebody will look at the answer's body.
func (x *execution) wantsAnswer() bool {
	d := &x.policy.Revision.Spec.Destinations
	if x.policy.Queue || d.OnSuccess != nil || d.OnFailure != nil {
		return true
	}
	return x.items[0].Callback != ""
}

// invocation makes the call of an attempt.
func (x *execution) invocation(now time.Time) (*dayfly.Invocation, error) {
	first := x.items[0]
	request, err := x.request()
	if err != nil {
		return nil, err
	}
	attempt := first.Tries + 1
	if request.Kind == dayfly.RequestHTTP {
		request.Header = maps.Clone(request.Header)
		if request.Header == nil {
			request.Header = http.Header{}
		}
		request.Header[headerEvent] = []string{string(first.ID)}
		request.Header[headerAttempt] = []string{strconv.Itoa(attempt)}
	}
	return &dayfly.Invocation{ID: dayfly.NewInvocationID(now), Function: first.Function, Alias: dayfly.LiveAlias,
		Source: first.Source, Received: now, Request: request, Event: first.ID, Attempt: attempt,
		Trigger: first.Trigger, Batch: len(x.items)}, nil
}

// request is how the function is to see the events.
func (x *execution) request() (dayfly.Request, error) {
	first := x.items[0]
	switch {
	case first.Call != nil:
		c := first.Call
		r := dayfly.Request{Kind: c.Kind, Method: c.Method, Host: c.Host, Path: c.Path, RawQuery: c.RawQuery,
			Proto: "HTTP/1.1", Scheme: c.Scheme, RemoteAddr: c.RemoteAddr, Header: c.Header,
			Body: io.NopCloser(bytes.NewReader(first.Body)), ContentLength: int64(len(first.Body))}
		if r.Kind == dayfly.RequestHTTP {
			r.TraceParent = c.Header.Get("Traceparent")
		}
		return envelope.At(x.policy.Revision, first.Trigger, r), nil
	case x.policy.Queue:
		return envelope.Batch(x.policy.Revision, first.Trigger, envelopes(x.items))
	}
	return envelope.Single(x.policy.Revision, first.Trigger, first.CloudEvent())
}

// envelopes gives the events as package envelope takes them.
func envelopes(items []*item) []envelope.Item {
	list := make([]envelope.Item, 0, len(items))
	for _, it := range items {
		e := envelope.Item{ID: it.ID, Receives: it.Tries + 1, Accepted: it.Accepted}
		if it.Event != nil {
			e.Event = *it.CloudEvent()
		}
		list = append(list, e)
	}
	return list
}
