// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
)

func TestOneFunctionLeavesRoomToOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	greedy, modest := w.deploy("greedy", answer200), w.deploy("modest", answer200)
	q := w.open() // nothing executes
	q.quota.Judge(4<<20, 0, nil)
	body, taken := strings.Repeat("x", 100<<10), 0
	var err error
	for ; err == nil && taken < 100; taken++ {
		_, err = q.Push(t.Context(), Push{Function: greedy, Call: httpCall(body)})
	}
	if dayfly.KindOf(err) != dayfly.KindExhausted || !strings.Contains(err.Error(), "greedy") {
		t.Fatalf("Push %d times: %v, want that the function is refused", taken, err)
	}
	event := &dayfly.Event{ID: "1", Source: "/s", Type: "t"}
	if _, err := q.PushAll(t.Context(), []Push{{Function: greedy, Event: event}}); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("PushAll: %v, want exhausted", err)
	}
	q.push(Push{Function: modest, Call: httpCall(body)})
	if err := q.survey(t.Context()); err != nil { // the stream has more room than the test said
		t.Fatal(err)
	}
	q.push(Push{Function: greedy, Call: httpCall(body)})
}
