// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
	"github.com/dayfly-faas/dayfly/internal/trigger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = dayfly.ProjectName("shop")

func ref(name dayfly.FunctionName) dayfly.FunctionRef {
	return dayfly.FunctionRef{Project: shop, Name: name}
}

// work is a queue in memory: bounded lanes, and copies known by what tells them apart.
type work struct {
	mu     sync.Mutex // guards all below
	lane   int        // how many copies a lane has room for; 0 is no bound
	seen   map[string]bool
	pushes []queue.Push
	refuse func(queue.Push) error
	calls  int
}

// PushAll implements trigger.Queue.
func (w *work) PushAll(_ context.Context, pushes []queue.Push) ([]queue.Accepted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	var accepted []queue.Accepted
	for _, p := range pushes {
		if w.refuse != nil {
			if err := w.refuse(p); err != nil {
				return accepted, err
			}
		}
		if w.lane > 0 && len(w.pushes) >= w.lane {
			full := dayfly.Errorf(dayfly.KindExhausted, "the lane is full")
			full.RetryAfter = 10 * time.Millisecond
			return accepted, full
		}
		identity := p.Function.String() + "/" + p.Dedupe
		duplicate := w.seen[identity]
		if !duplicate {
			w.seen[identity] = true
			w.pushes = append(w.pushes, p)
		}
		accepted = append(accepted, queue.Accepted{ID: "x", Duplicate: duplicate})
	}
	return accepted, nil
}

// Waiting implements trigger.Queue.
func (w *work) Waiting(_ context.Context, f dayfly.FunctionRef, _ dayfly.TriggerName) (uint64, error) {
	return uint64(len(w.of(f.Name))), nil
}

// of gives what was copied to a function, as the data of its events.
func (w *work) of(name dayfly.FunctionName) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []string{}
	for _, p := range w.pushes {
		if p.Function.Name == name {
			list = append(list, string(p.Event.Data))
		}
	}
	return list
}

// world is triggers and what they stand on.
type world struct {
	t        *testing.T
	dir      string
	bus      *bus.Bus
	catalog  *catalog.Catalog
	topic    *topic.Topic
	objects  *blob.Store
	triggers *trigger.Triggers
	work     *work
	stop     func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), work: &work{seen: map[string]bool{}}}
	w.open()
	t.Cleanup(func() { w.stop() })
	return w
}

// open opens all parts over the folder; stop ends them in order.
func (w *world) open() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	check := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.bus = bus.New(bus.Config{Dir: w.dir}, log)
	check(w.bus.Open(w.t.Context()))
	functions, resources := store.New(w.bus, bus.BucketCatalog, log), store.New(w.bus, bus.BucketResources, log)
	check(functions.Open(w.t.Context()))
	check(resources.Open(w.t.Context()))
	w.catalog = catalog.New(functions, log)
	check(w.catalog.Open(w.t.Context()))
	w.topic = topic.New(topic.Config{}, log, w.bus, resources)
	check(w.topic.Open(w.t.Context()))
	var err error
	w.objects, err = blob.New(blob.Config{Dir: filepath.Join(w.dir, "objects")}, w.bus, w.topic, log)
	check(err)
	check(w.objects.Open(w.t.Context()))
	board := notice.New(w.objects, log)
	check(board.Open(w.t.Context()))
	w.triggers = trigger.New(log, w.catalog, w.topic, w.work, board)
	check(w.triggers.Open(w.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.triggers.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
		if err := w.objects.Close(); err != nil {
			w.t.Errorf("close objects: %v", err)
		}
		w.catalog.Close()
		if err := w.bus.Close(); err != nil {
			w.t.Errorf("close bus: %v", err)
		}
	})
}

// deploy makes a revision with these triggers live.
func (w *world) deploy(name dayfly.FunctionName, triggers ...dayfly.Trigger) {
	w.t.Helper()
	manifest.NameTriggers(triggers)
	spec := dayfly.DefaultSpec()
	spec.Runtime, spec.Contract, spec.Command = "python3.11", dayfly.ContractStdio, []string{"a"}
	spec.Triggers = triggers
	rev, err := w.catalog.Publish(w.t.Context(), dayfly.Revision{Function: ref(name), Spec: spec,
		Source: dayfly.Digest(strings.Repeat("5", 64)), Bundle: dayfly.Digest(strings.Repeat("b", 64)),
		CreatedAt: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.catalog.Activate(w.t.Context(), ref(name), rev.Number); err != nil {
		w.t.Fatal(err)
	}
	if err := w.triggers.Settle(w.t.Context(), ref(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) publish(queue dayfly.QueueName, data ...string) []uint64 {
	w.t.Helper()
	events := make([]dayfly.Event, len(data))
	for i, d := range data {
		events[i] = dayfly.Event{ContentType: "application/json", Data: []byte(d)}
	}
	sequences, err := w.topic.Publish(w.t.Context(), shop, queue, events)
	if err != nil {
		w.t.Fatal(err)
	}
	return sequences
}

// want waits until a function got exactly these.
func (w *world) want(name dayfly.FunctionName, data ...string) {
	w.t.Helper()
	var diff string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if diff = cmp.Diff(data, w.work.of(name)); diff == "" {
			return
		}
		time.Sleep(2 * time.Millisecond) // between two looks
	}
	w.t.Fatalf("copies for %s (-want +got):\n%s", name, diff)
}

func listen(queue dayfly.QueueName, change ...func(*dayfly.QueueTrigger)) dayfly.Trigger {
	q := &dayfly.QueueTrigger{Queue: queue, Batch: 1}
	for _, c := range change {
		c(q)
	}
	return dayfly.Trigger{Queue: q}
}

func numbers(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestEachTriggerGetsEveryMessageInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("store", listen("clicks"))
	w.deploy("count", listen("clicks"))
	w.deploy("other", listen("views"))
	for i := range 4 {
		w.publish("clicks", numbers(i*400, i*400+400)...)
	}
	w.publish("views", `"v"`)
	w.want("store", numbers(0, 1600)...)
	w.want("count", numbers(0, 1600)...)
	w.want("other", `"v"`)
}

func TestMessagesBeforeATriggerAreItsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.topic.Ensure(t.Context(), shop, "clicks"); err != nil {
		t.Fatal(err)
	}
	w.publish("clicks", "1", "2")
	w.deploy("late", listen("clicks"))
	w.deploy("first", listen("clicks", func(q *dayfly.QueueTrigger) { q.From = "first" }))
	w.publish("clicks", "3")
	w.want("late", "3")
	w.want("first", "1", "2", "3")
}

func TestFiltersPassOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	filtered := func(text string) func(*dayfly.QueueTrigger) {
		return func(q *dayfly.QueueTrigger) { q.Filter = text }
	}
	w.deploy("cel", listen("clicks", filtered(`event.data.n > 2`)))
	w.deploy("pattern", listen("clicks", filtered(`{"data": {"n": [{"numeric": ["<", 3]}]}}`)))
	w.publish("clicks", `{"n":1}`, `{"n":3}`, `{"m":1}`, `{"n":4}`)
	w.want("cel", `{"n":3}`, `{"n":4}`)
	w.want("pattern", `{"n":1}`)
	list := w.status("clicks", func(list []topic.Reader) bool { return list[0].Behind == 0 && list[1].Behind == 0 })
	cel, pattern := list[0], list[1]
	if cel.Copied != 2 || cel.Skipped != 1 || cel.Failed != 1 || !strings.Contains(cel.Error, "no such key") {
		t.Errorf("Status of the expression = %+v, want 2 copied, 1 skipped, 1 failed for want of a key", cel)
	}
	if pattern.Copied != 1 || pattern.Skipped != 3 || pattern.Failed != 0 || pattern.Error != "" {
		t.Errorf("Status of the pattern = %+v, want 1 copied, 3 skipped", pattern)
	}
}

// status waits until the status of a queue's triggers is as ready wants it.
func (w *world) status(queue dayfly.QueueName, ready func([]topic.Reader) bool) []topic.Reader {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		list, err := w.triggers.Status(w.t.Context(), topic.QueueSource(shop, queue))
		if err != nil {
			w.t.Fatal(err)
		}
		if ready(list) {
			return list
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("Status stays %+v", list)
		}
	}
}

func TestFullLaneHoldsUpItsCopierAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work.lane = 5
	w.deploy("store", listen("clicks"))
	w.publish("clicks", numbers(0, 12)...)
	w.want("store", numbers(0, 5)...)
	w.status("clicks", func(list []topic.Reader) bool {
		return list[0].Behind == 7 && strings.Contains(list[0].Error, "full")
	})
	w.work.mu.Lock()
	calls := w.work.calls
	w.work.lane = 8
	w.work.mu.Unlock()
	if calls > 100 {
		t.Errorf("PushAll was called %d times for a full lane: it spins", calls)
	}
	w.want("store", numbers(0, 8)...)
	w.work.mu.Lock()
	w.work.lane = 0
	w.work.mu.Unlock()
	w.want("store", numbers(0, 12)...)
	w.status("clicks", func(list []topic.Reader) bool { return list[0].Behind == 0 && list[0].Error == "" })
}

func TestMessagesThatTheFunctionRefusesArePassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work.refuse = func(p queue.Push) error {
		if string(p.Event.Data) == "2" {
			return dayfly.Errorf(dayfly.KindInvalid, "too large")
		}
		return nil
	}
	w.deploy("store", listen("clicks"))
	w.publish("clicks", numbers(0, 5)...)
	w.want("store", "0", "1", "3", "4")
	w.status("clicks", func(list []topic.Reader) bool {
		return list[0].Behind == 0 && list[0].Failed == 1 && list[0].Error == "too large"
	})
}

func TestCursorsGoOnAfterARestartAndADeploy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("store", listen("clicks"))
	w.publish("clicks", "1", "2")
	w.want("store", "1", "2")
	w.status("clicks", func(list []topic.Reader) bool { return list[0].Behind == 0 })
	w.stop()

	w.work.seen = map[string]bool{} // what was copied is known by its cursor alone
	w.open()
	w.publish("clicks", "3")
	w.deploy("store", listen("clicks", func(q *dayfly.QueueTrigger) { q.Batch = 10 }))
	w.publish("clicks", "4")
	w.want("store", "1", "2", "3", "4")
	if n := len(w.topic.Cursors()); n != 1 {
		t.Errorf("%d cursors are there, want one", n)
	}
	w.deploy("store") // without triggers
	if n := len(w.topic.Cursors()); n != 0 {
		t.Errorf("%d cursors are there of a trigger that is gone", n)
	}
	w.publish("clicks", "5")
	w.deploy("store", listen("clicks"))
	w.publish("clicks", "6")
	w.want("store", "1", "2", "3", "4", "6")
	if err := w.catalog.Remove(t.Context(), ref("store")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(w.topic.Cursors()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the cursor of a removed function stays")
		}
	}
}

// TestCrashBeforePlacing is a node that was killed between a revision going live and
// the placing of its cursor: what was published since is not lost.
func TestCrashBeforePlacing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("store", listen("clicks"))
	w.publish("clicks", "1")
	w.want("store", "1")
	w.stop()
	w.work.pushes, w.work.seen = nil, map[string]bool{}

	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: w.dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := store.New(b, bus.BucketResources, log)
	if err := records.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, err := records.Get(t.Context(), "cursor/shop/store/clicks")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := records.Delete(t.Context(), kept.Key, kept.Version); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.want("store", "1")
}

func TestObjectsAndValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("thumb",
		dayfly.Trigger{Object: &dayfly.ObjectTrigger{Bucket: "up", Events: []string{"created"}, Prefix: "in/", Suffix: ".png"}})
	w.deploy("copies",
		dayfly.Trigger{Object: &dayfly.ObjectTrigger{Bucket: "up", Events: []string{"ObjectCreated:Copy", "ObjectRemoved:*"}}})
	w.deploy("watch",
		dayfly.Trigger{Value: &dayfly.ValueTrigger{Bucket: "kv", Events: []string{"put"}, Prefix: "user:",
			Filter: `event.data.version > 1.0`}})
	object := func(kind, action, key string) {
		t.Helper()
		data, _ := json.Marshal(dayfly.ObjectData{Bucket: "up", Key: key, Action: action})
		if err := w.topic.Emit(t.Context(), shop, topic.KindObject, "up",
			dayfly.Event{Type: kind, Subject: key, ContentType: "application/json", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	object(dayfly.EventObjectCreated, "ObjectCreated:Put", "in/a.png")
	object(dayfly.EventObjectCreated, "ObjectCreated:Put", "in/a.txt")
	object(dayfly.EventObjectCreated, "ObjectCreated:Copy", "out/a.png")
	object(dayfly.EventObjectRemoved, "ObjectRemoved:Delete", "in/a.png")
	for i, key := range []string{"user:1", "user:1", "session:1"} {
		data, _ := json.Marshal(dayfly.ValueData{Bucket: "kv", Key: key, Version: uint64(i + 1)})
		for _, kind := range []string{dayfly.EventValuePut, dayfly.EventValueDeleted} {
			if err := w.topic.Emit(t.Context(), shop, topic.KindValue, "kv",
				dayfly.Event{Type: kind, ContentType: "application/json", Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	keys := func(name dayfly.FunctionName, want ...string) {
		t.Helper()
		var got []string
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			got = nil
			w.work.mu.Lock()
			for _, p := range w.work.pushes {
				if p.Function.Name == name {
					got = append(got, string(p.Source)+" "+p.OrderKey)
				}
			}
			w.work.mu.Unlock()
			if slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("%s got %q, want %q", name, got, want)
	}
	keys("thumb", "object in/a.png")
	keys("copies", "object out/a.png", "object in/a.png")
	keys("watch", "kv user:1")
}

func TestReplayCopiesAgainAndMovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("store", listen("clicks", func(q *dayfly.QueueTrigger) { q.Filter = `event.data != 3.0` }))
	sequences := w.publish("clicks", numbers(0, 6)...)
	w.want("store", "0", "1", "2", "4", "5")
	before, _ := w.topic.Cursor("shop/store/clicks")
	r := topic.Replay{Project: shop, Queue: "clicks", Function: "store",
		From: topic.From{Sequence: sequences[1]}, To: sequences[4]}
	done, err := w.triggers.Replay(t.Context(), r)
	if err != nil || done.Copied != 3 || done.Skipped != 1 || done.Next != 0 {
		t.Fatalf("Replay = %+v, %v; want 3 copied, 1 skipped, and an end", done, err)
	}
	w.want("store", "0", "1", "2", "4", "5", "1", "2", "4")
	for i, p := range w.work.pushes {
		if _, marked := p.Event.Extensions[topic.ExtensionReplay]; marked != (i >= 5) {
			t.Errorf("copy %d is marked as replayed: %v", i, marked)
		}
	}
	if after, _ := w.topic.Cursor("shop/store/clicks"); after != before {
		t.Errorf("the cursor is %+v, was %+v", after, before)
	}

	// A lane without room ends a replay where it can go on.
	w.work.mu.Lock()
	w.work.lane = len(w.work.pushes) + 2
	w.work.mu.Unlock()
	r.From, r.To = topic.From{Time: time.Now().Add(-time.Hour)}, 0
	done, err = w.triggers.Replay(t.Context(), r)
	if err != nil || done.Copied != 2 || done.Next != sequences[1]+1 {
		t.Fatalf("Replay into a small lane = %+v, %v; want 2 copied, and to go on at %d", done, err, sequences[1]+1)
	}
	r.From = topic.From{Sequence: done.Next}
	if _, err = w.triggers.Replay(t.Context(), r); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("Replay into a full lane: %v, want exhausted", err)
	}
	r.Function = "none"
	if _, err = w.triggers.Replay(t.Context(), r); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Replay for a function without a trigger: %v, want not_found", err)
	}
}
