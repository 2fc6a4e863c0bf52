// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// fromQueue gives a function a queue trigger.
func fromQueue(t dayfly.QueueTrigger) func(*dayfly.Spec) {
	return func(s *dayfly.Spec) {
		t.Queue = "q"
		s.Triggers = append(s.Triggers, dayfly.Trigger{Name: "t", Queue: &t})
	}
}

func message(key string, n int) Push {
	return Push{Function: ref("f"), Source: dayfly.SourceQueue, Trigger: "t", OrderKey: key,
		Dedupe: fmt.Sprintf("t:%d", n), Event: &dayfly.Event{ID: fmt.Sprint(n), Source: "/q", Type: "t",
			ContentType: "application/json", Data: fmt.Appendf(nil, `{"key":%q,"n":%d}`, key, n)}}
}

func (r *running) pushAll(many []Push) []Accepted {
	r.t.Helper()
	accepted, err := r.PushAll(r.t.Context(), many)
	if err != nil {
		r.t.Fatalf("PushAll: %v", err)
	}
	return accepted
}

func TestOrderedLanesKeepTheOrderOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	got := map[string][]int{}
	busy := map[string]bool{}
	var atOnce, most atomic.Int64
	w.deploy("f", func(_ context.Context, c call) (*dayfly.Result, error) {
		var m struct {
			Key string
			N   int
		}
		if err := json.Unmarshal([]byte(c.Body), &m); err != nil {
			t.Errorf("body %q: %v", c.Body, err)
		}
		mu.Lock()
		if busy[m.Key] {
			t.Errorf("two of key %s at once", m.Key)
		}
		busy[m.Key] = true
		mu.Unlock()
		if n := atOnce.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
		atOnce.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		busy[m.Key] = false
		if rand.IntN(5) == 0 {
			return status(500), nil
		}
		got[m.Key] = append(got[m.Key], m.N)
		return status(200), nil
	}, fromQueue(dayfly.QueueTrigger{Ordered: true}), func(s *dayfly.Spec) { s.Retry.Attempts = 100 })
	q := w.open().run()
	want := map[string][]int{}
	var many []Push
	for n := range 400 {
		key := fmt.Sprint("k", rand.IntN(9))
		want[key] = append(want[key], n)
		many = append(many, message(key, n))
	}
	q.pushAll(many)
	within(t, "all are executed", q.empty)
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order by key (-want +got):\n%s", diff)
	}
	if most.Load() < 2 {
		t.Error("keys were not executed at once")
	}
}

func TestBatchesAreFilledAndTheirFailuresTriedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	seen := map[string]int{}
	var sizes []int
	w.deploy("f", func(_ context.Context, c call) (*dayfly.Result, error) {
		var batch struct {
			Records []struct {
				MessageID string `json:"messageId"`
				Body      string `json:"body"`
			}
		}
		if err := json.Unmarshal([]byte(c.Body), &batch); err != nil {
			t.Errorf("body %q: %v", c.Body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(batch.Records))
		if c.Batch != len(batch.Records) {
			t.Errorf("Batch = %d of %d records", c.Batch, len(batch.Records))
		}
		failures := []string{}
		for _, r := range batch.Records {
			seen[r.Body]++
			if strings.Contains(r.Body, `"n":7}`) && seen[r.Body] == 1 {
				failures = append(failures, fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID))
			}
		}
		r := status(200)
		r.Body = readCloser(`{"batchItemFailures":[` + strings.Join(failures, ",") + `]}`)
		return r, nil
	}, fromQueue(dayfly.QueueTrigger{Batch: 10, Window: 300 * time.Millisecond}),
		func(s *dayfly.Spec) { s.Contract, s.Dialect = dayfly.ContractHandler, dayfly.DialectLambda })
	q := w.open().run()
	var many []Push
	for n := range 25 {
		many = append(many, message("", n))
	}
	q.pushAll(many)
	within(t, "all are executed", q.empty)
	mu.Lock()
	defer mu.Unlock()
	for body, n := range seen {
		want := 1
		if strings.Contains(body, `"n":7}`) {
			want = 2
		}
		if n != want {
			t.Errorf("%s was seen %d times, want %d", body, n, want)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, info := range w.infos {
		if n := len(info.Attempts); n == 2 && info.Attempts[0].Error != "the function's answer names it as failed" {
			t.Errorf("%s failed with %q, not because the answer names it", id, info.Attempts[0].Error)
		}
	}
	if len(seen) != 25 || slices.Max(sizes) != 10 {
		t.Errorf("%d messages in batches of %v", len(seen), sizes)
	}
}

func TestAFunctionThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hang := make(chan struct{})
	var ids []dayfly.EventID
	hanging := func(ctx context.Context, _ call) (*dayfly.Result, error) {
		select {
		case <-hang:
		case <-ctx.Done():
		}
		return status(200), nil
	}
	g := w.deploy("g", answer200)
	q := w.open(func(c *Config, _ *Deps) { c.ExecutionsMax = 2 }).run()
	for i := range 5 {
		f := w.deploy(dayfly.FunctionName(fmt.Sprint("f", i)), hanging)
		for range 10 {
			ids = append(ids, q.push(Push{Function: f, Call: httpCall("")}))
		}
	}
	id := q.push(Push{Function: g, Call: httpCall("")})
	w.reaches(id, dayfly.EventDone)
	if n := q.active.Load(); n > 5+2+1 {
		t.Errorf("%d executions at once, want at most one for each lane and 2 more", n)
	}
	close(hang)
	for _, id := range ids {
		w.reaches(id, dayfly.EventDone)
	}
}

func TestConcurrencyIsThatOfTheFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var now, most atomic.Int64
	f := w.deploy("f", func(context.Context, call) (*dayfly.Result, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
		return status(200), nil
	}, func(s *dayfly.Spec) { s.Scaling.MaxInstances, s.Scaling.Concurrency = 3, 1 })
	q := w.open().run()
	for range 100 {
		q.push(Push{Function: f, Call: httpCall("")})
	}
	within(t, "all are executed", q.empty)
	if most.Load() != 3 {
		t.Errorf("%d executions at once, want 3", most.Load())
	}
}

func TestPausedFunctionsKeepTheirEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200)
	q := w.open().run()
	w.reaches(q.push(Push{Function: f, Call: httpCall("")}), dayfly.EventDone)
	if err := q.Pause(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	id := q.push(Push{Function: f, Call: httpCall("")})
	soon := q.push(Push{Function: f, Call: httpCall(""), After: time.Now().Add(time.Millisecond)})
	q.close()
	q = w.open().run()
	if !q.Paused(f) {
		t.Error("the pause did not survive")
	}
	g := w.deploy("g", answer200)
	w.reaches(q.push(Push{Function: g, Call: httpCall("")}), dayfly.EventDone)
	if n := len(w.seen("f")); n != 1 {
		t.Errorf("%d calls while paused, want the one before", n)
	}
	if err := q.Resume(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	w.reaches(id, dayfly.EventDone)
	w.reaches(soon, dayfly.EventDone)
	if q.Paused(f) {
		t.Error("still paused")
	}
}

func TestEventsAreTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entered := make(chan struct{}, 1)
	f := w.deploy("f", func(ctx context.Context, _ call) (*dayfly.Result, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return nil, dayfly.Errorf(dayfly.KindCanceled, "%w", ctx.Err())
	}, func(s *dayfly.Spec) { s.Scaling.MaxInstances = 1 })
	q := w.open().run()
	running := q.push(Push{Function: f, Call: httpCall("")})
	<-entered
	waiting := q.push(Push{Function: f, Call: httpCall("")})
	later := q.push(Push{Function: f, Call: httpCall(""), After: time.Now().Add(time.Hour)})
	if info, err := q.Event_(t, running); err != nil || info.State != dayfly.EventRunning {
		t.Errorf("Event = %+v, %v; want running", info, err)
	}
	for _, id := range []dayfly.EventID{later, waiting, running} {
		if err := q.Cancel(t.Context(), id); err != nil {
			t.Errorf("Cancel: %v", err)
		}
		w.reaches(id, dayfly.EventCanceled)
	}
	if n := len(w.seen("f")); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	if err := q.Cancel(t.Context(), running); dayfly.KindOf(err) != dayfly.KindConflict {
		t.Errorf("Cancel again = %v, want conflict", err)
	}
	if err := q.Cancel(t.Context(), "nope"); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Cancel of nothing = %v, want not_found", err)
	}
	within(t, "the streams are empty", q.empty)
}

// Event_ is Queue.Event, which the world's Journal hides in this package's tests.
func (r *running) Event_(t *testing.T, id dayfly.EventID) (*dayfly.EventInfo, error) {
	return r.Queue.Event(t.Context(), id)
}

func TestDeadLettersAreListedRedrivenAndDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var good atomic.Bool
	f := w.deploy("f", func(context.Context, call) (*dayfly.Result, error) {
		if good.Load() {
			return status(200), nil
		}
		return status(400), nil
	})
	q := w.open().run()
	var ids []dayfly.EventID
	for range 4 {
		ids = append(ids, q.push(Push{Function: f, Call: httpCall("x")}))
		w.reaches(ids[len(ids)-1], dayfly.EventDead)
	}
	list, err := q.Dead(t.Context(), Letters{Function: f, Limit: 3})
	if err != nil || len(list) != 3 || list[0].ID != ids[3] {
		t.Errorf("Dead = %+v, %v; want the newest three", list, err)
	}
	good.Store(true)
	if n, err := q.Redrive(t.Context(), Letters{ID: ids[0]}); n != 1 || err != nil {
		t.Errorf("Redrive of one = %d, %v", n, err)
	}
	if info := w.reaches(ids[0], dayfly.EventDone); len(info.Attempts) != 1 {
		t.Errorf("attempts after redrive = %+v", info.Attempts)
	}
	if n, err := q.Drop(t.Context(), Letters{ID: ids[1]}); n != 1 || err != nil {
		t.Errorf("Drop of one = %d, %v", n, err)
	}
	if n, err := q.Redrive(t.Context(), Letters{Function: f}); n != 2 || err != nil {
		t.Errorf("Redrive of the rest = %d, %v", n, err)
	}
	w.reaches(ids[2], dayfly.EventDone)
	w.reaches(ids[3], dayfly.EventDone)
	if _, err := q.Redrive(t.Context(), Letters{ID: ids[1]}); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Redrive of a dropped one = %v, want not_found", err)
	}
	if list, err := q.Dead(t.Context(), Letters{}); len(list) != 0 || err != nil {
		t.Errorf("Dead at the end = %+v, %v", list, err)
	}
	if _, err := q.Dead(t.Context(), Letters{Project: "a.>"}); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("Dead of an odd project = %v, want invalid", err)
	}
}

func TestEventsOfWhatIsGoneAreDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200, fromQueue(dayfly.QueueTrigger{}))
	g := w.deploy("g", answer200)
	q := w.open()
	orphan := q.pushAll([]Push{message("", 1)})[0].ID
	gone := q.push(Push{Function: g, Call: httpCall("")})
	w.remove("g")
	w.deploy("f", answer200)
	q.run()
	for _, id := range []dayfly.EventID{orphan, gone} {
		if info := w.reaches(id, dayfly.EventDead); info.Reason != dayfly.DeadRemoved {
			t.Errorf("reason = %s, want removed", info.Reason)
		}
	}
	if n := len(w.seen(f.Name)) + len(w.seen("g")); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

// posts is a Poster that keeps what it is sent.
type posts struct {
	mu    sync.Mutex
	seen  []*http.Request
	fails int // how many are refused before one is taken
	body  []string
}

// Do implements Poster.
func (p *posts) Do(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails > 0 {
		p.fails--
		return nil, fmt.Errorf("connection refused")
	}
	var b strings.Builder
	_ = r.Write(&b)
	p.seen, p.body = append(p.seen, r), append(p.body, b.String())
	return &http.Response{StatusCode: 204, Body: http.NoBody, Header: http.Header{}}, nil
}

func (p *posts) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}

// Publish implements Publisher.
func (p *published) Publish(_ context.Context, _ dayfly.ProjectName, q dayfly.QueueName, events []dayfly.Event) ([]uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	return make([]uint64, len(events)), nil
}

type published struct {
	mu     sync.Mutex
	events []dayfly.Event
}

func TestOutcomesReachTheirDestinations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web, topic := &posts{fails: 2}, &published{}
	f := w.deploy("f", func(_ context.Context, c call) (*dayfly.Result, error) {
		if c.Body == `"bad"` {
			return status(400), nil
		}
		return status(200), nil
	}, func(s *dayfly.Spec) {
		s.Destinations.OnSuccess = &dayfly.Destination{Function: "g"}
		s.Destinations.OnFailure = &dayfly.Destination{Queue: "failed"}
	})
	w.deploy("g", answer200, func(s *dayfly.Spec) {
		s.Destinations.OnSuccess = &dayfly.Destination{URL: "http://there.example/x"}
	})
	q := w.open(func(_ *Config, d *Deps) { d.Poster, d.Publisher = web, topic }).run()
	good := q.push(Push{Function: f, Call: httpCall(`{"a":1}`)})
	bad := q.push(Push{Function: f, Call: httpCall(`"bad"`)})
	w.reaches(bad, dayfly.EventDead)
	w.reaches(good, dayfly.EventDone)
	within(t, "the address is posted to", func() bool { return web.count() == 1 })
	calls := w.seen("g")
	if len(calls) != 1 || calls[0].Header.Get("Ce-Type") != dayfly.EventSucceeded {
		t.Fatalf("calls of the destination = %+v", calls)
	}
	var record struct {
		RequestContext struct {
			RequestID, Condition   string
			ApproximateInvokeCount int
		}
		RequestPayload  map[string]int
		ResponseContext struct{ StatusCode int }
		ResponsePayload string
	}
	if err := json.Unmarshal([]byte(calls[0].Body), &record); err != nil {
		t.Fatal(err)
	}
	if c := record.RequestContext; c.RequestID != string(good) || c.Condition != "Success" || c.ApproximateInvokeCount != 1 ||
		record.RequestPayload["a"] != 1 || record.ResponseContext.StatusCode != 200 || record.ResponsePayload != "answer" {
		t.Errorf("record = %+v from %s", record, calls[0].Body)
	}
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if len(topic.events) != 1 || topic.events[0].Type != dayfly.EventFailed ||
		!strings.Contains(string(topic.events[0].Data), `"condition":"RetriesExhausted"`) {
		t.Errorf("the queue got %+v", topic.events)
	}
	if !strings.Contains(web.body[0], "Ce-Dayflydepth: 2") {
		t.Errorf("the address got %s, want a depth of 2", web.body[0])
	}
	within(t, "the streams are empty", q.empty)
}

func TestCallbacksGetTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := &posts{}
	f := w.deploy("f", answer200)
	q := w.open(func(_ *Config, d *Deps) { d.Poster = web }).run()
	id := q.push(Push{Function: f, Call: httpCall("x"), Callback: "http://there.example/back"})
	within(t, "the callback is posted", func() bool { return web.count() == 1 })
	h := web.seen[0].Header
	if h.Get("X-Call-Id") != string(id) || h.Get("X-Function-Status") != "200" || h.Get("X-Function-Name") != "f" ||
		h.Get("X-Duration-Seconds") == "" || h.Get("X-Start-Time") == "" || !strings.HasSuffix(web.body[0], "answer") {
		t.Errorf("callback = %s", web.body[0])
	}
	within(t, "the journal knows", func() bool {
		info, err := w.FindEvent(t.Context(), id)
		return err == nil && strings.HasPrefix(info.Delivered, "delivered to http://there")
	})
}

func TestLoopsOfDestinationsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200, func(s *dayfly.Spec) {
		s.Destinations.OnSuccess = &dayfly.Destination{Function: "f"}
	})
	q := w.open().run()
	q.push(Push{Function: f, Call: httpCall("x")})
	within(t, "the loop goes round", func() bool { return len(w.seen("f")) == work.DepthMax+1 })
	within(t, "the loop ends", q.empty)
	if n := len(w.seen("f")); n != work.DepthMax+1 {
		t.Errorf("%d calls, want %d", n, work.DepthMax+1)
	}
}

func TestALaneOutlivesItsConsumer(t *testing.T) {
	if testing.Short() {
		t.Skip("a lane takes twenty seconds to notice")
	}
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", func(context.Context, call) (*dayfly.Result, error) {
		time.Sleep(time.Millisecond)
		return status(200), nil
	})
	q := w.open().run()
	const count = 400
	for range count {
		q.push(Push{Function: f, Call: httpCall("")})
	}
	name := (&lane{id: work.Lane{Function: f, Name: work.Calls}}).consumerName()
	within(t, "some are executed", func() bool { return len(w.seen("f")) > 20 })
	if err := q.work.DeleteConsumer(t.Context(), name); err != nil {
		t.Errorf("DeleteConsumer: %v", err)
	}
	within(t, "all are executed", q.empty)
	seen := map[dayfly.EventID]int{}
	for _, c := range w.seen("f") {
		if seen[c.Event]++; seen[c.Event] > 1 {
			t.Errorf("event %s was executed %d times", c.Event, seen[c.Event])
		}
	}
	if len(seen) != count {
		t.Errorf("%d events were executed, want %d", len(seen), count)
	}
}
