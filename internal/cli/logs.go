// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) logs() *cobra.Command {
	var project, invocation, since string
	query := client.LogQuery{}
	c := &cobra.Command{
		Use: "logs [NAME]", Short: "Show what functions print", Args: term.AtMost(1),
		Long: "Show what functions print, oldest first. Each line carries the invocation that it\n" +
			"belongs to. Without a NAME, the lines of all functions.",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			query.Invocation = dayfly.InvocationID(invocation)
			if query.Function, err = term.Chosen(args, project); err != nil {
				return err
			}
			if query.Since, err = a.Since(since); err != nil {
				return err
			}
			node, err := a.Connect()
			if err != nil {
				return err
			}
			err = a.printLogs(c.Context(), node, query)
			if query.Follow && dayfly.KindOf(err) == dayfly.KindCanceled {
				return nil // Ctrl-C is how one stops to follow
			}
			return err
		},
	}
	flags := c.Flags()
	flags.BoolVarP(&query.Follow, "follow", "f", false, "go on as lines are written")
	flags.IntVarP(&query.Tail, "tail", "n", 100, "show the latest `N` lines")
	flags.StringVar(&since, "since", "", "show lines since `TIME`: 10m, 2h or 2026-01-31T09:00:00Z")
	flags.StringVar(&invocation, "invocation", "", "show the lines of one call, by its `ID`")
	term.ProjectFlag(c, &project)
	return c
}

func (a *app) printLogs(ctx context.Context, node *client.Client, q client.LogQuery) error {
	lines := 0
	for line, err := range node.Logs(ctx, q) {
		if err != nil {
			return err
		}
		lines++
		if a.JSON {
			if err := a.PrintJSON(line); err != nil {
				return err
			}
			continue
		}
		name := ""
		if q.Function.Name == "" {
			name = line.Function.String()
		}
		a.printLine(line, name)
	}
	if lines == 0 && !a.JSON && ctx.Err() == nil {
		a.Notef("nothing was printed\n")
	}
	return nil
}

// printLine shows one line: time, name of the function when there may be several,
// call, text.
func (a *app) printLine(l dayfly.LogLine, name string) {
	text := term.Plain(l.Text)
	switch l.Stream {
	case dayfly.StreamStderr:
		text = a.Style.Yellow(text)
	case dayfly.StreamPlatform:
		text = a.Style.Cyan("dayfly: " + text)
	}
	a.Printf("%s ", a.Style.Dim(l.Time.Local().Format("2006-01-02 15:04:05.000")))
	if name != "" {
		a.Printf("%s ", a.Style.Bold(term.Plain(name)))
	}
	id := term.Plain(string(l.Invocation))
	if id == "" {
		id = "-"
	}
	a.Printf("%s %s\n", a.Style.Dim(id), text)
}

func (a *app) invocations() *cobra.Command {
	var project, since string
	query := client.InvocationQuery{}
	c := &cobra.Command{
		Use: "invocations [NAME]", Short: "List the latest calls", Args: term.AtMost(1),
		Long: "List the latest calls, newest first, of one function or of all.\n" +
			"Tell more of one with: dayfly explain ID",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if query.Function, err = term.Chosen(args, project); err != nil {
				return err
			}
			if query.Since, err = a.Since(since); err != nil {
				return err
			}
			node, err := a.Connect()
			if err != nil {
				return err
			}
			records, err := node.Invocations(c.Context(), query)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(records)
			}
			a.printRecords(records)
			return nil
		},
	}
	flags := c.Flags()
	flags.IntVarP(&query.Limit, "limit", "n", 20, "list the latest `N`")
	flags.BoolVar(&query.Failed, "failed", false, "list those that failed only")
	flags.StringVar(&since, "since", "", "list calls since `TIME`: 10m, 2h or 2026-01-31T09:00:00Z")
	term.ProjectFlag(c, &project)
	return c
}

func (a *app) printRecords(records []dayfly.Record) {
	if len(records) == 0 {
		a.Notef("no such calls are known\n")
		return
	}
	t := term.NewTable("INVOCATION", "FUNCTION", "WHEN", ">TOOK", "START", ">STATUS", "REQUEST", "FAULT")
	for _, r := range records {
		request := term.Plain(r.Method + " " + r.Path)
		if r.Source == dayfly.SourceInvoke {
			request = "event"
		} else if r.Trigger != "" {
			request = term.Plain(string(r.Source) + " " + string(r.Trigger))
		}
		start := term.Plain(string(r.Cold))
		switch {
		case r.Instance == "":
			start = "-" // it reached none
		case start == "":
			start = "warm"
		}
		t.Add(term.Plain(string(r.ID)), term.Plain(r.Function.String()), a.Ago(r.Start), term.Span(r.Duration), start,
			a.statusText(r.Status), request, a.Style.Red(term.Plain(faultText(&r))))
	}
	t.Write(a.Out, a.Style)
}

func (a *app) statusText(status int) string {
	text := strconv.Itoa(status)
	switch {
	case status == 0:
		return "-"
	case status >= 500:
		return a.Style.Red(text)
	case status >= 400:
		return a.Style.Yellow(text)
	}
	return text
}

// faultText says whose fault it was and what happened, in a few words.
func faultText(r *dayfly.Record) string {
	switch {
	case r.Fault == dayfly.FaultNone:
		return ""
	case r.Failure != nil:
		return string(r.Fault) + ": " + r.Failure.Type
	case r.Kind != "":
		return string(r.Fault) + ": " + string(r.Kind)
	}
	return string(r.Fault)
}
