// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// smallDisk gives a folder on a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("SKIPPED: a small disk needs the right to mount: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func TestAFullDiskTakesNothingNewAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "32m")
	b := bus.New(bus.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Stream(t.Context(), bus.WorkStream(10_000)); err != nil {
		t.Fatal(err)
	}
	js, err := b.Work()
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "of-somebody-else")
	if err := os.WriteFile(filler, make([]byte, 29<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "nothing new is taken", func() bool { return b.Room() != nil })
	var refused *dayfly.Error
	if err := b.Room(); !errors.As(err, &refused) || refused.Kind != dayfly.KindExhausted || refused.RetryAfter == 0 {
		t.Errorf("Room on a full disk: %v, want exhausted with a time to wait", err)
	}
	err = b.Objects("sources").Put(t.Context(), "x", bytes.NewReader([]byte("y")))
	if dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("Put on a full disk: %v, want exhausted", err)
	}
	// What was accepted already has room for its next steps.
	for range 100 {
		if _, err := js.Publish(t.Context(), "work.p.f.-", make([]byte, 10<<10)); err != nil {
			t.Fatalf("Publish into what is held back: %v", err)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "new things are taken again", func() bool { return b.Room() == nil })
}

func TestAServerThatGaveUpIsNoticed(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "16m")
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	stream := bus.WorkStream(10_000)
	if _, err := b.Stream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	js, err := b.Work()
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- b.Run(t.Context()) }()
	filler := filepath.Join(dir, "of-somebody-else")
	_ = os.WriteFile(filler, make([]byte, 16<<20), 0o600) // until the disk is full
	kept := uint64(0)
	for range 1_000 {
		ack, err := js.Publish(t.Context(), "work.p.f.-", make([]byte, 64<<10))
		if err != nil {
			break
		}
		kept = ack.Sequence
	}
	if err := <-ran; dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Fatalf("Run on a disk without a byte: %v, want exhausted", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	again := bus.New(bus.Config{Dir: dir}, log)
	if err := again.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	opened, err := again.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if last := opened.CachedInfo().State.LastSeq; last < kept {
		t.Errorf("%d messages are there after a start, %d were acknowledged", last, kept)
	}
}
