// SPDX-License-Identifier: Apache-2.0

package later

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// app has all commands of this package.
type app struct{ *term.Session }

// Groups are commands by where they stand in the help.
type Groups struct {
	Node, Code, See []*cobra.Command
}

// Commands gives the commands of a session.
func Commands(s *term.Session) Groups {
	a := &app{s}
	return Groups{
		Node: []*cobra.Command{a.clock()},
		Code: []*cobra.Command{a.trigger(), a.cron(), a.pause(), a.resume()},
		See:  []*cobra.Command{a.events(), a.dead(), a.cancel()},
	}
}
