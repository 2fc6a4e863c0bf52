// SPDX-License-Identifier: Apache-2.0

package topic_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// fill publishes to a queue until there is no room, and gives how many were taken.
func fill(t *testing.T, tp *topic.Topic, queue dayfly.QueueName) int {
	t.Helper()
	body := strings.Repeat("x", 10_000)
	for n := range 10_000 {
		_, err := tp.Publish(t.Context(), shop, queue, texts(body))
		if err == nil {
			continue
		}
		var e *dayfly.Error
		if !errors.As(err, &e) || e.Kind != dayfly.KindExhausted || e.RetryAfter <= 0 {
			t.Fatalf("Publish to a full stream: %v, want exhausted and when to try again", err)
		}
		return n
	}
	t.Fatal("the stream takes more than its bound")
	return 0
}

func TestFullStreamKeepsWhatIsToBeRead(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tp, _ := open(t, t.TempDir(), topic.Config{MaxBytes: 2 << 20})
	for _, queue := range []dayfly.QueueName{"read", "unread", "free"} {
		if _, err := tp.Define(ctx, shop, queue, topic.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, tp, "free", texts("nobody", "reads")...)
	publish(t, tp, "unread", texts("a", "b", "c")...)
	place := func(name string, queue dayfly.QueueName, sequence uint64) {
		t.Helper()
		c := topic.Cursor{Name: name, Source: topic.QueueSource(shop, queue), Sequence: sequence}
		if err := tp.Place(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	place("shop/f/unread", "unread", 3) // it has passed the first, which has sequence 3
	place("shop/f/read", "read", 0)
	taken := fill(t, tp, "read")
	if err := tp.MakeRoom(ctx); err != nil {
		t.Fatalf("MakeRoom: %v", err)
	}
	if got := dataFrom(t, tp, "read", topic.From{}, 100); len(got) != taken {
		t.Fatalf("%d of %d messages are there that a cursor has still to see", len(got), taken)
	}
	if got := dataFrom(t, tp, "free", topic.From{}, 10); len(got) != 0 {
		t.Errorf("%q are kept of a queue that nobody reads", got)
	}

	// A cursor that has passed half of them gives the room of that half.
	last, err := tp.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tp.Advance(ctx, "shop/f/read", last-uint64(taken/2)); err != nil {
		t.Fatal(err)
	}
	if err := tp.MakeRoom(ctx); err != nil {
		t.Fatalf("MakeRoom: %v", err)
	}
	publish(t, tp, "read", texts("again")...)
	got := dataFrom(t, tp, "read", topic.From{}, 100)
	if len(got) <= taken/2 || len(got) > taken {
		t.Errorf("%d messages are left of %d, want more than the unread half and fewer than all", len(got), taken)
	}
	if diff := cmp.Diff([]string{"b", "c"}, dataFrom(t, tp, "unread", topic.From{}, 10)); diff != "" {
		t.Errorf("messages older than those that went, still to be read (-want +got):\n%s", diff)
	}
}

func TestRunMakesRoomBySelf(t *testing.T) {
	t.Parallel()
	tp, _ := open(t, t.TempDir(), topic.Config{MaxBytes: 2 << 20})
	if _, err := tp.Define(t.Context(), shop, "clicks", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tp.Run(ctx) }()
	fill(t, tp, "clicks")
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, err := tp.Publish(ctx, shop, "clicks", texts(strings.Repeat("x", 100_000)))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still no room after 30 s: %v", err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestCursorsLast(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	tp, close := open(t, dir, topic.Config{})
	if _, err := tp.Define(ctx, shop, "clicks", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	publish(t, tp, "clicks", make([]dayfly.Event, 9)...)
	source := topic.Source{Project: shop, Kind: topic.KindObject, Name: "a.b"}
	for _, name := range []string{"shop/f/one", "shop/f/two.with dots"} {
		if err := tp.Place(ctx, topic.Cursor{Name: name, Source: source, Sequence: 4}); err != nil {
			t.Fatal(err)
		}
	}
	for _, sequence := range []uint64{7, 9, 8} { // an earlier one changes nothing
		if err := tp.Advance(ctx, "shop/f/one", sequence); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, "Advance of none", tp.Advance(ctx, "shop/f/none", 1), dayfly.KindNotFound)
	close()

	tp, _ = open(t, dir, topic.Config{})
	want := []topic.Cursor{{Name: "shop/f/one", Source: source, Sequence: 9},
		{Name: "shop/f/two.with dots", Source: source, Sequence: 4}}
	if diff := cmp.Diff(want, tp.Cursors()); diff != "" {
		t.Errorf("Cursors after a restart (-want +got):\n%s", diff)
	}
	if err := tp.Drop(ctx, "shop/f/one"); err != nil {
		t.Fatal(err)
	}
	if err := tp.Drop(ctx, "shop/f/one"); err != nil {
		t.Errorf("Drop again: %v", err)
	}
	if _, ok := tp.Cursor("shop/f/one"); ok {
		t.Error("the cursor is there after Drop")
	}
	if err := tp.Place(ctx, want[0]); err != nil {
		t.Errorf("Place after Drop: %v", err)
	}
}

// TestCursorPastTheEnd is a loss of power that took the newest events and left the
// record of the cursor that had passed them.
func TestCursorPastTheEnd(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	tp, close := open(t, dir, topic.Config{})
	if _, err := tp.Define(ctx, shop, "clicks", topic.Settings{}); err != nil {
		t.Fatal(err)
	}
	last := publish(t, tp, "clicks", texts("a", "b")...)[1]
	cursor := topic.Cursor{Name: "shop/f/t", Source: topic.QueueSource(shop, "clicks"), Sequence: last + 3}
	if err := tp.Place(ctx, cursor); err != nil {
		t.Fatal(err)
	}
	close()
	tp, _ = open(t, dir, topic.Config{})
	got, _ := tp.Cursor("shop/f/t")
	if got.Sequence != last {
		t.Fatalf("the cursor is at %d, want the end of events, %d", got.Sequence, last)
	}
	publish(t, tp, "clicks", texts("c")...)
	data := dataFrom(t, tp, "clicks", topic.From{Sequence: got.Sequence + 1}, 10)
	if diff := cmp.Diff([]string{"c"}, data); diff != "" {
		t.Errorf("events behind the cursor (-want +got):\n%s", diff)
	}
}
