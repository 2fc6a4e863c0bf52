// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

const (
	// eventsConns push at once.
	eventsConns = 64
	// eventsMax bounds what is pushed before it is executed: below what a function may
	// have waiting.
	eventsMax = 60_000
	// messagesOfBatch is how many messages a consumer takes at once, and messagesOfCall
	// how many are published by one request.
	messagesOfBatch = 100
	messagesOfCall  = 1000
	// eventPause lets a function be idle, but not frozen, between two events.
	eventPause = 20 * time.Millisecond
	// drainTimeout bounds the execution of everything.
	drainTimeout = 2 * time.Minute

	acceptedPromise = 10_000 // a second
	executedPromise = 5_000
	batchedPromise  = 20_000
	startPromise    = 3 * time.Millisecond
)

// events measures the way of what nobody waits for: how fast it is accepted, executed,
// and how soon a handler starts.
func (b *bench) events(ctx context.Context) error {
	const name = "events"
	if _, err := b.platform.deploy(ctx, "python", name, client.Settings{}); err != nil {
		return err
	}
	if err := b.eventLatency(ctx, name); err != nil {
		return err
	}
	if err := b.eventRates(ctx, name); err != nil {
		return err
	}
	if err := b.platform.client.Remove(ctx, ref(name)); err != nil {
		return err
	}
	return b.batches(ctx)
}

// eventLatency takes the time from an event's acceptance to the start of its handler on
// an instance that is warm.
func (b *bench) eventLatency(ctx context.Context, name string) error {
	var starts []time.Duration
	for range max(b.colds/2, 20) {
		receipt, err := b.platform.client.Push(ctx, ref(name), strings.NewReader("{}"), client.PushOptions{})
		if err != nil {
			return err
		}
		time.Sleep(eventPause)
		start, err := b.handlerStart(ctx, receipt.Event)
		if err != nil {
			return err
		}
		starts = append(starts, start)
	}
	b.report.spread("events", groupDayfly, "from acceptance to the handler, warm", starts).
		promise("p50", startPromise)
	return nil
}

// handlerStart waits for an event's end and tells how long its handler let it wait.
func (b *bench) handlerStart(ctx context.Context, id dayfly.EventID) (time.Duration, error) {
	for until := time.Now().Add(drainTimeout); time.Now().Before(until); time.Sleep(eventPause) {
		life, err := b.platform.client.Event(ctx, id)
		if err != nil {
			return 0, err
		}
		if life.Event.State != dayfly.EventDone || len(life.Invocations) == 0 {
			continue
		}
		first := life.Invocations[0]
		start := first.Start.Sub(life.Event.Accepted)
		for _, phase := range first.Phases {
			if phase.Name != "function" {
				start += phase.Duration
			}
		}
		return start, nil
	}
	return 0, fmt.Errorf("event %s did not end within %s", id, drainTimeout)
}

// eventRates pushes while the function is paused, then lets it go.
func (b *bench) eventRates(ctx context.Context, name string) error {
	c := b.platform.client
	if err := c.Pause(ctx, ref(name)); err != nil {
		return err
	}
	to, err := pushTarget(b.platform.gateway + "/function/" + name)
	if err != nil {
		return err
	}
	before, err := b.calls(ctx, name)
	if err != nil {
		return err
	}
	t := closedLoop(ctx, to, eventsConns, b.load)
	if err := t.clean(); err != nil && len(t.ok) < eventsMax {
		return err
	}
	b.report.load("events", groupDayfly, fmt.Sprintf("accepted over HTTP, %d connections", eventsConns), t).
		promiseRate(acceptedPromise)
	began := time.Now()
	if err := c.Resume(ctx, ref(name)); err != nil {
		return err
	}
	if err := b.await(ctx, func() (bool, error) {
		now, err := b.calls(ctx, name)
		return now-before >= int64(len(t.ok)), err
	}); err != nil {
		return fmt.Errorf("execute %d events: %w", len(t.ok), err)
	}
	b.rate("executed by a trivial function", len(t.ok), time.Since(began)).promiseRate(executedPromise)
	return nil
}

// batches publishes messages onto a queue whose consumer is paused, then lets it go.
func (b *bench) batches(ctx context.Context) error {
	const name = "batched"
	c, queue := b.platform.client, client.QueueRef{Name: "bench"}
	size := int64(messagesOfBatch)
	settings := client.Settings{On: []manifest.Trigger{{Queue: &manifest.Source{
		Name: string(queue.Name), Batch: &size, Window: "50ms"}}}}
	if _, err := c.PutQueue(ctx, queue, client.QueueSettings{Retention: time.Hour}); err != nil {
		return err
	}
	if _, err := b.platform.install(ctx, "batch", name, settings); err != nil {
		return err
	}
	if err := c.Pause(ctx, ref(name)); err != nil {
		return err
	}
	events := make([]dayfly.Event, messagesOfCall)
	for i := range events {
		events[i].ContentType, events[i].Data = "application/json", []byte(`{"code":"docs","from":"192.0.2.1"}`)
	}
	began, count := time.Now(), 0
	for time.Since(began) < b.load && count < eventsMax {
		if _, err := c.Publish(ctx, queue, events); err != nil {
			return err
		}
		count += len(events)
	}
	b.rate(fmt.Sprintf("messages published, %d a request", messagesOfCall), count, time.Since(began))
	began = time.Now()
	if err := c.Resume(ctx, ref(name)); err != nil {
		return err
	}
	if err := b.await(ctx, func() (bool, error) {
		q, err := c.Queue(ctx, queue)
		if err != nil || len(q.Triggers) == 0 {
			return false, err
		}
		return q.Triggers[0].Behind == 0 && q.Triggers[0].Waiting == 0, nil
	}); err != nil {
		return fmt.Errorf("consume %d messages: %w", count, err)
	}
	b.rate(fmt.Sprintf("messages executed in batches of %d", messagesOfBatch), count, time.Since(began)).
		promiseRate(batchedPromise)
	return c.Remove(ctx, ref(name))
}

// rate adds a row of a count and a time.
func (b *bench) rate(subject string, count int, took time.Duration) *row {
	one := b.report.add("events", groupDayfly, subject)
	one.Samples, one.PerSecond = count, float64(int(float64(count)/took.Seconds()))
	return one
}

// calls tells how often a function was called.
func (b *bench) calls(ctx context.Context, name string) (int64, error) {
	seen, err := b.platform.client.Inspect(ctx, ref(name))
	if err != nil {
		return 0, err
	}
	return seen.Totals.Calls, nil
}

func (b *bench) await(ctx context.Context, done func() (bool, error)) error {
	for until := time.Now().Add(drainTimeout); time.Now().Before(until); time.Sleep(eventPause) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("not done after %s", drainTimeout)
}

// pushTarget prepares requests that are answered when the event is on disk.
func pushTarget(rawURL string) (caller.Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return caller.Target{}, err
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nX-Dayfly-Invoke: async\r\n"+
		"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", u.RequestURI(), u.Host)
	return caller.Target{Addr: u.Host, Request: request.Bytes(), AnyBody: true}, nil
}
