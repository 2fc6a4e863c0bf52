// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/filter"
)

// matcher decides which events of its source a trigger takes.
type matcher struct {
	trigger dayfly.Trigger
	filter  *filter.Filter // nil when there is none, or it was refused
	err     error          // why it was refused
}

func newMatcher(trigger dayfly.Trigger) *matcher {
	m := &matcher{trigger: trigger}
	if text := filterOf(trigger); text != "" {
		m.filter, m.err = filter.Compile(text)
	}
	return m
}

func filterOf(t dayfly.Trigger) string {
	switch {
	case t.Queue != nil:
		return t.Queue.Filter
	case t.Object != nil:
		return t.Object.Filter
	case t.Value != nil:
		return t.Value.Filter
	case t.Webhook != nil:
		return t.Webhook.Filter
	}
	return ""
}

// match tells whether the trigger takes the event, and the key by which its copies are
// ordered.
func (m *matcher) match(e *dayfly.Event) (yes bool, orderKey string, err error) {
	switch {
	case m.err != nil:
		return false, "", m.err
	case m.trigger.Object != nil:
		yes, orderKey, err = matchObject(m.trigger.Object, e)
	case m.trigger.Value != nil:
		yes, orderKey, err = matchValue(m.trigger.Value, e)
	default:
		yes, orderKey = true, e.Extensions[dayfly.ExtensionKey]
	}
	if err == nil && yes && m.filter != nil {
		yes, err = m.filter.Match(e)
	}
	return yes, orderKey, err
}

func matchObject(t *dayfly.ObjectTrigger, e *dayfly.Event) (bool, string, error) {
	var object dayfly.ObjectData
	if err := json.Unmarshal(e.Data, &object); err != nil {
		return false, "", dayfly.Errorf(dayfly.KindInvalid, "the event tells of no object: %w", err)
	}
	if !strings.HasPrefix(object.Key, t.Prefix) || !strings.HasSuffix(object.Key, t.Suffix) {
		return false, "", nil
	}
	for _, want := range t.Events {
		if isObjectEvent(want, e.Type, object.Action) {
			return true, object.Key, nil
		}
	}
	return false, "", nil
}

// isObjectEvent tells whether an event is what a trigger calls want: "created", "removed",
// or an action as S3 names it, "s3:ObjectCreated:*" included.
func isObjectEvent(want, kind, action string) bool {
	switch want {
	case "created":
		return kind == dayfly.EventObjectCreated
	case "removed":
		return kind == dayfly.EventObjectRemoved
	}
	want, action = strings.TrimPrefix(want, "s3:"), strings.TrimPrefix(action, "s3:")
	if family, ok := strings.CutSuffix(want, "*"); ok {
		return strings.HasPrefix(action, family)
	}
	return action == want
}

func matchValue(t *dayfly.ValueTrigger, e *dayfly.Event) (bool, string, error) {
	var value struct {
		Key string `json:"key"` // alone: the value itself may be large
	}
	if err := json.Unmarshal(e.Data, &value); err != nil {
		return false, "", dayfly.Errorf(dayfly.KindInvalid, "the event tells of no value: %w", err)
	}
	if !strings.HasPrefix(value.Key, t.Prefix) {
		return false, "", nil
	}
	for _, want := range t.Events {
		if want == "put" && e.Type == dayfly.EventValuePut ||
			want == "deleted" && e.Type == dayfly.EventValueDeleted {
			return true, value.Key, nil
		}
	}
	return false, "", nil
}
