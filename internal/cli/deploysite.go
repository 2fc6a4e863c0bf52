// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"reflect"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cli/publish"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// findSite finds the site of a folder without a manifest; nil for what is to be a function:
// other code, and all for which the flags say what function it is or how it is called.
func findSite(path string, o deployOptions, over manifest.Function) (*publish.Site, error) {
	_, has, err := findManifest(path)
	if err != nil || has || o.function != "" || isFunction(over) {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil, nil // what is wrong with it is told when it is read
	}
	site, err := publish.FindSite(path)
	if err != nil || site == nil {
		return nil, err
	}
	name, err := suggestName(path)
	if err != nil {
		return nil, err
	}
	ref, err := target(name, o.project, "")
	if err != nil {
		return nil, err
	}
	site.Project = ref.Project
	if site.Finding.Server != nil {
		site.Function = ref.Name
	} else if !reflect.DeepEqual(over, manifest.Function{}) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is a site without a server: settings of functions do nothing for it", path).
			WithHint("--function NAME has a function serve it")
	}
	return site, nil
}

// isFunction reports whether settings say how code is called.
func isFunction(f manifest.Function) bool {
	return f.Runtime != "" || f.Contract != "" || f.Dialect != "" || f.Entry != "" || len(f.Command) > 0 || len(f.On) > 0
}

// deploySite makes the server of a site live, and then the site.
func (a *app) deploySite(
	ctx context.Context, site *publish.Site, o deployOptions, over manifest.Function,
) error {
	node, err := a.Connect()
	if err != nil {
		return err
	}
	if server := site.Finding.Server; server != nil {
		folder, remove, err := site.Server()
		if err != nil {
			return err
		}
		defer remove()
		settings := manifest.Function{Contract: "http", Command: server.Command, Env: server.Env}
		d := deployment{ref: dayfly.FunctionRef{Project: site.Project, Name: site.Function}, path: folder,
			settings: settings.With(over), routes: site.Routes()}
		if err := a.deployOne(ctx, node, d, o.verbose); err != nil {
			return err
		}
	}
	published, err := site.Publish(ctx, node)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(published)
	}
	site.Print(a.Session, published)
	return nil
}
