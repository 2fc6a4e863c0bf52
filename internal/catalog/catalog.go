// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// Catalog is this node's view of all functions. Its methods may be called from
// any goroutine.
type Catalog struct {
	store *store.Store
	log   *slog.Logger

	snapshot atomic.Pointer[snapshot]
	fronts   atomic.Pointer[[]*Front] // sorted by project
	damaged  atomic.Bool              // a record was not understood: nothing may be swept

	mu sync.Mutex // guards all below
	// loose holds the revisions that no function lists: their deploy has not come to
	// that yet, or they were just taken off.
	loose    map[dayfly.FunctionRef]map[int]*dayfly.Revision
	words    map[string]string // the few strings that most revisions share
	applied  uint64            // version up to which the snapshot is complete
	waiting  []waiter
	watchers map[*watcher]struct{}
	// frontWatchers have a value each when fronts changed.
	frontWatchers map[*chan struct{}]struct{}

	frontTurn chan struct{} // holds one element while a front is put

	cancel context.CancelFunc // ends follow; set by Open
	done   sync.WaitGroup     // follow and the watchers
	closed chan struct{}      // closed when follow ended
}

// New makes a catalog over a store that is open when the catalog's Open is called.
func New(st *store.Store, log *slog.Logger) *Catalog {
	c := &Catalog{
		store: st, log: log,
		loose:    make(map[dayfly.FunctionRef]map[int]*dayfly.Revision),
		words:    make(map[string]string),
		watchers: make(map[*watcher]struct{}),
		closed:   make(chan struct{}),

		frontWatchers: make(map[*chan struct{}]struct{}),
		frontTurn:     make(chan struct{}, 1),
	}
	c.fronts.Store(&[]*Front{})
	c.snapshot.Store(newSnapshot())
	return c
}

// Open loads the snapshot, keeps it fresh from then on, and clears away what a crash in
// the middle of a Publish or a Remove has left.
func (c *Catalog) Open(ctx context.Context) error {
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	loaded := make(chan struct{})
	c.done.Go(func() { c.follow(following, loaded) })
	select {
	case <-loaded:
	case <-c.closed:
		c.Close()
		return dayfly.Errorf(dayfly.KindUnavailable, "the catalog cannot be read")
	case <-ctx.Done():
		c.Close()
		return context.Cause(ctx)
	}
	c.sweep(ctx)
	return nil
}

// Close stops following the store. The snapshot stays as it is.
func (c *Catalog) Close() {
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Lock()
	for w := range c.watchers {
		w.stop()
	}
	c.mu.Unlock()
	c.done.Wait()
}

// Resolve gives the revision that a call of the function under that alias gets; no alias
// means live. A function that is unknown is not_found, one of which nothing is live
// yet unavailable.
func (c *Catalog) Resolve(
	ref dayfly.FunctionRef, alias dayfly.AliasName,
) (*dayfly.Revision, error) {
	f := c.lookup(ref)
	switch {
	case f == nil:
		return nil, unknown(ref)
	case alias != "" && alias != dayfly.LiveAlias:
		return nil, dayfly.Errorf(dayfly.KindNotFound,
			"alias %s of function %s not found", alias, ref)
	case f.live == nil:
		return nil, dayfly.Errorf(dayfly.KindUnavailable,
			"function %s has no live revision yet", ref).
			WithHint("its first deploy is still under way, or has failed")
	}
	return f.live, nil
}

// Function gives the function, or an error of kind not_found.
func (c *Catalog) Function(ref dayfly.FunctionRef) (dayfly.Function, error) {
	f := c.lookup(ref)
	if f == nil {
		return dayfly.Function{}, unknown(ref)
	}
	return f.copy(), nil
}

// Functions gives the functions of a project, of all projects for "", sorted by
// project and name.
func (c *Catalog) Functions(project dayfly.ProjectName) []dayfly.Function {
	functions := []dayfly.Function{}
	for f := range c.snapshot.Load().all() {
		if project == "" || f.Project == project {
			functions = append(functions, f.copy())
		}
	}
	slices.SortFunc(functions, func(a, b dayfly.Function) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
	})
	return functions
}

// Revision gives one revision of the function, live or not.
func (c *Catalog) Revision(ref dayfly.FunctionRef, number int) (*dayfly.Revision, error) {
	f := c.lookup(ref)
	if f == nil {
		return nil, unknown(ref)
	}
	if r := f.revision(number); r != nil {
		return r, nil
	}
	return nil, unknownRevision(ref, number)
}

// Bundles gives the digests that revisions refer to, sources and bundles alike. What
// is not among them may be swept, unless it belongs to a deploy under way.
func (c *Catalog) Bundles() map[dayfly.Digest]bool {
	used := make(map[dayfly.Digest]bool)
	add := func(r *dayfly.Revision) {
		for _, digest := range []dayfly.Digest{r.Source, r.Bundle} {
			if digest != "" {
				used[digest] = true
			}
		}
	}
	for _, f := range c.Fronts() {
		for _, digest := range f.Digests() {
			used[digest] = true
		}
	}
	c.mu.Lock() // keeps a revision from moving from loose to listed meanwhile
	defer c.mu.Unlock()
	for f := range c.snapshot.Load().all() {
		for _, r := range f.revisions {
			add(r)
		}
	}
	for _, numbers := range c.loose {
		for _, r := range numbers {
			add(r)
		}
	}
	return used
}

func (c *Catalog) lookup(ref dayfly.FunctionRef) *function {
	return c.snapshot.Load().get(full(ref))
}

// full names the default project where ref names none.
func full(ref dayfly.FunctionRef) dayfly.FunctionRef {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	return ref
}

// copy gives the function's description for the caller to keep.
func (f *function) copy() dayfly.Function {
	description := f.Function
	description.Revisions = slices.Clone(f.Revisions)
	return description
}

func unknown(ref dayfly.FunctionRef) error {
	return dayfly.Errorf(dayfly.KindNotFound, "function %s not found", ref)
}

func unknownRevision(ref dayfly.FunctionRef, number int) error {
	return dayfly.Errorf(dayfly.KindNotFound, "revision %d of function %s not found", number, ref)
}
