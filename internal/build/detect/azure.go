// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/cargo"
	"github.com/dayfly-faas/dayfly/internal/build/gomod"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// azureHost is what matters of the host.json of an application with a custom handler.
type azureHost struct {
	CustomHandler *azureHandler `json:"customHandler"`
	HTTPWorker    *azureHandler `json:"httpWorker"` // its older name
}

type azureHandler struct {
	Description struct {
		Path      string   `json:"defaultExecutablePath"`
		Dir       string   `json:"workingDirectory"`
		Arguments []string `json:"arguments"`
	} `json:"description"`
	Forward bool `json:"enableForwardingHttpRequest"`
}

// azureArgumentsMax bounds the arguments of a custom handler.
const azureArgumentsMax = 100

// azureCustom looks for an Azure Functions application whose functions a program of its
// own answers, and puts the adapter before it that speaks the host's protocol.
func azureCustom(s *look.Source) []look.Candidate {
	var host azureHost
	text := s.Read("host.json")
	if !look.Parsable(text) || json.Unmarshal([]byte(text), &host) != nil {
		return nil
	}
	handler := host.CustomHandler
	if handler == nil {
		handler = host.HTTPWorker
	}
	if handler == nil || handler.Description.Path == "" {
		return nil
	}
	d := handler.Description
	if len(d.Arguments) > azureArgumentsMax || path.IsAbs(d.Dir) || strings.Contains(d.Dir, "..") {
		return []look.Candidate{look.Problem("the custom handler in host.json has too many arguments or a " +
			"working directory outside of the source")}
	}
	language, words, ok := azureProgram(s, d.Path)
	if !ok {
		return []look.Candidate{look.Problem("host.json names the custom handler " + d.Path +
			", which is neither in the source nor compiled from it")}
	}
	words = append(words, d.Arguments...)
	c := look.Server(language, append(azureAdapter(handler, d.Dir), words...)...)
	c.Rank = look.RankDeclared
	c.Notices = []string{"a custom handler of Azure Functions: " + strings.Join(words, " ")}
	return []look.Candidate{c}
}

// azureAdapter is what comes before the handler's words: our adapter, or, when requests
// are forwarded as they are, only the name that the port goes by.
func azureAdapter(handler *azureHandler, dir string) []string {
	if handler.Forward {
		return []string{"/bin/sh", "-c", `export FUNCTIONS_CUSTOMHANDLER_PORT="$PORT" ` +
			`FUNCTIONS_HTTPWORKER_PORT="$PORT" FUNCTIONS_APP_ROOT_PATH="$PWD"; exec "$0" "$@"`}
	}
	words := []string{"dayfly", "guest", "azure"}
	if dir != "" && dir != "." {
		words = append(words, "--dir", dir)
	}
	return words
}

// azureProgram finds the program that host.json names: an interpreter, a file of the
// source, or what the source is compiled to.
func azureProgram(s *look.Source, name string) (toolchain.Language, []string, bool) {
	name = strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, `\`, "/")), "./")
	base := strings.TrimSuffix(path.Base(name), ".exe")
	switch base {
	case "python", "python3", "py":
		return toolchain.Python, []string{"python3"}, true
	case "node", "java", "php", "ruby", "dotnet", "mono":
		language, _ := toolchain.ParseName(base)
		return language, []string{base}, true
	}
	for _, file := range []string{name, strings.TrimSuffix(name, ".exe")} {
		if fsValid(file) && s.Has(file) {
			language := toolchain.Native
			first, _, _ := strings.Cut(s.Read(file), "\n")
			if found, ok := look.Shebang(first); ok && strings.HasPrefix(first, "#!") {
				language = found
			}
			return language, []string{"./" + file}, true
		}
	}
	for _, found := range [][]look.Candidate{gomod.Candidates(s), cargo.Candidates(s)} {
		if len(found) == 1 && found[0].Problem == "" && found[0].File != gomod.ShimFolder {
			return found[0].Language, []string{look.Program}, true
		}
	}
	return "", nil, false
}

// fsValid tells whether a name is one of a file below the source.
func fsValid(name string) bool {
	return !path.IsAbs(name) && !slices.Contains(strings.Split(name, "/"), "..")
}
