// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) list() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List functions", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			functions, err := node.Functions(c.Context(), dayfly.ProjectName(project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(functions)
			}
			info, err := node.Info(c.Context())
			if err != nil {
				return err
			}
			a.printFunctions(functions, info.GatewayURL)
			return nil
		},
	}
	c.Flags().StringVar(&project, "project", "", "list those of one `PROJECT` only")
	return c
}

func (a *app) printFunctions(functions []dayfly.Function, gateway string) {
	if len(functions) == 0 {
		a.Notef("there are no functions yet; deploy one with: dayfly deploy PATH\n")
		return
	}
	t := term.NewTable("FUNCTION", ">LIVE", ">REVISIONS", "UPDATED", "URL")
	for _, f := range functions {
		live := a.Style.Yellow("none")
		if f.Live > 0 {
			live = strconv.Itoa(f.Live)
		}
		t.Add(a.Style.Bold(term.Plain(f.FunctionRef.String())), live, strconv.Itoa(len(f.Revisions)),
			a.Ago(f.UpdatedAt), term.Plain(gateway+"/function/"+f.FunctionRef.String()))
	}
	t.Write(a.Out, a.Style)
}

func (a *app) rollback() *cobra.Command {
	var project string
	var number int
	c := &cobra.Command{
		Use: "rollback NAME", Short: "Make an earlier revision live again", Args: term.Exactly("NAME"),
		Long: "Make an earlier revision live again: the one that was live before, or the one\n" +
			"with the number that --to gives. Calls in flight end where they are.",
	}
	term.ProjectFlag(c, &project)
	c.Flags().IntVar(&number, "to", 0, "`NUMBER` of the revision")
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if number < 0 {
				return dayfly.Errorf(dayfly.KindInvalid, "--to %d is not the number of a revision", number)
			}
			now, err := node.Rollback(c.Context(), f, number)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(now)
			}
			a.Printf("%s is back at revision %d; revision %d is no longer live\n",
				a.Style.Bold(f.String()), now.Live, now.Previous)
			return nil
		})
	return c
}

func (a *app) evict() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "evict NAME", Short: "Drop the idle instances of a function", Args: term.Exactly("NAME"),
		Long: "Drop the idle instances of a function, so that its next call is a cold one.\n" +
			"Calls in flight are not touched.",
	}
	term.ProjectFlag(c, &project)
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			n, err := node.Evict(c.Context(), f)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]int{"evicted": n})
			}
			a.Printf("%s of %s dropped\n", term.Plural(n, "idle instance"), a.Style.Bold(f.String()))
			return nil
		})
	return c
}

func (a *app) remove() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Args: term.Exactly("NAME"),
		Short: "Delete a function with all its revisions",
	}
	term.ProjectFlag(c, &project)
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Remove(c.Context(), f); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"removed": f.String()})
			}
			a.Printf("%s removed\n", a.Style.Bold(f.String()))
			return nil
		})
	return c
}
