// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// lease is the right of one call to an instance, until the guest is through with it.
type lease struct {
	instance *instance
	inv      *dayfly.Invocation
	began    time.Time          // when the instance was had
	used     atomic.Int64       // nanoseconds on the instance, once finished
	cancel   context.CancelFunc // nil when the instance serves one call at a time
	idle     bool               // the deadline moves with every byte: an event stream, a socket or gRPC
	body     *followedBody      // what a caller of gRPC sends; else nil

	mu       sync.Mutex // guards what follows
	timer    *time.Timer
	finished bool
	timedOut bool
	spared   bool // its instance, when it timed out
}

// newLease notes in the record how the call came to its instance.
func newLease(inst *instance, inv *dayfly.Invocation, since time.Time, how dayfly.ColdStart) *lease {
	now := time.Now()
	r := inv.Record
	r.Cold, r.Instance, r.CallsServed = how, inst.box.ID(), inst.calls.Load()
	r.Runtime = inst.group.rev.Spec.Runtime
	r.MemoryLimitBytes = inst.group.rev.Spec.Limits.MemoryBytes
	if how == dayfly.ColdNone {
		r.Why = ""
	} else {
		wait := now.Sub(since)
		if how != dayfly.ColdWaited {
			r.Phases = append(r.Phases, inst.phases...)
			for _, phase := range inst.phases {
				wait -= phase.Duration
			}
		}
		r.Phases = append([]dayfly.Timed{{Name: "wait", Duration: max(0, wait)}}, r.Phases...)
	}
	return &lease{instance: inst, inv: inv, began: now}
}

// arm wakes the instance and starts the clock of the call. On an instance that serves
// several calls at once the context it gives ends with the call's time.
func (l *lease) arm(ctx context.Context) context.Context {
	limits := &l.instance.group.rev.Spec.Limits
	if err := l.instance.thaw(); err != nil {
		l.instance.end("it could not be woken")
	}
	l.inv.Deadline = time.Now().Add(limits.Timeout)
	l.instance.current.Store(&l.inv.ID)
	l.instance.group.pool.cpu.Began()
	if l.instance.group.rev.Spec.Scaling.Concurrency > 1 || l.body != nil {
		ctx, l.cancel = context.WithCancel(ctx)
	}
	l.mu.Lock()
	l.timer = time.AfterFunc(limits.Timeout, l.expire)
	l.mu.Unlock()
	return ctx
}

// expire ends the process of a call that ran out of time. Other calls on it may end
// first, within their own time; new ones are not let in. A stream on which the caller may
// still send is ended alone: nobody knows whose silence it was.
func (l *lease) expire() {
	l.mu.Lock()
	l.timedOut = !l.finished
	late := l.timedOut
	l.spared = l.body != nil && !l.body.ended.Load()
	spared := l.spared
	l.mu.Unlock()
	if !late {
		return
	}
	if l.cancel != nil {
		l.cancel()
	}
	if spared {
		return
	}
	inst := l.instance
	inst.group.mu.Lock()
	inst.draining = true
	inst.expired++
	last := inst.expired >= inst.inflight
	inst.group.mu.Unlock()
	if last {
		inst.end("a call on it timed out")
	}
}

// done returns the instance: the guest is through with the call.
func (l *lease) done() {
	l.mu.Lock()
	l.finished = true
	l.timer.Stop()
	late := l.timedOut && !l.spared
	l.mu.Unlock()
	inst, now := l.instance, time.Now()
	inst.calls.Add(1)
	inst.group.pool.cpu.Ended()
	used := now.Sub(l.began)
	l.used.Store(int64(used))
	inst.group.mu.Lock()
	inst.group.service.add(used)
	if late {
		inst.expired--
	}
	inst.group.mu.Unlock()
	inst.freezing.Lock()
	if now.Sub(inst.sampled) > sampleEvery {
		inst.sample(now)
	}
	inst.freezing.Unlock()
	inst.group.release(inst)
}

// answer wraps the result so that failures in mid-body are told, too.
func (l *lease) answer(r *dayfly.Result) *dayfly.Result {
	l.inv.Record.Phases = append(l.inv.Record.Phases, dayfly.Timed{Name: "function", Duration: time.Since(l.began)})
	if r.Failure == nil && l.streams(r) {
		l.mu.Lock()
		l.idle = true
		l.mu.Unlock()
		l.touch()
	}
	body := &leasedBody{lease: l, body: r.Body}
	if rw, ok := r.Body.(io.ReadWriteCloser); ok {
		r.Body = &leasedConn{leasedBody: body, w: rw}
		return r
	}
	r.Body = body
	return r
}

// streams tells whether an answer may go on for as long as something moves.
func (l *lease) streams(r *dayfly.Result) bool {
	return r.Status == http.StatusSwitchingProtocols ||
		strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") ||
		rpc.IsCall(&l.inv.Request) && rpc.Is(r.Header)
}

// follow has what the caller sends on a stream of gRPC keep it alive, too.
func (l *lease) follow(r *dayfly.Request) {
	if rpc.IsCall(r) {
		l.body = &followedBody{ReadCloser: r.Body, lease: l}
		r.Body = l.body
	}
}

// followedBody is a request body that moves the deadline of its call, once that streams.
type followedBody struct {
	io.ReadCloser
	lease *lease
	ended atomic.Bool // the caller sends nothing more
}

// Read implements io.Reader.
func (b *followedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.lease.touch()
	}
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}

// touch moves the deadline of a long-lived answer: it may be silent for as long as a
// plain call may take.
func (l *lease) touch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle && !l.timedOut && !l.finished {
		l.timer.Reset(l.instance.group.rev.Spec.Limits.Timeout)
	}
}

// explain turns the end of the guest into the function's failure.
func (l *lease) explain(err error) error {
	if failure, ok := guest.FailureOf(err); ok {
		return failure
	}
	if !errors.Is(err, guest.ErrGone) && !l.late() {
		return err
	}
	l.bill()
	if l.late() {
		return l.failure(dayfly.FailureTimeout, "Sandbox.Timedout",
			fmt.Sprintf("Task timed out after %.2f seconds", l.instance.group.rev.Spec.Limits.Timeout.Seconds()))
	}
	if failure := l.livesOn(err); failure != nil {
		return failure
	}
	exit := l.instance.exit()
	l.inv.Record.MemoryPeakBytes = l.instance.box.Usage().MemoryPeakBytes
	if exit.OOM {
		return l.failure(dayfly.FailureMemory, "Runtime.OutOfMemory", fmt.Sprintf(
			"the function used more than its %s of memory and was ended; raise memory, or use less",
			dayfly.FormatBytes(l.instance.group.rev.Spec.Limits.MemoryBytes)))
	}
	if why := l.instance.ending.Load(); why != nil {
		return l.failure(dayfly.FailureExit, "Runtime.ExitError", "the instance was ended: "+*why)
	}
	switch {
	case exit.Signal != "":
		return l.failure(dayfly.FailureExit, "Runtime.ExitError", "Runtime exited with error: signal: "+exit.Signal)
	case exit.Code != 0:
		return l.failure(dayfly.FailureExit, "Runtime.ExitError",
			fmt.Sprintf("Runtime exited with error: exit status %d", exit.Code))
	}
	return l.failure(dayfly.FailureExit, "Runtime.ExitError", "Runtime exited without providing a reason")
}

// livesOn waits for the end of the process that a broken connection announces, and gives
// the failure when it does not come.
func (l *lease) livesOn(err error) *dayfly.Failure {
	wait, many := endWait, l.instance.server != nil && !errors.Is(err, guest.ErrNotSent)
	if many {
		wait = brokenWait
	}
	select {
	case <-l.instance.box.Done():
		return nil
	case <-time.After(wait):
	}
	if many { // one connection of many: the other calls on the instance go on
		return l.failure(dayfly.FailureResponse, "Function.BadResponse",
			"the function closed the connection without a whole answer, or what it answered is not HTTP")
	}
	// Whatever the process does, it cannot serve any more.
	l.instance.end("it closed its connection")
	return l.failure(dayfly.FailureExit, "Runtime.ExitError", "the function closed the platform's connection")
}

// failure makes a failure with the payload that Lambda's callers know.
func (l *lease) failure(kind dayfly.FailureKind, class, message string) *dayfly.Failure {
	return &dayfly.Failure{Kind: kind, Phase: dayfly.PhaseInvoke, Type: class, Message: message,
		Payload: payloadOf(l.inv, class, message)}
}

func payloadOf(inv *dayfly.Invocation, class, message string) []byte {
	payload, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{class, fmt.Sprintf("RequestId: %s Error: %s", inv.ID, message)})
	return payload
}

// notStarted gives the failure of a start that code did not tell of itself the payload
// that Lambda's callers know. Many calls may have waited for the one start.
func notStarted(inv *dayfly.Invocation, err error) error {
	failure, ok := guest.FailureOf(err)
	if !ok {
		return err
	}
	own := *failure
	if len(own.Payload) == 0 || own.Type == "Runtime.ExitError" || own.Type == "Runtime.InvalidEntrypoint" {
		own.Payload = payloadOf(inv, own.Type, own.Message)
	}
	return &own
}

// leasedBody is an answer's body that knows why it breaks off.
type leasedBody struct {
	lease *lease
	body  io.ReadCloser
}

// Read implements io.Reader.
func (b *leasedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.lease.idle && n > 0 {
		b.lease.touch()
	}
	if err != nil && err != io.EOF {
		err = b.lease.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *leasedBody) Close() error {
	err := b.body.Close()
	if b.lease.cancel != nil {
		b.lease.cancel()
	}
	b.lease.bill()
	return err
}

// bill notes what the call used of its instance.
func (l *lease) bill() {
	used := time.Duration(l.used.Load())
	if used == 0 {
		used = time.Since(l.began)
	}
	l.inv.Record.MemoryPeakBytes = l.instance.group.peak()
	l.inv.Record.BilledMillis = int64((used + time.Millisecond - 1) / time.Millisecond)
}

func (l *lease) late() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.timedOut
}

func (g *group) peak() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.memory
}

// leasedConn is the upgraded connection of a call.
type leasedConn struct {
	*leasedBody
	w io.Writer
}

// Write implements io.Writer.
func (c *leasedConn) Write(p []byte) (int, error) {
	c.lease.touch()
	return c.w.Write(p)
}

const (
	// spinSpan is how long a call that is alone on the node looks for its answer.
	spinSpan = 60 * time.Microsecond
	// spinService is the time of a call up to which looking pays.
	spinService = 300 * time.Microsecond
)

// spin tells how long a call should look for its answer before it sleeps: not at all
// unless it is alone, a processor is free, and its function answers fast.
func (g *group) spin() time.Duration {
	if g.pool.cpu.Calls() > 1 || runtime.NumCPU() == 1 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.service.value == 0 || g.service.value > spinService {
		return 0
	}
	return spinSpan
}
