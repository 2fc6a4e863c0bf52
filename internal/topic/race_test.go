// SPDX-License-Identifier: Apache-2.0

package topic_test

import (
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// A cursor is moved by who reads its queue while a deploy moves and removes it: neither
// fails for the other, and one that was removed does not come back.
func TestCursorsAreMovedAndRemovedAtOnce(t *testing.T) {
	t.Parallel()
	tp, _ := open(t, t.TempDir(), topic.Config{})
	source := topic.QueueSource(shop, "clicks")
	const name = "shop/store/clicks"
	for range 50 {
		c := topic.Cursor{Name: name, Source: source}
		if err := tp.Place(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() {
			for sequence := range uint64(20) {
				err := tp.Advance(t.Context(), name, sequence)
				if err != nil && dayfly.KindOf(err) != dayfly.KindNotFound {
					t.Errorf("Advance: %v", err)
				}
			}
		})
		group.Go(func() {
			if err := tp.Drop(t.Context(), name); err != nil {
				t.Errorf("Drop: %v", err)
			}
		})
		group.Wait()
		if n := len(tp.Cursors()); n != 0 {
			t.Fatalf("%d cursors are there after the last was removed", n)
		}
	}
}
