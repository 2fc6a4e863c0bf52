// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
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
	version version
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
		v, latest, ok := b.find(ref.Key, name)
		switch {
		case !ok && name != "":
			return nil, dayfly.Errorf(dayfly.KindNotFound, "%w: %s of %q", ErrNoSuchVersion, name, ref.Key)
		case !ok:
			return nil, noKey(ref)
		case v.is(flagMarker):
			return nil, marked(ref, name, v, latest)
		}
		rec, body, err := s.load(ctx, v.seq)
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

func marked(ref Ref, name string, v version, latest bool) error {
	object := v.object(ref.Key)
	object.Latest = latest
	err := &MarkerError{VersionID: v.name(), Named: name != "", Object: object}
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
	o := g.version.object(g.rec.Key)
	o.Latest, o.Attributes, o.Checksum = g.latest, g.rec.Attributes, g.rec.Checksum
	if g.rec.Segments == 0 {
		return o, nil
	}
	segments, err := readSegments(g.body)
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
	r := &Reader{size: g.rec.Size}
	if g.rec.Inline {
		r.data = bytes.NewReader(g.body)
		return r, nil
	}
	s.files.pin(g.version.id)
	r.release = sync.OnceFunc(func() { s.files.unpin(g.version.id) })
	v, _, ok := g.bucket.find(g.rec.Key, g.version.name())
	if !ok || v.id != g.version.id {
		r.release()
		return nil, errReplaced
	}
	var err error
	if g.rec.Segments > 0 {
		r.data, err = newJoined(s.files, g.body)
	} else if r.file, err = os.Open(s.files.path(g.version.id)); err == nil {
		r.data = r.file
	}
	if err != nil {
		r.release()
		return nil, fmt.Errorf("open data of %q: %w", g.rec.Key, err)
	}
	return r, nil
}

// Reader reads one version of an object; it stays whole while it is open. One goroutine
// may use it at a time, except for ReadAt.
type Reader struct {
	size    int64
	offset  int64
	data    io.ReaderAt
	file    *os.File // nil when the data is in no file, or in several
	release func()   // nil when nothing is held
}

// Size gives the length of the data.
func (r *Reader) Size() int64 { return r.size }

// File gives the file that holds the data and nothing else, so that the kernel can send
// it; nil when there is no such file. It belongs to the reader: Close closes it, and its
// offset is not that of the reader.
func (r *Reader) File() *os.File { return r.file }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, r.offset)
	r.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= r.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > r.size-offset
	if short {
		p = p[:r.size-offset]
	}
	n, err := r.data.ReadAt(p, offset)
	switch {
	case errors.Is(err, io.EOF) && offset+int64(n) < r.size:
		err = io.ErrUnexpectedEOF // the file was cut from outside
	case err == nil && short:
		err = io.EOF
	}
	return n, err
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "seek to %d, before the beginning", offset)
	}
	r.offset = offset
	return offset, nil
}

// WriteTo implements io.WriterTo: a writer that is a connection gets a file's data from
// the kernel.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var source io.Reader = io.NewSectionReader(r.data, r.offset, max(0, r.size-r.offset))
	if r.file != nil {
		if _, err := r.file.Seek(r.offset, io.SeekStart); err != nil {
			return 0, fmt.Errorf("seek in data file: %w", err)
		}
		source = io.LimitReader(r.file, max(0, r.size-r.offset))
	}
	n, err := io.Copy(w, source)
	r.offset += n
	return n, err
}

// Close frees the data.
func (r *Reader) Close() error {
	var err error
	if closer, ok := r.data.(io.Closer); ok {
		err = closer.Close()
	}
	if r.release != nil {
		r.release()
	}
	return err
}
