// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// stripes is the number of locks that keys share: many more than there are writers
	// at a time, so that two keys seldom wait for each other.
	stripes = 1024
	// objectsMaxDefault is what fits in the memory that a node wants to use.
	objectsMaxDefault = 1_000_000
	// commitTimeout bounds writing a record and telling of it, each; both take a
	// fraction of a millisecond.
	commitTimeout = 10 * time.Second
)

// Emitter tells subscribers of changes. Wants is asked for each change and must be
// quick; what nobody wants is not emitted. Emit returns when the event is durable.
type Emitter interface {
	Wants(project dayfly.ProjectName, kind string, bucket dayfly.BucketName) bool
	Emit(ctx context.Context, project dayfly.ProjectName, kind string, bucket dayfly.BucketName,
		event dayfly.Event) error
}

// Config says where objects are and how many.
type Config struct {
	// Dir is the folder of the data files; it is created when missing.
	Dir string
	// MaxBytes bounds the data of all objects together; 0 is the disk.
	MaxBytes int64
	// MaxObjects bounds versions, markers included: each takes some 400 bytes of memory.
	// Default a million.
	MaxObjects int64
}

// Validate reports the first field that cannot be used.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "":
		return dayfly.Errorf(dayfly.KindInvalid, "the folder of objects is not set")
	case c.MaxBytes < 0 || c.MaxObjects < 0:
		return dayfly.Errorf(dayfly.KindInvalid, "a limit for objects is negative")
	}
	return nil
}

// Store holds the buckets and objects of every project.
type Store struct {
	cfg     Config
	bus     *bus.Bus
	emit    Emitter
	log     *slog.Logger
	records *store.Store // of buckets
	seed    maphash.Seed
	fault   func(step string) // tests stop the process here; nil outside of them

	js     jetstream.JetStream
	stream jetstream.Stream
	files  *volume.Volume

	keys     [stripes]sync.Mutex // held to commit a change of a key
	sending  [stripes]sync.Mutex // held to change an upload; taken before keys
	making   sync.Mutex          // held to change the record of a bucket; taken first
	pieces   atomic.Int64        // uploads and parts that are open, in all
	versions atomic.Int64        // of objects, in all
	told     index.Floor
	floor    index.Saved // Open, Run and Close use it
	garbage  garbage

	mu       sync.RWMutex // guards buckets, onBucket
	buckets  map[BucketRef]*bucket
	onBucket func(BucketRef)

	untoldMu sync.Mutex // guards untold
	untold   map[place][]*telling
}

// New makes a store; it opens nothing. A nil emitter: nobody is told of changes.
func New(cfg Config, b *bus.Bus, emit Emitter, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MaxObjects == 0 {
		cfg.MaxObjects = objectsMaxDefault
	}
	return &Store{cfg: cfg, bus: b, emit: emit, log: log, seed: maphash.MakeSeed(),
		records: store.New(b, bus.BucketResources, log),
		buckets: map[BucketRef]*bucket{}, untold: map[place][]*telling{}}, nil
}

// Open reads the records and removes what a crash left. The bus must be open.
func (s *Store) Open(ctx context.Context) error {
	start := time.Now()
	var err error
	if s.js, err = s.bus.Bulk(); err != nil {
		return err
	}
	if s.stream, err = s.bus.Stream(ctx, bus.ObjectRecords()); err != nil {
		return err
	}
	if err = s.records.Open(ctx); err != nil {
		return err
	}
	s.files = volume.New(volume.Config{Dir: s.cfg.Dir, MaxBytes: s.cfg.MaxBytes, At: s.at}, s.log)
	if err := s.files.OpenFolders(); err != nil {
		return err
	}
	found, err := s.rebuild(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("read records of objects: %w", err), s.files.Close())
	}
	s.log.Info("objects opened", "buckets", len(s.buckets), "records", found.records,
		"untold", found.untold, "strays", found.strays, "took", time.Since(start))
	return nil
}

// Close frees what Open took. Nothing may be under way, and no method be called after.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	return errors.Join(s.saveFloor(ctx), s.files.Close())
}

// at is a fault point.
func (s *Store) at(step string) {
	if s.fault != nil {
		s.fault(step)
	}
}

// lock takes the lock of a key, or of an upload, and gives what frees it.
func (s *Store) lock(locks *[stripes]sync.Mutex, name string) func() {
	mu := &locks[maphash.String(s.seed, name)%stripes]
	mu.Lock()
	return mu.Unlock
}

// bucket gives a bucket that is there.
func (s *Store) bucket(ref BucketRef) (*bucket, error) {
	s.mu.RLock()
	b := s.buckets[ref]
	s.mu.RUnlock()
	if b == nil {
		return nil, noBucket(ref)
	}
	return b, nil
}

// finishing gives the context of a change that is not left half done when its caller
// goes away.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
}

func noBucket(ref BucketRef) error {
	return dayfly.Errorf(dayfly.KindNotFound, "%w: %q", ErrNoSuchBucket, ref.Name).
		WithHint("make it with: dayfly bucket create %s", ref.Name)
}

// enter takes the bucket for writing: until leave is called it is not removed.
func (s *Store) enter(ref BucketRef) (b *bucket, leave func(), err error) {
	if b, err = s.bucket(ref); err != nil {
		return nil, nil, err
	}
	b.fence.RLock()
	b.mu.RLock()
	gone := b.gone
	b.mu.RUnlock()
	if gone {
		b.fence.RUnlock()
		return nil, nil, noBucket(ref)
	}
	return b, b.fence.RUnlock, nil
}

func (r Ref) bucket() BucketRef { return BucketRef{r.Project, r.Bucket} }
