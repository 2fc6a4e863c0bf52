// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// ReadMax bounds the events of one Read, and pageBytesMax their bytes, but for the
	// last event, which may pass it.
	ReadMax      = 1000
	pageBytesMax = 4 << 20
	// readTimeout bounds one Read; the server answers within milliseconds.
	readTimeout = 15 * time.Second
	// directGet is the subject on which the server gives events of the stream.
	directGet = "$JS.API.DIRECT.GET." + bus.StreamEvents
)

// Message is an event as it is kept. Sequence orders the events of all sources.
type Message struct {
	Sequence uint64       `json:"sequence"`
	Stored   time.Time    `json:"stored"`
	Event    dayfly.Event `json:"event"`
}

// Page is what one Read found.
type Page struct {
	Messages []Message
	// Next is the sequence to go on from: behind the last event that was looked at.
	Next uint64
	// Pending is how many events of the source are behind those.
	Pending uint64
	// Damaged counts events that were not understood and are left out.
	Damaged int
}

// From says where a Read begins: at a sequence, or at a time when that is set.
type From struct {
	Sequence uint64
	Time     time.Time
}

// Read gives events of the source in their order, at most limit of them. No events and
// nothing pending is the end for now.
func (t *Topic) Read(ctx context.Context, s Source, from From, limit int) (Page, error) {
	if err := s.check(); err != nil {
		return Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	request := directRequest{Sequence: max(from.Sequence, 1), Subject: s.subject(),
		Batch: min(max(limit, 1), ReadMax), MaxBytes: pageBytesMax}
	if !from.Time.IsZero() {
		request.Sequence, request.Start = 0, &from.Time
	}
	page := Page{Next: from.Sequence}
	expired := time.Now().Add(-t.retention(s))
	err := t.direct(ctx, request, func(m *nats.Msg) error {
		stored, sequence, err := place(m)
		if err != nil {
			return err
		}
		page.Next = sequence + 1
		if stored.Before(expired) {
			return nil // the sweep is about to take it
		}
		event, err := decode(m.Header, m.Data)
		if err != nil {
			page.Damaged++
			return nil
		}
		page.Messages = append(page.Messages, Message{sequence, stored, event})
		return nil
	}, &page.Pending)
	if err != nil {
		return Page{}, fmt.Errorf("read events of %s: %w", s, err)
	}
	return page, nil
}

// directRequest is the server's API for reading without a consumer.
type directRequest struct {
	Sequence uint64     `json:"seq,omitempty"`
	Start    *time.Time `json:"start_time,omitempty"`
	Subject  string     `json:"next_by_subj"`
	Batch    int        `json:"batch"`
	MaxBytes int        `json:"max_bytes,omitempty"`
}

// direct tells fn of each message that the request finds and then how many are pending.
func (t *Topic) direct(
	ctx context.Context, request directRequest, fn func(*nats.Msg) error, pending *uint64,
) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	conn := t.reads.Conn()
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("await answer: %w", err)
	}
	// Its only error is that the connection is closed.
	defer func() { _ = sub.Unsubscribe() }()
	if err := conn.PublishRequest(directGet, inbox, body); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return fmt.Errorf("await message: %w", err)
		}
		switch status := m.Header.Get("Status"); {
		case status == "404": // nothing found
			return nil
		case status == "204": // the end of the batch
			*pending, err = strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
			return err
		case status != "":
			return fmt.Errorf("the server answers %s %s", status, m.Header.Get("Description"))
		}
		if err := fn(m); err != nil {
			return err
		}
	}
}

// place reads where in the stream a message is.
func place(m *nats.Msg) (stored time.Time, sequence uint64, err error) {
	sequence, err = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return stored, 0, fmt.Errorf("read sequence: %w", err)
	}
	stored, err = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return stored, 0, fmt.Errorf("read time: %w", err)
	}
	return stored, sequence, nil
}

// Stats is what there is of one source.
type Stats struct {
	Messages uint64    `json:"messages"`
	First    uint64    `json:"first,omitempty"` // sequence of the oldest
	Oldest   time.Time `json:"oldest,omitzero"` // when it was stored
	Newest   time.Time `json:"newest,omitzero"` // when the newest was
	Last     uint64    `json:"last,omitempty"`  // its sequence
}

// Stats tells how much of the source is kept.
func (t *Topic) Stats(ctx context.Context, s Source) (Stats, error) {
	if err := s.check(); err != nil {
		return Stats{}, err
	}
	first, pending, err := t.next(ctx, s.subject(), 0)
	if err != nil || first.Sequence == 0 {
		return Stats{}, err
	}
	stats := Stats{Messages: pending + 1, First: first.Sequence, Oldest: first.Stored}
	last, err := t.stream.GetLastMsgForSubject(ctx, s.subject())
	if err != nil {
		return Stats{}, fmt.Errorf("look at newest event of %s: %w", s, err)
	}
	stats.Last, stats.Newest = last.Sequence, last.Time
	return stats, nil
}

// Behind tells how many events of the source are behind a sequence, and when the first
// of them was stored.
func (t *Topic) Behind(
	ctx context.Context, s Source, sequence uint64,
) (count uint64, since time.Time, err error) {
	if err := s.check(); err != nil {
		return 0, since, err
	}
	first, pending, err := t.next(ctx, s.subject(), sequence+1)
	if err != nil || first.Sequence == 0 {
		return 0, since, err
	}
	return pending + 1, first.Stored, nil
}

// Last gives the sequence of the newest event of all sources.
func (t *Topic) Last(ctx context.Context) (uint64, error) {
	info, err := t.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at events: %w", err)
	}
	return info.State.LastSeq, nil
}

// next gives the place of the first message of subject, which may have wildcards, from
// a sequence on, and how many follow it. One of sequence 0 says that there is none.
func (t *Topic) next(
	ctx context.Context, subject string, sequence uint64,
) (first Message, pending uint64, err error) {
	return t.find(ctx, directRequest{Sequence: max(sequence, 1), Subject: subject, Batch: 1})
}

// find gives the place of the one message that the request asks for.
func (t *Topic) find(
	ctx context.Context, request directRequest,
) (first Message, pending uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err = t.direct(ctx, request, func(m *nats.Msg) (err error) {
		first.Stored, first.Sequence, err = place(m)
		return err
	}, &pending)
	if err != nil {
		return first, 0, fmt.Errorf("look for events of %s: %w", request.Subject, err)
	}
	return first, pending, nil
}
