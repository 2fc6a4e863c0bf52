// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

// openLogged opens a queue whose journal is that of a node. It is written by Flush alone, and
// what was not written is gone with the queue, as by a kill.
func (w *world) openLogged() (*running, *logs.Logs) {
	w.t.Helper()
	var journal *logs.Logs
	q := w.open(func(_ *Config, d *Deps) {
		journal = logs.New(logs.Config{}, d.Bus.(*bus.Bus), w.log)
		if err := journal.Open(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		d.Journal = journal
	})
	return q, journal
}

// states gives what is told of events, by the names that the test has for them.
func (r *running) states(ids map[string]dayfly.EventID) map[string]dayfly.EventState {
	r.t.Helper()
	got := map[string]dayfly.EventState{}
	for name, id := range ids {
		info, err := r.Event(r.t.Context(), id)
		if err != nil {
			got[name] = dayfly.EventState(err.Error())
			continue
		}
		got[name] = info.State
		if ended := !info.Ended.IsZero(); ended != (info.State != dayfly.EventPending && info.State != dayfly.EventDelayed) {
			r.t.Errorf("%s is %s and ended at %v", name, info.State, info.Ended)
		}
	}
	return got
}

// What the journal had not written when the process was killed is told by the streams.
func TestLivesAreRightAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := make(chan struct{})
	held := func(ctx context.Context, _ call) (*dayfly.Result, error) {
		select {
		case <-hold:
			return status(200), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	slow, paused := w.deploy("slow", held), w.deploy("paused", answer200)
	bad := w.deploy("bad", func(context.Context, call) (*dayfly.Result, error) { return status(400), nil })
	well := w.deploy("well", answer200)
	q, journal := w.openLogged()
	q.run()
	ctx := t.Context()
	if err := q.Pause(ctx, paused); err != nil {
		t.Fatal(err)
	}
	push := func(f dayfly.FunctionRef, after time.Duration) dayfly.EventID {
		p := Push{Function: f, Source: dayfly.SourceAsync, Call: httpCall("")}
		if after > 0 {
			p.After = time.Now().Add(after)
		}
		return q.push(p)
	}
	ids := map[string]dayfly.EventID{
		"ended before":        push(well, 0),
		"succeeded":           push(slow, 0),
		"waits from before":   push(paused, 0),
		"delayed from before": push(paused, time.Hour),
		"canceled":            push(paused, time.Hour),
		"canceled in lane":    push(paused, 0),
	}
	ended := func(name string) {
		t.Helper()
		within(t, name+" has ended", func() bool {
			info, err := q.Event(ctx, ids[name])
			return err == nil && !info.Ended.IsZero()
		})
	}
	ended("ended before")
	journal.Flush(ctx)

	close(hold)
	ended("succeeded")
	ids["dead"] = push(bad, 0)
	ended("dead")
	ids["accepted and succeeded"] = push(well, 0)
	ended("accepted and succeeded")
	ids["waits"] = push(paused, 0)
	ids["delayed"] = push(paused, time.Hour)
	err := errors.Join(q.Cancel(ctx, ids["canceled"]), q.Cancel(ctx, ids["canceled in lane"]))
	if err != nil {
		t.Fatal(err)
	}
	q.close()

	// Of what came and went while nothing was written, there is nothing.
	unknown := dayfly.EventState("event " + string(ids["accepted and succeeded"]) + " not found")
	want := map[string]dayfly.EventState{
		"ended before": dayfly.EventDone, "succeeded": dayfly.EventDone, "dead": dayfly.EventDead,
		"waits": dayfly.EventPending, "waits from before": dayfly.EventPending,
		"delayed": dayfly.EventDelayed, "delayed from before": dayfly.EventDelayed,
		"canceled": dayfly.EventCanceled, "canceled in lane": dayfly.EventCanceled,
		"accepted and succeeded": unknown,
	}
	for range 2 { // also when it is killed again before it has written anything
		q, _ = w.openLogged()
		q.run()
		if diff := cmp.Diff(want, q.states(ids)); diff != "" {
			t.Errorf("states after the crash (-want +got):\n%s", diff)
		}
		list, err := q.Events(ctx, logs.EventQuery{State: dayfly.EventPending})
		if err != nil || len(list) != 2 {
			t.Errorf("Events of state pending = %d, %v; want the two that wait", len(list), err)
		}
		q.close()
	}
}
