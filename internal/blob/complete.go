// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// Complete makes the object of the parts named. No data is copied: the object is in the
// files of its parts.
func (s *Store) Complete(ctx context.Context, ref UploadRef, parts []CompletedPart, opts CompleteOptions,
) (Object, error) {
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return Object{}, err
	}
	defer leave()
	defer s.lock(&s.sending, ref.UploadID)()
	u, err := b.upload(ref)
	if err != nil {
		return Object{}, err
	}
	segments, rec, err := assemble(b, u, parts)
	if err != nil {
		return Object{}, err
	}
	switch {
	case opts.Size != 0 && opts.Size != rec.Size:
		return Object{}, dayfly.Errorf(dayfly.KindInvalid, "%w: the parts have %d bytes, %d were announced",
			ErrIncomplete, rec.Size, opts.Size)
	case opts.Checksum != "" && opts.Checksum != rec.Checksum.Value && rec.Checksum.Value != "":
		return Object{}, dayfly.Errorf(dayfly.KindInvalid, "%w: %s", ErrBadDigest, rec.Checksum.Algorithm)
	}
	rec.Requester = opts.Requester
	object, sure, err := s.createIn(ctx, b, ref.Ref, opts.Condition,
		created{rec: rec, body: volume.WriteSegments(segments)})
	if err != nil && sure {
		return Object{}, err
	}
	s.at("completed")
	// From here on the files may be the object's; Abort must not find them.
	s.detach(b, u, volume.IDs(segments))
	s.dissolve(ctx, b, u)
	return object, err
}

// dissolve removes the records of an upload whose object is there. Where that cannot be
// it is done at the next Open.
func (s *Store) dissolve(ctx context.Context, b *bucket, u *upload) {
	ctx, cancel := finishing(ctx)
	defer cancel()
	err := s.removeUpload(ctx, u)
	if err == nil {
		err = s.purge(ctx, partsSubject(b.subject, u.id))
	}
	if err != nil {
		s.log.Warn("completed upload not removed", "upload", u.id, "error", err)
	}
}

// assemble gives the segments and the record of the object that parts make.
func assemble(b *bucket, u *upload, parts []CompletedPart) ([]volume.Segment, record, error) {
	rec := record{Op: opPut, ID: volume.NewID(), Attributes: u.rec.Attributes, Action: actionComplete,
		Upload: u.id, Segments: len(parts)}
	if len(parts) == 0 || len(parts) > partsMax {
		return nil, rec, dayfly.Errorf(dayfly.KindInvalid, "%w: an object has 1 to %d parts", ErrInvalidPart, partsMax)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	segments := make([]volume.Segment, 0, len(parts))
	whole := md5.New()
	for i, p := range parts {
		have, ok := u.parts[p.Number]
		switch {
		case i > 0 && p.Number <= parts[i-1].Number:
			return nil, rec, dayfly.Errorf(dayfly.KindInvalid, "%w: %d", ErrPartOrder, p.Number)
		case !ok, p.ETag != have.ETag, p.Checksum != "" && p.Checksum != have.Checksum.Value:
			return nil, rec, dayfly.Errorf(dayfly.KindInvalid, "%w: %d", ErrInvalidPart, p.Number)
		case i < len(parts)-1 && have.Size < partBytesMin:
			return nil, rec, dayfly.Errorf(dayfly.KindInvalid, "%w: part %d has %d bytes, at least %d are needed",
				ErrPartTooSmall, p.Number, have.Size, partBytesMin)
		}
		sum, _ := hex.DecodeString(have.ETag) // our own writing
		_, _ = whole.Write(sum)               // it never fails
		rec.Size += have.Size
		segments = append(segments, volume.Segment{ID: have.ID, Size: have.Size,
			Number: p.Number, Sum: have.Checksum.Value})
	}
	if rec.Size > volume.BytesMax {
		return nil, rec, dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes", ErrTooLarge, rec.Size)
	}
	tag := index.ETag{Parts: uint16(len(parts))}
	whole.Sum(tag.MD5[:0])
	rec.ETag = tag.String()
	var err error
	if rec.Checksum, err = u.rec.Checksum.Join(segments); errors.Is(err, volume.ErrNoSum) {
		err = dayfly.Errorf(dayfly.KindInvalid, "%w: %w", ErrInvalidPart, err)
	}
	return segments, rec, err
}
