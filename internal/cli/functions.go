// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// completeTimeout is how long a person waits for a Tab.
const completeTimeout = time.Second

// suggestMax is how many names a hint holds before it is of no help.
const suggestMax = 12

// projectFlag names the project of NAME; NAME.PROJECT says the same.
func projectFlag(c *cobra.Command, project *string) {
	c.Flags().StringVar(project, "project", "", "`PROJECT` of the function (default \"default\")")
}

// on makes the body of a command that is about one function.
func (a *app) on(
	project *string, do func(*cobra.Command, *client.Client, dayfly.FunctionRef) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ref, err := reference(args[0], *project)
		if err != nil {
			return err
		}
		node, err := a.connect()
		if err != nil {
			return err
		}
		return suggest(c.Context(), node, ref, do(c, node, ref))
	}
}

// suggest adds to an error about a function that does not exist which ones do.
func suggest(
	ctx context.Context, node *client.Client, ref dayfly.FunctionRef, err error,
) error {
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		return err
	}
	functions, listErr := node.Functions(ctx, "")
	if listErr != nil || len(functions) > suggestMax {
		return err // the first error is the one that counts
	}
	names := make([]string, len(functions))
	for i, f := range functions {
		if f.FunctionRef == ref {
			return err
		}
		names[i] = f.FunctionRef.String()
	}
	return withNames(err, names)
}

// completeNames offers the names of functions to a shell that completes.
func (a *app) completeNames(
	c *cobra.Command, args []string, _ string,
) ([]string, cobra.ShellCompDirective) {
	node, err := a.connect()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completeTimeout)
	defer cancel()
	functions, err := node.Functions(ctx, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.FunctionRef.String()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) list() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List functions", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.connect()
			if err != nil {
				return err
			}
			functions, err := node.Functions(c.Context(), dayfly.ProjectName(project))
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(functions)
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
		a.notef("there are no functions yet; deploy one with: dayfly deploy PATH\n")
		return
	}
	t := newTable("FUNCTION", ">LIVE", ">REVISIONS", "UPDATED", "URL")
	for _, f := range functions {
		live := a.style.yellow("none")
		if f.Live > 0 {
			live = strconv.Itoa(f.Live)
		}
		t.add(a.style.bold(plain(f.FunctionRef.String())), live, strconv.Itoa(len(f.Revisions)),
			a.ago(f.UpdatedAt), plain(gateway+"/function/"+f.FunctionRef.String()))
	}
	t.write(a.Out, a.style)
}

func (a *app) rollback() *cobra.Command {
	var project string
	var number int
	c := &cobra.Command{
		Use: "rollback NAME", Short: "Make an earlier revision live again", Args: exactly("NAME"),
		Long: "Make an earlier revision live again: the one that was live before, or the one\n" +
			"with the number that --to gives. Calls in flight end where they are.",
	}
	projectFlag(c, &project)
	c.Flags().IntVar(&number, "to", 0, "`NUMBER` of the revision")
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if number < 0 {
				return dayfly.Errorf(dayfly.KindInvalid, "--to %d is not the number of a revision", number)
			}
			now, err := node.Rollback(c.Context(), f, number)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(now)
			}
			a.printf("%s is back at revision %d; revision %d is no longer live\n",
				a.style.bold(f.String()), now.Live, now.Previous)
			return nil
		})
	return c
}

func (a *app) evict() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "evict NAME", Short: "Drop the idle instances of a function", Args: exactly("NAME"),
		Long: "Drop the idle instances of a function, so that its next call is a cold one.\n" +
			"Calls in flight are not touched.",
	}
	projectFlag(c, &project)
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			n, err := node.Evict(c.Context(), f)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]int{"evicted": n})
			}
			a.printf("%s of %s dropped\n", plural(n, "idle instance"), a.style.bold(f.String()))
			return nil
		})
	return c
}

func (a *app) remove() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Args: exactly("NAME"),
		Short: "Delete a function with all its revisions",
	}
	projectFlag(c, &project)
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Remove(c.Context(), f); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"removed": f.String()})
			}
			a.printf("%s removed\n", a.style.bold(f.String()))
			return nil
		})
	return c
}

// withNames adds what exists to the hint of an error about a function that does not.
func withNames(err error, known []string) error {
	var e *dayfly.Error
	if !errors.As(err, &e) || e.Hint != "" || len(known) == 0 {
		return err
	}
	return e.WithHint("there are: %s", joined(known))
}
