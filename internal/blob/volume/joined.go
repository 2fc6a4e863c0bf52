// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
)

// joined is the data of an object in several files, of which one is open at a time. The
// pin of its reader keeps the others.
type joined struct {
	volume   *Volume
	segments []Segment
	ends     []int64 // where each segment ends

	mu   sync.Mutex // guards file, at
	file *os.File
	at   int // which segment is open
}

func newJoined(v *Volume, body []byte) (*joined, error) {
	segments, err := ReadSegments(body)
	if err != nil {
		return nil, err
	}
	j := &joined{volume: v, segments: segments}
	var end int64
	for _, s := range segments {
		end += s.Size
		j.ends = append(j.ends, end)
	}
	return j, nil
}

// ReadAt implements io.ReaderAt.
func (j *joined) ReadAt(p []byte, offset int64) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	read := 0
	for read < len(p) {
		at := sort.Search(len(j.ends), func(i int) bool { return j.ends[i] > offset })
		if at == len(j.ends) {
			return read, io.EOF
		}
		if err := j.open(at); err != nil {
			return read, err
		}
		piece := p[read:]
		if left := j.ends[at] - offset; int64(len(piece)) > left {
			piece = piece[:left]
		}
		n, err := j.file.ReadAt(piece, offset-(j.ends[at]-j.segments[at].Size))
		read += n
		offset += int64(n)
		if n < len(piece) {
			return read, fmt.Errorf("read segment %d: %w", at, errors.Join(err, io.ErrUnexpectedEOF))
		}
	}
	return read, nil
}

func (j *joined) open(at int) error {
	if j.file != nil && j.at == at {
		return nil
	}
	file, err := os.Open(j.volume.path(j.segments[at].ID))
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	if j.file != nil {
		_ = j.file.Close() // it was only read
	}
	j.file, j.at = file, at
	return nil
}

// Close implements io.Closer.
func (j *joined) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return file.Close()
}
