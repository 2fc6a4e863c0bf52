// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Levels and windows of answers that are made on the spot: about 100 MB/s per core, and at
// most 1 MiB of memory for each that is under way.
const (
	brotliLevel  = 4
	brotliWindow = 18 // its logarithm: 256 KiB
	gzipLevel    = 5
	zstdWindow   = 256 << 10
)

// encoder is what the libraries have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// The encoders are kept for the next answer: making one costs more than a small answer.
var (
	brotlis = sync.Pool{New: func() any {
		return brotli.NewWriterOptions(io.Discard, brotli.WriterOptions{Quality: brotliLevel, LGWin: brotliWindow})
	}}
	gzips = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(io.Discard, gzipLevel) // the level is valid
		return w
	}}
	zstds = sync.Pool{New: func() any {
		w, _ := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedDefault), // the options are valid
			zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		return w
	}}
)

func poolOf(coding Coding) *sync.Pool {
	switch coding {
	case Brotli:
		return &brotlis
	case Zstd:
		return &zstds
	}
	return &gzips
}

// take gives an encoder that writes to w.
func take(coding Coding, w io.Writer) encoder {
	e := poolOf(coding).Get().(encoder)
	e.Reset(w)
	return e
}

// give takes an encoder back that was closed.
func give(coding Coding, e encoder) {
	e.Reset(io.Discard)
	poolOf(coding).Put(e)
}
