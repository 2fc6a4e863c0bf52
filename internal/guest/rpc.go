// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// asRPC makes a request one of gRPC: servers want to hear that trailers are understood, and
// how much of the caller's time is left.
func asRPC(req *http.Request) {
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/2.0", 2, 0
	req.Header["Te"] = []string{"trailers"}
	if deadline, ok := req.Context().Deadline(); ok {
		rpc.SetTimeout(req.Header, time.Until(deadline))
	}
}

// rpcBody is the answer of a call of gRPC. A stream may be endless, so what is bounded is
// each of its messages.
type rpcBody struct {
	resp    *http.Response
	trailer http.Header // of the result; filled at the end
	upload  *upload
	meter   rpc.Meter
	limit   int64
	done    func()
	once    sync.Once

	ctx  context.Context // of the call
	stop func() bool
}

// until has the answer end with ctx. The transport would notice only once it has sent a
// piece of the request's body, for which it may wait as long as the caller is quiet.
func (b *rpcBody) until(ctx context.Context) {
	b.ctx = ctx
	b.stop = context.AfterFunc(ctx, func() { _ = b.resp.Body.Close() })
}

// Read implements io.Reader.
func (b *rpcBody) Read(p []byte) (int, error) {
	n, err := b.resp.Body.Read(p)
	if b.meter.Feed(p[:n]) > b.limit {
		return 0, tooLarge(b.limit)
	}
	switch {
	case err == nil:
	case err == io.EOF:
		for name, values := range b.resp.Trailer {
			if !frame.HopByHop(name) {
				b.trailer[name] = values
			}
		}
		b.once.Do(b.done)
	case b.ctx.Err() != nil:
		err = dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", context.Cause(b.ctx))
	default:
		err = b.upload.orGone(err)
	}
	return n, err
}

// Close implements io.Closer. Closed before its end, the call is one that its caller gave up,
// which the program hears. It does not wait for that: the request's body may be quiet still.
func (b *rpcBody) Close() error {
	b.stop()
	go func() { _ = b.resp.Body.Close() }()
	b.once.Do(b.done)
	return nil
}
