// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
)

// Deps are what routes lead to and are guarded by.
type Deps struct {
	Catalog   Fronts
	Auth      func(p dayfly.ProjectName, name string, a front.Auth) (auth.Authenticator, error)
	Limiter   *limit.Limiter
	Cache     *cache.Cache
	Upstreams *upstream.Client
	Shelf     *site.Shelf
	// Folder gives the folder of an upload.
	Folder  func(context.Context, dayfly.Digest) (string, error)
	Queues  Queues
	Objects Objects
	// Report tells the owner of a function what its answers broke.
	Report func(dayfly.LogLine)
}

// Fronts knows what projects show to the public.
type Fronts interface {
	Fronts() []*catalog.Front
	WatchFronts() (changes <-chan struct{}, stop func())
}

// shown is a front that is served.
type shown struct {
	of      *catalog.Front
	hosts   []string
	table   *router.Table[*plan]
	plans   []*plan
	release func()
}

// fronts keeps the routes of all projects in step with the catalog. Requests read a
// snapshot; one that began with the routes of before ends with them.
type fronts struct {
	deps Deps
	log  *slog.Logger

	table  atomic.Pointer[router.Table[*plan]]
	closed atomic.Pointer[map[dayfly.FunctionRef]bool]

	mu    sync.Mutex // guards shown; held while routes change
	shown map[dayfly.ProjectName]*shown
}

func newFronts(deps Deps, log *slog.Logger) *fronts {
	f := &fronts{deps: deps, log: log, shown: map[dayfly.ProjectName]*shown{}}
	f.table.Store(router.New[*plan]().Build())
	f.closed.Store(&map[dayfly.FunctionRef]bool{})
	return f
}

// refreshPause is after how long a front that could not be shown is tried again: its site
// may not be here yet.
const refreshPause = 5 * time.Second

// RunFronts follows the catalog until ctx ends.
func (g *Gateway) RunFronts(ctx context.Context) error {
	f := g.fronts
	changes, stop := f.deps.Catalog.WatchFronts()
	defer stop()
	defer f.hideAll()
	for {
		var again <-chan time.Time
		if err := f.refresh(ctx); err != nil && ctx.Err() == nil {
			f.log.Error("routes could not be shown", "error", err)
			again = time.After(refreshPause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-again:
		}
	}
}

// Settle serves what the catalog has.
func (g *Gateway) Settle(ctx context.Context) error { return g.fronts.refresh(ctx) }

// refresh brings the table in step with the catalog. A front that cannot be shown leaves
// the one before in its place.
func (f *fronts) refresh(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	present := map[dayfly.ProjectName]bool{}
	var hidden []string
	for _, of := range f.deps.Catalog.Fronts() {
		present[of.Project] = true
		old := f.shown[of.Project]
		if old != nil && old.of == of {
			continue
		}
		next, err := f.compiler(of).compile(ctx, of.Hosts())
		if err != nil {
			errs = append(errs, fmt.Errorf("show front of %s: %w", of.Project, err))
			continue
		}
		next.of = of
		if old != nil {
			hidden = append(hidden, old.hosts...)
			defer old.release()
		}
		f.shown[of.Project] = next
	}
	for project, old := range f.shown {
		if !present[project] {
			hidden = append(hidden, old.hosts...)
			delete(f.shown, project)
			defer old.release()
		}
	}
	f.publish(hidden)
	return errors.Join(errs...)
}

// publish makes the snapshot of what is shown. The caller holds mu. What is closed follows
// the catalog, not what could be shown: a function stays behind its routes' rules also while
// they cannot be served.
func (f *fronts) publish(hidden []string) {
	table := f.table.Load().With(router.New[*plan]().Build(), hidden...)
	closed := map[dayfly.FunctionRef]bool{}
	for _, s := range f.shown {
		table = table.With(s.table)
	}
	for _, of := range f.deps.Catalog.Fronts() {
		if of.Direct {
			continue
		}
		for _, name := range of.Functions() {
			closed[dayfly.FunctionRef{Project: of.Project, Name: name}] = true
		}
	}
	f.table.Store(table)
	f.closed.Store(&closed)
}

func (f *fronts) hideAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.shown {
		s.release()
	}
}

// Compile reports what of a front cannot be served.
func (g *Gateway) Compile(ctx context.Context, p dayfly.ProjectName, of *front.Front) error {
	s, err := g.fronts.compiler(&catalog.Front{Project: p, Front: of}).compile(ctx, hostsOf(p, of))
	if err == nil {
		s.release()
	}
	return err
}

func hostsOf(p dayfly.ProjectName, of *front.Front) []string {
	return append([]string{string(p) + localSuffix}, of.Hosts...)
}

// compiler gives what makes plans of a front.
func (f *fronts) compiler(of *catalog.Front) *compiler {
	return &compiler{fronts: f, project: of.Project, of: of.Front, published: of.Updated,
		guards: map[string]guard{}, inEvery: map[string]bool{}, folder: f.uploaded}
}

// uploaded gives the folder of a site's upload.
func (f *fronts) uploaded(ctx context.Context, s *front.Site) (string, error) {
	if s.Digest == "" {
		return "", errors.New("the site was not uploaded")
	}
	dir, err := f.deps.Folder(ctx, s.Digest)
	return dir, front.Within(err, "digest")
}

// compile makes a front ready to serve.
func (c *compiler) compile(ctx context.Context, hosts []string) (*shown, error) {
	var err error
	if c.components, err = schema.NewComponents(c.of.Components); err != nil {
		return nil, front.Within(err, "components")
	}
	plans, err := c.plans(ctx)
	if err != nil {
		c.release()
		return nil, err
	}
	s := &shown{hosts: hosts, plans: plans, release: c.release}
	if s.table, err = tableOf(hosts, plans); err != nil {
		c.release()
		return nil, err
	}
	return s, nil
}

// tableOf puts the plans of a front below its hosts.
func tableOf(hosts []string, plans []*plan) (*router.Table[*plan], error) {
	patterns := make([]front.Pattern, len(plans))
	for i, p := range plans {
		patterns[i] = p.pattern
	}
	b := router.New[*plan]()
	for host, indexes := range router.Spread(hosts, patterns) {
		for _, i := range indexes {
			if err := b.Add(host, patterns[i], plans[i]); err != nil {
				return nil, front.Within(err, "routes", plans[i].key)
			}
		}
	}
	return b.Build(), nil
}

// isClosed reports whether a function is reached by routes only.
func (f *fronts) isClosed(ref dayfly.FunctionRef) bool { return (*f.closed.Load())[ref] }
