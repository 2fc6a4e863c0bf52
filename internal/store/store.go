// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// valueBytesMax bounds a value; bus/subjects.go gives the reason.
	valueBytesMax = 512 << 10
	// deletionMemory is how long the bucket remembers a deletion for watchers that
	// were away; bus/subjects.go gives the reason.
	deletionMemory = 24 * time.Hour
	// rewatchPause is the wait before a watch that broke off is taken up again, so
	// that a server in trouble is not asked in a tight loop.
	rewatchPause = 100 * time.Millisecond
)

// Buckets is where a store gets its bucket from: the bus.
type Buckets interface {
	KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error)
	JetStream() (jetstream.JetStream, error)
}

// Record is a value under a key. Version is that of its last change; it grows with
// each write of the bucket, whatever the key.
type Record struct {
	Key     string
	Value   []byte
	Version uint64
}

// Op says what an Event tells.
type Op string

// The operations.
const (
	OpPut    Op = "put"    // the record has this value now
	OpDelete Op = "delete" // the record is gone; the event's record has no value
	OpSynced Op = "synced" // what was there when the watch began has been told
)

// Event is one thing that a watcher is told.
type Event struct {
	Op Op
	Record
}

// Store is one bucket of records.
type Store struct {
	buckets Buckets
	bucket  string
	log     *slog.Logger

	mu sync.RWMutex // guards kv
	kv jetstream.KeyValue
}

// New makes a store over one bucket. It opens nothing.
func New(buckets Buckets, bucket string, log *slog.Logger) *Store {
	return &Store{buckets: buckets, bucket: bucket, log: log}
}

// Open opens the bucket, creating it when missing. There is nothing to close: the
// connection belongs to the bus, which must stay open for as long as the store is used.
func (s *Store) Open(ctx context.Context) error {
	kv, err := s.buckets.KeyValue(ctx, s.bucket)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kv = kv
	return nil
}

// Get gives the record, or an error of kind not_found.
func (s *Store) Get(ctx context.Context, key string) (Record, error) {
	kv, subject, err := s.at(key)
	if err != nil {
		return Record{}, err
	}
	entry, err := kv.Get(ctx, subject)
	if err != nil {
		return Record{}, s.explain("get", key, err)
	}
	return Record{Key: key, Value: entry.Value(), Version: entry.Revision()}, nil
}

// Create writes a record that must not exist, and gives its version. One that exists
// is a conflict.
func (s *Store) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	kv, subject, err := s.at(key)
	if err == nil {
		err = checkValue(key, value)
	}
	if err != nil {
		return 0, err
	}
	version, err := kv.Create(ctx, subject, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, dayfly.Errorf(dayfly.KindConflict, "record %s exists already", key)
	}
	return version, s.explain("create", key, err)
}

// Update replaces the record when its version is still the given one, and gives its
// new version. Any other version is a conflict, also that of a deleted record.
func (s *Store) Update(
	ctx context.Context, key string, value []byte, version uint64,
) (uint64, error) {
	kv, subject, err := s.at(key)
	if err == nil {
		err = checkValue(key, value)
	}
	if err != nil {
		return 0, err
	}
	if version == 0 {
		return 0, dayfly.Errorf(dayfly.KindConflict, "record %s cannot have version 0", key)
	}
	next, err := kv.Update(ctx, subject, value, version)
	return next, s.explain("update", key, err)
}

// Delete removes the record when its version is still the given one, and gives the
// version of the deletion. Any other version is a conflict.
func (s *Store) Delete(ctx context.Context, key string, version uint64) (uint64, error) {
	_, subject, err := s.at(key)
	if err != nil {
		return 0, err
	}
	if version == 0 {
		return 0, dayfly.Errorf(dayfly.KindConflict, "record %s cannot have version 0", key)
	}
	js, err := s.buckets.JetStream()
	if err != nil {
		return 0, err
	}
	// The client's own Purge does not tell the version, which callers wait for.
	m := nats.NewMsg("$KV." + s.bucket + "." + subject)
	m.Header.Set("KV-Operation", "PURGE")
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	ack, err := js.PublishMsg(ctx, m,
		jetstream.WithExpectLastSequencePerSubject(version), jetstream.WithMsgTTL(deletionMemory))
	if err != nil {
		return 0, s.explain("delete", key, err)
	}
	return ack.Sequence, nil
}

// List gives the records below prefix, all for "", sorted by key.
func (s *Store) List(ctx context.Context, prefix string) ([]Record, error) {
	found := make(map[string]Record)
	done := errors.New("listed")
	err := s.follow(ctx, prefix, 0, func(e Event) error {
		switch e.Op {
		case OpSynced:
			return done
		case OpPut:
			found[e.Key] = e.Record
		case OpDelete: // of a record that was listed a moment ago, or long ago
			delete(found, e.Key)
		}
		return nil
	})
	if !errors.Is(err, done) {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Record) int {
		return strings.Compare(a.Key, b.Key)
	}), nil
}

// Watch tells fn of every record below prefix, all for "", then that this was all, then
// of each change, in the order of versions and from one goroutine. It goes on
// where it was when the connection breaks, and returns only when ctx ends, with nil,
// or when the bus is closed.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(Event)) error {
	var last uint64
	synced := false
	tell := func(e Event) error {
		if e.Op == OpSynced {
			if synced {
				return nil // taken up again: the caller has heard it before
			}
			synced = true
		}
		last = max(last, e.Version)
		fn(e)
		return nil
	}
	for {
		err := s.follow(ctx, prefix, last, tell)
		if ctx.Err() != nil {
			return nil
		}
		if _, closed := s.buckets.JetStream(); closed != nil {
			return closed
		}
		s.log.Warn("watch broke off", "bucket", s.bucket, "prefix", prefix, "error", err)
		select {
		case <-time.After(rewatchPause):
		case <-ctx.Done():
			return nil
		}
	}
}

// follow tells fn what changed after a version until fn fails, ctx ends or the
// watch breaks off; it never returns nil.
func (s *Store) follow(
	ctx context.Context, prefix string, after uint64, fn func(Event) error,
) error {
	kv, err := s.current()
	if err != nil {
		return err
	}
	pattern, err := encodePrefix(prefix)
	if err != nil {
		return err
	}
	var opts []jetstream.WatchOpt
	if after > 0 {
		opts = append(opts, jetstream.ResumeFromRevision(after+1))
	}
	w, err := kv.Watch(ctx, pattern, opts...)
	if err != nil {
		return s.explain("watch", prefix, err)
	}
	defer drain(w)
	for {
		select {
		case entry, ok := <-w.Updates():
			if !ok {
				return dayfly.Errorf(dayfly.KindUnavailable, "the watch of %s was ended", s.bucket)
			}
			if err := fn(event(entry)); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func event(entry jetstream.KeyValueEntry) Event {
	if entry == nil {
		return Event{Op: OpSynced}
	}
	e := Event{Op: OpPut, Record: Record{
		Key: decodeKey(entry.Key()), Value: entry.Value(), Version: entry.Revision(),
	}}
	if entry.Operation() != jetstream.KeyValuePut {
		e.Op, e.Value = OpDelete, nil
	}
	return e
}

// drain stops a watcher and frees its sender, which would wait for a reader otherwise.
func drain(w jetstream.KeyWatcher) {
	// Its only error is that the subscription or connection is closed already.
	_ = w.Stop()
	for range w.Updates() {
		// What still comes is of no interest.
	}
}

func (s *Store) current() (jetstream.KeyValue, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.kv == nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the store %s is not open", s.bucket)
	}
	return s.kv, nil
}

func (s *Store) at(key string) (jetstream.KeyValue, string, error) {
	kv, err := s.current()
	if err != nil {
		return nil, "", err
	}
	subject, err := encodeKey(key)
	return kv, subject, err
}

func checkValue(key string, value []byte) error {
	if len(value) > valueBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid,
			"record %s has %d bytes, at most %d are allowed", key, len(value), valueBytesMax)
	}
	return nil
}

// explain gives err its kind; nil stays nil.
func (s *Store) explain(verb, key string, err error) error {
	var e *dayfly.Error
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return dayfly.Errorf(dayfly.KindNotFound, "record %s not found", key)
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch),
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return dayfly.Errorf(dayfly.KindConflict, "record %s was changed meanwhile", key)
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "%s record %s: %w", verb, key, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return dayfly.Errorf(dayfly.KindTimeout, "%s record %s: %w", verb, key, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrNoStreamResponse):
		return dayfly.Errorf(dayfly.KindUnavailable, "%s record %s: %w", verb, key, err)
	default:
		return fmt.Errorf("%s record %s in %s: %w", verb, key, s.bucket, err)
	}
}
