// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
)

const (
	// kindObjects is what an Emitter calls the changes of this package.
	kindObjects = "object"
	// untoldMax bounds the changes that could not be told: past it nothing more is
	// changed until the emitter works again.
	untoldMax = 10_000
)

// Actions, as S3 names them.
const (
	actionPut      = "ObjectCreated:Put"
	actionCopy     = "ObjectCreated:Copy"
	actionComplete = "ObjectCreated:CompleteMultipartUpload"
	actionDelete   = "ObjectRemoved:Delete"
	actionMarker   = "ObjectRemoved:DeleteMarkerCreated"
)

// saveFloor writes the floor when it rose.
func (s *Store) saveFloor(ctx context.Context) error {
	ctx, cancel := finishing(ctx)
	defer cancel()
	return s.floor.Save(ctx, s.records, s.told.Value())
}

// telling is a change that was not told, or of which it is not known whether it was
// written: then its sequence is 0.
type telling struct {
	place
	subject string
	seq     uint64
	ticket  *index.Ticket
}

// owe keeps t until it is told.
func (s *Store) owe(t *telling) {
	s.untoldMu.Lock()
	defer s.untoldMu.Unlock()
	s.untold[t.place] = append(s.untold[t.place], t)
}

// debts gives what is untold of a key.
func (s *Store) debts(at place) (list []*telling, places int) {
	s.untoldMu.Lock()
	defer s.untoldMu.Unlock()
	return s.untold[at], len(s.untold)
}

// tellUntold tells what is untold of a key, whose lock is held.
func (s *Store) tellUntold(ctx context.Context, at place) error {
	debts, places := s.debts(at)
	if len(debts) == 0 {
		if places > untoldMax {
			return dayfly.Errorf(dayfly.KindExhausted, "%d changes of objects wait to be told", places)
		}
		return nil
	}
	for i, t := range debts {
		if err := s.settle(ctx, t); err != nil {
			s.keep(at, debts[i:])
			return err
		}
		s.told.End(t.ticket)
	}
	s.keep(at, nil)
	return nil
}

func (s *Store) keep(at place, debts []*telling) {
	s.untoldMu.Lock()
	defer s.untoldMu.Unlock()
	if len(debts) == 0 {
		delete(s.untold, at)
		return
	}
	s.untold[at] = debts
}

// settle tells t, after reading from the stream what it is.
func (s *Store) settle(ctx context.Context, t *telling) error {
	msg, err := s.stream.GetLastMsgForSubject(ctx, t.subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // it was not written, or is told and removed
	}
	if err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "read change of %q: %w", t.key, err)
	}
	var rec record
	if err := readRecord(msg.Header, &rec); err != nil {
		return err
	}
	if t.seq == 0 {
		if msg.Sequence <= t.bucket.objects.Stored(t.key, rec.version()) {
			return nil // it was not written
		}
		s.adopt(t.place, &rec, msg.Sequence)
	}
	if !rec.Quiet {
		if err := s.tell(ctx, t.place, &rec, msg.Sequence); err != nil {
			return err
		}
	}
	if rec.Op == opGone {
		s.garbage.addRecord(t.place, msg.Sequence)
	}
	return nil
}

// adopt takes up a record that was written although its writer was told otherwise. The
// files that it replaced are swept at the next Open.
func (s *Store) adopt(at place, rec *record, seq uint64) {
	s.told.Wrote(seq)
	s.index(&change{place: at, rec: *rec}, indexed(rec, seq))
	s.log.Warn("change of an object found in the stream", "bucket", at.bucket.ref.Name,
		"sequence", seq)
}

// tell emits the event of a change, when someone wants it.
func (s *Store) tell(ctx context.Context, at place, rec *record, seq uint64) error {
	ref := at.bucket.ref
	if s.emit == nil || !s.emit.Wants(ref.Project, kindObjects, dayfly.BucketName(ref.Name)) {
		return nil
	}
	event, err := eventOf(ref, rec, seq)
	if err != nil {
		return err
	}
	err = s.emit.Emit(ctx, ref.Project, kindObjects, dayfly.BucketName(ref.Name), event)
	if err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "tell of the change of %q: %w", at.key, err)
	}
	return nil
}

// eventOf gives the event of a change. Telling a change again gives the same one.
func eventOf(ref BucketRef, rec *record, seq uint64) (dayfly.Event, error) {
	data := dayfly.ObjectData{Bucket: ref.Name, Key: rec.Key, Sequencer: sequencer(seq),
		Action: rec.Action, RequestID: rec.RequestID, RemoteAddr: rec.RemoteAddr}
	kind := dayfly.EventObjectRemoved
	if rec.Op == opPut {
		kind = dayfly.EventObjectCreated
		data.Size, data.ETag, data.ContentType = rec.Size, rec.ETag, rec.ContentType
	}
	if !rec.Null {
		data.VersionID = rec.version()
	}
	text, err := json.Marshal(data)
	if err != nil {
		return dayfly.Event{}, fmt.Errorf("write event of %q: %w", rec.Key, err)
	}
	return dayfly.Event{
		ID:          data.Sequencer + "-" + rec.ID.String()[:8],
		Source:      "/projects/" + string(ref.Project) + "/buckets/" + ref.Name,
		Type:        kind,
		Subject:     rec.Key,
		Time:        rec.Modified,
		ContentType: "application/json",
		Data:        text,
	}, nil
}
