// SPDX-License-Identifier: Apache-2.0

package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

// event is one that was accepted so long after start.
func event(ref dayfly.FunctionRef, accepted time.Time, state dayfly.EventState) *dayfly.EventInfo {
	return &dayfly.EventInfo{
		ID: dayfly.NewEventID(accepted), Function: ref, Source: dayfly.SourceAsync,
		State: state, Accepted: accepted.UTC(), Bytes: 7,
	}
}

func eventIDs(t testing.TB, l *logs.Logs, q logs.EventQuery) []dayfly.EventID {
	t.Helper()
	events, err := l.Events(t.Context(), q)
	if err != nil {
		t.Fatalf("Events(%+v): %v", q, err)
	}
	var got []dayfly.EventID
	for _, e := range events {
		got = append(got, e.ID)
	}
	return got
}

func TestEventSurvivesRestartUnchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	now := time.Now().UTC()
	want := event(hello, now, dayfly.EventDead)
	want.Trigger, want.Type, want.Subject, want.Key = "nightly", "dev.dayfly.cron", "ü", "k-1"
	want.After, want.Ended = now.Add(time.Hour), now.Add(2*time.Hour)
	want.Reason, want.Delivered = dayfly.DeadAttempts, "queue failures"
	want.Attempts = []dayfly.Attempt{
		{Number: 1, Invocation: "i-1", Start: now, Duration: 5, Status: 500,
			Fault: dayfly.FaultGuest, Error: "boom", Next: now.Add(time.Second)},
		{Number: 2, Invocation: "i-2", Start: now, Error: "boom", Fatal: true},
	}
	l.Event(want)
	shut()
	l, _ = open(t, dir, still)
	got, err := l.FindEvent(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event, diff (-want +got):\n%s", diff)
	}
	_, err = l.FindEvent(t.Context(), dayfly.NewEventID(now))
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("FindEvent of another = %v, want not_found", err)
	}
}

func TestLatestSnapshotWins(t *testing.T) {
	t.Parallel()
	for name, flushed := range map[string]bool{"before a flush": false, "over flushes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l, shut := open(t, dir, still)
			first := event(hello, time.Now(), dayfly.EventPending)
			for _, state := range []dayfly.EventState{
				dayfly.EventPending, dayfly.EventRunning, dayfly.EventDelayed, dayfly.EventDone,
			} {
				next := *first
				next.State = state
				l.Event(&next)
				if flushed {
					l.Flush(t.Context())
				}
			}
			check := func(when string) {
				t.Helper()
				got, err := l.FindEvent(t.Context(), first.ID)
				if err != nil || got.State != dayfly.EventDone {
					t.Errorf("%s: FindEvent = %+v, %v; want it succeeded", when, got, err)
				}
				pending := logs.EventQuery{Function: hello, State: dayfly.EventPending}
				if ids := eventIDs(t, l, pending); ids != nil {
					t.Errorf("%s: pending events are %v, want none", when, ids)
				}
				if ids := eventIDs(t, l, logs.EventQuery{}); len(ids) != 1 {
					t.Errorf("%s: events are %v, want one", when, ids)
				}
			}
			check("in memory")
			shut()
			l, _ = open(t, dir, still)
			check("after a restart")
		})
	}
}

func TestEventsAreNewestFirstOverMemoryAndStream(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	began := time.Now().Add(-time.Minute)
	var want []dayfly.EventID // newest first
	add := func(ref dayfly.FunctionRef, i int, state dayfly.EventState) {
		e := event(ref, began.Add(time.Duration(i)*time.Millisecond), state)
		l.Event(e)
		if ref == hello {
			want = append([]dayfly.EventID{e.ID}, want...)
		}
	}
	for i := range 30 {
		add(hello, i, dayfly.EventDone)
		add(other, i, dayfly.EventDead)
		if i%10 == 9 {
			l.Flush(t.Context())
		}
	}
	shut()
	l, _ = open(t, dir, still)
	for i := 30; i < 40; i++ {
		add(hello, i, dayfly.EventPending)
	}
	for _, tt := range []struct {
		name  string
		query logs.EventQuery
		want  []dayfly.EventID
	}{
		{"all of one function", logs.EventQuery{Function: hello}, want},
		{"a few", logs.EventQuery{Function: hello, Limit: 3}, want[:3]},
		{"over the border", logs.EventQuery{Function: hello, Limit: 15}, want[:15]},
		{"of a state", logs.EventQuery{Function: hello, State: dayfly.EventDone, Limit: 2}, want[10:12]},
		{"since", logs.EventQuery{Function: hello, Since: began.Add(25 * time.Millisecond)}, want[:15]},
		{"of none", logs.EventQuery{Function: hello, State: dayfly.EventDead}, nil},
	} {
		if diff := cmp.Diff(tt.want, eventIDs(t, l, tt.query)); diff != "" {
			t.Errorf("%s, diff (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEventsStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), logs.Config{FlushInterval: time.Hour, RingEvents: 16, MemoryBytes: 1 << 20})
	var all []dayfly.EventID
	began := time.Now().Add(-time.Minute)
	for i := range 200 {
		e := event(hello, began.Add(time.Duration(i)*time.Millisecond), dayfly.EventDone)
		for n := range 1000 {
			e.Attempts = append(e.Attempts, dayfly.Attempt{Number: n + 1, Error: strings.Repeat("x", 1000)})
		}
		l.Event(e)
		all = append([]dayfly.EventID{e.ID}, all...)
		if i%5 == 0 {
			l.Flush(t.Context())
		}
	}
	l.Flush(t.Context())
	if diff := cmp.Diff(all[:100], eventIDs(t, l, logs.EventQuery{})); diff != "" {
		t.Errorf("the newest events, diff (-want +got):\n%s", diff)
	}
	got, err := l.FindEvent(t.Context(), all[0])
	if err != nil || len(got.Attempts) == 0 || len(got.Attempts) > 100 ||
		got.Attempts[len(got.Attempts)-1].Number != 1000 {
		t.Errorf("a long life keeps %d attempts, %v; want the last few", len(got.Attempts), err)
	}
	if _, err := l.FindEvent(t.Context(), all[199]); err != nil {
		t.Errorf("the oldest event is lost: %v", err)
	}
}

// TestLinesTakeNoRoomFromEvents has a function print more than there is room for while it
// executes thousands of events between two flushes: none of their lives is lost.
func TestLinesTakeNoRoomFromEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const many = 3000
	l, shut := open(t, dir, logs.Config{FlushInterval: time.Hour, RingLines: 100_000, RingEvents: 3 * many})
	began := time.Now().Add(-time.Minute)
	for i := range many {
		e := event(hello, began.Add(time.Duration(i)*time.Millisecond), dayfly.EventPending)
		l.Event(e)
		ended := *e
		ended.State = dayfly.EventDone
		ended.Attempts = []dayfly.Attempt{{Number: 1, Invocation: dayfly.NewInvocationID(began), Start: began}}
		l.Event(&ended)
		l.Append(dayfly.LogLine{Time: began, Function: hello, Text: strings.Repeat("x", 10_000)})
	}
	shut()
	l, _ = open(t, dir, still)
	got, err := l.Events(t.Context(), logs.EventQuery{Function: hello, State: dayfly.EventDone, Limit: 10_000})
	if err != nil || len(got) != many {
		t.Errorf("%d of %d lives are kept, %v", len(got), many, err)
	}
}

func TestRecordsOfAnEvent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	id := dayfly.NewEventID(time.Now())
	var want []dayfly.InvocationID
	for i := range 3 {
		r := record(hello)
		r.Start = r.Start.Add(time.Duration(i) * time.Millisecond)
		r.Event, r.Attempt, r.Trigger, r.Batch = id, i+1, "clicks", 5
		l.Record(r)
		l.Record(record(hello))
		want = append([]dayfly.InvocationID{r.ID}, want...)
		l.Flush(t.Context())
	}
	for _, when := range []string{"in memory", "after a restart"} {
		if diff := cmp.Diff(want, ids(t, l, logs.RecordQuery{Event: id})); diff != "" {
			t.Errorf("%s, diff (-want +got):\n%s", when, diff)
		}
		got, err := l.Find(t.Context(), want[1])
		if err != nil || got.Event != id || got.Attempt != 2 || got.Trigger != "clicks" || got.Batch != 5 {
			t.Errorf("%s: Find = %+v, %v; want its event, attempt, trigger and batch", when, got, err)
		}
		shut()
		l, shut = open(t, dir, still)
	}
}

func BenchmarkEvent(b *testing.B) {
	l, _ := open(b, b.TempDir(), quick)
	now := time.Now()
	n := 0
	for b.Loop() {
		e := event(hello, now, dayfly.EventPending)
		e.ID = dayfly.EventID(fmt.Sprintf("0197f3a2-5c1e-7abc-9def-%012x", n))
		n++
		l.Event(e)
		done := *e
		done.State = dayfly.EventDone
		l.Event(&done)
	}
}
