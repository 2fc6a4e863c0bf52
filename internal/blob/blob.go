// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// errUnbuilt stands where the body of a method is still being written.
var errUnbuilt = errors.New("blob: not built yet")

// Emitter tells subscribers of changes. Wants is asked for each change and must be
// quick; what nobody wants is not emitted. Emit returns when the event is durable.
type Emitter interface {
	Wants(project dayfly.ProjectName, kind, bucket string) bool
	Emit(ctx context.Context, project dayfly.ProjectName, kind, bucket string, ev dayfly.Event) error
}

// Config says where objects are and how many.
type Config struct {
	// Dir is the folder of the data files; it is created when missing.
	Dir string
	// MaxBytes bounds the data of all objects together; 0 is the disk.
	MaxBytes int64
}

// Store holds the buckets and objects of every project.
type Store struct {
	cfg  Config
	bus  *bus.Bus
	emit Emitter
	log  *slog.Logger
}

// New makes a store; it opens nothing. A nil emitter: nobody is told of changes.
func New(cfg Config, b *bus.Bus, emit Emitter, log *slog.Logger) (*Store, error) {
	return &Store{cfg: cfg, bus: b, emit: emit, log: log}, nil
}

// Open reads the records and removes what a crash left. The bus must be open.
func (s *Store) Open(ctx context.Context) error { return errUnbuilt }

// Close frees what Open took. No other method may be called after.
func (s *Store) Close() error { return nil }

// Run tells of changes that a crash kept untold, removes what was replaced and expires
// uploads, until ctx ends. Start it when the emitter knows its subscribers.
func (s *Store) Run(ctx context.Context) error { return errUnbuilt }

// Reader reads one version of an object; it stays whole while it is open.
type Reader struct {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// Put writes an object whole and gives what was stored.
func (s *Store) Put(ctx context.Context, ref Ref, opts PutOptions, data io.Reader) (Object, error) {
	return Object{}, errUnbuilt
}

// OpenObject gives a version of an object (empty: the latest) and its data, which the
// caller closes.
func (s *Store) OpenObject(ctx context.Context, ref Ref, version string) (Object, *Reader, error) {
	return Object{}, nil, errUnbuilt
}

// Stat gives a version of an object (empty: the latest).
func (s *Store) Stat(ctx context.Context, ref Ref, version string) (Object, error) {
	return Object{}, errUnbuilt
}

// Copy makes an object of a version of another (empty: its latest), without reading it
// where that is possible.
func (s *Store) Copy(ctx context.Context, to Ref, from Source, opts CopyOptions) (Object, error) {
	return Object{}, errUnbuilt
}

// Source names a version to copy from.
type Source struct {
	Ref
	VersionID string
}

// Delete removes an object or a version. That there was none is no error.
func (s *Store) Delete(ctx context.Context, ref Ref, opts DeleteOptions) (Deleted, error) {
	return Deleted{}, errUnbuilt
}

// DeleteMany removes up to 1,000; the results are in the order of what.
func (s *Store) DeleteMany(ctx context.Context, ref BucketRef, what []Deletion, by Requester) ([]DeleteResult, error) {
	return nil, errUnbuilt
}

// List gives a page of what a bucket holds.
func (s *Store) List(ctx context.Context, ref BucketRef, q ListQuery) (Listing, error) {
	return Listing{}, errUnbuilt
}

// Amend changes the tags and documents of a version (empty: the latest); change must
// touch nothing else. It makes no new version and no event.
func (s *Store) Amend(ctx context.Context, ref Ref, version string, change func(*Attributes) error) (Object, error) {
	return Object{}, errUnbuilt
}
