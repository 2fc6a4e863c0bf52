// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/ndjson"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/rollout"
)

// deployBody asks for a revision: a source that is here, and what its manifest says.
type deployBody struct {
	Source   dayfly.Digest     `json:"source"`
	Settings manifest.Function `json:"settings"`
}

// deployLine is one line of the answer. Exactly one field is set; the last line
// holds an outcome or an error.
type deployLine struct {
	Event   *deployEvent   `json:"event,omitempty"`
	Outcome *deployOutcome `json:"outcome,omitempty"`
	Error   *problem       `json:"error,omitempty"`
}

type deployEvent struct {
	Stage  string           `json:"stage"`
	Text   string           `json:"text,omitempty"`
	Stream dayfly.LogStream `json:"stream,omitempty"`
}

type deployOutcome struct {
	Function  dayfly.Function  `json:"function"`
	Revision  *dayfly.Revision `json:"revision"`
	Found     []string         `json:"found"`
	Unchanged bool             `json:"unchanged"`
	URL       string           `json:"url"`
}

// deploy streams the progress of a deploy. It ends when its caller goes away: what
// was live stays live until the new revision is ready.
func (a *API) deploy(w http.ResponseWriter, r *http.Request) error {
	ref, err := function(r)
	if err != nil {
		return err
	}
	var body deployBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := bundle.CheckDigest(body.Source); err != nil {
		return err
	}
	request := rollout.Request{Function: ref, Source: body.Source, Settings: body.Settings}
	out := ndjson.New(w, paceTimeout)
	outcome, err := a.deps.Rollout.Deploy(r.Context(), request, func(e rollout.Event) {
		// A caller that is gone ends the deploy by its context.
		_ = out.Put(deployLine{Event: &deployEvent{e.Stage, e.Text, e.Stream}})
	})
	if err != nil {
		if out.Started() {
			p := newProblem(err, w.Header().Get("X-Dayfly-Request"))
			_ = out.Put(deployLine{Error: &p})
		}
		return err
	}
	return out.Put(deployLine{Outcome: &deployOutcome{
		Function: outcome.Function, Revision: outcome.Revision, Found: outcome.Found,
		Unchanged: outcome.Unchanged, URL: a.url(ref),
	}})
}

// hasSource tells whether a source is here already: 200, or 404.
func (a *API) hasSource(w http.ResponseWriter, r *http.Request) error {
	digest, err := digest(r)
	if err != nil {
		return err
	}
	has, err := a.deps.Sources.Has(r.Context(), digest)
	if err != nil {
		return err
	}
	if !has {
		return dayfly.Errorf(dayfly.KindNotFound, "source %s is not here", digest)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// putSource takes an archive (docs/formats): the digest of its content must be the
// one in the path. Sending what is here already changes nothing.
func (a *API) putSource(w http.ResponseWriter, r *http.Request) error {
	digest, err := digest(r)
	if err != nil {
		return err
	}
	if r.ContentLength > sourceBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the source is larger than %s",
			dayfly.FormatBytes(sourceBytesMax))
	}
	if err := a.deps.Sources.Put(r.Context(), digest, r.Body); err != nil {
		if dayfly.KindOf(err) == dayfly.KindInternal && isBodyError(err) {
			return wire.BodyError(err)
		}
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func digest(r *http.Request) (dayfly.Digest, error) {
	d := dayfly.Digest(r.PathValue("digest"))
	return d, bundle.CheckDigest(d)
}
