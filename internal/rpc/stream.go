// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"sync/atomic"
)

// Call is a call of gRPC on its way. Who sends it says that it is one; that it streams, with
// pauses and without an end, holds only once it has come to a server that speaks gRPC. Until
// then it is bounded as any other request.
type Call struct{ streams atomic.Bool }

type callKey struct{}

// WithCall gives a context by which the server that the call comes to finds it.
func WithCall(ctx context.Context) (context.Context, *Call) {
	c := new(Call)
	return context.WithValue(ctx, callKey{}, c), c
}

// CallOf gives the call of a context; nil, which streams never, when it has none.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Stream is called before the first byte goes to a server that speaks gRPC.
func (c *Call) Stream() {
	if c != nil {
		c.streams.Store(true)
	}
}

// Streams tells whether it was called.
func (c *Call) Streams() bool { return c != nil && c.streams.Load() }
