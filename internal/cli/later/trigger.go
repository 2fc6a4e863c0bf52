// SPDX-License-Identifier: Apache-2.0

package later

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) trigger() *cobra.Command {
	c := &cobra.Command{
		Use: "trigger", Short: "See what calls functions beside HTTP", Args: term.Exactly(),
		Long: "See what calls functions beside HTTP: crons, queues, changes of objects and\n" +
			"values, webhooks. They are part of a function's settings: dayfly.yaml says them\n" +
			"under on, and dayfly deploy has flags for the common ones.",
		Example: "  dayfly trigger list\n" +
			"  dayfly trigger list report",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.triggerList())
	return c
}

func (a *app) triggerList() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "list [FUNCTION]", Aliases: []string{"ls"}, Args: term.AtMost(1),
		Short:             "List the triggers of what is live",
		ValidArgsFunction: a.CompleteNames,
	}
	c.Flags().StringVar(&project, "project", "", "list those of one `PROJECT` only")
	c.RunE = func(c *cobra.Command, args []string) error {
		ref := dayfly.FunctionRef{Project: dayfly.ProjectName(project)}
		if len(args) == 1 {
			var err error
			if ref, err = term.Reference(args[0], project); err != nil {
				return err
			}
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		list, err := node.Triggers(c.Context(), ref)
		if err != nil {
			return term.Suggest(c.Context(), node, ref, err)
		}
		if a.JSON {
			return a.PrintJSON(list)
		}
		a.printTriggers(list)
		return nil
	}
	return c
}

func (a *app) printTriggers(list []client.Trigger) {
	if len(list) == 0 {
		a.Notef("there are no triggers; dayfly.yaml says them under on, or: dayfly deploy PATH --cron \"0 9 * * *\"\n")
		return
	}
	t := term.NewTable("FUNCTION", "TRIGGER", "KIND", "WHAT", "NEXT, URL OR ORIGIN")
	for i := range list {
		one := &list[i].Trigger
		to := list[i].Function.String()
		if list[i].Queue != "" {
			to = "queue " + string(list[i].Queue)
		}
		t.Add(term.Plain(to), term.Plain(string(one.Name)), term.Plain(string(one.Kind())),
			term.Plain(triggerText(one)), a.whereNext(&list[i]))
	}
	t.Write(a.Out, a.Style)
}

// whereNext says when or where a trigger is next, or where it stands if not in a revision.
func (a *app) whereNext(t *client.Trigger) string {
	switch {
	case t.URL != "":
		return term.Plain(t.URL)
	case !t.Next.IsZero():
		return a.moment(t.Next, zoneOf(t.Trigger.Cron))
	}
	return term.Plain(t.Origin)
}

// moment gives a time to come in its zone, and how far off it is.
func (a *app) moment(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04:05 MST") + ", in " + term.Whole(max(0, at.Sub(a.Now())))
}

func zoneOf(c *dayfly.CronTrigger) *time.Location {
	if c == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return time.UTC // this machine knows fewer zones than the node
	}
	return zone
}

// triggerText says what a trigger listens to.
func triggerText(t *dayfly.Trigger) string {
	var words []string
	add := func(given bool, format string, args ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	filter := ""
	switch {
	case t.Cron != nil:
		add(true, "%s", t.Cron.Expression)
		add(t.Cron.Zone != "", "%s", t.Cron.Zone)
		add(t.Cron.Jitter > 0, "jitter %s", term.Setting(t.Cron.Jitter))
	case t.Queue != nil:
		add(true, "queue %s", t.Queue.Queue)
		add(t.Queue.Batch > 1, "batches of %d", t.Queue.Batch)
		add(t.Queue.Window > 0, "within %s", term.Setting(t.Queue.Window))
		add(t.Queue.Ordered, "ordered by key")
		filter = t.Queue.Filter
	case t.Object != nil:
		add(true, "bucket %s: %s", t.Object.Bucket, term.Joined(t.Object.Events))
		add(t.Object.Prefix+t.Object.Suffix != "", "keys %s*%s", t.Object.Prefix, t.Object.Suffix)
		filter = t.Object.Filter
	case t.Value != nil:
		add(true, "values of %s: %s", t.Value.Bucket, term.Joined(t.Value.Events))
		add(t.Value.Prefix != "", "keys %s*", t.Value.Prefix)
		filter = t.Value.Filter
	case t.Webhook != nil:
		add(true, "%s, secret in %s", t.Webhook.Provider, t.Webhook.SecretEnv)
		filter = t.Webhook.Filter
	}
	add(filter != "", "filter %s", filter)
	add(t.Path != "", "to %s", t.Path)
	return strings.Join(words, ", ")
}

// TriggerRows tells of a function's triggers, a row each.
func TriggerRows(s *term.Session, list []client.Trigger) [][2]string {
	a := &app{s}
	rows := make([][2]string, 0, len(list))
	for i := range list {
		label := ""
		if i == 0 {
			label = "on"
		}
		text := term.Plain(string(list[i].Trigger.Name)) + ": " + term.Plain(triggerText(&list[i].Trigger))
		if where := a.whereNext(&list[i]); where != "" {
			text += " → " + where
		}
		rows = append(rows, [2]string{label, text})
	}
	return rows
}

// EventRows tells what becomes of the events of a revision.
func EventRows(s *dayfly.Spec) [][2]string {
	r := s.Retry
	if r == (dayfly.Retry{}) {
		r = dayfly.DefaultRetry()
	}
	rows := [][2]string{{"retry", fmt.Sprintf("%s within %s, waits of %s to %s, keys remembered for %s",
		term.Plural(r.Attempts, "attempt"), term.Setting(r.Age), term.Setting(r.BackoffMin),
		term.Setting(r.BackoffMax), term.Setting(r.KeyWindow))}}
	if s.Durability != dayfly.DurabilityNode {
		rows = append(rows, [2]string{"durability",
			term.Plain(string(s.Durability)) + ": an event is on the disk before it is acknowledged"})
	}
	for _, d := range []struct {
		label string
		to    *dayfly.Destination
	}{{"on success", s.Destinations.OnSuccess}, {"on failure", s.Destinations.OnFailure}} {
		if d.to != nil {
			rows = append(rows, [2]string{d.label, term.Plain(destinationText(d.to))})
		}
	}
	return rows
}

func destinationText(d *dayfly.Destination) string {
	switch {
	case d.Function != "":
		return "function " + string(d.Function)
	case d.Queue != "":
		return "queue " + string(d.Queue)
	}
	return d.URL
}
