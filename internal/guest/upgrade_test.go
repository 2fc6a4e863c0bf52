// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// upgrade is a call that asks for another protocol, under a small limit of answers.
func upgrade() *dayfly.Invocation {
	inv := invocation("")
	inv.Request.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	inv.Revision.Spec.Limits.ResponseBytes = 10
	return inv
}

// open gives the two ends of a pipe: the result, and the peer with its stream.
func open(t *testing.T) (*dayfly.Result, io.ReadWriteCloser, *peer, uint32, chan struct{}) {
	t.Helper()
	c, p := connect(t, nil)
	streams := make(chan uint32, 1)
	go func() {
		f := p.expect(frame.Request)
		p.expect(frame.End)
		p.send(frame.Response, f.Stream, `{"status":101,"headers":[["x-a","1"],["upgrade","other"]]}`)
		streams <- f.Stream
	}()
	done := make(chan struct{})
	result, err := c.Exchange(t.Context(), upgrade(), func() { close(done) })
	if err != nil {
		t.Fatal(err)
	}
	pipe, ok := result.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("the body is a %T, want one that can be written", result.Body)
	}
	return result, pipe, p, <-streams, done
}

// echo sends back so many bytes and ends: it grants what it reads, and sends no more than
// it was granted.
func (p *peer) echo(stream uint32, left int) {
	allowance := frame.Window
	var kept []string
	for left > 0 {
		f, err := p.r.Read()
		if err != nil {
			p.t.Errorf("echo: %v", err)
			return
		}
		switch f.Type {
		case frame.Body:
			kept = append(kept, string(f.Payload))
			_, _ = p.nc.Write(frame.AppendWindow(nil, stream, len(f.Payload)))
		case frame.WindowMore:
			allowance += int(binary.BigEndian.Uint32(f.Payload))
		}
		for len(kept) > 0 && len(kept[0]) <= allowance {
			p.send(frame.Body, stream, kept[0])
			allowance, left, kept = allowance-len(kept[0]), left-len(kept[0]), kept[1:]
		}
	}
	p.send(frame.End, stream, "")
}

func TestAStreamBecomesAPipe(t *testing.T) {
	t.Parallel()
	result, pipe, p, stream, done := open(t)
	if result.Status != 101 || result.Header.Get("Upgrade") != "websocket" ||
		result.Header.Get("Connection") != "Upgrade" || result.Header.Get("X-A") != "1" {
		t.Errorf("answer = %d %v, want the handshake with the protocol that was asked for", result.Status, result.Header)
	}
	const size = 3 * frame.Window // past both windows, and past the limit of answers
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	written := make(chan error, 1)
	go func() { _, err := pipe.Write(data); written <- err }()
	go p.echo(stream, size)
	got, err := io.ReadAll(pipe)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("echo of %d bytes gave %d, %v", size, len(got), err)
	}
	if err := <-written; err != nil {
		t.Errorf("write: %v", err)
	}
	<-done
	if _, err := pipe.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after the guest's end = %v, want a closed pipe", err)
	}
}

func TestClosingAPipeTellsTheGuestAndWakesItsWriter(t *testing.T) {
	t.Parallel()
	_, pipe, p, stream, done := open(t)
	written := make(chan error, 1)
	go func() { _, err := pipe.Write(make([]byte, 2*frame.Window)); written <- err }()
	for left := frame.Window; left > 0; { // all that may be sent unasked
		left -= len(p.expect(frame.Body).Payload)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	p.expect(frame.Cancel)
	select {
	case err := <-written:
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write = %v, want a closed pipe", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the writer still waits for its window")
	}
	p.send(frame.End, stream, "")
	<-done
}

func TestAPipeThatNobodyAskedForIsABadResponse(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	go func() {
		f := p.expect(frame.Request)
		p.send(frame.Response, f.Stream, `{"status":101}`)
		p.send(frame.End, f.Stream, "")
	}()
	result, err := c.Exchange(t.Context(), invocation(""), func() {})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(result.Body)
	failure := result.Failure
	if failure == nil {
		failure, _ = guest.FailureOf(err)
	}
	if result.Status != http.StatusBadGateway || failure == nil || failure.Kind != dayfly.FailureResponse {
		t.Errorf("answer = %d %v (%v), want a bad response", result.Status, failure, err)
	}
}
