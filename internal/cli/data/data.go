// SPDX-License-Identifier: Apache-2.0

package data

import (
	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// app has all commands of this package.
type app struct{ *term.Session }

// Commands gives the commands of a session, in the order of their help.
func Commands(s *term.Session) []*cobra.Command {
	a := &app{s}
	return []*cobra.Command{a.queue(), a.bucket(), a.object(), a.kv(), a.cache()}
}
