// SPDX-License-Identifier: Apache-2.0

package later

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// nextMax bounds how many due times are printed: a year of an hourly cron.
const nextMax = 10_000

func (a *app) cron() *cobra.Command {
	c := &cobra.Command{
		Use: "cron", Short: "See when functions are called by the clock, and what came of it", Args: term.Exactly(),
		Example: "  dayfly cron next \"0 9 * * MON-FRI\" --zone Asia/Kolkata\n" +
			"  dayfly cron list\n" +
			"  dayfly cron history report\n" +
			"  dayfly cron run report",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	for _, sub := range []*cobra.Command{a.cronList(), a.cronNext(), a.cronHistory(), a.cronRun()} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

func (a *app) cronList() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List crons: when they are due, and their last outcome",
		Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			crons, err := node.Crons(c.Context(), dayfly.ProjectName(project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(crons)
			}
			a.printCrons(crons)
			return nil
		},
	}
	c.Flags().StringVar(&project, "project", "", "list those of one `PROJECT` only")
	return c
}

func (a *app) printCrons(crons []client.Cron) {
	if len(crons) == 0 {
		a.Notef("there are no crons; give a function one with: dayfly deploy PATH --cron \"0 9 * * *\"\n")
		return
	}
	t := term.NewTable("CRON", "EXPRESSION", "ZONE", "NEXT", "LAST")
	for _, c := range crons {
		next, last := "never", "none yet"
		if !c.Next.IsZero() {
			next = a.localTime(c.Next, c.Zone)
		}
		if c.Last != nil {
			last = a.outcome(c.Last.Outcome) + " " + a.localTime(c.Last.Due, c.Zone)
		}
		zone := c.Zone
		if zone == "" {
			zone = "UTC"
		}
		t.Add(a.Style.Bold(term.Plain(c.Function.String()+"/"+string(c.Trigger))), term.Plain(c.Expression), term.Plain(zone),
			next, last)
	}
	t.Write(a.Out, a.Style)
}

// localTime prints a time as the cron's own zone has it.
func (a *app) localTime(t time.Time, zone string) string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	return t.In(location).Format("2006-01-02 15:04:05")
}

func (a *app) outcome(o client.CronOutcome) string {
	switch o {
	case client.CronRan:
		return a.Style.Green(string(o))
	case client.CronMissed:
		return a.Style.Red(string(o))
	}
	return a.Style.Yellow(term.Plain(string(o)))
}

func (a *app) cronNext() *cobra.Command {
	var zone, after string
	var count int
	c := &cobra.Command{
		Use: "next EXPR", Short: "Tell when an expression is due; needs no node", Args: term.Exactly("EXPR"),
		Long: "Tell when an expression is due. It is one of\n" +
			"  \"0 9 * * MON-FRI\"          five fields: minute hour day month weekday\n" +
			"  \"30 0 9 * * MON-FRI\"       six fields, seconds first\n" +
			"  @hourly @daily \"@every 90s\"\n" +
			"  \"rate(5 minutes)\" \"cron(0 9 ? * 2-6 *)\" \"at(2026-12-24T18:00:00)\"   as AWS has them",
		RunE: func(_ *cobra.Command, args []string) error {
			from := a.Now()
			if after != "" {
				var err error
				if from, err = time.Parse(time.RFC3339, after); err != nil {
					return dayfly.Errorf(dayfly.KindInvalid, "--after %q is not a time such as 2026-01-31T09:00:00Z", after)
				}
			}
			if count < 1 || count > nextMax {
				return dayfly.Errorf(dayfly.KindInvalid, "--count %d must be between 1 and %d", count, nextMax)
			}
			s, err := cron.Parse(args[0], zone)
			if err != nil {
				return err
			}
			return a.printNext(s, zone, from, count)
		},
	}
	c.Flags().StringVar(&zone, "zone", "", "time `ZONE` of the expression: Europe/Berlin (default UTC)")
	c.Flags().IntVar(&count, "count", 5, "tell `N` times")
	c.Flags().StringVar(&after, "after", "", "tell those after this `TIME` (default now)")
	return c
}

func (a *app) printNext(s cron.Schedule, zone string, from time.Time, count int) error {
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	times := []time.Time{}
	for at := from; len(times) < count; {
		next, ok := s.Next(at)
		if !ok {
			break
		}
		times, at = append(times, next.In(location)), next
	}
	if a.JSON {
		return a.PrintJSON(times)
	}
	for _, t := range times {
		a.Printf("%s  %s\n", t.Format("Mon 2006-01-02 15:04:05 -0700"), a.Style.Dim("in "+term.Span(t.Sub(from))))
	}
	if len(times) < count {
		a.Notef("it is not due after that\n")
	}
	return nil
}

// cronArgument reads FUNCTION or FUNCTION/TRIGGER.
func cronArgument(text, project string) (dayfly.FunctionRef, dayfly.TriggerName, error) {
	name, trigger, named := strings.Cut(text, "/")
	ref, err := term.Reference(name, project)
	if err == nil && named {
		err = dayfly.ValidateName("trigger", trigger)
	}
	return ref, dayfly.TriggerName(trigger), err
}

func (a *app) cronHistory() *cobra.Command {
	var project string
	var limit int
	c := &cobra.Command{
		Use: "history FUNCTION[/TRIGGER]", Short: "Tell what became of each due time",
		Args: term.Exactly("FUNCTION[/TRIGGER]"),
		Long: "Tell what became of each due time, the newest first: ran, late, skipped because the\n" +
			"run before was under way, or missed, and why. A node keeps 200 entries of each cron.",
	}
	term.ProjectFlag(c, &project)
	c.Flags().IntVarP(&limit, "limit", "n", 20, "tell `N` entries of each cron")
	c.RunE = func(c *cobra.Command, args []string) error {
		ref, trigger, err := cronArgument(args[0], project)
		if err != nil {
			return err
		}
		if limit < 1 || limit > 200 {
			return dayfly.Errorf(dayfly.KindInvalid, "--limit %d must be between 1 and 200", limit)
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		crons, err := a.cronsNamed(c, node, ref, trigger)
		if err != nil {
			return err
		}
		told := map[dayfly.TriggerName][]client.CronRun{}
		for _, cron := range crons {
			if told[cron.Trigger], err = node.CronRuns(c.Context(), ref, cron.Trigger, limit); err != nil {
				return err
			}
		}
		if a.JSON {
			return a.PrintJSON(told)
		}
		for _, cron := range crons {
			a.printRuns(cron, told[cron.Trigger])
		}
		return nil
	}
	return c
}

// cronsNamed gives the crons of a function, or the one with that name.
func (a *app) cronsNamed(
	c *cobra.Command, node *client.Client, ref dayfly.FunctionRef, trigger dayfly.TriggerName,
) ([]client.Cron, error) {
	crons, err := node.CronsOf(c.Context(), ref)
	if err != nil {
		return nil, err
	}
	if len(crons) == 0 {
		if _, err := node.Inspect(c.Context(), ref); err != nil {
			return nil, term.Suggest(c.Context(), node, ref, err)
		}
		return nil, dayfly.Errorf(dayfly.KindNotFound, "function %s has no crons", ref)
	}
	if trigger == "" {
		return crons, nil
	}
	var names []string
	for _, cron := range crons {
		if cron.Trigger == trigger {
			return []client.Cron{cron}, nil
		}
		names = append(names, string(cron.Trigger))
	}
	return nil, term.WithNames(dayfly.Errorf(dayfly.KindNotFound, "function %s has no cron %s", ref, trigger), names)
}

func (a *app) printRuns(c client.Cron, runs []client.CronRun) {
	a.Printf("%s  %s\n", a.Style.Bold(term.Plain(c.Function.String()+"/"+string(c.Trigger))), term.Plain(c.Expression))
	if len(runs) == 0 {
		a.Printf("  %s\n", a.Style.Dim("nothing was due yet"))
		return
	}
	t := term.NewTable(">#", "DUE", "OUTCOME", "EVENT", "WHY")
	for _, r := range runs {
		due := a.localTime(r.Due, c.Zone)
		if r.Count > 1 {
			more := ""
			if r.More {
				more = "more than "
			}
			due += fmt.Sprintf(" … %s (%s%d)", a.localTime(r.Until, c.Zone), more, r.Count)
		}
		t.Add(strconv.FormatUint(r.Number, 10), due, a.outcome(r.Outcome),
			term.Plain(string(r.Event)), term.Plain(r.Why))
	}
	t.Write(a.Out, a.Style)
}

func (a *app) cronRun() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "run FUNCTION[/TRIGGER]", Short: "Run a cron now, beside its due times", Args: term.Exactly("FUNCTION[/TRIGGER]"),
		Long: "Run a cron now, beside its due times. The function gets the same event; what became of\n" +
			"it is told by its identity, which is printed. TRIGGER may be left out when there is one.",
	}
	term.ProjectFlag(c, &project)
	c.RunE = func(c *cobra.Command, args []string) error {
		ref, trigger, err := cronArgument(args[0], project)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		crons, err := a.cronsNamed(c, node, ref, trigger)
		if err != nil {
			return err
		}
		if len(crons) > 1 {
			var names []string
			for _, cron := range crons {
				names = append(names, ref.String()+"/"+string(cron.Trigger))
			}
			return term.WithNames(dayfly.Errorf(dayfly.KindInvalid, "function %s has several crons: name one", ref), names)
		}
		event, err := node.RunCron(c.Context(), ref, crons[0].Trigger)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]dayfly.EventID{"event": event})
		}
		a.Printf("%s\n", term.Plain(string(event)))
		return nil
	}
	return c
}
