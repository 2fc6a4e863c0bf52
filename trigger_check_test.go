// SPDX-License-Identifier: Apache-2.0

package dayfly_test

import (
	"cmp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
)

func specOf(change func(*dayfly.Spec)) dayfly.Spec {
	s := dayfly.DefaultSpec()
	s.Contract, s.Command = dayfly.ContractHTTP, []string{"x"}
	change(&s)
	return s
}

func withTrigger(t dayfly.Trigger) func(*dayfly.Spec) {
	return func(s *dayfly.Spec) {
		s.Env = map[string]string{"SECRET": "x"}
		s.Triggers = append(s.Triggers, t)
		s.Triggers[len(s.Triggers)-1].Name = cmp.Or(t.Name, dayfly.TriggerName("t"+strconv.Itoa(len(s.Triggers))))
	}
}

func TestSpecsWithBadEventsAreRefused(t *testing.T) {
	t.Parallel()
	queue := func(change func(*dayfly.QueueTrigger)) func(*dayfly.Spec) {
		q := dayfly.QueueTrigger{Queue: "clicks", Batch: 10}
		change(&q)
		return withTrigger(dayfly.Trigger{Queue: &q})
	}
	hook := func(change func(*dayfly.WebhookTrigger)) func(*dayfly.Spec) {
		w := dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub, SecretEnv: "SECRET"}
		change(&w)
		return withTrigger(dayfly.Trigger{Webhook: &w})
	}
	cron := func(change func(*dayfly.CronTrigger)) func(*dayfly.Spec) {
		c := dayfly.CronTrigger{Expression: "@daily"}
		change(&c)
		return withTrigger(dayfly.Trigger{Cron: &c})
	}
	object := func(o dayfly.ObjectTrigger) func(*dayfly.Spec) {
		return withTrigger(dayfly.Trigger{Object: &o})
	}
	to := func(d dayfly.Destination) func(*dayfly.Spec) {
		return func(s *dayfly.Spec) { s.Destinations.OnFailure = &d }
	}
	for name, tt := range map[string]struct {
		change func(*dayfly.Spec)
		want   string // in the error; empty when there is none
	}{
		"nothing said":     {func(*dayfly.Spec) {}, ""},
		"zero retry":       {func(s *dayfly.Spec) { s.Retry = dayfly.Retry{} }, ""},
		"queue":            {queue(func(*dayfly.QueueTrigger) {}), ""},
		"queue's batch":    {queue(func(q *dayfly.QueueTrigger) { q.Batch = 10_001 }), "batch is 10001"},
		"queue's window":   {queue(func(q *dayfly.QueueTrigger) { q.Window = time.Hour }), "window is 1h"},
		"queue's from":     {queue(func(q *dayfly.QueueTrigger) { q.From = "old" }), "use new or first"},
		"queue's name":     {queue(func(q *dayfly.QueueTrigger) { q.Queue = "A" }), "queue name"},
		"long filter":      {queue(func(q *dayfly.QueueTrigger) { q.Filter = strings.Repeat("x", 5000) }), "filter is 5000"},
		"cron":             {cron(func(*dayfly.CronTrigger) {}), ""},
		"cron's overlap":   {cron(func(c *dayfly.CronTrigger) { c.Overlap = "both" }), `overlap "both"`},
		"cron's input":     {cron(func(c *dayfly.CronTrigger) { c.Input = []byte("{") }), "no JSON"},
		"cron's jitter":    {cron(func(c *dayfly.CronTrigger) { c.Jitter = -1 }), "jitter"},
		"S3's event":       {object(dayfly.ObjectTrigger{Bucket: "up.loads", Events: []string{"ObjectCreated:*"}}), ""},
		"other event":      {object(dayfly.ObjectTrigger{Bucket: "uploads", Events: []string{"made"}}), `"made"`},
		"no event":         {object(dayfly.ObjectTrigger{Bucket: "uploads"}), "events is empty"},
		"bucket's name":    {object(dayfly.ObjectTrigger{Bucket: "a/b", Events: []string{"created"}}), "bucket name"},
		"webhook":          {hook(func(*dayfly.WebhookTrigger) {}), ""},
		"webhook's secret": {hook(func(w *dayfly.WebhookTrigger) { w.SecretEnv = "OTHER" }), "no variable OTHER"},
		"webhook's header": {hook(func(w *dayfly.WebhookTrigger) { w.Header = "X-Sign" }), "for provider hmac"},
		"webhook's window": {func(s *dayfly.Spec) {
			hook(func(w *dayfly.WebhookTrigger) { w.Tolerance = 25 * time.Hour })(s)
		}, "tolerance"},
		"webhook's keys": {func(s *dayfly.Spec) {
			hook(func(*dayfly.WebhookTrigger) {})(s)
			s.Retry = dayfly.DefaultRetry()
			s.Retry.KeyWindow = time.Minute
		}, "key_window of 1m0s"},
		"HMAC's header": {hook(func(w *dayfly.WebhookTrigger) { w.Provider = "hmac" }), "needs the header"},
		"provider":      {hook(func(w *dayfly.WebhookTrigger) { w.Provider = "gitlab" }), `"gitlab"`},
		"two kinds": {withTrigger(dayfly.Trigger{Cron: &dayfly.CronTrigger{Expression: "@daily"},
			Queue: &dayfly.QueueTrigger{Queue: "q", Batch: 1}}), "exactly one"},
		"no kind": {withTrigger(dayfly.Trigger{}), "exactly one"},
		"path":    {withTrigger(dayfly.Trigger{Path: "/jobs/%C3%A9", Cron: &dayfly.CronTrigger{Expression: "@daily"}}), ""},
		"path with a query": {withTrigger(dayfly.Trigger{Path: "/jobs?x", Cron: &dayfly.CronTrigger{Expression: "@daily"}}),
			"without a query"},
		"path of events": {func(s *dayfly.Spec) {
			s.Dialect = dayfly.DialectLambda
			withTrigger(dayfly.Trigger{Path: "/jobs", Cron: &dayfly.CronTrigger{Expression: "@daily"}})(s)
		}, "called with events (lambda)"},
		"typed batch": {func(s *dayfly.Spec) {
			s.Dialect = dayfly.DialectTyped
			queue(func(*dayfly.QueueTrigger) {})(s)
		}, "one value at a time"},
		"names": {func(s *dayfly.Spec) {
			one := dayfly.Trigger{Name: "x", Cron: &dayfly.CronTrigger{Expression: "@daily"}}
			s.Triggers = []dayfly.Trigger{one, one}
		}, `two triggers are named "x"`},
		"attempts":        {func(s *dayfly.Spec) { s.Retry.Attempts = 0 }, "retry.attempts is 0"},
		"age":             {func(s *dayfly.Spec) { s.Retry.Age = 15 * 24 * time.Hour }, "retry.age"},
		"backoff":         {func(s *dayfly.Spec) { s.Retry.BackoffMin = time.Hour }, "more than retry.backoff.max"},
		"to a function":   {to(dayfly.Destination{Function: "f"}), ""},
		"to a URL":        {to(dayfly.Destination{URL: "https://example.com/x"}), ""},
		"to nothing":      {to(dayfly.Destination{}), "on_failure: a destination is exactly one"},
		"to a file":       {to(dayfly.Destination{URL: "file:///etc/passwd"}), "no URL"},
		"with a password": {to(dayfly.Destination{URL: "https://a:b@example.com"}), "user's name"},
		"to two":          {to(dayfly.Destination{URL: "https://example.com", Queue: "q"}), "exactly one"},
		"too many":        {func(s *dayfly.Spec) { s.Triggers = make([]dayfly.Trigger, 101) }, "at most 100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := specOf(tt.change)
			err := s.Validate()
			if tt.want == "" && err != nil {
				t.Fatalf("error %v, want none", err)
			}
			if tt.want != "" && (dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want an invalid one with %q", err, tt.want)
			}
		})
	}
}
