// SPDX-License-Identifier: Apache-2.0

package data

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func (a *app) queue() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "queue", Short: "Publish messages, and see who takes them", Args: term.Exactly(),
		Long: "Publish messages, and see who takes them. A queue keeps each message for its\n" +
			"retention, whoever has read it; every trigger that takes from it sees all of them.",
		Example: "  dayfly queue publish clicks '{\"page\": \"/\"}'\n" +
			"  dayfly queue publish orders --lines --file orders.ndjson\n" +
			"  dayfly queue stats clicks\n" +
			"  dayfly queue replay clicks --function store-click --from 2h",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the queue (default \"default\")")
	for _, sub := range []*cobra.Command{a.queueList(&project), a.queueCreate(&project), a.queueRemove(&project),
		a.queuePublish(&project), a.queueMessages(&project), a.queueReplay(&project), a.queueStats(&project)} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

// queueNamed names the queue of QUEUE and connects to its node.
func (a *app) queueNamed(project *string, name string) (*client.Client, client.QueueRef, error) {
	ref := client.QueueRef{Project: dayfly.ProjectName(*project), Name: dayfly.QueueName(name)}
	if err := dayfly.ValidateName("queue", name); err != nil {
		return nil, ref, err
	}
	node, err := a.Connect()
	return node, ref, err
}

func (a *app) queueList(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the queues of a project", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			list, err := node.Queues(c.Context(), dayfly.ProjectName(*project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(list)
			}
			if len(list) == 0 {
				a.Notef("there are no queues yet; make one with: dayfly queue create NAME\n")
				return nil
			}
			t := term.NewTable("QUEUE", "RETENTION", "CREATED", "")
			for _, q := range list {
				note := ""
				if q.Implicit {
					note = a.Style.Dim("made by a trigger")
				}
				t.Add(a.Style.Bold(term.Plain(string(q.Name))), term.Setting(q.Retention), a.Ago(q.Created), note)
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}

func (a *app) queueCreate(project *string) *cobra.Command {
	var retention, durability string
	c := &cobra.Command{
		Use: "create QUEUE", Short: "Make a queue, or give it other settings", Args: term.Exactly("QUEUE"),
		Long: "Make a queue, or give it other settings; what is not said stays as it is. A trigger\n" +
			"makes the queue that it names by itself, with defaults.",
	}
	c.Flags().StringVar(&durability, "durability", "", "when a message must be on the disk: always, before it is\n"+
		"acknowledged, or node, as dayfly up --sync says (default node)")
	c.Flags().StringVar(&retention, "retention", "", "keep a message for this `SPAN`: 1m to 14d (default 4d)")
	c.RunE = func(c *cobra.Command, args []string) error {
		var span time.Duration
		if retention != "" {
			var err error
			if span, err = quantity.ParseDuration(retention); err != nil {
				return dayfly.Errorf(dayfly.KindInvalid, "--retention: %w", err)
			}
		}
		node, ref, err := a.queueNamed(project, args[0])
		if err != nil {
			return err
		}
		q, err := node.PutQueue(c.Context(), ref, client.QueueSettings{Retention: span,
			Durability: dayfly.Durability(durability)})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(q)
		}
		a.Printf("%s keeps messages for %s%s\n", term.Plain(string(q.Name)), term.Setting(q.Retention), durably(&q))
		return nil
	}
	return c
}

func (a *app) queueRemove(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove QUEUE", Aliases: []string{"rm"}, Short: "Delete a queue with its messages",
		Args: term.Exactly("QUEUE"),
		RunE: func(c *cobra.Command, args []string) error {
			node, ref, err := a.queueNamed(project, args[0])
			if err != nil {
				return err
			}
			if err := node.RemoveQueue(c.Context(), ref); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"removed": args[0]})
			}
			a.Printf("%s removed\n", term.Plain(args[0]))
			return nil
		},
	}
}

func (a *app) queueStats(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "stats QUEUE", Short: "Show what a queue holds, and how far each trigger is", Args: term.Exactly("QUEUE"),
		Long: "Show what a queue holds, and how far each trigger is. BEHIND are messages that the\n" +
			"trigger has still to look at, WAITING those in the function's work; copied, skipped\n" +
			"and failed count since the node started.",
		RunE: func(c *cobra.Command, args []string) error {
			node, ref, err := a.queueNamed(project, args[0])
			if err != nil {
				return err
			}
			q, err := node.Queue(c.Context(), ref)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(q)
			}
			a.printQueue(&q)
			return nil
		},
	}
}

// durably tells of a queue that does not follow the node's setting.
func durably(q *client.MessageQueue) string {
	if q.Durability == "" {
		return ""
	}
	return ", durability " + term.Plain(string(q.Durability))
}

func (a *app) printQueue(q *client.MessageQueue) {
	a.Printf("%s keeps messages for %s%s", a.Style.Bold(term.Plain(string(q.Name))), term.Setting(q.Retention),
		durably(q))
	switch s := q.Stats; {
	case s == nil || s.Messages == 0:
		a.Printf(", and holds none\n")
	default:
		a.Printf(", and holds %d: sequences %d to %d, the oldest of %s, the newest of %s\n",
			s.Messages, s.First, s.Last, a.Ago(s.Oldest), a.Ago(s.Newest))
	}
	if len(q.Triggers) == 0 {
		a.Printf("no trigger takes them\n")
		return
	}
	t := term.NewTable("FUNCTION", "TRIGGER", ">CURSOR", ">BEHIND", "SINCE", ">WAITING", ">COPIED", ">SKIPPED", ">FAILED", "")
	for _, r := range q.Triggers {
		since := "-"
		if !r.Since.IsZero() {
			since = a.Ago(r.Since)
		}
		t.Add(a.Style.Bold(term.Plain(r.Function.String())), term.Plain(string(r.Trigger)),
			count(r.Cursor), count(r.Behind), since, count(r.Waiting),
			count(r.Copied), count(r.Skipped), count(r.Failed), a.Style.Red(term.Plain(r.Error)))
	}
	t.Write(a.Out, a.Style)
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

func (a *app) queueMessages(project *string) *cobra.Command {
	var from string
	var limit int
	c := &cobra.Command{
		Use: "messages QUEUE", Short: "Show messages that are kept, oldest first", Args: term.Exactly("QUEUE"),
		Long: "Show messages that are kept, oldest first: with --json one CloudEvent's parts a line.\n" +
			"Showing them takes nothing away.",
	}
	c.Flags().StringVar(&from, "from", "", "begin at a `PLACE`: a sequence, 10m, 2h, or 2026-01-31T09:00:00Z")
	c.Flags().IntVarP(&limit, "limit", "n", 20, "show at most `N`, up to 1000")
	c.RunE = func(c *cobra.Command, args []string) error {
		if limit < 1 || limit > 1000 {
			return dayfly.Errorf(dayfly.KindInvalid, "--limit is %d, must be between 1 and 1000", limit)
		}
		place, err := a.place("--from", from)
		if err != nil {
			return err
		}
		node, ref, err := a.queueNamed(project, args[0])
		if err != nil {
			return err
		}
		page, err := node.Messages(c.Context(), ref, place, limit)
		if err != nil {
			return err
		}
		return a.printMessages(page)
	}
	return c
}

// place reads a sequence, a time, or how long ago, for the node.
func (a *app) place(flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return text, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.Format(time.RFC3339Nano), nil
	}
	d, err := quantity.ParseDuration(text)
	if err != nil {
		return "", dayfly.Errorf(dayfly.KindInvalid, "%s %q is no place", flag, text).
			WithHint("write a sequence, 10m, 2h, or a time such as 2026-01-31T09:00:00Z")
	}
	return a.Now().Add(-d).UTC().Format(time.RFC3339Nano), nil
}

// dataShown is how much of a message's data a line shows.
const dataShown = 200

func (a *app) printMessages(page client.Messages) error {
	if a.JSON {
		for _, m := range page.Messages {
			if err := a.PrintJSON(m); err != nil {
				return err
			}
		}
		return nil
	}
	for _, m := range page.Messages {
		data := m.Event.Data
		more := ""
		if len(data) > dataShown {
			data, more = data[:dataShown], "…"
		}
		key := ""
		if k := m.Event.Extensions[dayfly.ExtensionKey]; k != "" {
			key = " " + a.Style.Cyan(term.Plain(k))
		}
		a.Printf("%s %s %s%s %s%s\n", a.Style.Bold(count(m.Sequence)),
			a.Style.Dim(m.Stored.Local().Format("2006-01-02 15:04:05.000")), term.Plain(m.Event.Type), key,
			term.Plain(string(data)), more)
	}
	switch {
	case len(page.Messages) == 0:
		a.Notef("no such messages\n")
	case page.Pending > 0:
		a.Notef("%d more: --from %d\n", page.Pending, page.Next)
	}
	return nil
}

func (a *app) queueReplay(project *string) *cobra.Command {
	var function, trigger, from, to string
	c := &cobra.Command{
		Use: "replay QUEUE", Short: "Hand kept messages to a function once more", Args: term.Exactly("QUEUE"),
		Long: "Hand kept messages to a function once more, as its trigger would: through its filter,\n" +
			"in order. They are marked by the extension dayflyreplay. The trigger goes on with\n" +
			"what is new as if nothing was.",
	}
	flags := c.Flags()
	flags.StringVar(&function, "function", "", "hand them to this `FUNCTION`")
	flags.StringVar(&trigger, "trigger", "", "by this `TRIGGER`, when it has several on the queue")
	flags.StringVar(&from, "from", "", "begin at a `PLACE`: a sequence, 10m, 2h, or 2026-01-31T09:00:00Z")
	flags.StringVar(&to, "to", "", "end with a `PLACE` (default: what is there now)")
	c.RunE = func(c *cobra.Command, args []string) error {
		r := client.Replay{Function: dayfly.FunctionName(function), Trigger: dayfly.TriggerName(trigger)}
		if function == "" || from == "" {
			return dayfly.Errorf(dayfly.KindInvalid, "--function and --from are needed")
		}
		var err error
		if r.From, err = a.place("--from", from); err != nil {
			return err
		}
		if r.To, err = a.place("--to", to); err != nil {
			return err
		}
		node, ref, err := a.queueNamed(project, args[0])
		if err != nil {
			return err
		}
		return a.replayAll(c.Context(), node, ref, r)
	}
	return c
}

// replayAll goes on until all was copied; a function without room is waited for.
func (a *app) replayAll(ctx context.Context, node *client.Client, q client.QueueRef, r client.Replay) error {
	var all client.Replayed
	for {
		done, err := node.Replay(ctx, q, r)
		if dayfly.KindOf(err) == dayfly.KindExhausted {
			if err := a.waitFor(ctx, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		all.Copied, all.Skipped, all.Failed, all.To = all.Copied+done.Copied, all.Skipped+done.Skipped,
			all.Failed+done.Failed, done.To
		if done.Next == 0 {
			break
		}
		r.From, r.To = count(done.Next), count(done.To)
	}
	if a.JSON {
		return a.PrintJSON(all)
	}
	a.Printf("%d copied, %d not wanted, %d failed\n", all.Copied, all.Skipped, all.Failed)
	return nil
}
