// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly/internal/gateway/encode"
)

const (
	// codings is how many ways there are to compress.
	codings = 3
	// eagerMax is the size up to which a file is read for the first request that comes
	// before the background does: a few milliseconds.
	eagerMax = 1 << 20
	// keptMax is the size up to which a file is kept in memory as it is: above, sendfile
	// is as good.
	keptMax = 64 << 10
	// squeezeMin and squeezeMax bound what is compressed: smaller files fit one packet,
	// larger ones would take the processor for seconds.
	squeezeMin = 1024
	squeezeMax = 8 << 20
	// thoroughMax is up to where the best level of brotli is used, about 1 MB/s; above, it
	// is one of 20 MB/s.
	thoroughMax      = 256 << 10
	brotliThorough   = 11
	brotliQuick      = 7
	gzipThorough     = 9
	tagBytes         = 15 // of a SHA-256: 20 characters
	worthNumerator   = 9  // a form must have less than nine tenths of the file's size
	worthDenominator = 10
)

// codingOrder is what is sent when the caller likes several the same: the smallest first.
var codingOrder = [codings]encode.Coding{encode.Brotli, encode.Zstd, encode.Gzip}

// suffixes mark files that were compressed by whoever built the site.
var suffixes = [codings]string{".br", ".zst", ".gz"}

// prepared is what is found out about a file once.
type prepared struct {
	tag     []string
	content []byte // of a small file; nil when it is served from disk
	forms   [codings]form
}

// prepareAll gives every file its tag, and then its compressed forms.
func (s *Site) prepareAll(ctx context.Context) {
	defer close(s.done)
	for _, squeeze := range []func(*entry) error{s.read, s.squeeze} {
		for _, e := range s.order {
			select {
			case <-ctx.Done():
				return
			case s.opts.Shelf.hand <- struct{}{}:
			}
			err := squeeze(e)
			<-s.opts.Shelf.hand
			if err != nil {
				s.opts.Log.Warn("file of a site not prepared", "site", s.dir, "file", e.name, "error", err)
			}
		}
	}
}

// prepare gives what is known of a file; nil for a large one that the background has not come
// to.
func (s *Site) prepare(e *entry) *prepared {
	if p := e.prepared.Load(); p != nil || e.size > eagerMax {
		return p
	}
	if err := s.read(e); err != nil {
		return nil // the answer will tell
	}
	return e.prepared.Load()
}

// read gives a file its tag, and keeps a small one.
func (s *Site) read(e *entry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.prepared.Load() != nil {
		return nil
	}
	file, err := s.open(e)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	var content bytes.Buffer
	var to io.Writer = sum
	if e.size <= keptMax {
		to = io.MultiWriter(sum, &content)
	}
	if n, err := io.Copy(to, io.LimitReader(file, e.size+1)); err != nil || n != e.size {
		return fmt.Errorf("read %d bytes of %s, it had %d: %w", n, e.name, e.size, err)
	}
	p := &prepared{tag: tagOf(sum.Sum(nil), "")}
	if e.size <= keptMax && s.shelve(e.size) {
		p.content = content.Bytes()
		if p.content == nil {
			p.content = []byte{}
		}
	}
	for i, small := range e.beside {
		if small != nil {
			p.forms[i] = form{coding: codingText[i], tag: tagOf(sum.Sum(nil), suffixes[i]),
				length: small.length, file: small}
		}
	}
	e.prepared.Store(p)
	return nil
}

// tagOf is the strong entity tag of a form of a content.
func tagOf(sum []byte, suffix string) []string {
	return []string{`"` + base64.RawURLEncoding.EncodeToString(sum[:tagBytes]) + suffix + `"`}
}

// shelve reserves memory, unless the site was closed.
func (s *Site) shelve(bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shelved < 0 || !s.opts.Shelf.take(bytes) {
		return false
	}
	s.shelved += bytes
	return true
}

// squeeze makes the compressed forms of a file that are not there.
func (s *Site) squeeze(e *entry) error {
	old := e.prepared.Load()
	if old == nil || e.size < squeezeMin || e.size > squeezeMax || !encode.Compressible(e.kind[0]) {
		return nil
	}
	content := old.content
	if content == nil {
		file, err := s.open(e)
		if err != nil {
			return err
		}
		defer file.Close()
		if content, err = io.ReadAll(io.LimitReader(file, e.size)); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(content)
	made := *old
	for i, coding := range codingOrder {
		if made.forms[i].coding != nil {
			continue
		}
		small, err := squeeze(coding, content)
		if err != nil {
			return err
		}
		if len(small) >= len(content)*worthNumerator/worthDenominator || !s.shelve(int64(len(small))) {
			continue
		}
		made.forms[i] = form{coding: codingText[i], tag: tagOf(sum[:], suffixes[i]),
			length: lengthOf(small), content: small}
	}
	e.prepared.Store(&made)
	return nil
}

// squeeze compresses a whole file as well as its size allows.
func squeeze(coding encode.Coding, content []byte) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch coding {
	case encode.Brotli:
		level := brotliThorough
		if len(content) > thoroughMax {
			level = brotliQuick
		}
		w = brotli.NewWriterLevel(&out, level)
	case encode.Zstd:
		w, err = zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(squeezeMax)) // the most that browsers take: RFC 9659
	default:
		w, err = gzip.NewWriterLevel(&out, gzipThorough)
	}
	if err != nil {
		return nil, fmt.Errorf("compress by %s: %w", coding, err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("compress by %s: %w", coding, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress by %s: %w", coding, err)
	}
	return bytes.Clone(out.Bytes()), nil
}
