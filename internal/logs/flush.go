// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// headName is the message header with the head of a batch.
	headName = "Dayfly-Batch"
	// flushTimeout bounds waiting for the bus. What it has not taken by then is
	// given up: memory has it still, the past will not.
	flushTimeout = 5 * time.Second
	// unacknowledgedMax bounds the batches on their way.
	unacknowledgedMax = 64
	// marksMax is into how many parts the past of one function is cut: what it has too
	// much goes one part at a time.
	marksMax = 8
)

// flush sends what is new on every shelf to the stream.
func (l *Logs) flush(ctx context.Context) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if l.stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	l.dirtyMu.Lock()
	shelves := l.dirty
	l.dirty = nil
	l.dirtyMu.Unlock()

	sending := sender{js: l.js, room: l.bus.Room, stored: func(s *shelf, seq uint64, bytes int64) {
		l.keepShare(ctx, s, seq, bytes)
	}}
	for _, s := range shelves {
		l.flushShelf(ctx, s, &sending)
	}
	sending.wait(ctx, 0)
	if sending.failed > 0 {
		l.log.Warn("log batches lost", "count", sending.failed, "error", sending.err)
	}
}

// flushShelf packs what is new on the shelf and sends it.
func (l *Logs) flushShelf(ctx context.Context, s *shelf, sending *sender) {
	news := l.takeNews(s)
	send := func() {
		h, data := l.encoder.take()
		m := &nats.Msg{Subject: s.subject, Data: data, Header: nats.Header{headName: {h.String()}}}
		sending.send(ctx, s, m)
	}
	for i := range news.lines {
		l.encoder.line(news.firstLine+uint64(i), &news.lines[i])
		if l.encoder.full() {
			send()
		}
	}
	for _, r := range news.records {
		l.encoder.record(r)
		if l.encoder.full() {
			send()
		}
	}
	for _, e := range news.events {
		l.encoder.event(e)
		if l.encoder.full() {
			send()
		}
	}
	if !l.encoder.empty() {
		send()
	}
	if news.lost > 0 {
		l.log.Warn("records of invocations or events lost", "function", s.ref.String(), "count", news.lost)
	}
}

// news is what came to a shelf since the last flush.
type news struct {
	firstLine uint64
	lines     []dayfly.LogLine
	records   []*dayfly.Record
	events    []*dayfly.EventInfo
	lost      int
}

// takeNews gives what is new on the shelf, which is old from then on. Lines that were
// refused are told of in a line of their own.
func (l *Logs) takeNews(s *shelf) news {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = false
	if s.dropped > 0 {
		notice := dayfly.LogLine{
			Time: time.Now().UTC(), Function: s.ref, Stream: dayfly.StreamPlatform,
			Text: fmt.Sprintf("%d lines dropped: at most %d lines or %s are kept every %s",
				s.dropped, l.cfg.RingLines,
				dayfly.FormatBytes(l.cfg.MemoryBytes/functionShare), l.cfg.FlushInterval),
		}
		s.dropped = 0
		cost := costOfLine(&notice)
		l.put(s, notice, cost, l.cfg.MemoryBytes/functionShare)
		s.dropped = 0 // making room for the notice is not worth another
	}
	n := news{
		firstLine: s.linesKept, lines: s.lines.from(s.linesKept),
		records: s.records.from(s.recordsKept), lost: s.lost,
	}
	for _, entry := range s.events.from(s.eventsKept) {
		if entry.info != nil {
			n.events = append(n.events, entry.info)
		}
	}
	s.eventsKept = s.events.next
	s.linesKept, s.recordsKept, s.unkeptBytes, s.lost = s.lines.next, s.records.next, 0, 0
	return n
}

// mark is a part of what a function has in the stream: up to that message, so many bytes.
type mark struct {
	seq   uint64
	bytes int64
}

// keepShare notes that a batch was stored, and drops the oldest of the function's when it
// has more than an eighth of the stream: its own flood must not age others away. The caller
// holds flushMu. What was stored before the start of the process is not counted.
func (l *Logs) keepShare(ctx context.Context, s *shelf, seq uint64, bytes int64) {
	share := l.cfg.MaxBytes / functionShare
	s.markedBytes += bytes
	if last := len(s.marks) - 1; last >= 0 && s.marks[last].bytes < share/marksMax {
		s.marks[last] = mark{seq, s.marks[last].bytes + bytes}
	} else {
		s.marks = append(s.marks, mark{seq, bytes})
	}
	var drop uint64
	for s.markedBytes > share && len(s.marks) > 1 {
		drop = s.marks[0].seq
		s.markedBytes -= s.marks[0].bytes
		s.marks = slices.Delete(s.marks, 0, 1)
	}
	if drop == 0 {
		return
	}
	err := l.stream.Purge(ctx, jetstream.WithPurgeSubject(s.subject),
		jetstream.WithPurgeSequence(drop+1))
	if err != nil {
		l.log.Warn("old log batches not dropped", "function", s.ref.String(), "error", err)
	}
}

// sender sends messages without waiting for each, but never many unacknowledged.
type sender struct {
	js      jetstream.JetStream
	room    func() error                            // refuses when the disk is full
	stored  func(s *shelf, seq uint64, bytes int64) // told of each that was acknowledged
	waiting []sent
	failed  int
	err     error // of the last that failed
}

// sent is a message on its way.
type sent struct {
	jetstream.PubAckFuture
	shelf *shelf
}

func (s *sender) send(ctx context.Context, from *shelf, m *nats.Msg) {
	s.wait(ctx, unacknowledgedMax-1)
	if err := s.room(); err != nil {
		s.fail(err)
		return
	}
	future, err := s.js.PublishMsgAsync(m)
	if err != nil {
		s.fail(err)
		return
	}
	s.waiting = append(s.waiting, sent{future, from})
}

// wait waits until no more than so many messages are unacknowledged.
func (s *sender) wait(ctx context.Context, most int) {
	for len(s.waiting) > most {
		first := s.waiting[0]
		s.waiting = s.waiting[1:]
		select {
		case ack := <-first.Ok():
			s.stored(first.shelf, ack.Sequence, int64(len(first.Msg().Data)))
		case err := <-first.Err():
			s.fail(err)
		case <-ctx.Done():
			s.fail(context.Cause(ctx))
		}
	}
}

func (s *sender) fail(err error) {
	s.failed++
	s.err = err
}
