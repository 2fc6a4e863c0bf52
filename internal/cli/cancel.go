// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
)

func (a *app) cancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel ID", Short: "Take an event back", Args: exactly("ID"),
		Long: "Take an event back: one that waits is not executed any more, and an attempt that is\n" +
			"under way is ended. Events of a batch that runs already are not tried again.\n" +
			"What has ended cannot be taken back.",
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.connect()
			if err != nil {
				return err
			}
			life, err := node.CancelEvent(c.Context(), dayfly.EventID(args[0]))
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(life)
			}
			e := life.Event
			if e.State == dayfly.EventCanceled {
				a.printf("%s of %s is canceled\n", plain(string(e.ID)), a.style.bold(plain(e.Function.String())))
				return nil
			}
			a.printf("%s of %s is being canceled\n", plain(string(e.ID)), a.style.bold(plain(e.Function.String())))
			return nil
		},
	}
}
