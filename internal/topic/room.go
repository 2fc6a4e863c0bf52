// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// highWater and lowWater say, in hundredths of the stream, from where on room is made
	// and how much is left then.
	highWater = 90
	lowWater  = 80
	// roomRounds bounds the attempts at room of one look: events differ in size, so each
	// is an estimate.
	roomRounds = 16
)

// retention gives how long events of the source are kept. Changes of buckets are kept
// as long as messages of which nobody says.
func (t *Topic) retention(s Source) time.Duration {
	if s.Kind != KindQueue {
		return RetentionDefault
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if q, ok := t.queues[s]; ok {
		return q.Retention
	}
	return RetentionDefault
}

// expire drops what is past its retention. A queue that has nothing old costs one
// request.
func (t *Topic) expire(ctx context.Context) error {
	now := time.Now()
	for _, q := range t.Queues("") {
		subject := QueueSource(q.Project, q.Name).subject()
		if err := t.expireSubject(ctx, subject, now.Add(-q.Retention)); err != nil {
			return err
		}
	}
	for _, kind := range []string{KindObject, KindValue} {
		pattern := subjectPrefix + "*." + kind + ".*"
		if err := t.expireSubject(ctx, pattern, now.Add(-RetentionDefault)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Topic) expireSubject(ctx context.Context, subject string, before time.Time) error {
	first, _, err := t.next(ctx, subject, 0)
	if err != nil || first.Sequence == 0 || !first.Stored.Before(before) {
		return err
	}
	// The first to keep, of whatever subject: sequences grow with time.
	end, err := t.FirstSince(ctx, before)
	if err != nil {
		return err
	}
	return t.purge(ctx, subject, end)
}

// FirstSince gives the sequence of the first event, of any source, that was stored at
// that time or later; one behind the last when there is none.
func (t *Topic) FirstSince(ctx context.Context, at time.Time) (uint64, error) {
	request := directRequest{Subject: subjectPrefix + ">", Start: &at, Batch: 1}
	first, _, err := t.find(ctx, request)
	if err != nil || first.Sequence > 0 {
		return first.Sequence, err
	}
	last, err := t.Last(ctx)
	return last + 1, err
}

// purge drops the events of a subject, all subjects for "", before the sequence end,
// which is above 1: the server takes smaller ones for none.
func (t *Topic) purge(ctx context.Context, subject string, end uint64) error {
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSequence(end)}
	if subject != "" {
		opts = append(opts, jetstream.WithPurgeSubject(subject))
	}
	if err := t.stream.Purge(ctx, opts...); err != nil {
		return fmt.Errorf("drop old events: %w", err)
	}
	return nil
}

// makeRoom drops the oldest events that every cursor has passed, when the stream is
// nearly full, until it is less so.
func (t *Topic) makeRoom(ctx context.Context) error {
	state, err := t.state(ctx)
	if err != nil {
		return err
	}
	if state.Bytes < share(t.max, highWater) {
		return t.judge(ctx, state)
	}
	began := state
	kept, err := t.kept(ctx)
	if err != nil {
		return err
	}
	end := state.FirstSeq
	for range roomRounds {
		if state.Bytes <= share(t.max, lowWater) {
			break
		}
		end = min(estimate(state, max(end, state.FirstSeq), share(t.max, lowWater)), began.LastSeq+1)
		if err := t.dropPassed(ctx, kept, end); err != nil {
			return err
		}
		if state, err = t.state(ctx); err != nil {
			return err
		}
		if end > began.LastSeq {
			break // nothing more may go
		}
	}
	if state.Bytes < began.Bytes {
		t.log.Warn("events dropped for want of room", "bytes_before", began.Bytes,
			"bytes", state.Bytes, "max_bytes", t.max)
	}
	return t.judge(ctx, state)
}

func (t *Topic) state(ctx context.Context) (jetstream.StreamState, error) {
	info, err := t.stream.Info(ctx)
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("look at events: %w", err)
	}
	return info.State, nil
}

func share(size int64, hundredths uint64) uint64 { return uint64(size) / 100 * hundredths }

// estimate gives the sequence before which events must go, those before from having
// been looked at, for the stream to have that many bytes, if all are of one size.
func estimate(state jetstream.StreamState, from, bytes uint64) uint64 {
	excess := float64(state.Bytes-bytes) / float64(state.Bytes)
	span := float64(state.LastSeq - from + 1)
	return from + uint64(span*excess) + 1
}

// kept gives, for each subject that some cursor is not through with, the first sequence
// that it has still to see.
func (t *Topic) kept(ctx context.Context) (map[string]uint64, error) {
	kept := make(map[string]uint64)
	for _, c := range t.Cursors() {
		subject := c.Source.subject()
		first, _, err := t.next(ctx, subject, c.Sequence+1)
		if err != nil {
			return nil, err
		}
		if old, ok := kept[subject]; first.Sequence > 0 && (!ok || first.Sequence < old) {
			kept[subject] = first.Sequence
		}
	}
	return kept, nil
}

// dropPassed drops what is before the sequence end and not kept.
func (t *Topic) dropPassed(ctx context.Context, kept map[string]uint64, end uint64) error {
	common := end
	for _, first := range kept {
		common = min(common, first)
	}
	if common > 1 { // of all subjects at once: this drops whole blocks
		if err := t.purge(ctx, "", common); err != nil {
			return err
		}
	}
	if common == end {
		return nil
	}
	info, err := t.stream.Info(ctx, jetstream.WithSubjectFilter(subjectPrefix+">"))
	if err != nil {
		return fmt.Errorf("list sources of events: %w", err)
	}
	for subject := range info.State.Subjects {
		limit := end
		if first, ok := kept[subject]; ok {
			limit = min(limit, first)
		}
		if limit <= max(common, 1) {
			continue
		}
		if err := t.purge(ctx, subject, limit); err != nil {
			return err
		}
	}
	return nil
}
