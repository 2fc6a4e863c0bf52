// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
)

// bucket is what is known of a bucket in memory.
type bucket struct {
	ref     BucketRef
	subject string // the prefix of its subjects
	objects *index.Index

	// fence is held for reading by whoever writes to the bucket, and for writing by
	// who removes it.
	fence sync.RWMutex

	mu       sync.RWMutex // guards all below
	record   Bucket
	revision uint64 // of the record
	gone     bool
	uploads  map[string]*upload
}

func (s *Store) newBucket(ref BucketRef, record Bucket, revision uint64) *bucket {
	return &bucket{ref: ref, subject: subjectOf(ref), record: record, revision: revision,
		objects: index.New(&s.versions), uploads: map[string]*upload{}}
}

// indexed gives what the index keeps of a record.
func indexed(rec *record, seq uint64) index.Version {
	v := index.Version{Seq: seq, Order: seq, Size: rec.Size, Modified: rec.Modified.UnixMicro(),
		ID: rec.ID, ETag: index.ParseETag(rec.ETag)}
	if rec.Order != 0 {
		v.Order = rec.Order
	}
	switch {
	case rec.Op == opMarker:
		v.Flags = index.Marker
	case rec.Op == opGone:
		v.Flags = index.Gone
	case rec.Segments > 0:
		v.Flags = index.Segments
	case !rec.Inline:
		v.Flags = index.File
	}
	if rec.Null {
		v.Flags |= index.Null
	}
	if rec.Quiet {
		v.Flags |= index.Quiet
	}
	return v
}

// objectOf gives what the index alone knows.
func objectOf(key string, v *index.Version) Object {
	o := Object{Key: key, Size: v.Size, Modified: time.UnixMicro(v.Modified).UTC(),
		VersionID: v.Name(), Marker: v.Is(index.Marker), Sequencer: sequencer(v.Seq)}
	if !o.Marker {
		o.ETag = v.ETag.String()
	}
	return o
}

// List gives a page of what a bucket holds.
func (s *Store) List(ctx context.Context, ref BucketRef, q ListQuery) (Listing, error) {
	b, err := s.bucket(ref)
	if err != nil {
		return Listing{}, err
	}
	if q.Max < 0 {
		return Listing{}, dayfly.Errorf(dayfly.KindInvalid, "a page of %d entries", q.Max)
	}
	page, err := b.objects.Page(ctx, q)
	list := Listing{Prefixes: page.Prefixes, Truncated: page.Truncated, Next: page.Next,
		NextVersion: page.NextVersion}
	for i := range page.Items {
		item := &page.Items[i]
		object := objectOf(item.Key, &item.Version)
		object.Latest = item.Latest
		list.Objects = append(list.Objects, object)
	}
	return list, err
}
