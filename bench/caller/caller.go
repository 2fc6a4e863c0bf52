// SPDX-License-Identifier: Apache-2.0

package caller

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// timeout ends a call that hangs: the longest that is waited for on purpose is the default
// queue time-out, ten seconds.
const timeout = 30 * time.Second

var wantBody = []byte("ok\n")

// Target is where requests go.
type Target struct {
	Addr    string
	Request []byte
	AnyBody bool   // the answer need not be that of the trivial handler
	Want    []byte // the answer, when it is a file's: compared as it comes in
}

// AnyBody is the fragment of URLs whose functions answer something of their own.
const AnyBody = "any-body"

// NewTarget prepares GET requests for rawURL.
func NewTarget(rawURL string) (Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return Target{}, err
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n\r\n",
		u.RequestURI(), u.Host)
	return Target{Addr: u.Host, Request: []byte(request), AnyBody: u.Fragment == AnyBody}, nil
}

// Answer is what came back.
type Answer struct {
	Status int
	Micros int64 // the handler's own clock, from its header
	ID     string
}

// Conn is one keep-alive connection.
type Conn struct {
	net.Conn
	To     Target // of the next call
	Spent  bool   // it takes no further call
	in     *bufio.Reader
	buffer []byte // of compare
}

// Dial connects.
func Dial(to Target) (*Conn, error) {
	c, err := net.DialTimeout("tcp", to.Addr, timeout)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, in: bufio.NewReaderSize(c, 4096), To: to}, nil
}

// Call makes one request and reads its whole answer.
func (c *Conn) Call() (Answer, error) {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return Answer{}, err
	}
	if _, err := c.Write(c.To.Request); err != nil {
		return Answer{}, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return Answer{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return Answer{}, fmt.Errorf("not an HTTP answer: %q", line)
	}
	a := Answer{}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return Answer{}, fmt.Errorf("not an HTTP status: %q", line)
	}
	body, err := c.rest(&a)
	if err == nil && a.Status == 200 && !c.To.AnyBody && c.To.Want == nil && !bytes.Equal(body, wantBody) {
		err = fmt.Errorf("the answer is %q, want %q", body, wantBody)
	}
	return a, err
}

// rest reads the header and the body of an answer.
func (c *Conn) rest(a *Answer) ([]byte, error) {
	length, chunked := -1, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			length, _ = strconv.Atoi(string(value))
		case is(name, "transfer-encoding"):
			chunked = is(value, "chunked")
		case is(name, "connection"):
			c.Spent = is(value, "close")
		case is(name, "x-handler-micros"):
			a.Micros, _ = strconv.ParseInt(string(value), 10, 64)
		case is(name, "x-dayfly-invocation"):
			a.ID = string(value)
		}
	}
	switch {
	case c.To.Want != nil && a.Status == 200:
		return nil, c.compare(length)
	case chunked:
		return c.chunks()
	case length >= 0:
		body := make([]byte, length)
		_, err := io.ReadFull(c.in, body)
		return body, err
	default:
		c.Spent = true
		return io.ReadAll(c.in)
	}
}

// compareBytes are compared at once: few enough to stay in the processor's cache.
const compareBytes = 128 << 10

// compare reads a body of that length, and compares it with the file that it is to be.
func (c *Conn) compare(length int) error {
	if length != len(c.To.Want) {
		return fmt.Errorf("the answer has %d bytes, want %d", length, len(c.To.Want))
	}
	if c.buffer == nil {
		c.buffer = make([]byte, compareBytes)
	}
	for left := c.To.Want; len(left) > 0; {
		n, err := c.in.Read(c.buffer[:min(len(left), compareBytes)])
		if err != nil {
			return err
		}
		if !bytes.Equal(c.buffer[:n], left[:n]) {
			return fmt.Errorf("the answer differs within %d bytes of its end", len(left))
		}
		left = left[n:]
	}
	return nil
}

func is(b []byte, lower string) bool {
	return len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

func (c *Conn) chunks() ([]byte, error) {
	var body []byte
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseUint(strings.TrimSpace(line), 16, 24)
		if err != nil {
			return nil, fmt.Errorf("bad chunk: %w", err)
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(c.in, chunk); err != nil {
			return nil, err
		}
		if size == 0 {
			return body, nil
		}
		body = append(body, chunk[:size]...)
	}
}
