// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/jvm"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/nuget"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// platforms reads the handler from the file of another platform, when it declares one
// function. It is a help, not an import: what cannot be read is told and passed over.
func platforms(s *look.Source) ([]look.Candidate, error) {
	for _, file := range look.PlatformFiles {
		text := s.Read(file)
		if text == "" {
			continue
		}
		list := look.Declarations(text)
		if len(list) != 1 || list[0].Handler == "" {
			continue // several functions, or none that is plain: the code itself decides
		}
		d := list[0]
		language, version := toolchain.ParseName(d.Runtime)
		if c, ok := nuget.Entry(s, d.Handler, language); ok {
			c.Rank, c.Version = look.RankDeclared, version
			c.Notices = append(c.Notices, look.HandlerFrom(file))
			return []look.Candidate{c}, nil
		}
		if c, ok := jvm.Declared(s, d); ok && (language == toolchain.Java || language == "") {
			c.Rank, c.Version = look.RankDeclared, version
			c.Notices = append(c.Notices, look.HandlerFrom(file))
			return []look.Candidate{c}, nil
		}
		entry := strings.TrimPrefix(path.Join(d.Code, d.Handler), "./")
		if language == toolchain.Native || strings.Contains(entry, "${") {
			continue
		}
		if c, ok, _ := scriptedEntry(s, entry, language); ok && c.Language == language {
			c.Rank, c.Version = look.RankDeclared, version
			c.Notices = append(c.Notices, look.HandlerFrom(file))
			return []look.Candidate{c}, nil
		}
		module, export := s.EntryFile(entry, language)
		if module == "" {
			continue
		}
		c, err := entryCandidate(s, module, export)
		if err != nil {
			return nil, err
		}
		c.Rank, c.Version = look.RankDeclared, version
		c.Notices = append(c.Notices, look.HandlerFrom(file))
		return []look.Candidate{c}, nil
	}
	return nil, nil
}
