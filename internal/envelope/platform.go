// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// vercelCron is how Vercel calls a cron's path: GET, with the project's secret when
// there is one.
func vercelCron(rev *dayfly.Revision, e *dayfly.Event) dayfly.Request {
	data, _ := inputOf(rev, e)
	header := http.Header{
		"User-Agent":             {"vercel-cron/1.0"},
		"X-Vercel-Cron":          {"1"},
		"X-Vercel-Cron-Schedule": {data.Cron},
	}
	WriteBinary(header, e)
	delete(header, headerContent) // there is no body
	if secret := rev.Spec.Env["CRON_SECRET"]; secret != "" {
		header["Authorization"] = []string{"Bearer " + secret}
	}
	r := posted(rev, header, nil)
	r.Method = http.MethodGet
	return r
}

// netlifyCron is how Netlify calls a scheduled function: its body tells the next time.
func netlifyCron(rev *dayfly.Revision, e *dayfly.Event) dayfly.Request {
	data, input := inputOf(rev, e)
	next := map[string]time.Time{}
	if schedule, err := cron.Parse(data.Cron, zoneOf(rev, data.Trigger)); err == nil {
		if at, ok := schedule.Next(data.ScheduledTime); ok {
			next["next_run"] = at.UTC()
		}
	}
	body := input
	if body == nil {
		body, _ = json.Marshal(next) // of a map of times: it cannot fail
	}
	header := http.Header{"X-Nf-Event": {"schedule"}, "User-Agent": {"Netlify Clockwork"}}
	other := *e
	other.Data, other.ContentType = body, typeJSON
	return posted(rev, header, WriteBinary(header, &other))
}

func zoneOf(rev *dayfly.Revision, trigger string) string {
	for i := range rev.Spec.Triggers {
		if t := &rev.Spec.Triggers[i]; t.Cron != nil && string(t.Name) == trigger {
			return t.Cron.Zone
		}
	}
	return ""
}
