// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// errKilled is what a crash looks like to those that it hits.
var errKilled = errors.New("killed")

// TestKilledAtEachPointNothingIsLost ends a node before and after each write on the way
// of a message: each is copied at least once, in order, and twice at most around the one
// point where the copy was made and the cursor not yet moved.
func TestKilledAtEachPointNothingIsLost(t *testing.T) {
	t.Parallel()
	want := numbers(0, 20)
	for point := range 2 * len(want) {
		t.Run(fmt.Sprint("point ", point), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.deploy("store", listen("numbers"))
			killed := make(chan struct{})
			// A copy is refused from the point on: an even one is before a copy is
			// made, an odd one after it, when its maker does not hear of it any more.
			w.work.refuse = func(p queue.Push) error {
				n := len(w.work.pushes)
				if n < point/2 {
					return nil
				}
				if point%2 == 1 && n == point/2 {
					w.work.pushes = append(w.work.pushes, p)
				}
				select {
				case <-killed:
				default:
					close(killed)
				}
				return dayfly.Errorf(dayfly.KindUnavailable, "%w", errKilled)
			}
			w.publish("numbers", want...)
			select {
			case <-killed:
			case <-time.After(30 * time.Second):
				t.Fatal("the point was not reached within 30 s")
			}
			w.stop()
			w.work.refuse = nil
			w.open()
			w.reach("store", want)
		})
	}
}

// reach waits until a function got all of these, and checks that each came in order: the
// first of each after the first of the one before it.
func (w *world) reach(name dayfly.FunctionName, want []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for {
		got := w.work.of(name)
		first := []string{}
		for _, data := range got {
			if !slices.Contains(first, data) {
				first = append(first, data)
			}
		}
		if slices.Equal(first, want) {
			if twice := len(got) - len(want); twice > 1 {
				w.t.Errorf("%d messages came twice, at most one may: %q", twice, got)
			}
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s got %q, want all of %q in order", name, got, want)
		case <-time.After(2 * time.Millisecond):
		}
	}
}
