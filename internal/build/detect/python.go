// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
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
	"index.py", "server.py", "api.py", "wsgi.py", "asgi.py", "application.py", "run.py",
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
	pyASGI       = regexp.MustCompile(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:FastAPI|Starlette|Quart|Litestar|` +
		`ASGIApp|Sanic|get_asgi_application|WsgiToAsgi|FastHTML|ProtocolTypeRouter)\(`)
	pyFalconASGI = regexp.MustCompile(`(?m)^(\w+)\s*=\s*falcon\.asgi\.App\(`)
	pyWSGI       = regexp.MustCompile(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:(?:\w+\.)*(?:Flask|Bottle|` +
		`get_wsgi_application|APIFlask|Eve)|falcon\.App|falcon\.API|bottle\.default_app)\(`)
	pyDash       = regexp.MustCompile(`(?m)^(\w+)\s*=\s*(?:dash\.)?Dash\(`)
	pyFactory    = regexp.MustCompile(`(?m)^def\s+(create_app|make_app|get_app)\s*\(([^)]*)\)`)
	pyFactorySee = regexp.MustCompile(`\b(Flask|FastAPI|Starlette|Quart)\(`)
	pyAppCalls   = regexp.MustCompile(
		`(?m)^(app|application)\s*=\s*(?:\w+\.)*(?:create_app|make_app|get_app)\(`)
	pyWSGIDef = regexp.MustCompile(
		`(?m)^def\s+(\w+)\s*\(\s*(?:environ|env)\s*,\s*start_response\s*\)`)
	pyASGIDef = regexp.MustCompile(
		`(?m)^async\s+def\s+(\w+)\s*\(\s*scope\s*,\s*receive\s*,\s*send\s*\)`)
	pyServer = regexp.MustCompile(`\bHTTPServer\(|\bTCPServer\(|serve_forever\(|\brun_app\(|uvicorn\.run\(|` +
		`\bserve\(\s*app|\.run_server\(|\bmake_server\(|asyncio\.start_server\(|hypercorn|` +
		`WSGIServer\(|IOLoop|\.launch\(`)
	pyStreamlit = regexp.MustCompile(`(?m)^\s*import\s+streamlit\b`)
	pyTalks     = regexp.MustCompile(`\bprint\(|sys\.std(?:in|out)|\binput\(|__main__`)
	pyAzure     = regexp.MustCompile(`(?m)^\s*import\s+azure\.functions\b`)
	pySettings  = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)\.settings`)
)

// python looks for what Python code can be called by.
func (s *source) python() []candidate {
	var found []candidate
	if s.has("manage.py") {
		found = append(found, s.django()...)
	}
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
	case pyStreamlit.MatchString(text):
		found = append(found, server(toolchain.Python, "/bin/sh", "-c",
			"exec python -m streamlit run "+name+" --server.port $PORT "+
				"--server.address 127.0.0.1 --server.headless true"))
	case pyServer.MatchString(text):
		found = append(found, server(toolchain.Python, "python", name))
	case pyTalks.MatchString(text) && (only || slices.Contains(pythonNames[:3], name)):
		c := runs(toolchain.Python, "python", name)
		c.notices = []string{name + " has no handler, application or server: each call runs it"}
		found = append(found, c)
	}
	if pyAzure.MatchString(text) {
		found = append(found, problem(name+" is an Azure function, which this version cannot call yet"))
	}
	return found
}

func (s *source) pythonFrameworks(name, text string) []candidate {
	installed := strings.Contains(s.read("requirements.txt"), "functions-framework")
	if !pyFramework.MatchString(text) && !(installed && name == "main.py") {
		return nil
	}
	var found []candidate
	for _, match := range pyDecorated.FindAllStringSubmatch(text, -1) {
		if match[1] == "cloud_event" {
			found = append(found, problem(name+" registers the CloudEvent function "+match[2]+
				"; this version calls http functions only"))
			continue
		}
		found = append(found, handler(toolchain.Python, dayfly.DialectFramework, name, match[2]))
	}
	if len(found) > 0 {
		return found
	}
	for _, match := range pyDef.FindAllStringSubmatch(text, -1) {
		if names := parameters(match[3]); len(names) == 1 {
			found = append(found, handler(toolchain.Python, dayfly.DialectFramework, name, match[2]))
		}
	}
	return found
}

func pythonHandlers(name, text string) []candidate {
	var named, shaped, requests []candidate
	for _, match := range pyDef.FindAllStringSubmatch(text, -1) {
		names := parameters(match[3])
		lambda := handler(toolchain.Python, dayfly.DialectLambda, name, match[2])
		isName := match[2] == "handler" || match[2] == "lambda_handler"
		switch {
		case len(names) == 2 && names[1] == "start_response":
		case match[1] != "" && (isName || len(names) == 2 && names[0] == "event"):
			named = append(named, problem(name+" has an async "+match[2]+
				": Lambda handlers in Python are not async; use def, or asyncio.run inside"))
		case isName && len(names) == 2:
			named = append(named, lambda)
		case len(names) == 2 && names[0] == "event" && strings.Contains(names[1], "context"),
			len(names) == 2 && names[0] == "_event" && strings.Contains(names[1], "context"):
			shaped = append(shaped, lambda)
		case len(names) == 1 && names[0] == "request":
			c := handler(toolchain.Python, dayfly.DialectFramework, name, match[2])
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

func pythonApplications(name, text string) []candidate {
	var found []candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, handler(toolchain.Python, dialect, name, export))
	}
	for _, pattern := range []*regexp.Regexp{pyASGI, pyFalconASGI, pyASGIDef} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			add(dayfly.DialectASGI, match[1])
		}
	}
	for _, pattern := range []*regexp.Regexp{pyWSGI, pyWSGIDef} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			add(dayfly.DialectWSGI, match[1])
		}
	}
	if match := pyDash.FindStringSubmatch(text); match != nil {
		add(dayfly.DialectWSGI, match[1]+".server")
	}
	if match := pyAppCalls.FindStringSubmatch(text); match != nil {
		add(applicationDialect(text), match[1])
	}
	if len(found) == 0 {
		found = append(found, pythonFactory(name, text)...)
	}
	// An app that is wrapped, as in app = Middleware(app), keeps its name: the
	// applications of a module come before a Lambda adapter only by their order.
	return found
}

// pythonFactory calls a function that makes the application, in a module of ours.
func pythonFactory(name, text string) []candidate {
	match := pyFactory.FindStringSubmatch(text)
	if match == nil || !pyFactorySee.MatchString(text) || needsArguments(match[2]) {
		return nil
	}
	module := strings.TrimSuffix(strings.TrimSuffix(name, ".py"), "/__init__")
	module = strings.ReplaceAll(module, "/", ".")
	const ours = "dayfly_app.py"
	c := handler(toolchain.Python, applicationDialect(text), ours, "app")
	c.extra = map[string]string{
		ours: "from " + module + " import " + match[1] + "\n\napp = " + match[1] + "()\n",
	}
	c.notices = []string{"the application is made by " + match[1] + "() in " + name}
	return []candidate{c}
}

func applicationDialect(text string) dayfly.Dialect {
	if regexp.MustCompile(`\b(?:FastAPI|Starlette|Quart|Litestar)\b`).MatchString(text) {
		return dayfly.DialectASGI
	}
	return dayfly.DialectWSGI
}

// django finds the project's application by what manage.py names.
func (s *source) django() []candidate {
	match := pySettings.FindStringSubmatch(s.read("manage.py"))
	if match == nil {
		return nil
	}
	folder := strings.ReplaceAll(match[1], ".", "/")
	for _, kind := range []struct {
		file    string
		dialect dayfly.Dialect
	}{{"wsgi.py", dayfly.DialectWSGI}, {"asgi.py", dayfly.DialectASGI}} {
		if file := path.Join(folder, kind.file); s.has(file) {
			c := handler(toolchain.Python, kind.dialect, file, "application")
			c.rank = rankDeclared
			c.notices = []string{"a Django project, by manage.py"}
			return []candidate{c}
		}
	}
	return nil
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
