// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// kindValues is what the Emitter calls changes of values.
const kindValues = "kv"

// emit tells of a recorded change, and notes that it was told.
func (v *Values) emit(
	ctx context.Context, o debt, rec record, at time.Time, data []byte,
) error {
	e, err := event(o, rec, at, data)
	if err != nil {
		return err
	}
	v.at("before emit")
	if err := v.emitter.Emit(ctx, o.ref.Project, kindValues, o.ref.Bucket, e); err != nil {
		return fmt.Errorf("tell of value %s: %w", o.ref, err)
	}
	v.at("after emit")
	v.debts.paid(o.subject, o.version)
	return nil
}

// event describes a change. Its identity is made of the version, so that a repeat is
// known for one.
func event(o debt, rec record, at time.Time, data []byte) (dayfly.Event, error) {
	e := dayfly.Event{
		ID:     fmt.Sprintf("%016x", o.version),
		Source: "/projects/" + string(o.ref.Project) + "/kv/" + string(o.ref.Bucket),
		Type:   dayfly.EventValuePut, Subject: o.ref.Key, Time: at.UTC(), ContentType: "application/json",
		Extensions: map[string]string{dayfly.ExtensionKey: o.ref.Key},
	}
	told := dayfly.ValueData{Bucket: string(o.ref.Bucket), Key: o.ref.Key, Version: o.version,
		Value: data, ContentType: rec.contentType, Expired: rec.op == opExpired}
	if rec.op != opPut {
		e.Type = dayfly.EventValueDeleted
	}
	var err error
	if e.Data, err = json.Marshal(told); err != nil {
		return e, fmt.Errorf("describe value %s: %w", o.ref, err)
	}
	return e, nil
}

// settle tells what is owed for a subject, whose turn is held.
func (v *Values) settle(ctx context.Context, subject string) error {
	o, ok := v.debts.of(subject)
	if !ok {
		return nil
	}
	stream, err := v.opened()
	if err != nil {
		return err
	}
	msg, err := stream.GetMsg(ctx, o.version)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		v.log.Error("event of a value is lost: its record is gone", "value", o.ref.String(), "version", o.version)
		v.debts.paid(subject, o.version)
		return nil
	}
	if err != nil {
		return explain("read", o.ref, err)
	}
	if err := v.emit(ctx, o, decode(msg.Header), msg.Time, msg.Data); err != nil {
		e := dayfly.Errorf(dayfly.KindUnavailable,
			"the last change of value %s could not be told yet: %w", o.ref, err)
		e.RetryAfter = retryWhenFull
		return e
	}
	return nil
}

// settleAll tells what is owed, oldest first, until one cannot be told.
func (v *Values) settleAll(ctx context.Context) error {
	for _, o := range v.debts.list() {
		if err := v.settleOne(ctx, o.subject); err != nil {
			return err
		}
	}
	return nil
}

func (v *Values) settleOne(ctx context.Context, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	end, err := v.turns.take(ctx, subject)
	if err != nil {
		return err
	}
	defer end()
	return v.settle(ctx, subject)
}
