// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
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
	pyFramework = regexp.MustCompile(`(?m)^\s*(?:import|from)\s+functions_framework\b`)
	pyDecorated = regexp.MustCompile(`(?m)^@(?:functions_framework\.)?(http|cloud_event|typed)\b[^\n]*\n` +
		`(?:@[^\n]*\n)*(?:async\s+)?def\s+(\w+)`)
	pyDef        = regexp.MustCompile(`(?m)^(async\s+)?def\s+(\w+)\s*\(([^)]*)\)`)
	pyHandlerVar = regexp.MustCompile(`(?m)^(handler|lambda_handler)\s*(?::[^=\n]+)?=\s*\S`)
	pyTalks      = regexp.MustCompile(`\bprint\(|sys\.std(?:in|out)|\binput\(|__main__`)
)

// python looks for what Python code can be called by.
func (s *source) python() []candidate {
	var found []candidate
	if s.has("manage.py") {
		found = append(found, s.django()...)
	}
	found = append(found, s.pythonPlatforms()...)
	names := s.present(pythonNames)
	others := s.names(".", func(name string) bool {
		return strings.HasSuffix(name, ".py") && !slices.Contains(names, name) &&
			!slices.Contains(notModules, name)
	})
	for _, name := range append(names, others...) {
		found = append(found, s.pythonModule(name, len(names)+len(others) == 1)...)
	}
	return found
}

// pythonModule judges one module; only tells that there is no other, so that a plain
// script is meant to run.
func (s *source) pythonModule(name string, only bool) []candidate {
	text := stripPython(s.read(name))
	found := s.pythonFrameworks(name, text)
	found = append(found, pythonHandlers(name, text)...)
	found = append(found, pythonApplications(name, text)...)
	switch {
	case pyChalice.MatchString(text):
		found = []candidate{server(toolchain.Python, "/bin/sh", "-c",
			"exec chalice local --host 127.0.0.1 --port $PORT --no-autoreload")}
	case pyServer.MatchString(text), pyStreamlit.MatchString(text):
		found = append(found, pythonServer(name, text))
	case pyTalks.MatchString(text) && (only || slices.Contains(pythonNames[:3], name)):
		c := runs(toolchain.Python, "python", name)
		c.notices = []string{name + " has no handler, application or server: each call runs it"}
		found = append(found, c)
	}
	return found
}

func (s *source) pythonFrameworks(name, text string) []candidate {
	installed := strings.Contains(s.read("requirements.txt"), "functions-framework")
	if !pyFramework.MatchString(text) && !(installed && name == "main.py") {
		return nil
	}
	var found []candidate
	dialects := map[string]dayfly.Dialect{"http": dayfly.DialectFramework,
		"cloud_event": dayfly.DialectCloudEvent, "typed": dayfly.DialectTyped}
	for _, match := range pyDecorated.FindAllStringSubmatch(text, -1) {
		found = append(found, handler(toolchain.Python, dialects[match[1]], name, match[2]))
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
		found = append(found, handler(toolchain.Python, dialect, name, def.name))
	}
	return found
}

func pythonHandlers(name, text string) []candidate {
	var named, shaped, requests []candidate
	for _, def := range pythonDefs(text) {
		names := def.parameters
		lambda := handler(toolchain.Python, dayfly.DialectLambda, name, def.name)
		if pyAWSGI.MatchString(text) {
			lambda.payload = dayfly.PayloadV1
			lambda.notices = []string{"awsgi reads the events of REST APIs: the payload is 1.0"}
		}
		isName := def.name == "handler" || def.name == "lambda_handler"
		other, isOther := pythonEventful(name, text, def)
		switch {
		case len(names) == 2 && names[1] == "start_response":
		case isOther:
			shaped = append(shaped, other)
		case def.async && (isName || len(names) == 2 && names[0] == "event"):
			named = append(named, problem(name+" has an async "+def.name+
				": Lambda handlers in Python are not async; use def, or asyncio.run inside"))
		case isName && len(names) == 2:
			named = append(named, lambda)
		case len(names) == 2 && names[0] == "event" && strings.Contains(names[1], "context"),
			len(names) == 2 && names[0] == "_event" && strings.Contains(names[1], "context"):
			shaped = append(shaped, lambda)
		case len(names) == 1 && names[0] == "request" && !def.async && !pyServer.MatchString(text):
			c := handler(toolchain.Python, dayfly.DialectFramework, name, def.name)
			requests = append(requests, c)
		}
	}
	if match := pyHandlerVar.FindStringSubmatch(text); match != nil {
		named = append(named, handler(toolchain.Python, dayfly.DialectLambda, name, match[1]))
	}
	if len(requests) > 1 || !slices.Contains([]string{"main.py", "function.py", "app.py"}, name) {
		requests = nil // helpers of some application, not Cloud Functions
	}
	return append(append(named, shaped...), requests...)
}

// stripPython empties comments and long strings, whose text is no evidence.
func stripPython(text string) string {
	text = regexp.MustCompile(`(?s)""".*?"""|'''.*?'''`).ReplaceAllString(text, `""`)
	return regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(text, "")
}

// parameters gives the names of a parameter list, annotations and defaults cut off.
func parameters(list string) []string {
	var names []string
	depth, start := 0, 0
	list += ","
	for i, r := range list {
		switch r {
		case '(', '[', '{', '<':
			depth++
		case ')', ']', '}', '>':
			depth--
		case ',':
			if depth > 0 {
				continue
			}
			name := list[start:i]
			start = i + 1
			if cut := strings.IndexAny(name, ":=?"); cut >= 0 {
				name = name[:cut]
			}
			if name = strings.TrimSpace(name); name != "" && name != "*" && name != "/" {
				names = append(names, name)
			}
		}
	}
	return names
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

// pythonExports tells whether a module seems to define a name.
func pythonExports(text, name string) bool {
	first, _, _ := strings.Cut(name, ".")
	if strings.Contains(text, "import *") {
		return true
	}
	pattern := strings.ReplaceAll(pyExport, "NAME", regexp.QuoteMeta(first))
	return regexp.MustCompile(pattern).MatchString(text)
}
