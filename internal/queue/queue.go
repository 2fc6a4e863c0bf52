// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/keys"
	"github.com/dayfly-faas/dayfly/internal/queue/marks"
	"github.com/dayfly-faas/dayfly/internal/queue/quota"
	"github.com/dayfly-faas/dayfly/internal/queue/retell"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// Bus is where events are kept.
type Bus interface {
	Work() (jetstream.JetStream, error)
	Stream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error)
	KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error)
	// Sync returns when all that a stream acknowledged before is on the disk.
	Sync(ctx context.Context, stream string) error
	// Room refuses when there is none on the disk for what is new.
	Room() error
}

// Resolver finds the live revision of a function, whose settings count.
type Resolver interface {
	Resolve(ref dayfly.FunctionRef, alias dayfly.AliasName) (*dayfly.Revision, error)
}

// Invoker calls a function, as for HTTP.
type Invoker interface {
	Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error)
}

// Publisher puts events on a named queue; it returns when they are on disk.
type Publisher interface {
	Publish(ctx context.Context, project dayfly.ProjectName, queue dayfly.QueueName,
		events []dayfly.Event) ([]uint64, error)
}

// Poster sends requests to addresses that users name, and refuses those that functions may
// not reach: the client of package egress. Its answers are bounded in time and size.
type Poster interface {
	Do(req *http.Request) (*http.Response, error)
}

// Journal keeps the lives of events for those who ask: package logs. A snapshot given to it
// is not changed any more.
type Journal interface {
	Event(info *dayfly.EventInfo)
	Events(ctx context.Context, q logs.EventQuery) ([]dayfly.EventInfo, error)
	retell.Journal
}

// Notices knows triggers of functions that are not of their revisions: those that buckets
// have by themselves. It is asked for each attempt of such a lane and must be quick.
type Notices interface {
	Triggers(ref dayfly.FunctionRef) []dayfly.Trigger
}

// Deps are what a queue works with. Publisher and Poster may be nil: destinations of
// their kind are then reported as not to be reached. Notices may be nil: there are none.
type Deps struct {
	Bus       Bus
	Resolver  Resolver
	Invoker   Invoker
	Journal   Journal
	Publisher Publisher
	Poster    Poster
	Notices   Notices
}

// Config bounds a queue.
type Config struct {
	// LaneMessagesMax is how many events may wait in one lane, 1 … 10,000,000. Default
	// 100,000: at a hundred a second, a quarter of an hour.
	LaneMessagesMax int
	// ExecutionsMax is how many attempts run at once, of all functions together, beside
	// one for each lane; 1 … 10,000. Default 256: with the largest bodies 200 MiB.
	ExecutionsMax int
}

// Validate fills in defaults and reports the first field out of its bounds.
func (c *Config) Validate() error {
	if c.LaneMessagesMax == 0 {
		c.LaneMessagesMax = 100_000
	}
	if c.ExecutionsMax == 0 {
		c.ExecutionsMax = 256
	}
	switch {
	case c.LaneMessagesMax < 1 || c.LaneMessagesMax > 10_000_000:
		return dayfly.Errorf(dayfly.KindInvalid, "lane size %d must be between 1 and 10000000", c.LaneMessagesMax)
	case c.ExecutionsMax < 1 || c.ExecutionsMax > 10_000:
		return dayfly.Errorf(dayfly.KindInvalid, "executions %d must be between 1 and 10000", c.ExecutionsMax)
	}
	return nil
}

// Queue takes events and executes them. Its methods may be called from any goroutine,
// once it is open; events are executed while Run runs.
type Queue struct {
	cfg  Config
	log  *slog.Logger
	deps Deps

	js    jetstream.JetStream // the work connection; room for what PushAll has under way
	work  jetstream.Stream
	later jetstream.Stream
	dead  jetstream.Stream
	keys  *keys.Keys
	times *due.List
	slots chan struct{} // one element for each attempt under way beside the lanes' own
	marks *marks.Marks
	quota quota.Quota // of WORK, for each lane

	mu      sync.Mutex // guards what follows
	lanes   map[work.Lane]*lane
	running map[dayfly.EventID]*execution
	open    bool
	stopped bool          // no more events are taken
	retold  chan struct{} // closed when Run has set the journal right; nil before Open
	ctx     context.Context
	wg      sync.WaitGroup
	active  atomic.Int64 // executions under way

	// fault is called at each point before and after a write; tests set it.
	fault func(point string)
}

// New makes a queue; it opens nothing.
func New(cfg Config, log *slog.Logger, deps Deps) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Queue{cfg: cfg, log: log, deps: deps, times: due.New(),
		slots: make(chan struct{}, cfg.ExecutionsMax),
		lanes: map[work.Lane]*lane{}, running: map[dayfly.EventID]*execution{},
		fault: func(string) {}}, nil
}

// Open opens the streams, creating what is missing, and learns what waits for its
// time. Push works from then on.
func (q *Queue) Open(ctx context.Context) error {
	shared, err := q.deps.Bus.Work()
	if err != nil {
		return err
	}
	q.js, err = jetstream.New(shared.Conn(), jetstream.WithPublishAsyncMaxPending(pipelineMax))
	if err != nil {
		return fmt.Errorf("use work connection: %w", err)
	}
	if _, err = q.deps.Bus.Stream(ctx, bus.WorkStream(int64(q.cfg.LaneMessagesMax))); err != nil {
		return err
	}
	// By the connection of events, not by that of other streams.
	if q.work, err = q.js.Stream(ctx, bus.StreamWork); err != nil {
		return fmt.Errorf("open stream %s: %w", bus.StreamWork, err)
	}
	if q.later, err = q.deps.Bus.Stream(ctx, bus.LaterStream()); err != nil {
		return err
	}
	if q.dead, err = q.deps.Bus.Stream(ctx, bus.DeadStream()); err != nil {
		return err
	}
	bucket, err := q.deps.Bus.KeyValue(ctx, bus.BucketKeys)
	if err != nil {
		return err
	}
	q.keys = keys.New(bucket, q.js)
	if q.marks, err = marks.Open(ctx, bucket); err != nil {
		return err
	}
	if err := q.loadLater(ctx); err != nil {
		return fmt.Errorf("read events that wait: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open, q.retold = true, make(chan struct{})
	return nil
}

// surveyPeriod is how often lanes with waiting events are looked for. Pushing wakes a lane
// at once; this finds those that were there when Run began, and is a net below the rest.
const surveyPeriod = 5 * time.Second

// Run executes events until ctx ends; attempts under way are then given up, and
// repeated by the next Run. Call Drain before to let them end.
func (q *Queue) Run(ctx context.Context) error {
	q.mu.Lock()
	if !q.open {
		q.mu.Unlock()
		return dayfly.Errorf(dayfly.KindUnavailable, "the queue is not open")
	}
	q.ctx = ctx
	q.mu.Unlock()
	q.wg.Go(func() { q.retell(ctx) })
	q.wg.Go(func() { q.runTimes(ctx) })
	tick := time.NewTicker(surveyPeriod)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := q.survey(ctx); err != nil && ctx.Err() == nil {
			q.log.Warn("waiting events were not surveyed", "error", err)
		}
		if err := q.marks.Sweep(ctx); err != nil && ctx.Err() == nil {
			q.log.Debug("cancellations were not forgotten", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	q.halt()
	q.wg.Wait()
	return q.flush()
}

// flushTimeout bounds how long the last acknowledgements may take to leave.
const flushTimeout = 5 * time.Second

// flush sees to it that acknowledgements, which nobody waits for, have been written.
func (q *Queue) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := q.js.Conn().FlushWithContext(ctx); err != nil {
		return fmt.Errorf("send last acknowledgements: %w", err)
	}
	return nil
}

// drainPoll is how often Drain looks whether attempts under way have ended.
const drainPoll = 5 * time.Millisecond

// Drain takes no more events, and waits until the attempts under way have ended or ctx
// has. Push still accepts.
func (q *Queue) Drain(ctx context.Context) {
	q.halt()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for q.active.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// halt makes every lane take no more.
func (q *Queue) halt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	for _, l := range q.lanes {
		l.stop()
	}
}
