// SPDX-License-Identifier: Apache-2.0

package later

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) cancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel ID", Short: "Take an event back", Args: term.Exactly("ID"),
		Long: "Take an event back: one that waits is not executed any more, and an attempt that is\n" +
			"under way is ended. Events of a batch that runs already are not tried again.\n" +
			"What has ended cannot be taken back.",
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			life, err := node.CancelEvent(c.Context(), dayfly.EventID(args[0]))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(life)
			}
			e := life.Event
			if e.State == dayfly.EventCanceled {
				a.Printf("%s of %s is canceled\n", term.Plain(string(e.ID)), a.Style.Bold(term.Plain(e.Function.String())))
				return nil
			}
			a.Printf("%s of %s is being canceled\n", term.Plain(string(e.ID)), a.Style.Bold(term.Plain(e.Function.String())))
			return nil
		},
	}
}
