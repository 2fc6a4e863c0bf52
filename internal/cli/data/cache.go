// SPDX-License-Identifier: Apache-2.0

package data

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) cache() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "cache", Short: "See and purge the answers that routes keep", Args: term.Exactly(),
		Example: "  dayfly cache show\n" +
			"  dayfly cache purge --url /products/7\n" +
			"  dayfly cache purge --tag prices",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the routes (default \"default\")")
	c.AddCommand(a.cacheShow(&project), a.cachePurge(&project))
	return c
}

func (a *app) cacheShow(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show what is kept, and how often it was of use", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			s, err := node.CacheStats(c.Context(), dayfly.ProjectName(*project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(s)
			}
			a.Printf("%d answers of %d bytes, of at most %d for all projects\n", s.Entries, s.Bytes, s.BytesMax)
			a.Printf("%d hits, %d stale, %d misses, %d past the cache\n", s.Hits, s.Stale, s.Misses, s.Bypassed)
			if len(s.Routes) == 0 {
				return nil
			}
			t := term.NewTable("ROUTE", "ANSWERS", "BYTES")
			for _, r := range s.Routes {
				t.Add(a.Style.Bold(term.Plain(r.Route)), strconv.Itoa(r.Entries), strconv.FormatInt(r.Bytes, 10))
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}

func (a *app) cachePurge(project *string) *cobra.Command {
	var what client.Purge
	c := &cobra.Command{
		Use: "purge", Short: "Forget kept answers", Args: term.Exactly(),
		Long: "Forget kept answers; one of the flags says which. Answers that are on their way are\n" +
			"not kept either.",
	}
	c.Flags().StringVar(&what.Route, "route", "", "those of a `ROUTE`, by its name or pattern")
	c.Flags().StringVar(&what.URL, "url", "", "those of a `URL`, or of a path at all hosts")
	c.Flags().StringVar(&what.Prefix, "prefix", "", "those of all paths that begin with `PREFIX`")
	c.Flags().StringVar(&what.Tag, "tag", "", "those with a `TAG` in Cache-Tag or Surrogate-Key")
	c.Flags().BoolVar(&what.All, "all", false, "all of the project")
	c.RunE = func(c *cobra.Command, _ []string) error {
		node, err := a.Connect()
		if err != nil {
			return err
		}
		n, err := node.PurgeCache(c.Context(), dayfly.ProjectName(*project), what)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]int{"purged": n})
		}
		a.Printf("%d purged\n", n)
		return nil
	}
	return c
}
