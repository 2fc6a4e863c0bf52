// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// opened is a bus with the stream of work.
func opened(t testing.TB, cfg Config) (*Bus, jetstream.JetStream) {
	t.Helper()
	cfg.Dir = t.TempDir()
	b := New(cfg, slog.New(slog.DiscardHandler))
	if err := b.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := b.Stream(t.Context(), WorkStream(10_000_000)); err != nil {
		t.Fatal(err)
	}
	js, err := b.Work()
	if err != nil {
		t.Fatal(err)
	}
	return b, js
}

// watched are the files as they were when they were forced to the disk.
type watched struct {
	mu   sync.Mutex // guards both
	seen map[string]state
	size map[string]int64
}

// watch has the syncer of a stream tell what it forces, and force it.
func watch(b *Bus, stream string) (*syncer, *watched) {
	w := &watched{seen: map[string]state{}, size: map[string]int64{}}
	y := b.open.syncer(b.cfg.Dir, stream)
	y.sync = func(path string) error {
		is, err := stateOf(path)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.seen[path], w.size[path] = is, info.Size()
		w.mu.Unlock()
		return syncPath(path)
	}
	return y, w
}

// covers reports what of a stream's blocks is not as it was when it was forced.
func (w *watched) covers(t *testing.T, y *syncer) (blocks int) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(y.dir, "msgs", "*.blk"))
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, path := range list {
		is, err := stateOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if w.seen[path].inode != is.inode || w.size[path] != info.Size() {
			t.Errorf("%s has %d bytes (%+v); when it was forced %d (%+v)", filepath.Base(path), info.Size(), is,
				w.size[path], w.seen[path])
		}
	}
	return len(list)
}

// TestSyncCoversWhatWasAcknowledged writes over several blocks, removes and writes on: after
// each Sync every block was forced as it is.
func TestSyncCoversWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	b, js := opened(t, Config{})
	y, w := watch(b, StreamWork)
	body := make([]byte, 256<<10)
	most := 0
	for round := range 30 {
		for i := range 5 {
			if _, err := js.Publish(t.Context(), "work.p.f.-", body[:1+(round*5+i)*1000]); err != nil {
				t.Fatal(err)
			}
		}
		if round%10 == 9 { // most is removed: blocks go, and others are written anew
			stream, err := js.Stream(t.Context(), StreamWork)
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Purge(t.Context(), jetstream.WithPurgeKeep(2)); err != nil {
				t.Fatal(err)
			}
			if _, err := js.Publish(t.Context(), "work.p.f.-", body); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Sync(t.Context(), StreamWork); err != nil {
			t.Fatal(err)
		}
		most = max(most, w.covers(t, y))
	}
	if most < 2 {
		t.Errorf("the stream never had more than %d blocks: the test shows nothing of new ones", most)
	}
	for _, path := range []string{y.dir, filepath.Join(y.dir, "meta.inf"), filepath.Join(y.dir, "msgs"), b.cfg.Dir} {
		if _, ok := w.seen[path]; !ok {
			t.Errorf("%s was not forced", strings.TrimPrefix(path, b.cfg.Dir))
		}
	}
}

// TestSyncIsShared has many wait while one sync is under way: one more is enough for all.
func TestSyncIsShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "msgs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "msgs", "1.blk"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		const waiters = 50
		syncs, release := 0, make(chan struct{})
		y := newSyncer(dir)
		y.rooted = true
		y.sync = func(path string) error {
			if strings.HasSuffix(path, ".blk") {
				syncs++
				<-release
			}
			return nil
		}
		answered := atomic.Int64{}
		wait := func() {
			if err := y.wait(context.Background()); err != nil {
				t.Error(err)
			}
			answered.Add(1)
		}
		go wait()
		synctest.Wait() // it is under way: who comes now cannot rely on it
		for range waiters {
			go wait()
		}
		synctest.Wait()
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		if err := y.wait(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("who went away got %v", err)
		}
		release <- struct{}{}
		synctest.Wait()
		if n := answered.Load(); n != 1 || syncs != 2 {
			t.Errorf("after the first sync %d are answered and %d syncs began, want 1 and 2", n, syncs)
		}
		release <- struct{}{}
		synctest.Wait()
		if n := answered.Load(); n != 1+waiters || syncs != 2 {
			t.Errorf("after the second sync %d are answered, by %d syncs; want %d by 2", n, syncs, 1+waiters)
		}
	})
}

func TestFailedSyncIsNotForgiven(t *testing.T) {
	t.Parallel()
	b, js := opened(t, Config{})
	y, _ := watch(b, StreamWork)
	healthy := y.sync
	y.sync = func(path string) error {
		if strings.HasSuffix(path, ".blk") {
			return errors.New("input/output error")
		}
		return healthy(path)
	}
	for _, name := range []string{"as it fails", "when it works again"} {
		if _, err := js.Publish(t.Context(), "work.p.f.-", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := b.Sync(t.Context(), StreamWork); dayfly.KindOf(err) != dayfly.KindUnavailable {
			t.Errorf("%s: error is %v, want unavailable", name, err)
		}
		y.sync = healthy
	}
}

func TestSyncHasNothingToDoWhereEachWriteIsSynced(t *testing.T) {
	t.Parallel()
	b, _ := opened(t, Config{SyncAlways: true})
	y, w := watch(b, StreamWork)
	if err := b.Sync(t.Context(), StreamWork); err != nil {
		t.Fatal(err)
	}
	if len(w.seen) > 0 || y.rooted {
		t.Errorf("forced was %v", w.seen)
	}
}
