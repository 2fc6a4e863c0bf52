// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

func (a *app) inspect() *cobra.Command {
	var project string
	var number int
	c := &cobra.Command{
		Use: "inspect NAME", Short: "Show everything about one function", Args: exactly("NAME"),
		Long: "Show everything about one function: its live revision and its settings, its\n" +
			"instances, and how its calls went. --revision shows an earlier revision.",
	}
	projectFlag(c, &project)
	c.Flags().IntVar(&number, "revision", 0, "show the revision with this `NUMBER`")
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if number != 0 {
				revision, err := node.Revision(c.Context(), f, number)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(revision)
				}
				a.section("", append(a.revisionRows(revision), eventRows(&revision.Spec)...))
				return nil
			}
			seen, err := node.Inspect(c.Context(), f)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(seen)
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

func (a *app) printInspection(i *client.Inspection, triggers []client.Trigger) {
	f := i.Function
	a.printf("%s\n", a.style.bold(plain(f.FunctionRef.String())))
	rows := [][2]string{
		{"url", plain(i.URL)},
		{"updated", a.ago(f.UpdatedAt)},
		{"revisions", revisionList(f)},
	}
	if i.Paused {
		rows = append(rows, [2]string{"events", a.style.yellow("paused: they wait until dayfly resume")})
	}
	a.section("", rows)
	if i.Revision != nil {
		a.section("Revision "+strconv.Itoa(i.Revision.Number), a.revisionRows(i.Revision))
		events := append(a.triggerRows(triggers), eventRows(&i.Revision.Spec)...)
		a.section("Events", events)
	} else {
		a.printf("\n%s\n", a.style.yellow("No revision is live: no deploy has succeeded yet."))
	}
	a.section("Calls so far", totalRows(i.Totals))
	a.printf("\n%s\n", a.style.bold(plural(len(i.Instances), "instance")))
	if len(i.Instances) == 0 {
		return
	}
	t := newTable("  ID", "REVISION", "STATE", "SINCE", ">CALLS", ">MEMORY")
	for _, instance := range i.Instances {
		_, revision, _ := strings.Cut(string(instance.Revision), "@")
		t.add("  "+plain(string(instance.ID)), plain(revision), plain(instance.State), a.ago(instance.Since),
			strconv.FormatInt(instance.Calls, 10), size(instance.MemoryBytes))
	}
	t.write(a.Out, a.style)
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
	code := plain(string(s.Contract))
	if s.Dialect != "" {
		code += " (" + plain(string(s.Dialect)) + ")"
	}
	rows := [][2]string{
		{"revision", fmt.Sprintf("%s, deployed %s", plain(string(r.ID)), a.ago(r.CreatedAt))},
		{"runtime", plain(string(s.Runtime))},
		{"contract", code},
	}
	if s.Payload != "" {
		rows = append(rows, [2]string{"payload", plain(string(s.Payload))})
	}
	if s.Entry != "" {
		rows = append(rows, [2]string{"entry", plain(s.Entry)})
	}
	if len(s.Command) > 0 {
		rows = append(rows, [2]string{"command", plain(strings.Join(s.Command, " "))})
	}
	for i, name := range slices.Sorted(maps.Keys(s.Env)) {
		label := ""
		if i == 0 {
			label = "env"
		}
		rows = append(rows, [2]string{label, plain(name + "=" + s.Env[name])})
	}
	l, c := s.Limits, s.Scaling
	return append(rows, [][2]string{
		{"limits", fmt.Sprintf("memory %s, cpu %s, timeout %s, start within %s",
			dayfly.FormatBytes(l.MemoryBytes), processors(l.CPUMilli),
			setting(l.Timeout), setting(l.InitTimeout))},
		{"", fmt.Sprintf("/tmp %s, request %s, response %s, %d processes, %d files",
			dayfly.FormatBytes(l.TmpBytes), dayfly.FormatBytes(l.RequestBytes),
			dayfly.FormatBytes(l.ResponseBytes), l.Pids, l.Files)},
		{"scaling", fmt.Sprintf("%d to %d instances, %s at once in each, idle for %s",
			c.MinInstances, c.MaxInstances, plural(c.Concurrency, "call"),
			setting(c.IdleTimeout))},
		{"waiting", fmt.Sprintf("up to %d calls, up to %s", c.QueueDepth, setting(c.QueueTimeout))},
		{"egress", plain(string(s.Egress))},
		{"source", plain(short(r.Source))},
		{"bundle", plain(short(r.Bundle))},
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
		{"billed", fmt.Sprintf("%s, %.3f GiB·s", span(time.Duration(t.BilledMillis)*time.Millisecond),
			float64(t.MemoryMillis)/1024/1000)},
	}
}

// section prints a title and aligned rows below it.
func (a *app) section(title string, rows [][2]string) {
	if title != "" {
		a.printf("\n%s\n", a.style.bold(title))
	}
	writeRows(a.Out, a.style, rows)
}

func writeRows(w io.Writer, s style, rows [][2]string) {
	wide := 0
	for _, row := range rows {
		wide = max(wide, width(row[0]))
	}
	for _, row := range rows {
		pad := strings.Repeat(" ", wide-width(row[0]))
		fmt.Fprintf(w, "  %s%s  %s\n", s.dim(row[0]), pad, row[1])
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

func joined(words []string) string { return strings.Join(words, ", ") }
