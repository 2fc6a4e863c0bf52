// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// nameBytesMax bounds a trigger's name, as all names.
const nameBytesMax = 63

// NameTriggers gives those that have no name one that is made of what they listen to:
// "cron", the queue's name, "uploads-created", "github". Later ones that would get the
// same are numbered: "cron-2". Deploys that change nothing of a trigger and of those of
// its kind before it leave it its name.
func NameTriggers(list []dayfly.Trigger) {
	taken := map[dayfly.TriggerName]bool{}
	for i := range list {
		taken[list[i].Name] = true
	}
	for i := range list {
		if list[i].Name != "" {
			continue
		}
		name := dayfly.TriggerName(dayfly.SuggestName(describe(&list[i]), "trigger"))
		for n := 2; taken[name]; n++ {
			suffix := "-" + strconv.Itoa(n)
			stem := dayfly.SuggestName(describe(&list[i]), "trigger")
			name = dayfly.TriggerName(stem[:min(len(stem), nameBytesMax-len(suffix))] + suffix)
		}
		taken[name] = true
		list[i].Name = name
	}
}

// describe says what the trigger listens to, in words of a name.
func describe(t *dayfly.Trigger) string {
	switch {
	case t.Queue != nil:
		return string(t.Queue.Queue)
	case t.Object != nil:
		return string(t.Object.Bucket) + "-" + strings.Join(t.Object.Events, "-")
	case t.Value != nil:
		return string(t.Value.Bucket) + "-" + strings.Join(t.Value.Events, "-")
	case t.Webhook != nil:
		return string(t.Webhook.Provider)
	}
	return string(t.Kind())
}
