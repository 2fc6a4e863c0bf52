// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"slices"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// What buckets have for queues is copied as what they have for functions is, but onto a
// queue, where each of its triggers takes it from.

// forwards stands in place of a function's name for those of a project. No function can
// have it.
const forwards dayfly.FunctionName = "="

// openForwards settles what goes onto queues, of every project, and adds the names of its
// cursors to live.
func (t *Triggers) openForwards(ctx context.Context, live map[string]bool) error {
	var projects []dayfly.ProjectName
	for _, e := range t.notices.Of("") {
		if e.Target.Queue != "" && !slices.Contains(projects, e.Bucket.Project) {
			projects = append(projects, e.Bucket.Project)
		}
	}
	for _, project := range projects {
		ref := dayfly.FunctionRef{Project: project, Name: forwards}
		for name := range t.wanted(ref, nil) {
			live[name] = true
		}
		if err := t.settle(ctx, ref, nil, t.sinceNow); err != nil {
			return fmt.Errorf("open notifications of the buckets of %s: %w", project, err)
		}
	}
	return nil
}

// noticed makes copiers those of what buckets have now. It returns when they are.
func (t *Triggers) noticed(change notice.Change) {
	names := change.Functions
	if change.Queues {
		names = append(slices.Clip(names), forwards)
	}
	for _, name := range names {
		ref := dayfly.FunctionRef{Project: change.Project, Name: name}
		if err := t.settleNoticed(ref); err != nil {
			t.log.Error("notifications of a bucket not settled", "function", ref.String(), "error", err)
		}
	}
}

// settleNoticed is Settle for a change that nobody could take back: it goes on when who
// made it went away.
func (t *Triggers) settleNoticed(ref dayfly.FunctionRef) error {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	if ref.Name == forwards {
		return t.settle(ctx, ref, nil, t.sinceNow)
	}
	return t.Settle(ctx, ref)
}

// forwarder puts an object's events onto a queue, in S3's own shape: who reads queues that
// buckets tell expects that.
type forwarder struct {
	topic         *topic.Topic
	project       dayfly.ProjectName
	queue         dayfly.QueueName
	configuration string
}

// PushAll implements Queue: all or nothing.
func (f *forwarder) PushAll(ctx context.Context, pushes []queue.Push) ([]queue.Accepted, error) {
	events := make([]dayfly.Event, len(pushes))
	for i, p := range pushes {
		data, err := envelope.ObjectRecords(f.project, f.configuration, p.Event)
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "%w", err)
		}
		e := *p.Event
		e.Data, e.ContentType, e.DataSchema = data, "application/json", ""
		e.Extensions = map[string]string{dayfly.ExtensionKey: p.OrderKey, topic.ExtensionDedupe: p.Dedupe}
		events[i] = e
	}
	_, err := f.topic.Publish(ctx, f.project, f.queue, events)
	switch dayfly.KindOf(err) {
	case "":
		return make([]queue.Accepted, len(pushes)), nil
	case dayfly.KindNotFound:
		// Its queue was removed: what comes now is for nobody.
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w", err)
	}
	return nil, err
}

// Waiting implements Queue: a queue's readers tell what waits for them.
func (f *forwarder) Waiting(context.Context, dayfly.FunctionRef, dayfly.TriggerName) (uint64, error) {
	return 0, nil
}
