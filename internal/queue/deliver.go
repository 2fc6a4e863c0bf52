// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
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

// post is something to be delivered.
type post struct {
	Of     dayfly.EventID     `json:"of"` // the event whose outcome it tells
	To     dayfly.Destination `json:"to"`
	Header http.Header        `json:"header,omitempty"` // of a callback; nil for CloudEvents
}

// outcome is AWS' record of an asynchronous invocation that ended.
type outcome struct {
	Version   string         `json:"version"`
	Timestamp string         `json:"timestamp"`
	Request   outcomeRequest `json:"requestContext"`
	Payload   any            `json:"requestPayload"`
	Response  *outcomeAnswer `json:"responseContext,omitempty"`
	Answer    any            `json:"responsePayload,omitempty"`
}

type outcomeRequest struct {
	RequestID string `json:"requestId"`
	Function  string `json:"functionArn"`
	Condition string `json:"condition"`
	Count     int    `json:"approximateInvokeCount"`
}

type outcomeAnswer struct {
	Status        int    `json:"statusCode"`
	Version       string `json:"executedVersion"`
	FunctionError string `json:"functionError,omitempty"`
}

// tell sends the outcome of an event to whoever is to hear of it.
func (q *Queue) tell(ctx context.Context, x *execution, it *item, a *answer, state dayfly.EventState) {
	if to := destinationOf(x.policy.rev, state); to != nil {
		q.tellDestination(ctx, it, a, *to)
	}
	if it.Callback != "" {
		e := q.postOf(it, dayfly.Destination{URL: it.Callback}, "callback")
		e.Post.Header = callbackHeader(it, a)
		e.body = a.body
		if len(e.body) > bodyBytesMax || a.cut {
			e.body = e.body[:min(len(e.body), bodyBytesMax)]
			e.Post.Header.Set("X-Dayfly-Truncated", "true")
		}
		q.postLater(ctx, it, e)
	}
}

func destinationOf(rev *dayfly.Revision, state dayfly.EventState) *dayfly.Destination {
	switch {
	case rev == nil:
		return nil
	case state == dayfly.EventDone:
		return rev.Spec.Destinations.OnSuccess
	}
	return rev.Spec.Destinations.OnFailure
}

// tellDestination reaches a function or queue at once, or leaves it to the lane of posts.
func (q *Queue) tellDestination(ctx context.Context, it *item, a *answer, to dayfly.Destination) {
	e := q.postOf(it, to, "destination")
	e.Event, e.body = outcomeEvent(it, a, e.ID)
	e.Depth = it.Depth + 1
	if to.URL == "" {
		q.fault("destination:before")
		err := q.reach(ctx, e)
		q.fault("destination:after")
		if err == nil {
			it.delivered = "delivered to " + nameOf(to)
			return
		}
		if refused(err) {
			it.delivered = "not delivered: " + err.Error()
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

// nameOf says in words where a destination is.
func nameOf(to dayfly.Destination) string {
	switch {
	case to.Function != "":
		return "function " + string(to.Function)
	case to.Queue != "":
		return "queue " + string(to.Queue)
	}
	return to.URL
}

// postOf begins a delivery of an event's outcome. Its identity is made of the event's, so
// that one that is told twice is known as such.
func (q *Queue) postOf(it *item, to dayfly.Destination, what string) *entry {
	now := time.Now()
	sum := sha256.Sum256([]byte(string(it.ID) + " " + what))
	id := hex.EncodeToString(sum[:16])
	return &entry{ID: dayfly.EventID(id), Function: it.Function, Source: it.Source, Accepted: now,
		Post: &post{Of: it.ID, To: to}}
}

// postLater leaves a delivery to the lane of posts. One that has no room is given up.
func (q *Queue) postLater(ctx context.Context, it *item, e *entry) {
	it.delivered = "on its way to " + nameOf(e.Post.To)
	q.insist(ctx, "keep delivery", func() error {
		m, err := workMessage(e, e.Function.String()+"="+string(e.ID))
		if err != nil {
			return err
		}
		q.fault("post:before")
		_, err = q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
		if dayfly.KindOf(explain("keep delivery", err)) == dayfly.KindExhausted {
			it.delivered = "not delivered: too many deliveries wait"
			return nil
		}
		q.fault("post:after")
		return err
	})
	q.wake(e.lane())
}

// outcomeEvent is the CloudEvent that tells how an event ended.
func outcomeEvent(it *item, a *answer, id dayfly.EventID) (*dayfly.Event, []byte) {
	kind, condition := dayfly.EventSucceeded, "Success"
	if it.Reason != "" {
		kind, condition = dayfly.EventFailed, "RetriesExhausted"
	}
	if it.Reason == dayfly.DeadAge {
		condition = "EventAgeExceeded"
	}
	record := outcome{Version: "1.0", Timestamp: it.Ended.UTC().Format("2006-01-02T15:04:05.000Z"),
		Request: outcomeRequest{RequestID: string(it.ID), Condition: condition, Count: it.Tries,
			Function: "arn:aws:lambda:local:000000000000:function:" + it.Function.String() + ":$LATEST"},
		Payload: payloadOf(it)}
	if a.status != 0 {
		record.Response = &outcomeAnswer{Status: a.status, Version: "$LATEST"}
		if a.failure != nil {
			record.Response.FunctionError = "Unhandled"
		}
		if !a.cut {
			record.Answer = jsonOrText(a.body)
		}
	}
	return &dayfly.Event{ID: string(id), Type: kind, Subject: string(it.ID), Time: it.Ended,
		Source:      "/projects/" + string(it.Function.Project) + "/functions/" + string(it.Function.Name),
		ContentType: "application/json",
		Extensions:  map[string]string{ExtensionDepth: strconv.Itoa(it.Depth + 1)}}, record.encode()
}

// encode gives the record, without payloads that it has no room for.
func (o *outcome) encode() []byte {
	for range 3 {
		data, err := json.Marshal(o)
		if err == nil && len(data) <= bodyBytesMax {
			return data
		}
		if o.Answer != nil {
			o.Answer = nil
		} else {
			o.Payload = nil
		}
	}
	return nil
}

// payloadOf is what the function was given.
func payloadOf(it *item) any {
	if it.Event != nil {
		return json.RawMessage(envelope.WriteStructured(it.event()))
	}
	return jsonOrText(it.body)
}

// jsonOrText gives bytes as the JSON that they are, else as text, else in base64.
func jsonOrText(b []byte) any {
	switch {
	case len(b) == 0:
		return nil
	case json.Valid(b):
		return json.RawMessage(b)
	case utf8.Valid(b):
		return string(b)
	}
	return b
}

// depthOf reads how many destinations an event has passed.
func depthOf(e *dayfly.Event) int {
	n, err := strconv.Atoi(e.Extensions[ExtensionDepth])
	if err != nil {
		return 0
	}
	return max(0, n)
}

// callbackHeader is what OpenFaaS' gateway sends with a callback.
func callbackHeader(it *item, a *answer) http.Header {
	h := http.Header{}
	if t := a.header.Get("Content-Type"); t != "" {
		h.Set("Content-Type", t)
	}
	status := a.status
	if status == 0 {
		status = dayfly.KindOf(a.err).HTTPStatus()
	}
	h.Set("X-Call-Id", string(it.ID))
	h.Set("X-Duration-Seconds", strconv.FormatFloat(a.took.Seconds(), 'f', 6, 64))
	h.Set("X-Start-Time", strconv.FormatInt(a.start.UnixNano(), 10))
	h.Set("X-Function-Status", strconv.Itoa(status))
	h.Set("X-Function-Name", it.Function.String())
	return h
}

// reach delivers to a function or a queue.
func (q *Queue) reach(ctx context.Context, e *entry) error {
	event := e.event()
	to := e.Post.To
	if to.Function != "" {
		_, err := q.Push(ctx, Push{ID: e.ID, Source: dayfly.SourceAsync, Event: event,
			Function: dayfly.FunctionRef{Project: e.Function.Project, Name: to.Function}})
		return err
	}
	if q.deps.Publisher == nil {
		return dayfly.Errorf(dayfly.KindInvalid, "this node has no queues")
	}
	if depthOf(event) > depthMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the event passed %d destinations: a loop", depthOf(event))
	}
	_, err := q.deps.Publisher.Publish(ctx, e.Function.Project, to.Queue, []dayfly.Event{*event})
	return err
}

// deliver is an attempt in the lane of posts.
func (q *Queue) deliver(ctx context.Context, it *item, a *answer) {
	var err error
	if it.Post.To.URL != "" {
		a.status, a.header, err = q.send(ctx, it)
	} else {
		err = q.reach(ctx, it.entry)
	}
	switch {
	case err == nil:
		if a.status == 0 {
			a.status = http.StatusAccepted
		}
	case errors.Is(err, context.Canceled):
		a.err = dayfly.Errorf(dayfly.KindCanceled, "%w", err)
	case refused(err):
		a.err = dayfly.Errorf(dayfly.KindInvalid, "%w", err)
	default:
		// That the other side was not to be reached counts: it is not for us to mend.
		a.failure = &dayfly.Failure{Type: "Delivery", Message: err.Error()}
	}
}

// send posts to an address.
func (q *Queue) send(ctx context.Context, it *item) (int, http.Header, error) {
	if q.deps.Poster == nil {
		return 0, nil, dayfly.Errorf(dayfly.KindInvalid, "this node posts to no addresses")
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	header, body := maps.Clone(it.Post.Header), it.body
	if it.Event != nil {
		header = http.Header{}
		body = envelope.WriteBinary(header, it.event())
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
	said := "delivered to " + nameOf(it.Post.To)
	if state != dayfly.EventDone {
		said = "not delivered to " + nameOf(it.Post.To)
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
