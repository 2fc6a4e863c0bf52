// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// graceDefault is how long the secret before stays valid when nobody says: a day to bring the
// new one everywhere.
const graceDefault = 24 * time.Hour

// Keys keeps API keys.
type Keys interface {
	Create(context.Context, dayfly.ProjectName, apikey.Spec) (key apikey.Key, text string, err error)
	Rotate(ctx context.Context, p dayfly.ProjectName, name string, grace time.Duration) (apikey.Key, string, error)
	Revoke(ctx context.Context, p dayfly.ProjectName, name string) (apikey.Key, error)
	Key(p dayfly.ProjectName, name string) (apikey.Key, error)
	List(dayfly.ProjectName) []apikey.Key
}

// Deps are what this part of the API opens to.
type Deps struct {
	Keys Keys
	// Now is the time from which a key's life is counted.
	Now func() time.Time
}

// Routes is this part's table of contents.
func (d *Deps) Routes() []wire.Route {
	const all = "/v1/projects/{project}/keys"
	return []wire.Route{
		{Pattern: "GET " + all, Handle: d.list},
		{Pattern: "POST " + all, Handle: d.create},
		{Pattern: "GET " + all + "/{key}", Handle: d.get},
		{Pattern: "DELETE " + all + "/{key}", Handle: d.revoke},
		{Pattern: "POST " + all + "/{key}/rotate", Handle: d.rotate},
	}
}

// made is a key with its text.
type made struct {
	Key apikey.Key `json:"key"`
	// Text is what its holder sends.
	Text string `json:"text"`
}

func (d *Deps) list(w http.ResponseWriter, r *http.Request) error {
	project, err := d.project(r)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, map[string]any{"keys": d.Keys.List(project)})
}

// project reads the project of a request that has no parameters.
func (d *Deps) project(r *http.Request) (dayfly.ProjectName, error) {
	if _, err := wire.Query(r); err != nil {
		return "", err
	}
	return wire.Project(r)
}

func (d *Deps) create(w http.ResponseWriter, r *http.Request) error {
	project, err := d.project(r)
	if err != nil {
		return err
	}
	var body struct {
		Name      string            `json:"name"`
		Scopes    []string          `json:"scopes"`
		Labels    map[string]string `json:"labels"`
		Expires   time.Time         `json:"expires"`
		ExpiresIn *quantity.Span    `json:"expires_in"`
	}
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	if body.ExpiresIn != nil {
		if !body.Expires.IsZero() || *body.ExpiresIn <= 0 {
			return dayfly.Errorf(dayfly.KindInvalid, "expires_in must be longer than nothing, and without expires")
		}
		body.Expires = d.Now().Add(time.Duration(*body.ExpiresIn))
	}
	key, text, err := d.Keys.Create(r.Context(), project,
		apikey.Spec{Name: body.Name, Scopes: body.Scopes, Labels: body.Labels, Expires: body.Expires})
	if err != nil {
		return err
	}
	return tell(w, key, text)
}

// tell answers with the text of a key, which nothing on the way may keep.
func tell(w http.ResponseWriter, key apikey.Key, text string) error {
	w.Header().Set("Cache-Control", "no-store")
	return wire.WriteJSON(w, made{Key: key, Text: text})
}

func (d *Deps) get(w http.ResponseWriter, r *http.Request) error {
	project, err := d.project(r)
	if err != nil {
		return err
	}
	key, err := d.Keys.Key(project, r.PathValue("key"))
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, key)
}

func (d *Deps) rotate(w http.ResponseWriter, r *http.Request) error {
	project, err := d.project(r)
	if err != nil {
		return err
	}
	body := struct {
		Grace quantity.Span `json:"grace"`
	}{quantity.Span(graceDefault)}
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	key, text, err := d.Keys.Rotate(r.Context(), project, r.PathValue("key"), time.Duration(body.Grace))
	if err != nil {
		return err
	}
	return tell(w, key, text)
}

func (d *Deps) revoke(w http.ResponseWriter, r *http.Request) error {
	project, err := d.project(r)
	if err != nil {
		return err
	}
	key, err := d.Keys.Revoke(r.Context(), project, r.PathValue("key"))
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, key)
}
