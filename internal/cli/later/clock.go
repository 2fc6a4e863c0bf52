// SPDX-License-Identifier: Apache-2.0

package later

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func (a *app) clock() *cobra.Command {
	c := &cobra.Command{
		Use: "clock", Short: "Tell the time by which crons are due, or put it forward", Args: term.Exactly(),
		Long: "Tell the time by which crons are due. A node that was started with dayfly up --dev has\n" +
			"a virtual clock: it starts at the real time and runs on with it, and can be put forward.",
		Example: "  dayfly clock\n  dayfly clock advance 3d",
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			clock, err := node.Clock(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(clock)
			}
			note := ""
			if clock.Virtual {
				note = a.Style.Dim("  virtual")
			}
			a.Printf("%s%s\n", clock.Now.UTC().Format(time.RFC3339), note)
			return nil
		},
	}
	c.AddCommand(a.clockAdvance())
	return c
}

func (a *app) clockAdvance() *cobra.Command {
	return &cobra.Command{
		Use: "advance SPAN", Short: "Put the clock of a node for development forward", Args: term.Exactly("SPAN"),
		Long: "Put the clock of a node for development forward: 90s, 12h, 3d. Every cron that becomes\n" +
			"due fires, in order, each at its own time; the command returns when their events were\n" +
			"accepted. Delayed events that are due by then are executed, too.",
		Example: "  dayfly clock advance 3d",
		RunE: func(c *cobra.Command, args []string) error {
			by, err := quantity.ParseDuration(args[0])
			if err != nil {
				return err
			}
			node, err := a.Connect()
			if err != nil {
				return err
			}
			now, fired, err := node.AdvanceClock(c.Context(), by)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"now": now, "fired": fired})
			}
			a.Printf("it is %s; %s\n", now.UTC().Format(time.RFC3339), term.Plural(fired, "event")+" fired")
			return nil
		},
	}
}
