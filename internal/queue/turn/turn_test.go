// SPDX-License-Identifier: Apache-2.0

package turn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/queue/turn"
)

// word's first letter is its key.
type word string

func (w word) TurnKey() string { return string(w[0]) }
func (w word) TurnBytes() int  { return len(w) }

func TestKeysTakeTurns(t *testing.T) {
	t.Parallel()
	turns := turn.New[word]()
	first, second := map[string]bool{}, map[string]bool{}
	var begun []word
	for _, w := range []word{"a1", "b1", "a2", "a3", "b2"} {
		if turns.Arrive(w, first) {
			begun = append(begun, w)
		}
	}
	if diff := cmp.Diff([]word{"a1", "b1", "a2", "a3", "b2"}, begun); diff != "" {
		t.Errorf("one batch takes all of its keys (-want +got):\n%s", diff)
	}
	for _, w := range []word{"a4", "c1", "b3", "a5"} {
		if got := turns.Arrive(w, second); got != (w == "c1") {
			t.Errorf("Arrive(%s) = %v while a and b are in use", w, got)
		}
	}
	if count, bytes := turns.Waiting(); count != 3 || bytes != 6 {
		t.Errorf("Waiting() = %d, %d, want 3, 6", count, bytes)
	}
	turns.Release(map[string]bool{"a": true})
	third := map[string]bool{}
	if turns.Arrive("a6", third) {
		t.Error("a6 overtook what waited for its key")
	}
	var order []word
	for w, ok := turns.Next(); ok; w, ok = turns.Next() {
		if turns.Admit(w, third) {
			order = append(order, w)
		}
	}
	if diff := cmp.Diff([]word{"a4", "a5", "a6"}, order); diff != "" {
		t.Errorf("what waited comes in order (-want +got):\n%s", diff)
	}
	if count, _ := turns.Waiting(); count != 1 {
		t.Errorf("%d wait, want b3 alone", count)
	}
}
