// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

const (
	// copyBatch is how many events are copied before the cursor moves: what a crash
	// makes be copied again.
	copyBatch = 512
	// pauseMin and pauseMax bound the wait after something failed; it doubles.
	pauseMin = 50 * time.Millisecond
	pauseMax = 5 * time.Second
	// orderKeyMax is the longest order key that package queue takes; a longer one is
	// ordered by its sum.
	orderKeyMax = 256
	// warnEvery bounds how often a copier logs what it passes over.
	warnEvery = time.Minute
)

// copier copies the events of one source to the work of one function.
type copier struct {
	name     string // of its cursor
	function dayfly.FunctionRef
	wish
	source  topic.Source
	matcher *matcher
	topic   *topic.Topic
	queue   Queue
	log     *slog.Logger

	cancel context.CancelFunc // set when it runs; guarded by Triggers.mu
	ended  chan struct{}

	mu     sync.Mutex // guards counts, warned
	counts topic.Counts
	warned time.Time
}

func newCopier(t *Triggers, name string, f dayfly.FunctionRef, w wish) *copier {
	c := &copier{name: name, function: f, wish: w, source: sourceOf(f.Project, w.trigger),
		matcher: newMatcher(w.trigger), topic: t.topic, queue: t.queue, ended: make(chan struct{}),
		log: t.log.With("function", f.String(), "trigger", string(w.trigger.Name))}
	if w.onto != "" {
		c.queue = &forwarder{topic: t.topic, project: f.Project, queue: w.onto,
			configuration: w.trigger.Object.Configuration}
		c.log = t.log.With("queue", string(w.onto), "trigger", string(w.trigger.Name))
	}
	return c
}

// sourceOf gives the source that a trigger takes.
func sourceOf(project dayfly.ProjectName, t dayfly.Trigger) topic.Source {
	switch {
	case t.Queue != nil:
		return topic.QueueSource(project, t.Queue.Queue)
	case t.Object != nil:
		return topic.Source{Project: project, Kind: topic.KindObject, Name: string(t.Object.Bucket)}
	default:
		return topic.Source{Project: project, Kind: topic.KindValue, Name: string(t.Value.Bucket)}
	}
}

// run copies until ctx ends.
func (c *copier) run(ctx context.Context) {
	wake, stop := c.topic.Watch(c.source)
	defer stop()
	pause := pauseMin
	for ctx.Err() == nil {
		more, err := c.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.waits(err)
			sleep(ctx, max(pause, retryAfter(err)))
			pause = min(2*pause, pauseMax)
		case more:
			pause = pauseMin
		default:
			pause = pauseMin
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// retryAfter is how long an error asks to wait.
func retryAfter(err error) time.Duration {
	var e *dayfly.Error
	if errors.As(err, &e) {
		return min(e.RetryAfter, pauseMax)
	}
	return 0
}

// step copies what is next, and tells whether there is more.
func (c *copier) step(ctx context.Context) (more bool, err error) {
	cursor, ok := c.topic.Cursor(c.name)
	if !ok {
		return false, dayfly.Errorf(dayfly.KindInternal, "cursor %s is gone", c.name)
	}
	page, err := c.topic.Read(ctx, c.source, topic.From{Sequence: cursor.Sequence + 1}, copyBatch)
	if err != nil || page.Next <= cursor.Sequence+1 {
		return false, err
	}
	var tally topic.Counts
	tally.Failed = uint64(page.Damaged)
	pushes, sequences := c.choose(page.Messages, &tally)
	passed, err := c.push(ctx, pushes, sequences, &tally)
	if err == nil {
		passed = page.Next - 1
	}
	c.count(tally, err == nil)
	// What was accepted is passed, also when the rest was not.
	return page.Pending > 0, errors.Join(err, c.topic.Advance(ctx, c.name, passed))
}

// choose makes pushes of the messages that the trigger takes.
func (c *copier) choose(messages []topic.Message, tally *topic.Counts) ([]queue.Push, []uint64) {
	pushes := make([]queue.Push, 0, len(messages))
	sequences := make([]uint64, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		yes, key, err := c.matcher.match(&m.Event)
		switch {
		case err != nil:
			tally.Failed++
			c.passOver(m.Sequence, err)
		case !yes:
			tally.Skipped++
		default:
			pushes = append(pushes, c.pushOf(m, key, identity(m)))
			sequences = append(sequences, m.Sequence)
		}
	}
	return pushes, sequences
}

// identity tells a message from all others of its source, also from one that had its
// sequence before a loss of power took it.
func identity(m *topic.Message) string {
	return strconv.FormatUint(m.Sequence, 10) + "." + strconv.FormatInt(m.Stored.UnixNano(), 36)
}

// pushOf makes the copy of a message. repetition tells it from other copies of the same.
func (c *copier) pushOf(m *topic.Message, key, repetition string) queue.Push {
	if len(key) > orderKeyMax {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	return queue.Push{Function: c.function, Source: c.trigger.Kind(), Trigger: c.trigger.Name,
		OrderKey: key, Dedupe: string(c.trigger.Name) + ":" + repetition, Event: &m.Event, Durable: c.durable()}
}

// durable tells whether the source's messages are on the disk before they are acknowledged:
// then what takes their place must be, too, before the cursor passes them.
func (c *copier) durable() bool {
	if c.trigger.Queue == nil {
		return false
	}
	q, err := c.topic.Queue(c.function.Project, c.trigger.Queue.Queue)
	return err == nil && q.Durability == dayfly.DurabilityAlways
}

// push hands over copies, and gives the sequence up to which it did. One that the
// function's limits refuse is passed over.
func (c *copier) push(
	ctx context.Context, pushes []queue.Push, sequences []uint64, tally *topic.Counts,
) (passed uint64, err error) {
	for len(pushes) > 0 {
		accepted, err := c.queue.PushAll(ctx, pushes)
		n := len(accepted)
		tally.Copied += uint64(n)
		if n > 0 {
			passed = sequences[n-1]
		}
		pushes, sequences = pushes[n:], sequences[n:]
		switch {
		case len(pushes) == 0:
			return passed, nil
		case dayfly.KindOf(err) == dayfly.KindInvalid:
			tally.Failed++
			c.passOver(sequences[0], err)
			passed = sequences[0]
			pushes, sequences = pushes[1:], sequences[1:]
		case err != nil:
			return passed, err
		case n == 0:
			return passed, dayfly.Errorf(dayfly.KindInternal, "the queue took nothing and gave no reason")
		}
	}
	return passed, nil
}

// passOver notes an event that will not be copied.
func (c *copier) passOver(sequence uint64, err error) {
	now := time.Now()
	c.mu.Lock()
	c.counts.Error, c.counts.ErrorTime = err.Error(), now
	quiet := now.Sub(c.warned) < warnEvery
	if !quiet {
		c.warned = now
	}
	c.mu.Unlock()
	if !quiet {
		c.log.Warn("event passed over", "source", c.source.String(), "sequence", sequence, "error", err)
	}
}

// waits notes why copying does not go on.
func (c *copier) waits(err error) {
	c.mu.Lock()
	c.counts.Error, c.counts.ErrorTime = err.Error(), time.Now()
	c.mu.Unlock()
	switch dayfly.KindOf(err) {
	case dayfly.KindExhausted:
		c.log.Debug("copying waits for room", "source", c.source.String(), "error", err)
	default:
		c.log.Warn("copying failed, and will be tried again", "source", c.source.String(), "error", err)
	}
}

// count adds to what was done. When all went well, an earlier reason to wait is over.
func (c *copier) count(tally topic.Counts, well bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Copied += tally.Copied
	c.counts.Skipped += tally.Skipped
	c.counts.Failed += tally.Failed
	if well && c.counts.Failed == 0 {
		c.counts.Error, c.counts.ErrorTime = "", time.Time{}
	}
}
