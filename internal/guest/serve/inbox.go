// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"io"
	"sync"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// inbox is a request body between the socket and who reads it.
type inbox struct {
	grant func(int)

	mu       sync.Mutex // guards the rest
	more     *sync.Cond
	chunks   [][]byte
	eof      bool
	consumed int
}

func newInbox(grant func(int)) *inbox {
	b := &inbox{grant: grant}
	b.more = sync.NewCond(&b.mu)
	return b
}

// push adds a chunk; nil marks the end.
func (b *inbox) push(chunk []byte) {
	b.mu.Lock()
	if chunk == nil {
		b.eof = true
	} else {
		b.chunks = append(b.chunks, chunk)
	}
	b.mu.Unlock()
	b.more.Signal()
}

func (b *inbox) close() { b.push(nil) }

// Read implements io.Reader.
func (b *inbox) Read(p []byte) (int, error) {
	b.mu.Lock()
	for len(b.chunks) == 0 && !b.eof {
		b.more.Wait()
	}
	if len(b.chunks) == 0 {
		b.mu.Unlock()
		return 0, io.EOF
	}
	n := copy(p, b.chunks[0])
	if b.chunks[0] = b.chunks[0][n:]; len(b.chunks[0]) == 0 {
		b.chunks = b.chunks[1:]
	}
	b.consumed += n
	grant := 0
	if b.consumed >= frame.Window/2 {
		grant, b.consumed = b.consumed, 0
	}
	b.mu.Unlock()
	if grant > 0 {
		b.grant(grant)
	}
	return n, nil
}
