// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/access"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// keys are the real thing on a bus of its own, which starts when first used.
func keys(t testing.TB, c *clock.Clock) access.Deps {
	return access.Deps{Now: c.Now, Keys: &lateKeys{open: sync.OnceValue(func() *apikey.Keys {
		log, ctx := slog.New(slog.DiscardHandler), context.Background()
		b := bus.New(bus.Config{Dir: t.TempDir()}, log)
		if err := b.Open(ctx); err != nil {
			t.Errorf("open bus: %v", err)
		}
		records := store.New(b, bus.BucketAPIKeys, log)
		if err := records.Open(ctx); err != nil {
			t.Errorf("open store: %v", err)
		}
		k := apikey.New(records, c.Now, log)
		if err := k.Open(ctx); err != nil {
			t.Errorf("open keys: %v", err)
		}
		t.Cleanup(func() { _ = k.Close(); _ = b.Close() })
		return k
	})}}
}

type lateKeys struct{ open func() *apikey.Keys }

// Create implements access.Keys.
func (l *lateKeys) Create(
	ctx context.Context, p dayfly.ProjectName, s apikey.Spec,
) (apikey.Key, string, error) {
	return l.open().Create(ctx, p, s)
}

// Rotate implements access.Keys.
func (l *lateKeys) Rotate(
	ctx context.Context, p dayfly.ProjectName, name string, grace time.Duration,
) (apikey.Key, string, error) {
	return l.open().Rotate(ctx, p, name, grace)
}

// Revoke implements access.Keys.
func (l *lateKeys) Revoke(ctx context.Context, p dayfly.ProjectName, name string) (apikey.Key, error) {
	return l.open().Revoke(ctx, p, name)
}

// Key implements access.Keys.
func (l *lateKeys) Key(p dayfly.ProjectName, name string) (apikey.Key, error) {
	return l.open().Key(p, name)
}

// List implements access.Keys.
func (l *lateKeys) List(p dayfly.ProjectName) []apikey.Key { return l.open().List(p) }
