// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The load generator speaks just enough HTTP/1.1 to check an answer: it shares the
// cores with what it measures, and net/http's client would take a third of them.

const (
	// callTimeout ends a call that hangs: the longest that is waited for on purpose
	// is the default queue time-out, ten seconds.
	callTimeout = 30 * time.Second
	// openConnsMax bounds the connections of the open loop: more than any queue of the
	// platform takes in, so that what is refused is refused by it and not by us.
	openConnsMax = 6000
)

var wantBody = []byte("ok\n")

// target is where requests go.
type target struct {
	addr    string
	request []byte
	anyBody bool   // the answer need not be that of the trivial handler
	want    []byte // the answer, when it is a file's: compared as it comes in
}

// anyBody is the fragment of URLs whose functions answer something of their own.
const anyBody = "any-body"

// newTarget prepares GET requests for rawURL.
func newTarget(rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return target{}, err
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n\r\n",
		u.RequestURI(), u.Host)
	return target{addr: u.Host, request: []byte(request), anyBody: u.Fragment == anyBody}, nil
}

// answer is what came back.
type answer struct {
	status int
	micros int64 // the handler's own clock, from its header
	id     string
}

// conn is one keep-alive connection.
type conn struct {
	net.Conn
	in     *bufio.Reader
	to     target
	close  bool
	buffer []byte // of compare
}

func dial(to target) (*conn, error) {
	c, err := net.DialTimeout("tcp", to.addr, callTimeout)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 4096), to: to}, nil
}

// call makes one request and reads its whole answer.
func (c *conn) call() (answer, error) {
	if err := c.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return answer{}, err
	}
	if _, err := c.Write(c.to.request); err != nil {
		return answer{}, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return answer{}, fmt.Errorf("not an HTTP answer: %q", line)
	}
	a := answer{}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return answer{}, fmt.Errorf("not an HTTP status: %q", line)
	}
	body, err := c.rest(&a)
	if err == nil && a.status == 200 && !c.to.anyBody && c.to.want == nil && !bytes.Equal(body, wantBody) {
		err = fmt.Errorf("the answer is %q, want %q", body, wantBody)
	}
	return a, err
}

// rest reads the header and the body of an answer.
func (c *conn) rest(a *answer) ([]byte, error) {
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
			c.close = is(value, "close")
		case is(name, "x-handler-micros"):
			a.micros, _ = strconv.ParseInt(string(value), 10, 64)
		case is(name, "x-dayfly-invocation"):
			a.id = string(value)
		}
	}
	switch {
	case c.to.want != nil && a.status == 200:
		return nil, c.compare(length)
	case chunked:
		return c.chunks()
	case length >= 0:
		body := make([]byte, length)
		_, err := io.ReadFull(c.in, body)
		return body, err
	default:
		c.close = true
		return io.ReadAll(c.in)
	}
}

// compareBytes are compared at once: few enough to stay in the processor's cache.
const compareBytes = 128 << 10

// compare reads a body of that length, and compares it with the file that it is to be.
func (c *conn) compare(length int) error {
	if length != len(c.to.want) {
		return fmt.Errorf("the answer has %d bytes, want %d", length, len(c.to.want))
	}
	if c.buffer == nil {
		c.buffer = make([]byte, compareBytes)
	}
	for left := c.to.want; len(left) > 0; {
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

func (c *conn) chunks() ([]byte, error) {
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

// once makes one call on a connection of its own and gives how long it took, the
// connection included.
func once(rawURL string) (answer, time.Duration, error) {
	to, err := newTarget(rawURL)
	if err != nil {
		return answer{}, 0, err
	}
	began := time.Now()
	c, err := dial(to)
	if err != nil {
		return answer{}, 0, err
	}
	defer c.Conn.Close()
	a, err := c.call()
	took := time.Since(began)
	if err == nil && a.status != 200 {
		err = fmt.Errorf("%s answered %d", rawURL, a.status)
	}
	return a, took, err
}

// tally is what a load saw.
type tally struct {
	mu      sync.Mutex // guards all below, when loops add to it
	ok      []time.Duration
	added   []time.Duration // time beyond the handler's own clock
	refused []time.Duration // answered 429
	other   map[int]int     // other statuses
	failed  int             // connections that broke
	unsent  int64           // calls that found every connection of ours busy
	err     error           // the first reason
	took    time.Duration   // the load lasted
	drained time.Duration   // until the last answer
}

func newTally() *tally { return &tally{other: map[int]int{}} }

// perSecond gives the rate of good answers.
func (t *tally) perSecond() float64 { return float64(len(t.ok)) / t.took.Seconds() }

// goodput gives the rate of good answers until the last one, those from a queue that
// outlived the load included.
func (t *tally) goodput() float64 { return float64(len(t.ok)) / t.drained.Seconds() }

// clean reports anything but good answers.
func (t *tally) clean() error {
	if t.failed > 0 || len(t.refused) > 0 || len(t.other) > 0 {
		return fmt.Errorf("of %d calls %d were refused, %d broke (%v), other statuses %v",
			len(t.ok), len(t.refused), t.failed, t.err, t.other)
	}
	return nil
}

func (t *tally) note(a answer, took time.Duration, err error) {
	switch {
	case err != nil:
		t.failed++
		if t.err == nil {
			t.err = err
		}
	case a.status == 200 || a.status == 202:
		t.ok = append(t.ok, took)
		t.added = append(t.added, took-time.Duration(a.micros)*time.Microsecond)
	case a.status == 429:
		t.refused = append(t.refused, took)
	default:
		t.other[a.status]++
	}
}

func (t *tally) merge(o *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ok = append(t.ok, o.ok...)
	t.added = append(t.added, o.added...)
	t.refused = append(t.refused, o.refused...)
	t.failed += o.failed
	if t.err == nil {
		t.err = o.err
	}
	for status, n := range o.other {
		t.other[status] += n
	}
}

// closedLoop keeps conns calls on their way for a time: each connection calls again
// as soon as it has its answer.
func closedLoop(ctx context.Context, to target, conns int, d time.Duration) *tally {
	all := newTally()
	began := time.Now()
	end := began.Add(d)
	var loops sync.WaitGroup
	for range conns {
		loops.Go(func() {
			mine := newTally()
			defer all.merge(mine)
			var c *conn
			for ctx.Err() == nil && time.Now().Before(end) {
				started := time.Now()
				a, err := callOn(&c, to)
				mine.note(a, time.Since(started), err)
			}
			if c != nil {
				c.Conn.Close()
			}
		})
	}
	loops.Wait()
	all.took = time.Since(began)
	return all
}

// callOn makes a call on *c, opening it when needed and closing it when spent.
func callOn(c **conn, to target) (answer, error) {
	if *c == nil {
		fresh, err := dial(to)
		if err != nil {
			return answer{}, err
		}
		*c = fresh
	}
	a, err := (*c).call()
	if err != nil || (*c).close {
		(*c).Conn.Close()
		*c = nil
	}
	return a, err
}

// openLoop offers rate calls a second for a time, whether answers come or not. It
// measures a served call from the moment it was due, so that a stall is seen in full,
// and a refused one from when it was sent: the promise is about the platform's word.
func openLoop(ctx context.Context, to target, rate float64, d time.Duration) *tally {
	all := newTally()
	due := make(chan time.Time)
	var callers sync.WaitGroup
	var lost atomic.Int64
	for range openConnsMax {
		callers.Go(func() {
			mine := newTally()
			defer all.merge(mine)
			var c *conn
			for at := range due {
				sent := time.Now()
				a, err := callOn(&c, to)
				if a.status == 429 {
					at = sent
				}
				mine.note(a, time.Since(at), err)
			}
			if c != nil {
				c.Conn.Close()
			}
		})
	}
	began := time.Now()
	gap := time.Duration(float64(time.Second) / rate)
	for at := began; at.Before(began.Add(d)) && ctx.Err() == nil; at = at.Add(gap) {
		time.Sleep(time.Until(at))
		select {
		case due <- at:
		default:
			lost.Add(1)
		}
	}
	all.took = time.Since(began)
	close(due)
	callers.Wait()
	all.drained = time.Since(began)
	all.unsent = lost.Load()
	return all
}
