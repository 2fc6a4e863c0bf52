// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

const (
	// inlineBytesMax is the largest object that is kept inside its record. A file costs
	// its creation and two syncs; doc.go of the benchmarks has the numbers.
	inlineBytesMax = 32 << 10
	// chunkBytes is what is read, hashed and written at a time: large enough to make
	// the calls cheap, small enough to stay in a core's cache.
	chunkBytes = 256 << 10
	// chunksInFlight lets the hash of one chunk overlap with reading the next.
	chunksInFlight = 3
	// flushBytes is how much of a large object may wait to be written to the disk, so
	// that the last sync has little left to do.
	flushBytes = 8 << 20
)

// expectation is what is known of data before it comes.
type expectation struct {
	size     int64  // -1: unknown
	md5      string // hexadecimal; empty: unknown
	checksum Checksum
	inline   int // up to how many bytes it may be kept in its record
}

// intake is data that was received: inline or durable in a file.
type intake struct {
	id       fileID
	size     int64
	md5      [md5.Size]byte
	checksum Checksum
	data     []byte // when inline
	inline   bool
}

// receive reads all of r. What it stores is of no effect until a record names it; discard
// takes it back.
func (s *Store) receive(ctx context.Context, r io.Reader, want expectation) (*intake, error) {
	if want.size > objectBytesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: at most %d bytes are allowed",
			ErrTooLarge, int64(objectBytesMax))
	}
	sums, err := newSums(want.checksum.Algorithm)
	if err != nil {
		return nil, err
	}
	in := &intake{id: newFileID()}
	r = &honest{r}
	head, err := readHead(r, want)
	if err != nil {
		return nil, err
	}
	if len(head) <= want.inline {
		sums.add(head)
		in.data, in.inline, in.size = head, true, int64(len(head))
		if err := s.reserve(in.size); err != nil {
			return nil, err
		}
	} else if in.size, err = s.spool(ctx, in.id, head, rest(r, want, len(head)), sums); err != nil {
		s.discard(in) // also what it reserved
		return nil, room(err)
	}
	if err := sums.check(in, want); err != nil {
		s.discard(in)
		return nil, err
	}
	return in, nil
}

// readHead reads until it is known whether the data is small enough to be inline.
func readHead(r io.Reader, want expectation) ([]byte, error) {
	room := want.inline + 1
	if want.size >= 0 && want.size < int64(room) {
		room = int(want.size) + 1
	}
	head := make([]byte, room)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read data: %w", err)
	}
	return head[:n], nil
}

// discard takes back what receive stored and reserved.
func (s *Store) discard(in *intake) {
	s.used.Add(-in.size)
	if in.inline {
		return
	}
	if err := s.files.remove(in.id); err != nil {
		s.log.Warn("data file not removed", "error", err)
	}
}

// spool writes head and what follows in rest to a file and makes it durable. What it
// gives with an error is what it reserved.
func (s *Store) spool(ctx context.Context, id fileID, head []byte, rest io.Reader, sums *sums,
) (size int64, err error) {
	file, err := s.files.create(id)
	if err != nil {
		return 0, fmt.Errorf("create data file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := &spooler{store: s, file: file, sums: sums}
	defer w.hashing.Wait() // the sync of the file and the last hashes go on together
	if err = w.write(head); err == nil {
		err = w.copy(ctx, rest)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		s.at("file written")
		err = s.files.sync(id)
	}
	return w.size, err
}

// spooler writes chunks to a file while another goroutine hashes them.
type spooler struct {
	store   *Store
	file    *os.File
	sums    *sums
	size    int64
	flushed int64
	hashing sync.WaitGroup // of the goroutine that hashes
}

func (w *spooler) write(p []byte) error {
	if err := w.store.reserve(int64(len(p))); err != nil {
		return err
	}
	w.size += int64(len(p))
	w.sums.add(p)
	return w.put(p)
}

func (w *spooler) put(p []byte) error {
	if _, err := w.file.Write(p); err != nil {
		return fmt.Errorf("write data file: %w", err)
	}
	if w.size-w.flushed >= flushBytes {
		// Only a hint to begin; the sync at the end is what counts.
		_ = unix.SyncFileRange(int(w.file.Fd()), w.flushed, w.size-w.flushed,
			unix.SYNC_FILE_RANGE_WRITE)
		w.flushed = w.size
	}
	return nil
}

// filled is a chunk with n bytes to hash.
type filled struct {
	chunk *[chunkBytes]byte
	n     int
}

// copy writes all of r. A chunk is hashed while it is written and the next one read.
func (w *spooler) copy(ctx context.Context, r io.Reader) error {
	free := make(chan *[chunkBytes]byte, chunksInFlight)
	for range chunksInFlight {
		free <- w.store.chunk()
	}
	toHash := make(chan filled, chunksInFlight)
	defer close(toHash)
	w.hashing.Go(func() {
		for c := range toHash {
			w.sums.add(c.chunk[:c.n])
			free <- c.chunk
		}
		for range chunksInFlight {
			w.store.chunks.Put(<-free)
		}
	})
	for {
		chunk := <-free
		n, err := io.ReadFull(r, chunk[:])
		full := w.store.reserve(int64(n))
		if full != nil {
			n = 0
		}
		w.size += int64(n)
		toHash <- filled{chunk, n} // hashing only reads, as put does
		if err := errors.Join(full, w.put(chunk[:n])); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read data: %w", err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.size > objectBytesMax:
			return dayfly.Errorf(dayfly.KindInvalid, "%w: at most %d bytes are allowed",
				ErrTooLarge, int64(objectBytesMax))
		}
	}
}

// rest gives what follows the head, up to one byte more than expected.
func rest(r io.Reader, want expectation, head int) io.Reader {
	if want.size < 0 {
		return r
	}
	return io.LimitReader(r, max(0, want.size+1-int64(head)))
}

// honest is a reader that never says io.ErrUnexpectedEOF: io.ReadFull says so at the end
// of data that is whole, and what is cut off must not look the same.
type honest struct{ io.Reader }

// Read implements io.Reader.
func (h *honest) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = dayfly.Errorf(dayfly.KindInvalid, "%w", ErrIncomplete)
	}
	return n, err
}

// chunk gives a buffer, to be put back into chunks.
func (s *Store) chunk() *[chunkBytes]byte {
	if chunk, ok := s.chunks.Get().(*[chunkBytes]byte); ok {
		return chunk
	}
	return new([chunkBytes]byte)
}

// sums computes the MD5 and the checksum asked for.
type sums struct {
	md5, other hash.Hash
}

func newSums(a ChecksumAlgorithm) (*sums, error) {
	other, err := a.hasher()
	return &sums{md5: md5.New(), other: other}, err
}

func (s *sums) add(p []byte) {
	_, _ = s.md5.Write(p) // hashes never fail
	if s.other != nil {
		_, _ = s.other.Write(p)
	}
}

// check writes the sums into in and compares them with what was expected.
func (s *sums) check(in *intake, want expectation) error {
	s.md5.Sum(in.md5[:0])
	if s.other != nil {
		in.checksum = Checksum{want.checksum.Algorithm, FullObject, encodeSum(s.other)}
	}
	switch {
	case want.size >= 0 && in.size < want.size:
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %d of %d", ErrIncomplete, in.size, want.size)
	case want.size >= 0 && in.size > want.size:
		return dayfly.Errorf(dayfly.KindInvalid, "more than the %d bytes announced came", want.size)
	case want.md5 != "" && want.md5 != hex.EncodeToString(in.md5[:]):
		return dayfly.Errorf(dayfly.KindInvalid, "%w: MD5", ErrBadDigest)
	case want.checksum.Value != "" && want.checksum.Value != in.checksum.Value:
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %s", ErrBadDigest, want.checksum.Algorithm)
	}
	return nil
}

// reserve takes room for n bytes before they are written.
func (s *Store) reserve(n int64) error {
	if used := s.used.Add(n); s.cfg.MaxBytes > 0 && used > s.cfg.MaxBytes {
		s.used.Add(-n)
		return dayfly.Errorf(dayfly.KindExhausted, "%w: %d bytes are allowed in all",
			ErrQuota, s.cfg.MaxBytes)
	}
	return nil
}
