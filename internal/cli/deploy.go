// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/later"
	"github.com/dayfly-faas/dayfly/internal/cli/publish"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

const deployHelp = `Deploy code: build it, and make it live once it is ready.

PATH is a single file, a folder or a zip; the current folder when it is not given.
What language it is, how it is called and where it begins is detected, and said. A
folder with a dayfly.yaml deploys all functions of it, or the one of --function, and
makes the queues and buckets that they need first; once all are live, it publishes the
routes and sites of the file.

A folder of web pages, or of a front-end framework that is built, becomes the site of the
project at /; other routes of the project stay. What renders pages on a server becomes a
function behind the site. With --function the folder is a function alone, as other code.

The new revision gets calls once it answered its readiness check. Until then, and
whenever a deploy fails, the revision that was live goes on serving.`

// deployment is one function that is to be deployed.
type deployment struct {
	ref      dayfly.FunctionRef
	path     string
	settings manifest.Function
	routes   []string // that lead to it, and are the only way to it
}

// deployOptions are the flags of deploy.
type deployOptions struct {
	function, project string
	settings          settingFlags
	verbose           bool
}

func (a *app) deploy() *cobra.Command {
	var o deployOptions
	c := &cobra.Command{
		Use: "deploy [PATH]", Short: "Deploy a file, a folder, a zip or a manifest",
		Long: deployHelp, Args: term.AtMost(1),
		Example: "  dayfly deploy hello.py\n" +
			"  dayfly deploy ./shop --function cart --memory 512Mi --env STAGE=live",
		RunE: func(c *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			over, err := o.settings.read(c.Flags())
			if err != nil {
				return err
			}
			pages, err := findSite(path, o, over)
			if err != nil {
				return err
			}
			if pages != nil {
				return a.deploySite(c.Context(), pages, o, over)
			}
			list, needs, err := plan(path, o, over)
			if err != nil {
				return err
			}
			if err := checkSources(list); err != nil {
				return err
			}
			shows, err := a.planFront(c.Context(), path, o)
			if err != nil {
				return err
			}
			node, err := a.Connect()
			if err != nil {
				return err
			}
			if err := shows.CheckNames(c.Context(), node, made(list, needs)); err != nil {
				return err
			}
			if err := a.prepare(c.Context(), node, needs); err != nil {
				return err
			}
			for _, d := range list {
				d.routes = shows.Routes(d.ref.Name)
				if err := a.deployOne(c.Context(), node, d, o.verbose); err != nil {
					return err
				}
			}
			return a.publish(c.Context(), node, shows)
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.function, "function", "", "`NAME` of the function; that of the file or folder by default")
	flags.StringVar(&o.project, "project", "", "`PROJECT` of the function (default \"default\")")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show what the build prints")
	o.settings.register(flags)
	return c
}

// plan finds out what is to be deployed, and what it needs.
func plan(path string, o deployOptions, over manifest.Function) ([]deployment, resources, error) {
	file, has, err := findManifest(path)
	if err != nil {
		return nil, resources{}, err
	}
	var list []deployment
	var m *manifest.Manifest
	if !has {
		list, err = planPath(path, o, over)
	} else if m, err = manifest.Load(file); err == nil {
		list, err = planManifest(m, file, o, over)
	}
	if err != nil {
		return nil, resources{}, err
	}
	needs, err := resourcesOf(m, list)
	if m != nil {
		needs.project = projectOf(o.project, m.Project)
	}
	return list, needs, err
}

// planFront finds out what a manifest shows to the public; nil for nothing, and when one
// function of it is deployed alone.
func (a *app) planFront(ctx context.Context, path string, o deployOptions) (*publish.Plan, error) {
	file, has, err := findManifest(path)
	if err != nil || !has || o.function != "" {
		return nil, err
	}
	m, err := manifest.Load(file)
	if err != nil {
		return nil, err
	}
	project := projectOf(o.project, m.Project)
	shows, err := publish.New(ctx, m, publish.Place{Folder: filepath.Dir(file), Project: project}, a.Env)
	if shows == nil && err == nil {
		shows = &publish.Plan{Project: project} // nothing: what there was goes
	}
	return shows, err
}

// checkSources wants all code to be there before some of it goes live.
func checkSources(list []deployment) error {
	for _, d := range list {
		if _, err := os.Stat(d.path); errors.Is(err, os.ErrNotExist) {
			return dayfly.Errorf(dayfly.KindNotFound, "function %s: %s does not exist", d.ref.Name, d.path).
				WithHint("source in the manifest names the folder or file of its code")
		}
	}
	return nil
}

// made tells what a deploy makes.
func made(list []deployment, needs resources) publish.Made {
	m := publish.Made{Queues: slices.Collect(maps.Keys(needs.queues)),
		Buckets: slices.Collect(maps.Keys(needs.buckets))}
	for _, d := range list {
		m.Functions = append(m.Functions, d.ref.Name)
	}
	return m
}

// publish makes a front what the project shows.
func (a *app) publish(ctx context.Context, node *client.Client, shows *publish.Plan) error {
	if shows == nil {
		return nil
	}
	if shows.Front == nil {
		err := node.RemoveFront(ctx, shows.Project)
		if err == nil {
			a.Notef("project %s shows no routes any more\n", shows.Project)
		}
		if dayfly.KindOf(err) == dayfly.KindNotFound {
			return nil
		}
		return err
	}
	published, err := shows.Send(ctx, node)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(published)
	}
	shows.Print(a.Session, published)
	return nil
}

func planPath(path string, o deployOptions, over manifest.Function) (list []deployment, err error) {
	name := o.function
	if name == "" {
		if name, err = suggestName(path); err != nil {
			return nil, err
		}
	}
	ref, err := target(name, o.project, "")
	return []deployment{{ref: ref, path: path, settings: over}}, err
}

// findManifest finds the manifest that path names or holds.
func findManifest(path string) (string, bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", false, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", path)
		}
		return "", false, dayfly.Errorf(dayfly.KindInvalid, "open %s: %w", path, err)
	}
	if info.IsDir() {
		file, has := manifest.Find(path)
		return file, has, nil
	}
	ext := filepath.Ext(path)
	return path, ext == ".yaml" || ext == ".yml", nil
}

func planManifest(
	m *manifest.Manifest, file string, o deployOptions, over manifest.Function,
) ([]deployment, error) {
	names := m.Names()
	if o.function != "" {
		if !slices.Contains(names, dayfly.FunctionName(o.function)) {
			known := make([]string, len(names))
			for i, n := range names {
				known[i] = string(n)
			}
			return nil, term.WithNames(dayfly.Errorf(dayfly.KindInvalid, "%s has no function %q",
				file, o.function), known)
		}
		names = []dayfly.FunctionName{dayfly.FunctionName(o.function)}
	}
	list := make([]deployment, 0, len(names))
	if len(over.On) > 0 && len(names) > 1 {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"--cron, --on-queue and --on-object are for one function, and %s has %d", file, len(names)).
			WithHint("choose one with --function, or write on into the manifest")
	}
	for _, name := range names {
		ref, err := target(string(name), o.project, m.Project)
		if err != nil {
			return nil, err
		}
		settings := m.Functions[name].With(over)
		path := filepath.Join(filepath.Dir(file), filepath.FromSlash(settings.Source))
		if filepath.IsAbs(settings.Source) {
			path = settings.Source
		}
		settings.Source = "" // of no use to the node: it gets the code itself
		list = append(list, deployment{ref: ref, path: path, settings: settings})
	}
	return list, nil
}

// target gives the function its project: the flag's, the manifest's, or the default.
func target(name, flag string, of dayfly.ProjectName) (dayfly.FunctionRef, error) {
	ref := dayfly.FunctionRef{Project: projectOf(flag, of), Name: dayfly.FunctionName(name)}
	return ref, ref.Validate()
}

// projectOf is the flag's project, the manifest's, or the default.
func projectOf(flag string, of dayfly.ProjectName) dayfly.ProjectName {
	return cmp.Or(dayfly.ProjectName(flag), of, dayfly.DefaultProject)
}

// suggestName names a function after its file or folder.
func suggestName(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", dayfly.Errorf(dayfly.KindInvalid, "open %s: %w", path, err)
	}
	name := filepath.Base(full)
	if info, err := os.Stat(full); err == nil && !info.IsDir() {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return dayfly.SuggestName(name, "function"), nil
}

// deployOne takes one function from source to live.
func (a *app) deployOne(
	ctx context.Context, node *client.Client, d deployment, verbose bool,
) error {
	began := a.Now()
	p := newProgress(a, d.ref, verbose)
	source, err := client.OpenSource(d.path)
	if err != nil {
		return err
	}
	defer source.Close()
	p.stage("upload")
	sent, err := node.Upload(ctx, source)
	if err != nil {
		return p.fail(err)
	}
	p.uploaded(source, sent)
	request := client.DeployRequest{Function: d.ref, Source: source.Digest, Settings: d.settings}
	outcome, err := node.Deploy(ctx, request, p.event)
	if err != nil {
		return p.fail(err)
	}
	p.done()
	if a.JSON {
		return a.PrintJSON(outcome)
	}
	took := a.Now().Sub(began)
	var triggers []client.Trigger
	if outcome.Revision != nil && len(outcome.Revision.Spec.Triggers) > 0 {
		if triggers, err = node.Triggers(ctx, d.ref); err != nil {
			return err
		}
	}
	a.printOutcome(outcome, d.routes, triggers, took)
	return nil
}

func (a *app) printOutcome(
	o *client.Outcome, routes []string, triggers []client.Trigger, took time.Duration,
) {
	name := a.Style.Bold(term.Plain(o.Function.FunctionRef.String()))
	if o.Unchanged {
		a.Printf("%s is unchanged: revision %d has this code and these settings already\n",
			name, o.Function.Live)
	} else {
		a.Printf("%s is live: revision %d, after %s\n", name, o.Function.Live, term.Span(took))
	}
	rows := make([][2]string, 0, len(o.Found)+2)
	for i, found := range o.Found {
		label := ""
		if i == 0 {
			label = "found"
		}
		rows = append(rows, [2]string{label, term.Plain(found)})
	}
	for i, route := range routes {
		label := ""
		if i == 0 {
			label = "routes"
		}
		rows = append(rows, [2]string{label, term.Plain(route)})
	}
	if url := term.Plain(o.URL); len(routes) == 0 {
		rows = append(rows, [2]string{"url", url}, [2]string{"try", "curl " + url})
	}
	term.WriteRows(a.Out, a.Style, append(rows, later.TriggerRows(a.Session, triggers)...))
}
