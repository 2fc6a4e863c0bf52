// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// nodeStems are the modules that are looked at, in this order.
var nodeStems = []string{
	"index", "app", "server", "handler", "main", "function", "lambda", "worker",
	"src/index", "src/app", "src/server", "src/handler", "src/main", "src/worker", "src/lambda",
	"api/index", "bin/www",
}

// Candidates looks for what JavaScript or TypeScript can be called by.
func Candidates(s *look.Source) []look.Candidate {
	pkg, problems := packageJSON(s)
	found := append(problems, nodeFolders(s, pkg)...)
	found = append(found, worker(s)...)
	if pkg != nil {
		found = append(found, nodeDeclared(s, pkg)...)
	}
	var names []string
	for _, stem := range nodeStems {
		for _, suffix := range look.ScriptSuffixes {
			if s.Has(stem + suffix) {
				names = append(names, stem+suffix)
				break
			}
		}
	}
	only := false
	if len(names) == 0 {
		all := s.Names(".", func(name string) bool {
			return look.Suffixed(look.ScriptSuffixes...)(name) && !strings.HasSuffix(name, ".d.ts") &&
				!strings.Contains(name, ".config.")
		})
		if only = len(all) == 1; only {
			names = all
		}
	}
	for _, name := range names {
		found = append(found, Module(s, name)...)
	}
	if len(names) == 1 {
		found = append(found, nodeScript(s, names[0])...)
	}
	return found
}

const frameworkPackage = "@google-cloud/functions-framework"

// nodeDeclared is what package.json says of how the application starts.
func nodeDeclared(s *look.Source, pkg *packageFile) []look.Candidate {
	start := strings.TrimSpace(pkg.Scripts["start"])
	if strings.Contains(start, "functions-framework") || pkg.Dependencies[frameworkPackage] != "" {
		return nodeFramework(s, pkg, start)
	}
	if found := built(s, pkg); len(found) > 0 {
		return found
	}
	if start != "" {
		return startOf(s, pkg, start)
	}
	file := moduleFile(s, pkg.Main)
	if file == "" {
		return nil
	}
	return declared(Module(s, file), "package.json's main names "+file)
}

func declared(found []look.Candidate, notice string) []look.Candidate {
	for i := range found {
		if found[i].Problem == "" {
			found[i].Rank = look.RankDeclared
			found[i].Notices = append(found[i].Notices, notice)
		}
	}
	return found
}

var nodeStart = grep.Of(
	`^(?:NODE_ENV=\w+\s+)?(node|nodejs|nodemon|tsx|ts-node|ts-node-dev|bun(?:\s+run)?)\s+((?:-\S+\s+)*)(\S+)$`)

// imports is what a module cannot open a port without.
var imports = grep.Of(`\b(?:require|import|getBuiltinModule)\b`)

// startOf judges the start script.
func startOf(s *look.Source, pkg *packageFile, start string) []look.Candidate {
	match := nodeStart.FindStringSubmatch(start)
	if found, ok := bunStart(s, pkg, start, match); ok {
		return found
	}
	if match == nil {
		words := withBin(manifest.SplitCommand(start))
		c := look.Server(toolchain.Node, words...)
		return declared([]look.Candidate{c}, "package.json's start is "+start)
	}
	file := moduleFile(s, match[3])
	if file == "" {
		c := look.Server(toolchain.Node, "node", match[3])
		return declared([]look.Candidate{c}, "package.json starts "+match[3]+", which its build makes")
	}
	found := slices.DeleteFunc(Module(s, file), func(c look.Candidate) bool {
		return c.Contract == dayfly.ContractStdio
	})
	// What is started by node is a program; that it also exports something counts
	// only when it does not listen by itself.
	listens := slices.ContainsFunc(found, func(c look.Candidate) bool {
		return c.Contract == dayfly.ContractHTTP
	})
	if ends := nodeScript(s, file); len(found) == 0 && len(ends) > 0 &&
		!imports.MatchString(look.StripScript(s.Read(file))) {
		return declared(ends, "package.json's start is "+start)
	}
	if len(found) == 0 || listens {
		words := append([]string{"node"}, strings.Fields(match[2])...)
		if !strings.HasPrefix(match[1], "node") || IsTypeScript(file) {
			words = words[:1] // options of another program
		}
		found = []look.Candidate{look.Server(toolchain.Node, append(words, file)...)}
		found[0].File = file
	}
	return declared(found, "package.json's start is "+start)
}

// bunStart judges a start script that wants Bun. Where it is not among the dependencies
// Node takes its place where it can, and bunx only finds what is installed.
func bunStart(s *look.Source, pkg *packageFile, start string, match []string) ([]look.Candidate, bool) {
	words := strings.Fields(start)
	switch {
	case words[0] != "bun" && words[0] != "bunx":
		return nil, false
	case pkg.Dependencies["bun"] != "":
		c := look.Server(toolchain.Node, withBin(manifest.SplitCommand(start))...)
		return declared([]look.Candidate{c}, "package.json's start is "+start), true
	case words[0] == "bunx" && len(words) > 1 && !strings.HasPrefix(words[1], "-"):
		return startOf(s, pkg, strings.Join(words[1:], " ")), true
	case match != nil && moduleFile(s, match[3]) != "":
		return nil, false
	}
	return []look.Candidate{look.Problem("package.json's start is " + start + ", and Bun is not here: start a " +
		"module that Node can run, or add the package bun to the dependencies")}, true
}

// withBin puts the folder of installed programs before a name that is not the host's.
func withBin(words []string) []string {
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
	fwRegistered = grep.Of(`\b(http|cloudEvent|typed)\s*(?:<[^()]*>)?\(\s*['"]([\w-]+)['"]`)
	fwSignature  = grep.Of(`--signature-type[= ](http|event|cloudevent|typed)\b`)
	fwTarget     = grep.Of(`--target[= ]([\w-]+)`)
)

// nodeFramework finds the target of a functions-framework source.
func nodeFramework(s *look.Source, pkg *packageFile, start string) []look.Candidate {
	file := moduleFile(s, pkg.Main)
	for _, name := range []string{"index", "function", "src/index"} {
		if file == "" {
			file = moduleFile(s, name)
		}
	}
	if file == "" {
		return nil
	}
	text := look.StripScript(s.Read(file))
	target := ""
	if match := fwTarget.FindStringSubmatch(start); match != nil {
		target = match[1]
	}
	for _, match := range fwRegistered.FindAllStringSubmatch(text, -1) {
		if target == "" || match[2] == target {
			return []look.Candidate{look.Handler(toolchain.Node, registeredDialect(match[1]), file, match[2])}
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
	return []look.Candidate{look.Handler(toolchain.Node, dialect, file, target)}
}

// nodeScript is the only module when it is neither: a program that runs and ends.
func nodeScript(s *look.Source, name string) []look.Candidate {
	text := look.StripScript(s.Read(name))
	if !regexp.MustCompile(`console\.log|process\.std(?:in|out)|readFileSync\(0`).MatchString(text) {
		return nil
	}
	c := look.Runs(toolchain.Node, "node", name)
	c.File = name
	c.Notices = []string{name + " has no handler or server: each call runs it"}
	return []look.Candidate{c}
}

// moduleFile resolves a module as Node does: the file itself, with a suffix, or the
// index of a folder; "" when it is not in the source.
func moduleFile(s *look.Source, name string) string {
	if name == "" {
		return ""
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		name = "index"
	}
	if s.Has(name) {
		return name
	}
	for _, stem := range []string{name, name + "/index"} {
		for _, suffix := range []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"} {
			if s.Has(stem + suffix) {
				return stem + suffix
			}
		}
	}
	// "main": "dist/index.js" of a source that was not built: what it is built of.
	stem := strings.TrimSuffix(name, path.Ext(name))
	for _, built := range []string{"dist/", "build/", "lib/", "out/", ".build/"} {
		below, ok := strings.CutPrefix(stem, built)
		for _, from := range []string{"src/" + below, below} {
			if ok && s.Has(from+".ts") {
				return from + ".ts"
			}
		}
	}
	return ""
}

// IsTypeScript tells modules that have to be compiled.
func IsTypeScript(file string) bool {
	return slices.Contains([]string{".ts", ".mts", ".cts", ".tsx"}, path.Ext(file))
}

// TypeScriptOf gives the module if it has to be compiled; "" otherwise.
func TypeScriptOf(file string) string {
	if IsTypeScript(file) {
		return file
	}
	return ""
}
