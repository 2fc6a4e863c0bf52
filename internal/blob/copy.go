// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// Source names a version to copy from; an empty VersionID is the latest.
type Source struct {
	Ref
	VersionID string
}

// Copy makes an object of a version of another, by a second link to its data. Data is
// read only where a checksum is asked for that the source does not have, or where the
// file system allows no more links.
func (s *Store) Copy(ctx context.Context, to Ref, from Source, opts CopyOptions) (Object, error) {
	if err := to.Validate(); err != nil {
		return Object{}, err
	}
	for range readAttempts {
		got, err := s.look(ctx, from.Ref, from.VersionID)
		if err != nil {
			return Object{}, err
		}
		if err := matches(opts.SourceIfMatch, got.version, from.Ref); err != nil {
			return Object{}, err
		}
		rec := opts.record(got)
		if err := rec.Attributes.validate(); err != nil {
			return Object{}, err
		}
		if opts.Checksum != "" && opts.Checksum != got.rec.Checksum.Algorithm {
			return s.copyData(ctx, to, from, opts, rec.Attributes)
		}
		object, err := s.copyLinked(ctx, to, opts, got, rec)
		switch {
		case errors.Is(err, errReplaced):
			continue
		case errors.Is(err, syscall.EMLINK):
			return s.copyData(ctx, to, from, opts, rec.Attributes)
		}
		return object, err
	}
	return Object{}, busy(from.Ref)
}

// record gives the record of the copy.
func (o *CopyOptions) record(got *sight) record {
	rec := record{Op: opPut, ID: volume.NewID(), Size: got.rec.Size, ETag: got.rec.ETag,
		Attributes: got.rec.Attributes, Checksum: got.rec.Checksum, Inline: got.rec.Inline,
		Segments: got.rec.Segments, Action: actionCopy, Requester: o.Requester}
	if o.Attributes != nil {
		rec.Attributes = *o.Attributes
		rec.Tags = got.rec.Tags
	}
	if o.Tags != nil {
		rec.Tags = o.Tags
	}
	return rec
}

// copyData copies by reading.
func (s *Store) copyData(ctx context.Context, to Ref, from Source, opts CopyOptions, a Attributes,
) (Object, error) {
	_, data, err := s.OpenObject(ctx, from.Ref, from.VersionID)
	if err != nil {
		return Object{}, err
	}
	object, err := s.Put(ctx, to, PutOptions{Attributes: a, Condition: opts.Condition,
		Requester: opts.Requester, Size: data.Size(), Checksum: Checksum{Algorithm: opts.Checksum},
		Action: actionCopy}, data)
	return object, errors.Join(err, data.Close())
}

// copyLinked copies by links; errReplaced when the source went meanwhile.
func (s *Store) copyLinked(ctx context.Context, to Ref, opts CopyOptions, got *sight, rec record,
) (Object, error) {
	if err := s.files.Reserve(rec.Size); err != nil {
		return Object{}, err
	}
	links, body, err := s.link(got, &rec)
	if err != nil {
		s.files.Drop(rec.Size, links...)
		return Object{}, volume.Room(err)
	}
	object, sure, err := s.create(ctx, to, opts.Condition, created{rec: rec, body: body})
	if err != nil && sure {
		s.files.Drop(rec.Size, links...)
	}
	return object, err
}

// link gives the data of a version new names, and the body of the record with them.
func (s *Store) link(got *sight, rec *record) (links []volume.ID, body []byte, err error) {
	switch {
	case got.rec.Inline:
		return nil, got.body, nil
	case got.rec.Segments == 0:
		links, err = s.linkAll(got.version.ID, rec.ID)
		return links, nil, err
	}
	segments, err := volume.ReadSegments(got.body)
	if err != nil {
		return nil, nil, err
	}
	var pairs []volume.ID
	for i, old := range segments {
		segments[i].ID = volume.NewID()
		pairs = append(pairs, old.ID, segments[i].ID)
	}
	if links, err = s.linkAll(pairs...); err != nil {
		return links, nil, err
	}
	return links, volume.WriteSegments(segments), nil
}

// linkAll makes links, given as old and new by turns, and makes them durable. It gives
// those that it made, also with an error.
func (s *Store) linkAll(pairs ...volume.ID) (links []volume.ID, err error) {
	for i := 0; i < len(pairs); i += 2 {
		err := s.files.Link(pairs[i], pairs[i+1])
		if errors.Is(err, fs.ErrNotExist) {
			return links, errReplaced
		}
		if err != nil {
			return links, fmt.Errorf("link data file: %w", err)
		}
		links = append(links, pairs[i+1])
	}
	synced := map[byte]bool{}
	for _, id := range links {
		if synced[id[0]] {
			continue
		}
		synced[id[0]] = true
		if err := s.files.Sync(id); err != nil {
			return links, err
		}
	}
	s.at("links made")
	return links, nil
}
