// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"strconv"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

// Inspection is everything about one function at this moment.
type Inspection struct {
	Function dayfly.Function `json:"function"`
	// Revision is the live one; absent before the first deploy succeeded.
	Revision  *dayfly.Revision `json:"revision,omitempty"`
	Instances []Instance       `json:"instances"`
	Totals    logs.Totals      `json:"totals"`
	URL       string           `json:"url"`
	// Paused says that events wait: the function executes none.
	Paused bool `json:"paused,omitempty"`
}

func (a *API) listFunctions(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	project := q.project()
	if err := q.done(); err != nil {
		return err
	}
	functions := a.deps.Catalog.Functions(project)
	if functions == nil {
		functions = []dayfly.Function{}
	}
	return writeJSON(w, map[string]any{"functions": functions})
}

func (a *API) inspect(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	f, err := a.deps.Catalog.Function(ref)
	if err != nil {
		return err
	}
	seen := Inspection{Function: f, Instances: a.deps.Pool.Instances(ref),
		Totals: a.deps.Logs.Totals(ref), URL: a.url(ref), Paused: a.deps.Events.Paused(ref)}
	if seen.Instances == nil {
		seen.Instances = []Instance{}
	}
	if f.Live > 0 {
		if seen.Revision, err = a.deps.Catalog.Revision(ref, f.Live); err != nil {
			return err
		}
	}
	return writeJSON(w, seen)
}

func (a *API) revision(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 1 {
		return dayfly.Errorf(dayfly.KindInvalid, "revision %q is not a number from 1",
			r.PathValue("number"))
	}
	revision, err := a.deps.Catalog.Revision(ref, number)
	if err != nil {
		return err
	}
	return writeJSON(w, revision)
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	if err := a.deps.Rollout.Remove(r.Context(), ref); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rollback answers with the function as it is then.
func (a *API) rollback(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	var body struct {
		// Number of the revision to go to; 0 means the one that was live before.
		Number int `json:"number"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Number < 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "number is %d, must not be negative", body.Number)
	}
	f, err := a.deps.Rollout.Rollback(r.Context(), ref, body.Number)
	if err != nil {
		return err
	}
	return writeJSON(w, f)
}

// evict ends the idle instances of a function and tells how many there were.
func (a *API) evict(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	if _, err := a.deps.Catalog.Function(ref); err != nil {
		return err
	}
	return writeJSON(w, map[string]int{"evicted": a.deps.Pool.Evict(ref)})
}

// url is where the function answers.
func (a *API) url(ref dayfly.FunctionRef) string {
	return a.cfg.GatewayURL + "/function/" + ref.String()
}
