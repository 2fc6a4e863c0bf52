// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly/internal/bus"
)

func TestStreamsFitOnASmallDisk(t *testing.T) {
	t.Parallel()
	cfg := bus.Config{Dir: t.TempDir(), MaxStoreBytes: 3 << 30}
	for range 2 { // the second finds what the first made
		b := bus.New(cfg, slog.New(slog.DiscardHandler))
		if err := b.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for _, want := range []jetstream.StreamConfig{bus.WorkStream(10), bus.LaterStream(), bus.DeadStream()} {
			stream, err := b.Stream(context.Background(), want)
			if err != nil {
				t.Fatalf("Stream(%s) on a disk of 3 GiB: %v", want.Name, err)
			}
			if has := stream.CachedInfo().Config.MaxBytes; has < 64<<20 {
				t.Errorf("%s has %d bytes", want.Name, has)
			}
			total += stream.CachedInfo().Config.MaxBytes
		}
		if total > 3<<30 {
			t.Errorf("three streams have %d bytes of 3 GiB", total)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
