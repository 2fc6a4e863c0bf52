// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"fmt"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// deletionsMax bounds what DeleteMany takes, as S3 does.
const deletionsMax = 1000

// Delete removes an object or a version. That there was none is no error.
func (s *Store) Delete(ctx context.Context, ref Ref, opts DeleteOptions) (Deleted, error) {
	if err := ref.Validate(); err != nil {
		return Deleted{}, err
	}
	b, leave, err := s.enter(ref.bucket())
	if err != nil {
		return Deleted{}, err
	}
	defer leave()
	at := place{b, ref.Key}
	defer s.lock(&s.keys, at.lockName())()
	v, _, ok := b.objects.Find(ref.Key, opts.VersionID)
	if opts.IfMatch != "" {
		if !ok || v.Is(index.Marker) {
			return Deleted{}, noKey(ref)
		}
		if err := matches(opts.IfMatch, v, ref); err != nil {
			return Deleted{}, err
		}
	}
	if opts.VersionID == "" && b.versioning() != VersioningOff {
		return s.mark(ctx, at, ok, opts.Requester)
	}
	if !ok {
		return Deleted{Key: ref.Key, VersionID: opts.VersionID}, nil
	}
	if _, _, err := s.remove(ctx, at, v, opts.Requester); err != nil {
		return Deleted{}, err
	}
	return Deleted{Key: ref.Key, VersionID: v.Name(), Marker: v.Is(index.Marker), Existed: true}, nil
}

// mark makes a marker the latest version.
func (s *Store) mark(ctx context.Context, at place, existed bool, by Requester) (Deleted, error) {
	ch := &change{place: at, rec: record{Op: opMarker, Key: at.key, ID: volume.NewID(),
		Null:     at.bucket.versioning() == VersioningSuspended,
		Modified: now(), Action: actionMarker, Requester: by}}
	if ch.rec.Null {
		var err error
		if ch.replaces, err = s.filesOfNull(ctx, at); err != nil {
			return Deleted{}, err
		}
	}
	if _, _, err := s.commit(ctx, ch); err != nil {
		return Deleted{}, err
	}
	return Deleted{Key: at.key, VersionID: ch.rec.version(), Marker: true, Existed: existed}, nil
}

// DeleteMany removes up to 1,000; the results are in the order of what.
func (s *Store) DeleteMany(ctx context.Context, ref BucketRef, what []Deletion, by Requester,
) ([]DeleteResult, error) {
	if len(what) > deletionsMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%d deletions at once, at most %d are allowed",
			len(what), deletionsMax)
	}
	if _, err := s.bucket(ref); err != nil {
		return nil, err
	}
	results := make([]DeleteResult, 0, len(what))
	for _, d := range what {
		if err := context.Cause(ctx); err != nil {
			return results, fmt.Errorf("delete objects: %w", err)
		}
		deleted, err := s.Delete(ctx, Ref{ref.Project, ref.Name, d.Key},
			DeleteOptions{VersionID: d.VersionID, Requester: by})
		if err != nil {
			deleted.Key, deleted.VersionID = d.Key, d.VersionID
		}
		results = append(results, DeleteResult{deleted, err})
	}
	return results, nil
}
