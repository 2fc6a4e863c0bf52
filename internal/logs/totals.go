// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// Totals is the summed use of a function since it was first called.
type Totals struct {
	Calls  int64 `json:"calls"`
	Errors int64 `json:"errors"` // calls with a fault, whosever it was
	// BilledMillis is time on instances, each call rounded up.
	BilledMillis int64 `json:"billed_millis"`
	// MemoryMillis is BilledMillis times the memory limit in MiB.
	MemoryMillis int64 `json:"memory_millis"`
}

// totals is Totals while it is being counted.
type totals struct {
	calls, errors, billed, memory atomic.Int64
}

func (t *totals) add(r *dayfly.Record) {
	t.calls.Add(1)
	if r.Fault != dayfly.FaultNone {
		t.errors.Add(1)
	}
	t.billed.Add(r.BilledMillis)
	t.memory.Add(r.BilledMillis * (r.MemoryLimitBytes >> 20))
}

func (t *totals) read() Totals {
	return Totals{t.calls.Load(), t.errors.Load(), t.billed.Load(), t.memory.Load()}
}

// Totals gives the summed use of the function; it is zero for one that was never called.
func (l *Logs) Totals(ref dayfly.FunctionRef) Totals {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	l.totalsMu.RLock()
	defer l.totalsMu.RUnlock()
	if t := l.totals[ref]; t != nil {
		return t.read()
	}
	return Totals{}
}

// AllTotals gives the summed use of every function that was ever called.
func (l *Logs) AllTotals() map[dayfly.FunctionRef]Totals {
	l.totalsMu.RLock()
	defer l.totalsMu.RUnlock()
	all := make(map[dayfly.FunctionRef]Totals, len(l.totals))
	for ref, t := range l.totals {
		if now := t.read(); now != (Totals{}) {
			all[ref] = now
		}
	}
	return all
}

// totalsOf gives the function's counters, making them when needed.
func (l *Logs) totalsOf(ref dayfly.FunctionRef) *totals {
	l.totalsMu.Lock()
	defer l.totalsMu.Unlock()
	t := l.totals[ref]
	if t == nil {
		t = new(totals)
		l.totals[ref] = t
	}
	return t
}

// loadTotals adds what was stored before to what was counted since the start.
func (l *Logs) loadTotals(ctx context.Context) error {
	w, err := l.meter.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("read totals: %w", err)
	}
	for entry := range w.Updates() {
		if entry == nil {
			break
		}
		project, name, _ := strings.Cut(entry.Key(), ".")
		ref := dayfly.FunctionRef{
			Project: dayfly.ProjectName(project), Name: dayfly.FunctionName(name),
		}
		var before Totals
		if err := json.Unmarshal(entry.Value(), &before); err != nil || ref.Validate() != nil {
			l.log.Error("stored totals not understood", "key", entry.Key(), "error", err)
			continue
		}
		l.stored[ref] = before
		t := l.totalsOf(ref)
		t.calls.Add(before.Calls)
		t.errors.Add(before.Errors)
		t.billed.Add(before.BilledMillis)
		t.memory.Add(before.MemoryMillis)
	}
	_ = w.Stop() // fails only when the connection has ended
	for range w.Updates() {
		// Frees the sender.
	}
	return nil
}

// storeTotals writes the totals that changed.
func (l *Logs) storeTotals(ctx context.Context) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if l.meter == nil {
		return
	}
	changed := l.AllTotals()
	maps.DeleteFunc(changed, func(ref dayfly.FunctionRef, now Totals) bool {
		return l.stored[ref] == now
	})
	for ref, now := range changed {
		if err := l.storeOne(ctx, ref, now); err != nil {
			l.log.Warn("totals not stored", "error", err)
			return // the next round tries all of them again
		}
		l.stored[ref] = now
	}
}

func (l *Logs) storeOne(ctx context.Context, ref dayfly.FunctionRef, t Totals) error {
	value, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = l.meter.Put(ctx, string(ref.Project)+"."+string(ref.Name), value)
	return err
}
