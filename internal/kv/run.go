// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// tidyPeriod is how often Run looks after what is not urgent. It is also how long
	// the events of a crash may have to be told again.
	tidyPeriod = time.Second
	// dueAtOnce bounds what expires in one go, so that other chores get their turn.
	dueAtOnce = 1000
	// loadStall is how long reading the keys may make no progress at all.
	loadStall = time.Minute
)

// Run deletes what has expired, tells what is owed and forgets old deletions, until ctx
// ends.
func (v *Values) Run(ctx context.Context) error {
	tick := time.NewTicker(tidyPeriod)
	defer tick.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	defer v.writeFloor(context.WithoutCancel(ctx))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.wake:
		case <-due.C:
		case <-tick.C:
			v.tidy(ctx)
		}
		if err := v.expire(ctx); err != nil && ctx.Err() == nil {
			v.log.Warn("expired values were not deleted", "error", err)
		}
		if at, ok := v.index.next(); ok {
			due.Reset(max(at.Sub(v.cfg.Now()), time.Millisecond))
		}
	}
}

// tidy does what can wait. What cannot be told now is tried again the next time.
func (v *Values) tidy(ctx context.Context) {
	if err := v.settleAll(ctx); err != nil && ctx.Err() == nil {
		v.log.Warn("events of values are owed", "count", v.debts.count(), "error", err)
	}
	v.writeFloor(ctx)
	if err := v.forgetDeletions(ctx); err != nil && ctx.Err() == nil {
		v.log.Warn("old deletions were not forgotten", "error", err)
	}
}

// expire deletes values whose time has passed.
func (v *Values) expire(ctx context.Context) error {
	for {
		list := v.index.due(v.cfg.Now(), dueAtOnce)
		for _, d := range list {
			if err := v.expireOne(ctx, d); err != nil {
				return err
			}
		}
		if len(list) < dueAtOnce {
			return nil
		}
	}
}

func (v *Values) expireOne(ctx context.Context, d deadline) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	c, end, err := v.change(ctx, d.ref)
	if err != nil {
		return err
	}
	defer end()
	if c.now.version != d.version {
		return nil // it was written again meanwhile
	}
	_, err = v.commit(ctx, c, record{op: opExpired}, nil)
	return err
}

// forgetDeletions removes the records of deletions that are old or too many.
func (v *Values) forgetDeletions(ctx context.Context) error {
	for range dueAtOnce {
		m, ok := v.index.stale(v.cfg.Now())
		if !ok {
			return nil
		}
		if err := v.forgetDeletion(ctx, m); err != nil {
			return err
		}
	}
	v.nudge()
	return nil
}

func (v *Values) forgetDeletion(ctx context.Context, m marker) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	end, err := v.turns.take(ctx, m.subject)
	if err != nil {
		return err
	}
	defer end()
	if err := v.settle(ctx, m.subject); err != nil {
		return err
	}
	stream, err := v.opened()
	if err != nil {
		return err
	}
	// A crash may have kept the record from removing what it replaced, which must not be
	// the newest one when the record goes.
	v.at("before removal")
	err = stream.Purge(ctx, jetstream.WithPurgeSubject(m.subject), jetstream.WithPurgeSequence(m.version))
	if err != nil {
		return fmt.Errorf("remove what deletion %d replaced: %w", m.version, err)
	}
	v.at("before forgetting")
	err = stream.DeleteMsg(ctx, m.version)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("forget deletion %d: %w", m.version, err)
	}
	v.at("after forgetting")
	v.index.unmark(m)
	return nil
}

// writeFloor records up to where all was told, when that has moved. Losing it costs
// repeats after a crash, nothing else.
func (v *Values) writeFloor(ctx context.Context) {
	floor, moves := v.debts.floor()
	if !moves {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	js, err := v.bus.JetStream()
	if err == nil {
		v.at("before floor")
		_, err = js.PublishMsg(ctx, &nats.Msg{Subject: bus.SubjectValuesFloor,
			Data:   strconv.AppendUint(nil, floor, 10),
			Header: nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}}})
		v.at("after floor")
	}
	if err != nil {
		v.log.Warn("floor of values was not recorded", "error", err)
		return
	}
	v.debts.store(floor)
}

// readFloor gives the version up to which all was told.
func readFloor(ctx context.Context, stream jetstream.Stream) (uint64, error) {
	msg, err := stream.GetLastMsgForSubject(ctx, bus.SubjectValuesFloor)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read floor: %w", err)
	}
	return strconv.ParseUint(string(msg.Data), 10, 64)
}

// load reads the headers of every record into the index.
func (v *Values) load(ctx context.Context, stream jetstream.Stream) error {
	floor, err := readFloor(ctx, stream)
	if err != nil {
		return err
	}
	v.debts.store(floor)
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at stream: %w", err)
	}
	v.debts.saw(info.State.LastSeq)
	defer func() { v.index.settleFloor(info.State.LastSeq) }()
	messages, err := v.records(ctx, subjectAll, jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return err
	}
	defer messages.Stop()
	if messages.pending == 0 {
		return nil
	}
	for {
		wait, cancel := context.WithTimeout(ctx, loadStall)
		msg, err := messages.Next(jetstream.NextContext(wait))
		cancel()
		if err != nil {
			return fmt.Errorf("read record: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read record: %w", err)
		}
		v.loadOne(msg, meta, floor)
		if meta.NumPending == 0 {
			return nil
		}
	}
}

func (v *Values) loadOne(msg jetstream.Msg, meta *jetstream.MsgMetadata, floor uint64) {
	subject := msg.Subject()
	ref, ok := parseSubject(subject)
	if !ok {
		v.log.Warn("record of no value was passed over", "subject", subject)
		return
	}
	rec, version := decode(msg.Headers()), meta.Sequence.Stream
	if rec.op == opPut {
		size, _ := strconv.Atoi(one(msg.Headers(), nats.MsgSize))
		v.index.put(ref, subject, entry{version: version, expires: rec.expires, bytes: int32(size)})
	} else {
		v.index.remove(ref, subject, version, meta.Timestamp)
	}
	if rec.owed && version > floor {
		v.debts.owe(debt{ref: ref, subject: subject, version: version})
	}
}
