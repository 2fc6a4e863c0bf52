// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

// watcher collects what a watch tells.
type watcher struct {
	mu      sync.Mutex
	lines   []string
	version uint64 // the newest that was told
	stop    func() error
}

func (s *stand) watch(t *testing.T, q WatchQuery) *watcher {
	t.Helper()
	w := &watcher{}
	ctx, cancel := context.WithCancel(t.Context())
	opened, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Watch(ctx, "shop", "carts", q, func(c Change) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.version = c.Version
			switch c.Op {
			case OpOpened:
				close(opened)
			case OpIdle:
			default:
				w.lines = append(w.lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Op, c.Key, c.Data)))
			}
			return nil
		})
	}()
	select {
	case <-opened:
	case err := <-done:
		t.Fatalf("Watch(%+v): %v", q, err)
	}
	w.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = w.stop() })
	return w
}

func (w *watcher) wants(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		w.mu.Lock()
		got = append([]string(nil), w.lines...)
		w.mu.Unlock()
		if len(got) >= len(want) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("watched, -want +got:\n%s", diff)
	}
}

func TestWatchTellsChangesInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	s.put(t, ref("a/old"), "0", PutOptions{})
	w := s.watch(t, WatchQuery{Prefix: "a/"})
	s.put(t, ref("a/1"), "1", PutOptions{})
	s.put(t, ref("b/1"), "1", PutOptions{})
	s.put(t, Ref{"shop", "other", "a/1"}, "1", PutOptions{})
	if _, err := s.Delete(t.Context(), ref("a/old"), 0); err != nil {
		t.Fatal(err)
	}
	w.wants(t, "put a/1 1", "deleted a/old")
	if err := w.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v, want that it was canceled", err)
	}
	w.mu.Lock()
	last := w.version
	w.mu.Unlock()
	s.put(t, ref("a/2"), "2", PutOptions{})
	if _, err := s.Delete(t.Context(), ref("a/1"), 0); err != nil {
		t.Fatal(err)
	}
	s.watch(t, WatchQuery{Prefix: "a/", After: last}).wants(t, "put a/2 2", "deleted a/1")
	s.watch(t, WatchQuery{All: true}).wants(t, "put b/1 1", "put a/2 2")
	s.stop()
	s = reopen(t, s.dir, Config{}, s.listener)
	s.watch(t, WatchQuery{Prefix: "a/", After: last}).wants(t, "put a/2 2", "deleted a/1")
}

func TestWatchTellsThatNothingHappens(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	enough := errors.New("enough")
	idle := 0
	err := s.Watch(t.Context(), "shop", "carts", WatchQuery{Idle: 10 * time.Millisecond}, func(c Change) error {
		if c.Op == OpIdle {
			idle++
		}
		if idle == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("Watch = %v, want the error of its function", err)
	}
}

func TestWatchThatWouldMissIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	s := start(t, Config{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	first := s.put(t, ref("a"), "", PutOptions{})
	gone, err := s.Delete(t.Context(), ref("a"), 0)
	if err != nil {
		t.Fatal(err)
	}
	none := func(Change) error { return nil }
	err = s.Watch(t.Context(), "shop", "carts", WatchQuery{After: gone + 100}, none)
	if dayfly.KindOf(err) != dayfly.KindConflict {
		t.Errorf("Watch after a version of the future: %v, want conflict", err)
	}
	s.watch(t, WatchQuery{After: first.Version}).wants(t, "deleted a")
	mu.Lock()
	now = now.Add(2 * markerAge)
	mu.Unlock()
	eventually(t, "the deletion is forgotten", func() bool {
		err = s.Watch(t.Context(), "shop", "carts", WatchQuery{After: first.Version}, func(Change) error {
			return errors.New("still there")
		})
		return dayfly.KindOf(err) == dayfly.KindConflict
	})
	s.put(t, ref("a"), "back", PutOptions{If: Condition{Absent: true}})
}

func TestWatchersHaveABound(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for range watchersOfOne {
		s.watch(t, WatchQuery{})
	}
	err := s.Watch(t.Context(), "shop", "carts", WatchQuery{}, func(Change) error { return nil })
	if dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("one watcher too many: %v, want exhausted", err)
	}
	err = s.Watch(t.Context(), "other", "carts", WatchQuery{}, func(Change) error { return errors.New("fine") })
	if err == nil || err.Error() != "fine" {
		t.Errorf("a watcher of another project: %v, want that it may", err)
	}
}

// TestRandomHistories puts the store beside a map, over restarts.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			s := start(t, Config{})
			want := map[string]string{}
			for i := range 400 {
				key := hostileKeys[rng.IntN(len(hostileKeys))]
				switch rng.IntN(10) {
				case 0:
					_, err := s.Delete(t.Context(), ref(key), 0)
					if _, had := want[key]; had != (err == nil) {
						t.Fatalf("step %d: Delete(%q) = %v, had %v", i, key, err, had)
					}
					delete(want, key)
				case 1:
					_, err := s.Put(t.Context(), ref(key), []byte("new"), PutOptions{If: Condition{Absent: true}})
					if _, had := want[key]; had == (err == nil) {
						t.Fatalf("step %d: create %q = %v, had %v", i, key, err, had)
					} else if !had {
						want[key] = "new"
					}
				case 2:
					if rng.IntN(10) == 0 {
						s.stop()
						s = reopen(t, s.dir, Config{}, s.listener)
					}
				default:
					want[key] = fmt.Sprint(i)
					s.put(t, ref(key), want[key], PutOptions{})
				}
			}
			got := map[string]string{}
			page, err := s.List(t.Context(), "shop", "carts", Query{Limit: PageMax, Data: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page.Values {
				got[v.Key] = string(v.Data)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
