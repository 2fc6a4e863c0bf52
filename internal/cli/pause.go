// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

func (a *app) pause() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "pause NAME", Short: "Keep a function from executing events", Args: exactly("NAME"),
		Long: "Keep a function from executing events, until dayfly resume. They are accepted\n" +
			"meanwhile and kept, also over restarts; attempts under way go on, and calls that\n" +
			"wait for an answer are served as ever.",
	}
	projectFlag(c, &project)
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Pause(c.Context(), f); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]bool{"paused": true})
			}
			a.printf("%s executes no events until: dayfly resume %s\n", a.style.bold(f.String()), f)
			return nil
		})
	return c
}

func (a *app) resume() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "resume NAME", Short: "Let a function execute events again", Args: exactly("NAME"),
	}
	projectFlag(c, &project)
	c.RunE = a.on(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if err := node.Resume(c.Context(), f); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]bool{"paused": false})
			}
			a.printf("%s executes events\n", a.style.bold(f.String()))
			return nil
		})
	return c
}
