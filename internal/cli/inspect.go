// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/later"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) inspect() *cobra.Command {
	var project string
	var number int
	c := &cobra.Command{
		Use: "inspect NAME", Short: "Show everything about one function", Args: term.Exactly("NAME"),
		Long: "Show everything about one function: its live revision and its settings, its\n" +
			"instances, and how its calls went. --revision shows an earlier revision.",
	}
	term.ProjectFlag(c, &project)
	c.Flags().IntVar(&number, "revision", 0, "show the revision with this `NUMBER`")
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if number != 0 {
				revision, err := node.Revision(c.Context(), f, number)
				if err != nil {
					return err
				}
				hideSecrets(&revision.Spec)
				if a.JSON {
					return a.PrintJSON(revision)
				}
				a.Section("", append(a.revisionRows(revision), later.EventRows(&revision.Spec)...))
				return nil
			}
			seen, err := node.Inspect(c.Context(), f)
			if err != nil {
				return err
			}
			if seen.Revision != nil {
				hideSecrets(&seen.Revision.Spec)
			}
			if a.JSON {
				return a.PrintJSON(seen)
			}
			triggers, err := node.Triggers(c.Context(), f)
			if err != nil {
				return err
			}
			a.printInspection(seen, triggers)
			return nil
		})
	return c
}

// hiddenSecret stands for a value that is not printed.
const hiddenSecret = "(secret, not shown)"

// hideSecrets takes out of the environment what webhooks are verified with: terminals and
// their logs are read by more people than the node's token.
func hideSecrets(s *dayfly.Spec) {
	for i := range s.Triggers {
		if hook := s.Triggers[i].Webhook; hook != nil && s.Env[hook.SecretEnv] != "" {
			s.Env[hook.SecretEnv] = hiddenSecret
		}
	}
}

func (a *app) printInspection(i *client.Inspection, triggers []client.Trigger) {
	f := i.Function
	a.Printf("%s\n", a.Style.Bold(term.Plain(f.FunctionRef.String())))
	rows := [][2]string{
		{"url", term.Plain(i.URL)},
		{"updated", a.Ago(f.UpdatedAt)},
		{"revisions", revisionList(f)},
	}
	if i.Paused {
		rows = append(rows, [2]string{"events", a.Style.Yellow("paused: they wait until dayfly resume")})
	}
	a.Section("", rows)
	if i.Revision != nil {
		a.Section("Revision "+strconv.Itoa(i.Revision.Number), a.revisionRows(i.Revision))
		events := append(later.TriggerRows(a.Session, triggers), later.EventRows(&i.Revision.Spec)...)
		a.Section("Events", events)
	} else {
		a.Printf("\n%s\n", a.Style.Yellow("No revision is live: no deploy has succeeded yet."))
	}
	a.Section("Calls so far", totalRows(i.Totals))
	a.Printf("\n%s\n", a.Style.Bold(term.Plural(len(i.Instances), "instance")))
	if len(i.Instances) == 0 {
		return
	}
	t := term.NewTable("  ID", "REVISION", "STATE", "SINCE", ">CALLS", ">MEMORY")
	for _, instance := range i.Instances {
		_, revision, _ := strings.Cut(string(instance.Revision), "@")
		t.Add("  "+term.Plain(string(instance.ID)), term.Plain(revision), term.Plain(instance.State), a.Ago(instance.Since),
			strconv.FormatInt(instance.Calls, 10), term.Size(instance.MemoryBytes))
	}
	t.Write(a.Out, a.Style)
}

// revisionList shows the numbers, with the live one marked.
func revisionList(f dayfly.Function) string {
	words := make([]string, 0, len(f.Revisions))
	for _, n := range f.Revisions {
		word := strconv.Itoa(n)
		switch n {
		case f.Live:
			word += " (live)"
		case f.Previous:
			word += " (previous)"
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "none"
	}
	const shown = 10
	if len(words) > shown {
		words = append([]string{fmt.Sprintf("%d older", len(words)-shown)}, words[len(words)-shown:]...)
	}
	return strings.Join(words, ", ")
}

func (a *app) revisionRows(r *dayfly.Revision) [][2]string {
	s := &r.Spec
	code := term.Plain(string(s.Contract))
	if s.Dialect != "" {
		code += " (" + term.Plain(string(s.Dialect)) + ")"
	}
	rows := [][2]string{
		{"revision", fmt.Sprintf("%s, deployed %s", term.Plain(string(r.ID)), a.Ago(r.CreatedAt))},
		{"runtime", term.Plain(string(s.Runtime))},
		{"contract", code},
	}
	if s.Payload != "" {
		rows = append(rows, [2]string{"payload", term.Plain(string(s.Payload))})
	}
	if s.Entry != "" {
		rows = append(rows, [2]string{"entry", term.Plain(s.Entry)})
	}
	if len(s.Command) > 0 {
		rows = append(rows, [2]string{"command", term.Plain(strings.Join(s.Command, " "))})
	}
	for i, name := range slices.Sorted(maps.Keys(s.Env)) {
		label := ""
		if i == 0 {
			label = "env"
		}
		rows = append(rows, [2]string{label, term.Plain(name + "=" + s.Env[name])})
	}
	l, c := s.Limits, s.Scaling
	return append(rows, [][2]string{
		{"limits", fmt.Sprintf("memory %s, cpu %s, timeout %s, start within %s",
			dayfly.FormatBytes(l.MemoryBytes), processors(l.CPUMilli),
			term.Setting(l.Timeout), term.Setting(l.InitTimeout))},
		{"", fmt.Sprintf("/tmp %s, request %s, response %s, %d processes, %d files",
			dayfly.FormatBytes(l.TmpBytes), dayfly.FormatBytes(l.RequestBytes),
			dayfly.FormatBytes(l.ResponseBytes), l.Pids, l.Files)},
		{"scaling", fmt.Sprintf("%d to %d instances, %s at once in each, idle for %s",
			c.MinInstances, c.MaxInstances, term.Plural(c.Concurrency, "call"),
			term.Setting(c.IdleTimeout))},
		{"waiting", fmt.Sprintf("up to %d calls, up to %s", c.QueueDepth, term.Setting(c.QueueTimeout))},
		{"egress", term.Plain(string(s.Egress))},
		{"source", term.Plain(short(r.Source))},
		{"bundle", term.Plain(short(r.Bundle))},
	}...)
}

func totalRows(t client.Totals) [][2]string {
	if t.Calls == 0 {
		return [][2]string{{"calls", "none"}}
	}
	failed := fmt.Sprintf("%d (%.1f %%)", t.Errors, float64(t.Errors)*100/float64(t.Calls))
	return [][2]string{
		{"calls", strconv.FormatInt(t.Calls, 10)},
		{"failed", failed},
		{"billed", fmt.Sprintf("%s, %.3f GiB·s", term.Span(time.Duration(t.BilledMillis)*time.Millisecond),
			float64(t.MemoryMillis)/1024/1000)},
	}
}

func processors(milli int64) string {
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

// short gives enough of a digest to tell it from others.
func short(d dayfly.Digest) string {
	if len(d) > 12 {
		return string(d[:12])
	}
	return string(d)
}
