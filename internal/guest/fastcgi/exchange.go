// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	// headMax bounds the header block of an answer; servers elsewhere allow 4 to 64 KiB.
	headMax = 256 << 10
	// recordBuffer holds the largest record and its padding.
	recordBuffer = 65_535 + 255
)

// answer is what a program gave: a head, and the body to be read.
type answer struct {
	status int
	header http.Header
	body   io.Reader
}

// exchange asks the program behind conn, which serves this one request. The answer's
// body must be read before conn is closed. What the program complains of goes to stderr.
func exchange(conn net.Conn, params []byte, body io.Reader, stderr io.Writer) (*answer, error) {
	begin := appendRecord(nil, typeBegin, []byte{0, roleResponder, 0, 0, 0, 0, 0, 0})
	if _, err := conn.Write(appendStream(begin, typeParams, params)); err != nil {
		return nil, fmt.Errorf("ask program: %w", err)
	}
	go sendBody(conn, body)
	out := bufio.NewReaderSize(&stdout{
		r: bufio.NewReaderSize(conn, 32<<10), stderr: stderr, buffer: make([]byte, recordBuffer),
	}, 16<<10)
	return readAnswer(out)
}

// sendBody sends the request's body. A program need not read it: what cannot be sent is
// no failure. It must not take what broke off for the whole.
func sendBody(conn net.Conn, body io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(appendRecord(nil, typeStdin, buffer[:n])); err != nil {
				return
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			_ = conn.Close()
			return
		}
	}
	_, _ = conn.Write(appendRecord(nil, typeStdin, nil))
}

// stdout is the program's output out of its records.
type stdout struct {
	r      io.Reader
	stderr io.Writer
	buffer []byte
	left   []byte
	err    error
}

// Read implements io.Reader; io.EOF comes after END_REQUEST only.
func (s *stdout) Read(p []byte) (int, error) {
	for len(s.left) == 0 && s.err == nil {
		var rec record
		if rec, s.err = readRecord(s.r, s.buffer); s.err != nil {
			if errors.Is(s.err, io.EOF) {
				s.err = io.ErrUnexpectedEOF
			}
			break
		}
		switch rec.kind {
		case typeStdout:
			s.left = rec.content
		case typeStderr:
			_, _ = s.stderr.Write(rec.content)
		case typeEnd:
			s.err = ending(rec.content)
		}
	}
	if len(s.left) == 0 {
		return 0, s.err
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// ending reads END_REQUEST: after four bytes of the program's status it says whether the
// program took the request.
func ending(content []byte) error {
	switch {
	case len(content) < 5:
		return errRecord
	case content[4] != 0:
		return fmt.Errorf("the program refused the request with status %d", content[4])
	}
	return io.EOF
}

// readAnswer reads the header block, as CGI has it.
func readAnswer(out *bufio.Reader) (*answer, error) {
	limited := &io.LimitedReader{R: out, N: headMax}
	lines := bufio.NewReaderSize(limited, 1) // 16 bytes, the least: little is read ahead
	fields, err := textproto.NewReader(lines).ReadMIMEHeader()
	switch {
	case err != nil && limited.N <= 0:
		return nil, fmt.Errorf("the answer's header is longer than %d bytes", headMax)
	case err != nil:
		return nil, fmt.Errorf("read answer's header: %w", err)
	}
	ahead, _ := lines.Peek(lines.Buffered()) // what is buffered can be had
	a := &answer{status: http.StatusOK, header: http.Header(fields),
		body: io.MultiReader(strings.NewReader(string(ahead)), out)}
	if a.header.Get("Location") != "" {
		a.status = http.StatusFound
	}
	if text := a.header.Get("Status"); text != "" {
		code, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if a.status, err = strconv.Atoi(code); err != nil || a.status < 200 || a.status > 599 {
			return nil, fmt.Errorf("the answer has status %.40q, want 200 to 599", text)
		}
		a.header.Del("Status")
	}
	return a, nil
}

// dial connects to the program's socket.
func dial(ctx context.Context, socket string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect to program: %w", err)
	}
	return conn, nil
}
