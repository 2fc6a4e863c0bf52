// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

// Change tells whose triggers are other than before.
type Change struct {
	Project   dayfly.ProjectName
	Functions []dayfly.FunctionName // may not exist
	Queues    bool                  // those onto queues
}

// Board knows the rules of all buckets. Its methods may be called from any goroutine.
type Board struct {
	objects *blob.Store
	log     *slog.Logger
	state   atomic.Pointer[state]

	mu    sync.Mutex // held to change state
	watch func(Change)
}

// state is never changed once it is there.
type state struct {
	buckets   map[blob.BucketRef][]Entry
	functions map[dayfly.FunctionRef][]dayfly.Trigger
}

// New makes a board over a store that is open when the board's Open is called.
func New(objects *blob.Store, log *slog.Logger) *Board {
	b := &Board{objects: objects, log: log}
	b.state.Store(&state{})
	return b
}

// Open reads the rules of all buckets, and follows their changes from then on.
func (b *Board) Open(ctx context.Context) error {
	b.objects.OnBucket(b.changed)
	for _, project := range b.objects.Projects(ctx) {
		buckets, err := b.objects.Buckets(ctx, project)
		if err != nil {
			return fmt.Errorf("list buckets of %s: %w", project, err)
		}
		for i := range buckets {
			b.changed(blob.BucketRef{Project: project, Name: buckets[i].Name})
		}
	}
	return nil
}

// Watch has fn called after each change, which reads what holds then. Call it once.
func (b *Board) Watch(fn func(Change)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch = fn
}

// Triggers gives those of a function, which buckets have for it.
func (b *Board) Triggers(ref dayfly.FunctionRef) []dayfly.Trigger {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	return b.state.Load().functions[ref]
}

// Of gives all rules of a project's buckets, or of every project for "", by bucket.
func (b *Board) Of(project dayfly.ProjectName) []Entry {
	var list []Entry
	for ref, entries := range b.state.Load().buckets {
		if project == "" || ref.Project == project {
			list = append(list, entries...)
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Bucket.Project, b.Bucket.Project), cmp.Compare(a.Trigger.Name, b.Trigger.Name))
	})
	return list
}

// changed takes up what a bucket says now.
func (b *Board) changed(ref blob.BucketRef) {
	before, now, watch := b.replace(ref)
	if watch != nil && len(before)+len(now) > 0 {
		watch(changeOf(ref.Project, before, now))
	}
}

// replace puts what a bucket says now in place of what it said before.
func (b *Board) replace(ref blob.BucketRef) (before, entries []Entry, watch func(Change)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries = b.read(ref)
	old := b.state.Load()
	before = old.buckets[ref]
	if len(entries)+len(before) == 0 {
		return nil, nil, nil
	}
	next := &state{buckets: maps.Clone(old.buckets), functions: map[dayfly.FunctionRef][]dayfly.Trigger{}}
	if next.buckets == nil {
		next.buckets = map[blob.BucketRef][]Entry{}
	}
	next.buckets[ref] = entries
	if len(entries) == 0 {
		delete(next.buckets, ref)
	}
	for at, list := range next.buckets {
		for _, e := range list {
			if f := (dayfly.FunctionRef{Project: at.Project, Name: e.Target.Function}); f.Name != "" {
				next.functions[f] = append(next.functions[f], e.Trigger)
			}
		}
	}
	for _, list := range next.functions {
		slices.SortFunc(list, func(a, b dayfly.Trigger) int { return cmp.Compare(a.Name, b.Name) })
	}
	b.state.Store(next)
	return before, entries, b.watch
}

// read gives the rules of a bucket as they are kept now; a bucket that is gone has none.
func (b *Board) read(ref blob.BucketRef) []Entry {
	bucket, err := b.objects.Bucket(context.Background(), ref)
	if err != nil {
		return nil
	}
	c, err := Decode(bucket.Documents[Document])
	var entries []Entry
	if err == nil {
		entries, err = c.Entries(ref)
	}
	if err != nil {
		b.log.Error("notification configuration cannot be read", "bucket", ref.Name,
			"project", string(ref.Project), "error", err)
	}
	return entries
}

// changeOf tells whose rules were there before or are now.
func changeOf(project dayfly.ProjectName, before, now []Entry) Change {
	c := Change{Project: project}
	for _, e := range slices.Concat(before, now) {
		if e.Target.Queue != "" {
			c.Queues = true
		} else if !slices.Contains(c.Functions, e.Target.Function) {
			c.Functions = append(c.Functions, e.Target.Function)
		}
	}
	return c
}
