// SPDX-License-Identifier: Apache-2.0

package retell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// behind is how far the journal may be behind the streams: its flushes come every
	// 200 ms and end within 5 s.
	behind = 10 * time.Second
	// messagesMax bounds what is read of one stream: ten seconds of work. Events further
	// on stay as the journal has them.
	messagesMax = 200_000
	// flushEach is after how many lives the journal is given time to write: it keeps 4,096
	// of one function.
	flushEach = 1_000
)

// Journal is where the lives of events are kept.
type Journal interface {
	// KeptUntil is when the journal was last written before this process began; zero when
	// it never was.
	KeptUntil() time.Time
	// Unended gives the lives that were going on then and of which this process has told
	// nothing.
	Unended(ctx context.Context) ([]*dayfly.EventInfo, error)
	// EventUnlessTold keeps a life unless this process has told of the event.
	EventUnlessTold(info *dayfly.EventInfo)
	FindEvent(ctx context.Context, id dayfly.EventID) (*dayfly.EventInfo, error)
	Flush(ctx context.Context)
}

// Deps are what is compared.
type Deps struct {
	Work, Later, Dead jetstream.Stream
	Journal           Journal
	Waits             func(dayfly.EventID) bool // it is in LATER
	IsCanceled        func(dayfly.EventID) bool // it was taken back
}

// run is one comparison.
type run struct {
	Deps
	since   time.Time // of what is older, the journal has heard
	unended map[dayfly.EventID]*dayfly.EventInfo
	told    int
}

// Run tells the journal what it missed.
func Run(ctx context.Context, d Deps) error {
	list, err := d.Journal.Unended(ctx)
	if err != nil {
		return fmt.Errorf("read lives that go on: %w", err)
	}
	r := &run{Deps: d, unended: make(map[dayfly.EventID]*dayfly.EventInfo, len(list))}
	if until := d.Journal.KeptUntil(); !until.IsZero() {
		r.since = until.Add(-behind)
	}
	oldest := r.since
	for _, info := range list {
		r.unended[info.ID] = info
		if accepted := info.Accepted.Add(-behind); accepted.Before(oldest) {
			oldest = accepted
		}
	}
	until, err := r.read(ctx, d.Work, oldest, r.waiting)
	if err != nil {
		return err
	}
	_, err = r.read(ctx, d.Later, r.since, func(e *work.Entry, _ time.Time) { r.tell(e.Info(dayfly.EventDelayed)) })
	if err != nil {
		return err
	}
	// Last: one that is in WORK too, since it was not removed in time, is executed again.
	_, err = r.read(ctx, d.Dead, r.since, func(e *work.Entry, _ time.Time) { r.tell(e.Info(dayfly.EventDead)) })
	if err != nil {
		return err
	}
	return r.vanished(ctx, until)
}

// waiting meets an event in WORK. What a crash left there of one that is in LATER too is
// passed over, as the lanes do.
func (r *run) waiting(e *work.Entry, at time.Time) {
	switch known := r.unended[e.ID]; {
	case r.Waits(e.ID):
		return
	case r.IsCanceled(e.ID):
		e.Ended = time.Now()
		r.tell(e.Info(dayfly.EventCanceled))
	case known != nil && known.State == dayfly.EventPending && len(known.Attempts) >= len(e.Attempts):
		delete(r.unended, e.ID) // the journal is right
	case known != nil || at.After(r.since):
		r.tell(e.Info(dayfly.EventPending))
	}
}

// tell gives the journal a life.
func (r *run) tell(info *dayfly.EventInfo) {
	delete(r.unended, info.ID)
	r.Journal.EventUnlessTold(info)
	r.told++
}

// vanished ends what is in no stream. WORK was read until then.
func (r *run) vanished(ctx context.Context, until time.Time) error {
	for id, info := range r.unended {
		if r.Waits(id) || info.Accepted.After(until) {
			continue
		}
		// It may have ended, and been written, since this began.
		now, err := r.Journal.FindEvent(ctx, id)
		if err != nil || !now.Ended.IsZero() {
			continue
		}
		ended := *now
		ended.State, ended.Ended = dayfly.EventDone, r.since.Add(behind)
		if ended.Ended.Before(ended.Accepted) {
			ended.Ended = ended.Accepted
		}
		if r.IsCanceled(id) {
			ended.State = dayfly.EventCanceled
		}
		r.tell(&ended)
		r.pace(ctx)
	}
	return context.Cause(ctx)
}

// pace lets the journal write what it was told.
func (r *run) pace(ctx context.Context) {
	if r.told >= flushEach {
		r.told = 0
		r.Journal.Flush(ctx)
	}
}

// read meets the entries that a stream was given since then, and gives until when it read.
func (r *run) read(ctx context.Context, stream jetstream.Stream, since time.Time,
	meet func(*work.Entry, time.Time),
) (until time.Time, err error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return until, bus.Explain("read stream of events", err)
	}
	seq, err := first(ctx, stream, info.State, since)
	if err != nil {
		return until, err
	}
	for range messagesMax {
		m, err := next(ctx, stream, seq)
		if err != nil {
			return until, err
		}
		if m == nil || m.Sequence > info.State.LastSeq {
			return time.Now(), nil // what came later, this process has told of
		}
		var e work.Entry
		if e.Unmarshal(m.Data) == nil && e.Post == nil {
			meet(&e, m.Time)
			r.pace(ctx)
		}
		seq, until = m.Sequence+1, m.Time.Add(-behind)
	}
	return until, nil
}

// first finds by halves the first message of a stream that is not older.
func first(ctx context.Context, stream jetstream.Stream, s jetstream.StreamState, since time.Time,
) (uint64, error) {
	low, high := s.FirstSeq, s.LastSeq+1
	for low < high && !since.IsZero() {
		middle := low + (high-low)/2
		m, err := next(ctx, stream, middle)
		switch {
		case err != nil:
			return 0, err
		case m == nil || m.Sequence >= high || !m.Time.Before(since):
			high = middle
		default:
			low = m.Sequence + 1
		}
	}
	return low, nil
}

// next gives the message of that sequence or the first after it, or nil.
func next(ctx context.Context, stream jetstream.Stream, seq uint64) (*jetstream.RawStreamMsg, error) {
	m, err := stream.GetMsg(ctx, max(seq, 1), jetstream.WithGetMsgSubject(">"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, bus.Explain("read event", err)
	}
	return m, nil
}
