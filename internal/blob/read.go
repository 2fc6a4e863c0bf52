// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// readAttempts is how often a read begins anew when the version that it found was
// replaced before its record was read.
const readAttempts = 20

// Stat gives a version of an object (empty: the latest).
func (s *Store) Stat(ctx context.Context, ref Ref, version string) (Object, error) {
	got, err := s.look(ctx, ref, version)
	if err != nil {
		return Object{}, err
	}
	return got.object()
}

// OpenObject gives a version of an object (empty: the latest) and its data, which the
// caller closes.
func (s *Store) OpenObject(ctx context.Context, ref Ref, version string) (Object, *Reader, error) {
	for range readAttempts {
		got, err := s.look(ctx, ref, version)
		if err != nil {
			return Object{}, nil, err
		}
		object, err := got.object()
		if err != nil {
			return Object{}, nil, err
		}
		reader, err := s.reader(got)
		if errors.Is(err, errReplaced) {
			continue
		}
		return object, reader, err
	}
	return Object{}, nil, busy(ref)
}

func busy(ref Ref) error {
	return dayfly.Errorf(dayfly.KindUnavailable, "the object %q changes too quickly to be read", ref.Key)
}

// sight is a version as it was found.
type sight struct {
	bucket  *bucket
	version index.Version
	latest  bool
	rec     record
	body    []byte
}

// look finds a version with data and reads its record.
func (s *Store) look(ctx context.Context, ref Ref, name string) (*sight, error) {
	if err := ref.Validate(); err != nil {
		return nil, err
	}
	b, err := s.bucket(ref.bucket())
	if err != nil {
		return nil, err
	}
	for range readAttempts {
		v, latest, ok := b.objects.Find(ref.Key, name)
		switch {
		case !ok && name != "":
			return nil, dayfly.Errorf(dayfly.KindNotFound, "%w: %s of %q", ErrNoSuchVersion, name, ref.Key)
		case !ok:
			return nil, noKey(ref)
		case v.Is(index.Marker):
			return nil, marked(ref, name, v, latest)
		}
		rec, body, err := s.load(ctx, v.Seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // replaced meanwhile
		}
		if err != nil {
			return nil, err
		}
		return &sight{b, v, latest, *rec, body}, nil
	}
	return nil, busy(ref)
}

func noKey(ref Ref) error {
	return dayfly.Errorf(dayfly.KindNotFound, "%w: %q", ErrNoSuchKey, ref.Key)
}

func marked(ref Ref, name string, v index.Version, latest bool) error {
	object := objectOf(ref.Key, &v)
	object.Latest = latest
	err := &MarkerError{VersionID: v.Name(), Named: name != "", Object: object}
	return dayfly.Errorf(dayfly.KindNotFound, "%w: %q", err, ref.Key)
}

// load reads the record at a sequence.
func (s *Store) load(ctx context.Context, seq uint64) (*record, []byte, error) {
	msg, err := s.stream.GetMsg(ctx, seq)
	if err != nil {
		return nil, nil, fmt.Errorf("read record %d of objects: %w", seq, err)
	}
	rec := new(record)
	if err := readRecord(msg.Header, rec); err != nil {
		return nil, nil, err
	}
	return rec, msg.Data, nil
}

// object gives all that is known of the version.
func (g *sight) object() (Object, error) {
	o := objectOf(g.rec.Key, &g.version)
	o.Latest, o.Attributes, o.Checksum = g.latest, g.rec.Attributes, g.rec.Checksum
	if g.rec.Segments == 0 {
		return o, nil
	}
	segments, err := volume.ReadSegments(g.body)
	for _, part := range segments {
		o.Parts = append(o.Parts, Part{Number: part.Number, Size: part.Size,
			Checksum: Checksum{Algorithm: g.rec.Checksum.Algorithm, Value: part.Sum}})
	}
	return o, err
}

// errReplaced says that a version went while it was being opened.
var errReplaced = errors.New("the version was replaced")

// reader opens the data. From the pin on, what the index still names stays.
func (s *Store) reader(g *sight) (*Reader, error) {
	if g.rec.Inline {
		return volume.NewReader(g.body), nil
	}
	id := g.version.ID
	s.files.Pin(id)
	release := func() { s.files.Unpin(id) }
	v, _, ok := g.bucket.objects.Find(g.rec.Key, g.version.Name())
	if !ok || v.ID != id {
		release()
		return nil, errReplaced
	}
	var err error
	var r *Reader
	if g.rec.Segments > 0 {
		r, err = s.files.OpenJoined(g.body, g.rec.Size, release)
	} else {
		r, err = s.files.Open(id, g.rec.Size, release)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("open data of %q: %w", g.rec.Key, err)
	}
	return r, nil
}
