// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
	"github.com/dayfly-faas/dayfly/internal/trigger"
)

// content answers each call well.
type content struct{}

// Invoke implements queue.Invoker.
func (content) Invoke(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	if _, err := io.Copy(io.Discard, inv.Request.Body); err != nil {
		return nil, err
	}
	return &dayfly.Result{Status: 200, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// BenchmarkMessages measures messages a second from publishing to the end of their
// batches, with everything but the function itself.
func BenchmarkMessages(b *testing.B) {
	log, ctx := slog.New(slog.DiscardHandler), b.Context()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	bs := bus.New(bus.Config{Dir: b.TempDir()}, log)
	check(bs.Open(ctx))
	functions, resources := store.New(bs, bus.BucketCatalog, log), store.New(bs, bus.BucketResources, log)
	check(functions.Open(ctx))
	check(resources.Open(ctx))
	c := catalog.New(functions, log)
	check(c.Open(ctx))
	l := logs.New(logs.Config{}, bs, log)
	check(l.Open(ctx))
	tp := topic.New(topic.Config{}, log, bs, resources)
	check(tp.Open(ctx))
	q, err := queue.New(queue.Config{}, log, queue.Deps{Bus: bs, Resolver: c, Invoker: content{}, Journal: l, Publisher: tp})
	check(err)
	check(q.Open(ctx))
	tr := trigger.New(log, c, tp, q, notice.New(nil, log))
	check(tr.Open(ctx))
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	for _, f := range []func(context.Context) error{q.Run, tr.Run, l.Run} {
		go func() { ended <- f(run) }()
	}
	b.Cleanup(func() {
		stop()
		for range 3 {
			<-ended
		}
		c.Close()
		_ = l.Close()
		_ = bs.Close()
	})
	spec := dayfly.DefaultSpec()
	spec.Runtime, spec.Contract, spec.Dialect, spec.Entry = "python3.11", dayfly.ContractHandler, "lambda", "a.b"
	spec.Triggers = []dayfly.Trigger{{Name: "t", Queue: &dayfly.QueueTrigger{Queue: "q", Batch: 1000,
		Window: 10 * time.Millisecond}}}
	rev, err := c.Publish(ctx, dayfly.Revision{Function: ref("f"), Spec: spec, CreatedAt: time.Now(),
		Source: dayfly.Digest(strings.Repeat("5", 64)), Bundle: dayfly.Digest(strings.Repeat("b", 64))})
	check(err)
	_, err = c.Activate(ctx, ref("f"), rev.Number)
	check(err)
	check(tr.Settle(ctx, ref("f")))
	events := make([]dayfly.Event, 500)
	for i := range events {
		events[i] = dayfly.Event{ContentType: "application/json", Data: []byte(`{"page":"/some/page","user":"u1"}`)}
	}
	for b.Loop() {
		_, err := tp.Publish(ctx, shop, "q", events)
		check(err)
	}
	for {
		list, err := tr.Status(ctx, topic.QueueSource(shop, "q"))
		check(err)
		if list[0].Behind == 0 && list[0].Waiting == 0 {
			break
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "messages/s")
}
