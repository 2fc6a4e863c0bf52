// SPDX-License-Identifier: Apache-2.0

package fronts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// frontBytesMax bounds a front on the wire: 10,000 routes with schemas of their own.
const frontBytesMax = 32 << 20

// Catalog keeps fronts.
type Catalog interface {
	Front(dayfly.ProjectName) (*catalog.Front, error)
	Fronts() []*catalog.Front
	// PutFront stores a front in place of the one with that version, 0 for none.
	PutFront(ctx context.Context, p dayfly.ProjectName, f *front.Front, version uint64) (*catalog.Front, error)
	RemoveFront(context.Context, dayfly.ProjectName) error
	Function(dayfly.FunctionRef) (dayfly.Function, error)
}

// Gateway serves fronts.
type Gateway interface {
	// Compile reports what of a front cannot be served, as a *front.Problem.
	Compile(ctx context.Context, p dayfly.ProjectName, f *front.Front) error
	// Settle waits until what the catalog has is served.
	Settle(context.Context) error
	// Explain tells which route a request takes, and why not the others.
	Explain(method, rawURL string) (front.Match, error)
	// URL is where a host answers from outside.
	URL(host string) string
}

// Deps are what this part of the API opens to.
type Deps struct {
	Catalog Catalog
	Gateway Gateway
	// HasQueue and HasBucket tell whether a project has a queue, or a bucket of objects.
	HasQueue  func(dayfly.ProjectName, dayfly.QueueName) bool
	HasBucket func(context.Context, dayfly.ProjectName, string) bool
}

// Routes is this part's table of contents.
func (d *Deps) Routes() []wire.Route {
	const one = "/v1/projects/{project}/front"
	return []wire.Route{
		{Pattern: "GET /v1/fronts", Handle: d.list},
		{Pattern: "GET " + one, Handle: d.get},
		{Pattern: "PUT " + one, Handle: d.put, BodyBytes: frontBytesMax},
		{Pattern: "DELETE " + one, Handle: d.remove},
		{Pattern: "GET /v1/routes/match", Handle: d.match},
	}
}

// published is a front as the API tells it.
type published struct {
	Project dayfly.ProjectName `json:"project"`
	Version uint64             `json:"version"`
	Updated time.Time          `json:"updated"`
	URLs    []string           `json:"urls"`
	Front   *front.Front       `json:"front,omitempty"`
}

func (d *Deps) publish(f *catalog.Front) published {
	p := published{Project: f.Project, Version: f.Version, Updated: f.Updated, Front: f.Front.Redact()}
	for _, host := range f.Hosts() {
		if !strings.HasPrefix(host, "*") {
			p.URLs = append(p.URLs, d.Gateway.URL(host))
		}
	}
	if slices.Contains(f.Hosts(), "*") {
		p.URLs = append([]string{d.Gateway.URL("")}, p.URLs...)
	}
	return p
}

func (d *Deps) list(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.Query(r); err != nil {
		return err
	}
	list := []published{}
	for _, f := range d.Catalog.Fronts() {
		list = append(list, d.publish(f))
	}
	return wire.WriteJSON(w, map[string]any{"fronts": list})
}

func (d *Deps) get(w http.ResponseWriter, r *http.Request) error {
	project, err := wire.Project(r)
	if err != nil {
		return err
	}
	f, err := d.Catalog.Front(project)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(f.Version))
	return wire.WriteJSON(w, d.publish(f))
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// put publishes a front. With If-Match it takes the place of that version only.
func (d *Deps) put(w http.ResponseWriter, r *http.Request) error {
	project, err := wire.Project(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return wire.BodyError(err)
	}
	before, err := d.Catalog.Front(project)
	if err != nil && dayfly.KindOf(err) != dayfly.KindNotFound {
		return err
	}
	var version uint64
	var old *front.Front
	if before != nil {
		version, old = before.Version, before.Front
	}
	if match := r.Header.Get("If-Match"); match != "" && match != etag(version) {
		return dayfly.Errorf(dayfly.KindConflict, "the front of %s changed: %w", project, dayfly.ErrCondition)
	}
	f, err := d.check(r.Context(), project, body, old)
	if err != nil {
		return front.Refuse(err)
	}
	stored, err := d.Catalog.PutFront(r.Context(), project, f, version)
	if err != nil {
		return err
	}
	if err := d.Gateway.Settle(r.Context()); err != nil {
		return err
	}
	w.Header().Set("ETag", etag(stored.Version))
	answer := d.publish(stored)
	answer.Front = nil
	return wire.WriteJSON(w, answer)
}

// check decodes a front and finds what of it cannot be served.
func (d *Deps) check(
	ctx context.Context, project dayfly.ProjectName, body []byte, old *front.Front,
) (*front.Front, error) {
	if !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	f, err := front.Decode(body)
	if err != nil {
		return nil, err
	}
	if f, err = f.Keep(old); err != nil {
		return nil, err
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	for _, name := range f.Functions() {
		if _, err := d.Catalog.Function(dayfly.FunctionRef{Project: project, Name: name}); err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the front names function %s, which is not deployed", name).
				WithHint("deploy it first, or take its routes away")
		}
	}
	for pattern, route := range f.Routes {
		bucket, _, _ := strings.Cut(route.Object, "/")
		switch {
		case route.Queue != "" && !d.HasQueue(project, route.Queue):
			return nil, front.Within(fmt.Errorf("there is no queue %s: queues in the manifest make one", route.Queue),
				"routes", pattern, "queue")
		case bucket != "" && !d.HasBucket(ctx, project, bucket):
			return nil, front.Within(fmt.Errorf("there is no bucket %s: buckets in the manifest make one", bucket),
				"routes", pattern, "object")
		}
	}
	return f, d.Gateway.Compile(ctx, project, f)
}

func (d *Deps) remove(w http.ResponseWriter, r *http.Request) error {
	project, err := wire.Project(r)
	if err != nil {
		return err
	}
	if err := d.Catalog.RemoveFront(r.Context(), project); err != nil {
		return err
	}
	if err := d.Gateway.Settle(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Deps) match(w http.ResponseWriter, r *http.Request) error {
	query, err := wire.Query(r, "method", "url")
	if err != nil {
		return err
	}
	target := query.Get("url")
	if _, err := url.Parse(target); err != nil || target == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "parameter url is %.200q, want a URL or a path", target)
	}
	match, err := d.Gateway.Explain(query.Get("method"), target)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, match)
}
