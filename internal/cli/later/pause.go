// SPDX-License-Identifier: Apache-2.0

package later

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) pause() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "pause NAME", Short: "Keep a function from executing events", Args: term.Exactly("NAME"),
		Long: "Keep a function from executing events, until dayfly resume. They are accepted\n" +
			"meanwhile and kept, also over restarts; attempts under way go on, and calls that\n" +
			"wait for an answer are served as ever.",
	}
	term.ProjectFlag(c, &project)
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Pause(c.Context(), f); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]bool{"paused": true})
			}
			a.Printf("%s executes no events until: dayfly resume %s\n", a.Style.Bold(f.String()), f)
			return nil
		})
	return c
}

func (a *app) resume() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "resume NAME", Short: "Let a function execute events again", Args: term.Exactly("NAME"),
	}
	term.ProjectFlag(c, &project)
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Resume(c.Context(), f); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]bool{"paused": false})
			}
			a.Printf("%s executes events\n", a.Style.Bold(f.String()))
			return nil
		})
	return c
}
