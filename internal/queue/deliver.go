// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/queue/outcome"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// What became of an event is told to its destination and its callback before the event is
// removed: functions and queues are told at once, addresses by an event of their own in
// the lane "=out", which is retried as others are but never a dead letter.

const (
	// postTimeout bounds one request to a destination or callback.
	postTimeout = 30 * time.Second
	// postAnswerMax is how much of its answer is read, for the connection's sake.
	postAnswerMax = 64 << 10
	// tellPolls and tellPoll are how long a delivery waits for its event's last snapshot.
	tellPolls = 20
	tellPoll  = 50 * time.Millisecond
)

// tell sends the outcome of an event to whoever is to hear of it.
func (q *Queue) tell(ctx context.Context, x *execution, it *item, a *outcome.Answer, state dayfly.EventState) {
	if to := outcome.Destination(x.policy.Revision, state); to != nil {
		q.tellDestination(ctx, it, a, *to)
	}
	if it.Callback != "" {
		e := q.postOf(it, dayfly.Destination{URL: it.Callback}, "callback")
		e.Post.Header = outcome.CallbackHeader(it.Entry, a)
		e.Body = a.Body
		if len(e.Body) > work.BodyBytesMax || a.Cut {
			e.Body = e.Body[:min(len(e.Body), work.BodyBytesMax)]
			e.Post.Header.Set("X-Dayfly-Truncated", "true")
		}
		q.postLater(ctx, it, e)
	}
}

// tellDestination reaches a function or queue at once, or leaves it to the lane of posts.
func (q *Queue) tellDestination(ctx context.Context, it *item, a *outcome.Answer, to dayfly.Destination) {
	e := q.postOf(it, to, "destination")
	e.Event, e.Body = outcome.Event(it.Entry, a, e.ID)
	e.Depth = it.Depth + 1
	if to.URL == "" {
		q.fault("destination:before")
		err := q.reach(ctx, e)
		q.fault("destination:after")
		if err == nil {
			it.Delivered = "delivered to " + outcome.NameOf(to)
			return
		}
		if refused(err) {
			it.Delivered = "not delivered: " + err.Error()
			return
		}
	}
	q.postLater(ctx, it, e)
}

// refused tells that repeating a delivery cannot help.
func refused(err error) bool {
	switch dayfly.KindOf(err) {
	case dayfly.KindInvalid, dayfly.KindNotFound, dayfly.KindDenied, dayfly.KindUnauthenticated:
		return true
	}
	return false
}

// postOf begins a delivery of an event's outcome. Its identity is made of the event's, so
// that one that is told twice is known as such.
func (q *Queue) postOf(it *item, to dayfly.Destination, what string) *work.Entry {
	now := time.Now()
	sum := sha256.Sum256([]byte(string(it.ID) + " " + what))
	id := hex.EncodeToString(sum[:16])
	return &work.Entry{ID: dayfly.EventID(id), Function: it.Function, Source: it.Source, Accepted: now,
		Durable: it.Durable, Post: &work.Post{Of: it.ID, To: to}}
}

// postLater leaves a delivery to the lane of posts. One that has no room is given up.
func (q *Queue) postLater(ctx context.Context, it *item, e *work.Entry) {
	it.Delivered = "on its way to " + outcome.NameOf(e.Post.To)
	q.insist(ctx, "keep delivery", func() error {
		m, err := workMessage(e, e.Function.String()+"="+string(e.ID))
		if err != nil {
			return err
		}
		q.fault("post:before")
		_, err = q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
		if dayfly.KindOf(bus.Explain("keep delivery", err)) == dayfly.KindExhausted {
			it.Delivered = "not delivered: too many deliveries wait"
			return nil
		}
		q.fault("post:after")
		if err != nil {
			return err
		}
		return q.force(ctx, e, bus.StreamWork)
	})
	q.wake(e.Lane())
}

// reach delivers to a function or a queue.
func (q *Queue) reach(ctx context.Context, e *work.Entry) error {
	event := e.CloudEvent()
	to := e.Post.To
	if to.Function != "" {
		_, err := q.Push(ctx, Push{ID: e.ID, Source: dayfly.SourceAsync, Event: event, Durable: e.Durable,
			Function: dayfly.FunctionRef{Project: e.Function.Project, Name: to.Function}})
		return err
	}
	if q.deps.Publisher == nil {
		return dayfly.Errorf(dayfly.KindInvalid, "this node has no queues")
	}
	if outcome.Depth(event) > work.DepthMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the event passed %d destinations: a loop", outcome.Depth(event))
	}
	if _, err := q.deps.Publisher.Publish(ctx, e.Function.Project, to.Queue, []dayfly.Event{*event}); err != nil {
		return err
	}
	return q.force(ctx, e, bus.StreamEvents)
}

// deliver is an attempt in the lane of posts.
func (q *Queue) deliver(ctx context.Context, it *item, a *outcome.Answer) {
	var err error
	if it.Post.To.URL != "" {
		a.Status, a.Header, err = q.send(ctx, it)
	} else {
		err = q.reach(ctx, it.Entry)
	}
	switch {
	case err == nil:
		if a.Status == 0 {
			a.Status = http.StatusAccepted
		}
	case errors.Is(err, context.Canceled):
		a.Err = dayfly.Errorf(dayfly.KindCanceled, "%w", err)
	case refused(err):
		a.Err = dayfly.Errorf(dayfly.KindInvalid, "%w", err)
	default:
		// That the other side was not to be reached counts: it is not for us to mend.
		a.Failure = &dayfly.Failure{Type: "Delivery", Message: err.Error()}
	}
}

// send posts to an address.
func (q *Queue) send(ctx context.Context, it *item) (int, http.Header, error) {
	if q.deps.Poster == nil {
		return 0, nil, dayfly.Errorf(dayfly.KindInvalid, "this node posts to no addresses")
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	header, body := maps.Clone(it.Post.Header), it.Body
	if it.Event != nil {
		header = http.Header{}
		body = envelope.WriteBinary(header, it.CloudEvent())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, it.Post.To.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, dayfly.Errorf(dayfly.KindInvalid, "the address %q cannot be used: %w", it.Post.To.URL, err)
	}
	if header != nil {
		req.Header = header
	}
	answer, err := q.deps.Poster.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			return 0, nil, fmt.Errorf("post to %s: %w", it.Post.To.URL, wrapped.Err)
		}
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, postAnswerMax))
	return answer.StatusCode, answer.Header, nil
}

// delivered tells the journal what became of a delivery, in the life of its event.
func (q *Queue) delivered(ctx context.Context, it *item, state dayfly.EventState) {
	said := "delivered to " + outcome.NameOf(it.Post.To)
	if state != dayfly.EventDone {
		said = "not delivered to " + outcome.NameOf(it.Post.To)
		if n := len(it.Attempts); n > 0 {
			said += ": " + it.Attempts[n-1].Error
		}
	}
	for range tellPolls {
		info, err := q.deps.Journal.FindEvent(ctx, it.Post.Of)
		if err != nil {
			return // nobody remembers the event
		}
		if !info.Ended.IsZero() {
			told := *info
			told.Delivered = said
			q.deps.Journal.Event(&told)
			return
		}
		pause(ctx, tellPoll)
	}
}
