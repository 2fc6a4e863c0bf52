// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// app has all commands of this package.
type app struct{ *term.Session }

// Commands gives the commands of a session, in the order of their help.
func Commands(s *term.Session) []*cobra.Command {
	a := &app{s}
	return []*cobra.Command{a.routes()}
}

func (a *app) routes() *cobra.Command {
	c := &cobra.Command{
		Use: "routes", Short: "Show and explain the routes of projects",
		Long: "Show and explain the routes of projects: which host, method and path leads where.\n" +
			"Routes are part of dayfly.yaml; dayfly deploy publishes them.",
	}
	c.AddCommand(a.listRoutes(), a.match(), a.removeFront())
	return c
}

func (a *app) listRoutes() *cobra.Command {
	var project string
	c := &cobra.Command{Use: "list", Short: "List routes", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		node, err := a.Connect()
		if err != nil {
			return err
		}
		fronts, err := node.Fronts(c.Context())
		if err != nil {
			return err
		}
		if project != "" {
			fronts = slices.DeleteFunc(fronts, func(f client.Front) bool { return string(f.Project) != project })
		}
		if a.JSON {
			return a.PrintJSON(fronts)
		}
		a.printRoutes(fronts)
		return nil
	}}
	c.Flags().StringVar(&project, "project", "", "only those of this `PROJECT`")
	return c
}

func (a *app) printRoutes(fronts []client.Front) {
	table := term.NewTable("ROUTE", "PROJECT", "GOES TO", "AUTH")
	for _, f := range fronts {
		for _, pattern := range slices.Sorted(maps.Keys(f.Settings.Routes)) {
			route := f.Settings.Routes[pattern].WithEvery(f.Settings.Every)
			table.Add(term.Plain(pattern), term.Plain(string(f.Project)), term.Plain(route.String()),
				term.Plain(strings.Join(route.Auth, ", ")))
		}
	}
	if len(fronts) == 0 {
		a.Notef("there are no routes: routes in a dayfly.yaml make them\n")
		return
	}
	table.Write(a.Out, a.Style)
}

func (a *app) match() *cobra.Command {
	return &cobra.Command{
		Use: "match METHOD URL", Short: "Tell which route a request takes, and why", Args: term.Exactly("METHOD", "URL"),
		Long: "Tell which route a request takes, and why not the others. A URL without a host,\n" +
			"as /orders/7, is for a host that no project names.",
		Example: "  dayfly routes match GET http://shop.localhost/orders/7\n  dayfly routes match POST /orders",
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			match, err := node.MatchRoute(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(match)
			}
			a.printMatch(match)
			return nil
		},
	}
}

func (a *app) printMatch(m client.RouteMatch) {
	a.Printf("%s %s %s\n", term.Plain(m.Method), term.Plain(m.URL), a.Style.Bold(term.Plain(m.Outcome)))
	var rows [][2]string
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, [2]string{label, term.Plain(text)})
		}
	}
	add("route", m.Route)
	add("project", string(m.Project))
	for _, name := range slices.Sorted(maps.Keys(m.Params)) {
		add("{"+term.Plain(name)+"}", m.Params[name])
	}
	for i, rule := range m.Rules {
		rows = append(rows, [2]string{first(i, "rules"), term.Plain(rule)})
	}
	term.WriteRows(a.Out, a.Style, rows)
	if len(m.Candidates) == 0 {
		return
	}
	table := term.NewTable("CANDIDATE", "WHY")
	for _, one := range m.Candidates {
		table.Add(term.Plain(one.Route), term.Plain(one.Why))
	}
	a.Printf("\n")
	table.Write(a.Out, a.Style)
}

func (a *app) removeFront() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "remove", Short: "Take all routes of a project away", Args: cobra.NoArgs,
		Long: "Take the hosts, routes and authenticators of a project away. Its functions answer\nat their own addresses again.",
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			name := dayfly.ProjectName(project)
			if name == "" {
				name = dayfly.DefaultProject
			}
			if err := node.RemoveFront(c.Context(), name); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]bool{"removed": true})
			}
			a.Printf("project %s shows no routes\n", a.Style.Bold(string(name)))
			return nil
		},
	}
	c.Flags().StringVar(&project, "project", "", "`PROJECT` (default \"default\")")
	return c
}
