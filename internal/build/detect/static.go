// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// siteFolders are where a built site or a plain one lies, in this order.
var siteFolders = []string{".", "public", "dist", "build", "out", "_site", "site", "www", "htdocs"}

// static looks for a site without code: pages that our own server answers with.
func (s *source) static() []candidate {
	if c, ok := s.staticfile(); ok {
		return []candidate{c}
	}
	for _, folder := range siteFolders {
		if folder == "." && strings.Contains(s.read("package.json"), `"build"`) {
			continue // the source of a site that is built
		}
		if s.has(path.Join(folder, "index.html")) {
			return []candidate{s.site(folder, "")}
		}
	}
	if single := s.single(); path.Ext(single) == ".html" {
		c := s.site(".", "")
		c.command = StaticCommand(".", single)
		return []candidate{c}
	}
	return nil
}

// site is the candidate for the pages in a folder.
func (s *source) site(folder, notice string) candidate {
	c := server(toolchain.Native, StaticCommand(folder, s.fallback(folder))...)
	c.rank = rankSite
	c.notices = []string{"a static site: the files in " + path.Clean(folder) + " are served as they are"}
	if notice != "" {
		c.notices = append(c.notices, notice)
	}
	return c
}

// StaticCommand is the command that serves a folder of files. A fallback is the file for
// paths that are not there, for applications that route in the browser.
func StaticCommand(folder, fallback string) []string {
	command := []string{"dayfly", "guest", "static"}
	if fallback != "" {
		command = append(command, "--fallback="+fallback)
	}
	return append(command, folder)
}

// fallback gives index.html when a page of the site loads its scripts as a bundler
// writes them, and no page for errors stands beside it: such applications route in the
// browser.
func (s *source) fallback(folder string) string {
	text := s.read(path.Join(folder, "index.html"))
	isApplication := strings.Contains(text, `type="module"`) &&
		(strings.Contains(text, `<div id="root"`) || strings.Contains(text, `<div id="app"`))
	if isApplication && !s.has(path.Join(folder, "404.html")) {
		return "index.html"
	}
	return ""
}

// staticfile is the site that a Staticfile describes.
func (s *source) staticfile() (candidate, bool) {
	root, fallback := ".", ""
	for _, line := range strings.Split(s.read("Staticfile"), "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "root" && value != "" && !strings.Contains(value, ".."):
			root = path.Clean(strings.TrimPrefix(value, "/"))
		case (key == "index_fallback" || key == "pushstate") && (value == "true" || value == "enabled"):
			fallback = "index.html"
		}
	}
	if !s.has("Staticfile") || !s.hasFolder(root) {
		return candidate{}, false
	}
	c := s.site(root, "the folder is the Staticfile's")
	if fallback != "" {
		c.command = StaticCommand(root, fallback)
	}
	return c, true
}
