// SPDX-License-Identifier: Apache-2.0

package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

// memory is a true, small Objects.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	gets    atomic.Int64
	refuse  error
}

func (m *memory) Put(_ context.Context, name string, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil || m.refuse != nil {
		return errors.Join(err, m.refuse)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[name] = content
	return nil
}

func (m *memory) Get(_ context.Context, name string) (io.ReadCloser, error) {
	m.gets.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.objects[name]
	if !ok {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "no object %s", name)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (m *memory) Has(_ context.Context, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.objects[name]
	return ok, nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return nil
}

func (m *memory) List(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.objects {
		names = append(names, name)
	}
	return names, nil
}

func newStore(t *testing.T, dir string, objects bundle.Objects) *bundle.Store {
	t.Helper()
	s, err := bundle.New(bundle.Config{Dir: dir}, slog.New(slog.DiscardHandler), objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func source(t *testing.T, content string) ([]byte, dayfly.Digest) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"app.py": content})
	archive, digest, _ := pack(t, dir, bundle.Options{})
	return archive, digest
}

func TestStoreKeepsWhatHasTheRightDigest(t *testing.T) {
	t.Parallel()
	objects := &memory{objects: map[string][]byte{}}
	s := newStore(t, t.TempDir(), objects)
	archive, digest := source(t, "x")
	if err := s.Put(t.Context(), digest, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	folder, err := s.Folder(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"app.py": "x"}, read(t, folder)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
	r, err := s.Open(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, _ := io.ReadAll(r); !bytes.Equal(got, archive) {
		t.Error("Open gave another archive than Put got")
	}
}

func TestStoreRefusesAnotherContent(t *testing.T) {
	t.Parallel()
	objects := &memory{objects: map[string][]byte{}}
	dir := t.TempDir()
	s := newStore(t, dir, objects)
	archive, digest := source(t, "x")
	_, other := source(t, "y")
	if err := s.Put(t.Context(), other, bytes.NewReader(archive)); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("Put with another digest = %v, want invalid", err)
	}
	if err := s.Put(t.Context(), "../../etc", bytes.NewReader(archive)); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("Put of a path as digest = %v, want invalid", err)
	}
	if err := s.Put(t.Context(), digest, strings.NewReader("junk")); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("Put of junk = %v, want invalid", err)
	}
	if len(objects.objects) != 0 {
		t.Errorf("%d objects were kept", len(objects.objects))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := s.Folder(t.Context(), other); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Folder = %v, want not_found", err)
	}
}

func TestStoreTellsWhenItCannotKeep(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	s := newStore(t, t.TempDir(), &memory{objects: map[string][]byte{}, refuse: full})
	archive, digest := source(t, "x")
	if err := s.Put(t.Context(), digest, bytes.NewReader(archive)); !errors.Is(err, full) {
		t.Errorf("Put = %v, want the objects' error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, digest, bytes.NewReader(archive)); dayfly.KindOf(err) == "" {
		t.Error("Put with an ended context worked")
	}
}

func TestStoreUnpacksOnceForManyCallers(t *testing.T) {
	t.Parallel()
	objects := &memory{objects: map[string][]byte{}}
	archive, digest := source(t, "x")
	objects.objects[string(digest)] = archive
	s := newStore(t, t.TempDir(), objects)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if _, err := s.Folder(t.Context(), digest); err != nil {
				t.Errorf("Folder: %v", err)
			}
		})
	}
	callers.Wait()
	if got := objects.gets.Load(); got != 1 {
		t.Errorf("the archive was read %d times, want 1", got)
	}
}

func TestStoreNeverShowsACorruptBundle(t *testing.T) {
	t.Parallel()
	objects := &memory{objects: map[string][]byte{}}
	archive, _ := source(t, "x")
	_, other := source(t, "y")
	objects.objects[string(other)] = archive
	s := newStore(t, t.TempDir(), objects)
	if folder, err := s.Folder(t.Context(), other); err == nil {
		t.Errorf("Folder = %s, want an error for a digest that does not match", folder)
	}
}

func TestStoreStartsCleanAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	objects := &memory{objects: map[string][]byte{}}
	archive, digest := source(t, "x")
	first := newStore(t, dir, objects)
	if err := first.Put(t.Context(), digest, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{".tmp-123/content/half": "x"})

	second := newStore(t, dir, objects)
	if _, err := second.Folder(t.Context(), digest); err != nil || objects.gets.Load() != 0 {
		t.Errorf("Folder = %v after %d reads; want the cached folder", err, objects.gets.Load())
	}
	second.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	// As if the host lost power: the folder is there, its content is not.
	if err := os.WriteFile(filepath.Join(dir, "boot"), []byte("another boot"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, string(digest), "app.py"), 0); err != nil {
		t.Fatal(err)
	}
	third := newStore(t, dir, objects)
	folder, err := third.Folder(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"app.py": "x"}, read(t, folder)); diff != "" {
		t.Errorf("folder after another boot (-want +got):\n%s", diff)
	}
}

func TestSweepRemovesWhatNobodyWants(t *testing.T) {
	t.Parallel()
	objects := &memory{objects: map[string][]byte{}}
	dir := t.TempDir()
	s := newStore(t, dir, objects)
	wanted, a := source(t, "wanted")
	unwanted, b := source(t, "unwanted")
	fresh, c := source(t, "fresh")
	objects.objects[string(a)], objects.objects[string(b)] = wanted, unwanted
	write(t, dir, map[string]string{string(b) + "/app.py": "unwanted"})
	if err := s.Put(t.Context(), c, bytes.NewReader(fresh)); err != nil {
		t.Fatal(err)
	}
	// The folder written by hand has no boot mark, so preparing already took it.
	n, err := s.Sweep(t.Context(), func(d dayfly.Digest) bool { return d == a })
	if err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	names, _ := objects.List(t.Context())
	if len(names) != 2 || objects.objects[string(b)] != nil {
		t.Errorf("kept %v, want the wanted and the fresh one", names)
	}
}

func TestPutFolderGivesADigestToFetchBy(t *testing.T) {
	t.Parallel()
	s := newStore(t, t.TempDir(), &memory{objects: map[string][]byte{}})
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/b": "c"})
	digest, stats, err := s.PutFolder(t.Context(), dir, bundle.Options{})
	if err != nil || stats.Files != 1 {
		t.Fatalf("PutFolder = %+v, %v", stats, err)
	}
	folder, err := s.Folder(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, dir), read(t, folder)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
	if err := s.Remove(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if held, err := s.Has(t.Context(), digest); held || err != nil {
		t.Errorf("Has after Remove = %v, %v", held, err)
	}
}
