// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// Put writes an object whole and gives what was stored.
//
//	1 refuse early what cannot become      3 take the lock of the key, judge the condition
//	2 receive the data, make it durable    4 commit
func (s *Store) Put(ctx context.Context, ref Ref, opts PutOptions, data io.Reader) (Object, error) {
	if err := errors.Join(ref.Validate(), opts.Attributes.validate()); err != nil {
		return Object{}, err
	}
	b, err := s.bucket(ref.bucket())
	if err != nil {
		return Object{}, err
	}
	if err := opts.Condition.judge(b, ref); err != nil {
		return Object{}, err
	}
	in, err := s.files.Receive(ctx, data, volume.Expectation{Size: opts.Size, MD5: opts.ContentMD5,
		Checksum: opts.Checksum, Inline: inlineBytesMax})
	if err != nil {
		return Object{}, err
	}
	rec := record{Op: opPut, ID: in.ID, Size: in.Size, ETag: index.ETag{MD5: in.MD5}.String(),
		Attributes: opts.Attributes, Checksum: in.Checksum, Inline: in.Inline,
		Action: opts.Action, Requester: opts.Requester}
	if rec.Action == "" {
		rec.Action = actionPut
	}
	object, sure, err := s.create(ctx, ref, opts.Condition, created{rec: rec, body: in.Data})
	if err != nil && sure {
		s.files.Discard(in)
	}
	return object, err
}

// created is a version that is about to be.
type created struct {
	rec  record
	body []byte
}

// create commits a new version when the condition holds. Unless sure, it is not known
// whether the version is there, and its data must stay.
func (s *Store) create(ctx context.Context, ref Ref, cond Condition, c created,
) (object Object, sure bool, err error) {
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return Object{}, true, err
	}
	defer leave()
	return s.createIn(ctx, b, ref, cond, c)
}

// createIn is create within a bucket that was entered.
func (s *Store) createIn(ctx context.Context, b *bucket, ref Ref, cond Condition, c created,
) (object Object, sure bool, err error) {
	at := place{b, ref.Key}
	defer s.lock(&s.keys, at.lockName())()
	if err := cond.judge(b, ref); err != nil {
		return Object{}, true, err
	}
	c.rec.Key, c.rec.Modified = ref.Key, now()
	c.rec.Null = b.versioning() != VersioningEnabled
	ch := &change{place: at, rec: c.rec, body: c.body}
	if c.rec.Null {
		if ch.replaces, err = s.filesOfNull(ctx, at); err != nil {
			return Object{}, true, err
		}
	}
	v, sure, err := s.commit(ctx, ch)
	if err != nil {
		return Object{}, sure, err
	}
	object, err = (&sight{version: v, latest: true, rec: ch.rec, body: c.body}).object()
	return object, false, err
}

// filesOfNull lists the data files of the version that a null version replaces.
func (s *Store) filesOfNull(ctx context.Context, at place) ([]volume.ID, error) {
	if old, _, ok := at.bucket.objects.Find(at.key, NullVersion); ok {
		return s.filesOf(ctx, old)
	}
	return nil, nil
}

func (b *bucket) versioning() Versioning {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.record.Versioning
}

// judge reports a condition that does not hold.
func (c Condition) judge(b *bucket, ref Ref) error {
	if !c.IfNoneMatch && c.IfMatch == "" {
		return nil
	}
	v, _, ok := b.objects.Find(ref.Key, "")
	ok = ok && !v.Is(index.Marker)
	switch {
	case c.IfNoneMatch && ok:
		return dayfly.Errorf(dayfly.KindConflict, "%w: %q exists", ErrPrecondition, ref.Key)
	case c.IfMatch == "":
		return nil
	case !ok:
		return noKey(ref)
	}
	return matches(c.IfMatch, v, ref)
}

// matches reports when v has another ETag than the one wanted.
func matches(want string, v index.Version, ref Ref) error {
	if want == "" || want == "*" || want == v.ETag.String() {
		return nil
	}
	return dayfly.Errorf(dayfly.KindConflict, "%w: the ETag of %q is %s", ErrPrecondition,
		ref.Key, v.ETag)
}

// validate reports what of a cannot be kept.
func (a *Attributes) validate() error {
	if len(a.Tags) > tagsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %d tags, at most %d are allowed",
			ErrAttributesLarge, len(a.Tags), tagsMax)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "attributes cannot be written: %w", err)
	}
	if len(text) > attributeBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes, at most %d are allowed",
			ErrAttributesLarge, len(text), attributeBytesMax)
	}
	return nil
}

// Amend changes the tags and documents of a version (empty: the latest); change must
// touch nothing else. It makes no new version and no event.
func (s *Store) Amend(ctx context.Context, ref Ref, version string, change func(*Attributes) error,
) (Object, error) {
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return Object{}, err
	}
	defer leave()
	at := place{b, ref.Key}
	defer s.lock(&s.keys, at.lockName())()
	got, err := s.look(ctx, ref, version)
	if err != nil {
		return Object{}, err
	}
	if err := errors.Join(change(&got.rec.Attributes), got.rec.Attributes.validate()); err != nil {
		return Object{}, err
	}
	return s.amend(ctx, at, got)
}

// amend writes the record of a version anew.
func (s *Store) amend(ctx context.Context, at place, got *sight) (Object, error) {
	got.rec.Quiet, got.rec.Order = true, got.version.Order
	ch := &change{place: at, rec: got.rec, body: got.body}
	v, _, err := s.commit(ctx, ch)
	if err != nil {
		return Object{}, err
	}
	got.version = v
	return got.object()
}
