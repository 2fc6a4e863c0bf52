// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// rebuildFetch is how many records are asked for at a time while the index is rebuilt.
const rebuildFetch = 2000

// found is what a rebuild met.
type found struct {
	records, untold, strays int

	used      map[volume.ID]struct{} // the data files that records name
	completed []completed
	orphans   map[string]bool // subjects of what belongs to nothing
}

// completed is an upload whose object was written.
type completed struct {
	bucket *bucket
	upload string
}

// rebuild makes the index of the records and removes what a crash left.
//
//	1 buckets, and up to where changes were told    4 bytes, files and untold changes
//	2 every record of the stream, in its order      5 removal of files that no record names
//	3 removal of what belongs to nothing
func (s *Store) rebuild(ctx context.Context) (*found, error) {
	f := &found{used: map[volume.ID]struct{}{}, orphans: map[string]bool{}}
	if err := errors.Join(s.floor.Load(ctx, s.records), s.loadBuckets(ctx)); err != nil {
		return f, err
	}
	info, err := s.stream.Info(ctx)
	if err != nil {
		return f, fmt.Errorf("look at the stream: %w", err)
	}
	s.told.Wrote(info.State.LastSeq)
	s.floor.Lower(info.State.LastSeq)
	if info.State.Msgs > 0 {
		if err := s.replay(ctx, f); err != nil {
			return f, err
		}
	}
	if err := s.tidy(ctx, f); err != nil {
		return f, err
	}
	if err := s.account(ctx, f); err != nil {
		return f, err
	}
	f.strays, err = s.files.Sweep(f.used)
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
		s.buckets[ref] = s.newBucket(ref, b, rec.Version)
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
			err = s.take(f, bySubject, msg, meta.Sequence.Stream)
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
func (s *Store) take(f *found, buckets map[string]*bucket, msg jetstream.Msg, seq uint64) error {
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
		return s.takeObject(f, b, msg, seq)
	case kindUpload:
		u := &upload{id: tokens[4], seq: seq, parts: map[int]partRecord{}}
		b.uploads[u.id] = u
		return readRecord(msg.Headers(), &u.rec)
	case kindPart:
		return s.takePart(f, b, msg, seq)
	default:
		return fmt.Errorf("records of kind %q are not known", kind)
	}
}

func (s *Store) takeObject(f *found, b *bucket, msg jetstream.Msg, seq uint64) error {
	var rec record
	if err := readRecord(msg.Headers(), &rec); err != nil {
		return err
	}
	if old, replaced := b.objects.Apply(rec.Key, indexed(&rec, seq)); replaced {
		s.garbage.addRecord(place{b, rec.Key}, old.Seq)
	}
	if rec.Upload != "" {
		f.completed = append(f.completed, completed{b, rec.Upload})
	}
	return nil
}

func (s *Store) takePart(f *found, b *bucket, msg jetstream.Msg, seq uint64) error {
	tokens := strings.Split(msg.Subject(), ".")
	u := b.uploads[tokens[4]]
	if u == nil || len(tokens) != 6 {
		f.orphans[strings.Join(tokens[:5], ".")] = true
		return nil
	}
	number, err := strconv.Atoi(tokens[5])
	if err != nil {
		return err
	}
	rec := partRecord{seq: seq}
	if err := readRecord(msg.Headers(), &rec); err != nil {
		return err
	}
	if old, replaced := u.parts[number]; replaced {
		s.garbage.addRecord(place{b, u.rec.Key}, old.seq)
	}
	u.parts[number] = rec
	return nil
}

// account looks at all that the index has: files, bytes, and what is untold. A record
// that another took the place of was told before.
func (s *Store) account(ctx context.Context, f *found) error {
	for _, b := range s.buckets {
		err := b.objects.Each(func(key string, v index.Version) error {
			return s.accountVersion(ctx, f, place{b, key}, v)
		})
		if err != nil {
			return err
		}
		for _, u := range b.uploads {
			s.pieces.Add(int64(1 + len(u.parts)))
			for _, part := range u.parts {
				s.files.Count(part.Size)
				f.used[part.ID] = struct{}{}
			}
		}
	}
	return nil
}

func (s *Store) accountVersion(ctx context.Context, f *found, at place, v index.Version) error {
	s.files.Count(v.Size)
	files, err := s.filesOf(ctx, v)
	if err != nil {
		return err
	}
	for _, id := range files {
		f.used[id] = struct{}{}
	}
	switch {
	case v.Seq > s.floor.Value() && !v.Is(index.Quiet):
		f.untold++
		s.owe(&telling{place: at, subject: objectSubject(at.bucket.subject, at.key, v.Name()),
			seq: v.Seq, ticket: s.told.BeginAt(v.Seq)})
	case v.Is(index.Gone):
		s.garbage.addRecord(at, v.Seq)
	}
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
		if err := s.dissolveLate(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// dissolveLate removes an upload that a crash kept beside its object. Neither is counted
// yet, and files that nothing names will be swept.
func (s *Store) dissolveLate(ctx context.Context, c completed) error {
	u := c.bucket.uploads[c.upload]
	if u == nil {
		return nil
	}
	delete(c.bucket.uploads, c.upload)
	if err := s.removeUpload(ctx, u); err != nil {
		return err
	}
	return s.purge(ctx, partsSubject(c.bucket.subject, u.id))
}
