// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

const (
	// partsMax bounds the parts of an upload, as in S3.
	partsMax = 10_000
	// partBytesMin is the least size of a part that is not the last, as in S3.
	partBytesMin = 5 << 20
	// piecesMax bounds open uploads and their parts over all buckets: each takes a few
	// hundred bytes of memory.
	piecesMax = 200_000
	// uploadAge is how long an upload may stay open.
	uploadAge = 7 * 24 * time.Hour
)

// upload is what the index holds of an upload; the bucket's mu guards it.
type upload struct {
	id    string
	seq   uint64
	rec   uploadRecord
	parts map[int]partRecord
}

func (u *upload) public() Upload {
	return Upload{Key: u.rec.Key, UploadID: u.id, Created: u.rec.Created,
		Attributes: u.rec.Attributes, Checksum: u.rec.Checksum}
}

func (r *partRecord) public(number int) Part {
	return Part{Number: number, Size: r.Size, ETag: r.ETag, Modified: r.Modified, Checksum: r.Checksum}
}

// CreateUpload begins a multipart upload. One that is neither completed nor aborted
// within seven days is removed.
func (s *Store) CreateUpload(ctx context.Context, ref Ref, opts UploadOptions) (Upload, error) {
	if err := errors.Join(ref.Validate(), opts.Attributes.validate()); err != nil {
		return Upload{}, err
	}
	sum, err := opts.Checksum.ForParts()
	if err != nil {
		return Upload{}, err
	}
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return Upload{}, err
	}
	defer leave()
	if err := s.admit(); err != nil {
		return Upload{}, err
	}
	u := &upload{id: volume.NewID().String(), parts: map[int]partRecord{},
		rec: uploadRecord{Key: ref.Key, Created: now(), Attributes: opts.Attributes, Checksum: sum}}
	if u.seq, err = s.write(ctx, uploadSubject(b.subject, u.id), &u.rec); err != nil {
		s.pieces.Add(-1)
		return Upload{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.uploads[u.id] = u
	return u.public(), nil
}

// admit counts one more upload or part.
func (s *Store) admit() error {
	if n := s.pieces.Add(1); n > piecesMax {
		s.pieces.Add(-1)
		return dayfly.Errorf(dayfly.KindExhausted, "%w: %d", ErrTooManyUploads, n-1)
	}
	return nil
}

// write writes a record of an upload or part, whatever stands there.
func (s *Store) write(ctx context.Context, subject string, rec any) (uint64, error) {
	ctx, cancel := finishing(ctx)
	defer cancel()
	msg, err := message(subject, rec, nil)
	if err != nil {
		return 0, err
	}
	return s.publish(ctx, msg)
}

// upload finds an upload of a key.
func (b *bucket) upload(ref UploadRef) (*upload, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	u := b.uploads[ref.UploadID]
	if u == nil || u.rec.Key != ref.Key {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "%w: %q of %q", ErrNoSuchUpload, ref.UploadID, ref.Key)
	}
	return u, nil
}

// PutPart writes a part; one of that number that is there is replaced.
func (s *Store) PutPart(ctx context.Context, ref UploadRef, number int, opts PartOptions, data io.Reader,
) (Part, error) {
	if number < 1 || number > partsMax {
		return Part{}, dayfly.Errorf(dayfly.KindInvalid, "a part has the number %d, not 1 to %d", number, partsMax)
	}
	b, err := s.bucket(ref.bucket())
	if err != nil {
		return Part{}, err
	}
	u, err := b.upload(ref)
	if err != nil {
		return Part{}, err
	}
	if opts.Checksum.Algorithm == "" {
		opts.Checksum.Algorithm = u.rec.Checksum.Algorithm
	}
	in, err := s.files.Receive(ctx, data, volume.Expectation{Size: opts.Size, MD5: opts.ContentMD5,
		Checksum: opts.Checksum, Inline: -1})
	if err != nil {
		return Part{}, err
	}
	sum := Checksum{Algorithm: in.Checksum.Algorithm, Value: in.Checksum.Value}
	rec := partRecord{ID: in.ID, Size: in.Size, ETag: hex.EncodeToString(in.MD5[:]), Modified: now(), Checksum: sum}
	sure, err := s.addPart(ctx, ref, number, rec)
	if err != nil && sure {
		s.files.Discard(in)
	}
	return rec.public(number), err
}

// addPart makes a part that was received one of its upload.
func (s *Store) addPart(ctx context.Context, ref UploadRef, number int, rec partRecord) (sure bool, err error) {
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return true, err
	}
	defer leave()
	defer s.lock(&s.sending, ref.UploadID)()
	u, err := b.upload(ref)
	if err == nil {
		err = s.admit()
	}
	if err != nil {
		return true, err
	}
	s.at("before part")
	if rec.seq, err = s.write(ctx, partSubject(b.subject, u.id, number), &rec); err != nil {
		s.pieces.Add(-1)
		return refused(err), err
	}
	s.at("after part")
	b.mu.Lock()
	old, replaced := u.parts[number]
	u.parts[number] = rec
	b.mu.Unlock()
	if replaced {
		s.dropParts(old)
		s.garbage.addRecord(place{b, ref.Key}, old.seq)
	}
	return true, nil
}

// dropParts gives up the data of parts.
func (s *Store) dropParts(parts ...partRecord) {
	for _, p := range parts {
		s.files.Release(p.Size)
		s.pieces.Add(-1)
		s.garbage.addFiles(p.ID, []volume.ID{p.ID})
	}
}

// CopyPart makes a part of an object's range.
func (s *Store) CopyPart(ctx context.Context, ref UploadRef, number int, source PartSource) (Part, error) {
	object, data, err := s.OpenObject(ctx, source.Ref, source.VersionID)
	if err != nil {
		return Part{}, err
	}
	part, err := s.copyRange(ctx, ref, number, source, object, data)
	return part, errors.Join(err, data.Close())
}

func (s *Store) copyRange(
	ctx context.Context, ref UploadRef, number int, source PartSource, object Object, data *Reader,
) (Part, error) {
	if err := matches(source.IfMatch, index.Version{ETag: index.ParseETag(object.ETag)}, source.Ref); err != nil {
		return Part{}, err
	}
	length := source.Length
	if length < 0 {
		length = object.Size - source.Start
	}
	if source.Start < 0 || length < 0 || source.Start > object.Size-length {
		return Part{}, dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes from %d of %d", ErrInvalidRange,
			length, source.Start, object.Size)
	}
	return s.PutPart(ctx, ref, number, PartOptions{Size: length},
		io.NewSectionReader(data, source.Start, length))
}

// Parts lists parts with numbers above after, at most max (0: 1,000).
func (s *Store) Parts(_ context.Context, ref UploadRef, after, max int) (PartList, error) {
	b, err := s.bucket(ref.bucket())
	if err != nil {
		return PartList{}, err
	}
	u, err := b.upload(ref)
	if err != nil {
		return PartList{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := PartList{Upload: u.public(), Next: after}
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		if number <= after {
			continue
		}
		if len(list.Parts) == index.Limit(max) {
			list.Truncated = true
			break
		}
		part := u.parts[number]
		list.Parts = append(list.Parts, part.public(number))
		list.Next = number
	}
	return list, nil
}

// Uploads lists the uploads of a bucket.
func (s *Store) Uploads(_ context.Context, ref BucketRef, q UploadQuery) (UploadList, error) {
	b, err := s.bucket(ref)
	if err != nil {
		return UploadList{}, err
	}
	q.Max = index.Limit(q.Max)
	var list UploadList
	open := b.sortedUploads()
	past := q.AfterUpload == "" || !slices.ContainsFunc(open, func(u Upload) bool {
		return u.Key == q.After && u.UploadID == q.AfterUpload
	})
	for _, u := range open {
		if !strings.HasPrefix(u.Key, q.Prefix) || u.Key < q.After {
			continue
		}
		if u.Key == q.After && q.After != "" && (q.AfterUpload == "" || !past) {
			past = past || u.UploadID == q.AfterUpload
			continue
		}
		prefix, rolled := index.RolledUp(u.Key, q.Prefix, q.Delimiter)
		if rolled && (prefix <= q.After || slices.Contains(list.Prefixes, prefix)) {
			continue
		}
		if len(list.Uploads)+len(list.Prefixes) == q.Max {
			list.Truncated = true
			break
		}
		if rolled {
			list.Prefixes = append(list.Prefixes, prefix)
			list.Next, list.NextUpload = prefix, ""
			continue
		}
		list.Uploads = append(list.Uploads, u)
		list.Next, list.NextUpload = u.Key, u.UploadID
	}
	return list, nil
}

// sortedUploads gives the uploads by key, then by time.
func (b *bucket) sortedUploads() []Upload {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]Upload, 0, len(b.uploads))
	for _, u := range b.uploads {
		list = append(list, u.public())
	}
	slices.SortFunc(list, func(a, b Upload) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), a.Created.Compare(b.Created),
			strings.Compare(a.UploadID, b.UploadID))
	})
	return list
}

// Abort removes an upload and its parts.
func (s *Store) Abort(ctx context.Context, ref UploadRef) error {
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return err
	}
	defer leave()
	if _, err := b.upload(ref); err != nil {
		return err
	}
	return s.dropUpload(ctx, b, ref.UploadID)
}

// dropUpload removes an upload with its parts; that there is none is no error.
func (s *Store) dropUpload(ctx context.Context, b *bucket, id string) error {
	defer s.lock(&s.sending, id)()
	b.mu.RLock()
	u := b.uploads[id]
	b.mu.RUnlock()
	if u == nil {
		return nil
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	if err := s.removeUpload(ctx, u); err != nil {
		return err
	}
	s.detach(b, u, nil)
	return s.purge(ctx, partsSubject(b.subject, id))
}

// removeUpload removes the record of an upload. Parts without one are removed at Open.
func (s *Store) removeUpload(ctx context.Context, u *upload) error {
	if err := s.deleteRecord(ctx, u.seq); err != nil {
		return err
	}
	s.at("upload removed")
	return nil
}

// detach takes an upload out of the index and gives up its parts but for the kept.
func (s *Store) detach(b *bucket, u *upload, kept []volume.ID) {
	b.mu.Lock()
	delete(b.uploads, u.id)
	b.mu.Unlock()
	s.pieces.Add(-1)
	keep := map[volume.ID]bool{}
	for _, id := range kept {
		keep[id] = true
	}
	for _, part := range u.parts {
		if keep[part.ID] {
			s.pieces.Add(-1)
		} else {
			s.dropParts(part)
		}
	}
}

// expireUploads removes the uploads that were left.
func (s *Store) expireUploads(ctx context.Context, at time.Time) {
	s.mu.RLock()
	buckets := slices.Collect(maps.Values(s.buckets))
	s.mu.RUnlock()
	for _, b := range buckets {
		for _, u := range b.sortedUploads() {
			if at.Sub(u.Created) < uploadAge {
				continue
			}
			err := s.Abort(ctx, UploadRef{Ref{b.ref.Project, b.ref.Name, u.Key}, u.UploadID})
			if err != nil && !errors.Is(err, ErrNoSuchUpload) {
				s.log.Warn("upload not expired", "upload", u.UploadID, "error", err)
			}
		}
	}
}
