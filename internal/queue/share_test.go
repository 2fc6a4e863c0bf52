// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
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

func TestDelayedEventsOfOneFunctionLeaveRoomToOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	greedy, modest := w.deploy("greedy", answer200), w.deploy("modest", answer200)
	q := w.open()
	lane := work.Lane{Function: greedy, Name: "-"}
	later := func(f dayfly.FunctionRef) error {
		_, err := q.Push(t.Context(), Push{Function: f, Call: httpCall("x"), After: time.Now().Add(time.Hour)})
		return err
	}
	if err := later(greedy); err != nil {
		t.Fatal(err)
	}
	if held := q.times.Held(lane); held.Events != 1 || held.Bytes == 0 {
		t.Fatalf("one event is held as %+v", held)
	}
	// As if most had been there already: large ones.
	q.times.Put(&due.Event{ID: "large", Lane: lane, At: time.Now().Add(time.Hour), Bytes: 1 << 40})
	if err := later(greedy); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("one more: %v, want exhausted", err)
	}
	if err := later(modest); err != nil {
		t.Errorf("of another function: %v", err)
	}
	q.times.Drop("large")
	if err := later(greedy); err != nil {
		t.Errorf("after there is room: %v", err)
	}
	before := q.times.Held(lane)
	q.close()
	again := w.open() // counts anew
	if held := again.times.Held(lane); held != before {
		t.Errorf("after a start %+v is held, %+v before", held, before)
	}
}
