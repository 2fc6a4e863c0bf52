// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

// quiet is a Journal that forgets.
type quiet struct{}

func (quiet) Event(*dayfly.EventInfo) {}
func (quiet) FindEvent(context.Context, dayfly.EventID) (*dayfly.EventInfo, error) {
	return nil, dayfly.Errorf(dayfly.KindNotFound, "no")
}
func (quiet) KeptUntil() time.Time                                                { return time.Time{} }
func (quiet) Unended(context.Context) ([]*dayfly.EventInfo, error)                { return nil, nil }
func (quiet) EventUnlessTold(*dayfly.EventInfo)                                   {}
func (quiet) Flush(context.Context)                                               {}
func (quiet) Events(context.Context, logs.EventQuery) ([]dayfly.EventInfo, error) { return nil, nil }

// counting is an Invoker that counts what it is asked for.
type counting struct {
	calls  atomic.Int64
	events atomic.Int64
}

func (c *counting) Invoke(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	c.calls.Add(1)
	c.events.Add(int64(max(1, inv.Batch)))
	return &dayfly.Result{Status: 200, Header: http.Header{}, Body: http.NoBody}, nil
}

func benchQueue(b *testing.B, change ...func(*dayfly.Spec)) (*running, dayfly.FunctionRef, *counting) {
	w := newWorld(b)
	f := w.deploy("f", nil, change...)
	c := &counting{}
	q := w.open(func(cfg *Config, d *Deps) {
		d.Journal, d.Invoker = quiet{}, c
		cfg.LaneMessagesMax = 10_000_000
	})
	return q, f, c
}

// BenchmarkPush measures events that are durable when Push returns, nothing executing.
func BenchmarkPush(b *testing.B) {
	q, f, _ := benchQueue(b)
	body := make([]byte, 256)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := Push{Function: f, Source: dayfly.SourceAsync, Call: &Call{Method: "POST", Path: "/", Body: body}}
			if _, err := q.Push(b.Context(), p); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkExecute measures a backlog that is executed, each event an invocation.
func BenchmarkExecute(b *testing.B) { backlog(b, 1) }

// BenchmarkExecuteBatches measures a backlog that is executed in batches of a hundred.
func BenchmarkExecuteBatches(b *testing.B) { backlog(b, 100) }

func backlog(b *testing.B, batch int) {
	q, f, c := benchQueue(b, func(s *dayfly.Spec) {
		s.Triggers = []dayfly.Trigger{{Name: "t", Queue: &dayfly.QueueTrigger{Queue: "q", Batch: batch}}}
	})
	for done := 0; done < b.N; {
		many := make([]Push, min(1000, b.N-done))
		for i := range many {
			many[i] = Push{Function: f, Source: dayfly.SourceQueue, Trigger: "t", Dedupe: fmt.Sprint("t:", done+i),
				Event: &dayfly.Event{ID: fmt.Sprint(done + i), Source: "/s", Type: "t", Data: make([]byte, 256)}}
		}
		if _, err := q.PushAll(b.Context(), many); err != nil {
			b.Fatal(err)
		}
		done += len(many)
	}
	b.ResetTimer()
	q.run()
	for c.events.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/float64(c.calls.Load()), "events/call")
}

// BenchmarkPushAll measures copiers.
func BenchmarkPushAll(b *testing.B) {
	q, f, _ := benchQueue(b, func(s *dayfly.Spec) {
		s.Triggers = []dayfly.Trigger{{Name: "t", Queue: &dayfly.QueueTrigger{Queue: "q", Batch: 100}}}
	})
	many := make([]Push, 500)
	n := 0
	for b.Loop() {
		for i := range many {
			n++
			many[i] = Push{Function: f, Source: dayfly.SourceQueue, Trigger: "t", Dedupe: fmt.Sprint("t:", n),
				Event: &dayfly.Event{ID: "x", Source: "/s", Type: "t", Data: make([]byte, 256)}}
		}
		if _, err := q.PushAll(b.Context(), many); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkPushToStart measures the way from Push to the function, one event at a time.
func BenchmarkPushToStart(b *testing.B) {
	w := newWorld(b)
	started := make(chan struct{}, 1)
	f := w.deploy("f", func(context.Context, call) (*dayfly.Result, error) {
		started <- struct{}{}
		return status(200), nil
	})
	q := w.open(func(_ *Config, d *Deps) { d.Journal = quiet{} }).run()
	for b.Loop() {
		q.push(Push{Function: f, Call: httpCall("x")})
		<-started
	}
}
