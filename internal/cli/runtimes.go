// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly/client"
)

func (a *app) runtimes() *cobra.Command {
	return &cobra.Command{
		Use: "runtimes", Short: "List the languages that the node can run", Args: exactly(),
		Long: "List the languages that the node can run: what it found among the packages of its\n" +
			"distribution, in /usr/local and with version managers. A deploy chooses by itself;\n" +
			"deploy --runtime chooses another.",
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.connect()
			if err != nil {
				return err
			}
			runtimes, err := node.Runtimes(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(runtimes)
			}
			a.printRuntimes(runtimes)
			return nil
		},
	}
}

func (a *app) printRuntimes(runtimes []client.Runtime) {
	t := newTable("RUNTIME", "LANGUAGE", "VERSION", "FROM", "PATH", "")
	for _, r := range runtimes {
		note := ""
		if r.Default {
			note = a.style.green("default")
		}
		t.add(a.style.bold(plain(string(r.Name))), plain(r.Language), plain(r.Version),
			plain(r.Source), plain(r.Path), note)
	}
	t.write(a.Out, a.style)
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program and of the node", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			told := map[string]string{"version": a.Version, "go": runtime.Version(),
				"platform": runtime.GOOS + "/" + runtime.GOARCH}
			// Without a node, the program still has a version.
			if node, err := a.connect(); err == nil {
				if info, err := node.Info(c.Context()); err == nil {
					told["node"], told["node_version"] = string(info.Node), info.Version
				}
			}
			if a.json {
				return a.printJSON(told)
			}
			a.printf("dayfly %s, %s, %s\n", told["version"], told["go"], told["platform"])
			if told["node"] != "" {
				a.printf("node   %s, %s\n", plain(told["node_version"]), plain(told["node"]))
			}
			return nil
		},
	}
}
