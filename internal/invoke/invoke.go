// SPDX-License-Identifier: Apache-2.0

package invoke

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// Resolver finds the revision that an alias of a function names.
type Resolver interface {
	Resolve(ref dayfly.FunctionRef, alias dayfly.AliasName) (*dayfly.Revision, error)
}

// Executor executes one invocation on some instance, here or on a peer.
type Executor interface {
	Execute(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error)
}

// Recorder is told of every call that ended. It must not block nor keep the record's
// slices changed.
type Recorder interface {
	Record(rec *dayfly.Record)
}

// Tracer gives the trace context that a function continues.
type Tracer interface {
	TraceParent(incoming string, id dayfly.InvocationID) string
	// Trace is told what the caller sent as traceparent.
	Trace(rec *dayfly.Record, incoming string)
}

// Invoker takes calls through resolve, admit, execute and record.
type Invoker struct {
	node      dayfly.NodeID
	resolver  Resolver
	executor  Executor
	recorders []Recorder
	tracer    Tracer

	inflight atomic.Int64
}

// New makes an invoker of that node.
func New(node dayfly.NodeID, resolver Resolver, executor Executor, tracer Tracer, recorders ...Recorder) *Invoker {
	return &Invoker{node: node, resolver: resolver, executor: executor, tracer: tracer, recorders: recorders}
}

// Invoke calls a function and gives its answer, whose body the caller must close. A
// function's own failure is in the result; an error is the platform's or the caller's.
//
//	1 resolve the revision, fixed from here on    3 execute
//	2 check what the caller sent                  4 record when the body is closed
func (i *Invoker) Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	i.inflight.Add(1)
	inv.Record = &dayfly.Record{ID: inv.ID, Function: inv.Function, Node: i.node, Source: inv.Source,
		Event: inv.Event, Attempt: inv.Attempt, Trigger: inv.Trigger, Batch: inv.Batch,
		Method: inv.Request.Method, Path: inv.Request.Path, Start: inv.Received}
	incoming := inv.Request.TraceParent
	inv.Request.TraceParent = i.tracer.TraceParent(incoming, inv.ID)
	counted := &countedBody{body: inv.Request.Body, traceParent: incoming}
	inv.Request.Body = counted
	result, err := i.execute(ctx, inv, counted)
	if err != nil {
		i.finish(inv, counted, 0, err)
		return nil, err
	}
	inv.Record.Status, inv.Record.Failure = result.Status, result.Failure
	i.observe(inv, counted, result)
	return result, nil
}

func (i *Invoker) execute(ctx context.Context, inv *dayfly.Invocation, body *countedBody) (*dayfly.Result, error) {
	rev, err := i.resolver.Resolve(inv.Function, inv.Alias)
	if err != nil {
		return nil, err
	}
	inv.Revision = rev
	inv.Record.Revision = rev.ID
	body.left = rev.Spec.Limits.RequestBytes
	if inv.Request.ContentLength > body.left {
		return nil, tooLarge(inv.Request.ContentLength, rev)
	}
	body.rev = rev
	if rpc.IsCall(&inv.Request) {
		body.call = rpc.CallOf(ctx)
	}
	return i.executor.Execute(ctx, inv)
}

// Inflight tells how many calls are under way.
func (i *Invoker) Inflight() int64 { return i.inflight.Load() }

// observe wraps the answer's body, so that the call is recorded when it is closed.
func (i *Invoker) observe(inv *dayfly.Invocation, in *countedBody, result *dayfly.Result) {
	body := &recordedBody{body: result.Body, length: lengthOf(result)}
	body.finish = func(err error) { i.finish(inv, in, body.bytes.Load(), err) }
	if w, ok := result.Body.(io.Writer); ok {
		result.Body = &recordedConn{recordedBody: body, w: w}
		return
	}
	result.Body = body
}

// lengthOf gives what an answer says of its length, or -1.
func lengthOf(r *dayfly.Result) int64 {
	n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// finish completes the record and hands it out.
func (i *Invoker) finish(inv *dayfly.Invocation, in *countedBody, responseBytes int64, err error) {
	i.inflight.Add(-1)
	r := inv.Record
	r.Duration = time.Since(inv.Received)
	r.RequestBytes, r.ResponseBytes = in.read.Load(), responseBytes
	var failure *dayfly.Failure
	switch {
	case errors.As(err, &failure):
		r.Failure = failure
	case err != nil:
		r.Error, r.Kind = err.Error(), dayfly.KindOf(err)
	}
	r.Fault = faultOf(r)
	for _, recorder := range i.recorders {
		recorder.Record(r)
	}
	i.tracer.Trace(r, in.traceParent)
}

// faultOf says whose fault a record tells of.
func faultOf(r *dayfly.Record) dayfly.Fault {
	if r.Failure != nil {
		return dayfly.FaultGuest
	}
	switch r.Kind {
	case "":
		return dayfly.FaultNone
	case dayfly.KindExhausted:
		return dayfly.FaultCapacity
	case dayfly.KindInvalid, dayfly.KindNotFound, dayfly.KindCanceled, dayfly.KindDenied, dayfly.KindUnauthenticated:
		return dayfly.FaultCaller
	}
	return dayfly.FaultPlatform
}

func tooLarge(n int64, rev *dayfly.Revision) error {
	return dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes, at most %s are allowed (request_limit)",
		dayfly.ErrRequestTooLarge, n, dayfly.FormatBytes(rev.Spec.Limits.RequestBytes))
}

// countedBody counts a request body and enforces its limit.
type countedBody struct {
	body io.ReadCloser
	rev  *dayfly.Revision // nil until the limit is known
	left int64
	read atomic.Int64
	// traceParent is what the caller sent with it; the function gets another.
	traceParent string
	// call is one of gRPC, or nil. A stream may be endless, so each message of it is bounded.
	call  *rpc.Call
	meter rpc.Meter
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	total := b.read.Add(int64(n))
	if b.call.Streams() {
		total = b.meter.Feed(p[:n])
	}
	if b.rev != nil && total > b.left {
		return 0, tooLarge(total, b.rev)
	}
	return n, err
}

// Close implements io.Closer.
func (b *countedBody) Close() error { return b.body.Close() }

// recordedBody counts an answer and tells how it ended, once.
type recordedBody struct {
	body   io.ReadCloser
	length int64 // as the answer says; -1 when it does not
	bytes  atomic.Int64
	finish func(error)
	once   sync.Once
	err    error
}

// Read implements io.Reader.
func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.bytes.Add(int64(n))
	if err != nil && err != io.EOF && !b.served(err) {
		b.err = err
	}
	return n, err
}

// served tells of a caller who went away with the whole answer, before the function was
// through with the call: nothing went wrong.
func (b *recordedBody) served(err error) bool {
	return b.length >= 0 && b.bytes.Load() >= b.length && dayfly.KindOf(err) == dayfly.KindCanceled
}

// Close implements io.Closer.
func (b *recordedBody) Close() error {
	err := b.body.Close()
	b.once.Do(func() { b.finish(b.err) })
	return err
}

type recordedConn struct {
	*recordedBody
	w io.Writer
}

// Write implements io.Writer.
func (c *recordedConn) Write(p []byte) (int, error) { return c.w.Write(p) }
