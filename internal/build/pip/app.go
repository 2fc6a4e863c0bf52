// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"path"
	"regexp"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Evidence of web applications in the text of a Python module.
var (
	pyASGI = grep.Of(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:FastAPI|Starlette|Quart|Litestar|` +
		`ASGIApp|Sanic|get_asgi_application|WsgiToAsgi|FastHTML|ProtocolTypeRouter)\(`)
	pyFalconASGI = grep.Of(`(?m)^(\w+)\s*=\s*falcon\.asgi\.App\(`)
	pyWSGI       = grep.Of(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:(?:\w+\.)*(?:Flask|Bottle|` +
		`get_wsgi_application|APIFlask|Eve)|falcon\.App|falcon\.API|bottle\.default_app)\(`)
	pyDash       = grep.Of(`(?m)^(\w+)\s*=\s*(?:dash\.)?Dash\(`)
	pyFactory    = grep.Of(`(?m)^def\s+(create_app|make_app|get_app)\s*\(([^)]*)\)`)
	pyFactorySee = grep.Of(`\b(Flask|FastAPI|Starlette|Quart)\(`)
	pyAppCalls   = grep.Of(
		`(?m)^(app|application)\s*=\s*(?:\w+\.)*(?:create_app|make_app|get_app)\(`)
	pyWSGIDef = grep.Of(
		`(?m)^def\s+(\w+)\s*\(\s*(?:environ|env)\s*,\s*start_response\s*\)`)
	pyASGIDef = grep.Of(
		`(?m)^async\s+def\s+(\w+)\s*\(\s*scope\s*,\s*receive\s*,\s*send\s*\)`)
	pyServer = grep.Of(`\bHTTPServer\(|\bTCPServer\(|serve_forever\(|\brun_app\(|uvicorn\.run\(|` +
		`\bserve\(\s*app|\.run_server\(|\bmake_server\(|asyncio\.start_server\(|hypercorn|` +
		`WSGIServer\(|IOLoop|\.launch\(|(?m)^\s*(?:bottle\.)?run\(\s*(?:host|port|app)\b|` +
		`\.listen\([^)]*\)[\s\S]*asyncio\.Event\(\)`)
	pyAIOHTTP   = grep.Of(`(?m)^(\w+)\s*=\s*(?:aiohttp\.)?web\.Application\(`)
	pyFastApp   = grep.Of(`(?m)^(\w+)\s*,\s*\w+[^=\n]*=\s*fast_app\(`)
	pyFalcon    = grep.Of(`(?m)^from\s+falcon\s+import\s[^\n]*\bApp\b`)
	pyApp       = grep.Of(`(?m)^(\w+)\s*=\s*App\(`)
	pyGradio    = grep.Of(`(?m)^\s*(?:import|from)\s+gradio\b`)
	pyStreamlit = grep.Of(`(?m)^\s*(?:import|from)\s+streamlit\b`)
	pySettings  = grep.Of(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)\.settings`)
)

func pythonApplications(name, text string) []look.Candidate {
	var found []look.Candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, look.Handler(toolchain.Python, dialect, name, export))
	}
	for _, pattern := range []*grep.Regexp{pyASGI, pyFalconASGI, pyASGIDef} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			add(dayfly.DialectASGI, match[1])
		}
	}
	for _, pattern := range []*grep.Regexp{pyWSGI, pyWSGIDef} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			add(dayfly.DialectWSGI, match[1])
		}
	}
	if match := pyFastApp.FindStringSubmatch(text); match != nil {
		add(dayfly.DialectASGI, match[1])
	}
	if match := pyApp.FindStringSubmatch(text); match != nil && pyFalcon.MatchString(text) {
		if strings.Contains(text, "falcon.asgi") {
			add(dayfly.DialectASGI, match[1])
		} else {
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
	if match := pyAIOHTTP.FindStringSubmatch(text); match != nil && !pyServer.MatchString(text) {
		found = append(found, aiohttpServer(name, match[1]))
	}
	// An app that is wrapped, as in app = Middleware(app), keeps its name: the
	// applications of a module come before a Lambda adapter only by their order.
	return found
}

// pythonFactory calls a function that makes the application, in a module of ours.
func pythonFactory(name, text string) []look.Candidate {
	match := pyFactory.FindStringSubmatch(text)
	if match == nil || !pyFactorySee.MatchString(text) || needsArguments(match[2]) {
		return nil
	}
	module := moduleOf(name)
	const ours = "dayfly_app.py"
	c := look.Handler(toolchain.Python, applicationDialect(text), ours, "app")
	c.Extra = map[string]string{
		ours: "from " + module + " import " + match[1] + "\n\napp = " + match[1] + "()\n",
	}
	c.Notices = []string{"the application is made by " + match[1] + "() in " + name}
	return []look.Candidate{c}
}

func applicationDialect(text string) dayfly.Dialect {
	if regexp.MustCompile(`\b(?:FastAPI|Starlette|Quart|Litestar)\b`).MatchString(text) {
		return dayfly.DialectASGI
	}
	return dayfly.DialectWSGI
}

// moduleOf gives the dotted name of a module's file.
func moduleOf(name string) string {
	module := strings.TrimSuffix(strings.TrimSuffix(name, ".py"), "/__init__")
	return strings.ReplaceAll(module, "/", ".")
}

// aiohttpServer starts an application that does not start itself.
func aiohttpServer(name, export string) look.Candidate {
	const ours = "dayfly_serve.py"
	c := look.Server(toolchain.Python, "python", ours)
	c.Extra = map[string]string{
		ours: "import os\n\nfrom aiohttp import web\n\nfrom " + moduleOf(name) + " import " + export + "\n\n" +
			"web.run_app(" + export + ", host=\"127.0.0.1\", port=int(os.environ[\"PORT\"]))\n",
	}
	c.Notices = []string{"the application " + export + " in " + name + " is started by " + ours}
	return c
}

// pythonServer starts a module that listens by itself, or that a tool has to start.
func pythonServer(name, text string) look.Candidate {
	switch {
	case pyStreamlit.MatchString(text):
		return look.Server(toolchain.Python, "/bin/sh", "-c",
			"exec python -m streamlit run "+name+" --server.port $PORT "+
				"--server.address 127.0.0.1 --server.headless true --global.developmentMode false")
	case pyGradio.MatchString(text):
		return look.Server(toolchain.Python, "/bin/sh", "-c",
			"exec env GRADIO_SERVER_NAME=127.0.0.1 GRADIO_SERVER_PORT=$PORT "+
				"GRADIO_ANALYTICS_ENABLED=False python "+name)
	}
	return look.Server(toolchain.Python, "python", name)
}

// django finds the project's application by what manage.py names. gunicorn serves it
// when the project depends on that.
func django(s *look.Source) []look.Candidate {
	match := pySettings.FindStringSubmatch(s.Read("manage.py"))
	if match == nil {
		return nil
	}
	folder := strings.ReplaceAll(match[1], ".", "/")
	notices := []string{"a Django project, by manage.py; its migrations are not run: " +
		"run python manage.py migrate where the database is reached"}
	if strings.Contains(s.Read(path.Join(folder, "settings.py")), "STATIC_ROOT") {
		notices = append(notices, "collectstatic is not run: deploy the collected files, or serve them with WhiteNoise")
	}
	module := match[1] + ".wsgi"
	if s.Has(path.Join(folder, "wsgi.py")) && pythonNeeds(s, "gunicorn") {
		c := look.Server(toolchain.Python, "gunicorn", module+":application")
		c.Rank, c.Notices = look.RankDeclared, notices
		return []look.Candidate{c}
	}
	for _, kind := range []struct {
		file    string
		dialect dayfly.Dialect
	}{{"wsgi.py", dayfly.DialectWSGI}, {"asgi.py", dayfly.DialectASGI}} {
		if file := path.Join(folder, kind.file); s.Has(file) {
			c := look.Handler(toolchain.Python, kind.dialect, file, "application")
			c.Rank, c.Notices = look.RankDeclared, notices
			return []look.Candidate{c}
		}
	}
	return nil
}

// pythonNeeds tells whether the source names a package among what it depends on.
func pythonNeeds(s *look.Source, name string) bool {
	word := regexp.MustCompile(`(?im)(?:^|["'\s])` + regexp.QuoteMeta(name) + `(?:$|["'\s\[<>=~!;@])`)
	for _, file := range []string{"requirements.txt", "pyproject.toml", "Pipfile"} {
		if word.MatchString(s.Read(file)) {
			return true
		}
	}
	return false
}
