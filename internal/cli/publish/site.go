// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/build/webapp"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// siteRoute is the route of a site that has no manifest.
	siteRoute = "/{path...}"
	// mergesMax bounds how often a front is read again because somebody else changed it.
	mergesMax = 5
)

// Site is a site that a folder holds, of which no manifest tells.
type Site struct {
	webapp.Finding
	// Project gets it, and Function is the server behind it, if it has one.
	Project  dayfly.ProjectName
	Function dayfly.FunctionName
	folder   string
}

// FindSite finds the site of a folder; nil when it holds none. One that is not built is
// refused.
func FindSite(folder string) (*Site, error) {
	found, ok := webapp.Find(os.DirFS(folder))
	if !ok {
		return nil, nil
	}
	if !found.Built {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is made with %s, and is not built", folder, found.Framework).
			WithHint("run %s there and deploy again, or have the node build it, as a function: --function NAME", found.Build)
	}
	return &Site{Finding: found, folder: folder}, nil
}

// Routes gives the routes that lead to the site.
func (s *Site) Routes() []string { return []string{siteRoute} }

// Server puts what the server needs into a folder of its own.
func (s *Site) Server() (folder string, remove func(), err error) {
	return gathered(func(into string) error { return s.Finding.Server.Gather(s.folder, into) })
}

// gathered makes a folder for what is sent.
func gathered(gather func(into string) error) (folder string, remove func(), err error) {
	if folder, err = os.MkdirTemp("", "dayfly-site-"); err != nil {
		return "", nil, dayfly.Errorf(dayfly.KindInternal, "make folder for the site: %w", err)
	}
	remove = func() { _ = os.RemoveAll(folder) }
	if err = gather(folder); err != nil {
		remove()
		return "", nil, err
	}
	return folder, remove, nil
}

// Publish uploads the site and makes it that of its project. The project's other routes stay.
func (s *Site) Publish(ctx context.Context, node *client.Client) (client.Front, error) {
	folder, remove, err := gathered(func(into string) error { return webapp.Gather(s.folder, s.Finding.Site, into) })
	if err != nil {
		return client.Front{}, err
	}
	defer remove()
	digest, err := upload(ctx, node, folder)
	if err != nil {
		return client.Front{}, err
	}
	var published client.Front
	for range mergesMax {
		var before client.Front
		before, err = node.Front(ctx, s.Project)
		if err != nil && dayfly.KindOf(err) != dayfly.KindNotFound {
			return client.Front{}, err
		}
		next, refused := s.merge(before.Settings, digest)
		if refused != nil {
			return client.Front{}, refused
		}
		published, err = node.ReplaceFront(ctx, s.Project, next, before.Version)
		if dayfly.KindOf(err) != dayfly.KindConflict {
			break
		}
	}
	return published, err
}

// merge gives a front in which the route of the site leads to it; what else its owner said
// of the route and of the project stays.
func (s *Site) merge(before *front.Front, digest dayfly.Digest) (*front.Front, error) {
	next := &front.Front{}
	if before != nil {
		copied := *before
		next = &copied
	}
	if next.Routes = maps.Clone(next.Routes); next.Routes == nil {
		next.Routes = map[string]front.Route{}
	}
	key := siteRoute
	for _, name := range slices.Sorted(maps.Keys(next.Routes)) {
		if !takesAll(name) {
			continue
		}
		if r := next.Routes[name]; r.Site == nil {
			return nil, dayfly.Errorf(dayfly.KindConflict, "the route %s of project %s leads to %s", name, s.Project, r.String()).
				WithHint("choose another --project, or name the site in the dayfly.yaml that has this route")
		}
		key = name
	}
	route := next.Routes[key]
	site := front.Site{}
	if route.Site != nil {
		site = *route.Site
	}
	site.Source, site.Digest = filepath.ToSlash(s.folder), digest
	site.Fallback, site.Otherwise = s.Fallback, s.Function
	route.Site = &site
	next.Routes[key] = route
	return next, nil
}

// takesAll reports whether a route is for all paths of the project's hosts.
func takesAll(key string) bool {
	p, err := front.ParsePattern(key)
	return err == nil && p.Host == "" && len(p.Segments) == 1 && p.Segments[0].Rest
}

// Print tells what was published.
func (s *Site) Print(t *term.Session, f client.Front) {
	t.Printf("project %s shows the site %s\n", t.Style.Bold(term.Plain(string(f.Project))), term.Plain(s.folder))
	rows := [][2]string{{"found", term.Plain(s.String())}}
	for i, url := range f.URLs {
		rows = append(rows, [2]string{first(i, "at"), term.Plain(url)})
	}
	term.WriteRows(t.Out, t.Style, rows)
}

// String tells what was found: "Vite, built to dist".
func (s *Site) String() string {
	var words []string
	for _, part := range s.Finding.Site {
		if part.Source == "." {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.folder, filepath.FromSlash(part.Source))); errors.Is(err, os.ErrNotExist) {
			continue
		}
		words = append(words, part.Source)
	}
	text := s.Framework
	switch {
	case len(words) > 0 && s.Build != "":
		text += ", built to " + strings.Join(words, " and ")
	case len(words) > 0:
		text += " in " + strings.Join(words, " and ")
	}
	if s.Function != "" {
		text += ", and a server: function " + string(s.Function)
	}
	if s.Fallback != "" {
		text += "; " + s.Fallback + " answers for paths without a file"
	}
	return text
}
