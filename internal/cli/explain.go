// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

const (
	// barCells is how wide the picture of a call is: it fits 80 columns.
	barCells = 40
	// explainLinesMax bounds the log lines that an explanation shows.
	explainLinesMax = 50
)

// explanation is everything known of one call.
type explanation struct {
	Record *dayfly.Record   `json:"invocation"`
	Logs   []dayfly.LogLine `json:"logs"`
	Advice []string         `json:"advice"`
}

func (a *app) explain() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "Tell why a call was slow, cold or failed", Args: term.Exactly("ID"),
		Long: "Tell everything about one call: which revision and instance served it, whether it\n" +
			"was cold and why, how long each phase took, what it waited for, which limits it\n" +
			"hit, whose fault a failure was, and what it printed.\n\n" +
			"The ID is in the header X-Dayfly-Invocation of every answer, in every log line,\n" +
			"and in the list that dayfly invocations prints.",
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			told, err := explain(c.Context(), node, dayfly.InvocationID(args[0]))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(told)
			}
			a.printExplanation(told)
			return nil
		},
	}
}

func explain(
	ctx context.Context, node *client.Client, id dayfly.InvocationID,
) (*explanation, error) {
	record, err := node.Invocation(ctx, id)
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		if _, other := node.Event(ctx, dayfly.EventID(id)); other == nil {
			return nil, dayfly.Errorf(dayfly.KindNotFound, "%s is an event, not an invocation", id).
				WithHint("dayfly events %s names its invocations", id)
		}
	}
	if err != nil {
		return nil, err
	}
	told := &explanation{Record: record, Logs: []dayfly.LogLine{}, Advice: advise(record)}
	query := client.LogQuery{Function: record.Function, Invocation: id, Tail: explainLinesMax}
	for line, err := range node.Logs(ctx, query) {
		if err != nil {
			return nil, err
		}
		told.Logs = append(told.Logs, line)
	}
	return told, nil
}

func (a *app) printExplanation(e *explanation) {
	r, s := e.Record, a.Style
	a.Printf("%s %s\n\n", s.Dim("invocation"), s.Bold(string(r.ID)))
	term.WriteRows(a.Out, s, a.callRows(r))
	a.printPhases(r)
	if r.Instance != "" {
		a.Section("Used", usedRows(r))
	}
	a.printFault(r)
	if len(e.Logs) > 0 {
		a.Printf("\n%s\n", s.Bold("Printed"))
		for _, line := range e.Logs {
			text := term.Plain(line.Text)
			if line.Stream == dayfly.StreamStderr {
				text = s.Yellow(text)
			}
			after := "+" + term.Span(line.Time.Sub(r.Start))
			a.Printf("  %s %-8s %s\n", s.Dim(fmt.Sprintf("%9s", after)), term.Plain(string(line.Stream)), text)
		}
	}
	for i, text := range e.Advice {
		if i == 0 {
			a.Printf("\n%s\n", s.Bold("What to do"))
		}
		a.Printf("  %s %s\n", s.Green("›"), term.Plain(text))
	}
}

// callRows say what was called, by whom, and what served it.
func (a *app) callRows(r *dayfly.Record) [][2]string {
	s := a.Style
	request := term.Plain(r.Method + " " + r.Path)
	if r.Source == dayfly.SourceInvoke {
		request = "event, by dayfly invoke"
	} else if r.Trigger != "" {
		request = "event, by " + term.Plain(string(r.Source)+" "+string(r.Trigger))
	}
	answer := s.Green("answered " + strconv.Itoa(r.Status))
	switch {
	case r.Fault == dayfly.FaultGuest:
		answer = s.Red("failed")
	case r.Fault != dayfly.FaultNone:
		answer = s.Red("refused")
	case r.Status >= 400:
		answer = s.Yellow("answered " + strconv.Itoa(r.Status))
	}
	function := s.Bold(term.Plain(r.Function.String()))
	if _, number, ok := strings.Cut(string(r.Revision), "@"); ok {
		function += ", revision " + term.Plain(number)
	}
	if r.Runtime != "" {
		function += ", " + term.Plain(string(r.Runtime))
	}
	rows := [][2]string{
		{"function", function},
		{"request", request},
		{"result", answer + " in " + s.Bold(term.Span(r.Duration))},
		{"when", r.Start.Local().Format("2006-01-02 15:04:05.000") + " (" + a.Ago(r.Start) + ")"},
	}
	if r.Event != "" {
		text := term.Plain(string(r.Event)) + ", attempt " + strconv.Itoa(r.Attempt)
		if r.Batch > 1 {
			text += ", the first of " + strconv.Itoa(r.Batch)
		}
		rows = append(rows, [2]string{"event", text})
	}
	if r.Instance != "" {
		served := "its first call"
		if r.CallsServed > 0 {
			served = "after " + term.Plural(int(r.CallsServed), "earlier call")
		}
		rows = append(rows,
			[2]string{"instance", term.Plain(fmt.Sprintf("%s, %s, on node %s", r.Instance, served, r.Node))},
			[2]string{"start", startText(s, r)})
	}
	if r.Why != "" {
		rows = append(rows, [2]string{"why", term.Plain(r.Why)})
	}
	if r.QueueDepth > 0 {
		rows = append(rows, [2]string{"queue",
			term.Plural(r.QueueDepth, "call") + " waited in front of it when it arrived"})
	}
	return rows
}

// startText says whether the call was cold, in words.
func startText(s term.Style, r *dayfly.Record) string {
	switch r.Cold {
	case dayfly.ColdNone:
		return s.Green("warm") + ": an idle instance took it"
	case dayfly.ColdWaited:
		return s.Yellow("waited") + ": another call released the instance"
	case dayfly.ColdStem:
		return s.Cyan("cold") + ": a booted sandbox was given the code"
	case dayfly.ColdFork:
		return s.Cyan("cold") + ": a sandbox was forked from the project's zygote"
	case dayfly.ColdBoot:
		return s.Cyan("cold") + ": a sandbox was booted for it"
	}
	return term.Plain(string(r.Cold))
}

// printPhases draws the phases one after the other, each where it happened.
func (a *app) printPhases(r *dayfly.Record) {
	if r.Instance == "" || r.Duration <= 0 {
		return
	}
	phases := withRest(r)
	total := r.Duration
	var sum time.Duration
	for _, p := range phases {
		sum += p.Duration
	}
	total = max(total, sum)
	a.Printf("\n%s\n", a.Style.Bold("Phases"))
	t := term.NewTable("", ">", ">", "")
	var began time.Duration
	for _, p := range phases {
		from, to := share(began, total), share(began+p.Duration, total)
		t.Add("  "+term.Plain(p.Name), micros(p.Duration), fmt.Sprintf("%.0f %%", (to-from)*100),
			a.Style.Cyan(term.Bar(from, to, barCells)))
		began += p.Duration
	}
	t.Add(a.Style.Bold("  total"), a.Style.Bold(micros(r.Duration)), "", "")
	t.Write(a.Out, a.Style)
}

// withRest adds what the phases do not account for, when it is worth a line: sending
// the answer, and the platform's own work around it; or the function itself, when it
// failed before it answered.
func withRest(r *dayfly.Record) []dayfly.Timed {
	rest, name := r.Duration, "function"
	for _, p := range r.Phases {
		rest -= p.Duration
		if p.Name == name {
			name = "answer"
		}
	}
	if rest*50 < r.Duration { // less than 2 % is noise
		return r.Phases
	}
	return append(r.Phases[:len(r.Phases):len(r.Phases)], dayfly.Timed{Name: name, Duration: rest})
}

func share(part, of time.Duration) float64 { return float64(part) / float64(of) }

// micros prints every phase in one unit, so that they compare at a glance.
func micros(d time.Duration) string {
	digits := strconv.FormatInt(d.Microseconds(), 10)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), " ") + " µs"
}

func usedRows(r *dayfly.Record) [][2]string {
	rows := [][2]string{
		{"billed", fmt.Sprintf("%d ms on the instance", r.BilledMillis)},
		{"body", fmt.Sprintf("%s in, %s out", term.Size(r.RequestBytes), term.Size(r.ResponseBytes))},
	}
	if r.MemoryPeakBytes > 0 && r.MemoryLimitBytes > 0 {
		percent := float64(r.MemoryPeakBytes) * 100 / float64(r.MemoryLimitBytes)
		rows = append(rows, [2]string{"memory", fmt.Sprintf("%s at its peak, %.0f %% of the limit of %s",
			term.Size(r.MemoryPeakBytes), percent, dayfly.FormatBytes(r.MemoryLimitBytes))})
	}
	return rows
}

// printFault says what failed and whose fault it was.
func (a *app) printFault(r *dayfly.Record) {
	if r.Fault == dayfly.FaultNone {
		return
	}
	whose := map[dayfly.Fault]string{
		dayfly.FaultGuest:    "the function's own code",
		dayfly.FaultCaller:   "the request",
		dayfly.FaultPlatform: "Dayfly itself",
		dayfly.FaultCapacity: "a limit that was reached",
	}
	a.Printf("\n%s\n", a.Style.Bold("Fault: "+whose[r.Fault]))
	if f := r.Failure; f != nil {
		a.Printf("  %s while it %s\n", a.Style.Red(term.FailureWords(f)), phaseWords(f.Phase))
		a.Printf("  %s: %s\n", term.Plain(f.Type), term.PlainLines(f.Message))
		for _, line := range f.Stack {
			a.Printf("    %s\n", a.Style.Dim(strings.TrimRight(line, "\n")))
		}
		return
	}
	a.Printf("  %s (%s)\n", a.Style.Red(r.Error), term.Plain(string(r.Kind)))
}

func phaseWords(p dayfly.Phase) string {
	if p == dayfly.PhaseInit {
		return "started"
	}
	return "handled the call"
}
