// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

const (
	// eventBytesMax bounds the body of an event: it is stored in one message.
	eventBytesMax = 768 << 10
	// lifeInvocationsMax bounds the invocations that the life of an event tells of; its
	// attempts name the others.
	lifeInvocationsMax = 100
	// pushAtOnce bounds how many events come in at once: 192 MiB of bodies.
	pushAtOnce = 256
)

// Life is an event and the invocations that executed it, alone or in a batch.
type Life struct {
	Event       *dayfly.EventInfo `json:"event"`
	Invocations []dayfly.Record   `json:"invocations"` // oldest first
}

// pushEvent accepts an event for a function: it is on disk when the answer is out. A body
// that says it is a CloudEvent is one; any other is the event itself, as for invoke.
func (a *API) pushEvent(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	now := time.Now()
	push := queue.Push{Function: ref, Source: dayfly.SourceAsync}
	if err := push.Ask(r.Header, now, a.deps.CheckURL); err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return dayfly.Errorf(dayfly.KindInvalid, "%w: an event takes at most %s",
			dayfly.ErrRequestTooLarge, dayfly.FormatBytes(large.Limit)).
			WithHint("put what is larger in a bucket, and its key in the event")
	case err != nil:
		return wire.BodyError(err)
	}
	if err := fillPush(&push, r, body, now); err != nil {
		return err
	}
	taken, err := a.deps.Events.Push(r.Context(), push)
	if err != nil {
		return err
	}
	w.Header().Set(queue.HeaderEvent, string(taken.ID))
	w.Header().Set("Location", "/v1/events/"+string(taken.ID))
	return writeJSONStatus(w, http.StatusAccepted, push.Receipt(taken, now))
}

// fillPush makes a CloudEvent or a call of the body.
func fillPush(p *queue.Push, r *http.Request, body []byte, now time.Time) error {
	kind := r.Header.Get("Content-Type")
	if !strings.HasPrefix(strings.ToLower(kind), "application/cloudevents") &&
		r.Header.Get("Ce-Specversion") == "" {
		p.Call = &queue.Call{Kind: dayfly.RequestEvent, Method: http.MethodPost, Path: "/", Host: r.Host,
			Scheme: "http", RemoteAddr: remoteAddr(r), Header: eventHeader(r), Body: body}
		return nil
	}
	source := "/projects/" + string(p.Function.Project) + "/functions/" + string(p.Function.Name)
	events, err := envelope.Read(r.Header, body, envelope.Defaults{Source: source, Now: now})
	if err != nil {
		return err
	}
	if len(events) != 1 {
		return dayfly.Errorf(dayfly.KindInvalid, "the body holds %d events, want one", len(events)).
			WithHint("send batches to a queue: POST …/queues/NAME/messages")
	}
	p.Event = &events[0]
	return nil
}

// listEvents lists what was accepted lately, newest first.
func (a *API) listEvents(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	query := logs.EventQuery{
		Function: q.function(),
		State:    q.state("state"),
		Since:    q.instant("since"),
		Limit:    q.number("limit", tailDefault, tailMax),
	}
	if err := q.done(); err != nil {
		return err
	}
	events := []dayfly.EventInfo{}
	if query.Limit > 0 {
		found, err := a.deps.Events.Events(r.Context(), query)
		if err != nil {
			return err
		}
		events = append(events, found...)
	}
	for i := range events {
		listAttempts(&events[i])
	}
	return writeJSON(w, map[string]any{"events": events})
}

// listAttempts makes attempts a list also where there were none, so that programs may walk
// it without a look.
func listAttempts(e *dayfly.EventInfo) {
	if e.Attempts == nil {
		e.Attempts = []dayfly.Attempt{}
	}
}

// eventStates are those that an accepted event may be asked for by.
func eventStates() []string {
	return []string{string(dayfly.EventPending), string(dayfly.EventDelayed), string(dayfly.EventRunning),
		string(dayfly.EventDone), string(dayfly.EventDead), string(dayfly.EventCanceled)}
}

// state reads the state of an event, "" when it is not given.
func (q *query) state(name string) dayfly.EventState {
	v := q.text(name)
	if v != "" && !slices.Contains(eventStates(), v) {
		q.fail(name, v, "one of "+strings.Join(eventStates(), ", "))
	}
	return dayfly.EventState(v)
}

// event tells the life of an event.
func (a *API) event(w http.ResponseWriter, r *http.Request) error {
	info, err := a.deps.Events.Event(r.Context(), dayfly.EventID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return a.writeLife(w, r, info)
}

// projectEvent tells the life of an event of that project; another project's does not
// exist here.
func (a *API) projectEvent(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	info, err := a.deps.Events.Event(r.Context(), dayfly.EventID(id))
	if err != nil {
		return err
	}
	if string(info.Function.Project) != r.PathValue("project") {
		return dayfly.Errorf(dayfly.KindNotFound, "event %s not found", id)
	}
	return a.writeLife(w, r, info)
}

// writeLife adds the invocations that executed the event. Those of a batch are known by
// its attempts only.
func (a *API) writeLife(w http.ResponseWriter, r *http.Request, info *dayfly.EventInfo) error {
	listAttempts(info)
	life := Life{Event: info, Invocations: []dayfly.Record{}}
	first := max(0, len(info.Attempts)-lifeInvocationsMax)
	for _, attempt := range info.Attempts[first:] {
		if attempt.Invocation == "" {
			continue
		}
		record, err := a.deps.Logs.Find(r.Context(), attempt.Invocation)
		switch {
		case dayfly.KindOf(err) == dayfly.KindNotFound: // it runs, or is older than what is kept
		case err != nil:
			return err
		default:
			life.Invocations = append(life.Invocations, *record)
		}
	}
	return writeJSON(w, life)
}

// cancelEvent takes an event back and tells its life as it is then.
func (a *API) cancelEvent(w http.ResponseWriter, r *http.Request) error {
	id := dayfly.EventID(r.PathValue("id"))
	if err := a.deps.Events.Cancel(r.Context(), id); err != nil {
		return err
	}
	info, err := a.deps.Events.Event(r.Context(), id)
	if err != nil {
		return err
	}
	return a.writeLife(w, r, info)
}

// pause keeps a function from executing events.
func (a *API) pause(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	if err := a.deps.Events.Pause(r.Context(), ref); err != nil {
		return err
	}
	return writeJSON(w, map[string]bool{"paused": true})
}

// resume ends a pause.
func (a *API) resume(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	if err := a.deps.Events.Resume(r.Context(), ref); err != nil {
		return err
	}
	return writeJSON(w, map[string]bool{"paused": false})
}
