// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/config"
)

// World is what the command line sees of the process that it runs in.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Env      config.Environment
	// Version is what this program says of itself.
	Version string
}

// Main runs one command and gives its exit code.
func Main(ctx context.Context, args []string, world World) int {
	if len(args) > 0 && args[0] == "guest" {
		return guest(args[1:], world) // first: it runs in a sandbox and must start fast
	}
	a := newApp(world)
	root := a.root()
	root.SetArgs(args)
	ctx, stop := untilSignal(ctx)
	defer stop()
	err := root.ExecuteContext(ctx)
	if err != nil && !a.running {
		err = usageError(err)
	}
	a.printError(err)
	return exitCode(err)
}

// untilSignal gives a context that ends with the first signal. From then on signals
// are the system's again, so that a second one ends the process.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// app is one run of the command line.
type app struct {
	World
	style style // of Out
	alert style // of Err
	now   func() time.Time

	url, token string
	json       bool
	running    bool // a command began: errors are no longer about usage
}

func newApp(world World) *app {
	return &app{World: world, now: time.Now,
		style: styleFor(world.Out, world.Env), alert: styleFor(world.Err, world.Env)}
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
			a.running = true
		},
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&a.url, "url", "", "management `URL` of the node")
	flags.StringVar(&a.token, "token", "", "`TOKEN` of the node")
	flags.BoolVar(&a.json, "json", false, "answer in JSON")
	groups := []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"node", "The node:", []*cobra.Command{a.up(), a.doctor(), a.runtimes(), a.clock()}},
		{"code", "Functions:", []*cobra.Command{a.deploy(), a.rollback(), a.list(), a.inspect(),
			a.invoke(), a.trigger(), a.cron(), a.pause(), a.resume(), a.evict(), a.remove()}},
		{"state", "Data of functions:", []*cobra.Command{a.queue(), a.bucket(), a.object(), a.kv()}},
		{"see", "What happened:", []*cobra.Command{a.logs(), a.invocations(), a.explain(), a.events(), a.dead(), a.cancel()}},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			c.Flags().SortFlags = false
			if strings.Contains(c.Use, "NAME") {
				c.ValidArgsFunction = a.completeNames
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

// connect gives a client of the node that was chosen.
func (a *app) connect() (*client.Client, error) {
	given := config.Endpoint{URL: a.url, Token: a.token}
	found, err := config.Find(given, config.DataDir(a.Env), a.Env)
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{URL: found.URL, Token: found.Token,
		UserAgent: "dayfly/" + a.Version})
}

// exactly refuses any other number of arguments, and says what they are.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return dayfly.Errorf(dayfly.KindInvalid, "%s takes no arguments, not %q",
				c.CommandPath(), args[0]).WithHint("see: %s --help", c.CommandPath())
		}
		return dayfly.Errorf(dayfly.KindInvalid, "%s needs %s", c.CommandPath(),
			strings.Join(names, " and ")).WithHint("usage: %s", c.UseLine())
	}
}

// atMost refuses more than n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return dayfly.Errorf(dayfly.KindInvalid, "there is no use for %q", args[n]).
			WithHint("usage: %s", c.UseLine())
	}
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

// reference reads NAME or NAME.PROJECT; a project that a flag gave must not differ.
func reference(text, project string) (dayfly.FunctionRef, error) {
	ref, err := dayfly.ParseFunctionRef(text)
	if err != nil || project == "" {
		return ref, err
	}
	if strings.Contains(text, ".") && string(ref.Project) != project {
		return ref, dayfly.Errorf(dayfly.KindInvalid,
			"%s names project %s, and --project names %s", text, ref.Project, project)
	}
	ref.Project = dayfly.ProjectName(project)
	return ref, ref.Validate()
}
