// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// scanAhead is how many heads of batches are asked for at once.
const scanAhead = 1000

// clockSlack allows for a clock that was set back between a line and its batch.
const clockSlack = time.Second

// past is one batch of the stream, not read yet.
type past struct {
	head
	seq      uint64
	at       time.Time          // when it was stored
	function dayfly.FunctionRef // zero for the shelf of strays
}

// history reads the stream for one query.
type history struct {
	log     *slog.Logger
	js      jetstream.JetStream
	stream  jetstream.Stream
	decoder *decoder
}

func (l *Logs) history() (*history, error) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if l.stream == nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the logs are not open")
	}
	d, err := newDecoder()
	if err != nil {
		return nil, err
	}
	return &history{l.log, l.js, l.stream, d}, nil
}

func (h *history) close() { h.decoder.close() }

// subjects gives where the function's batches are; the zero function stands for all.
func subjects(ref dayfly.FunctionRef) []string {
	if ref == (dayfly.FunctionRef{}) {
		return nil
	}
	return []string{subjectOf(ref), straySubject}
}

// scan gives the batches that were stored since then, oldest first, without reading
// them. A batch is stored after everything in it happened.
func (h *history) scan(
	ctx context.Context, ref dayfly.FunctionRef, since time.Time,
) ([]past, error) {
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects(ref), HeadersOnly: true,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if !since.IsZero() {
		start := since.Add(-clockSlack)
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &start
	}
	consumer, err := h.js.OrderedConsumer(ctx, bus.StreamLogs, cfg)
	if err != nil {
		return nil, fmt.Errorf("read log stream: %w", err)
	}
	if consumer.CachedInfo().NumPending == 0 {
		return nil, nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(scanAhead))
	if err != nil {
		return nil, fmt.Errorf("read log stream: %w", err)
	}
	defer messages.Stop()
	var found []past
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read log stream: %w", err)
		}
		at, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read log stream: %w", err)
		}
		head, err := parseHead(m.Headers().Get(headName))
		if err != nil {
			h.log.Error("log batch not understood", "sequence", at.Sequence.Stream, "error", err)
		} else {
			found = append(found, past{head, at.Sequence.Stream, at.Timestamp, functionOf(m.Subject())})
		}
		if at.NumPending == 0 {
			return found, nil
		}
	}
}

// scanBack gives batches of the function as scan does, going back in time, further with
// each step, until enough says so or there is no more, or nothing since then.
func (h *history) scanBack(
	ctx context.Context, ref dayfly.FunctionRef, since time.Time, enough func([]past) bool,
) ([]past, error) {
	for _, span := range []time.Duration{10 * time.Minute, 3 * time.Hour, 48 * time.Hour} {
		start := time.Now().Add(-span)
		if !since.IsZero() && start.Before(since) {
			break
		}
		found, err := h.scan(ctx, ref, start)
		if err != nil || enough(found) {
			return found, err
		}
	}
	return h.scan(ctx, ref, since)
}

// read gives what the batch holds, and nothing when it has aged away meanwhile or
// cannot be understood.
func (h *history) read(ctx context.Context, p past) (batch, error) {
	m, err := h.stream.GetMsg(ctx, p.seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return batch{}, nil
	}
	if err != nil {
		return batch{}, fmt.Errorf("read log batch: %w", err)
	}
	b, err := h.decoder.batch(m.Data)
	if err != nil {
		h.log.Error("log batch not understood", "sequence", p.seq, "error", err)
		return batch{}, nil
	}
	return b, nil
}

// find looks for the record of an invocation that is no longer in memory.
func (h *history) find(ctx context.Context, id dayfly.InvocationID) (*dayfly.Record, error) {
	began, ok := beganMillis(string(id))
	if !ok {
		return nil, nil
	}
	found, err := h.scan(ctx, dayfly.FunctionRef{}, time.UnixMilli(began))
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		if p.records == 0 || !p.mayHave(began) {
			continue
		}
		b, err := h.read(ctx, p)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(b.records, func(r *dayfly.Record) bool { return r.ID == id })
		if i >= 0 {
			return b.records[i], nil
		}
	}
	return nil, nil
}
