// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// place is a key of a bucket.
type place struct {
	bucket *bucket
	key    string
}

// change is a record to be committed.
type change struct {
	place
	rec  record
	body []byte
	// replaces lists the data files of the version that is replaced or removed.
	replaces []volume.ID
}

// commit makes a change of a key: the lock of the key is held, and its bucket entered.
//
//	1 tell what is untold of the key    4 put it into the index
//	2 write the record: the commit      5 tell of it
//	3 leave what it replaces to Run
//
// Once the record is written, an error says that the change is there and untold: Run
// tells later. Then and when it is not known whether it was written, sure is false.
func (s *Store) commit(ctx context.Context, c *change) (v index.Version, sure bool, err error) {
	ctx, cancel := finishing(ctx)
	defer cancel()
	if err := s.tellUntold(ctx, c.place); err != nil {
		return index.Version{}, true, err
	}
	expected := c.bucket.objects.Stored(c.key, c.rec.version())
	if expected == 0 && s.versions.Load() >= s.cfg.MaxObjects {
		return index.Version{}, true, dayfly.Errorf(dayfly.KindExhausted,
			"%w: there are %d objects, the most there may be", ErrQuota, s.cfg.MaxObjects)
	}
	subject := objectSubject(c.bucket.subject, c.key, c.rec.version())
	msg, err := message(subject, &c.rec, c.body)
	if err != nil {
		return index.Version{}, true, err
	}
	t := s.told.Begin()
	s.at("before record")
	seq, err := s.publish(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expected))
	if err != nil {
		if refused(err) {
			s.told.End(t)
			return index.Version{}, true, err
		}
		s.owe(&telling{place: c.place, subject: subject, ticket: t})
		return index.Version{}, false, err
	}
	s.at("after record")
	s.told.Wrote(seq)
	v = indexed(&c.rec, seq)
	s.index(c, v)
	if c.rec.Quiet {
		s.told.End(t)
		return v, true, nil
	}
	if err := s.tell(ctx, c.place, &c.rec, seq); err != nil {
		s.owe(&telling{place: c.place, subject: subject, seq: seq, ticket: t})
		return v, false, err
	}
	s.at("after telling")
	s.told.End(t)
	if v.Is(index.Gone) {
		s.garbage.addRecord(c.place, seq)
	}
	return v, true, nil
}

// index puts a change that was written into the index.
func (s *Store) index(c *change, v index.Version) {
	old, replaced := c.bucket.objects.Apply(c.key, v)
	if !replaced || old.Is(index.Gone) {
		return // nothing was there, or what is left of it goes already
	}
	s.garbage.addRecord(c.place, old.Seq)
	if c.rec.Op == opPut && old.ID == v.ID {
		return // an amended record has the same data
	}
	s.files.Release(old.Size)
	s.garbage.addFiles(old.ID, c.replaces)
}

// publish writes a record and gives its sequence.
func (s *Store) publish(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (uint64, error) {
	ack, err := s.js.PublishMsg(ctx, msg, opts...)
	if err == nil {
		return ack.Sequence, nil
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence:
			// What another write left whose outcome was not known.
			return 0, dayfly.Errorf(dayfly.KindUnavailable, "%w: %w", errDrifted, err)
		case codeStoreFull, codeNoResources, codeNoResourcesCluster:
			return 0, dayfly.Errorf(dayfly.KindExhausted, "%w: records cannot be written: %w", ErrQuota, err)
		}
	}
	return 0, fmt.Errorf("write record: %w", err)
}

// Codes of the server for a stream that may not grow.
const (
	codeNoResourcesCluster jetstream.ErrorCode = 10008
	codeNoResources        jetstream.ErrorCode = 10023
	codeStoreFull          jetstream.ErrorCode = 10077
)

// errDrifted says that the index is behind the stream.
var errDrifted = errors.New("the object is being changed")

// refused tells whether the server said that it did not write, and the index is right.
func refused(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && !errors.Is(err, errDrifted)
}

// remove writes that a version is gone.
func (s *Store) remove(ctx context.Context, at place, v index.Version, by Requester) (index.Version, bool, error) {
	replaces, err := s.filesOf(ctx, v)
	if err != nil {
		return index.Version{}, true, err
	}
	return s.commit(ctx, &change{place: at, replaces: replaces, rec: record{Op: opGone, Key: at.key,
		ID: v.ID, Null: v.Is(index.Null), Order: v.Order, Modified: now(), Requester: by,
		Action: actionDelete}})
}

// filesOf lists the data files of a version.
func (s *Store) filesOf(ctx context.Context, v index.Version) ([]volume.ID, error) {
	switch {
	case v.Is(index.File):
		return []volume.ID{v.ID}, nil
	case !v.Is(index.Segments):
		return nil, nil
	}
	_, body, err := s.load(ctx, v.Seq)
	if err != nil {
		return nil, err
	}
	segments, err := volume.ReadSegments(body)
	return volume.IDs(segments), err
}
