// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// sizeMin is what a body must have to be compressed: smaller ones fit one packet anyway, and
// may even grow.
const sizeMin = 1024

// Writer is an http.ResponseWriter that compresses what is worth it. It hands on everything
// else as it is: files are still sent without being copied, and connections can be taken
// over.
type Writer struct {
	http.ResponseWriter
	coding  Coding // what the request takes; Identity when nothing is to be done
	encoder encoder
	state   state
	status  int
	held    []byte // the start of a body of unknown size, until it is known to be worth it
}

// state is how far an answer is.
type state int

const (
	fresh     state = iota // the head has not been decided
	waiting                // the head is decided and held: the body may yet be too small
	plain                  // handed on as it is
	encoding               // compressed
	abandoned              // closed
)

// New makes the writer of one answer to r. It must be closed when the answer is whole, and
// must not when it was cut off.
func New(w http.ResponseWriter, r *http.Request) *Writer {
	e := &Writer{ResponseWriter: w}
	if r.Method != http.MethodHead && r.Header.Get("Upgrade") == "" {
		e.coding = Choose(r.Header["Accept-Encoding"], Brotli, Zstd, Gzip)
	}
	if baited(r.Header) {
		e.coding = Identity
	}
	return e
}

// baited reports whether another site's page asked, with the cookies of this one and without
// anybody's click: so does who measures sizes.
func baited(header http.Header) bool {
	return header.Get("Sec-Fetch-Site") == "cross-site" && header.Get("Cookie") != "" &&
		header.Get("Sec-Fetch-User") != "?1"
}

// Unwrap gives the writer underneath to http.ResponseController.
func (e *Writer) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (e *Writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		e.ResponseWriter.WriteHeader(status) // a hint; the answer is still to come
		return
	}
	if e.state != fresh {
		return
	}
	e.status = status
	switch length, known := e.length(); {
	case !e.suits(status) || known && length < sizeMin:
		e.begin(plain)
	case known:
		e.begin(encoding)
	default:
		e.state = waiting
	}
}

// suits decides by the head of the answer, and says in it what the answer depends on.
func (e *Writer) suits(status int) bool {
	header := e.Header()
	if !bodied(status) || !Compressible(header.Get("Content-Type")) || forbidden(header) {
		return false
	}
	vary(header)
	return e.coding != Identity
}

// bodied reports whether answers of a status have a body that is the whole of something.
func bodied(status int) bool {
	switch status {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusResetContent,
		http.StatusPartialContent, http.StatusNotModified:
		return false
	}
	return true
}

// forbidden reports whether the body must go as it is: it is encoded, is promised to have
// some bytes, or may not be touched.
func forbidden(header http.Header) bool {
	for _, name := range []string{"Content-Encoding", "Content-Range", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		if len(header[name]) > 0 {
			return true
		}
	}
	for _, value := range header["Cache-Control"] {
		if strings.Contains(strings.ToLower(value), "no-transform") {
			return true
		}
	}
	return false
}

// vary tells caches that the answer depends on Accept-Encoding.
func vary(header http.Header) {
	for _, value := range header["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.Trim(name, " \t")
			if name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	header.Add("Vary", "Accept-Encoding")
}

// length gives the length of the body when the answer told it.
func (e *Writer) length() (n int64, known bool) {
	n, err := strconv.ParseInt(e.Header().Get("Content-Length"), 10, 64)
	return n, err == nil
}

// begin sends the head.
func (e *Writer) begin(as state) {
	e.state = as
	if as == encoding {
		header := e.Header()
		header.Del("Content-Length")
		header.Del("Accept-Ranges")
		header.Set("Content-Encoding", string(e.coding))
		if tag := header.Get("Etag"); strings.HasPrefix(tag, `"`) {
			header.Set("Etag", "W/"+tag)
		}
		e.encoder = take(e.coding, e.ResponseWriter)
	}
	e.ResponseWriter.WriteHeader(e.status)
}

// Write implements io.Writer.
func (e *Writer) Write(p []byte) (int, error) {
	if e.state == fresh {
		e.WriteHeader(http.StatusOK)
	}
	if e.state == abandoned {
		return 0, io.ErrClosedPipe
	}
	if e.state == waiting {
		if len(e.held)+len(p) < sizeMin {
			e.held = append(e.held, p...)
			return len(p), nil
		}
		if err := e.release(encoding); err != nil {
			return 0, err
		}
	}
	if e.state == encoding {
		return e.encoder.Write(p)
	}
	return e.ResponseWriter.Write(p)
}

// release begins a body whose start was held, with that start.
func (e *Writer) release(as state) error {
	e.begin(as)
	held := e.held
	e.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := e.Write(held)
	return err
}

// ReadFrom implements io.ReaderFrom, so that files go to the client without a copy.
func (e *Writer) ReadFrom(r io.Reader) (int64, error) {
	if e.state == fresh {
		e.WriteHeader(http.StatusOK)
	}
	if e.state == plain {
		return io.Copy(e.ResponseWriter, r)
	}
	return io.Copy(onlyWriter{e}, r)
}

// onlyWriter hides ReadFrom.
type onlyWriter struct{ io.Writer }

// FlushError sends what was written so far, for http.ResponseController.
func (e *Writer) FlushError() error {
	switch e.state {
	case fresh:
		e.WriteHeader(http.StatusOK)
		return e.FlushError()
	case waiting:
		if err := e.release(encoding); err != nil {
			return err
		}
		return e.FlushError()
	case encoding:
		if err := e.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(e.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (e *Writer) Flush() { _ = e.FlushError() }

// Close ends the body. It does not close what is underneath.
func (e *Writer) Close() error {
	state := e.state
	e.state = abandoned
	switch state {
	case waiting:
		// All of it is here, and it is small.
		if len(e.held) > 0 {
			e.Header().Set("Content-Length", strconv.Itoa(len(e.held)))
		}
		err := e.release(plain)
		e.state = abandoned
		return err
	case encoding:
		err := e.encoder.Close()
		give(e.coding, e.encoder)
		e.encoder = nil
		return err
	}
	return nil
}
