// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// subjectAll matches the subjects of all values.
	subjectAll = bus.SubjectValues + ".*.*.*"
	// consumerIdle is how long the server keeps a consumer that nobody asks: one whose
	// owner was killed. An idle watcher asks every few seconds.
	consumerIdle = time.Minute
	// watchBytes bounds what is on its way to one watcher.
	watchBytes = 2 << 20
	// watchersMax bounds watches: each is a consumer of the server. watchersOfOne bounds
	// those of one project.
	watchersMax   = 1000
	watchersOfOne = 200
	// idleDefault is how often a watcher hears that nothing happened.
	idleDefault = 15 * time.Second
)

// Op says what a Change tells.
type Op string

// The operations.
const (
	OpOpened  Op = "opened"  // the watch has begun: changes after this version follow
	OpPut     Op = "put"     // the value is this now
	OpDeleted Op = "deleted" // it is gone
	OpIdle    Op = "idle"    // nothing happened for a while
)

// Change is one thing that a watcher is told.
type Change struct {
	Op      Op
	Expired bool // it is gone because its time had passed
	Value        // without data when it is gone
}

// WatchQuery chooses what a watcher is told.
type WatchQuery struct {
	Prefix string
	// After continues a watch: the last version that its caller has seen. Zero begins
	// one with what changes from now on.
	After uint64
	// All begins with every value there is.
	All bool
	// Idle is how often the watcher hears that nothing happened. Default 15 s.
	Idle time.Duration
}

// Watch tells fn of changes in the order of their versions, from one goroutine, until
// ctx ends or fn fails, and gives why. A watch that cannot be continued without missing
// deletions is a conflict: list, and begin anew.
func (v *Values) Watch(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName, q WatchQuery,
	fn func(Change) error,
) error {
	if err := checkBucket(p, b); err != nil {
		return err
	}
	now := v.Last()
	start, err := v.start(q, now)
	if err != nil {
		return err
	}
	if !v.enter(p) {
		return full("too many watch values already")
	}
	defer v.leave(p)
	messages, err := v.records(ctx, subjectPrefix(p, b)+"*", jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start + 1})
	if err != nil {
		return err
	}
	defer messages.Stop()
	if err := fn(Change{Op: OpOpened, Value: Value{Version: start}}); err != nil {
		return err
	}
	if q.Idle <= 0 {
		q.Idle = idleDefault
	}
	for {
		change, err := v.next(ctx, messages, q.Idle)
		if err != nil {
			return err
		}
		old := q.All && change.Op == OpDeleted && change.Version <= now
		if old || change.Op == "" || change.Op != OpIdle && !strings.HasPrefix(change.Key, q.Prefix) {
			continue
		}
		if err := fn(change); err != nil {
			return err
		}
	}
}

// enter counts a watcher, when there may be one more.
func (v *Values) enter(p dayfly.ProjectName) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.watching >= watchersMax || v.watchers[p] >= watchersOfOne {
		return false
	}
	v.watching++
	v.watchers[p]++
	return true
}

func (v *Values) leave(p dayfly.ProjectName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watching--
	if v.watchers[p]--; v.watchers[p] == 0 {
		delete(v.watchers, p)
	}
}

// start gives the version after which a watch begins.
func (v *Values) start(q WatchQuery, now uint64) (uint64, error) {
	switch {
	case q.All:
		return 0, nil
	case q.After == 0:
		return now, nil
	case q.After > now:
		return 0, conflict("version %d is newer than all there is (%d)", q.After, now)
	case !v.index.watchable(q.After):
		return 0, conflict("deletions after version %d may be forgotten already", q.After)
	}
	return q.After, nil
}

// next waits for a change; one without an operation is of no interest.
func (v *Values) next(
	ctx context.Context, messages *records, idle time.Duration,
) (Change, error) {
	wait, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(wait))
	switch {
	case ctx.Err() != nil:
		return Change{}, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return Change{Op: OpIdle}, nil
	case err != nil:
		return Change{}, dayfly.Errorf(dayfly.KindUnavailable, "the watch broke off: %w", err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return Change{}, fmt.Errorf("read record: %w", err)
	}
	ref, ok := parseSubject(msg.Subject())
	if !ok {
		return Change{}, nil
	}
	rec := decode(msg.Headers())
	change := Change{Op: OpPut, Value: Value{Key: ref.Key, Version: meta.Sequence.Stream,
		ContentType: rec.contentType, Modified: meta.Timestamp.UTC(), Expires: instant(rec.expires)}}
	if rec.op != opPut {
		change.Op, change.Expired = OpDeleted, rec.op == opExpired
		return change, nil
	}
	if rec.expired(v.cfg.Now()) {
		return Change{}, nil // its deletion follows
	}
	change.Data, change.Bytes = msg.Data(), len(msg.Data())
	return change, nil
}

// records are messages of VALUES, in order.
type records struct {
	jetstream.MessagesContext
	pending uint64 // when it began
}

// records reads a subject. It uses the connection for much data, so that a slow watcher
// holds up nothing else.
func (v *Values) records(
	ctx context.Context, subject string, cfg jetstream.OrderedConsumerConfig,
) (*records, error) {
	js, err := v.bus.Bulk()
	if err != nil {
		return nil, err
	}
	cfg.FilterSubjects, cfg.InactiveThreshold = []string{subject}, consumerIdle
	consumer, err := js.OrderedConsumer(ctx, bus.StreamValues, cfg)
	if err != nil {
		return nil, fmt.Errorf("read values: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(watchBytes))
	if err != nil {
		return nil, fmt.Errorf("read values: %w", err)
	}
	r := &records{MessagesContext: messages}
	if info := consumer.CachedInfo(); info != nil {
		r.pending = info.NumPending
	}
	return r, nil
}
