// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/outcome"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// Call is a request to be made of a function as if it came over HTTP.
type Call struct {
	Kind       dayfly.RequestKind // RequestHTTP when empty
	Method     string
	Path       string // escaped, from "/"
	RawQuery   string
	Host       string
	Scheme     string
	RemoteAddr string
	Header     http.Header
	Body       []byte
}

// Push is what to execute: exactly one of Call and Event.
type Push struct {
	// ID becomes the event's; one is made when it is empty. A caller that repeats
	// itself with the same ID within seconds is a duplicate.
	ID       dayfly.EventID
	Function dayfly.FunctionRef
	Source   dayfly.Source
	// Trigger names the trigger that caused it, and so its lane; empty for plain calls.
	Trigger dayfly.TriggerName
	// Key is the idempotency key: the same one is accepted once within the function's
	// window. OrderKey is that of ordered lanes.
	Key      string
	OrderKey string
	// After is when it is due; what is past is now.
	After time.Time
	// Dedupe identifies a copied event within its function: TRIGGER:SEQUENCE. It is
	// remembered for twenty seconds, and after a crash as long as the event waits.
	Dedupe string
	// Durable has it on the disk before it is acknowledged, whatever its function says.
	Durable bool
	Call    *Call
	Event   *dayfly.Event
	// Callback is posted the answer of the attempt that ended it.
	Callback string
}

// Accepted tells of an event that is durable now, or was already.
type Accepted struct {
	// ID is the event's. Of a duplicate by Key it is the first one's; of a duplicate by
	// Dedupe it is empty.
	ID        dayfly.EventID
	Duplicate bool
}

// Push accepts an event: it is on disk when Push returns. A function that does not exist is
// not_found; a lane or stream without room is exhausted, with the time to wait.
func (q *Queue) Push(ctx context.Context, p Push) (Accepted, error) {
	now := time.Now()
	e, err := q.entryOf(&p, now)
	if err != nil {
		return Accepted{}, err
	}
	if p.Key != "" {
		return q.pushKeyed(ctx, e)
	}
	return q.store(ctx, e, p.identity())
}

// identity is what the bus knows a repetition by, or "".
func (p *Push) identity() string {
	switch {
	case p.Dedupe != "":
		return p.Function.String() + "/" + p.Dedupe
	case p.ID != "":
		return p.Function.String() + "=" + string(p.ID)
	}
	return ""
}

// entryOf checks p and makes an entry of it.
func (q *Queue) entryOf(p *Push, now time.Time) (*work.Entry, error) {
	rev, err := q.resolve(p.Function)
	if err == nil {
		err = q.deps.Bus.Room()
	}
	if err != nil {
		return nil, err
	}
	e := &work.Entry{ID: p.ID, Function: rev.Function, Source: p.Source, Trigger: p.Trigger, Key: p.Key,
		OrderKey: p.OrderKey, Callback: p.Callback, Accepted: now,
		Durable: p.Durable || rev.Spec.Durability == dayfly.DurabilityAlways}
	if p.After.After(now) {
		e.After, e.Due = p.After, p.After
	}
	if e.ID == "" {
		e.ID = dayfly.NewEventID(now)
	}
	if err := q.fill(e, p); err != nil {
		return nil, err
	}
	if limit := min(work.BodyBytesMax, rev.Spec.Limits.RequestBytes); int64(len(e.Body)) > limit {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes, at most %s are accepted for later execution",
			dayfly.ErrRequestTooLarge, len(e.Body), dayfly.FormatBytes(limit))
	}
	return e, e.Check(now)
}

// fill takes over what is to be executed.
func (q *Queue) fill(e *work.Entry, p *Push) error {
	switch {
	case (p.Call == nil) == (p.Event == nil):
		return dayfly.Errorf(dayfly.KindInvalid, "an event needs either a call or a CloudEvent")
	case p.Call != nil:
		c := p.Call
		e.Body = c.Body
		e.Call = &work.Call{Kind: c.Kind, Method: c.Method, Path: c.Path, RawQuery: c.RawQuery, Host: c.Host,
			Scheme: c.Scheme, RemoteAddr: c.RemoteAddr, Header: c.Header}
		if e.Call.Kind == "" {
			e.Call.Kind = dayfly.RequestHTTP
		}
	default:
		event := *p.Event
		e.Body, event.Data = event.Data, nil
		e.Event = &event
		e.Depth = outcome.Depth(&event)
	}
	return nil
}

// store writes an entry, to LATER when its time has not come, and wakes its lane.
func (q *Queue) store(ctx context.Context, e *work.Entry, identity string) (Accepted, error) {
	if !e.Due.IsZero() {
		if err := q.mayDelay(e.Lane()); err != nil {
			return Accepted{}, err
		}
		if err := q.putLater(ctx, e); err != nil {
			return Accepted{}, err
		}
		q.deps.Journal.Event(e.Info(dayfly.EventDelayed))
		return Accepted{ID: e.ID}, nil
	}
	if err := q.quota.Allow(e.Lane()); err != nil {
		return Accepted{}, err
	}
	m, err := workMessage(e, identity)
	if err != nil {
		return Accepted{}, err
	}
	told := q.marks.Pushing(e.ID)
	defer q.marks.Pushed(e.ID)
	q.fault("push:before")
	ack, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return Accepted{}, bus.Explain("accept event", err)
	}
	q.fault("push:after")
	if err := q.force(ctx, e, bus.StreamWork); err != nil {
		return Accepted{}, err // it may be there, and executed
	}
	if ack.Duplicate {
		return duplicateOf(e, identity), nil
	}
	q.quota.Pushed(e.Lane(), len(m.Data))
	told.UnlessEnded(func() { q.deps.Journal.Event(e.Info(dayfly.EventPending)) })
	q.wake(e.Lane())
	return Accepted{ID: e.ID}, nil
}

// force has what was written of an entry on the disk before anyone relies on it: it is told
// of, or what it replaces is removed. Entries that are not durable follow the node's setting.
func (q *Queue) force(ctx context.Context, e *work.Entry, stream string) error {
	if !e.Durable {
		return nil
	}
	return q.deps.Bus.Sync(ctx, stream)
}

// duplicateOf tells of an event that was accepted before: by its own ID, or as the copy of
// some other, whose ID nobody knows here.
func duplicateOf(e *work.Entry, identity string) Accepted {
	if strings.HasSuffix(identity, "="+string(e.ID)) {
		return Accepted{ID: e.ID, Duplicate: true}
	}
	return Accepted{Duplicate: true}
}

// workMessage gives the message of an entry.
func workMessage(e *work.Entry, identity string) (*nats.Msg, error) {
	data, err := e.Marshal()
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: e.Lane().WorkSubject(), Data: data}
	if identity != "" {
		m.Header = nats.Header{jetstream.MsgIDHeader: {identity}}
	}
	return m, nil
}
