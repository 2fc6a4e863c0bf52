// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// headMax bounds the CGI header block; past it the output counts as a bare body.
const headMax = 32 << 10

// answer turns a program's output into a response: it holds the first bytes back
// until it is clear whether they are a CGI header.
type answer struct {
	call *call
	held []byte
	open bool // the head is out
	err  error
}

// Write implements io.Writer for the program's standard output.
func (a *answer) Write(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.open {
		_, a.err = a.call.Write(p)
		return len(p), a.err
	}
	a.held = append(a.held, p...)
	switch end := headEnd(a.held); {
	case !mayBeCGI(a.held):
		a.err = a.begin(http.StatusOK, plain(), a.held)
	case end > 0:
		a.err = a.beginCGI(end)
	case len(a.held) > headMax:
		a.err = a.begin(http.StatusOK, plain(), a.held)
	}
	return len(p), a.err
}

// close sends what is still held back.
func (a *answer) close() error {
	if a.err != nil || a.open {
		return a.err
	}
	return a.begin(http.StatusOK, plain(), a.held)
}

func (a *answer) begin(status int, header http.Header, body []byte) error {
	a.open, a.held = true, nil
	if err := a.call.Respond(status, header, nil); err != nil {
		return err
	}
	_, err := a.call.Write(body)
	return err
}

func (a *answer) beginCGI(end int) error {
	block := a.held[:end]
	r := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(block), strings.NewReader("\r\n\r\n"))))
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("the CGI header cannot be read: %w", err)
	}
	header, status := http.Header(fields), http.StatusOK
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

func query(raw string) string {
	if raw == "" {
		return ""
	}
	return "?" + raw
}

func unescape(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}
