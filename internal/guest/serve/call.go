// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// Call is one open stream. Respond, Write, End and Fail are for one goroutine at a time.
type Call struct {
	// Head is the request.
	Head frame.RequestHead

	guest  *Guest
	stream uint32
	input  *inbox
	ctx    context.Context
	cancel context.CancelFunc
	ended  bool

	mu        sync.Mutex // guards allowance
	more      *sync.Cond
	allowance int
}

func newCall(g *Guest, stream uint32, head frame.RequestHead) *Call {
	c := &Call{Head: head, guest: g, stream: stream, allowance: frame.Window}
	c.more = sync.NewCond(&c.mu)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.input = newInbox(func(n int) { _ = g.send(frame.AppendWindow(nil, stream, n)) })
	context.AfterFunc(c.ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.more.Broadcast()
	})
	return c
}

// Context ends when the caller is gone, and when the call has ended.
func (c *Call) Context() context.Context { return c.ctx }

// Read implements io.Reader: the body of the request.
func (c *Call) Read(p []byte) (int, error) { return c.input.Read(p) }

// Log sends a line that belongs to the call.
func (c *Call) Log(stream dayfly.LogStream, line string) {
	_ = c.guest.log(c.stream, stream, line)
}

// Respond sends the head of the answer. A failure is set when the handler failed and the
// answer is what its dialect tells an HTTP caller.
func (c *Call) Respond(status int, header http.Header, failure *frame.ErrorHead) error {
	return c.guest.writeJSON(frame.Response, c.stream, responseHead(status, header, failure))
}

func responseHead(status int, header http.Header, failure *frame.ErrorHead) frame.ResponseHead {
	head := frame.ResponseHead{Status: status, Headers: [][2]string{}, Failure: failure}
	for name, values := range header {
		for _, v := range values {
			head.Headers = append(head.Headers, [2]string{strings.ToLower(name), v})
		}
	}
	return head
}

// Write implements io.Writer: it sends bytes of the answer's body as the window allows.
func (c *Call) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := c.spend(min(len(p)-sent, frame.BodyMax))
		if err != nil {
			return sent, err
		}
		if err := c.guest.write(frame.Body, c.stream, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// End completes the answer.
func (c *Call) End() error {
	c.ended = true
	return c.guest.write(frame.End, c.stream, nil)
}

// Fail ends the call with an error, also in the middle of an answer.
func (c *Call) Fail(failure frame.ErrorHead) error {
	c.ended = true
	err := c.guest.writeJSON(frame.Error, c.stream, failure)
	if errors.Is(err, errTooLarge) { // the caller is to know that it failed, if not how
		short := frame.ErrorHead{Kind: failure.Kind, Type: cut(failure.Type), Message: cut(failure.Message)}
		err = c.guest.writeJSON(frame.Error, c.stream, short)
	}
	return err
}

// cut shortens what is far too long for a type or a message.
func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), frame.LineMax)], "") }

func (c *Call) spend(want int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.allowance == 0 {
		if c.ctx.Err() != nil {
			return 0, c.ctx.Err()
		}
		c.more.Wait()
	}
	n := min(want, c.allowance)
	c.allowance -= n
	return n, nil
}

func (c *Call) grant(n int) {
	c.mu.Lock()
	c.allowance += n
	c.mu.Unlock()
	c.more.Broadcast()
}
