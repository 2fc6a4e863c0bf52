// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// siteFolders are where a built site or a plain one lies, in this order.
var siteFolders = []string{".", "public", "dist", "build", "out", "_site", "site", "www", "htdocs"}

// static looks for a site without code: pages that our own server answers with.
func static(s *look.Source) []look.Candidate {
	if c, ok := staticfile(s); ok {
		return []look.Candidate{c}
	}
	for _, folder := range siteFolders {
		if folder == "." && strings.Contains(s.Read("package.json"), `"build"`) {
			continue // the source of a site that is built
		}
		if s.Has(path.Join(folder, "index.html")) {
			return []look.Candidate{site(s, folder, "")}
		}
	}
	if single := s.Single(); path.Ext(single) == ".html" {
		c := site(s, ".", "")
		c.Command = look.StaticCommand(".", single)
		return []look.Candidate{c}
	}
	return nil
}

// site is the candidate for the pages in a folder.
func site(s *look.Source, folder, notice string) look.Candidate {
	c := look.Server(toolchain.Native, look.StaticCommand(folder, fallback(s, folder))...)
	c.Rank = look.RankSite
	c.Notices = []string{"a static site: the files in " + path.Clean(folder) + " are served as they are"}
	if notice != "" {
		c.Notices = append(c.Notices, notice)
	}
	return c
}

// fallback gives index.html when a page of the site loads its scripts as a bundler
// writes them, and no page for errors stands beside it: such applications route in the
// browser.
func fallback(s *look.Source, folder string) string {
	text := s.Read(path.Join(folder, "index.html"))
	isApplication := strings.Contains(text, `type="module"`) &&
		(strings.Contains(text, `<div id="root"`) || strings.Contains(text, `<div id="app"`))
	if isApplication && !s.Has(path.Join(folder, "404.html")) {
		return "index.html"
	}
	return ""
}

// staticfile is the site that a Staticfile describes.
func staticfile(s *look.Source) (look.Candidate, bool) {
	root, fallback := ".", ""
	for _, line := range strings.Split(s.Read("Staticfile"), "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "root" && value != "" && !strings.Contains(value, ".."):
			root = path.Clean(strings.TrimPrefix(value, "/"))
		case (key == "index_fallback" || key == "pushstate") && (value == "true" || value == "enabled"):
			fallback = "index.html"
		}
	}
	if !s.Has("Staticfile") || !s.HasFolder(root) {
		return look.Candidate{}, false
	}
	c := site(s, root, "the folder is the Staticfile's")
	if fallback != "" {
		c.Command = look.StaticCommand(root, fallback)
	}
	return c, true
}
