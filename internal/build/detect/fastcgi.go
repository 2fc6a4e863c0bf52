// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// FastCGIWorkers is how many calls at once a FastCGI program gets, each in a process of
// its own, where nothing else is said; php-fpm has five, and a processor serves some four.
const FastCGIWorkers = 4

// FastCGI gives the command of our own server before a FastCGI program: root is the folder
// of the files beside it, empty for none.
func FastCGI(root string, program ...string) []string {
	command := []string{"dayfly", "guest", "fastcgi"}
	if root != "" {
		command = append(command, "--root", root)
	}
	return append(command, program...)
}

// concurrencyOf tells how many calls at once a command takes; 0 is what its contract gives.
func concurrencyOf(command []string) int {
	if ours := FastCGI(""); len(command) > len(ours) && slices.Equal(command[:len(ours)], ours) {
		return FastCGIWorkers
	}
	return 0
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
