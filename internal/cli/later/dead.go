// SPDX-License-Identifier: Apache-2.0

package later

import (
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// bodyShownMax bounds how much of a dead letter's body a person is shown.
const bodyShownMax = 4 << 10

const deadHelp = `Dead letters are events that were given up: every attempt failed, they became too
old, the failure was fatal, or the function is gone. They are kept for 14 days.

  dayfly dead list            what was given up, and why
  dayfly dead show ID         its life and what it holds
  dayfly dead redrive ID      execute it again
  dayfly dead drop ID         delete it`

func (a *app) dead() *cobra.Command {
	c := &cobra.Command{Use: "dead", Short: "Look after events that were given up", Long: deadHelp,
		Args: term.Exactly(), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	for _, sub := range []*cobra.Command{a.deadList(), a.deadShow(), a.deadRedrive(), a.deadDrop()} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

func (a *app) deadList() *cobra.Command {
	var project string
	var limit int
	c := &cobra.Command{
		Use: "list [NAME]", Aliases: []string{"ls"}, Short: "List dead letters, of one function or of all",
		Args: term.AtMost(1), ValidArgsFunction: a.CompleteNames,
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := term.Chosen(args, project)
			if err != nil {
				return err
			}
			node, err := a.Connect()
			if err != nil {
				return err
			}
			letters, err := node.DeadLetters(c.Context(), ref, limit)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(letters)
			}
			a.printLetters(letters)
			return nil
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "list the latest `N`")
	term.ProjectFlag(c, &project)
	return c
}

func (a *app) printLetters(letters []dayfly.EventInfo) {
	if len(letters) == 0 {
		a.Notef("there are no dead letters\n")
		return
	}
	t := term.NewTable("EVENT", "FUNCTION", "GIVEN UP", ">ATTEMPTS", "FROM", "WHY", "LAST ERROR")
	for i := range letters {
		e := &letters[i]
		last := ""
		if n := len(e.Attempts); n > 0 {
			last = a.Style.Red(term.Plain(firstOf(e.Attempts[n-1].Error)))
		}
		t.Add(term.Plain(string(e.ID)), term.Plain(e.Function.String()), a.Ago(e.Ended), strconv.Itoa(len(e.Attempts)),
			sourceText(e), reasonText(e.Reason), last)
	}
	t.Write(a.Out, a.Style)
}

func (a *app) deadShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a dead letter: its life and what it holds", Args: term.Exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			letter, err := node.DeadLetter(c.Context(), dayfly.EventID(args[0]))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(letter)
			}
			a.printLife(&client.Life{Event: &letter.EventInfo})
			a.printHeld(letter)
			return nil
		},
	}
}

// printHeld shows what would be executed again.
func (a *app) printHeld(l *client.DeadLetter) {
	a.Printf("\n%s\n", a.Style.Bold("Event"))
	var body []byte
	switch {
	case l.CloudEvent != nil:
		e := l.CloudEvent
		body = e.Data
		term.WriteRows(a.Out, a.Style, [][2]string{
			{"type", term.Plain(e.Type)}, {"source", term.Plain(e.Source)}, {"subject", term.Plain(e.Subject)}, {"id", term.Plain(e.ID)}})
	case l.Call != nil && l.Call.Kind == dayfly.RequestHTTP:
		body = l.Call.Body
		target := l.Call.Path
		if l.Call.Query != "" {
			target += "?" + l.Call.Query
		}
		term.WriteRows(a.Out, a.Style, [][2]string{{"request", term.Plain(l.Call.Method + " " + target)}})
	case l.Call != nil:
		body = l.Call.Body
	}
	switch {
	case len(body) == 0:
	case !utf8.Valid(body):
		a.Printf("  %s, not text; --json has it in base64\n", term.Size(int64(len(body))))
	case len(body) > bodyShownMax:
		shown := body[:bodyShownMax]
		for !utf8.Valid(shown) {
			shown = shown[:len(shown)-1]
		}
		a.Printf("  %s\n  %s\n", term.PlainLines(string(shown)),
			a.Style.Dim("… "+term.Size(int64(len(body)))+" in all; --json has the rest"))
	default:
		a.Printf("  %s\n", term.PlainLines(string(body)))
	}
}

// picked reads which letters a command is for: IDs, or all of --function.
func picked(ids []string, function, project string) (dayfly.FunctionRef, error) {
	switch {
	case function == "" && project != "":
		return dayfly.FunctionRef{}, dayfly.Errorf(dayfly.KindInvalid, "--project needs --function")
	case (len(ids) == 0) == (function == ""):
		return dayfly.FunctionRef{}, dayfly.Errorf(dayfly.KindInvalid, "want either IDs or --function NAME").
			WithHint("dayfly dead list shows what there is")
	case function == "":
		return dayfly.FunctionRef{}, nil
	}
	return term.Reference(function, project)
}

func (a *app) deadRedrive() *cobra.Command {
	var function, project string
	c := &cobra.Command{
		Use: "redrive [ID...]", Short: "Execute dead letters again",
		Long: "Execute dead letters again, as if they were accepted now, by the revision that is\n" +
			"live: those with the given IDs, or all of one function.",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		ref, err := picked(args, function, project)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		var count int
		if function != "" {
			count, err = node.RedriveAll(c.Context(), ref)
		} else {
			ids := make([]dayfly.EventID, len(args))
			for i, id := range args {
				ids[i] = dayfly.EventID(id)
			}
			count, err = node.Redrive(c.Context(), ids...)
		}
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]int{"redriven": count})
		}
		a.Printf("%s to be executed again\n", term.Plural(count, "event"))
		return nil
	}
	c.Flags().StringVar(&function, "function", "", "all those of the function `NAME`")
	term.ProjectFlag(c, &project)
	return c
}

func (a *app) deadDrop() *cobra.Command {
	var function, project string
	c := &cobra.Command{
		Use: "drop [ID...]", Short: "Delete dead letters for good",
		Long: "Delete dead letters for good: those with the given IDs, or all of one function.",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		ref, err := picked(args, function, project)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		count := len(args)
		if function != "" {
			if count, err = node.DropDeadLetters(c.Context(), ref); err != nil {
				return err
			}
		}
		for _, id := range args {
			if err := node.DropDeadLetter(c.Context(), dayfly.EventID(id)); err != nil {
				return err
			}
		}
		if a.JSON {
			return a.PrintJSON(map[string]int{"dropped": count})
		}
		a.Printf("%s deleted\n", term.Plural(count, "dead letter"))
		return nil
	}
	c.Flags().StringVar(&function, "function", "", "all those of the function `NAME`")
	term.ProjectFlag(c, &project)
	return c
}
