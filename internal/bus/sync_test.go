// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
)

func TestServerSyncsAsItIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		cfg    Config
		every  time.Duration
		always bool
	}{
		{"told nothing", Config{}, 100 * time.Millisecond, false},
		{"told an interval", Config{SyncInterval: time.Second}, time.Second, false},
		{"told always", Config{SyncAlways: true}, 100 * time.Millisecond, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Dir = t.TempDir()
			b := New(tt.cfg, slog.New(slog.DiscardHandler))
			if err := b.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}()
			has := b.open.server.JetStreamConfig()
			if has.SyncInterval != tt.every || has.SyncAlways != tt.always {
				t.Errorf("the server syncs every %s, always: %v; want %s, %v",
					has.SyncInterval, has.SyncAlways, tt.every, tt.always)
			}
		})
	}
}

// BenchmarkSync tells what an acknowledgement costs with each way of syncing.
func BenchmarkSync(b *testing.B) {
	for name, cfg := range map[string]Config{"100ms": {}, "always": {SyncAlways: true}} {
		b.Run(name, func(b *testing.B) {
			cfg.Dir = b.TempDir()
			bus := New(cfg, slog.New(slog.DiscardHandler))
			if err := bus.Open(b.Context()); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = bus.Close() }()
			if _, err := bus.Stream(b.Context(), WorkStream(10_000_000)); err != nil {
				b.Fatal(err)
			}
			js, err := bus.Work()
			if err != nil {
				b.Fatal(err)
			}
			body, count := make([]byte, 1<<10), atomic.Int64{}
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := js.Publish(b.Context(), "work.p.f.-", body); err != nil {
						b.Error(err)
						return
					}
					count.Add(1)
				}
			})
			b.ReportMetric(float64(count.Load())/b.Elapsed().Seconds(), "event/s")
		})
	}
}
