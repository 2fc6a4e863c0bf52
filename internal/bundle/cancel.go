// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"context"
	"io"

	"github.com/dayfly-faas/dayfly"
)

// cancelReader ends a long copy once nobody waits for it.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (c cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, dayfly.Errorf(dayfly.KindCanceled, "read archive: %w", err)
	}
	return c.r.Read(p)
}

type cancelWriter struct {
	ctx context.Context
	w   io.Writer
}

// Write writes unless the context has ended.
func (c cancelWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, dayfly.Errorf(dayfly.KindCanceled, "write archive: %w", err)
	}
	return c.w.Write(p)
}
