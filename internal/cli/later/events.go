// SPDX-License-Identifier: Apache-2.0

package later

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
	// followPeriod is how often a node is asked for news of events.
	followPeriod = 500 * time.Millisecond
	// followedMax is how many of the latest events are followed.
	followedMax = 500
)

const eventsHelp = `List the events that functions were to execute, newest first, or tell the life of one:
when it was accepted, each attempt with its invocation, how long it waited, its end.

An event is an asynchronous invocation, or what a trigger made of a message, a due
time, a changed object or value, or a webhook.

States: pending, delayed (it waits for its time or its next attempt), running,
succeeded, dead (given up: see dayfly dead), canceled.`

func (a *app) events() *cobra.Command {
	var project, since, state string
	var follow bool
	query := client.EventQuery{}
	c := &cobra.Command{
		Use: "events [NAME | ID]", Short: "Tell what became of events", Args: term.AtMost(1), Long: eventsHelp,
		Example: "  dayfly events resize --state dead\n  dayfly events 0199f2a0-5c1e-7abc-9def-0123456789ab --follow",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		node, err := a.Connect()
		if err != nil {
			return err
		}
		if len(args) == 1 && isEventID(args[0]) {
			if project != "" || since != "" || state != "" {
				return dayfly.Errorf(dayfly.KindInvalid, "one event is asked for: there is no use for other flags")
			}
			return a.showEvent(c.Context(), node, dayfly.EventID(args[0]), follow)
		}
		if query.Function, err = term.Chosen(args, project); err != nil {
			return err
		}
		if query.Since, err = a.Since(since); err != nil {
			return err
		}
		query.State = dayfly.EventState(state)
		if query.Limit < 1 {
			return dayfly.Errorf(dayfly.KindInvalid, "--limit %d is not a number of events", query.Limit)
		}
		if follow {
			return a.followEvents(c.Context(), node, query)
		}
		return a.listEvents(c.Context(), node, query)
	}
	flags := c.Flags()
	flags.StringVar(&state, "state", "", "list those in this `STATE`")
	flags.StringVar(&since, "since", "", "list those accepted since `TIME`: 10m, 2h or 2026-01-31T09:00:00Z")
	flags.IntVarP(&query.Limit, "limit", "n", 20, "list the latest `N`")
	flags.BoolVarP(&follow, "follow", "f", false, "go on as things happen")
	term.ProjectFlag(c, &project)
	return c
}

// isEventID tells an identity from a name, which begins with a letter and is not as long.
func isEventID(text string) bool {
	return len(text) == 36 && strings.Count(text, "-") == 4 && text[8] == '-'
}

func (a *app) listEvents(ctx context.Context, node *client.Client, q client.EventQuery) error {
	events, err := node.Events(ctx, q)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(events)
	}
	if len(events) == 0 {
		return a.noEvents(ctx, node, q)
	}
	t := term.NewTable("EVENT", "FUNCTION", "WHEN", "STATE", ">ATTEMPTS", "FROM", "")
	for i := range events {
		e := &events[i]
		t.Add(term.Plain(string(e.ID)), term.Plain(e.Function.String()), a.Ago(e.Accepted), a.stateText(e.State),
			strconv.Itoa(len(e.Attempts)), sourceText(e), a.noteText(e))
	}
	t.Write(a.Out, a.Style)
	return nil
}

// noEvents says that there are none; when a function was named that does not exist either,
// that is the error.
func (a *app) noEvents(ctx context.Context, node *client.Client, q client.EventQuery) error {
	if q.Function.Name != "" {
		if _, err := node.Inspect(ctx, q.Function); err != nil {
			return term.Suggest(ctx, node, q.Function, err)
		}
	}
	if q.Function.Name == "" && q.State == "" && q.Since.IsZero() {
		a.Notef("there are no events yet; make one with: dayfly invoke NAME --async\n")
		return nil
	}
	a.Notef("there are no such events\n")
	return nil
}

// stateText colours a state.
func (a *app) stateText(state dayfly.EventState) string {
	text := term.Plain(string(state))
	switch state {
	case dayfly.EventDone:
		return a.Style.Green(text)
	case dayfly.EventDead:
		return a.Style.Red(text)
	case dayfly.EventDelayed, dayfly.EventCanceled:
		return a.Style.Yellow(text)
	}
	return text
}

// sourceText says where an event came from.
func sourceText(e *dayfly.EventInfo) string {
	text := term.Plain(string(e.Source))
	if e.Trigger != "" && string(e.Trigger) != string(e.Source) {
		text += " " + term.Plain(string(e.Trigger))
	}
	return text
}

// noteText says what there is to know beside the state, in a few words.
func (a *app) noteText(e *dayfly.EventInfo) string {
	switch {
	case e.State == dayfly.EventDelayed:
		return "due " + a.dueIn(nextDue(e))
	case e.State == dayfly.EventDead:
		return reasonText(e.Reason)
	case e.State == dayfly.EventPending && len(e.Attempts) > 0:
		return "to be tried again"
	}
	return ""
}

// nextDue is when something happens to a delayed event.
func nextDue(e *dayfly.EventInfo) time.Time {
	if n := len(e.Attempts); n > 0 && !e.Attempts[n-1].Next.IsZero() {
		return e.Attempts[n-1].Next
	}
	return e.After
}

// dueIn tells how long it is to t.
func (a *app) dueIn(t time.Time) string {
	d := t.Sub(a.Now())
	if t.IsZero() || d < 0 {
		return "now"
	}
	if d < time.Minute {
		return "in " + term.Span(d.Truncate(100*time.Millisecond))
	}
	return "in " + term.Whole(d)
}

func reasonText(r dayfly.DeadReason) string {
	words := map[dayfly.DeadReason]string{
		dayfly.DeadAttempts: "every attempt failed",
		dayfly.DeadAge:      "it became too old",
		dayfly.DeadFatal:    "no attempt could succeed",
		dayfly.DeadRemoved:  "the function, or its trigger, is gone",
	}
	if text, ok := words[r]; ok {
		return text
	}
	return term.Plain(string(r))
}

// showEvent tells the life of one event, and with follow how it goes on.
func (a *app) showEvent(ctx context.Context, node *client.Client, id dayfly.EventID, follow bool) error {
	if follow {
		return a.followEvent(ctx, node, id)
	}
	life, err := node.Event(ctx, id)
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		if _, other := node.Invocation(ctx, dayfly.InvocationID(id)); other == nil {
			return dayfly.Errorf(dayfly.KindNotFound, "%s is an invocation, not an event", id).
				WithHint("dayfly explain %s", id)
		}
	}
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(life)
	}
	a.printLife(life)
	return nil
}

func (a *app) printLife(life *client.Life) {
	e, s := life.Event, a.Style
	a.Printf("%s %s\n\n", s.Dim("event"), s.Bold(term.Plain(string(e.ID))))
	rows := [][2]string{
		{"function", s.Bold(term.Plain(e.Function.String()))},
		{"from", sourceText(e)},
		{"state", a.stateText(e.State)},
	}
	if note := a.noteText(e); note != "" {
		rows[2][1] += ", " + note
	}
	if e.Type != "" {
		rows = append(rows, [2]string{"type", strings.TrimSpace(term.Plain(e.Type + " " + e.Subject))})
	}
	if e.Key != "" {
		rows = append(rows, [2]string{"key", term.Plain(e.Key)})
	}
	rows = append(rows, [2]string{"body", term.Size(e.Bytes)})
	if e.Delivered != "" {
		rows = append(rows, [2]string{"delivered", term.Plain(e.Delivered)})
	}
	term.WriteRows(a.Out, s, rows)
	a.Printf("\n%s\n", s.Bold("Life"))
	for _, step := range a.steps(e) {
		a.printStep(e, step)
	}
	switch {
	case e.State == dayfly.EventDead:
		a.Printf("\n%s\n  %s dayfly dead redrive %s\n", s.Bold("What to do"), s.Green("›"), term.Plain(string(e.ID)))
	case len(e.Attempts) > 0 && e.State == dayfly.EventDelayed:
		last := e.Attempts[len(e.Attempts)-1]
		a.Printf("\n%s\n  %s dayfly explain %s\n", s.Bold("What to do"), s.Green("›"), term.Plain(string(last.Invocation)))
	}
}

// step is something that happened to an event.
type step struct {
	at   time.Time
	text string
}

// steps gives what happened so far, in order.
func (a *app) steps(e *dayfly.EventInfo) []step {
	list := []step{{e.Accepted, "accepted"}}
	if e.After.After(e.Accepted) {
		list[0].text += ", due " + e.After.Local().Format("2006-01-02 15:04:05")
	}
	for i := range e.Attempts {
		list = append(list, step{e.Attempts[i].Start, a.attemptText(&e.Attempts[i])})
	}
	if !e.Ended.IsZero() {
		text := a.stateText(e.State)
		if e.State == dayfly.EventDead {
			text += ": " + reasonText(e.Reason)
		}
		list = append(list, step{e.Ended, text})
	}
	return list
}

func (a *app) attemptText(t *dayfly.Attempt) string {
	outcome := a.Style.Green("succeeded")
	switch {
	case t.Error != "" || t.Fault != dayfly.FaultNone:
		outcome = a.Style.Red("failed")
	case t.Status > 0:
		outcome = a.Style.Green("answered " + strconv.Itoa(t.Status))
	}
	text := fmt.Sprintf("attempt %d  %s  %s in %s", t.Number, a.Style.Dim(term.Plain(string(t.Invocation))), outcome, term.Span(t.Duration))
	if t.Error != "" {
		text += ": " + term.Plain(firstOf(t.Error))
	}
	switch {
	case t.Fatal:
		text += "; another could not help"
	case !t.Next.IsZero():
		text += "; the next " + term.Span(t.Next.Sub(t.Start.Add(t.Duration)).Truncate(time.Millisecond)) + " later"
	}
	return text
}

// firstOf gives the first line of text, cut to what fits beside the rest.
func firstOf(text string) string {
	const most = 120
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (a *app) printStep(e *dayfly.EventInfo, s step) {
	after := "+" + term.Span(s.at.Sub(e.Accepted))
	if s.at.Equal(e.Accepted) {
		after = s.at.Local().Format("15:04:05.000")
	}
	a.Printf("  %s  %s\n", a.Style.Dim(fmt.Sprintf("%12s", after)), s.text)
}

// followEvent tells the life of an event as it goes on, to its end.
func (a *app) followEvent(ctx context.Context, node *client.Client, id dayfly.EventID) error {
	told := 0
	life, err := a.untilEnd(ctx, node, id, func(e *dayfly.EventInfo) {
		steps := a.steps(e)
		for ; told < len(steps) && !a.JSON; told++ {
			a.printStep(e, steps[told])
		}
	})
	if dayfly.KindOf(err) == dayfly.KindCanceled {
		return nil // Ctrl-C is how one stops to follow
	}
	if err == nil && a.JSON {
		return a.PrintJSON(life)
	}
	return err
}

// untilEnd asks for an event until it has ended, and shows each answer.
func (a *app) untilEnd(
	ctx context.Context, node *client.Client, id dayfly.EventID, show func(*dayfly.EventInfo),
) (*client.Life, error) {
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	for {
		life, err := node.Event(ctx, id)
		if err != nil {
			return nil, err
		}
		show(life.Event)
		if !life.Event.Ended.IsZero() {
			return life, nil
		}
		select {
		case <-ctx.Done():
			return nil, dayfly.Errorf(dayfly.KindCanceled, "stopped: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// followEvents prints a line for each change of the latest events.
func (a *app) followEvents(ctx context.Context, node *client.Client, q client.EventQuery) error {
	if q.Since.IsZero() {
		q.Since = a.Now()
	}
	state := q.State
	q.State, q.Limit = "", followedMax // an event leaves a state only while it is looked at
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	seen := map[dayfly.EventID]string{}
	for {
		events, err := node.Events(ctx, q)
		if dayfly.KindOf(err) == dayfly.KindCanceled {
			return nil
		}
		if err != nil {
			return err
		}
		now := make(map[dayfly.EventID]string, len(events))
		for i := len(events) - 1; i >= 0; i-- {
			e := &events[i]
			now[e.ID] = fmt.Sprint(e.State, len(e.Attempts))
			if now[e.ID] == seen[e.ID] || state != "" && e.State != state {
				continue
			}
			if err := a.printTurn(e); err != nil {
				return err
			}
		}
		seen = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// printTurn tells how one event stands now, in one line.
func (a *app) printTurn(e *dayfly.EventInfo) error {
	if a.JSON {
		return a.PrintJSON(e)
	}
	text := a.stateText(e.State)
	if n := len(e.Attempts); n > 0 {
		text += ", " + a.attemptText(&e.Attempts[n-1])
	}
	if note := a.noteText(e); note != "" {
		text += ", " + note
	}
	a.Printf("%s %s %s %s\n", a.Style.Dim(a.Now().Local().Format("15:04:05.000")),
		a.Style.Bold(term.Plain(e.Function.String())), a.Style.Dim(term.Plain(string(e.ID))), text)
	return nil
}
