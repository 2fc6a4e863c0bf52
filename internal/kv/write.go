// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// Condition says when a change may happen. The zero value is always.
type Condition struct {
	// Version, when not 0, is the one that the value must have.
	Version uint64
	// Absent wants that there is no value.
	Absent bool
}

// PutOptions say how a value is kept.
type PutOptions struct {
	ContentType string
	// TTL is how long the value is kept; 0: for ever.
	TTL time.Duration
	If  Condition
}

// change is a write under way, while its key has its turn.
type change struct {
	ref     Ref
	subject string
	now     entry  // what there is
	there   bool   // whether there is a value that has not expired
	last    uint64 // version of the last record of the subject; 0: none
}

// Put writes a value in place of what was there, and gives it without its data. A
// condition that does not hold is a conflict.
func (v *Values) Put(ctx context.Context, ref Ref, data []byte, o PutOptions) (Value, error) {
	if err := checkPut(data, o); err != nil {
		return Value{}, err
	}
	c, end, err := v.change(ctx, ref)
	if err != nil {
		return Value{}, err
	}
	defer end()
	if err := c.meets(o.If); err != nil {
		return Value{}, err
	}
	rec := record{contentType: o.ContentType}
	if o.TTL > 0 {
		rec.expires = v.cfg.Now().Add(o.TTL).UnixMilli()
	}
	return v.put(ctx, c, rec, data)
}

// Delete removes a value and gives the version of the deletion. A value that is not there
// is not_found; a version other than the one wanted is a conflict, 0 wants any.
func (v *Values) Delete(ctx context.Context, ref Ref, version uint64) (uint64, error) {
	c, end, err := v.change(ctx, ref)
	if err != nil {
		return 0, err
	}
	defer end()
	if !c.there && version == 0 {
		return 0, notFound(ref)
	}
	if err := c.meets(Condition{Version: version}); err != nil {
		return 0, err
	}
	return v.commit(ctx, c, record{op: opDeleted}, nil)
}

// IncrementOptions say how a counter changes.
type IncrementOptions struct {
	By int64
	// TTL is for a counter that is made now; one that is there keeps what it has.
	TTL time.Duration
}

// Increment adds to the whole number that a value holds, as decimal text; a value that
// is not there counts as 0. It gives the sum and the value.
func (v *Values) Increment(ctx context.Context, ref Ref, o IncrementOptions) (int64, Value, error) {
	if err := checkTTL(o.TTL); err != nil {
		return 0, Value{}, err
	}
	c, end, err := v.change(ctx, ref)
	if err != nil {
		return 0, Value{}, err
	}
	defer end()
	var have int64
	rec := record{contentType: "text/plain"}
	if c.there {
		old, err := v.read(ctx, ref, c.subject)
		if err != nil && dayfly.KindOf(err) != dayfly.KindNotFound { // it may expire just now
			return 0, Value{}, err
		}
		if have, err = number(ref, old); err != nil {
			return 0, Value{}, err
		}
		rec.contentType, rec.expires = old.ContentType, c.now.expires
	} else if o.TTL > 0 {
		rec.expires = v.cfg.Now().Add(o.TTL).UnixMilli()
	}
	if o.By > 0 && have > math.MaxInt64-o.By || o.By < 0 && have < math.MinInt64-o.By {
		return 0, Value{}, dayfly.Errorf(dayfly.KindInvalid,
			"%d and %d make more than 64 bits hold, in value %s", have, o.By, ref)
	}
	sum := have + o.By
	value, err := v.put(ctx, c, rec, strconv.AppendInt(nil, sum, 10))
	return sum, value, err
}

// number reads a counter; no value at all is 0.
func number(ref Ref, value Value) (int64, error) {
	if value.Version == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(value.Data), 10, 64)
	if err != nil {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "value %s is %.40q, not a whole number", ref,
			value.Data).WithHint("an increment works on what increments made, or on decimal text")
	}
	return n, nil
}

// change takes the turn of a key and finds what there is; end gives the turn back. What
// is owed for the key is told before anything new happens to it.
func (v *Values) change(ctx context.Context, ref Ref) (change, func(), error) {
	subject, err := subjectOf(ref)
	if err != nil {
		return change{}, nil, err
	}
	end, err := v.turns.take(ctx, subject)
	if err != nil {
		return change{}, nil, explain("change", ref, err)
	}
	if err := v.settle(ctx, subject); err != nil {
		end()
		return change{}, nil, err
	}
	return v.look(ref, subject), end, nil
}

func (v *Values) look(ref Ref, subject string) change {
	c := change{ref: ref, subject: subject}
	c.now, c.there, c.last = v.index.find(ref, subject)
	c.there = c.there && !c.now.expired(v.cfg.Now())
	return c
}

// meets reports a condition that does not hold.
func (c change) meets(want Condition) error {
	switch {
	case want.Absent && c.there:
		return conflict("value %s exists already, at version %d", c.ref, c.now.version)
	case want.Version != 0 && !c.there:
		return conflict("value %s does not exist, so it has no version %d", c.ref, want.Version)
	case want.Version != 0 && c.now.version != want.Version:
		return conflict("value %s is at version %d, not %d", c.ref, c.now.version, want.Version)
	}
	return nil
}

// put commits a value when there is room for it.
func (v *Values) put(ctx context.Context, c change, rec record, data []byte) (Value, error) {
	keys, bytes := v.index.room(c.ref, len(data))
	if keys > v.cfg.KeysMax {
		return Value{}, full("there are %d values already, the most of this node", keys-1)
	}
	if bytes > v.cfg.BytesMax {
		return Value{}, full("the values of this node would take %s, more than the %s that they may",
			dayfly.FormatBytes(bytes), dayfly.FormatBytes(v.cfg.BytesMax))
	}
	if err := v.bus.Room(); err != nil {
		return Value{}, err
	}
	version, err := v.commit(ctx, c, rec, data)
	if err != nil {
		return Value{}, err
	}
	return Value{Key: c.ref.Key, Version: version, ContentType: rec.contentType,
		Modified: v.cfg.Now().UTC(), Expires: instant(rec.expires), Bytes: len(data)}, nil
}

// commit records a change, notes it in the index and tells of it. The turn of the key is
// held. From the record on the change has happened, whatever becomes of its event.
func (v *Values) commit(
	ctx context.Context, c change, rec record, data []byte,
) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	rec.owed = v.emitter.Wants(c.ref.Project, kindValues, c.ref.Bucket)
	if rec.owed {
		if n := v.debts.count(); n >= debtsMax {
			return 0, full("%d events of values wait to be told; no more can", n)
		}
		defer v.debts.end(v.debts.begin())
	}
	v.at("before record")
	version, err := v.publish(ctx, c, rec, data)
	if err != nil {
		return 0, err
	}
	v.at("after record")
	v.note(c.ref, c.subject, rec, entry{version: version, expires: rec.expires, bytes: int32(len(data))})
	if !rec.owed {
		return version, nil
	}
	o := debt{ref: c.ref, subject: c.subject, version: version}
	if err := v.emit(ctx, o, rec, v.cfg.Now(), data); err != nil {
		v.debts.owe(o)
		v.log.Warn("event of a value is owed", "value", c.ref.String(), "error", err)
		v.nudge()
	}
	return version, nil
}

// publish writes the record, on what the index knows to be the last one of its subject.
// When the outcome is not known, or the index is wrong, the stream is asked.
func (v *Values) publish(ctx context.Context, c change, rec record, data []byte) (uint64, error) {
	js, err := v.bus.JetStream()
	if err != nil {
		return 0, err
	}
	ack, err := js.PublishMsg(ctx, rec.message(c.subject, data),
		jetstream.WithExpectLastSequencePerSubject(c.last))
	if err == nil {
		return ack.Sequence, nil
	}
	if asked := v.reload(c.ref, c.subject); asked != nil {
		v.log.Warn("value could not be looked up after a failed write", "value", c.ref.String(), "error", asked)
	}
	return 0, explain("write", c.ref, err)
}

// reload notes what the stream has for a value.
func (v *Values) reload(ref Ref, subject string) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	stream, err := v.opened()
	if err != nil {
		return err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, subject)
	switch err := explain("read", ref, err); {
	case dayfly.KindOf(err) == dayfly.KindNotFound:
		v.index.forget(ref, subject)
		return nil
	case err != nil:
		return err
	}
	if _, _, last := v.index.find(ref, subject); last == msg.Sequence {
		return nil
	}
	rec := decode(msg.Header)
	v.note(ref, subject, rec, entry{version: msg.Sequence, expires: rec.expires, bytes: int32(len(msg.Data))})
	if rec.owed {
		v.debts.owe(debt{ref: ref, subject: subject, version: msg.Sequence})
		v.nudge()
	}
	return nil
}

// note takes a record into the index.
func (v *Values) note(ref Ref, subject string, rec record, e entry) {
	v.debts.saw(e.version)
	if rec.op != opPut {
		v.index.remove(ref, subject, e.version, v.cfg.Now())
		return
	}
	if v.index.put(ref, subject, e) {
		v.nudge()
	}
}

// nudge wakes Run.
func (v *Values) nudge() {
	select {
	case v.wake <- struct{}{}:
	default: // it is to wake already
	}
}

func checkPut(data []byte, o PutOptions) error {
	if len(data) > ValueBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%w: the value has %s, at most %s are allowed",
			dayfly.ErrRequestTooLarge, dayfly.FormatBytes(int64(len(data))), dayfly.FormatBytes(ValueBytesMax)).
			WithHint("objects may be of any size: dayfly object put")
	}
	if len(o.ContentType) > contentTypeBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the content type has %d bytes, at most %d are allowed",
			len(o.ContentType), contentTypeBytesMax)
	}
	for i := range len(o.ContentType) {
		if c := o.ContentType[i]; c < ' ' || c > '~' {
			return dayfly.Errorf(dayfly.KindInvalid, "the content type %q is not printable ASCII", o.ContentType)
		}
	}
	if o.If.Absent && o.If.Version != 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "a value cannot be absent and have version %d", o.If.Version)
	}
	return checkTTL(o.TTL)
}

func checkTTL(ttl time.Duration) error {
	if ttl != 0 && (ttl < TTLMin || ttl > TTLMax) {
		return dayfly.Errorf(dayfly.KindInvalid, "a value can be kept for %s to %s, not for %s",
			TTLMin, "1 year", ttl)
	}
	return nil
}
