// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// concurrencyOf tells how many calls at once a command takes; 0 is what its contract gives.
func concurrencyOf(command []string) int {
	if ours := look.FastCGI(""); len(command) > len(ours) && slices.Equal(command[:len(ours)], ours) {
		return look.FastCGIWorkers
	}
	return 0
}

// fastcgi looks for programs that speak FastCGI, which their names tell.
func fastcgi(s *look.Source) []look.Candidate {
	var found []look.Candidate
	for _, name := range append(s.Names(".", look.Suffixed(".fcgi")), s.Names("public", look.Suffixed(".fcgi"))...) {
		elf, script := s.Executable(name)
		if !elf && !script {
			continue
		}
		language := toolchain.Native
		first, _, _ := strings.Cut(s.Read(name), "\n")
		if known, ok := look.Shebang(first); script && ok {
			language = known
		}
		root := ""
		if s.HasFolder("public") && path.Dir(name) != "public" {
			root = "public"
		}
		found = append(found, look.Server(language, look.FastCGI(root, "./"+name)...))
	}
	return found
}
