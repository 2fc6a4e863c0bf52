// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cli/data"
	"github.com/dayfly-faas/dayfly/internal/cli/entry"
	"github.com/dayfly-faas/dayfly/internal/cli/later"
	"github.com/dayfly-faas/dayfly/internal/cli/publish"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// World is what the command line sees of the process that it runs in.
type World = term.World

// Main runs one command and gives its exit code.
func Main(ctx context.Context, args []string, world World) int {
	if len(args) > 0 && args[0] == "guest" {
		return guest(args[1:], world) // first: it runs in a sandbox and must start fast
	}
	a := &app{term.New(world)}
	root := a.root()
	root.SetArgs(args)
	ctx, stop := untilSignal(ctx)
	defer stop()
	err := root.ExecuteContext(ctx)
	if err != nil && !a.Running {
		err = usageError(err)
	}
	a.PrintError(err)
	return term.ExitCode(err)
}

// app has all commands of this package.
type app struct{ *term.Session }

// untilSignal gives a context that ends with the first signal. From then on signals
// are the system's again, so that a second one ends the process.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

const rootHelp = `Dayfly runs functions: deploy code, and it runs on demand.

  dayfly up                 start a node on this machine
  dayfly deploy ./code      build it, make it live, print its URL
  dayfly explain ID         why was this call slow, cold or failed?

A command finds the node by --url and --token, else DAYFLY_URL and DAYFLY_TOKEN,
else the node on this machine (DAYFLY_DATA names its data folder).

Exit codes: 0 done, 1 internal error, 2 wrong usage or input, 3 not found,
4 conflict, 5 no capacity or no node, 6 not allowed, 7 the function failed,
8 timed out, 130 interrupted.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dayfly",
		Short:         "Functions on demand, on any Linux machine",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.Running = true
		},
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&a.URL, "url", "", "management `URL` of the node")
	flags.StringVar(&a.Token, "token", "", "`TOKEN` of the node")
	flags.BoolVar(&a.JSON, "json", false, "answer in JSON")
	late := later.Commands(a.Session)
	groups := []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"node", "The node:", append(late.Node, a.up(), a.doctor(), a.runtimes())},
		{"code", "Functions:", append(late.Code, a.deploy(), a.rollback(), a.list(), a.inspect(),
			a.invoke(), a.evict(), a.remove())},
		{"front", "What the public sees:", publish.Commands(a.Session)},
		{"entry", "Who may come in:", entry.Commands(a.Session)},
		{"state", "Data of functions:", data.Commands(a.Session)},
		{"see", "What happened:", append(late.See, a.logs(), a.invocations(), a.explain())},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			c.Flags().SortFlags = false
			if strings.Contains(c.Use, "NAME") {
				c.ValidArgsFunction = a.CompleteNames
			}
			root.AddCommand(c)
		}
	}
	root.AddCommand(a.version())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return dayfly.Errorf(dayfly.KindInvalid, "%s", err.Error()).
			WithHint("see: %s --help", c.CommandPath())
	})
	return root
}

// usageError gives errors of cobra the kind they have.
func usageError(err error) error {
	var known *dayfly.Error
	if errors.As(err, &known) {
		return err
	}
	message, suggestion, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n\n")
	wrong := dayfly.Errorf(dayfly.KindInvalid, "%s", message)
	if words := strings.Fields(suggestion); len(words) > 0 {
		return wrong.WithHint("did you mean: dayfly %s", words[len(words)-1])
	}
	return wrong.WithHint("see: dayfly --help")
}
