// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		writeUntilFault(dir)
	}
	if dir := os.Getenv(loadEnv); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// events collects what is emitted, and fails when it is told to.
type events struct {
	mu   sync.Mutex // guards all below
	list []dayfly.Event
	fail error
}

// Wants implements blob.Emitter.
func (*events) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool { return true }

// Emit implements blob.Emitter.
func (e *events) Emit(_ context.Context, _ dayfly.ProjectName, _ string, _ dayfly.BucketName,
	event dayfly.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return e.fail
	}
	e.list = append(e.list, event)
	return nil
}

func (e *events) all() []dayfly.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]dayfly.Event(nil), e.list...)
}

func (e *events) failWith(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// opened is a store on a folder, with its ground.
type opened struct {
	*blob.Store
	bus  *bus.Bus
	stop func()
}

// openAt opens a store; stop closes it, also before the test ends.
func openAt(t testing.TB, dir string, cfg blob.Config, emitter blob.Emitter) *opened {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	cfg.Dir = filepath.Join(dir, "objects")
	s, err := blob.New(cfg, b, emitter, log)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatalf("Open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop := sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	t.Cleanup(stop)
	return &opened{s, b, stop}
}

// open opens a new store with the bucket "photos" of the default project.
func open(t testing.TB) *opened {
	t.Helper()
	s := openAt(t, t.TempDir(), blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	return s
}

func makeBucket(t testing.TB, s *opened, b blob.Bucket) {
	t.Helper()
	if _, err := s.CreateBucket(t.Context(), dayfly.DefaultProject, b); err != nil {
		t.Fatalf("CreateBucket(%s): %v", b.Name, err)
	}
}

var photos = blob.BucketRef{Project: dayfly.DefaultProject, Name: "photos"}

func ref(key string) blob.Ref {
	return blob.Ref{Project: photos.Project, Bucket: photos.Name, Key: key}
}

func put(t testing.TB, s *opened, key, data string) blob.Object {
	t.Helper()
	o, err := s.Put(t.Context(), ref(key), blob.PutOptions{Size: int64(len(data))},
		bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return o
}

// get gives the data of a version, or the error.
func get(t testing.TB, s *opened, key, version string) (string, error) {
	t.Helper()
	_, r, err := s.OpenObject(t.Context(), ref(key), version)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(r)
	if err := r.Close(); err != nil {
		t.Errorf("close reader of %q: %v", key, err)
	}
	return string(data), err
}

func wantKind(t testing.TB, call string, err error, want dayfly.Kind) {
	t.Helper()
	if got := dayfly.KindOf(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", call, got, err, want)
	}
}

func sumOf(data string) string {
	sum := md5.Sum([]byte(data))
	return hex.EncodeToString(sum[:])
}

// pattern gives n bytes that differ with their place and seed.
func pattern(n int, seed byte) string {
	data := make([]byte, n)
	x := uint32(seed) + 1
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return string(data)
}

// filesBelow counts the data files.
func filesBelow(t testing.TB, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s after a minute", what)
		}
	}
}
