// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// cgiFolder is where web servers look for CGI programs.
const cgiFolder = "cgi-bin"

// cgi looks for programs that a server or a watchdog starts once a request: a cgi-bin
// folder, and what an OpenFaaS Dockerfile names as its process.
func cgi(s *look.Source) []look.Candidate {
	var found []look.Candidate
	if c, ok := watchdog(s); ok {
		found = append(found, c)
	}
	programs := s.Walk(cgiFolder, func(name string) bool {
		elf, script := s.Executable(name)
		return elf || script
	})
	if len(programs) == 0 {
		return found
	}
	command := []string{"dayfly", "guest", "cgi"}
	for _, folder := range append([]string{"htdocs"}, siteFolders...) {
		if s.Has(path.Join(folder, "index.html")) {
			command = append(command, "--pages="+folder)
			break
		}
	}
	c := look.Server(toolchain.Native, append(command, cgiFolder)...)
	c.Notices = []string{"the programs in " + cgiFolder + " are started once a request (CGI)"}
	return append(found, c)
}

// fprocess is how OpenFaaS images name the process that the watchdog starts.
var fprocess = grep.Of(`(?mi)^\s*ENV\s+fprocess(?:=|\s+)"?([^"\n]+?)"?\s*$`)

// watchdog reads the process of the classic watchdog from a Dockerfile.
func watchdog(s *look.Source) (look.Candidate, bool) {
	found := fprocess.FindStringSubmatch(s.Read("Dockerfile"))
	if found == nil {
		return look.Candidate{}, false
	}
	words := manifest.SplitCommand(found[1])
	if len(words) == 0 {
		return look.Candidate{}, false
	}
	if name := strings.TrimPrefix(words[0], "./"); s.Has(name) {
		words[0] = "./" + name
	}
	c := look.Runs(s.LanguageOf(words), words...)
	c.Rank = look.RankDeclared
	c.Notices = []string{"the command is the fprocess of the Dockerfile, started once a request"}
	return c, true
}
