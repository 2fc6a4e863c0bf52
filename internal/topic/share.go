// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// greedyShare is the part of the stream, as a fraction, that one project may hold once there
// is no room to be made: one whose triggers hang leaves the others theirs.
const greedyShare = 4

// weight is what was published to a subject since the start.
type weight struct{ bytes, events float64 }

// weigh notes what was published.
func (t *Topic) weigh(subject string, events, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.weights[subject]
	t.weights[subject] = weight{w.bytes + float64(bytes), w.events + float64(events)}
}

// judge notes which projects hold too much of a stream in which no room could be made. What
// each holds is an estimate: its events are counted, and their size is that of those
// published since the start, or of all.
func (t *Topic) judge(ctx context.Context, state jetstream.StreamState) error {
	if state.Bytes < share(t.max, highWater) {
		t.greedy.Store(nil)
		return nil
	}
	info, err := t.stream.Info(ctx, jetstream.WithSubjectFilter(subjectPrefix+">"))
	if err != nil {
		return fmt.Errorf("list sources of events: %w", err)
	}
	held := map[string]float64{}
	t.mu.Lock()
	for subject, events := range info.State.Subjects {
		size := float64(state.Bytes) / float64(max(state.Msgs, 1))
		if w := t.weights[subject]; w.events > 0 {
			size = w.bytes / w.events
		}
		project, _, _ := strings.Cut(strings.TrimPrefix(subject, subjectPrefix), ".")
		held[project] += float64(events) * size
	}
	for subject := range t.weights {
		if info.State.Subjects[subject] == 0 {
			delete(t.weights, subject)
		}
	}
	t.mu.Unlock()
	greedy := map[string]bool{}
	for project, bytes := range held {
		if bytes > float64(t.max)/greedyShare {
			greedy[project] = true
			t.log.Warn("project holds too much of the events: it may publish no more for now",
				"project", project, "bytes", int64(bytes), "max_bytes", t.max)
		}
	}
	t.greedy.Store(&greedy)
	return nil
}

// allow refuses a project that holds too much.
func (t *Topic) allow(s Source) error {
	greedy := t.greedy.Load()
	if greedy == nil || !(*greedy)[token(string(s.Project))] {
		return nil
	}
	t.hurry.Do(t.askRoom)
	e := dayfly.Errorf(dayfly.KindExhausted, "project %s has too many events that are still to be read",
		s.Project).WithHint("dayfly queue stats NAME shows which trigger is behind")
	e.RetryAfter = fullRetry
	return e
}
