// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

// Source is code on this machine that can be uploaded: a folder, a single file or a
// zip. It must be closed.
type Source struct {
	// Path is what was opened.
	Path string
	// Digest names the content: the same files give the same one everywhere.
	Digest dayfly.Digest
	// Files and Bytes count what it holds.
	Files int
	Bytes int64
	// Dropped names what is left out because it cannot be kept, such as links that
	// lead outside.
	Dropped []string

	pack     func(io.Writer) (dayfly.Digest, bundle.Stats, error)
	unpacked string // folder that a zip was unpacked to
}

// OpenSource reads the code at path once, to name it. Of a folder it leaves out what
// .gitignore and .dayflyignore name, and what is never source, such as node_modules.
func OpenSource(path string) (*Source, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", path)
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "open %s: %w", path, err)
	}
	s := &Source{Path: path}
	var stats bundle.Stats
	switch {
	case info.IsDir():
		stats, err = s.folder(path, bundle.SourceOptions())
	case strings.EqualFold(filepath.Ext(path), ".zip"):
		stats, err = s.zip(path)
	default:
		s.pack = func(w io.Writer) (dayfly.Digest, bundle.Stats, error) {
			return bundle.PackFile(w, path)
		}
		s.Digest, stats, err = bundle.DigestFile(path)
	}
	if err == nil && stats.Files == 0 {
		err = dayfly.Errorf(dayfly.KindInvalid, "%s holds no files", path).
			WithHint("name the folder, file or zip that holds the code")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Files, s.Bytes, s.Dropped = stats.Files, stats.Bytes, stats.Dropped
	return s, nil
}

func (s *Source) folder(path string, opts bundle.Options) (stats bundle.Stats, err error) {
	s.pack = func(w io.Writer) (dayfly.Digest, bundle.Stats, error) {
		return bundle.Pack(w, path, opts)
	}
	s.Digest, stats, err = bundle.Digest(path, opts)
	return stats, err
}

// zip unpacks first: the platform keeps content, not archives, so that a zip and the
// folder that it was made of are the same source.
func (s *Source) zip(path string) (bundle.Stats, error) {
	dir, err := os.MkdirTemp("", "dayfly-source-")
	if err != nil {
		return bundle.Stats{}, dayfly.Errorf(dayfly.KindInvalid, "unpack %s: %w", path, err)
	}
	s.unpacked = dir
	if _, err := bundle.UnpackZip(path, dir, bundle.Limits{}); err != nil {
		return bundle.Stats{}, err
	}
	return s.folder(dir, bundle.Options{})
}

// Close frees what OpenSource took.
func (s *Source) Close() error {
	if s.unpacked == "" {
		return nil
	}
	return os.RemoveAll(s.unpacked)
}

// HasSource tells whether the node has that source already.
func (c *Client) HasSource(ctx context.Context, digest dayfly.Digest) (bool, error) {
	resp, err := c.send(ctx, call{method: http.MethodHead, path: "/v1/sources/" + string(digest)})
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, problemOf(resp)
}

// Upload sends a source unless the node has it, and tells how many bytes went over the
// wire: 0 when there was nothing to send.
func (c *Client) Upload(ctx context.Context, s *Source) (int64, error) {
	has, err := c.HasSource(ctx, s.Digest)
	if err != nil || has {
		return 0, err
	}
	r, w := io.Pipe()
	counted := &counter{w: w}
	done := make(chan error, 1)
	go func() {
		digest, _, err := s.pack(counted)
		if err == nil && digest != s.Digest {
			err = dayfly.Errorf(dayfly.KindConflict, "%s changed while it was sent", s.Path)
		}
		done <- err
		w.CloseWithError(err)
	}()
	resp, err := c.do(ctx, call{method: http.MethodPut, path: "/v1/sources/" + string(s.Digest),
		body: r, kind: "application/zstd"})
	r.CloseWithError(errStopped) // lets pack end when the node did not read everything
	packErr := <-done
	if packErr != nil && !errors.Is(packErr, errStopped) {
		err = packErr
	}
	if err != nil {
		return counted.n, err
	}
	return counted.n, resp.Body.Close()
}

// errStopped ends packing when nobody reads any more.
var errStopped = errors.New("upload stopped")

type counter struct {
	w io.Writer
	n int64
}

// Write counts what passes.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func jsonCall(method, path string, body []byte) call {
	return call{method: method, path: path, body: bytes.NewReader(body), kind: "application/json"}
}
