// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// wordsMax bounds the strings that revisions are made to share. Beyond it new ones are
// kept as they come: that costs memory, nothing else.
const wordsMax = 10_000

// waiter waits for the snapshot to reach a version.
type waiter struct {
	version uint64
	reached chan struct{}
}

// follow applies the store's events to the snapshot until ctx ends. Everything that was
// there at the start goes into a snapshot of its own, which then replaces the empty one.
func (c *Catalog) follow(ctx context.Context, loaded chan<- struct{}) {
	defer close(c.closed)
	first := newSnapshot()
	v := view{at: first, put: first.fill, tell: func(dayfly.FunctionRef, *dayfly.Revision) {}}
	err := c.store.Watch(ctx, "", func(e store.Event) {
		if e.Op == store.OpSynced {
			c.snapshot.Store(first)
			v.put, v.tell = first.put, c.tell
			close(loaded)
			return
		}
		if err := c.apply(e, v); err != nil {
			// One bad record must not take the others down.
			c.log.Error("catalog record not understood", "key", e.Key, "error", err)
			c.damaged.Store(true)
		}
		c.reach(e.Version)
	})
	if err != nil {
		c.log.Error("catalog watch ended", "error", err)
	}
}

// view is where events are applied to: a snapshot that is being loaded, or the one
// that everyone reads.
type view struct {
	at   *snapshot
	put  func(dayfly.FunctionRef, *function)
	tell func(dayfly.FunctionRef, *dayfly.Revision)
}

// apply brings one event into the snapshot and tells the watchers.
func (c *Catalog) apply(e store.Event, v view) error {
	if project, is := strings.CutPrefix(e.Key, frontKeys+"/"); is {
		return c.applyFront(dayfly.ProjectName(project), e)
	}
	at, err := parseKey(e.Key)
	if err != nil {
		return err
	}
	if at.number > 0 {
		return c.applyRevision(at, e)
	}
	record := functionRecord{Removed: e.Op == store.OpDelete}
	if e.Op == store.OpPut {
		if err := json.Unmarshal(e.Value, &record); err != nil {
			return fmt.Errorf("decode function: %w", err)
		}
	}
	var next *function
	var before, after *dayfly.Revision
	old := v.at.get(at.ref)
	if old != nil {
		before = old.live
	}
	if !record.Removed {
		at.ref.Project = dayfly.ProjectName(c.word(string(at.ref.Project)))
		record.FunctionRef = at.ref
		var missing []int
		if next, missing = c.assemble(&record, old); len(missing) > 0 {
			c.log.Error("revisions missing from catalog",
				"function", at.ref.String(), "numbers", missing)
			c.damaged.Store(true)
		}
		after = next.live
	}
	if next != nil || old != nil {
		v.put(at.ref, next)
	}
	if before != after {
		v.tell(at.ref, after)
	}
	return nil
}

// applyRevision keeps a revision until its function lists it. The record of a function
// is always written after those of the revisions it lists.
func (c *Catalog) applyRevision(at address, e store.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Op == store.OpDelete {
		delete(c.loose[at.ref], at.number)
		if len(c.loose[at.ref]) == 0 {
			delete(c.loose, at.ref)
		}
		return nil
	}
	r := new(dayfly.Revision)
	if err := json.Unmarshal(e.Value, r); err != nil {
		return fmt.Errorf("decode revision: %w", err)
	}
	if r.Function != at.ref || r.Number != at.number {
		return fmt.Errorf("record names revision %s", r.ID)
	}
	c.share(r)
	if c.loose[at.ref] == nil {
		c.loose[at.ref] = make(map[int]*dayfly.Revision)
	}
	c.loose[at.ref][at.number] = r
	return nil
}

// assemble makes the snapshot's function from its record and the revisions it lists,
// taken from the old one or from those that were loose. It also gives the numbers of
// those that are nowhere; the function does without them.
func (c *Catalog) assemble(record *functionRecord, old *function) (f *function, missing []int) {
	f = &function{Function: record.Function}
	f.Revisions = make([]int, 0, len(record.Revisions))
	f.revisions = make([]*dayfly.Revision, 0, len(record.Revisions))
	c.mu.Lock()
	defer c.mu.Unlock()
	loose := c.loose[record.FunctionRef]
	for _, number := range record.Revisions {
		var r *dayfly.Revision
		if old != nil {
			r = old.revision(number)
		}
		if r == nil {
			r = loose[number]
		}
		delete(loose, number)
		if r == nil {
			missing = append(missing, number)
			continue
		}
		if number == record.Live {
			f.live = r
		}
		f.Revisions = append(f.Revisions, number)
		f.revisions = append(f.revisions, r)
	}
	if len(loose) == 0 {
		delete(c.loose, record.FunctionRef)
	}
	return f, missing
}

// share makes the revision use the same memory as others for strings that most have
// in common. The caller holds mu.
func (c *Catalog) share(r *dayfly.Revision) {
	r.Function.Project = dayfly.ProjectName(c.shared(string(r.Function.Project)))
	s := &r.Spec
	s.Runtime = dayfly.RuntimeName(c.shared(string(s.Runtime)))
	s.Contract = dayfly.Contract(c.shared(string(s.Contract)))
	s.Dialect = dayfly.Dialect(c.shared(string(s.Dialect)))
	s.Egress = dayfly.Egress(c.shared(string(s.Egress)))
	s.Entry = c.shared(s.Entry)
}

func (c *Catalog) word(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shared(text)
}

func (c *Catalog) shared(text string) string {
	known, ok := c.words[text]
	if !ok && len(c.words) < wordsMax {
		c.words[text] = text
	}
	if ok {
		return known
	}
	return text
}

// tell hands a change of what is live to the watchers.
func (c *Catalog) tell(ref dayfly.FunctionRef, live *dayfly.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers {
		w.tell(Change{Function: ref, Live: live})
	}
}

// reach notes that the snapshot is complete up to version and frees who waited for it.
func (c *Catalog) reach(version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = max(c.applied, version)
	kept := c.waiting[:0]
	for _, w := range c.waiting {
		if w.version <= c.applied {
			close(w.reached)
			continue
		}
		kept = append(kept, w)
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
}

// await waits until the snapshot is complete up to version.
func (c *Catalog) await(ctx context.Context, version uint64) error {
	c.mu.Lock()
	if c.applied >= version {
		c.mu.Unlock()
		return nil
	}
	w := waiter{version, make(chan struct{})}
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	select {
	case <-w.reached:
		return nil
	case <-c.closed:
		return dayfly.Errorf(dayfly.KindUnavailable, "the catalog is closed")
	case <-ctx.Done():
		return dayfly.Errorf(dayfly.KindTimeout,
			"the change was written but not seen in time: %w", context.Cause(ctx))
	}
}
