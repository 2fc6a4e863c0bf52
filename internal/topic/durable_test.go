// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// TestPublishForcesMessagesOfDurableQueues notes what the stream had when it was forced: all
// of a publish, once, and nothing for queues that follow the node's setting.
func TestPublishForcesMessagesOfDurableQueues(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: t.TempDir()}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	records := store.New(b, bus.BucketResources, log)
	if err := records.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	tp := New(Config{}, log, b, records)
	if err := tp.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	const shop = dayfly.ProjectName("shop")
	var had []uint64 // the last sequence of the stream at each sync
	var fails error
	tp.sync = func(ctx context.Context, stream string) error {
		info, err := tp.stream.Info(ctx)
		if err != nil || stream != bus.StreamEvents {
			t.Errorf("forced was %s, %v", stream, err)
			return err
		}
		had = append(had, info.State.LastSeq)
		return fails
	}
	for name, durability := range map[dayfly.QueueName]dayfly.Durability{"safe": dayfly.DurabilityAlways, "loose": ""} {
		if _, err := tp.Define(t.Context(), shop, name, Settings{Durability: durability}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		queue  dayfly.QueueName
		events int
		syncs  int
	}{{"safe", 1, 1}, {"loose", 1, 0}, {"safe", 20, 1}, {"loose", 20, 0}} {
		had = nil
		sequences, err := tp.Publish(t.Context(), shop, tt.queue, make([]dayfly.Event, tt.events))
		if err != nil {
			t.Fatal(err)
		}
		if len(had) != tt.syncs {
			t.Errorf("%d events of %s: %d syncs, want %d", tt.events, tt.queue, len(had), tt.syncs)
		}
		if last := sequences[len(sequences)-1]; len(had) > 0 && had[0] != last {
			t.Errorf("%d events of %s: forced when the stream had %d, want %d", tt.events, tt.queue, had[0], last)
		}
	}
	fails = errors.New("input/output error")
	if _, err := tp.Publish(t.Context(), shop, "safe", make([]dayfly.Event, 1)); !errors.Is(err, fails) {
		t.Errorf("a publish whose sync failed gives %v, want %v", err, fails)
	}
}
