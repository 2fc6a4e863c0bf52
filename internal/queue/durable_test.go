// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// forcing is a bus that notes which streams were forced to the disk.
type forcing struct {
	*bus.Bus
	mu     sync.Mutex // guards forced
	forced []string
}

func (f *forcing) Sync(ctx context.Context, stream string) error {
	err := f.Bus.Sync(ctx, stream)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forced = append(f.forced, stream)
	return err
}

// take gives what was forced since the last look.
func (f *forcing) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.forced
	f.forced = nil
	return list
}

// TestDurableEventsAreForcedBeforeTheyAreAcknowledged looks at what was forced when each
// push returned, and when an event that fails went from stream to stream.
func TestDurableEventsAreForcedBeforeTheyAreAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fails := func(context.Context, call) (*dayfly.Result, error) { return status(500), nil }
	durable := w.deploy("durable", fails, func(s *dayfly.Spec) {
		s.Durability, s.Retry.Attempts = dayfly.DurabilityAlways, 2
	})
	plain := w.deploy("plain", fails, func(s *dayfly.Spec) { s.Retry.Attempts = 2 })
	var f *forcing
	q := w.open(func(_ *Config, d *Deps) {
		f = &forcing{Bus: d.Bus.(*bus.Bus)}
		d.Bus = f
	})
	push := func(ref dayfly.FunctionRef, key string) {
		t.Helper()
		p := Push{Function: ref, Source: dayfly.SourceAsync, Key: key, Call: &Call{Method: "POST", Path: "/"}}
		if _, err := q.Push(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, streams ...string) {
		t.Helper()
		if got := f.take(); !slices.Equal(got, streams) {
			t.Errorf("%s: forced was %v, want %v", what, got, streams)
		}
	}
	push(durable, "")
	want("a push", bus.StreamWork)
	push(durable, "key")
	want("a push with a key", bus.StreamKeys, bus.StreamWork)
	push(plain, "other")
	want("a push to a function that is not durable")
	events := []Push{}
	for range 20 {
		events = append(events, Push{Function: durable, Source: dayfly.SourceQueue,
			Event: &dayfly.Event{ID: "x", Source: "/s", Type: "t"}})
	}
	if _, err := q.PushAll(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	want("many", bus.StreamWork)
	copied := []Push{{Function: plain, Source: dayfly.SourceQueue, Trigger: "t", Dedupe: "t:1", Durable: true,
		Event: &dayfly.Event{ID: "y", Source: "/s", Type: "t"}}}
	if _, err := q.PushAll(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	want("a copy of a message of a durable queue", bus.StreamWork)
	q.run()
	within(t, "all events die", func() bool {
		list, err := q.Dead(t.Context(), Letters{Function: durable})
		return err == nil && len(list) == 22
	})
	forced := f.take()
	if !slices.Contains(forced, bus.StreamLater) || !slices.Contains(forced, bus.StreamDead) {
		t.Errorf("while events were tried again and given up, forced was %v", forced)
	}
}
