// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dayfly-faas/dayfly"
)

// sweepGrace keeps what was asked for so recently: a source that was just uploaded is
// referred to by nothing until its build is done, which takes minutes at most.
const sweepGrace = time.Hour

// Names in the cache folder that are not digests.
const (
	bootFile   = "boot"  // the host's boot that the folders beside it were written in
	tempPrefix = ".tmp-" // unfinished or abandoned work
)

// bootIDPath names the running boot of the kernel.
const bootIDPath = "/proc/sys/kernel/random/boot_id"

// Objects keeps archives by name, for good. Put replaces; Get of a name that is not
// there gives an error of KindNotFound; Delete of one is no error. All may be called
// from any goroutine; the caller of Get closes what it got.
type Objects interface {
	Put(ctx context.Context, name string, r io.Reader) error
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	Has(ctx context.Context, name string) (bool, error)
	Delete(ctx context.Context, name string) error
	List(ctx context.Context) ([]string, error)
}

// Config configures a Store.
type Config struct {
	// Dir is the folder for unpacked bundles; it is made when first needed. It is
	// a cache: losing it costs time only. One Store uses it at a time.
	Dir string
	// MaxBytes bounds one bundle, unpacked; default 2 GiB.
	MaxBytes int64
	// MaxEntries bounds the files of one bundle; default 200,000.
	MaxEntries int
}

// Validate reports the first field that is wrong.
func (c Config) Validate() error {
	if !filepath.IsAbs(c.Dir) {
		return fmt.Errorf("bundle folder %q is not an absolute path", c.Dir)
	}
	if c.MaxBytes < 0 || c.MaxEntries < 0 {
		return errors.New("a limit of bundles is negative")
	}
	return nil
}

// Store keeps bundles: archives in Objects, unpacked folders on the local disk. Its
// methods may be called from any goroutine.
type Store struct {
	cfg     Config
	log     *slog.Logger
	objects Objects
	limits  Limits

	prepared   sync.Once
	failure    error          // of preparing
	background sync.WaitGroup // of abandoned folders, and unpacking that nobody waits for
	flight     singleflight.Group

	mu   sync.Mutex // guards used
	used map[dayfly.Digest]time.Time
}

// New makes a Store. It touches nothing yet.
func New(cfg Config, log *slog.Logger, objects Objects) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	limits := Limits{Bytes: cfg.MaxBytes, Entries: cfg.MaxEntries}.filled()
	return &Store{
		cfg: cfg, log: log, objects: objects, limits: limits,
		used: map[dayfly.Digest]time.Time{},
	}, nil
}

// Close waits for what still runs in the background. Call nothing else after it.
func (s *Store) Close() error {
	s.background.Wait()
	return nil
}

// Put keeps the archive that r holds if its content has that digest, and refuses it
// otherwise. Nothing is visible of it until all of it was verified.
func (s *Store) Put(ctx context.Context, digest dayfly.Digest, r io.Reader) error {
	held, err := s.Has(ctx, digest)
	if err != nil || held {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.cfg.Dir, tempPrefix)
	if err != nil {
		return fmt.Errorf("make folder for bundle: %w", err)
	}
	defer os.RemoveAll(work)
	spool, err := os.Create(filepath.Join(work, "archive"))
	if err != nil {
		return fmt.Errorf("make spool file: %w", err)
	}
	defer spool.Close()
	read := cancelReader{ctx, r}
	content := filepath.Join(work, "content")
	if err := s.unpackInto(content, io.TeeReader(read, spool), digest); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read spool file: %w", err)
	}
	if err := s.objects.Put(ctx, string(digest), cancelReader{ctx, spool}); err != nil {
		return fmt.Errorf("keep bundle %.12s: %w", digest, err)
	}
	return s.publish(content, digest)
}

// PutFolder packs root, keeps the archive and gives its digest.
func (s *Store) PutFolder(
	ctx context.Context, root string, opts Options,
) (dayfly.Digest, Stats, error) {
	if err := s.prepare(); err != nil {
		return "", Stats{}, err
	}
	spool, err := os.CreateTemp(s.cfg.Dir, tempPrefix)
	if err != nil {
		return "", Stats{}, fmt.Errorf("make spool file: %w", err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	digest, stats, err := Pack(cancelWriter{ctx, spool}, root, opts)
	if err != nil {
		return "", Stats{}, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return "", Stats{}, fmt.Errorf("read spool file: %w", err)
	}
	return digest, stats, s.Put(ctx, digest, spool)
}

// Has tells whether the bundle is kept.
func (s *Store) Has(ctx context.Context, digest dayfly.Digest) (bool, error) {
	if err := CheckDigest(digest); err != nil {
		return false, err
	}
	s.use(digest)
	held, err := s.objects.Has(ctx, string(digest))
	if err != nil {
		return false, fmt.Errorf("look for bundle %.12s: %w", digest, err)
	}
	return held, nil
}

// Open gives the archive; the caller closes it.
func (s *Store) Open(ctx context.Context, digest dayfly.Digest) (io.ReadCloser, error) {
	if err := CheckDigest(digest); err != nil {
		return nil, err
	}
	s.use(digest)
	r, err := s.objects.Get(ctx, string(digest))
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "bundle %.12s is not kept here", digest)
	}
	if err != nil {
		return nil, fmt.Errorf("open bundle %.12s: %w", digest, err)
	}
	return r, nil
}

// Folder gives the path of the unpacked bundle, which is complete and must not be
// written to. Calls for the same bundle at once share the work.
func (s *Store) Folder(ctx context.Context, digest dayfly.Digest) (string, error) {
	if err := CheckDigest(digest); err != nil {
		return "", err
	}
	if err := s.prepare(); err != nil {
		return "", err
	}
	s.use(digest)
	folder := s.path(digest)
	if _, err := os.Lstat(folder); err == nil {
		return folder, nil
	}
	// The work outlives a caller that gives up: others may wait for it.
	done := s.flight.DoChan(string(digest), func() (any, error) {
		return nil, s.fetch(context.WithoutCancel(ctx), digest)
	})
	select {
	case result := <-done:
		return folder, result.Err
	case <-ctx.Done():
		return "", dayfly.Errorf(dayfly.KindCanceled, "wait for bundle %.12s: %w", digest, ctx.Err())
	}
}

func (s *Store) fetch(ctx context.Context, digest dayfly.Digest) error {
	s.background.Add(1)
	defer s.background.Done()
	if _, err := os.Lstat(s.path(digest)); err == nil {
		return nil
	}
	r, err := s.Open(ctx, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	work, err := os.MkdirTemp(s.cfg.Dir, tempPrefix)
	if err != nil {
		return fmt.Errorf("make folder for bundle: %w", err)
	}
	defer os.RemoveAll(work)
	content := filepath.Join(work, "content")
	if err := s.unpackInto(content, r, digest); err != nil {
		return fmt.Errorf("unpack bundle %.12s: %w", digest, err)
	}
	return s.publish(content, digest)
}

func (s *Store) unpackInto(folder string, r io.Reader, want dayfly.Digest) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("make folder for bundle: %w", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil { // whatever the umask is
		return fmt.Errorf("set mode: %w", err)
	}
	got, _, err := Unpack(r, folder, s.limits)
	if err != nil {
		return err
	}
	if got != want {
		return dayfly.Errorf(dayfly.KindInvalid, "the archive's digest is %s, not %s", got, want)
	}
	return nil
}

// publish moves a complete folder to its place; whoever comes second finds it there.
func (s *Store) publish(content string, digest dayfly.Digest) error {
	err := os.Rename(content, s.path(digest))
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return fmt.Errorf("publish bundle %.12s: %w", digest, err)
}

// Remove forgets the bundle. Instances that hold its folder must have ended.
func (s *Store) Remove(ctx context.Context, digest dayfly.Digest) error {
	if err := CheckDigest(digest); err != nil {
		return err
	}
	if err := s.objects.Delete(ctx, string(digest)); err != nil {
		return fmt.Errorf("remove bundle %.12s: %w", digest, err)
	}
	s.mu.Lock()
	delete(s.used, digest)
	s.mu.Unlock()
	return s.discard(s.path(digest))
}

// Sweep removes every bundle that keep does not want and that nobody asked for within
// the last hour, and gives how many there were.
func (s *Store) Sweep(ctx context.Context, keep func(dayfly.Digest) bool) (int, error) {
	if err := s.prepare(); err != nil {
		return 0, err
	}
	names, err := s.objects.List(ctx)
	if err != nil {
		return 0, fmt.Errorf("list bundles: %w", err)
	}
	folders, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return 0, fmt.Errorf("list bundle folders: %w", err)
	}
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	removed := map[dayfly.Digest]bool{}
	for _, name := range names {
		digest := dayfly.Digest(name)
		if CheckDigest(digest) != nil || removed[digest] || keep(digest) || s.recent(digest) {
			continue
		}
		if err := s.Remove(ctx, digest); err != nil {
			return len(removed), err
		}
		removed[digest] = true
	}
	return len(removed), nil
}

func (s *Store) path(digest dayfly.Digest) string {
	return filepath.Join(s.cfg.Dir, string(digest))
}

func (s *Store) use(digest dayfly.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.used[digest] = now
	for old, at := range s.used { // few: what was used within the hour
		if now.Sub(at) > sweepGrace {
			delete(s.used, old)
		}
	}
}

func (s *Store) recent(digest dayfly.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.used[digest]
	return ok && time.Since(at) <= sweepGrace
}

// prepare makes the cache folder fit for use, once. What a crash left unfinished goes.
// After the host was booted anew all of it goes: folders are not synced to disk, which
// would cost more than unpacking again, so a power failure may have emptied files.
func (s *Store) prepare() error {
	s.prepared.Do(func() { s.failure = s.clean() })
	return s.failure
}

func (s *Store) clean() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("make bundle folder: %w", err)
	}
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list bundle folder: %w", err)
	}
	boot, err := os.ReadFile(bootIDPath)
	if err != nil {
		boot = nil // no such thing on this system: trust nothing from before
	}
	marker := filepath.Join(s.cfg.Dir, bootFile)
	written, err := os.ReadFile(marker)
	sameBoot := err == nil && len(boot) > 0 && string(boot) == string(written)
	stale := 0
	for _, entry := range entries {
		name := entry.Name()
		isBundle := CheckDigest(dayfly.Digest(name)) == nil
		if strings.HasPrefix(name, tempPrefix) || isBundle && !sameBoot {
			stale++
			if err := s.discard(filepath.Join(s.cfg.Dir, name)); err != nil {
				return err
			}
		}
	}
	if stale > 0 {
		s.log.Info("bundle cache cleaned", "removed", stale, "same_boot", sameBoot)
	}
	if err := os.WriteFile(marker, boot, 0o644); err != nil {
		return fmt.Errorf("mark bundle folder: %w", err)
	}
	return nil
}

// discard takes a folder out of sight at once and removes it in the background.
func (s *Store) discard(folder string) error {
	grave, err := os.MkdirTemp(s.cfg.Dir, tempPrefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is no cache yet
	}
	if err != nil {
		return fmt.Errorf("make folder to discard into: %w", err)
	}
	err = os.Rename(folder, filepath.Join(grave, "content"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("discard bundle folder: %w", err)
	}
	s.background.Go(func() {
		if err := os.RemoveAll(grave); err != nil {
			s.log.Warn("bundle folder was not removed", "folder", grave, "error", err)
		}
	})
	return nil
}
