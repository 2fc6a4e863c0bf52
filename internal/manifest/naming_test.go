// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestTriggersAreNamedByWhatTheyListenTo(t *testing.T) {
	t.Parallel()
	cron := &dayfly.CronTrigger{Expression: "@daily"}
	list := []dayfly.Trigger{
		{Cron: cron}, {Name: "cron-2", Cron: cron}, {Cron: cron},
		{Queue: &dayfly.QueueTrigger{Queue: "clicks"}},
		{Object: &dayfly.ObjectTrigger{Bucket: "up.loads", Events: []string{"created"}}},
		{Object: &dayfly.ObjectTrigger{Bucket: "up.loads", Events: []string{"ObjectRemoved:*"}}},
		{Value: &dayfly.ValueTrigger{Bucket: "sessions", Events: []string{"put", "deleted"}}},
		{Webhook: &dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub}},
		{Queue: &dayfly.QueueTrigger{Queue: dayfly.QueueName(strings.Repeat("q", 63))}},
		{Queue: &dayfly.QueueTrigger{Queue: dayfly.QueueName(strings.Repeat("q", 63))}},
	}
	manifest.NameTriggers(list)
	got := make([]dayfly.TriggerName, len(list))
	for i := range list {
		got[i] = list[i].Name
		if err := dayfly.ValidateName("trigger", string(got[i])); err != nil {
			t.Error(err)
		}
	}
	want := []dayfly.TriggerName{"cron", "cron-2", "cron-3", "clicks", "up-loads-created",
		"up-loads-objectremoved", "sessions-put-deleted", "github",
		dayfly.TriggerName(strings.Repeat("q", 63)), dayfly.TriggerName(strings.Repeat("q", 61) + "-2")}
	if !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}
