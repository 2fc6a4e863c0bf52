// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/node"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
)

// needed names the mechanisms without which no function can run; all others make it
// safer or faster.
var needed = []string{"user namespace", "pid namespace", "mount namespace"}

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Tell what isolation the host gives, and how to get the rest",
		Args: term.Exactly(),
		Long: "Tell, mechanism by mechanism, what isolation the host gives, and how to get the\n" +
			"rest. It asks the node that is up; when none is, it examines this host.\n\n" +
			"The exit code is 5 when functions cannot run at all.",
		RunE: func(c *cobra.Command, _ []string) error {
			features, where, err := a.examine(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				err = a.PrintJSON(map[string]any{"of": where, "features": features})
			} else {
				a.printFeatures(features, where)
			}
			return errors.Join(err, able(features))
		},
	}
}

// examine asks the node, or looks at this host when there is none.
func (a *app) examine(ctx context.Context) ([]client.Feature, string, error) {
	if c, err := a.Connect(); err == nil {
		features, err := c.Features(ctx)
		chosen := a.URL != "" || a.Env("DAYFLY_URL") != ""
		if err == nil || dayfly.KindOf(err) != dayfly.KindUnavailable || chosen {
			return features, "the node at " + c.URL(), err
		}
	}
	if process.NeedsUserNamespace() {
		return nil, "", a.again()
	}
	found, err := node.HostFeatures(ctx)
	if err != nil {
		return nil, "", err
	}
	features := make([]client.Feature, len(found))
	for i, f := range found {
		features[i] = client.Feature(f)
	}
	return features, "this host", nil
}

func (a *app) printFeatures(features []client.Feature, where string) {
	a.Printf("isolation of %s\n\n", term.Plain(where))
	rows := term.NewTable("", "", "")
	for i, f := range features {
		mark := a.Style.Green("✓")
		if !f.Given {
			mark = a.Style.Yellow("✗")
		}
		rows.Add("  "+mark, term.Plain(f.Name), term.Plain(f.Detail))
		again := i+1 < len(features) && features[i+1].Remedy == f.Remedy
		if !f.Given && f.Remedy != "" && !again {
			rows.Add("", "", a.Style.Dim("› "+term.Plain(f.Remedy)))
		}
	}
	rows.Write(a.Out, a.Style)
	missing := 0
	for _, f := range features {
		if !f.Given {
			missing++
		}
	}
	if missing == 0 {
		a.Printf("\n%s\n", a.Style.Green("Functions run with all isolation that Dayfly knows."))
	} else if able(features) == nil {
		a.Printf("\n%s\n", a.Style.Yellow("Functions run, without what is missing above."))
	}
}

// able tells why functions cannot run at all.
func able(features []client.Feature) error {
	for _, f := range features {
		if !f.Given && slices.Contains(needed, f.Name) {
			return dayfly.Errorf(dayfly.KindUnavailable, "functions cannot run: %s is missing: %s",
				f.Name, f.Detail).WithHint("%s", f.Remedy)
		}
	}
	return nil
}
