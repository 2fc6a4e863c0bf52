// SPDX-License-Identifier: Apache-2.0

package volume

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
	// chunkBytes is what is read, hashed and written at a time: large enough to make
	// the calls cheap, small enough to stay in a core's cache.
	chunkBytes = 256 << 10
	// chunksInFlight lets the hash of one chunk overlap with reading the next.
	chunksInFlight = 3
	// flushBytes is how much of a large object may wait to be written to the disk, so
	// that the last sync has little left to do.
	flushBytes = 8 << 20
	// freeBytesMin stays free on the disk: the log of the platform needs room to say
	// that there is none left.
	freeBytesMin = 256 << 20
	// freeShareMin is what stays free of a small disk, as a fraction: twice what the bus
	// holds back, so that objects are refused before messages are.
	freeShareMin = 4
)

// Expectation is what is known of data before it comes.
type Expectation struct {
	Size     int64    // -1: unknown
	MD5      string   // hexadecimal; empty: unknown
	Checksum Checksum // its algorithm is computed; its value compared unless empty
	Inline   int      // data of up to that many bytes is kept in no file; -1: none
}

// Intake is data that was received: inline or durable in a file.
type Intake struct {
	ID       ID // of the file
	Size     int64
	MD5      [md5.Size]byte
	Checksum Checksum
	Data     []byte // when inline
	Inline   bool
}

// Receive reads all of r. What it stores is of no effect until a record names it; Discard
// takes it back.
func (v *Volume) Receive(ctx context.Context, r io.Reader, want Expectation) (*Intake, error) {
	if want.Size > BytesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: at most %d bytes are allowed",
			ErrTooLarge, int64(BytesMax))
	}
	sums, err := newSums(want.Checksum.Algorithm)
	if err != nil {
		return nil, err
	}
	in := &Intake{ID: NewID()}
	r = &honest{r}
	head, err := readHead(r, want)
	if err != nil {
		return nil, err
	}
	if len(head) <= want.Inline {
		sums.add(head)
		in.Data, in.Inline, in.Size = head, true, int64(len(head))
		if err := v.Reserve(in.Size); err != nil {
			return nil, err
		}
	} else if in.Size, err = v.spool(ctx, in.ID, head, rest(r, want, len(head)), sums); err != nil {
		v.Discard(in) // also what it reserved
		return nil, Room(err)
	}
	if err := sums.check(in, want); err != nil {
		v.Discard(in)
		return nil, err
	}
	return in, nil
}

// readHead reads until it is known whether the data is small enough to be inline.
func readHead(r io.Reader, want Expectation) ([]byte, error) {
	room := want.Inline + 1
	if want.Size >= 0 && want.Size < int64(room) {
		room = int(want.Size) + 1
	}
	head := make([]byte, room)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read data: %w", err)
	}
	return head[:n], nil
}

// Discard takes back what Receive stored and reserved.
func (v *Volume) Discard(in *Intake) {
	if in.Inline {
		v.Release(in.Size)
		return
	}
	v.Drop(in.Size, in.ID)
}

// Drop removes files that no record names, and gives back the room they took.
func (v *Volume) Drop(size int64, ids ...ID) {
	v.Release(size)
	for _, id := range ids {
		if err := v.Remove(id); err != nil {
			v.log.Warn("data file not removed", "error", err)
		}
	}
}

// spool writes head and what follows in rest to a file and makes it durable. What it
// gives with an error is what it reserved.
func (v *Volume) spool(ctx context.Context, id ID, head []byte, rest io.Reader, sums *sums,
) (size int64, err error) {
	if err := v.checkRoom(); err != nil {
		return 0, err
	}
	file, err := v.create(id)
	if err != nil {
		return 0, fmt.Errorf("create data file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := &spooler{volume: v, file: file, sums: sums}
	defer w.hashing.Wait() // the sync of the file and the last hashes go on together
	if err = w.write(head); err == nil {
		err = w.copy(ctx, rest)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		v.cfg.At("file written")
		err = v.Sync(id)
	}
	return w.size, err
}

// spooler writes chunks to a file while another goroutine hashes them.
type spooler struct {
	volume  *Volume
	file    *os.File
	sums    *sums
	size    int64
	flushed int64
	hashing sync.WaitGroup // of the goroutine that hashes
}

func (w *spooler) write(p []byte) error {
	if err := w.volume.Reserve(int64(len(p))); err != nil {
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
		if err := w.volume.checkRoom(); err != nil {
			return err
		}
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
		free <- w.volume.chunk()
	}
	toHash := make(chan filled, chunksInFlight)
	defer close(toHash)
	w.hashing.Go(func() {
		for c := range toHash {
			w.sums.add(c.chunk[:c.n])
			free <- c.chunk
		}
		for range chunksInFlight {
			w.volume.chunks.Put(<-free)
		}
	})
	for {
		chunk := <-free
		n, err := io.ReadFull(r, chunk[:])
		full := w.volume.Reserve(int64(n))
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
		case w.size > BytesMax:
			return dayfly.Errorf(dayfly.KindInvalid, "%w: at most %d bytes are allowed",
				ErrTooLarge, int64(BytesMax))
		}
	}
}

// rest gives what follows the head, up to one byte more than expected.
func rest(r io.Reader, want Expectation, head int) io.Reader {
	if want.Size < 0 {
		return r
	}
	return io.LimitReader(r, max(0, want.Size+1-int64(head)))
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
func (v *Volume) chunk() *[chunkBytes]byte {
	if chunk, ok := v.chunks.Get().(*[chunkBytes]byte); ok {
		return chunk
	}
	return new([chunkBytes]byte)
}

// sums computes the MD5 and the checksum asked for.
type sums struct {
	md5, other hash.Hash
}

func newSums(a Algorithm) (*sums, error) {
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
func (s *sums) check(in *Intake, want Expectation) error {
	s.md5.Sum(in.MD5[:0])
	if s.other != nil {
		in.Checksum = Checksum{want.Checksum.Algorithm, FullObject, encodeSum(s.other)}
	}
	switch {
	case want.Size >= 0 && in.Size < want.Size:
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %d of %d", ErrIncomplete, in.Size, want.Size)
	case want.Size >= 0 && in.Size > want.Size:
		return dayfly.Errorf(dayfly.KindInvalid, "more than the %d bytes announced came", want.Size)
	case want.MD5 != "" && want.MD5 != hex.EncodeToString(in.MD5[:]):
		return dayfly.Errorf(dayfly.KindInvalid, "%w: MD5", ErrBadDigest)
	case want.Checksum.Value != "" && want.Checksum.Value != in.Checksum.Value:
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %s", ErrBadDigest, want.Checksum.Algorithm)
	}
	return nil
}

// Reserve takes room for n bytes before they are written; Release gives it back.
func (v *Volume) Reserve(n int64) error {
	if used := v.used.Add(n); v.cfg.MaxBytes > 0 && used > v.cfg.MaxBytes {
		v.used.Add(-n)
		return dayfly.Errorf(dayfly.KindExhausted, "%w: %d bytes are allowed in all",
			ErrQuota, v.cfg.MaxBytes)
	}
	return nil
}

// Release gives back room for n bytes.
func (v *Volume) Release(n int64) { v.used.Add(-n) }

// Count takes room for what is there already, whatever the limit.
func (v *Volume) Count(n int64) { v.used.Add(n) }

// checkRoom reports a disk that is nearly full.
func (v *Volume) checkRoom() error {
	var disk unix.Statfs_t
	if err := unix.Statfs(v.cfg.Dir, &disk); err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	least := min(freeBytesMin, int64(disk.Blocks)*disk.Bsize/freeShareMin)
	if free := int64(disk.Bavail) * disk.Bsize; free < least {
		return dayfly.Errorf(dayfly.KindExhausted, "%w: the disk is nearly full", ErrQuota)
	}
	return nil
}
