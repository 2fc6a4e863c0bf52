// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

const (
	// runsShown is how many entries of a ledger are told when nobody says, runsMax how
	// many there are at most.
	runsShown = 20
	runsMax   = 200
	// advanceTimeout bounds how long the clock is put forward: a month of a minutely cron
	// is 43,200 events.
	advanceTimeout = 10 * time.Minute
	// advanceAtOnce bounds jumps that wait for each other.
	advanceAtOnce = 4
)

// Crons knows the crons of what is live, and their ledgers.
type Crons interface {
	// Crons lists those of a project, or of every project for "", and of one function
	// when its name is given.
	Crons(context.Context, dayfly.ProjectName, dayfly.FunctionName) ([]cron.Info, error)
	// History gives the newest entries of a ledger, the newest first.
	History(ctx context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName, limit int) ([]cron.Run, error)
	// Fire makes an event of it now.
	Fire(context.Context, dayfly.FunctionRef, dayfly.TriggerName) (dayfly.EventID, error)
}

// Clock is the platform's time.
type Clock interface {
	Now() time.Time
	Virtual() bool
	// Advance puts a virtual clock forward, and tells how many events that fired.
	Advance(context.Context, time.Duration) (int, error)
}

func (a *API) listCrons(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	project := q.project()
	name := q.text("function")
	if name != "" {
		project = q.function().Project
	}
	if err := q.done(); err != nil {
		return err
	}
	crons, err := a.deps.Crons.Crons(r.Context(), project, dayfly.FunctionName(name))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"crons": crons})
}

// cronOf reads which cron the path names.
func cronOf(r *http.Request) (dayfly.FunctionRef, dayfly.TriggerName, error) {
	ref, err := function(r)
	return ref, dayfly.TriggerName(r.PathValue("cron")), err
}

func (a *API) cronRuns(w http.ResponseWriter, r *http.Request) error {
	ref, trigger, err := cronOf(r)
	if err != nil {
		return err
	}
	q := newQuery(r)
	limit := q.number("limit", runsShown, runsMax)
	if err := q.done(); err != nil {
		return err
	}
	runs, err := a.deps.Crons.History(r.Context(), ref, trigger, limit)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"runs": runs})
}

// runCron answers with the event that it made, when that is accepted.
func (a *API) runCron(w http.ResponseWriter, r *http.Request) error {
	ref, trigger, err := cronOf(r)
	if err != nil {
		return err
	}
	event, err := a.deps.Crons.Fire(r.Context(), ref, trigger)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]dayfly.EventID{"event": event})
}

func (a *API) clock(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"now": a.deps.Clock.Now(), "virtual": a.deps.Clock.Virtual()})
}

// advanceClock answers when all that became due is accepted.
func (a *API) advanceClock(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		By time.Duration `json:"by_ns"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	fired, err := a.deps.Clock.Advance(r.Context(), body.By)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"now": a.deps.Clock.Now(), "fired": fired})
}
