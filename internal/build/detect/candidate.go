// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Ranks of candidates: what a source says of itself comes before what its code looks
// like, and code that can be called before code that can only be run.
const (
	rankDeclared = iota // Procfile, serverless.yml, package.json's start
	rankExported        // a handler or an application
	rankServer          // listens on a port
	rankProgram         // runs and ends
	rankSite            // pages without code
	rankProblem         // known, but not possible
)

// candidate is one way to call the source.
type candidate struct {
	rank     int
	language toolchain.Language
	contract dayfly.Contract
	dialect  dayfly.Dialect
	file     string // module of a handler
	export   string
	entry    string // of a handler whose entry is no MODULE.EXPORT; wins over both
	command  []string
	version  string // of the runtime
	notices  []string
	extra    map[string]string
	payload  dayfly.Payload // of a Lambda handler that needs a certain one
	// problem says why it cannot be called; it is told when nothing better is there.
	problem string
}

func (c *candidate) name() string {
	switch {
	case c.contract == dayfly.ContractHandler:
		return string(c.language) + " handler " + entryIf(*c)
	default:
		return string(c.contract) + " program " + strings.Join(c.command, " ")
	}
}

// entryOf gives the entry of a module's export. A dotted export of Python needs a
// colon, as the last dot would part it otherwise.
func entryOf(file, export string) string {
	module := strings.TrimSuffix(file, path.Ext(file))
	switch {
	case export == "":
		return module
	case path.Ext(file) == ".py" && strings.Contains(export, "."):
		return module + ":" + export
	}
	return module + "." + export
}

func handler(language toolchain.Language, dialect dayfly.Dialect, file, export string) candidate {
	return candidate{
		rank: rankExported, language: language, contract: dayfly.ContractHandler,
		dialect: dialect, file: file, export: export,
	}
}

func server(language toolchain.Language, command ...string) candidate {
	return candidate{
		rank: rankServer, language: language, contract: dayfly.ContractHTTP, command: command,
	}
}

func runs(language toolchain.Language, command ...string) candidate {
	return candidate{
		rank: rankProgram, language: language, contract: dayfly.ContractStdio, command: command,
	}
}

// polls is a program for AWS Lambda's Runtime API.
func polls(language toolchain.Language, command ...string) candidate {
	return candidate{
		rank: rankExported, language: language, contract: dayfly.ContractLambda, command: command,
	}
}

func problem(format string) candidate { return candidate{rank: rankProblem, problem: format} }

// candidates gives every way to call the source, best first. Among equals the order of
// languages decides: Go, whose sources are the surest sign; Node; Python; the rest; programs.
func (s *source) candidates(wanted toolchain.Language) ([]candidate, error) {
	found := s.procfile()
	declared, err := s.platforms()
	if err != nil {
		return nil, err
	}
	found = append(found, declared...)
	found = append(found, s.azureCustom()...)
	found = append(found, s.golang()...)
	found = append(found, s.node()...)
	found = append(found, s.python()...)
	found = append(found, s.java()...)
	found = append(found, s.dotnet()...)
	found = append(found, s.rust()...)
	found = append(found, s.ruby()...)
	found = append(found, s.php()...)
	found = append(found, s.fastcgi()...)
	found = append(found, s.wasm()...)
	found = append(found, s.cgi()...)
	found = append(found, s.programs()...)
	found = append(found, s.static()...)
	found = append(found, s.others()...)
	if wanted != "" {
		found = slices.DeleteFunc(found, func(c candidate) bool {
			return c.language != wanted && c.problem == ""
		})
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.rank - b.rank })
	return found, nil
}

// accept makes a plan of a candidate.
func (s *source) accept(c candidate) *Plan {
	return &Plan{
		Language: c.language, Version: c.version, Contract: c.contract, Dialect: c.dialect,
		Entry: entryIf(c), Command: c.command, Extra: c.extra, Notices: c.notices,
		TypeScript: typescriptOf(c.file), Payload: c.payload, Concurrency: concurrencyOf(c.command),
	}
}

func entryIf(c candidate) string {
	if c.contract != dayfly.ContractHandler {
		return ""
	}
	if c.entry != "" {
		return c.entry
	}
	return entryOf(c.file, c.export)
}

// nothing says that no candidate fits, and how to say what is meant.
func (s *source) nothing(found []candidate) error {
	var others []string
	for _, c := range found {
		if c.problem == "" && len(others) < 3 {
			others = append(others, c.name())
		}
	}
	if len(others) > 0 {
		asked := strings.Trim(s.settings.Contract+" "+s.settings.Dialect, " ")
		return dayfly.Errorf(dayfly.KindInvalid, "nothing in the source fits %q; found %s",
			asked, strings.Join(others, ", ")).
			WithHint("leave contract and dialect out, or name the entry or the command")
	}
	for _, c := range found {
		if c.problem != "" {
			return dayfly.Errorf(dayfly.KindInvalid, "%s", c.problem)
		}
	}
	return dayfly.Errorf(dayfly.KindInvalid, "nothing to call was found in the source; looked for "+
		"a Procfile, package.json or a handler, application or server in "+
		"index, app, server, main or handler (.js, .ts, .py), "+
		"lambda_function.py, manage.py, a Go main package, and an executable").
		WithHint("name a handler with --entry app.handler or a program with --command \"./run\"; " +
			"in dayfly.yaml the keys are entry and command")
}

// command plans for the command in the settings.
func (s *source) command(wanted toolchain.Language) (*Plan, error) {
	words := s.settings.Command
	c := server(wanted, words...)
	if isWasmCommand(words) || s.wantsWasm() {
		c = wasmModule(append([]string{path.Clean(words[0])}, words[1:]...)...)
	}
	if s.settings.Contract != "" {
		c.contract = dayfly.Contract(s.settings.Contract)
	}
	if c.contract == dayfly.ContractHandler {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"the handler contract takes an entry, not a command; use contract http or stdio")
	}
	if c.language == "" {
		c.language = s.languageOfCommand(words)
	}
	if strings.HasPrefix(words[0], "./") && !s.has(strings.TrimPrefix(words[0], "./")) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "command %q is not in the source", words[0])
	}
	if c.language == toolchain.Go {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"a Go source is compiled to one program; leave the command out").
			WithHint("say runtime native for a program of your own")
	}
	return s.accept(c), nil
}

// languageOfCommand guesses whose interpreter a command needs.
func (s *source) languageOfCommand(words []string) toolchain.Language {
	line := " " + strings.Join(words, " ") + " "
	base := path.Base(words[0])
	switch {
	case strings.HasPrefix(base, "python"), strings.Contains(line, ".py "), isPythonTool(base):
		return toolchain.Python
	case base == "node", base == "npm", base == "npx", base == "next", strings.Contains(line, "js "):
		return toolchain.Node
	case base == "java", strings.Contains(line, ".jar "):
		return toolchain.Java
	case base == "ruby", isRubyTool(base), strings.Contains(line, ".rb "):
		return toolchain.Ruby
	case base == "php", strings.Contains(line, ".php "), strings.Contains(line, " php-"), strings.Contains(line, "vendor/bin/"):
		return toolchain.PHP
	case base == "dotnet":
		return toolchain.DotNet
	case base == "mono":
		return toolchain.Mono
	}
	if _, script := s.executable(strings.TrimPrefix(words[0], "./")); script {
		first, _, _ := strings.Cut(s.read(strings.TrimPrefix(words[0], "./")), "\n")
		if language, ok := shebangLanguage(first); ok {
			return language
		}
	}
	switch {
	case s.has("package.json"):
		return toolchain.Node
	case s.has("requirements.txt"), s.has("pyproject.toml"):
		return toolchain.Python
	case s.has("Gemfile"):
		return toolchain.Ruby
	case s.has("composer.json"):
		return toolchain.PHP
	case s.has("pom.xml"), s.has("build.gradle"), s.has("build.gradle.kts"):
		return toolchain.Java
	}
	return toolchain.Native
}

func isRubyTool(name string) bool {
	return slices.Contains([]string{"bundle", "rackup", "puma", "rails", "unicorn", "thin", "rake"}, name)
}

func isPythonTool(name string) bool {
	return slices.Contains([]string{
		"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "streamlit",
		"fastapi", "granian", "uwsgi", "functions-framework-python", "chalice", "sanic", "litestar",
	}, name)
}

func shebangLanguage(line string) (toolchain.Language, bool) {
	switch {
	case strings.Contains(line, "python"):
		return toolchain.Python, true
	case strings.Contains(line, "node"):
		return toolchain.Node, true
	case strings.Contains(line, "ruby"):
		return toolchain.Ruby, true
	case strings.Contains(line, "php"):
		return toolchain.PHP, true
	}
	return "", false
}

// compiled gives the program that is built of the source for a command that names one
// which is not in it: the Procfiles of Go and Rust say where other platforms put theirs.
func (s *source) compiled(words []string) (candidate, bool) {
	name := strings.TrimPrefix(words[0], "./")
	if words[0] == "/bin/sh" || s.has(name) {
		return candidate{}, false
	}
	var found []candidate
	switch {
	case s.has("go.mod"):
		found = s.golang()
	case s.has("Cargo.toml"):
		found = s.rust()
	}
	if len(found) == 0 || found[0].problem != "" {
		return candidate{}, false
	}
	c := found[0]
	c.rank, c.contract, c.command = rankDeclared, dayfly.ContractHTTP, append(c.command, words[1:]...)
	c.notices = append(c.notices, "the arguments come from the Procfile's web process")
	return c, true
}

// procfile reads the web process of a Procfile.
func (s *source) procfile() []candidate {
	for _, line := range strings.Split(s.read("Procfile"), "\n") {
		name, command, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != "web" || strings.TrimSpace(command) == "" {
			continue
		}
		words := manifest.SplitCommand(command)
		if c, ok := s.compiled(words); ok {
			return []candidate{c}
		}
		c := server(s.languageOfCommand(words), words...)
		if words[0] == "/bin/sh" {
			c.language = s.languageOfCommand(strings.Fields(command))
		}
		c.rank = rankDeclared
		c.notices = []string{"the command comes from the Procfile's web process"}
		return []candidate{c}
	}
	return nil
}
