// SPDX-License-Identifier: Apache-2.0

package topic_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		publishUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

const shop = dayfly.ProjectName("shop")

// open opens a topic over a folder; the bus closes with the test, or by the function.
func open(t testing.TB, dir string, cfg topic.Config) (tp *topic.Topic, close func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	close = sync.OnceFunc(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	t.Cleanup(close)
	records := store.New(b, bus.BucketResources, log)
	if err := records.Open(t.Context()); err != nil {
		t.Fatalf("open records: %v", err)
	}
	tp = topic.New(cfg, log, b, records)
	if err := tp.Open(t.Context()); err != nil {
		t.Fatalf("open topic: %v", err)
	}
	return tp, close
}

// withQueue opens a topic that has a queue.
func withQueue(t testing.TB, name dayfly.QueueName) *topic.Topic {
	t.Helper()
	tp, _ := open(t, t.TempDir(), topic.Config{})
	if _, err := tp.Define(t.Context(), shop, name, topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	return tp
}

// texts makes events with these data.
func texts(data ...string) []dayfly.Event {
	events := make([]dayfly.Event, len(data))
	for i, d := range data {
		events[i] = dayfly.Event{ContentType: "text/plain", Data: []byte(d)}
	}
	return events
}

func publish(t testing.TB, tp *topic.Topic, queue dayfly.QueueName, events ...dayfly.Event) []uint64 {
	t.Helper()
	sequences, err := tp.Publish(t.Context(), shop, queue, events)
	if err != nil {
		t.Fatalf("Publish: %v", err)
	}
	return sequences
}

// dataFrom reads everything of a queue from a place on, in pages of limit.
func dataFrom(t testing.TB, tp *topic.Topic, queue dayfly.QueueName, from topic.From, limit int) []string {
	t.Helper()
	data := []string{}
	for {
		page, err := tp.Read(t.Context(), topic.QueueSource(shop, queue), from, limit)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		for _, m := range page.Messages {
			data = append(data, string(m.Event.Data))
		}
		if page.Pending == 0 {
			return data
		}
		from = topic.From{Sequence: page.Next}
	}
}

func wantKind(t testing.TB, call string, err error, want dayfly.Kind) {
	t.Helper()
	if got := dayfly.KindOf(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", call, got, err, want)
	}
}

func TestMessagesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	if _, err := tp.Define(t.Context(), shop, "other", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 5 {
		var batch []string
		for j := range 700 {
			batch = append(batch, fmt.Sprint(i, "/", j))
		}
		sequences := publish(t, tp, "clicks", texts(batch...)...)
		for j := 1; j < len(sequences); j++ {
			if sequences[j] <= sequences[j-1] {
				t.Fatalf("sequences %d, %d are not in order", sequences[j-1], sequences[j])
			}
		}
		publish(t, tp, "other", texts("noise")...)
		want = append(want, batch...)
	}
	for _, limit := range []int{1000, 333} {
		if diff := cmp.Diff(want, dataFrom(t, tp, "clicks", topic.From{}, limit)); diff != "" {
			t.Errorf("Read by %d (-want +got):\n%s", limit, diff)
		}
	}
	if got := dataFrom(t, tp, "other", topic.From{}, 10); len(got) != 5 {
		t.Errorf("the other queue has %q, want its own five", got)
	}
}

func TestReadBeginsAtASequenceOrATime(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	publish(t, tp, "clicks", texts("a", "b")...)
	second := publish(t, tp, "clicks", texts("c")...)[0]
	time.Sleep(5 * time.Millisecond) // lets the next ones have a later time
	since := time.Now()
	publish(t, tp, "clicks", texts("d", "e")...)
	for name, c := range map[string]struct {
		from topic.From
		want []string
	}{
		"the beginning":       {topic.From{}, []string{"a", "b", "c", "d", "e"}},
		"a sequence":          {topic.From{Sequence: second}, []string{"c", "d", "e"}},
		"behind the end":      {topic.From{Sequence: second + 100}, []string{}},
		"a time":              {topic.From{Time: since}, []string{"d", "e"}},
		"a time to come":      {topic.From{Time: since.Add(time.Hour)}, []string{}},
		"a time before there": {topic.From{Time: since.Add(-time.Hour)}, []string{"a", "b", "c", "d", "e"}},
	} {
		if diff := cmp.Diff(c.want, dataFrom(t, tp, "clicks", c.from, 2)); diff != "" {
			t.Errorf("Read from %s (-want +got):\n%s", name, diff)
		}
	}
	count, since, err := tp.Behind(t.Context(), topic.QueueSource(shop, "clicks"), second)
	if err != nil || count != 2 || since.IsZero() {
		t.Errorf("Behind = %d since %s, %v; want 2", count, since, err)
	}
	stats, err := tp.Stats(t.Context(), topic.QueueSource(shop, "clicks"))
	if err != nil || stats.Messages != 5 || stats.First != 1 || stats.Last != 5 || stats.Newest.Before(stats.Oldest) {
		t.Errorf("Stats = %+v, %v; want five messages, 1 to 5", stats, err)
	}
	none, err := tp.Stats(t.Context(), topic.QueueSource(shop, "none"))
	if err != nil || none != (topic.Stats{}) {
		t.Errorf("Stats of nothing = %+v, %v", none, err)
	}
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	want := dayfly.Event{
		ID: "id with spaces \t and % and \r\nNats-Msg-Id: x", Source: "/a%20b?ü", Type: " dev.x ", Subject: "→",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), ContentType: "application/json; charset=utf-8",
		DataSchema: "https://x/y", Extensions: map[string]string{dayfly.ExtensionKey: "k-1", "empty": "", "z9": "100%"},
		Data: []byte{0, 1, 2, 0xff, '\r', '\n'},
	}
	publish(t, tp, "clicks", want, dayfly.Event{})
	page, err := tp.Read(t.Context(), topic.QueueSource(shop, "clicks"), topic.From{}, 10)
	if err != nil || len(page.Messages) != 2 {
		t.Fatalf("Read = %d messages, %v; want 2", len(page.Messages), err)
	}
	if diff := cmp.Diff(want, page.Messages[0].Event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	filled := page.Messages[1].Event
	if filled.ID == "" || filled.Source != "/projects/shop/queues/clicks" || filled.Type != topic.TypeMessage ||
		time.Since(filled.Time) > time.Minute {
		t.Errorf("an empty event became %+v, want id, source, type and time filled in", filled)
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	large := dayfly.Event{Data: make([]byte, topic.DataBytesMax)}
	large.Extensions = map[string]string{"a": strings.Repeat("ü", 10_000)}
	publish(t, tp, "clicks", large) // the largest that is possible
	for name, e := range map[string]dayfly.Event{
		"data too large":       {Data: make([]byte, topic.DataBytesMax+1)},
		"attributes too large": {Subject: strings.Repeat("a", 65<<10)},
		"extension's name":     {Extensions: map[string]string{"Nats-Msg-Id": "a"}},
		"extension as other":   {Extensions: map[string]string{"type": "a"}},
		"no UTF-8":             {Subject: "\xff"},
	} {
		_, err := tp.Publish(t.Context(), shop, "clicks", []dayfly.Event{e})
		wantKind(t, name, err, dayfly.KindInvalid)
		if name == "data too large" && !errors.Is(err, dayfly.ErrRequestTooLarge) {
			t.Errorf("%s: %v is no ErrRequestTooLarge", name, err)
		}
	}
	_, err := tp.Publish(t.Context(), shop, "clicks", make([]dayfly.Event, topic.PublishMax+1))
	wantKind(t, "too many", err, dayfly.KindInvalid)
	_, err = tp.Publish(t.Context(), shop, "none", texts("a"))
	wantKind(t, "unknown queue", err, dayfly.KindNotFound)
	_, err = tp.Define(t.Context(), shop, "a.b.>", topic.Settings{})
	wantKind(t, "bad name", err, dayfly.KindInvalid)
	_, err = tp.Define(t.Context(), shop, "q", topic.Settings{Retention: time.Second})
	wantKind(t, "short retention", err, dayfly.KindInvalid)
	if got := dataFrom(t, tp, "clicks", topic.From{}, 10); len(got) != 1 {
		t.Errorf("%d messages are there, want the one that was possible", len(got))
	}
}

func TestDedupeKeepsOneOfTheSame(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	if _, err := tp.Define(t.Context(), shop, "other", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	once := texts("paid")[0]
	once.Extensions = map[string]string{topic.ExtensionDedupe: "order-7"}
	first := publish(t, tp, "clicks", once)
	again := publish(t, tp, "clicks", once, once)
	if again[0] != first[0] || again[1] != first[0] {
		t.Errorf("sequences %v and %v, want the first one's again", first, again)
	}
	publish(t, tp, "other", once)
	for _, queue := range []dayfly.QueueName{"clicks", "other"} {
		if got := dataFrom(t, tp, queue, topic.From{}, 10); len(got) != 1 {
			t.Errorf("%s has %q, want one", queue, got)
		}
	}
}

func TestQueuesLastUntilRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tp, close := open(t, dir, topic.Config{})
	ctx := t.Context()
	if err := tp.Ensure(ctx, shop, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := tp.Define(ctx, shop, "a", topic.Settings{Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if q, err := tp.Queue(shop, "b"); err != nil || !q.Implicit || q.Retention != topic.RetentionDefault {
		t.Errorf("Queue(b) = %+v, %v; want an implicit one with defaults", q, err)
	}
	if q, err := tp.Define(ctx, shop, "a", topic.Settings{}); err != nil || q.Retention != time.Hour {
		t.Errorf("Define again = %+v, %v; want the retention that it had", q, err)
	}
	if err := tp.Ensure(ctx, shop, "a"); err != nil {
		t.Fatal(err)
	}
	publish(t, tp, "a", texts("x")...)
	close()

	tp, _ = open(t, dir, topic.Config{})
	names := []dayfly.QueueName{}
	for _, q := range tp.Queues(shop) {
		names = append(names, q.Name)
	}
	if diff := cmp.Diff([]dayfly.QueueName{"a", "b"}, names); diff != "" {
		t.Errorf("Queues after a restart (-want +got):\n%s", diff)
	}
	if got := dataFrom(t, tp, "a", topic.From{}, 10); len(got) != 1 {
		t.Errorf("messages after a restart: %q, want one", got)
	}
	if err := tp.Remove(ctx, shop, "a"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "Remove again", tp.Remove(ctx, shop, "a"), dayfly.KindNotFound)
	if _, err := tp.Define(ctx, shop, "a", topic.Settings{}); err != nil {
		t.Fatalf("Define after Remove: %v", err)
	}
	if got := dataFrom(t, tp, "a", topic.From{}, 10); len(got) != 0 {
		t.Errorf("a new queue has %q of the removed one", got)
	}
	if len(tp.Queues("other")) != 0 || len(tp.Queues("")) != 2 {
		t.Errorf("Queues of another project: %v; of all: %v", tp.Queues("other"), tp.Queues(""))
	}
}

func TestChangesAreKeptOnlyWhenWanted(t *testing.T) {
	t.Parallel()
	tp, _ := open(t, t.TempDir(), topic.Config{})
	bucket := dayfly.BucketName("my.photos *>")
	source := topic.Source{Project: shop, Kind: topic.KindObject, Name: string(bucket)}
	emit := func(id string) {
		t.Helper()
		if err := tp.Emit(t.Context(), shop, topic.KindObject, bucket, dayfly.Event{ID: id}); err != nil {
			t.Fatalf("Emit: %v", err)
		}
	}
	emit("before")
	tp.Want(map[topic.Source]bool{source: true})
	if !tp.Wants(shop, topic.KindObject, bucket) || tp.Wants(shop, topic.KindValue, bucket) {
		t.Error("Wants does not tell what was set by Want")
	}
	emit("wanted")
	tp.Want(nil)
	emit("after")
	page, err := tp.Read(t.Context(), source, topic.From{}, 10)
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Event.ID != "wanted" {
		t.Errorf("Read = %+v, %v; want the one event that was wanted", page.Messages, err)
	}
	if subject := topic.Subject(source); subject != "events.shop.object.my=2Ephotos=20=2A=3E" {
		t.Errorf("subject is %s", subject)
	}
}

// TestChangeToldAgainIsKeptOnce tells a change once more, as buckets do after a kill, also
// over a restart. One of the same version with other data is another change.
func TestChangeToldAgainIsKeptOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := topic.Source{Project: shop, Kind: topic.KindValue, Name: "settings"}
	now := time.Now()
	change := func(version, value string, at time.Time) dayfly.Event {
		return dayfly.Event{ID: version, Type: dayfly.EventValuePut, Subject: "theme", Time: at,
			ContentType: "application/json", Data: []byte(value)}
	}
	tp, closeTopic := open(t, dir, topic.Config{})
	tell := func(e dayfly.Event) {
		t.Helper()
		tp.Want(map[topic.Source]bool{source: true})
		if err := tp.Emit(t.Context(), shop, topic.KindValue, "settings", e); err != nil {
			t.Fatal(err)
		}
	}
	tell(change("7", "1", now))
	tell(change("7", "1", now.Add(time.Second)))
	closeTopic()
	tp, _ = open(t, dir, topic.Config{})
	tell(change("7", "1", now.Add(time.Minute)))
	tell(change("8", "1", now))
	tell(change("8", "2", now))
	page, err := tp.Read(t.Context(), source, topic.From{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range page.Messages {
		got = append(got, m.Event.ID+":"+string(m.Event.Data))
	}
	if diff := cmp.Diff([]string{"7:1", "8:1", "8:2"}, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestWatchersAreWoken(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "clicks")
	wake, stop := tp.Watch(topic.QueueSource(shop, "clicks"))
	defer stop()
	other, stopOther := tp.Watch(topic.QueueSource(shop, "other"))
	defer stopOther()
	publish(t, tp, "clicks", texts("a", "b")...)
	publish(t, tp, "clicks", texts("c")...)
	select {
	case <-wake:
	case <-time.After(10 * time.Second):
		t.Error("no wake within 10 s")
	}
	select {
	case <-other:
		t.Error("the watcher of another queue was woken")
	default:
	}
}

func TestRetentionIsKept(t *testing.T) {
	t.Parallel()
	tp := withQueue(t, "short")
	if _, err := tp.Define(t.Context(), shop, "long", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	publish(t, tp, "short", texts("a", "b")...)
	publish(t, tp, "long", texts("c")...)
	publish(t, tp, "short", texts("d")...)
	tp.Shorten(shop, "short", time.Millisecond)
	time.Sleep(5 * time.Millisecond) // the age of what is to go
	if got := dataFrom(t, tp, "short", topic.From{}, 10); len(got) != 0 {
		t.Errorf("%q are read past their retention", got)
	}
	if err := tp.Expire(t.Context()); err != nil {
		t.Fatalf("Expire: %v", err)
	}
	stats, err := tp.Stats(t.Context(), topic.QueueSource(shop, "short"))
	if err != nil || stats.Messages != 0 {
		t.Errorf("Stats of the short queue = %+v, %v; want nothing left", stats, err)
	}
	if got := dataFrom(t, tp, "long", topic.From{}, 10); len(got) != 1 {
		t.Errorf("the long queue has %q, want its message", got)
	}
}
