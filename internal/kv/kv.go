// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// ValueBytesMax bounds one value. Told as an event it grows by a third (base64), and
	// must still fit into a message of the bus, 1 MiB, and of a queue, 768 KiB.
	ValueBytesMax = 512 << 10
	// KeyBytesMax bounds a key. Escaped it may be three times as long, which the bus
	// still takes as a subject.
	KeyBytesMax = 512
	// TTLMin is the shortest that a value may be kept: whoever needs less has a variable.
	TTLMin = time.Second
	// TTLMax is the longest: a year, also a leap year. What stays longer stays for ever.
	TTLMax = 366 * 24 * time.Hour
	// contentTypeBytesMax bounds a media type; real ones have less than 128 bytes.
	contentTypeBytesMax = 255
	// bytesMax bounds what all values take: what VALUES may have of a disk.
	bytesMax = 8 << 30
	// keysMax bounds the index, which takes about 150 bytes of memory for each key.
	keysMax = 2_000_000
	// recordBytes is what a value costs beside its key and itself: headers, the
	// server's framing and index.
	recordBytes = 160
	// writeTimeout bounds one durable write. It takes microseconds; a caller that has
	// left does not cut it short, since then nobody would know what became of it.
	writeTimeout = 10 * time.Second
)

// Config bounds what is kept. Its zero value is usable.
type Config struct {
	// BytesMax bounds what all values take on disk. Default 8 GiB.
	BytesMax int64
	// KeysMax bounds how many values there are. Default 2,000,000.
	KeysMax int
	// Now tells the time by which values expire. Default time.Now.
	Now func() time.Time
}

// Bus is where values are kept.
type Bus interface {
	// Stream opens a stream, creating it when missing.
	Stream(context.Context, jetstream.StreamConfig) (jetstream.Stream, error)
	// JetStream is the connection for small, quick requests, Bulk that for much data.
	JetStream() (jetstream.JetStream, error)
	Bulk() (jetstream.JetStream, error)
	// Room refuses when there is none on the disk for what is new.
	Room() error
}

// Emitter takes events of changes to those who wait for them.
type Emitter interface {
	// Wants tells whether anybody waits for changes of that bucket.
	Wants(project dayfly.ProjectName, kind string, bucket dayfly.BucketName) bool
	// Emit returns when the event is durable.
	Emit(ctx context.Context, project dayfly.ProjectName, kind string, bucket dayfly.BucketName,
		e dayfly.Event) error
}

// Ref names a value.
type Ref struct {
	Project dayfly.ProjectName
	Bucket  dayfly.BucketName
	Key     string
}

// String gives BUCKET/KEY.
func (r Ref) String() string { return string(r.Bucket) + "/" + r.Key }

// Value is what is under a key.
type Value struct {
	Key         string
	Version     uint64
	Data        []byte
	ContentType string
	Modified    time.Time
	Expires     time.Time // zero: never
	Bytes       int       // of Data, also where Data was not asked for
}

// Values are the key-value records of all projects.
type Values struct {
	cfg     Config
	bus     Bus
	emitter Emitter
	log     *slog.Logger

	turns turns
	index *index
	debts *debts
	wake  chan struct{} // tells Run that something expires sooner, or is owed
	fault func(point string)

	mu       sync.RWMutex // guards all below
	stream   jetstream.Stream
	watching int
	watchers map[dayfly.ProjectName]int
}

// New makes the store of values. It opens nothing.
func New(cfg Config, bus Bus, emitter Emitter, log *slog.Logger) *Values {
	if cfg.BytesMax == 0 {
		cfg.BytesMax = bytesMax
	}
	if cfg.KeysMax == 0 {
		cfg.KeysMax = keysMax
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Values{cfg: cfg, bus: bus, emitter: emitter, log: log, turns: newTurns(),
		index: newIndex(), debts: newDebts(), wake: make(chan struct{}, 1),
		watchers: map[dayfly.ProjectName]int{}}
}

// Open opens the stream and reads which keys there are. There is nothing to close: the
// connection belongs to the bus.
func (v *Values) Open(ctx context.Context) error {
	if _, err := v.bus.Stream(ctx, bus.ValueStream()); err != nil {
		return err
	}
	js, err := v.bus.JetStream()
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, bus.StreamValues)
	if err != nil {
		return fmt.Errorf("open stream %s: %w", bus.StreamValues, err)
	}
	v.mu.Lock()
	v.stream = stream
	v.mu.Unlock()
	began := time.Now()
	if err := v.load(ctx, stream); err != nil {
		return fmt.Errorf("read values: %w", err)
	}
	keys, bytes := v.index.totals()
	v.log.Info("values opened", "keys", keys, "bytes", bytes, "owed", v.debts.count(),
		"took", time.Since(began))
	return nil
}

// Get gives a value, or an error of kind not_found.
func (v *Values) Get(ctx context.Context, ref Ref) (Value, error) {
	subject, err := subjectOf(ref)
	if err != nil {
		return Value{}, err
	}
	return v.read(ctx, ref, subject)
}

// read gives the newest value of a subject.
func (v *Values) read(ctx context.Context, ref Ref, subject string) (Value, error) {
	stream, err := v.opened()
	if err != nil {
		return Value{}, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return Value{}, explain("get", ref, err)
	}
	rec := decode(msg.Header)
	if rec.op != opPut || rec.expired(v.cfg.Now()) {
		return Value{}, notFound(ref)
	}
	return rec.value(ref.Key, msg), nil
}

// Last is the newest version of any value.
func (v *Values) Last() uint64 { return v.debts.last() }

func (v *Values) opened() (jetstream.Stream, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.stream == nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the values are not open")
	}
	return v.stream, nil
}

// at marks a point where a crash matters; only tests listen.
func (v *Values) at(point string) {
	if v.fault != nil {
		v.fault(point)
	}
}

func notFound(ref Ref) error {
	return dayfly.Errorf(dayfly.KindNotFound, "there is no value %s", ref)
}

// Error codes of the server that the client library has no name for.
const (
	codeResourcesExceeded   jetstream.ErrorCode = 10002
	codeInsufficient        jetstream.ErrorCode = 10023
	codeStorageExceeded     jetstream.ErrorCode = 10047
	codeStreamStoreFailed   jetstream.ErrorCode = 10077
	codeWrongLast           jetstream.ErrorCode = 10071
	codeWrongLastOfReplicas jetstream.ErrorCode = 10164
	retryWhenFull                               = 5 * time.Second
)

// explain gives err its kind; nil stays nil.
func explain(verb string, ref Ref, err error) error {
	var e *dayfly.Error
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return notFound(ref)
	case errors.As(err, &api):
		return explainCode(verb, ref, api)
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "%s value %s: %w", verb, ref, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return dayfly.Errorf(dayfly.KindTimeout, "%s value %s: %w", verb, ref, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrNoStreamResponse):
		return dayfly.Errorf(dayfly.KindUnavailable, "%s value %s: %w", verb, ref, err)
	}
	return fmt.Errorf("%s value %s: %w", verb, ref, err)
}

func explainCode(verb string, ref Ref, err *jetstream.APIError) error {
	switch err.ErrorCode {
	case codeWrongLast, codeWrongLastOfReplicas:
		return conflict("value %s was changed meanwhile", ref)
	case codeResourcesExceeded, codeInsufficient, codeStorageExceeded, codeStreamStoreFailed:
		return full("the disk has no room for value %s", ref)
	}
	return fmt.Errorf("%s value %s: %w", verb, ref, err)
}

// conflict is an error of a condition that does not hold.
func conflict(format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindConflict, format, args...)
	e.Err = dayfly.ErrCondition
	return e
}

// full is an error of a bound that is reached.
func full(format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindExhausted, format, args...)
	e.RetryAfter = retryWhenFull
	return e
}
