// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// queuesMax bounds the queues of one project: each is a subject that the server
	// keeps counts of.
	queuesMax = 1000
	// queueRecords is where the records of queues are, below it PROJECT/NAME.
	queueRecords = "queue"
)

// Queue is a named queue of a project.
type Queue struct {
	Project dayfly.ProjectName `json:"project"`
	Name    dayfly.QueueName   `json:"name"`
	// Retention is how long a message is kept, whoever has read it.
	Retention time.Duration `json:"retention_ns"`
	Created   time.Time     `json:"created"`
	// Durability says when a message must be on the disk.
	Durability dayfly.Durability `json:"durability,omitempty"`
	// Implicit says that a trigger made it by naming it.
	Implicit bool `json:"implicit,omitempty"`
}

// queue is a Queue as it was stored.
type queue struct {
	Queue
	version uint64
}

// DurabilityNode is what Settings say for a queue that is to follow the node's setting
// again.
const DurabilityNode dayfly.Durability = "node"

// Settings are what can be said of a queue. What is not said is as it was, or the default.
type Settings struct {
	Retention  time.Duration
	Durability dayfly.Durability // DurabilityNode or dayfly.DurabilityAlways
}

// Define makes the queue, or gives it other settings.
func (t *Topic) Define(
	ctx context.Context, project dayfly.ProjectName, name dayfly.QueueName, s Settings,
) (Queue, error) {
	retention := s.Retention
	if err := checkQueue(project, name); err != nil {
		return Queue{}, err
	}
	if retention != 0 && (retention < RetentionMin || retention > RetentionMax) {
		return Queue{}, dayfly.Errorf(dayfly.KindInvalid,
			"a retention of %s is not possible: use 1m to 14d", retention)
	}
	switch s.Durability {
	case "", DurabilityNode, dayfly.DurabilityAlways:
	default:
		return Queue{}, dayfly.Errorf(dayfly.KindInvalid, "durability is %.40q: use node or always", s.Durability)
	}
	return t.define(ctx, project, name, func(q *Queue) {
		q.Implicit = false
		switch s.Durability {
		case DurabilityNode:
			q.Durability = dayfly.DurabilityNode
		case dayfly.DurabilityAlways:
			q.Durability = s.Durability
		}
		if retention != 0 {
			q.Retention = retention
		}
	})
}

// Ensure makes the queue with defaults when it is not there: some trigger names it.
func (t *Topic) Ensure(
	ctx context.Context, project dayfly.ProjectName, name dayfly.QueueName,
) error {
	if err := checkQueue(project, name); err != nil {
		return err
	}
	if _, err := t.Queue(project, name); err == nil {
		return nil
	}
	_, err := t.define(ctx, project, name, func(*Queue) {})
	return err
}

// define writes the record of the queue that change made of the present one.
func (t *Topic) define(
	ctx context.Context, project dayfly.ProjectName, name dayfly.QueueName, change func(*Queue),
) (Queue, error) {
	source := QueueSource(project, name)
	t.mu.Lock()
	q, known := t.queues[source]
	count := 0
	for s := range t.queues {
		if s.Project == project {
			count++
		}
	}
	t.mu.Unlock()
	if !known {
		if count >= queuesMax {
			return Queue{}, dayfly.Errorf(dayfly.KindExhausted,
				"project %s has %d queues, more are not possible", project, count)
		}
		q.Queue = Queue{Project: project, Name: name, Retention: RetentionDefault,
			Created: time.Now().UTC(), Implicit: true}
	}
	change(&q.Queue)
	value, err := json.Marshal(q.Queue)
	if err != nil {
		return Queue{}, fmt.Errorf("encode queue %s: %w", source, err)
	}
	if known {
		q.version, err = t.records.Update(ctx, queueKey(source), value, q.version)
	} else {
		q.version, err = t.records.Create(ctx, queueKey(source), value)
	}
	if err != nil {
		return Queue{}, fmt.Errorf("store queue %s: %w", source, err)
	}
	t.apply(source, q)
	return q.Queue, nil
}

// Queue gives the queue, or an error of kind not_found.
func (t *Topic) Queue(project dayfly.ProjectName, name dayfly.QueueName) (Queue, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q, ok := t.queues[QueueSource(project, name)]
	if !ok {
		return Queue{}, dayfly.Errorf(dayfly.KindNotFound, "queue %s not found", name).
			WithHint("make it with: dayfly queue create %s; or deploy a function that takes its messages",
				dayfly.SuggestName(string(name), "NAME"))
	}
	return q.Queue, nil
}

// Queues lists the queues of a project, of all projects for "", sorted.
func (t *Topic) Queues(project dayfly.ProjectName) []Queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []Queue{}
	for _, q := range t.queues {
		if project == "" || q.Project == project {
			list = append(list, q.Queue)
		}
	}
	slices.SortFunc(list, func(a, b Queue) int {
		return strings.Compare(string(a.Project)+"/"+string(a.Name), string(b.Project)+"/"+string(b.Name))
	})
	return list
}

// Remove deletes the queue and its messages.
func (t *Topic) Remove(
	ctx context.Context, project dayfly.ProjectName, name dayfly.QueueName,
) error {
	source := QueueSource(project, name)
	t.mu.Lock()
	q, ok := t.queues[source]
	t.mu.Unlock()
	if !ok {
		return dayfly.Errorf(dayfly.KindNotFound, "queue %s not found", name)
	}
	version, err := t.records.Delete(ctx, queueKey(source), q.version)
	if err != nil {
		return fmt.Errorf("remove queue %s: %w", source, err)
	}
	t.forget(source, version)
	if err := t.stream.Purge(ctx, jetstream.WithPurgeSubject(source.subject())); err != nil {
		return fmt.Errorf("drop messages of queue %s: %w", source, err)
	}
	return nil
}

func checkQueue(project dayfly.ProjectName, name dayfly.QueueName) error {
	if err := dayfly.ValidateName("project", string(project)); err != nil {
		return err
	}
	return dayfly.ValidateName("queue", string(name))
}

func queueKey(s Source) string {
	return queueRecords + "/" + string(s.Project) + "/" + s.Name
}

// loadQueues reads every queue there is.
func (t *Topic) loadQueues(ctx context.Context) error {
	records, err := t.records.List(ctx, queueRecords)
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for _, r := range records {
		t.see(store.Event{Op: store.OpPut, Record: r})
	}
	return nil
}

// followQueues learns of queues that someone else made.
func (t *Topic) followQueues(ctx context.Context) {
	if err := t.records.Watch(ctx, queueRecords, t.see); err != nil {
		t.log.Error("watch of queues ended", "error", err)
	}
}

// see brings one record into the table.
func (t *Topic) see(e store.Event) {
	project, name, ok := strings.Cut(strings.TrimPrefix(e.Key, queueRecords+"/"), "/")
	if !ok {
		return // OpSynced, which tells of no record
	}
	source := QueueSource(dayfly.ProjectName(project), dayfly.QueueName(name))
	if e.Op == store.OpDelete {
		t.forget(source, e.Version)
		return
	}
	q := queue{version: e.Version}
	if err := json.Unmarshal(e.Value, &q.Queue); err != nil {
		// One bad record must not take the others down.
		t.log.Error("queue record not understood", "key", e.Key, "error", err)
		return
	}
	t.apply(source, q)
}

// apply puts the queue into the table unless that knows a newer one.
func (t *Topic) apply(s Source, q queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queues[s].version < q.version {
		t.queues[s] = q
	}
}

// forget takes the queue out of the table unless that has one newer than the deletion.
func (t *Topic) forget(s Source, version uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queues[s].version < version {
		delete(t.queues, s)
	}
}
