// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// rebuildFetch is how many records are asked for at a time while the index is rebuilt.
const rebuildFetch = 2000

// found is what a rebuild met.
type found struct {
	records, untold, strays int

	used      map[fileID]struct{} // the data files that records name
	completed []completed
	orphans   map[string]bool // subjects of what belongs to nothing
}

// completed is an upload whose object is there, in these files.
type completed struct {
	bucket *bucket
	upload string
	files  []fileID
}

// rebuild makes the index of the records and removes what a crash left.
//
//	1 buckets, and up to where changes were told    3 removal of what belongs to nothing
//	2 every record of the stream, in its order      4 removal of files that no record names
func (s *Store) rebuild(ctx context.Context) (*found, error) {
	f := &found{used: map[fileID]struct{}{}, orphans: map[string]bool{}}
	if err := errors.Join(s.loadFloor(ctx), s.loadBuckets(ctx)); err != nil {
		return f, err
	}
	info, err := s.stream.Info(ctx)
	if err != nil {
		return f, fmt.Errorf("look at the stream: %w", err)
	}
	s.told.last = info.State.LastSeq
	s.told.saved = min(s.told.saved, info.State.LastSeq)
	if info.State.Msgs > 0 {
		if err := s.replay(ctx, f); err != nil {
			return f, err
		}
	}
	if err := s.tidy(ctx, f); err != nil {
		return f, err
	}
	f.strays, err = s.files.sweep(f.used)
	return f, err
}

func (s *Store) loadBuckets(ctx context.Context) error {
	records, err := s.records.List(ctx, keyBuckets)
	if err != nil {
		return err
	}
	for _, rec := range records {
		project, name, ok := strings.Cut(strings.TrimPrefix(rec.Key, keyBuckets+"/"), "/")
		if !ok {
			return fmt.Errorf("read bucket %s: its key has too few segments", rec.Key)
		}
		var b Bucket
		if err := json.Unmarshal(rec.Value, &b); err != nil {
			return fmt.Errorf("read bucket %s: %w", rec.Key, err)
		}
		ref := BucketRef{dayfly.ProjectName(project), name}
		s.buckets[ref] = newBucket(ref, b, rec.Version)
	}
	return nil
}

// replay reads all records, without the data in them.
func (s *Store) replay(ctx context.Context, f *found) error {
	consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: true})
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(rebuildFetch))
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	defer messages.Stop()
	bySubject := map[string]*bucket{}
	for _, b := range s.buckets {
		bySubject[b.subject] = b
	}
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read stream: %w", err)
		}
		meta, err := msg.Metadata()
		if err == nil {
			err = s.take(ctx, f, bySubject, msg, meta.Sequence.Stream)
		}
		if err != nil {
			return fmt.Errorf("read record %s: %w", msg.Subject(), err)
		}
		f.records++
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// take puts one record into the index.
func (s *Store) take(
	ctx context.Context, f *found, buckets map[string]*bucket, msg jetstream.Msg, seq uint64,
) error {
	tokens := strings.Split(msg.Subject(), ".")
	if len(tokens) < 5 {
		return errors.New("its subject is too short")
	}
	prefix := strings.Join(tokens[:3], ".")
	b := buckets[prefix]
	if b == nil {
		f.orphans[prefix] = true
		return nil
	}
	switch kind := tokens[3]; kind {
	case kindObject:
		return s.takeObject(ctx, f, b, msg, seq)
	case kindUpload:
		u := &upload{id: tokens[4], seq: seq, parts: map[int]partRecord{}}
		b.uploads[u.id] = u
		s.pieces.Add(1)
		return readRecord(msg.Headers(), &u.rec)
	case kindPart:
		return s.takePart(f, b, msg, tokens)
	default:
		return fmt.Errorf("records of kind %q are not known", kind)
	}
}

func (s *Store) takeObject(ctx context.Context, f *found, b *bucket, msg jetstream.Msg, seq uint64) error {
	var rec record
	if err := readRecord(msg.Headers(), &rec); err != nil {
		return err
	}
	v := indexed(&rec, seq)
	b.apply(rec.Key, v)
	s.used.Add(v.size)
	files, err := s.filesOf(ctx, v)
	if err != nil {
		return err
	}
	for _, id := range files {
		f.used[id] = struct{}{}
	}
	if rec.Upload != "" {
		f.completed = append(f.completed, completed{b, rec.Upload, files})
	}
	at := place{b, rec.Key}
	switch {
	case seq > s.told.saved && !rec.Quiet:
		f.untold++
		s.owe(&telling{place: at, subject: msg.Subject(), seq: seq, ticket: s.told.beginAt(seq)})
	case rec.Op == opGone:
		s.garbage.addTombstone(at, seq)
	}
	return nil
}

func (s *Store) takePart(f *found, b *bucket, msg jetstream.Msg, tokens []string) error {
	u := b.uploads[tokens[4]]
	if u == nil || len(tokens) != 6 {
		f.orphans[strings.Join(tokens[:5], ".")] = true
		return nil
	}
	number, err := strconv.Atoi(tokens[5])
	if err != nil {
		return err
	}
	var rec partRecord
	if err := readRecord(msg.Headers(), &rec); err != nil {
		return err
	}
	u.parts[number] = rec
	s.used.Add(rec.Size)
	s.pieces.Add(1)
	f.used[rec.ID] = struct{}{}
	return nil
}

// tidy removes the records of buckets and uploads that are gone, and the uploads whose
// objects are there.
func (s *Store) tidy(ctx context.Context, f *found) error {
	for subject := range f.orphans {
		if err := s.purge(ctx, subject); err != nil {
			return err
		}
	}
	for _, c := range f.completed {
		u := c.bucket.uploads[c.upload]
		if u == nil {
			continue
		}
		for _, part := range u.parts {
			if slices.Contains(c.files, part.ID) {
				s.used.Add(-part.Size) // it was counted with the object
			}
		}
		s.detach(c.bucket, u, c.files)
		s.dissolve(ctx, c.bucket, u)
	}
	return nil
}
