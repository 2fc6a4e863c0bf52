// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) runtimes() *cobra.Command {
	return &cobra.Command{
		Use: "runtimes", Short: "List the languages that the node can run", Args: term.Exactly(),
		Long: "List the languages that the node can run: what it found among the packages of its\n" +
			"distribution, in /usr/local and with version managers. A deploy chooses by itself;\n" +
			"deploy --runtime chooses another.",
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			runtimes, err := node.Runtimes(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(runtimes)
			}
			a.printRuntimes(runtimes)
			return nil
		},
	}
}

func (a *app) printRuntimes(runtimes []client.Runtime) {
	t := term.NewTable("RUNTIME", "LANGUAGE", "VERSION", "FROM", "PATH", "")
	for _, r := range runtimes {
		note := ""
		if r.Default {
			note = a.Style.Green("default")
		}
		t.Add(a.Style.Bold(term.Plain(string(r.Name))), term.Plain(r.Language), term.Plain(r.Version),
			term.Plain(r.Source), term.Plain(r.Path), note)
	}
	t.Write(a.Out, a.Style)
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program and of the node", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			told := map[string]string{"version": a.Version, "go": runtime.Version(),
				"platform": runtime.GOOS + "/" + runtime.GOARCH}
			// Without a node, the program still has a version.
			if node, err := a.Connect(); err == nil {
				if info, err := node.Info(c.Context()); err == nil {
					told["node"], told["node_version"] = string(info.Node), info.Version
				}
			}
			if a.JSON {
				return a.PrintJSON(told)
			}
			a.Printf("dayfly %s, %s, %s\n", told["version"], told["go"], told["platform"])
			if told["node"] != "" {
				a.Printf("node   %s, %s\n", term.Plain(told["node_version"]), term.Plain(told["node"]))
			}
			return nil
		},
	}
}
