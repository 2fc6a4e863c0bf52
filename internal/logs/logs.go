// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"hash/maphash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// Config bounds what is kept. The zero value is usable.
type Config struct {
	// RingLines is how many lines a function may have in memory, and how many it may
	// print between two flushes. Default 2000: 10,000 lines a second.
	RingLines int
	// RingRecords is how many records a function may have in memory. Default 1024.
	RingRecords int
	// RingEvents is how many events a function may have in memory. Default 4096.
	RingEvents int
	// MemoryBytes is what all lines and records in memory should take together; for
	// the length of a flush it may be twice that. One function gets at most an
	// eighth. Default 12 MiB.
	MemoryBytes int64
	// EventBytes is the same of events, which take no room from lines, nor lines from them.
	// One function gets at most a half. Default 8 MiB: 4 MiB are a second of the busiest.
	EventBytes int64
	// MaxBytes bounds the stream on disk, in compressed bytes. Default 256 MiB.
	MaxBytes int64
	// MaxAge bounds the age of what is in the stream. Default 7 days.
	MaxAge time.Duration
	// FlushInterval is how often lines and records go to the stream: what a crash may
	// cost. Default 200 ms.
	FlushInterval time.Duration
	// LineBytesMax bounds a line; a longer one is cut. Default 16 KiB, which is
	// also what guests send.
	LineBytesMax int
	// TotalsInterval is how often totals are stored. Default 5 s.
	TotalsInterval time.Duration
}

func (c *Config) fill() {
	setDefault(&c.RingLines, 2000)
	setDefault(&c.RingRecords, 1024)
	setDefault(&c.RingEvents, 4096)
	setDefault(&c.MemoryBytes, 12<<20)
	setDefault(&c.EventBytes, 8<<20)
	setDefault(&c.MaxBytes, 256<<20)
	setDefault(&c.MaxAge, 7*24*time.Hour)
	setDefault(&c.FlushInterval, 200*time.Millisecond)
	setDefault(&c.LineBytesMax, 16<<10)
	setDefault(&c.TotalsInterval, 5*time.Second)
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

const (
	// shardCount spreads the locks of the shelves' and the records' tables.
	shardCount = 16
	// shelvesPerShardMax bounds the functions that have something in memory to 4096,
	// 3 MiB of shelves. Beyond it the one idle for longest goes.
	shelvesPerShardMax = 256
	// evictSample is how many shelves are looked at to find one that is idle.
	evictSample = 8
	// functionShare is the part of the memory that one function may have: an eighth.
	functionShare = 8
	// recordBytesMax bounds what is kept of one record; a failure's payload and stack
	// go when it is larger.
	recordBytesMax = 64 << 10
	// closeTimeout bounds the last flush.
	closeTimeout = 5 * time.Second
)

// Logs keeps lines, records and events. Its methods may be called from any goroutine.
type Logs struct {
	cfg Config
	bus *bus.Bus
	log *slog.Logger

	seed    maphash.Seed
	shelves [shardCount]shelfShard
	index   [shardCount]indexShard
	strays  *shelf // of calls that reached no revision

	bytes      atomic.Int64 // cost of all lines and records on shelves
	eventBytes atomic.Int64 // and of all events
	count      atomic.Int64 // shelves
	tick       atomic.Uint64
	evicted    atomic.Int64 // latest time, in Unix nanoseconds, of what went with a shelf
	followers  atomic.Pointer[[]*follower]

	dirtyMu sync.Mutex // guards dirty; taken while holding a shelf's mu
	dirty   []*shelf
	kick    chan struct{} // asks for a flush before its time

	followMu sync.Mutex   // guards changes of followers
	totalsMu sync.RWMutex // guards totals
	totals   map[dayfly.FunctionRef]*totals

	flushMu sync.Mutex // guards the encoder and stored: one flush at a time
	encoder *encoder
	stored  map[dayfly.FunctionRef]Totals

	started time.Time        // of what is older, memory has nothing
	stream  jetstream.Stream // set by Open
	meter   jetstream.KeyValue
	js      jetstream.JetStream

	keptUntil time.Time // when the stream was last written before Open
}

type shelfShard struct {
	mu      sync.RWMutex // guards shelves
	shelves map[dayfly.FunctionRef]*shelf
}

type indexShard struct {
	mu      sync.Mutex // guards records, events; taken while holding a shelf's mu
	records map[dayfly.InvocationID]*dayfly.Record
	events  map[dayfly.EventID]*eventEntry
}

// New makes the logs. It opens nothing; lines and records that come before Open wait in
// memory.
func New(cfg Config, b *bus.Bus, log *slog.Logger) *Logs {
	cfg.fill()
	l := &Logs{
		cfg: cfg, bus: b, log: log,
		seed:    maphash.MakeSeed(),
		started: time.Now(),
		strays:  newShelf(dayfly.FunctionRef{}, straySubject, nil),
		kick:    make(chan struct{}, 1),
		totals:  make(map[dayfly.FunctionRef]*totals),
		stored:  make(map[dayfly.FunctionRef]Totals),
		encoder: newEncoder(),
	}
	for i := range shardCount {
		l.shelves[i].shelves = make(map[dayfly.FunctionRef]*shelf)
		l.index[i].records = make(map[dayfly.InvocationID]*dayfly.Record)
		l.index[i].events = make(map[dayfly.EventID]*eventEntry)
	}
	return l
}

// Open opens the stream and loads the totals.
func (l *Logs) Open(ctx context.Context) error {
	stream, err := l.bus.LogStream(ctx, bus.Bounds{Bytes: l.cfg.MaxBytes, Age: l.cfg.MaxAge})
	if err != nil {
		return err
	}
	meter, err := l.bus.KeyValue(ctx, bus.BucketMeter)
	if err != nil {
		return err
	}
	js, err := l.bus.Bulk()
	if err != nil {
		return err
	}
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.stream, l.meter, l.js = stream, meter, js
	if last := stream.CachedInfo().State; last.LastSeq > 0 {
		l.keptUntil = last.LastTime
	}
	return l.loadTotals(ctx)
}

// Run flushes until ctx ends.
func (l *Logs) Run(ctx context.Context) error {
	flush := time.NewTicker(l.cfg.FlushInterval)
	defer flush.Stop()
	totals := time.NewTicker(l.cfg.TotalsInterval)
	defer totals.Stop()
	for {
		select {
		case <-flush.C:
			l.flush(ctx)
			l.trim()
		case <-l.kick:
			l.flush(ctx)
		case <-totals.C:
			l.storeTotals(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// Close flushes what is left. The bus must still be open.
func (l *Logs) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	l.flush(ctx)
	l.storeTotals(ctx)
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	return l.encoder.close()
}

// Append keeps a line. It belongs to its function's shelf, which must have a valid name.
func (l *Logs) Append(line dayfly.LogLine) {
	if line.Function.Project == "" {
		line.Function.Project = dayfly.DefaultProject
	}
	if len(line.Text) > l.cfg.LineBytesMax {
		line.Text = cut(line.Text, l.cfg.LineBytesMax)
	}
	for {
		s := l.shelf(line.Function)
		if l.appendTo(s, line) {
			return
		}
	}
}

// appendTo reports false when the shelf was evicted meanwhile.
func (l *Logs) appendTo(s *shelf, line dayfly.LogLine) bool {
	cost := costOfLine(&line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false
	}
	l.touch(s)
	limit := l.limit(cost)
	if s.unkept() >= l.cfg.RingLines || s.unkeptBytes+cost > limit {
		s.dropped++
		return true
	}
	l.put(s, line, cost, limit)
	return true
}

// put adds a line to the shelf, making room for it. The caller holds the shelf's mu.
func (l *Logs) put(s *shelf, line dayfly.LogLine, cost, limit int64) {
	for s.lines.len() > 0 && (s.lines.len() >= l.cfg.RingLines || s.bytes+cost > limit) {
		l.bytes.Add(-s.popLine())
	}
	for s.records.len() > 0 && s.bytes+cost > limit {
		l.dropRecord(s)
	}
	number := s.lines.push(line)
	s.bytes += cost
	s.unkeptBytes += cost
	l.bytes.Add(cost)
	l.offer(s, &line, number)
}

// Record keeps the record of an invocation, which nobody may change any more, and
// counts it in the function's totals.
func (l *Logs) Record(rec *dayfly.Record) {
	cost := costOfRecord(rec)
	if cost > recordBytesMax {
		rec = clip(rec)
		cost = costOfRecord(rec)
	}
	for {
		s := l.strays
		if rec.Revision != "" {
			s = l.shelf(rec.Function)
		}
		if !l.recordTo(s, rec, cost) {
			continue
		}
		if s == l.strays && rec.Revision != "" && rec.Function.Validate() == nil {
			l.totalsOf(rec.Function).add(rec) // use counts, also without a shelf
		}
		return
	}
}

func (l *Logs) recordTo(s *shelf, rec *dayfly.Record, cost int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false
	}
	l.touch(s)
	if s.totals != nil {
		s.totals.add(rec)
	}
	limit := l.limit(cost)
	if cost > limit {
		s.lost++
		return true
	}
	// Records go before lines when there are too many of them, and after them when
	// bytes are short: a function that prints much is to stay explainable.
	for s.records.len() >= l.cfg.RingRecords {
		l.dropRecord(s)
	}
	for s.lines.len() > 0 && s.bytes+cost > limit {
		l.bytes.Add(-s.popLine())
	}
	for s.records.len() > 0 && s.bytes+cost > limit {
		l.dropRecord(s)
	}
	s.records.push(rec)
	s.bytes += cost
	l.bytes.Add(cost)
	l.remember(rec)
	if s.unkeptRecords() == l.cfg.RingRecords/2 {
		select {
		case l.kick <- struct{}{}:
		default: // it was asked already
		}
	}
	return true
}

// limit is how many bytes a shelf may have: an eighth of all, or an equal share of it
// when so much more would be too much.
func (l *Logs) limit(cost int64) int64 {
	if l.bytes.Load()+cost > l.cfg.MemoryBytes {
		return l.cfg.MemoryBytes / max(functionShare, l.count.Load()+1)
	}
	return l.cfg.MemoryBytes / functionShare
}

// touch notes that the shelf has something to flush. The caller holds the shelf's mu.
func (l *Logs) touch(s *shelf) {
	s.used = l.tick.Load()
	if s.dirty {
		return
	}
	s.dirty = true
	l.dirtyMu.Lock()
	defer l.dirtyMu.Unlock()
	l.dirty = append(l.dirty, s)
}

// cut shortens a line to so many bytes, at a character's boundary, and says so. The copy
// lets go of the rest.
func cut(text string, bytesMax int) string {
	suffix := "… (" + strconv.Itoa(len(text)) + " bytes, cut)"
	keep := bytesMax - len(suffix)
	if keep <= 0 {
		return strings.Clone(text[:bytesMax])
	}
	for keep > 0 && !utf8.RuneStart(text[keep]) {
		keep--
	}
	return text[:keep] + suffix
}

// clip gives a copy of the record without what makes it large.
func clip(r *dayfly.Record) *dayfly.Record {
	const textMax = 4 << 10
	short := func(text string) string {
		if len(text) > textMax {
			return cut(text, textMax)
		}
		return text
	}
	c := *r
	c.Path, c.Why, c.Error = short(c.Path), short(c.Why), short(c.Error)
	if len(c.Phases) > 64 {
		c.Phases = c.Phases[:64:64]
	}
	if r.Failure != nil {
		f := *r.Failure
		f.Type, f.Message = short(f.Type), short(f.Message)
		f.Payload, f.Stack = nil, []string{"(too large to keep)"}
		c.Failure = &f
	}
	return &c
}
