// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// span is the piece of an object that a request asks for.
type span struct {
	start, length int64
	whole         bool
	text          string // for Content-Range; empty for the whole
	parts         *int32 // how many there are, when one was asked for
}

// window finds the piece. A range that is malformed, or several, mean the whole.
func window(o blob.Object, asked string, part *int32) (span, error) {
	at := span{length: o.Size, whole: true}
	switch {
	case part != nil && len(o.Parts) > 0:
		count := int32(len(o.Parts))
		if *part < 1 || *part > count {
			return span{}, s3err.GetInvalidPartNumberRangeErr(count, *part)
		}
		for _, p := range o.Parts[:*part-1] {
			at.start += p.Size
		}
		at.length, at.whole, at.parts = o.Parts[*part-1].Size, false, &count
	case part != nil && *part != 1:
		return span{}, s3err.GetInvalidPartNumberRangeErr(1, *part)
	case part != nil: // an object of one part
	default:
		start, length, valid, err := backend.ParseObjectRange(o.Size, asked)
		if err != nil || !valid {
			return at, err
		}
		at.start, at.length, at.whole = start, length, false
	}
	if o.Size > 0 && (!at.whole || part != nil) {
		at.text = fmt.Sprintf("bytes %d-%d/%d", at.start, at.start+at.length-1, o.Size)
	}
	return at, nil
}

// sending is the body of an answer: left bytes of an object from where it stands.
type sending struct {
	data *blob.Reader
	left int64
}

// Read gives the next bytes.
func (s *sending) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	n, err := s.data.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo lets the kernel send a file without copying it through this process.
func (s *sending) WriteTo(w io.Writer) (int64, error) {
	buffered, ok := w.(interface {
		io.ReaderFrom
		Flush() error
	})
	file := fileOf(s.data)
	if !ok || file == nil {
		return io.Copy(w, plainReader{s})
	}
	if err := buffered.Flush(); err != nil { // the headers; the file goes past the buffer
		return 0, err
	}
	limited := &io.LimitedReader{R: file, N: s.left}
	n, err := buffered.ReadFrom(limited)
	s.left -= n
	return n, err
}

// plainReader hides WriteTo from io.Copy.
type plainReader struct{ io.Reader }

// fileOf gives the file that an object is in, if it is in one.
func fileOf(r *blob.Reader) *os.File { return r.File() }

// Close frees the object.
func (s *sending) Close() error { return s.data.Close() }

// storedEncoding leaves out of Content-Encoding what only was said of the upload.
func storedEncoding(said string) string {
	var kept []string
	for part := range strings.SplitSeq(said, ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ", ")
}

// isQuiet tells whether a request to delete many wants failures only.
func isQuiet(body []byte) bool {
	var asked struct {
		Quiet bool `xml:"Quiet"`
	}
	return xml.Unmarshal(body, &asked) == nil && asked.Quiet
}
