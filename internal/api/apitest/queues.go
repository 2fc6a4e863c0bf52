// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// queues are the real thing on a bus of its own, which starts when first used.
func queues(t testing.TB) *lateQueues {
	return &lateQueues{open: sync.OnceValue(func() *topic.Topic {
		log := slog.New(slog.DiscardHandler)
		b := bus.New(bus.Config{Dir: t.TempDir()}, log)
		if err := b.Open(context.Background()); err != nil {
			t.Errorf("open bus: %v", err)
		}
		records := store.New(b, bus.BucketResources, log)
		if err := records.Open(context.Background()); err != nil {
			t.Errorf("open records: %v", err)
		}
		tp := topic.New(topic.Config{}, log, b, records)
		if err := tp.Open(context.Background()); err != nil {
			t.Errorf("open topic: %v", err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Errorf("close bus: %v", err)
			}
		})
		return tp
	})}
}

type lateQueues struct{ open func() *topic.Topic }

// Define implements api.Queues.
func (l *lateQueues) Define(
	ctx context.Context, p dayfly.ProjectName, q dayfly.QueueName, s topic.Settings,
) (topic.Queue, error) {
	return l.open().Define(ctx, p, q, s)
}

// Queue implements api.Queues.
func (l *lateQueues) Queue(p dayfly.ProjectName, q dayfly.QueueName) (topic.Queue, error) {
	return l.open().Queue(p, q)
}

// Queues implements api.Queues.
func (l *lateQueues) Queues(p dayfly.ProjectName) []topic.Queue { return l.open().Queues(p) }

// Remove implements api.Queues.
func (l *lateQueues) Remove(ctx context.Context, p dayfly.ProjectName, q dayfly.QueueName) error {
	return l.open().Remove(ctx, p, q)
}

// Publish implements api.Queues.
func (l *lateQueues) Publish(
	ctx context.Context, p dayfly.ProjectName, q dayfly.QueueName, events []dayfly.Event,
) ([]uint64, error) {
	return l.open().Publish(ctx, p, q, events)
}

// Read implements api.Queues.
func (l *lateQueues) Read(
	ctx context.Context, s topic.Source, from topic.From, limit int,
) (topic.Page, error) {
	return l.open().Read(ctx, s, from, limit)
}

// Stats implements api.Queues.
func (l *lateQueues) Stats(ctx context.Context, s topic.Source) (topic.Stats, error) {
	return l.open().Stats(ctx, s)
}

// readers are the triggers of a node: those that its test sets.
type readers struct{ n *Node }

// Status implements api.Triggers.
func (r readers) Status(_ context.Context, s topic.Source) ([]topic.Reader, error) {
	return r.n.Readers[s.Name], nil
}

// notices are what buckets tell by themselves: what the test sets.
type notices struct{ n *Node }

// Of implements api.Notices.
func (s notices) Of(project dayfly.ProjectName) []notice.Entry {
	return slices.DeleteFunc(slices.Clone(s.n.Notices), func(e notice.Entry) bool {
		return project != "" && e.Bucket.Project != project
	})
}

// Replay implements api.Triggers: it copies two at a time.
func (r readers) Replay(_ context.Context, p topic.Replay) (topic.Replayed, error) {
	r.n.mu.Lock()
	defer r.n.mu.Unlock()
	r.n.Replays = append(r.n.Replays, p)
	done := topic.Replayed{Copied: 2, To: p.To}
	if p.From.Sequence+2 <= p.To {
		done.Next = p.From.Sequence + 2
	}
	return done, nil
}
