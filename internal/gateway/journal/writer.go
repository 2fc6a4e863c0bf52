// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// writer counts what is answered.
type writer struct {
	http.ResponseWriter
	status int
	bytes  atomic.Int64 // an upgraded connection is written to by others
	broken bool         // the client did not get what was written
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes.Add(int64(n))
	w.note(err)
	return n, err
}

// FlushError sends what there is.
func (w *writer) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.note(err)
	return err
}

// note remembers that an answer broke off: what serves files keeps that to itself.
func (w *writer) note(err error) {
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrNotSupported) {
		w.broken = true
	}
}

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes.Add(n)
	w.note(err)
	return n, err
}

// Hijack implements http.Hijacker.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if w.status == 0 {
		w.status = http.StatusSwitchingProtocols
	}
	return &conn{Conn: c, bytes: &w.bytes}, rw, nil
}

// code is the status that the client saw.
func (w *writer) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// conn counts what is written to an upgraded connection.
type conn struct {
	net.Conn
	bytes *atomic.Int64
}

// Write implements io.Writer.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}
