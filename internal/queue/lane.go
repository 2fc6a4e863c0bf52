// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
	"github.com/dayfly-faas/dayfly/internal/queue/policy"
	"github.com/dayfly-faas/dayfly/internal/queue/turn"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// laneIdle is how long a lane without events keeps its consumer, which costs some
	// kilobytes and a few goroutines.
	laneIdle = 20 * time.Second
	// ackWait is when the bus would hand out again what nobody holds; holdPeriod is how
	// often it is told that somebody does. A crash does not wait for either: the
	// consumer is gone with the process.
	ackWait    = 5 * time.Minute
	holdPeriod = time.Minute
	// readAhead and readAheadBytes are what a lane takes from the bus before it can
	// execute it; a lane that takes batches, or looks for free keys, takes more.
	readAhead          = 32
	readAheadBytes     = 4 << 20
	readAheadMany      = 1_000
	readAheadManyBytes = 16 << 20
	// heartbeat is how often a consumer that has nothing tells that it is there. A lane
	// that takes nothing for twice as long asks again, beside what it was given: seldom,
	// so that little piles up in front of a slow function. pullExpiry is how long it
	// is asked for.
	heartbeat  = 30 * time.Second
	pullExpiry = time.Hour
	// reopenPause is the wait before a lane's consumer is made again after trouble.
	reopenPause = 500 * time.Millisecond
)

// item is an event that a lane holds.
type item struct {
	*work.Entry
	msg  jetstream.Msg // of WORK, or nil
	seq  uint64        // of msg
	from *due.Event    // of LATER, or nil
	kept bool          // LATER may have its next attempt: whether it was written is not known
}

// lane executes the events of one origin of one function. Its goroutine takes events and
// starts executions; what both touch is guarded.
type lane struct {
	q     *Queue
	id    work.Lane
	ctx   context.Context // of taking events; executions outlive it
	stop  context.CancelFunc
	in    chan *item    // read ahead, one channel for each consumer
	kick  chan struct{} // something to look at: room, a due event, a key that is free
	fresh bool          // the next event is to be a fresh one; the lane's goroutine's alone

	mu      sync.Mutex // guards what follows
	window  pace.Window
	running int
	own     bool               // the execution that needs no slot of the node is under way
	poked   bool               // an event was pushed since the lane last looked
	held    map[uint64]*item   // of WORK by sequence, taken and not settled
	recent  [2]map[uint64]bool // of WORK, settled lately; the second is the older half
	order   turn.Turns[*item]
}

// wake sees to it that a lane looks for events.
func (q *Queue) wake(id work.Lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx == nil || q.stopped || q.marks.IsPaused(id.Function) {
		return
	}
	if l := q.lanes[id]; l != nil {
		l.mu.Lock()
		l.poked = true
		l.mu.Unlock()
		l.nudge()
		return
	}
	l := &lane{q: q, id: id, kick: make(chan struct{}, 1), held: map[uint64]*item{},
		window: pace.NewWindow(time.Now()), order: turn.New[*item]()}
	l.ctx, l.stop = context.WithCancel(q.ctx)
	q.lanes[id] = l
	q.wg.Go(l.run)
}

func (l *lane) nudge() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// survey wakes every lane that has events.
func (q *Queue) survey(ctx context.Context) error {
	for _, id := range q.times.Ready() {
		q.wake(id)
	}
	if q.work == nil {
		return nil
	}
	info, err := q.work.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return bus.Explain("see which lanes have events", err)
	}
	q.quota.Judge(info.Config.MaxBytes, info.State.Bytes, info.State.Subjects)
	for subject := range info.State.Subjects {
		if id, ok := work.ParseLane(subject); ok {
			q.wake(id)
		}
	}
	return nil
}

// run executes the lane until it is idle or stopped.
func (l *lane) run() {
	defer l.stop()
	var executions sync.WaitGroup
	for l.ctx.Err() == nil {
		err := l.serve(&executions)
		if err == nil && l.leave() {
			executions.Wait()
			return
		}
		if err != nil && l.ctx.Err() == nil {
			l.q.log.Warn("lane was interrupted", "function", l.id.Function, "lane", l.id.Name, "error", err)
			pause(l.ctx, reopenPause)
		}
	}
	executions.Wait()
	l.q.mu.Lock()
	delete(l.q.lanes, l.id)
	l.q.mu.Unlock()
}

// leave takes the lane off the list unless events were pushed meanwhile.
func (l *lane) leave() bool {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poked {
		return false
	}
	delete(l.q.lanes, l.id)
	return true
}

// serve takes events from a consumer of its own until the lane is idle, which is nil, or
// the consumer breaks.
func (l *lane) serve(executions *sync.WaitGroup) error {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	name := l.consumerName()
	if err := l.q.work.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	consumer, err := l.q.work.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Name: name, FilterSubject: l.id.WorkSubject(), AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxAckPending: -1, MemoryStorage: true, InactiveThreshold: ackWait,
	})
	if err != nil {
		return err
	}
	p := l.q.policyOf(l.id)
	ahead, bytes := readAhead, readAheadBytes
	if p.Batch > 1 || p.Ordered {
		ahead, bytes = max(readAheadMany, 2*p.Batch), readAheadManyBytes
	}
	l.in = make(chan *item, ahead)
	broken := make(chan error, 1)
	// Not by an iterator of messages: its buffer takes no more than ahead, and what comes
	// while it is full, a heartbeat among it, is dropped until it is handed out again.
	consuming, err := consumer.Consume(func(m jetstream.Msg) { l.receive(ctx, m) },
		jetstream.PullMaxMessagesWithBytesLimit(ahead, bytes),
		jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if errors.Is(err, jetstream.ErrNoHeartbeat) {
				return // a busy machine is no reason to begin anew
			}
			select {
			case broken <- err:
			default: // one reason is enough
			}
		}))
	if err != nil {
		return err
	}
	var beside sync.WaitGroup
	beside.Go(func() { l.hold(ctx) })
	err = l.take(ctx, broken, executions)
	cancel()
	consuming.Stop()
	<-consuming.Closed()
	beside.Wait()
	if l.ctx.Err() == nil {
		l.close(name, executions)
	}
	return err
}

// close removes a consumer, once nothing that it handed out is under way: what it
// handed out and nobody settled is handed out by the next one, in order. An
// acknowledgement that it did not see any more is given again to that one.
func (l *lane) close(name string, executions *sync.WaitGroup) {
	executions.Wait()
	l.dropParked()
	ctx, cancel := context.WithTimeout(l.ctx, flushTimeout)
	defer cancel()
	err := l.q.js.Conn().FlushWithContext(ctx)
	if err == nil {
		err = l.q.work.DeleteConsumer(ctx, name)
	}
	if err != nil {
		l.q.log.Debug("consumer was not removed", "function", l.id.Function, "lane", l.id.Name, "error", err)
	}
}

// dropParked forgets what waited for its key; a next consumer hands it out again.
func (l *lane) dropParked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = map[uint64]*item{}
	l.order = turn.New[*item]()
}

// receive takes a message into the lane; it waits until there is room.
func (l *lane) receive(ctx context.Context, m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		l.q.log.Error("event without a place was passed over", "function", l.id.Function, "error", err)
		return
	}
	it := &item{Entry: &work.Entry{}, msg: m, seq: meta.Sequence.Stream}
	if err := it.Unmarshal(m.Data()); err != nil {
		l.q.log.Error("event that cannot be read was dropped", "function", l.id.Function, "error", err)
		_ = m.Ack()
		return
	}
	switch held, settled := l.knows(it.seq); {
	case held:
		return // handed out again while it waits or runs
	case settled, l.q.times.Has(it.ID):
		_ = m.Ack() // its end was not heard, or its next attempt is in LATER
		return
	}
	l.keep(it)
	select {
	case l.in <- it:
	case <-ctx.Done():
	}
}

// recentMax is how many settled events a lane remembers, in each of two halves: more
// than acknowledgements can be on their way when its consumer breaks.
const recentMax = 4_096

// knows tells whether the lane holds an event, and whether it has settled it lately.
func (l *lane) knows(seq uint64) (held, settled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[seq] != nil, l.recent[0][seq] || l.recent[1][seq]
}

// keep notes that the lane holds an event.
func (l *lane) keep(it *item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[it.seq] = it
}

// settled forgets an event that the lane held.
func (l *lane) settled(it *item) {
	if it.msg == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, it.seq)
	if l.recent[0] == nil || len(l.recent[0]) >= recentMax {
		l.recent = [2]map[uint64]bool{make(map[uint64]bool), l.recent[0]}
	}
	l.recent[0][it.seq] = true
}

// consumerName is the same for every consumer of the lane: one that was left behind is
// found.
func (l *lane) consumerName() string {
	sum := sha256.Sum256([]byte(l.id.WorkSubject()))
	return "lane-" + hex.EncodeToString(sum[:16])
}

// hold tells the bus again and again that what the lane holds is held.
func (l *lane) hold(ctx context.Context) {
	tick := time.NewTicker(holdPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		list := make([]*item, 0, len(l.held))
		for _, it := range l.held {
			list = append(list, it)
		}
		l.mu.Unlock()
		for _, it := range list {
			_ = it.msg.InProgress() // one that was settled just now does not mind
		}
	}
}

// take starts executions until the lane is idle or broken.
func (l *lane) take(ctx context.Context, broken <-chan error, executions *sync.WaitGroup) error {
	for {
		p := l.q.policyOf(l.id)
		if err := l.awaitRoom(ctx, &p, broken); err != nil {
			return err
		}
		items, err := l.gather(ctx, &p, broken)
		if err != nil || len(items) == 0 {
			return err
		}
		own := l.begin(&p)
		if !own {
			select {
			case l.q.slots <- struct{}{}:
			case <-ctx.Done():
				l.end(false)
				return context.Cause(ctx)
			}
		}
		x := &execution{q: l.q, lane: l, ctx: l.q.ctx, policy: p, items: items, own: own}
		executions.Go(x.run)
	}
}

// awaitRoom waits until the lane may have one more execution.
func (l *lane) awaitRoom(ctx context.Context, p *policy.Policy, broken <-chan error) error {
	for {
		l.mu.Lock()
		room := l.running < min(l.window.Limit, p.Most)
		l.window.Full = l.window.Full || !room
		l.mu.Unlock()
		if room {
			return nil
		}
		select {
		case <-l.kick:
			*p = l.q.policyOf(l.id)
		case err := <-broken:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin counts an execution, and tells whether it is the lane's own: one execution of
// each lane needs no slot of the node, so that no lane waits for the others.
func (l *lane) begin(p *policy.Policy) (own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running++
	l.window.Full = l.window.Full || l.running >= min(l.window.Limit, p.Most)
	l.q.active.Add(1)
	own = !l.own
	l.own = true
	return own
}

// end undoes begin.
func (l *lane) end(own bool) {
	l.mu.Lock()
	l.running--
	if own {
		l.own = false
	}
	l.mu.Unlock()
	l.q.active.Add(-1)
	l.nudge()
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// nudgeLanes makes the lanes of a function look whether it is paused.
func (q *Queue) nudgeLanes(ref dayfly.FunctionRef) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, l := range q.lanes {
		if id.Function == ref {
			l.nudge()
		}
	}
}
