// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// settingFlags are the flags that say what a manifest says of one function.
type settingFlags struct {
	f           manifest.Function
	command     string
	env         []string
	concurrency int64
	min, max    int64
	depth       int64
	on          triggerFlags
	attempts    int64
}

// triggerFlags are the flags that say what a manifest says under on, in its shortest
// forms.
type triggerFlags struct {
	crons, queues, objects []string
	batch                  int64
}

// register adds the flags. The node reads the values, so that they mean the same in a
// manifest and here.
func (s *settingFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.f.Runtime, "runtime", "", "`RUNTIME`, one of dayfly runtimes")
	flags.StringVar(&s.f.Contract, "contract", "", "how the code is `CALLED`: handler, http, lambda, stdio or wasm")
	flags.StringVar(&s.f.Dialect, "dialect", "",
		"`SHAPE` of the handler: lambda, fetch, wsgi, openfaas …; docs/MATRIX.md has all")
	flags.StringVar(&s.f.Payload, "payload", "",
		"`FORM` of HTTP events for Lambda handlers: 2.0, 1.0, alb or alb-multi (default 2.0)")
	flags.StringVar(&s.f.Entry, "entry", "", "the handler, as `MODULE.EXPORT`")
	flags.StringVar(&s.command, "command", "", "`COMMAND` of the contracts http, lambda, stdio and wasm")
	flags.StringArrayVarP(&s.env, "env", "e", nil, "set `KEY=VALUE` in the environment; repeatable")
	flags.StringVar(&s.f.Memory, "memory", "", "`SIZE` that an instance may use (default 256Mi)")
	flags.StringVar(&s.f.CPU, "cpu", "", "`SHARE` of processors of an instance (default 1)")
	flags.StringVar(&s.f.Timeout, "timeout", "", "`TIME` that a call may take (default 30s)")
	flags.StringVar(&s.f.InitTimeout, "init-timeout", "",
		"`TIME` that an instance may take to start (default 10s)")
	flags.Int64Var(&s.concurrency, "concurrency", 0, "`N` calls at once in an instance (default 80 for web servers, else 1)")
	flags.Int64Var(&s.min, "min", 0, "keep `N` instances even when idle (default 0)")
	flags.Int64Var(&s.max, "max", 0, "have at most `N` instances (default 1000)")
	flags.StringVar(&s.f.Idle, "idle", "", "`TIME` that an idle instance lives (default 10m)")
	flags.Int64Var(&s.depth, "queue", 0, "let `N` calls wait for an instance (default 1000)")
	flags.StringVar(&s.f.Queue.Timeout, "queue-timeout", "", "`TIME` that a call may wait (default 10s)")
	flags.StringArrayVar(&s.on.crons, "cron", nil, "call it when `EXPR` is due, in UTC: \"0 9 * * *\", @hourly; repeatable")
	flags.StringArrayVar(&s.on.queues, "on-queue", nil, "call it with the messages of `QUEUE`; repeatable")
	flags.Int64Var(&s.on.batch, "batch", 1, "take up to `N` messages of --on-queue at once")
	flags.StringArrayVar(&s.on.objects, "on-object", nil, "call it with what is put into `BUCKET`; repeatable")
	flags.Int64Var(&s.attempts, "retry-attempts", 0, "try an event `N` times in all (default 3)")
	flags.StringVar(&s.f.OnFailure, "on-failure", "",
		"tell `DEST` of events that were given up: function:NAME, queue:NAME or a URL")
	flags.StringVar(&s.f.Egress, "egress", "", "what it `REACHES`: internet or none (default internet)")
}

// read gives what was said, and nothing that was not.
func (s *settingFlags) read(flags *pflag.FlagSet) (manifest.Function, error) {
	f := s.f
	if s.command != "" {
		f.Command = manifest.SplitCommand(s.command)
	}
	for _, pair := range s.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return f, dayfly.Errorf(dayfly.KindInvalid, "--env %q is not KEY=VALUE", pair)
		}
		if f.Env == nil {
			f.Env = map[string]string{}
		}
		f.Env[name] = value
	}
	for name, to := range map[string]struct {
		value *int64
		field **int64
	}{
		"concurrency": {&s.concurrency, &f.Concurrency}, "min": {&s.min, &f.Instances.Min},
		"max": {&s.max, &f.Instances.Max}, "queue": {&s.depth, &f.Queue.Depth},
		"retry-attempts": {&s.attempts, &f.Retry.Attempts},
	} {
		if flags.Changed(name) {
			*to.field = to.value
		}
	}
	if flags.Changed("batch") && len(s.on.queues) == 0 {
		return f, dayfly.Errorf(dayfly.KindInvalid, "--batch is for --on-queue")
	}
	f.On = s.on.triggers()
	var probe dayfly.Spec
	return f, f.Apply(&probe) // refused here, before anything is sent
}

func (t *triggerFlags) triggers() []manifest.Trigger {
	var list []manifest.Trigger
	for _, expression := range t.crons {
		list = append(list, manifest.Trigger{Cron: &manifest.Cron{Expression: expression}})
	}
	for _, queue := range t.queues {
		source := &manifest.Source{Name: queue}
		if t.batch != 1 {
			source.Batch = &t.batch
		}
		list = append(list, manifest.Trigger{Queue: source})
	}
	for _, bucket := range t.objects {
		list = append(list, manifest.Trigger{Object: &manifest.Objects{Bucket: bucket}})
	}
	return list
}
