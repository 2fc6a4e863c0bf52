// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// Trigger is a trigger of a live revision, or of a bucket's own notifications, and where or
// when it is next.
type Trigger struct {
	// Function has no name where the events go onto Queue.
	Function dayfly.FunctionRef `json:"function"`
	Queue    dayfly.QueueName   `json:"queue,omitempty"`
	Trigger  dayfly.Trigger     `json:"trigger"`
	// Origin is "bucket NAME" for those that stand with a bucket; empty for a revision's.
	Origin string `json:"origin,omitempty"`
	URL    string `json:"url,omitempty"` // where a webhook is posted to
	// Next is when a cron is due next; absent when it never is again.
	Next time.Time `json:"next,omitzero"`
}

// listTriggers gives the triggers of what is live, by function, as they are written.
func (a *API) listTriggers(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	project := q.project()
	var one dayfly.FunctionRef
	if q.text("function") != "" {
		one = q.function()
	}
	if err := q.done(); err != nil {
		return err
	}
	functions, err := a.selected(project, one)
	if err != nil {
		return err
	}
	list := []Trigger{}
	for _, f := range functions {
		if f.Live == 0 {
			continue
		}
		revision, err := a.deps.Catalog.Revision(f.FunctionRef, f.Live)
		if dayfly.KindOf(err) == dayfly.KindNotFound {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		for _, t := range revision.Spec.Triggers {
			list = append(list, a.trigger(f.FunctionRef, t))
		}
	}
	if err := a.dueNext(r.Context(), list, project, one); err != nil {
		return err
	}
	list = append(list, a.noticed(project, one)...)
	return writeJSON(w, map[string]any{"triggers": list})
}

// noticed gives what buckets have by themselves, for one function when it is named.
func (a *API) noticed(project dayfly.ProjectName, one dayfly.FunctionRef) []Trigger {
	var list []Trigger
	if one.Name != "" {
		project = one.Project
	}
	for _, e := range a.deps.Notices.Of(project) {
		if one.Name == "" || one.Name == e.Target.Function {
			f := dayfly.FunctionRef{Project: e.Bucket.Project, Name: e.Target.Function}
			list = append(list, Trigger{Function: f, Queue: e.Target.Queue, Trigger: e.Trigger,
				Origin: "bucket " + e.Bucket.Name})
		}
	}
	return list
}

// selected gives one function when it is named, else those of the project.
func (a *API) selected(project dayfly.ProjectName, one dayfly.FunctionRef) ([]dayfly.Function, error) {
	if one.Name == "" {
		return a.deps.Catalog.Functions(project), nil
	}
	f, err := a.deps.Catalog.Function(one)
	return []dayfly.Function{f}, err
}

func (a *API) trigger(f dayfly.FunctionRef, t dayfly.Trigger) Trigger {
	seen := Trigger{Function: f, Trigger: t}
	if t.Webhook != nil {
		seen.URL = a.cfg.GatewayURL + "/webhook/" + f.String() + "/" + string(t.Name)
	}
	if t.Cron != nil && !isInterval(t.Cron.Expression) {
		if schedule, err := cron.Parse(t.Cron.Expression, t.Cron.Zone); err == nil {
			seen.Next, _ = schedule.Next(a.deps.Clock.Now())
		}
	}
	return seen
}

// dueNext fills in when intervals are due next, as their ledgers have it.
func (a *API) dueNext(
	ctx context.Context, list []Trigger, project dayfly.ProjectName, one dayfly.FunctionRef,
) error {
	counts := func(t Trigger) bool { return t.Trigger.Cron != nil && isInterval(t.Trigger.Cron.Expression) }
	if !slices.ContainsFunc(list, counts) {
		return nil
	}
	if one.Name != "" {
		project = one.Project
	}
	ledgers, err := a.deps.Crons.Crons(ctx, project, one.Name)
	if err != nil {
		return err
	}
	type place struct {
		function dayfly.FunctionRef
		trigger  dayfly.TriggerName
	}
	next := make(map[place]time.Time, len(ledgers))
	for _, l := range ledgers {
		next[place{l.Function, l.Trigger}] = l.Next
	}
	for i := range list {
		if counts(list[i]) {
			list[i].Next = next[place{list[i].Function, list[i].Trigger.Name}]
		}
	}
	return nil
}

// isInterval tells expressions that count from when the cron was made.
func isInterval(expression string) bool {
	return strings.HasPrefix(expression, "@every") || strings.HasPrefix(expression, "rate(")
}
