// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// Whole sends an answer that is complete. A small one leaves in one piece, so that the
// host wakes once for it.
func (c *Call) Whole(status int, header http.Header, body []byte) error {
	if len(body) > frame.BodyMax || !c.spendAtOnce(len(body)) {
		if err := c.Respond(status, header, nil); err != nil {
			return err
		}
		if _, err := c.Write(body); err != nil {
			return err
		}
		return c.End()
	}
	head, err := json.Marshal(responseHead(status, header, nil))
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	buf := make([]byte, 0, len(head)+len(body)+3*8)
	buf = frame.Append(buf, frame.Response, c.stream, head)
	if len(body) > 0 {
		buf = frame.Append(buf, frame.Body, c.stream, body)
	}
	c.ended = true
	return c.guest.send(frame.Append(buf, frame.End, c.stream, nil))
}

// spendAtOnce takes n bytes of the window if it has as many.
func (c *Call) spendAtOnce(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allowance < n {
		return false
	}
	c.allowance -= n
	return true
}

// Waiting tells that a Read would wait for the caller.
func (c *Call) Waiting() bool {
	b := c.input
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.chunks) == 0 && !b.eof
}
