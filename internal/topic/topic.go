// SPDX-License-Identifier: Apache-2.0

package topic

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
	"golang.org/x/time/rate"

	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// RetentionDefault is how long messages are kept when nobody says.
	RetentionDefault = 4 * 24 * time.Hour
	// RetentionMin is the shortest retention of a queue: less cannot be swept in time.
	RetentionMin = time.Minute
	// RetentionMax is the longest: more than two weeks is an archive.
	RetentionMax = 14 * 24 * time.Hour
	// DedupeWindow is how long an event's ExtensionDedupe is remembered. Each takes some
	// hundred bytes of memory.
	DedupeWindow = 2 * time.Minute

	// bytesDefault bounds the stream of all events on disk.
	bytesDefault = 16 << 30
	// sweepInterval is how often what is past its retention is looked for: a quarter of
	// the shortest retention.
	sweepInterval = 15 * time.Second
	// tailInterval is how often the stream is asked whether it has events that nobody
	// was woken for: those whose acknowledgement got lost.
	tailInterval = 2 * time.Second
	// subjectPrefix starts each subject of the stream.
	subjectPrefix = "events."
)

// Config bounds what is kept. The zero value is usable.
type Config struct {
	// MaxBytes bounds the events on disk. Default 16 GiB, less on a small disk.
	MaxBytes int64
	// SweepInterval is how often events past their retention are dropped. Default 15 s.
	SweepInterval time.Duration
}

// Topic keeps the events of all sources. Its methods may be called from any goroutine.
type Topic struct {
	cfg     Config
	log     *slog.Logger
	bus     *bus.Bus
	records *store.Store
	sync    func(ctx context.Context, stream string) error // of bus, unless a test watches

	stream jetstream.Stream // set by Open
	js     jetstream.JetStream
	reads  jetstream.JetStream // a connection of its own: a large read holds it up
	max    int64               // bytes that the stream may have; set by Open

	wanted atomic.Pointer[map[Source]bool]
	slots  chan struct{} // taken by each Publish of many

	greedy atomic.Pointer[map[string]bool] // projects that may publish no more for now
	hurry  rate.Sometimes                  // bounds how often refusals ask for room

	seed    maphash.Seed
	writing [cursorLocks]sync.Mutex // one is held while a cursor's record is written

	mu       sync.Mutex        // guards all below
	weights  map[string]weight // by subject
	queues   map[Source]queue
	cursors  map[string]*cursor
	watchers map[Source]map[chan struct{}]struct{}

	told  atomic.Uint64 // the latest sequence that watchers were woken for
	doubt atomic.Bool   // an event may be there that no one was woken for
	added atomic.Int64  // bytes written since the last look at the room
	short chan struct{} // asks for room before its time
}

// New makes a topic over records of bus.BucketResources, which must be open when the
// topic is. It opens nothing.
func New(cfg Config, log *slog.Logger, b *bus.Bus, records *store.Store) *Topic {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = bytesDefault
	}
	if cfg.SweepInterval <= 0 {
		cfg.SweepInterval = sweepInterval
	}
	t := &Topic{
		cfg: cfg, log: log, bus: b, records: records, sync: b.Sync,
		slots:    make(chan struct{}, publishersMax),
		hurry:    rate.Sometimes{Interval: fullRetry},
		weights:  make(map[string]weight),
		queues:   make(map[Source]queue),
		seed:     maphash.MakeSeed(),
		cursors:  make(map[string]*cursor),
		watchers: make(map[Source]map[chan struct{}]struct{}),
		short:    make(chan struct{}, 1),
	}
	t.wanted.Store(&map[Source]bool{})
	return t
}

// Open opens the stream and loads queues and cursors.
func (t *Topic) Open(ctx context.Context) error {
	if err := t.openStream(ctx); err != nil {
		return err
	}
	js, err := t.bus.Bulk()
	if err != nil {
		return err
	}
	t.js = js
	if t.reads, err = t.bus.Reads(); err != nil {
		return err
	}
	if err := t.loadQueues(ctx); err != nil {
		return err
	}
	if err := t.loadCursors(ctx); err != nil {
		return err
	}
	info, err := t.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at events: %w", err)
	}
	t.told.Store(info.State.LastSeq)
	return t.holdBack(ctx, info.State.LastSeq)
}

// openStream opens the stream, smaller than configured where the disk is.
func (t *Topic) openStream(ctx context.Context) error {
	stream, err := t.bus.Stream(ctx, eventStream(t.cfg.MaxBytes))
	if err != nil {
		return err
	}
	t.stream, t.max = stream, stream.CachedInfo().Config.MaxBytes
	return nil
}

func eventStream(size int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        bus.StreamEvents,
		Subjects:    []string{subjectPrefix + ">"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    size,
		MaxAge:      RetentionMax,
		MaxMsgSize:  bus.MessageBytesMax,
		Duplicates:  DedupeWindow,
		AllowDirect: true,
	}
}

// Run drops what is past its retention, makes room and wakes watchers that were not,
// until ctx ends.
func (t *Topic) Run(ctx context.Context) error {
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { t.followQueues(ctx) })
	sweep, tail := time.NewTicker(t.cfg.SweepInterval), time.NewTicker(tailInterval)
	defer sweep.Stop()
	defer tail.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-tail.C:
			err = t.wakeStale(ctx)
		case <-sweep.C:
			err = errors.Join(t.expire(ctx), t.makeRoom(ctx))
		case <-t.short:
			err = t.makeRoom(ctx)
		}
		if err != nil && ctx.Err() == nil {
			t.log.Warn("events not swept", "error", err)
		}
	}
}

// Watch gives a channel that gets a value, at most one waits in it, after each event of
// the source.
func (t *Topic) Watch(s Source) (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers[s] == nil {
		t.watchers[s] = make(map[chan struct{}]struct{})
	}
	t.watchers[s][ch] = struct{}{}
	return ch, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers[s], ch)
		if len(t.watchers[s]) == 0 {
			delete(t.watchers, s)
		}
	}
}

func (t *Topic) wake(s Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ch := range t.watchers[s] {
		select {
		case ch <- struct{}{}:
		default: // it has one waiting
		}
	}
}

// wakeStale wakes everyone when the stream is longer than anyone was told.
func (t *Topic) wakeStale(ctx context.Context) error {
	told, doubt := t.told.Load(), t.doubt.Swap(false)
	info, err := t.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at events: %w", err)
	}
	if info.State.LastSeq <= told && !doubt {
		return nil
	}
	t.tell(info.State.LastSeq)
	t.mu.Lock()
	sources := make([]Source, 0, len(t.watchers))
	for s := range t.watchers {
		sources = append(sources, s)
	}
	t.mu.Unlock()
	for _, s := range sources {
		t.wake(s)
	}
	return nil
}

// tell notes that watchers of the event with that sequence were woken.
func (t *Topic) tell(seq uint64) {
	for {
		old := t.told.Load()
		if old >= seq || t.told.CompareAndSwap(old, seq) {
			return
		}
	}
}
