// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// redriveMax bounds the identities of one request: each is a few operations of the bus.
const redriveMax = 1000

// DeadLetter is an event that was given up, whole: what would be executed again is either
// a call or a CloudEvent.
type DeadLetter struct {
	dayfly.EventInfo
	Call       *DeadCall     `json:"call,omitempty"`
	CloudEvent *dayfly.Event `json:"cloudevent,omitempty"`
}

// DeadCall is the request of a dead letter.
type DeadCall struct {
	Kind   dayfly.RequestKind `json:"kind"`
	Method string             `json:"method,omitempty"`
	Path   string             `json:"path,omitempty"`
	Query  string             `json:"query,omitempty"`
	Host   string             `json:"host,omitempty"`
	Header http.Header        `json:"header,omitempty"`
	Body   []byte             `json:"body,omitempty"` // base64
}

// listDead lists dead letters, the newest event first.
func (a *API) listDead(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	query := queue.Letters{Function: q.function(), Limit: q.number("limit", tailDefault, tailMax)}
	if err := q.done(); err != nil {
		return err
	}
	letters := []dayfly.EventInfo{}
	if query.Limit > 0 {
		found, err := a.deps.Events.Dead(r.Context(), query)
		if err != nil {
			return err
		}
		letters = append(letters, found...)
	}
	for i := range letters {
		listAttempts(&letters[i])
	}
	return writeJSON(w, map[string]any{"dead": letters})
}

// deadLetter tells everything of a dead letter, its body too.
func (a *API) deadLetter(w http.ResponseWriter, r *http.Request) error {
	letter, err := a.deps.Events.Letter(r.Context(), dayfly.EventID(r.PathValue("id")))
	if err != nil {
		return err
	}
	listAttempts(&letter.EventInfo)
	told := DeadLetter{EventInfo: letter.EventInfo, CloudEvent: letter.Event}
	if c := letter.Call; c != nil {
		told.Call = &DeadCall{Kind: c.Kind, Method: c.Method, Path: c.Path, Query: c.RawQuery, Host: c.Host,
			Header: c.Header, Body: c.Body}
	}
	return writeJSON(w, told)
}

// redrive executes dead letters again: those named, or all of a function.
func (a *API) redrive(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		IDs      []dayfly.EventID    `json:"ids"`
		Function dayfly.FunctionName `json:"function"`
		Project  dayfly.ProjectName  `json:"project"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if (len(body.IDs) == 0) == (body.Function == "") {
		return dayfly.Errorf(dayfly.KindInvalid, "want either ids or a function")
	}
	if len(body.IDs) > redriveMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%d ids are given, at most %d are allowed", len(body.IDs), redriveMax)
	}
	redriven, err := a.redriveEach(r.Context(), body.IDs)
	if err == nil && body.Function != "" {
		redriven, err = a.deps.Events.Redrive(r.Context(),
			queue.Letters{Function: dayfly.FunctionRef{Project: body.Project, Name: body.Function}})
	}
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]int{"redriven": redriven})
}

func (a *API) redriveEach(ctx context.Context, ids []dayfly.EventID) (int, error) {
	for i, id := range ids {
		if id == "" {
			return i, dayfly.Errorf(dayfly.KindInvalid, "id %d is empty", i+1)
		}
		if _, err := a.deps.Events.Redrive(ctx, queue.Letters{ID: id}); err != nil {
			return i, err
		}
	}
	return len(ids), nil
}

// dropLetter deletes one dead letter.
func (a *API) dropLetter(w http.ResponseWriter, r *http.Request) error {
	return a.drop(w, r, queue.Letters{ID: dayfly.EventID(r.PathValue("id"))})
}

// dropDead deletes the dead letters of a function: nobody deletes all by forgetting a
// name.
func (a *API) dropDead(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ref := q.function()
	if err := q.done(); err != nil {
		return err
	}
	if ref.Name == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "parameter function is missing")
	}
	return a.drop(w, r, queue.Letters{Function: ref})
}

func (a *API) drop(w http.ResponseWriter, r *http.Request, chosen queue.Letters) error {
	dropped, err := a.deps.Events.Drop(r.Context(), chosen)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]int{"dropped": dropped})
}
