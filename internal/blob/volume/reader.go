// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/dayfly-faas/dayfly"
)

// Reader reads the data of an object; it stays whole while it is open. One goroutine
// may use it at a time, except for ReadAt.
type Reader struct {
	size    int64
	offset  int64
	data    io.ReaderAt
	file    *os.File // nil when the data is in no file, or in several
	release func()   // nil when nothing is held
}

// NewReader reads data that is in no file.
func NewReader(data []byte) *Reader {
	return &Reader{size: int64(len(data)), data: bytes.NewReader(data)}
}

// Open reads the file of id. Close calls release.
func (v *Volume) Open(id ID, size int64, release func()) (*Reader, error) {
	file, err := os.Open(v.path(id))
	if err != nil {
		return nil, fmt.Errorf("open data file: %w", err)
	}
	return &Reader{size: size, data: file, file: file, release: sync.OnceFunc(release)}, nil
}

// OpenJoined reads the files that the segments of body list, one after the other. They
// must stay until Close calls release.
func (v *Volume) OpenJoined(body []byte, size int64, release func()) (*Reader, error) {
	data, err := newJoined(v, body)
	if err != nil {
		return nil, err
	}
	return &Reader{size: size, data: data, release: sync.OnceFunc(release)}, nil
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
