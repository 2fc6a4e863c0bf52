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
		Use: "explain ID", Short: "Tell why a call was slow, cold or failed", Args: exactly("ID"),
		Long: "Tell everything about one call: which revision and instance served it, whether it\n" +
			"was cold and why, how long each phase took, what it waited for, which limits it\n" +
			"hit, whose fault a failure was, and what it printed.\n\n" +
			"The ID is in the header X-Dayfly-Invocation of every answer, in every log line,\n" +
			"and in the list that dayfly invocations prints.",
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.connect()
			if err != nil {
				return err
			}
			told, err := explain(c.Context(), node, dayfly.InvocationID(args[0]))
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(told)
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
	r, s := e.Record, a.style
	a.printf("%s %s\n\n", s.dim("invocation"), s.bold(string(r.ID)))
	writeRows(a.Out, s, a.callRows(r))
	a.printPhases(r)
	if r.Instance != "" {
		a.section("Used", usedRows(r))
	}
	a.printFault(r)
	if len(e.Logs) > 0 {
		a.printf("\n%s\n", s.bold("Printed"))
		for _, line := range e.Logs {
			text := plain(line.Text)
			if line.Stream == dayfly.StreamStderr {
				text = s.yellow(text)
			}
			after := "+" + span(line.Time.Sub(r.Start))
			a.printf("  %s %-8s %s\n", s.dim(fmt.Sprintf("%9s", after)), plain(string(line.Stream)), text)
		}
	}
	for i, text := range e.Advice {
		if i == 0 {
			a.printf("\n%s\n", s.bold("What to do"))
		}
		a.printf("  %s %s\n", s.green("›"), plain(text))
	}
}

// callRows say what was called, by whom, and what served it.
func (a *app) callRows(r *dayfly.Record) [][2]string {
	s := a.style
	request := plain(r.Method + " " + r.Path)
	if r.Source == dayfly.SourceInvoke {
		request = "event, by dayfly invoke"
	} else if r.Trigger != "" {
		request = "event, by " + plain(string(r.Source)+" "+string(r.Trigger))
	}
	answer := s.green("answered " + strconv.Itoa(r.Status))
	switch {
	case r.Fault == dayfly.FaultGuest:
		answer = s.red("failed")
	case r.Fault != dayfly.FaultNone:
		answer = s.red("refused")
	case r.Status >= 400:
		answer = s.yellow("answered " + strconv.Itoa(r.Status))
	}
	function := s.bold(plain(r.Function.String()))
	if _, number, ok := strings.Cut(string(r.Revision), "@"); ok {
		function += ", revision " + plain(number)
	}
	if r.Runtime != "" {
		function += ", " + plain(string(r.Runtime))
	}
	rows := [][2]string{
		{"function", function},
		{"request", request},
		{"result", answer + " in " + s.bold(span(r.Duration))},
		{"when", r.Start.Local().Format("2006-01-02 15:04:05.000") + " (" + a.ago(r.Start) + ")"},
	}
	if r.Event != "" {
		text := plain(string(r.Event)) + ", attempt " + strconv.Itoa(r.Attempt)
		if r.Batch > 1 {
			text += ", the first of " + strconv.Itoa(r.Batch)
		}
		rows = append(rows, [2]string{"event", text})
	}
	if r.Instance != "" {
		served := "its first call"
		if r.CallsServed > 0 {
			served = "after " + plural(int(r.CallsServed), "earlier call")
		}
		rows = append(rows,
			[2]string{"instance", plain(fmt.Sprintf("%s, %s, on node %s", r.Instance, served, r.Node))},
			[2]string{"start", startText(s, r)})
	}
	if r.Why != "" {
		rows = append(rows, [2]string{"why", plain(r.Why)})
	}
	if r.QueueDepth > 0 {
		rows = append(rows, [2]string{"queue",
			plural(r.QueueDepth, "call") + " waited in front of it when it arrived"})
	}
	return rows
}

// startText says whether the call was cold, in words.
func startText(s style, r *dayfly.Record) string {
	switch r.Cold {
	case dayfly.ColdNone:
		return s.green("warm") + ": an idle instance took it"
	case dayfly.ColdWaited:
		return s.yellow("waited") + ": another call released the instance"
	case dayfly.ColdStem:
		return s.cyan("cold") + ": a booted sandbox was given the code"
	case dayfly.ColdBoot:
		return s.cyan("cold") + ": a sandbox was booted for it"
	}
	return plain(string(r.Cold))
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
	a.printf("\n%s\n", a.style.bold("Phases"))
	t := newTable("", ">", ">", "")
	var began time.Duration
	for _, p := range phases {
		from, to := share(began, total), share(began+p.Duration, total)
		t.add("  "+plain(p.Name), micros(p.Duration), fmt.Sprintf("%.0f %%", (to-from)*100),
			a.style.cyan(bar(from, to, barCells)))
		began += p.Duration
	}
	t.add(a.style.bold("  total"), a.style.bold(micros(r.Duration)), "", "")
	t.write(a.Out, a.style)
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
		{"body", fmt.Sprintf("%s in, %s out", size(r.RequestBytes), size(r.ResponseBytes))},
	}
	if r.MemoryPeakBytes > 0 && r.MemoryLimitBytes > 0 {
		percent := float64(r.MemoryPeakBytes) * 100 / float64(r.MemoryLimitBytes)
		rows = append(rows, [2]string{"memory", fmt.Sprintf("%s at its peak, %.0f %% of the limit of %s",
			size(r.MemoryPeakBytes), percent, dayfly.FormatBytes(r.MemoryLimitBytes))})
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
	a.printf("\n%s\n", a.style.bold("Fault: "+whose[r.Fault]))
	if f := r.Failure; f != nil {
		a.printf("  %s while it %s\n", a.style.red(failureWords(f)), phaseWords(f.Phase))
		a.printf("  %s: %s\n", plain(f.Type), plainLines(f.Message))
		for _, line := range f.Stack {
			a.printf("    %s\n", a.style.dim(strings.TrimRight(line, "\n")))
		}
		return
	}
	a.printf("  %s (%s)\n", a.style.red(r.Error), plain(string(r.Kind)))
}

func phaseWords(p dayfly.Phase) string {
	if p == dayfly.PhaseInit {
		return "started"
	}
	return "handled the call"
}
