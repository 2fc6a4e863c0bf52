// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string) (*store.Store, *bus.Bus) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	s := store.New(b, bus.BucketCatalog, log)
	if err := s.Open(t.Context()); err != nil {
		t.Fatalf("open store: %v", err)
	}
	return s, b
}

func wantKind(t *testing.T, call string, err error, want dayfly.Kind) {
	t.Helper()
	if got := dayfly.KindOf(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", call, got, err, want)
	}
}

func TestRecordLife(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	ctx := t.Context()

	_, err := s.Get(ctx, "a/b")
	wantKind(t, "Get before Create", err, dayfly.KindNotFound)
	_, err = s.Update(ctx, "a/b", []byte("x"), 7)
	wantKind(t, "Update before Create", err, dayfly.KindConflict)

	v1, err := s.Create(ctx, "a/b", []byte("one"))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	_, err = s.Create(ctx, "a/b", []byte("other"))
	wantKind(t, "second Create", err, dayfly.KindConflict)

	v2, err := s.Update(ctx, "a/b", []byte("two"), v1)
	if err != nil || v2 <= v1 {
		t.Fatalf("Update = %d, %v; want a version above %d", v2, err, v1)
	}
	_, err = s.Update(ctx, "a/b", []byte("three"), v1)
	wantKind(t, "Update of an old version", err, dayfly.KindConflict)
	_, err = s.Delete(ctx, "a/b", v1)
	wantKind(t, "Delete of an old version", err, dayfly.KindConflict)

	got, err := s.Get(ctx, "a/b")
	want := store.Record{Key: "a/b", Value: []byte("two"), Version: v2}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Get: %v, diff (-want +got):\n%s", err, diff)
	}

	v3, err := s.Delete(ctx, "a/b", v2)
	if err != nil || v3 <= v2 {
		t.Fatalf("Delete = %d, %v; want a version above %d", v3, err, v2)
	}
	_, err = s.Get(ctx, "a/b")
	wantKind(t, "Get after Delete", err, dayfly.KindNotFound)
	_, err = s.Update(ctx, "a/b", []byte("x"), v2)
	wantKind(t, "Update after Delete", err, dayfly.KindConflict)
	if v4, err := s.Create(ctx, "a/b", []byte("again")); err != nil || v4 <= v3 {
		t.Errorf("Create after Delete = %d, %v; want a version above %d", v4, err, v3)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	for name, key := range map[string]string{
		"empty": "", "leading slash": "/a", "trailing slash": "a/",
		"double slash": "a//b", "too long": strings.Repeat("a", 513),
	} {
		_, err := s.Create(t.Context(), key, nil)
		wantKind(t, "Create with key: "+name, err, dayfly.KindInvalid)
		_, err = s.Get(t.Context(), key)
		wantKind(t, "Get with key: "+name, err, dayfly.KindInvalid)
	}
	_, err := s.Create(t.Context(), "big", make([]byte, bus.ValueBytesMax+1))
	wantKind(t, "Create of a value too large", err, dayfly.KindInvalid)
	if _, err := s.Create(t.Context(), "big", make([]byte, bus.ValueBytesMax)); err != nil {
		t.Errorf("Create of the largest value: %v", err)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	b := bus.New(bus.Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	s := store.New(b, bus.BucketCatalog, slog.New(slog.DiscardHandler))
	_, err := s.Get(t.Context(), "a")
	wantKind(t, "Get before Open", err, dayfly.KindUnavailable)
	wantKind(t, "Open before the bus", s.Open(t.Context()), dayfly.KindUnavailable)

	s, b = open(t, t.TempDir())
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(context.Background(), "", func(store.Event) {}) }()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Get(t.Context(), "a")
	wantKind(t, "Get after the bus closed", err, dayfly.KindUnavailable)
	select {
	case err := <-ended:
		wantKind(t, "Watch when the bus closes", err, dayfly.KindUnavailable)
	case <-time.After(5 * time.Second):
		t.Error("Watch goes on 5s after the bus was closed")
	}
}

func TestKeysMayHoldAnyByte(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	keys := []string{"a b/ü", "a.b", "a/b", "a=2Eb", "a>*", "a\x00b", "\xff"}
	for _, key := range keys {
		if _, err := s.Create(t.Context(), key, []byte(key)); err != nil {
			t.Errorf("Create(%q): %v", key, err)
		}
		if got, err := s.Get(t.Context(), key); string(got.Value) != key || err != nil {
			t.Errorf("Get(%q) = %q, %v", key, got.Value, err)
		}
	}
	records, err := s.List(t.Context(), "")
	if err != nil || len(records) != len(keys) {
		t.Fatalf("List gave %d records, %v; want %d", len(records), err, len(keys))
	}
	for _, r := range records {
		if r.Key != string(r.Value) {
			t.Errorf("List gave key %q for the record of %q", r.Key, r.Value)
		}
	}
}

func TestListGivesWholeSegmentsSorted(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	for _, key := range []string{"f/b/2", "f/b/1", "f/bb/1", "f/a", "g", "f/gone"} {
		if _, err := s.Create(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := s.Get(t.Context(), "f/gone")
	if err == nil {
		_, err = s.Delete(t.Context(), "f/gone", gone.Version)
	}
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string][]string{
		"":    {"f/a", "f/b/1", "f/b/2", "f/bb/1", "g"},
		"f":   {"f/a", "f/b/1", "f/b/2", "f/bb/1"},
		"f/b": {"f/b/1", "f/b/2"}, "f/b/": {"f/b/1", "f/b/2"},
		"none": nil,
	} {
		records, err := s.List(t.Context(), prefix)
		var got []string
		for _, r := range records {
			got = append(got, r.Key)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("List(%q): %v, diff (-want +got):\n%s", prefix, err, diff)
		}
	}
}

// watch collects events until it is stopped.
type watch struct {
	mu     sync.Mutex // guards events
	events []store.Event
}

func (w *watch) add(e store.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *watch) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, e := range w.events {
		s = append(s, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Op, e.Key, e.Value)))
	}
	return s
}

func TestWatchTellsStateThenChangesInOrder(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	must := func(v uint64, err error) uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	must(s.Create(ctx, "f/a", []byte("1")))
	must(s.Create(ctx, "other", []byte("1")))
	b := must(s.Create(ctx, "f/b", []byte("1")))

	var w watch
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx, "f", w.add) }()
	waitFor(t, "the initial state", func() bool { return len(w.seen()) == 3 })

	b = must(s.Update(ctx, "f/b", []byte("2"), b))
	must(s.Create(ctx, "f/c", []byte("1")))
	must(s.Delete(ctx, "f/b", b))
	want := []string{
		"put f/a 1", "put f/b 1", "synced", "put f/b 2", "put f/c 1", "delete f/b",
	}
	waitFor(t, "three changes", func() bool { return len(w.seen()) >= len(want) })
	if diff := cmp.Diff(want, w.seen()); diff != "" {
		t.Errorf("Watch(f), diff (-want +got):\n%s", diff)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Watch after cancel: %v, want nil", err)
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	if _, err := s.Create(t.Context(), "n", []byte("0")); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 25
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for done := 0; done < each; {
				var n int
				r, err := s.Get(t.Context(), "n")
				if err == nil {
					_, err = fmt.Sscan(string(r.Value), &n)
				}
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				_, err = s.Update(t.Context(), "n", fmt.Append(nil, n+1), r.Version)
				switch dayfly.KindOf(err) {
				case "":
					done++
				case dayfly.KindConflict:
				default:
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	r, err := s.Get(t.Context(), "n")
	if want := fmt.Sprint(writers * each); string(r.Value) != want || err != nil {
		t.Errorf("after %s updates the count is %s, %v", want, r.Value, err)
	}
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s after 5s", what)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s, _ := open(b, b.TempDir())
	version, err := s.Create(b.Context(), "k", nil)
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 1024)
	for b.Loop() {
		if version, err = s.Update(b.Context(), "k", value, version); err != nil {
			b.Fatal(err)
		}
	}
}
