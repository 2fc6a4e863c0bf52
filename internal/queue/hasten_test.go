// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
)

func TestAClockPutForwardHastensWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200)
	q := w.open().run()
	now := time.Now()
	soon := q.push(Push{Function: f, Call: httpCall("soon"), After: now.Add(time.Hour)})
	later := q.push(Push{Function: f, Call: httpCall("later"), After: now.Add(3 * time.Hour)})
	if due := q.Hasten(2 * time.Hour); due != 1 {
		t.Errorf("two hours make %d events due, want 1", due)
	}
	w.reaches(soon, dayfly.EventDone)
	if s := w.state(later); s != dayfly.EventDelayed {
		t.Errorf("the event of three hours is %s after two, want delayed", s)
	}
	if due := q.Hasten(2 * time.Hour); due != 1 { // they add up
		t.Errorf("two more hours make %d events due, want 1", due)
	}
	w.reaches(later, dayfly.EventDone)
}
