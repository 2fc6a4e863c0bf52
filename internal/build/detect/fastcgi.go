// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// FastCGI gives the command of our own server before a FastCGI program: root is the folder
// of the files beside it, empty for none.
func FastCGI(root string, program ...string) []string {
	command := []string{"dayfly", "guest", "fastcgi"}
	if root != "" {
		command = append(command, "--root", root)
	}
	return append(command, program...)
}

// fastcgi looks for programs that speak FastCGI, which their names tell.
func (s *source) fastcgi() []candidate {
	var found []candidate
	for _, name := range append(s.names(".", withSuffix(".fcgi")), s.names("public", withSuffix(".fcgi"))...) {
		elf, script := s.executable(name)
		if !elf && !script {
			continue
		}
		language := toolchain.Native
		first, _, _ := strings.Cut(s.read(name), "\n")
		if known, ok := shebangLanguage(first); script && ok {
			language = known
		}
		root := ""
		if s.hasFolder("public") && path.Dir(name) != "public" {
			root = "public"
		}
		found = append(found, server(language, FastCGI(root, "./"+name)...))
	}
	return found
}
