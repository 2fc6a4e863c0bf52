// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/kv"
)

// values are the real thing on a bus of its own, which starts when first used.
func values(t testing.TB) *lateValues {
	return &lateValues{open: sync.OnceValue(func() *kv.Values {
		log := slog.New(slog.DiscardHandler)
		b := bus.New(bus.Config{Dir: t.TempDir()}, log)
		if err := b.Open(context.Background()); err != nil {
			t.Errorf("open bus: %v", err)
		}
		v := kv.New(kv.Config{}, b, nobody{}, log)
		if err := v.Open(context.Background()); err != nil {
			t.Errorf("open values: %v", err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Errorf("close bus: %v", err)
			}
		})
		return v
	})}
}

// nobody waits for changes.
type nobody struct{}

// Wants implements kv.Emitter.
func (nobody) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool { return false }

// Emit implements kv.Emitter.
func (nobody) Emit(context.Context, dayfly.ProjectName, string, dayfly.BucketName, dayfly.Event) error {
	return nil
}

type lateValues struct{ open func() *kv.Values }

// Get implements api.Values.
func (l *lateValues) Get(ctx context.Context, r kv.Ref) (kv.Value, error) {
	return l.open().Get(ctx, r)
}

// Put implements api.Values.
func (l *lateValues) Put(ctx context.Context, r kv.Ref, data []byte, o kv.PutOptions) (kv.Value, error) {
	return l.open().Put(ctx, r, data, o)
}

// Delete implements api.Values.
func (l *lateValues) Delete(ctx context.Context, r kv.Ref, version uint64) (uint64, error) {
	return l.open().Delete(ctx, r, version)
}

// Increment implements api.Values.
func (l *lateValues) Increment(
	ctx context.Context, r kv.Ref, o kv.IncrementOptions,
) (int64, kv.Value, error) {
	return l.open().Increment(ctx, r, o)
}

// List implements api.Values.
func (l *lateValues) List(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName, q kv.Query,
) (kv.Page, error) {
	return l.open().List(ctx, p, b, q)
}

// Buckets implements api.Values.
func (l *lateValues) Buckets(p dayfly.ProjectName) []kv.Bucket { return l.open().Buckets(p) }

// RemoveBucket implements api.Values.
func (l *lateValues) RemoveBucket(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName,
) (int, error) {
	return l.open().RemoveBucket(ctx, p, b)
}

// Watch implements api.Values.
func (l *lateValues) Watch(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName, q kv.WatchQuery,
	fn func(kv.Change) error,
) error {
	return l.open().Watch(ctx, p, b, q, fn)
}
