// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/quota"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

func TestOneLaneLeavesRoomToOthers(t *testing.T) {
	t.Parallel()
	greedy := work.Lane{Function: dayfly.FunctionRef{Project: "p", Name: "greedy"}}
	modest := work.Lane{Function: dayfly.FunctionRef{Project: "p", Name: "modest"}}
	var q quota.Quota
	if err := q.Allow(greedy); err != nil {
		t.Fatalf("before anything is known: %v", err)
	}
	q.Judge(1_000, 0, nil)
	taken := 0
	for ; q.Allow(greedy) == nil && taken < 100; taken++ {
		q.Pushed(greedy, 100)
	}
	if taken != 6 { // half of the stream is anybody's
		t.Errorf("one lane got %d tenths, want 6", taken)
	}
	if err := q.Allow(greedy); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("greedy lane: %v, want exhausted", err)
	}
	if err := q.Allow(modest); err != nil {
		t.Errorf("another lane: %v", err)
	}
	q.Pushed(modest, 10)

	// Large events are told from small ones, however many of those there are.
	q.Judge(1_000, 620, map[string]uint64{greedy.WorkSubject(): 6, modest.WorkSubject(): 2})
	if q.Allow(greedy) == nil || q.Allow(modest) != nil {
		t.Errorf("after a look: greedy %v, modest %v", q.Allow(greedy), q.Allow(modest))
	}

	// What was executed makes room again, and what is empty is forgotten.
	q.Judge(1_000, 220, map[string]uint64{greedy.WorkSubject(): 2})
	if err := q.Allow(greedy); err != nil {
		t.Errorf("after most was executed: %v", err)
	}
}

func TestSizesAfterAStartAreThoseOfTheStream(t *testing.T) {
	t.Parallel()
	full := work.Lane{Function: dayfly.FunctionRef{Project: "p", Name: "full"}}
	var q quota.Quota
	q.Judge(1_000, 800, map[string]uint64{full.WorkSubject(): 8})
	if q.Allow(full) == nil {
		t.Error("a lane that was full before the start may have more")
	}
}
