// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Evidence of other platforms in the text of a Python module.
var (
	pyAzureApp   = grep.Of(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:FunctionApp|AsgiFunctionApp|WsgiFunctionApp)\(`)
	pyAzureAuth  = grep.Of(`AuthLevel\.(?:FUNCTION|ADMIN)\b|"authLevel"\s*:\s*"(?:function|admin)"`)
	pyHTTPClass  = grep.Of(`(?m)^class\s+handler\s*\(\s*(?:\w+\.)*BaseHTTPRequestHandler\s*\)`)
	pyAnyApp     = grep.Of(`(?m)^(?:async\s+)?(?:def\s+)?(app|application)\s*(?:\(|(?::[^=\n]+)?=)`)
	pyChalice    = grep.Of(`(?m)^\w+\s*=\s*(?:chalice\.)?Chalice\(`)
	pyAWSGI      = grep.Of(`(?m)^\s*(?:import|from)\s+awsgi\b`)
	pyMainGuard  = grep.Of(`__name__\s*==\s*["']__main__["']|\bargparse\b|sys\.argv`)
	whiskModules = []string{"__main__.py", "main.py", "index.py", "action.py", "hello.py"}
	whiskNames   = []string{"args", "params", "event", "dict", "_args", "_params"}
)

// apiFilesMax bounds the functions of an api folder that are looked at.
const apiFilesMax = 500

// pythonPlatforms looks for the layouts of other platforms, which say what they are.
func pythonPlatforms(s *look.Source) []look.Candidate {
	found := pythonVercel(s)
	found = append(found, pythonAzure(s)...)
	found = append(found, pythonOpenFaaS(s)...)
	found = append(found, pythonWhisk(s)...)
	return append(found, pythonZappa(s)...)
}

// pythonVercel looks for the functions of Vercel, the files of api/. A single one that
// is a web application is taken as that, which starts and serves better.
func pythonVercel(s *look.Source) []look.Candidate {
	files := s.Walk("api", look.Suffixed(".py"))
	files = slices.DeleteFunc(files, func(name string) bool {
		return strings.HasPrefix(path.Base(name), "_") || strings.HasPrefix(path.Base(name), ".")
	})
	if len(files) == 0 || len(files) > apiFilesMax {
		return nil
	}
	classes := 0
	file, export := "", ""
	for _, name := range files {
		text := Strip(s.Read(name))
		isClass := pyHTTPClass.MatchString(text)
		match := pyAnyApp.FindStringSubmatch(text)
		switch {
		case isClass:
			classes++
			file, export = first(file, name), first(export, "handler")
		case match != nil:
			file, export = first(file, name), first(export, match[1])
		}
	}
	if file == "" || classes == 0 && (len(files) == 1 || !s.Has("vercel.json")) {
		return nil
	}
	c := look.Handler(toolchain.Python, dayfly.DialectVercel, file, export)
	c.Rank = look.RankDeclared
	c.Notices = []string{"each Python file of api/ is a function at its own path, as on Vercel"}
	return []look.Candidate{c}
}

func first(have, other string) string {
	if have != "" {
		return have
	}
	return other
}

// pythonAzure looks for both programming models of Azure Functions.
func pythonAzure(s *look.Source) []look.Candidate {
	text := Strip(s.Read("function_app.py"))
	if match := pyAzureApp.FindStringSubmatch(text); match != nil {
		c := look.Handler(toolchain.Python, dayfly.DialectAzure, "function_app.py", match[1])
		c.Rank = look.RankDeclared
		c.Notices = azureNotices(text)
		return []look.Candidate{c}
	}
	for _, entry := range s.Top {
		name := path.Join(entry.Name(), "function.json")
		if !entry.IsDir() || !s.Has(name) {
			continue
		}
		var declared struct {
			ScriptFile string `json:"scriptFile"`
			EntryPoint string `json:"entryPoint"`
		}
		text := s.Read(name)
		if !look.Parsable(text) || json.Unmarshal([]byte(text), &declared) != nil {
			continue
		}
		script := path.Join(entry.Name(), first(declared.ScriptFile, "__init__.py"))
		if path.Ext(script) != ".py" || !s.Has(script) || !strings.Contains(text, "httpTrigger") {
			continue
		}
		c := look.Handler(toolchain.Python, dayfly.DialectAzure, script, first(declared.EntryPoint, "main"))
		c.Rank = look.RankDeclared
		c.Notices = azureNotices(text)
		return []look.Candidate{c}
	}
	return nil
}

func azureNotices(text string) []string {
	notices := []string{"the HTTP functions of an Azure application are served below host.json's route prefix"}
	if pyAzureAuth.MatchString(text) {
		notices = append(notices, "function keys (authLevel) are not checked; routes ask for authentication instead")
	}
	return notices
}

// pythonOpenFaaS reads the one Python function of a stack file.
func pythonOpenFaaS(s *look.Source) []look.Candidate {
	var found []look.Candidate
	for _, name := range []string{"stack.yml", "stack.yaml"} {
		text := s.Read(name)
		if text == "" || !look.Parsable(text) || look.YAMLReference.MatchString(text) {
			continue
		}
		var stack struct {
			Functions map[string]struct{ Lang, Handler string }
		}
		if yaml.Unmarshal([]byte(text), &stack) != nil {
			continue
		}
		for function, f := range stack.Functions {
			file := path.Join(f.Handler, "handler.py")
			if !strings.HasPrefix(f.Lang, "python") || !s.Has(file) {
				continue
			}
			c := look.Handler(toolchain.Python, dayfly.DialectOpenFaaS, file, "handle")
			c.Rank = look.RankDeclared
			c.Notices = []string{"the handler is the function " + function + " of " + name}
			found = append(found, c)
		}
	}
	if len(found) > 1 {
		return nil // of several functions the entry must say which
	}
	return found
}

// pythonWhisk finds the one action of a package file of OpenWhisk or DigitalOcean.
func pythonWhisk(s *look.Source) []look.Candidate {
	for _, name := range []string{"project.yml", "manifest.yml", "manifest.yaml"} {
		text := s.Read(name)
		if text == "" || !look.Parsable(text) || look.YAMLReference.MatchString(text) {
			continue
		}
		for _, a := range look.WhiskActions(text) {
			below := path.Join("packages", a.Name)
			for _, file := range []string{a.Function, path.Join(a.Function, "__main__.py"),
				below + ".py", path.Join(below, "__main__.py")} {
				if path.Ext(file) != ".py" || !s.Has(path.Clean(file)) {
					continue
				}
				c := look.Handler(toolchain.Python, dayfly.DialectOpenWhisk, path.Clean(file), first(a.Main, "main"))
				c.Rank = look.RankDeclared
				c.Notices = []string{look.HandlerFrom(name)}
				return []look.Candidate{c}
			}
		}
	}
	return nil
}

// pythonZappa finds the application that Zappa's settings name.
func pythonZappa(s *look.Source) []look.Candidate {
	text := s.Read("zappa_settings.json")
	var stages map[string]struct {
		Function string `json:"app_function"`
	}
	if text == "" || !look.Parsable(text) || json.Unmarshal([]byte(text), &stages) != nil {
		return nil
	}
	named := ""
	for _, stage := range stages {
		named = max(named, stage.Function)
	}
	file, export := s.EntryFile(named, toolchain.Python)
	if file == "" || export == "" {
		return nil
	}
	c := look.Handler(toolchain.Python, dayfly.DialectWSGI, file, export)
	c.Rank = look.RankDeclared
	c.Notices = []string{"the application comes from zappa_settings.json; other settings in it are not used"}
	return []look.Candidate{c}
}

// pythonEventful judges functions by the shapes that other platforms give them.
func pythonEventful(name, text string, def pythonDef) (look.Candidate, bool) {
	names := def.parameters
	is := func(dialect dayfly.Dialect) (look.Candidate, bool) {
		return look.Handler(toolchain.Python, dialect, name, def.name), true
	}
	base := path.Base(name)
	switch {
	case def.async:
		return look.Candidate{}, false
	case def.name == "handle" && base == "handler.py" && (len(names) == 1 || len(names) == 2):
		return is(dayfly.DialectOpenFaaS)
	case len(names) == 2 && names[0] == "data" && names[1] == "context":
		return is(dayfly.DialectEvent)
	case len(names) == 1 && (names[0] == "cloud_event" || names[0] == "cloudevent"):
		return is(dayfly.DialectCloudEvent)
	case def.name == "main" && slices.Contains(whiskModules, base) && isAction(names) &&
		(base == "__main__.py" || !pyMainGuard.MatchString(text)):
		return is(dayfly.DialectOpenWhisk)
	}
	return look.Candidate{}, false
}

func isAction(names []string) bool {
	return len(names) == 1 && slices.Contains(whiskNames, names[0]) ||
		len(names) == 2 && slices.Contains(whiskNames, names[0]) && names[1] == "context"
}

// pythonDef is a function at the top of a module.
type pythonDef struct {
	name       string
	async      bool
	parameters []string
}

func pythonDefs(text string) []pythonDef {
	var defs []pythonDef
	for _, match := range pyDef.FindAllStringSubmatch(text, -1) {
		defs = append(defs, pythonDef{match[2], match[1] != "", look.Parameters(match[3])})
	}
	return defs
}
