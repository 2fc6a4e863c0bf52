// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func (a *app) logs() *cobra.Command {
	var project, invocation, since string
	query := client.LogQuery{}
	c := &cobra.Command{
		Use: "logs [NAME]", Short: "Show what functions print", Args: atMost(1),
		Long: "Show what functions print, oldest first. Each line carries the invocation that it\n" +
			"belongs to. Without a NAME, the lines of all functions.",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			query.Invocation = dayfly.InvocationID(invocation)
			if query.Function, err = chosen(args, project); err != nil {
				return err
			}
			if query.Since, err = a.since(since); err != nil {
				return err
			}
			node, err := a.connect()
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
	projectFlag(c, &project)
	return c
}

func (a *app) printLogs(ctx context.Context, node *client.Client, q client.LogQuery) error {
	lines := 0
	for line, err := range node.Logs(ctx, q) {
		if err != nil {
			return err
		}
		lines++
		if a.json {
			if err := a.printJSON(line); err != nil {
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
	if lines == 0 && !a.json && ctx.Err() == nil {
		a.notef("nothing was printed\n")
	}
	return nil
}

// printLine shows one line: time, name of the function when there may be several,
// call, text.
func (a *app) printLine(l dayfly.LogLine, name string) {
	text := plain(l.Text)
	switch l.Stream {
	case dayfly.StreamStderr:
		text = a.style.yellow(text)
	case dayfly.StreamPlatform:
		text = a.style.cyan("dayfly: " + text)
	}
	a.printf("%s ", a.style.dim(l.Time.Local().Format("2006-01-02 15:04:05.000")))
	if name != "" {
		a.printf("%s ", a.style.bold(plain(name)))
	}
	id := plain(string(l.Invocation))
	if id == "" {
		id = "-"
	}
	a.printf("%s %s\n", a.style.dim(id), text)
}

func (a *app) invocations() *cobra.Command {
	var project, since string
	query := client.InvocationQuery{}
	c := &cobra.Command{
		Use: "invocations [NAME]", Short: "List the latest calls", Args: atMost(1),
		Long: "List the latest calls, newest first, of one function or of all.\n" +
			"Tell more of one with: dayfly explain ID",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if query.Function, err = chosen(args, project); err != nil {
				return err
			}
			if query.Since, err = a.since(since); err != nil {
				return err
			}
			node, err := a.connect()
			if err != nil {
				return err
			}
			records, err := node.Invocations(c.Context(), query)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(records)
			}
			a.printRecords(records)
			return nil
		},
	}
	flags := c.Flags()
	flags.IntVarP(&query.Limit, "limit", "n", 20, "list the latest `N`")
	flags.BoolVar(&query.Failed, "failed", false, "list those that failed only")
	flags.StringVar(&since, "since", "", "list calls since `TIME`: 10m, 2h or 2026-01-31T09:00:00Z")
	projectFlag(c, &project)
	return c
}

func (a *app) printRecords(records []dayfly.Record) {
	if len(records) == 0 {
		a.notef("no such calls are known\n")
		return
	}
	t := newTable("INVOCATION", "FUNCTION", "WHEN", ">TOOK", "START", ">STATUS", "REQUEST", "FAULT")
	for _, r := range records {
		request := plain(r.Method + " " + r.Path)
		if r.Source == dayfly.SourceInvoke {
			request = "event"
		} else if r.Trigger != "" {
			request = plain(string(r.Source) + " " + string(r.Trigger))
		}
		start := plain(string(r.Cold))
		switch {
		case r.Instance == "":
			start = "-" // it reached none
		case start == "":
			start = "warm"
		}
		t.add(plain(string(r.ID)), plain(r.Function.String()), a.ago(r.Start), span(r.Duration), start,
			a.statusText(r.Status), request, a.style.red(plain(faultText(&r))))
	}
	t.write(a.Out, a.style)
}

func (a *app) statusText(status int) string {
	text := strconv.Itoa(status)
	switch {
	case status == 0:
		return "-"
	case status >= 500:
		return a.style.red(text)
	case status >= 400:
		return a.style.yellow(text)
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

// chosen reads an optional NAME.
func chosen(args []string, project string) (dayfly.FunctionRef, error) {
	if len(args) == 1 {
		return reference(args[0], project)
	}
	if project == "" {
		return dayfly.FunctionRef{}, nil
	}
	return dayfly.FunctionRef{}, dayfly.Errorf(dayfly.KindInvalid, "--project needs a NAME")
}

// since reads a point in time, or how long ago it was.
func (a *app) since(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := manifest.ParseDuration(text)
	if err != nil {
		return time.Time{}, dayfly.Errorf(dayfly.KindInvalid, "--since %q is not a time", text).
			WithHint("write 10m, 2h, or a time such as 2026-01-31T09:00:00Z")
	}
	return a.now().Add(-d), nil
}
