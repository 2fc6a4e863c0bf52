// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly/internal/bus"
)

// sizes opens all streams with bounds on a disk of that size and gives their bounds.
func sizes(t *testing.T, dir string, disk int64, use func(jetstream.JetStream)) map[string]int64 {
	t.Helper()
	b := bus.New(bus.Config{Dir: dir, MaxStoreBytes: disk}, slog.New(slog.DiscardHandler))
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	has := map[string]int64{}
	note := func(stream jetstream.Stream, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("Stream on a disk of %d MiB: %v", disk>>20, err)
		}
		cfg := stream.CachedInfo().Config
		has[cfg.Name] = cfg.MaxBytes
	}
	note(b.LogStream(t.Context(), bus.Bounds{Bytes: 256 << 20}))
	for _, want := range []jetstream.StreamConfig{bus.WorkStream(10), bus.LaterStream(), bus.DeadStream()} {
		note(b.Stream(t.Context(), want))
	}
	js, err := b.Work()
	if err != nil {
		t.Fatal(err)
	}
	if use != nil {
		use(js)
	}
	return has
}

func TestStreamsFitOnTheDisk(t *testing.T) {
	t.Parallel()
	for _, disk := range []int64{64 << 20, 192 << 20, 3 << 30, 1 << 40} {
		dir := t.TempDir()
		first := sizes(t, dir, disk, nil)
		total := int64(0)
		for name, has := range first {
			if has < 4<<20 {
				t.Errorf("%s has %d bytes of a disk of %d MiB", name, has, disk>>20)
			}
			total += has
		}
		if total > disk {
			t.Errorf("streams have %d bytes on a disk of %d MiB", total, disk>>20)
		}
		if disk == 1<<40 && first["WORK"] != bus.WorkStream(10).MaxBytes {
			t.Errorf("WORK has %d bytes on a large disk", first["WORK"])
		}
	}
}

func TestStreamsAreOpenedAgainOnADiskThatBecameFuller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const subject = "work.p.f.-"
	before := sizes(t, dir, 1<<40, func(js jetstream.JetStream) {
		if _, err := js.Publish(t.Context(), subject, []byte(strings.Repeat("x", 8<<10))); err != nil {
			t.Fatal(err)
		}
	})
	after := sizes(t, dir, 32<<20, func(js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), bus.StreamWork)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.GetLastMsgForSubject(t.Context(), subject); err != nil {
			t.Errorf("what was kept: %v", err)
		}
		if _, err := js.Publish(t.Context(), subject, []byte("new")); err != nil {
			t.Errorf("Publish: %v", err)
		}
	})
	for name, has := range before {
		if after[name] < has {
			t.Errorf("%s lost room: %d bytes, had %d", name, after[name], has)
		}
	}
}
