// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
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
	return n, err
}

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes.Add(n)
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
