// SPDX-License-Identifier: Apache-2.0

package cgi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// headMax bounds the header block; past it the output counts as a bare body.
const headMax = 32 << 10

// Target takes the answer.
type Target interface {
	// Respond takes status and header, once, before the body.
	Respond(status int, header http.Header) error
	io.Writer
}

// Reading says how output is taken.
type Reading int

// The readings.
const (
	// Lenient takes output that does not begin like a CGI header as a body.
	Lenient Reading = iota
	// Strict wants a header with Content-Type or Location, as WAGI does.
	Strict
)

// Answer turns a program's output into an answer: it holds the first bytes back until
// it is clear whether they are a header.
type Answer struct {
	target  Target
	reading Reading
	held    []byte
	open    bool // the head is out
	err     error
}

// NewAnswer makes an Answer for one call.
func NewAnswer(target Target, reading Reading) *Answer {
	return &Answer{target: target, reading: reading}
}

// Err tells what was wrong with the output, or with sending it.
func (a *Answer) Err() error { return a.err }

// Write implements io.Writer for the program's standard output.
func (a *Answer) Write(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.open {
		_, a.err = a.target.Write(p)
		return len(p), a.err
	}
	a.held = append(a.held, p...)
	end := headEnd(a.held[:min(len(a.held), headMax)])
	switch isLong := len(a.held) > headMax; {
	case a.reading == Lenient && !mayBeCGI(a.held):
		a.err = a.begin(http.StatusOK, plain(), a.held)
	case end > 0:
		a.err = a.beginCGI(end)
	case isLong && a.reading == Strict:
		a.err = fmt.Errorf("the CGI header is longer than %d bytes", headMax)
	case isLong:
		a.err = a.begin(http.StatusOK, plain(), a.held)
	}
	return len(p), a.err
}

// Close sends what is still held back.
func (a *Answer) Close() error {
	switch {
	case a.err != nil, a.open:
		return a.err
	case a.reading == Strict:
		return errors.New("the output ended before the empty line that ends the CGI header")
	}
	return a.begin(http.StatusOK, plain(), a.held)
}

func (a *Answer) begin(status int, header http.Header, body []byte) error {
	a.open, a.held = true, nil
	if err := a.target.Respond(status, header); err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	_, err := a.target.Write(body)
	return err
}

func (a *Answer) beginCGI(end int) error {
	block := a.held[:end]
	r := textproto.NewReader(bufio.NewReader(
		io.MultiReader(bytes.NewReader(block), strings.NewReader("\r\n\r\n"))))
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("the CGI header cannot be read: %w", err)
	}
	header, status := http.Header(fields), http.StatusOK
	if a.reading == Strict && header.Get("Content-Type") == "" && header.Get("Location") == "" {
		return errors.New("the CGI header has neither Content-Type nor Location")
	}
	if header.Get("Location") != "" {
		status = http.StatusFound
	}
	if text := header.Get("Status"); text != "" {
		code, _, _ := strings.Cut(text, " ")
		if status, err = strconv.Atoi(code); err != nil || status < 200 || status > 599 {
			return fmt.Errorf("the CGI header has status %q, want 200 to 599", text)
		}
		header.Del("Status")
	}
	return a.begin(status, header, a.held[end:])
}

// mayBeCGI tells whether output that begins so may still be a CGI header: RFC 3875
// wants one of these three, and plain text rarely starts with them.
func mayBeCGI(out []byte) bool {
	for _, name := range []string{"status:", "content-type:", "location:"} {
		n := min(len(out), len(name))
		if strings.EqualFold(string(out[:n]), name[:n]) {
			return true
		}
	}
	return false
}

// headEnd gives where the body starts, or 0.
func headEnd(out []byte) int {
	for _, sep := range []string{"\n\n", "\n\r\n"} {
		if i := bytes.Index(out, []byte(sep)); i >= 0 {
			return i + len(sep)
		}
	}
	return 0
}

func plain() http.Header {
	return http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
}
