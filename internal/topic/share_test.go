// SPDX-License-Identifier: Apache-2.0

package topic_test

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// A project whose trigger hangs, and that publishes on and on, is refused before it has
// taken the room of the others.
func TestOneProjectLeavesRoomToOthers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tp, _ := open(t, t.TempDir(), topic.Config{MaxBytes: 4 << 20})
	const greedy = dayfly.ProjectName("greedy")
	for _, p := range []dayfly.ProjectName{greedy, shop} {
		if _, err := tp.Define(ctx, p, "q", topic.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	c := topic.Cursor{Name: "greedy/f/hangs", Source: topic.QueueSource(greedy, "q")}
	if err := tp.Place(ctx, c); err != nil {
		t.Fatal(err)
	}
	publish(t, tp, "q", texts("passed")...)
	body, taken := strings.Repeat("x", 10_000), 0
	var err error
	for ; err == nil && taken < 1_000; taken++ {
		if _, err = tp.Publish(ctx, greedy, "q", texts(body)); err == nil {
			err = tp.MakeRoom(ctx)
		}
	}
	if dayfly.KindOf(err) != dayfly.KindExhausted || !strings.Contains(err.Error(), "greedy") {
		t.Fatalf("Publish %d times: %v, want that the project is refused", taken, err)
	}
	for range 10 {
		publish(t, tp, "q", texts(body)...)
	}
	last, err := tp.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tp.Advance(ctx, c.Name, last); err != nil {
		t.Fatal(err)
	}
	if err := tp.MakeRoom(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := tp.Publish(ctx, greedy, "q", texts(body)); err != nil {
		t.Errorf("Publish after its trigger has caught up: %v", err)
	}
}
