// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"sync"

	"github.com/dayfly-faas/dayfly"
)

// Change tells which revision of a function is live now.
type Change struct {
	Function dayfly.FunctionRef
	Live     *dayfly.Revision // nil when the function was removed
}

// watcher hands changes to one callback. What it still has to tell is bounded by the
// number of functions: a later change of a function replaces an earlier one.
type watcher struct {
	fn func(Change)

	mu      sync.Mutex // guards all below
	wake    sync.Cond
	order   []dayfly.FunctionRef
	pending map[dayfly.FunctionRef]Change
	stopped bool
}

// Watch calls fn for each change of what is live, one at a time and in order, after the
// snapshot has it. It does not tell what was live before: call Functions after
// Watch for that. After stop no new call of fn begins; stop may be called from fn.
func (c *Catalog) Watch(fn func(Change)) (stop func()) {
	w := &watcher{fn: fn, pending: make(map[dayfly.FunctionRef]Change)}
	w.wake.L = &w.mu
	c.mu.Lock()
	c.watchers[w] = struct{}{}
	c.done.Go(w.run)
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		delete(c.watchers, w)
		c.mu.Unlock()
		w.stop()
	}
}

func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.wake.Signal()
}

func (w *watcher) tell(change Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waiting := w.pending[change.Function]; !waiting {
		w.order = append(w.order, change.Function)
	}
	w.pending[change.Function] = change
	w.wake.Signal()
}

func (w *watcher) run() {
	for {
		change, ok := w.next()
		if !ok {
			return
		}
		w.fn(change)
	}
}

func (w *watcher) next() (Change, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.order) == 0 && !w.stopped {
		w.wake.Wait()
	}
	if w.stopped {
		return Change{}, false
	}
	ref := w.order[0]
	w.order = w.order[1:]
	change := w.pending[ref]
	delete(w.pending, ref)
	return change, true
}
