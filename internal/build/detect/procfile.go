// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/cargo"
	"github.com/dayfly-faas/dayfly/internal/build/gomod"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// compiled gives the program that is built of the source for a command that names one
// which is not in it: the Procfiles of Go and Rust say where other platforms put theirs.
func compiled(s *look.Source, words []string) (look.Candidate, bool) {
	name := strings.TrimPrefix(words[0], "./")
	if words[0] == "/bin/sh" || s.Has(name) {
		return look.Candidate{}, false
	}
	var found []look.Candidate
	switch {
	case s.Has("go.mod"):
		found = gomod.Candidates(s)
	case s.Has("Cargo.toml"):
		found = cargo.Candidates(s)
	}
	if len(found) == 0 || found[0].Problem != "" {
		return look.Candidate{}, false
	}
	c := found[0]
	c.Rank, c.Contract, c.Command = look.RankDeclared, dayfly.ContractHTTP, append(c.Command, words[1:]...)
	c.Notices = append(c.Notices, "the arguments come from the Procfile's web process")
	return c, true
}

// procfile reads the web process of a Procfile.
func procfile(s *look.Source) []look.Candidate {
	for _, line := range strings.Split(s.Read("Procfile"), "\n") {
		name, command, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != "web" || strings.TrimSpace(command) == "" {
			continue
		}
		words := manifest.SplitCommand(command)
		if c, ok := compiled(s, words); ok {
			return []look.Candidate{c}
		}
		c := look.Server(s.LanguageOf(words), words...)
		if words[0] == "/bin/sh" {
			c.Language = s.LanguageOf(strings.Fields(command))
		}
		c.Rank = look.RankDeclared
		c.Notices = []string{"the command comes from the Procfile's web process"}
		return []look.Candidate{c}
	}
	return nil
}
