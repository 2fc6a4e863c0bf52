// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// nodeStems are the modules that are looked at, in this order.
var nodeStems = []string{
	"index", "app", "server", "handler", "main", "function", "lambda", "worker",
	"src/index", "src/app", "src/server", "src/handler", "src/main", "src/worker", "src/lambda",
	"api/index", "bin/www",
}

// scriptSuffixes are those of modules; TypeScript first, since a .js beside it is
// mostly what an earlier build left.
var scriptSuffixes = []string{".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"}

// node looks for what JavaScript or TypeScript can be called by.
func (s *source) node() []candidate {
	pkg, problems := s.packageJSON()
	found := append(problems, s.nodeFolders(pkg)...)
	found = append(found, s.worker()...)
	if pkg != nil {
		found = append(found, s.nodeDeclared(pkg)...)
	}
	var names []string
	for _, stem := range nodeStems {
		for _, suffix := range scriptSuffixes {
			if s.has(stem + suffix) {
				names = append(names, stem+suffix)
				break
			}
		}
	}
	only := false
	if len(names) == 0 {
		all := s.names(".", func(name string) bool {
			return withSuffix(scriptSuffixes...)(name) && !strings.HasSuffix(name, ".d.ts") &&
				!strings.Contains(name, ".config.")
		})
		if only = len(all) == 1; only {
			names = all
		}
	}
	for _, name := range names {
		found = append(found, s.nodeModule(name)...)
	}
	if len(names) == 1 {
		found = append(found, s.nodeScript(names[0])...)
	}
	return found
}

const frameworkPackage = "@google-cloud/functions-framework"

// nodeDeclared is what package.json says of how the application starts.
func (s *source) nodeDeclared(pkg *packageFile) []candidate {
	start := strings.TrimSpace(pkg.Scripts["start"])
	if strings.Contains(start, "functions-framework") || pkg.Dependencies[frameworkPackage] != "" {
		return s.nodeFramework(pkg, start)
	}
	if found := s.built(pkg); len(found) > 0 {
		return found
	}
	if start != "" {
		return s.nodeStart(start)
	}
	file := s.moduleFile(pkg.Main)
	if file == "" {
		return nil
	}
	return declared(s.nodeModule(file), "package.json's main names "+file)
}

func declared(found []candidate, notice string) []candidate {
	for i := range found {
		if found[i].problem == "" {
			found[i].rank = rankDeclared
			found[i].notices = append(found[i].notices, notice)
		}
	}
	return found
}

var nodeStart = regexp.MustCompile(
	`^(?:NODE_ENV=\w+\s+)?(node|nodejs|nodemon|tsx|ts-node|ts-node-dev)\s+((?:-\S+\s+)*)(\S+)$`)

// nodeStart judges the start script.
func (s *source) nodeStart(start string) []candidate {
	match := nodeStart.FindStringSubmatch(start)
	if match == nil {
		words := s.withBin(manifest.SplitCommand(start))
		c := server(toolchain.Node, words...)
		return declared([]candidate{c}, "package.json's start is "+start)
	}
	file := s.moduleFile(match[3])
	if file == "" {
		c := server(toolchain.Node, "node", match[3])
		return declared([]candidate{c}, "package.json starts "+match[3]+", which its build makes")
	}
	found := slices.DeleteFunc(s.nodeModule(file), func(c candidate) bool {
		return c.contract == dayfly.ContractStdio
	})
	// What is started by node is a program; that it also exports something counts
	// only when it does not listen by itself.
	listens := slices.ContainsFunc(found, func(c candidate) bool {
		return c.contract == dayfly.ContractHTTP
	})
	if len(found) == 0 || listens {
		words := append([]string{"node"}, strings.Fields(match[2])...)
		if !strings.HasPrefix(match[1], "node") || isTypeScript(file) {
			words = words[:1] // options of another program
		}
		found = []candidate{server(toolchain.Node, append(words, file)...)}
		found[0].file = file
	}
	return declared(found, "package.json's start is "+start)
}

// withBin puts the folder of installed programs before a name that is not the host's.
func (s *source) withBin(words []string) []string {
	if words[0] == "/bin/sh" {
		words[2] = "PATH=$PWD/node_modules/.bin:$PATH; export PATH; " + words[2]
		return words
	}
	switch words[0] {
	case "node", "npm", "npx", "sh", "bash":
		return words
	}
	if strings.Contains(words[0], "/") {
		return words
	}
	return append([]string{"node_modules/.bin/" + words[0]}, words[1:]...)
}

var (
	fwRegistered = regexp.MustCompile(`\b(http|cloudEvent|typed)\s*(?:<[^()]*>)?\(\s*['"]([\w-]+)['"]`)
	fwSignature  = regexp.MustCompile(`--signature-type[= ](http|event|cloudevent|typed)\b`)
	fwTarget     = regexp.MustCompile(`--target[= ]([\w-]+)`)
)

// nodeFramework finds the target of a functions-framework source.
func (s *source) nodeFramework(pkg *packageFile, start string) []candidate {
	file := s.moduleFile(pkg.Main)
	for _, name := range []string{"index", "function", "src/index"} {
		if file == "" {
			file = s.moduleFile(name)
		}
	}
	if file == "" {
		return nil
	}
	text := stripScript(s.read(file))
	target := ""
	if match := fwTarget.FindStringSubmatch(start); match != nil {
		target = match[1]
	}
	for _, match := range fwRegistered.FindAllStringSubmatch(text, -1) {
		if target == "" || match[2] == target {
			return []candidate{handler(toolchain.Node, registeredDialect(match[1]), file, match[2])}
		}
	}
	if target == "" {
		if exports := scriptExports(text); len(exports) == 1 {
			target = exports[0].name
		}
	}
	if target == "" {
		return nil
	}
	dialect := dayfly.DialectFramework
	if match := fwSignature.FindStringSubmatch(start); match != nil && match[1] != "http" {
		dialect = dayfly.Dialect(match[1])
	}
	return []candidate{handler(toolchain.Node, dialect, file, target)}
}

// nodeScript is the only module when it is neither: a program that runs and ends.
func (s *source) nodeScript(name string) []candidate {
	text := stripScript(s.read(name))
	if !regexp.MustCompile(`console\.log|process\.std(?:in|out)|readFileSync\(0`).MatchString(text) {
		return nil
	}
	c := runs(toolchain.Node, "node", name)
	c.file = name
	c.notices = []string{name + " has no handler or server: each call runs it"}
	return []candidate{c}
}

// moduleFile resolves a module as Node does: the file itself, with a suffix, or the
// index of a folder; "" when it is not in the source.
func (s *source) moduleFile(name string) string {
	if name == "" {
		return ""
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		name = "index"
	}
	if s.has(name) {
		return name
	}
	for _, stem := range []string{name, name + "/index"} {
		for _, suffix := range []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"} {
			if s.has(stem + suffix) {
				return stem + suffix
			}
		}
	}
	// "main": "dist/index.js" of a source that was not built: what it is built of.
	stem := strings.TrimSuffix(name, path.Ext(name))
	for _, built := range []string{"dist/", "build/", "lib/", "out/", ".build/"} {
		below, ok := strings.CutPrefix(stem, built)
		for _, from := range []string{"src/" + below, below} {
			if ok && s.has(from+".ts") {
				return from + ".ts"
			}
		}
	}
	return ""
}

func isTypeScript(file string) bool {
	return slices.Contains([]string{".ts", ".mts", ".cts", ".tsx"}, path.Ext(file))
}

func typescriptOf(file string) string {
	if isTypeScript(file) {
		return file
	}
	return ""
}
