// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// TestCopiesOfDurableMessagesAreDurable looks at what the queue was asked: a copy that takes
// the place of a message that is on the disk must be there, too, before the cursor passes it.
// Package queue forces what is asked so, and counts its syncs.
func TestCopiesOfDurableMessagesAreDurable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, durability := range map[dayfly.QueueName]dayfly.Durability{"safe": dayfly.DurabilityAlways, "loose": ""} {
		if _, err := w.topic.Define(t.Context(), shop, name, topic.Settings{Durability: durability}); err != nil {
			t.Fatal(err)
		}
	}
	w.deploy("forced", dayfly.Trigger{Queue: &dayfly.QueueTrigger{Queue: "safe", Batch: 1}})
	w.deploy("plain", dayfly.Trigger{Queue: &dayfly.QueueTrigger{Queue: "loose", Batch: 1}})
	w.publish("safe", "1", "2", "3")
	w.publish("loose", "1", "2", "3")
	w.want("forced", "1", "2", "3")
	w.want("plain", "1", "2", "3")
	w.work.mu.Lock()
	defer w.work.mu.Unlock()
	for _, p := range w.work.pushes {
		if want := p.Function.Name == "forced"; p.Durable != want {
			t.Errorf("a copy to %s is durable: %v, want %v", p.Function.Name, p.Durable, want)
		}
	}
}
