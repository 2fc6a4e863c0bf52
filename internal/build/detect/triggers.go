// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// What Cloudflare gives a consumer of a queue that says nothing.
const (
	workerBatch  = 10
	workerWindow = 5 * time.Second
	// declaredMax bounds the triggers that are taken from other platforms' files, below
	// what a function may have.
	declaredMax = 50
)

var (
	trailingComma = grep.Of(`,(\s*[}\]])`)
	// netlifySchedule finds a function's own schedule, of either of its two spellings.
	netlifySchedule = grep.Of(
		"\\bconfig\\b[^;]*?\\bschedule\\s*:\\s*['\"`]([^'\"`]{1,200})['\"`]|\\bschedule\\(\\s*['\"`]([^'\"`]{1,200})['\"`]")
)

// declared finds the crons and queues that files of other platforms give a function.
// Those that are said under on come in their place, not beside them.
func declared(s *look.Source, plan *look.Plan) {
	var file string
	var list []dayfly.Trigger
	switch plan.Dialect {
	case dayfly.DialectFetch:
		file, list = workerTriggers(s)
	case dayfly.DialectVercel:
		file, list = "vercel.json", vercelTriggers(s)
	case dayfly.DialectNetlify:
		file, list = "Netlify", netlifyTriggers(s, plan.Entry)
	}
	if len(list) > declaredMax {
		plan.Notice("only the first of the many triggers of " + file + " are taken")
		list = list[:declaredMax]
	}
	var told []string
	for _, t := range list {
		if what, problem := judge(&t); problem != "" {
			plan.Notice(what + " of " + file + " is not taken: " + problem)
		} else {
			plan.Triggers, told = append(plan.Triggers, t), append(told, what)
		}
	}
	manifest.NameTriggers(plan.Triggers)
	if len(told) > 0 && len(s.Settings.On) == 0 {
		plan.Notice("called by " + strings.Join(told, ", ") + ", as " + file + " says")
	}
}

// judge says what a trigger is, and what is wrong with it.
func judge(t *dayfly.Trigger) (what, problem string) {
	one := []dayfly.Trigger{*t}
	manifest.NameTriggers(one)
	if t.Queue != nil {
		what = "queue " + string(t.Queue.Queue)
	} else {
		what = "cron " + t.Cron.Expression
		if _, err := cron.Parse(t.Cron.Expression, ""); err != nil {
			return what, err.Error()
		}
	}
	if err := one[0].Validate(); err != nil {
		return what, err.Error()
	}
	return what, ""
}

func cronTrigger(expression, to string) dayfly.Trigger {
	return dayfly.Trigger{Path: to, Cron: &dayfly.CronTrigger{Expression: expression}}
}

// workerTriggers reads crons and queues of a worker's configuration.
func workerTriggers(s *look.Source) (name string, list []dayfly.Trigger) {
	var file struct {
		Triggers struct {
			Crons []string `toml:"crons" json:"crons"`
		} `toml:"triggers" json:"triggers"`
		Queues struct {
			Consumers []struct {
				Queue   string `toml:"queue" json:"queue"`
				Batch   *int   `toml:"max_batch_size" json:"max_batch_size"`
				Timeout *int   `toml:"max_batch_timeout" json:"max_batch_timeout"`
			} `toml:"consumers" json:"consumers"`
		} `toml:"queues" json:"queues"`
	}
	for _, candidate := range []string{"wrangler.toml", "wrangler.jsonc", "wrangler.json"} {
		if readConfig(s, candidate, &file) {
			name = candidate
			break
		}
	}
	for _, expression := range file.Triggers.Crons {
		list = append(list, cronTrigger(expression, ""))
	}
	for _, c := range file.Queues.Consumers {
		q := &dayfly.QueueTrigger{Queue: dayfly.QueueName(c.Queue), Batch: workerBatch, Window: workerWindow}
		if c.Batch != nil {
			q.Batch = *c.Batch
		}
		if c.Timeout != nil {
			q.Window = time.Duration(*c.Timeout) * time.Second
		}
		list = append(list, dayfly.Trigger{Queue: q})
	}
	return name, list
}

// readConfig reads TOML, or JSON with comments; it tells whether there was any.
func readConfig(s *look.Source, name string, to any) bool {
	text := s.Read(name)
	if text == "" || !look.Parsable(text) {
		return false
	}
	if path.Ext(name) == ".toml" {
		return look.ReadTOML(text, to) == nil
	}
	return json.Unmarshal([]byte(trailingComma.ReplaceAllString(look.StripScript(text), "$1")), to) == nil
}

func vercelTriggers(s *look.Source) (list []dayfly.Trigger) {
	var file struct {
		Crons []struct{ Path, Schedule string }
	}
	if !readConfig(s, "vercel.json", &file) {
		return nil
	}
	for _, c := range file.Crons {
		list = append(list, cronTrigger(c.Schedule, c.Path))
	}
	return list
}

// netlifyTriggers reads netlify.toml, and what scheduled functions say of themselves.
func netlifyTriggers(s *look.Source, folder string) (list []dayfly.Trigger) {
	var file struct {
		Functions map[string]any `toml:"functions"`
	}
	readConfig(s, "netlify.toml", &file)
	seen := map[string]bool{}
	for _, name := range s.Walk(folder, look.Suffixed(look.ScriptSuffixes...)) {
		function, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, folder), "/"), "/")
		function = strings.TrimSuffix(function, path.Ext(function))
		schedule := ""
		if settings, ok := file.Functions[function].(map[string]any); ok {
			schedule, _ = settings["schedule"].(string)
		}
		if match := netlifySchedule.FindStringSubmatch(look.StripScript(s.Read(name))); match != nil && schedule == "" {
			schedule = match[1] + match[2]
		}
		if schedule != "" && !seen[function] {
			seen[function] = true
			list = append(list, cronTrigger(schedule, "/.netlify/functions/"+function))
		}
	}
	return list
}
