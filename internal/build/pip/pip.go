// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// pythonNames are the modules that are looked at, in this order, before a module that
// is the only one.
var pythonNames = []string{
	"app.py", "main.py", "handler.py", "lambda_function.py", "lambda_handler.py", "function.py",
	"index.py", "server.py", "api.py", "wsgi.py", "asgi.py", "application.py", "run.py", "__main__.py",
	"streamlit_app.py",
	"src/app.py", "src/main.py", "src/handler.py", "app/main.py", "app/app.py", "api/index.py",
	"app/__init__.py",
}

// notModules configure tools.
var notModules = []string{"setup.py", "conftest.py", "manage.py", "gunicorn.conf.py"}

// Evidence in the text of a Python module. Only what starts a line counts.
var (
	pyFramework = grep.Of(`(?m)^\s*(?:import|from)\s+functions_framework\b`)
	pyDecorated = grep.Of(`(?m)^@(?:functions_framework\.)?(http|cloud_event|typed)\b[^\n]*\n` +
		`(?:@[^\n]*\n)*(?:async\s+)?def\s+(\w+)`)
	pyDef        = grep.Of(`(?m)^(async\s+)?def\s+(\w+)\s*\(([^)]*)\)`)
	pyHandlerVar = grep.Of(`(?m)^(handler|lambda_handler)\s*(?::[^=\n]+)?=\s*\S`)
	pyCalls      = grep.Of(`(?m)^[A-Za-z_][\w.]*\(`)
	pyTalks      = grep.Of(`\bprint\(|sys\.std(?:in|out)|\binput\(|__main__`)
)

// Candidates looks for what Python code can be called by.
func Candidates(s *look.Source) []look.Candidate {
	var found []look.Candidate
	if s.Has("manage.py") {
		found = append(found, django(s)...)
	}
	found = append(found, pythonPlatforms(s)...)
	names := s.Present(pythonNames)
	others := s.Names(".", func(name string) bool {
		return strings.HasSuffix(name, ".py") && !slices.Contains(names, name) &&
			!slices.Contains(notModules, name)
	})
	for _, name := range append(names, others...) {
		found = append(found, Module(s, name, len(names)+len(others) == 1)...)
	}
	return append(found, projectScript(s)...)
}

// Module judges one module; only tells that there is no other, so that a plain
// script is meant to run.
func Module(s *look.Source, name string, only bool) []look.Candidate {
	text := Strip(s.Read(name))
	found := pythonFrameworks(s, name, text)
	found = append(found, pythonHandlers(name, text)...)
	found = append(found, pythonApplications(name, text)...)
	switch {
	case pyChalice.MatchString(text):
		found = []look.Candidate{look.Server(toolchain.Python, "/bin/sh", "-c",
			"exec chalice local --host 127.0.0.1 --port $PORT --no-autoreload")}
	case pyServer.MatchString(text), pyStreamlit.MatchString(text):
		found = append(found, pythonServer(name, text))
	case pyTalks.MatchString(text) && (only || slices.Contains(pythonNames[:3], name)),
		only && pyCalls.MatchString(text):
		c := look.Runs(toolchain.Python, "python", name)
		c.Notices = []string{name + " has no handler, application or server: each call runs it"}
		found = append(found, c)
	}
	return found
}

func pythonFrameworks(s *look.Source, name, text string) []look.Candidate {
	installed := strings.Contains(s.Read("requirements.txt"), "functions-framework")
	if !pyFramework.MatchString(text) && !(installed && name == "main.py") {
		return nil
	}
	var found []look.Candidate
	dialects := map[string]dayfly.Dialect{"http": dayfly.DialectFramework,
		"cloud_event": dayfly.DialectCloudEvent, "typed": dayfly.DialectTyped}
	for _, match := range pyDecorated.FindAllStringSubmatch(text, -1) {
		found = append(found, look.Handler(toolchain.Python, dialects[match[1]], name, match[2]))
	}
	if len(found) > 0 {
		return found
	}
	for _, def := range pythonDefs(text) {
		names, dialect := def.parameters, dayfly.DialectFramework
		switch {
		case len(names) == 2 && names[1] == "context":
			dialect = dayfly.DialectEvent
		case len(names) == 1 && (names[0] == "cloud_event" || names[0] == "cloudevent"):
			dialect = dayfly.DialectCloudEvent
		case len(names) != 1:
			continue
		}
		found = append(found, look.Handler(toolchain.Python, dialect, name, def.name))
	}
	return found
}

func pythonHandlers(name, text string) []look.Candidate {
	var named, shaped, requests []look.Candidate
	for _, def := range pythonDefs(text) {
		names := def.parameters
		lambda := look.Handler(toolchain.Python, dayfly.DialectLambda, name, def.name)
		if pyAWSGI.MatchString(text) {
			lambda.Payload = dayfly.PayloadV1
			lambda.Notices = []string{"awsgi reads the events of REST APIs: the payload is 1.0"}
		}
		isName := def.name == "handler" || def.name == "lambda_handler"
		other, isOther := pythonEventful(name, text, def)
		switch {
		case len(names) == 2 && names[1] == "start_response":
		case isOther:
			shaped = append(shaped, other)
		case def.async && (isName || len(names) == 2 && names[0] == "event"):
			named = append(named, look.Problem(name+" has an async "+def.name+
				": Lambda handlers in Python are not async; use def, or asyncio.run inside"))
		case isName && len(names) == 2:
			named = append(named, lambda)
		case len(names) == 2 && names[0] == "event" && strings.Contains(names[1], "context"),
			len(names) == 2 && names[0] == "_event" && strings.Contains(names[1], "context"):
			shaped = append(shaped, lambda)
		case len(names) == 1 && names[0] == "request" && !def.async && !pyServer.MatchString(text):
			c := look.Handler(toolchain.Python, dayfly.DialectFramework, name, def.name)
			requests = append(requests, c)
		}
	}
	if match := pyHandlerVar.FindStringSubmatch(text); match != nil {
		named = append(named, look.Handler(toolchain.Python, dayfly.DialectLambda, name, match[1]))
	}
	if len(requests) > 1 || !slices.Contains([]string{"main.py", "function.py", "app.py"}, name) {
		requests = nil // helpers of some application, not Cloud Functions
	}
	return append(append(named, shaped...), requests...)
}

// Strip empties comments and long strings, whose text is no evidence.
func Strip(text string) string {
	text = regexp.MustCompile(`(?s)""".*?"""|'''.*?'''`).ReplaceAllString(text, `""`)
	return regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(text, "")
}

// needsArguments tells a parameter list that has one without a default.
func needsArguments(list string) bool {
	for _, part := range strings.Split(list, ",") {
		part = strings.TrimSpace(part)
		if part != "" && !strings.Contains(part, "=") && !strings.HasPrefix(part, "*") {
			return true
		}
	}
	return false
}

// pyExport matches what defines the name that stands for NAME in it.
const pyExport = `(?m)^(?:(?:async\s+)?def\s+NAME\s*\(|class\s+NAME\b|NAME\s*(?::[^=\n]+)?=|` +
	`from\s+\S+\s+import\s+(?:\(?[^\n]*\b)?NAME\b|import\s+NAME\b|(?:\w+\s*,\s*)+NAME\s*=)`

// Exports tells whether a module seems to define a name.
func Exports(text, name string) bool {
	first, _, _ := strings.Cut(name, ".")
	if strings.Contains(text, "import *") {
		return true
	}
	pattern := strings.ReplaceAll(pyExport, "NAME", regexp.QuoteMeta(first))
	return regexp.MustCompile(pattern).MatchString(text)
}
