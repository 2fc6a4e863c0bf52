// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// bodyBytesMax bounds the body or data of an event. A message of the bus may have
	// 1 MiB: this leaves room for headers and for the history of attempts.
	bodyBytesMax = 768 << 10
	// headBytesMax bounds everything else that a caller sends with an event.
	headBytesMax = 96 << 10
	// keyBytesMax bounds idempotency and order keys, as providers' own do.
	keyBytesMax = 256
	// urlBytesMax bounds a callback's address: what browsers and proxies take.
	urlBytesMax = 2 << 10
	// delayMax is how far ahead an event may be due: a year and a day.
	delayMax = 366 * 24 * time.Hour
	// depthMax bounds chains of functions that are each other's destinations, as AWS
	// bounds its loops.
	depthMax = 16
	// fullPause is what a caller is asked to wait when there is no room.
	fullPause = time.Second
)

// ExtensionDepth is the attribute of a CloudEvent that counts the destinations between it
// and the event that began the chain. One that has more than 16 is refused.
const ExtensionDepth = "dayflydepth"

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
	Call   *Call
	Event  *dayfly.Event
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
func (q *Queue) entryOf(p *Push, now time.Time) (*entry, error) {
	rev, err := q.resolve(p.Function)
	if err != nil {
		return nil, err
	}
	e := &entry{ID: p.ID, Function: rev.Function, Source: p.Source, Trigger: p.Trigger, Key: p.Key,
		OrderKey: p.OrderKey, Callback: p.Callback, Accepted: now}
	if p.After.After(now) {
		e.After, e.Due = p.After, p.After
	}
	if e.ID == "" {
		e.ID = dayfly.NewEventID(now)
	}
	if err := q.fill(e, p); err != nil {
		return nil, err
	}
	if limit := min(bodyBytesMax, rev.Spec.Limits.RequestBytes); int64(len(e.body)) > limit {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes, at most %s are accepted for later execution",
			dayfly.ErrRequestTooLarge, len(e.body), dayfly.FormatBytes(limit))
	}
	return e, checkEntry(e, now)
}

// fill takes over what is to be executed.
func (q *Queue) fill(e *entry, p *Push) error {
	switch {
	case (p.Call == nil) == (p.Event == nil):
		return dayfly.Errorf(dayfly.KindInvalid, "an event needs either a call or a CloudEvent")
	case p.Call != nil:
		c := p.Call
		e.body = c.Body
		e.Call = &callHead{Kind: c.Kind, Method: c.Method, Path: c.Path, RawQuery: c.RawQuery, Host: c.Host,
			Scheme: c.Scheme, RemoteAddr: c.RemoteAddr, Header: c.Header}
		if e.Call.Kind == "" {
			e.Call.Kind = dayfly.RequestHTTP
		}
	default:
		event := *p.Event
		e.body, event.Data = event.Data, nil
		e.Event = &event
		e.Depth = depthOf(&event)
	}
	return nil
}

// checkEntry reports the first thing that is out of its bounds.
func checkEntry(e *entry, now time.Time) error {
	invalid := func(format string, args ...any) error {
		return dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	switch {
	case !validID(e.ID):
		return invalid("event id %q is not valid: use up to 64 letters, digits and dashes", e.ID)
	case len(e.Key) > keyBytesMax:
		return invalid("the idempotency key has %d bytes, at most %d are allowed", len(e.Key), keyBytesMax)
	case len(e.OrderKey) > keyBytesMax:
		return invalid("the order key has %d bytes, at most %d are allowed", len(e.OrderKey), keyBytesMax)
	case len(e.Trigger) > keyBytesMax:
		return invalid("the trigger's name has %d bytes, at most %d are allowed", len(e.Trigger), keyBytesMax)
	case e.After.Sub(now) > delayMax:
		return invalid("the event is due in %s, at most %s ahead is allowed", e.After.Sub(now).Round(time.Second), delayMax)
	case e.Depth > depthMax:
		return invalid("the event passed %d functions that are each other's destinations: a loop", e.Depth)
	case headBytes(e) > headBytesMax:
		return invalid("headers and attributes have %d bytes, at most %d are allowed", headBytes(e), headBytesMax)
	}
	return checkCallback(e.Callback)
}

func checkCallback(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case len(address) > urlBytesMax:
		return dayfly.Errorf(dayfly.KindInvalid, "the callback's address has %d bytes, at most %d are allowed",
			len(address), urlBytesMax)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return dayfly.Errorf(dayfly.KindInvalid, "the callback %q is no http or https address", address)
	case u.User != nil:
		return dayfly.Errorf(dayfly.KindInvalid, "the callback's address has credentials in it")
	}
	return nil
}

// validID tells whether an identity may stand in a subject.
func validID(id dayfly.EventID) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(string(id), func(r rune) bool {
		return r > 127 || !plain(byte(r))
	})
}

// headBytes estimates what an entry takes beside its body.
func headBytes(e *entry) int {
	n := len(e.Key) + len(e.OrderKey) + len(e.Callback)
	if c := e.Call; c != nil {
		n += len(c.Method) + len(c.Path) + len(c.RawQuery) + len(c.Host) + len(c.RemoteAddr)
		for name, values := range c.Header {
			for _, v := range values {
				n += len(name) + len(v) + 8
			}
		}
	}
	if ev := e.Event; ev != nil {
		n += len(ev.ID) + len(ev.Source) + len(ev.Type) + len(ev.Subject) + len(ev.ContentType) + len(ev.DataSchema)
		for name, v := range ev.Extensions {
			n += len(name) + len(v) + 8
		}
	}
	return n
}

// store writes an entry, to LATER when its time has not come, and wakes its lane.
func (q *Queue) store(ctx context.Context, e *entry, identity string) (Accepted, error) {
	if !e.Due.IsZero() {
		if err := q.putLater(ctx, e); err != nil {
			return Accepted{}, err
		}
		q.deps.Journal.Event(e.info(dayfly.EventDelayed))
		return Accepted{ID: e.ID}, nil
	}
	m, err := workMessage(e, identity)
	if err != nil {
		return Accepted{}, err
	}
	told := q.marks.pushing(e.ID)
	defer q.marks.pushed(e.ID)
	q.fault("push:before")
	ack, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return Accepted{}, explain("accept event", err)
	}
	q.fault("push:after")
	if ack.Duplicate {
		return duplicateOf(e, identity), nil
	}
	told.unlessEnded(func() { q.deps.Journal.Event(e.info(dayfly.EventPending)) })
	q.wake(e.lane())
	return Accepted{ID: e.ID}, nil
}

// duplicateOf tells of an event that was accepted before: by its own ID, or as the copy of
// some other, whose ID nobody knows here.
func duplicateOf(e *entry, identity string) Accepted {
	if strings.HasSuffix(identity, "="+string(e.ID)) {
		return Accepted{ID: e.ID, Duplicate: true}
	}
	return Accepted{Duplicate: true}
}

// workMessage gives the message of an entry.
func workMessage(e *entry, identity string) (*nats.Msg, error) {
	data, err := e.marshal()
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: e.lane().workSubject(), Data: data}
	if identity != "" {
		m.Header = nats.Header{jetstream.MsgIDHeader: {identity}}
	}
	return m, nil
}

// explain gives an error of the bus its kind.
func explain(verb string, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, "maximum"):
		e := dayfly.Errorf(dayfly.KindExhausted, "%s: there is no room: too many events wait", verb)
		e.RetryAfter = fullPause
		return e
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "%s: %w", verb, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return dayfly.Errorf(dayfly.KindTimeout, "%s: %w", verb, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrNoStreamResponse):
		return dayfly.Errorf(dayfly.KindUnavailable, "%s: %w", verb, err)
	}
	return dayfly.Errorf(dayfly.KindInternal, "%s: %w", verb, err)
}

// codeStoreFailed is the server's code for a message that was not stored
// (JSStreamStoreFailedF): "maximum bytes exceeded", "maximum messages per subject
// exceeded", or what the disk said.
const codeStoreFailed = 10077
