// SPDX-License-Identifier: Apache-2.0

package gems

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

// rubyNames are the usual modules, in the order in which they are looked at.
var rubyNames = []string{
	"app.rb", "lambda_function.rb", "handler.rb", "function.rb", "main.rb", "index.rb", "server.rb",
	"function/handler.rb", "hello.rb", "api.rb",
}

// pumaThreads is how many calls at once Puma serves where nothing is said.
const pumaThreads = 5

// rubyFilesMax bounds how many other modules are looked at.
const rubyFilesMax = 20

// Evidence in the text of a Ruby module.
var (
	rbComment  = grep.Of(`(?ms)^=begin\b.*?^=end\b[^\n]*$|^\s*#[^\n]*$`)
	rbGem      = grep.Of(`(?m)^\s*gem\s*\(?\s*["']([\w-]+)["']`)
	rbNeeds    = grep.Of(`(?m)^\s*(?:gem|gemspec)\b`)
	rbVersion  = grep.Of(`(?m)^\s*(?:ruby-)?(\d+\.\d+)(?:\.\d+)?`)
	rbAsked    = grep.Of(`(?m)^\s*ruby\s*\(?\s*["'](?:~>\s*)?(\d+\.\d+)`)
	rbLambda   = grep.Of(`(?m)^([ \t]*)def\s+(self\.)?(\w+[?!]?)\s*\(?\s*event:\s*,\s*context:`)
	rbRegister = grep.Of(`\bFunctionsFramework\.(http|cloud_event)\b\s*\(?\s*(?:["':]([\w-]+))?`)
	rbClassic  = grep.Of(`(?m)^\s*require\s*\(?\s*["']sinatra["']`)
	rbModular  = grep.Of(`(?m)^\s*class\s+([A-Z]\w*(?:::\w+)*)\s*<\s*` +
		`(?:Sinatra::(?:Base|Application)|Roda|Grape::API|Hanami::(?:API|App)|Cuba|Syro)\b`)
	rbWhisk   = grep.Of(`(?m)^def\s+main\s*\(?\s*\w+\s*(?:=[^)\n]*)?\)?\s*(?:$|;)`)
	rbCalls   = grep.Of(`(?m)^\s*(?:puts\s+|exit\s+|exit\()?main\b\s*(?:\(|$|ARGV)`)
	rbFaas    = grep.Of(`(?s)\bclass\s+Handler\b.*\bdef\s+run\s*\(?\s*\w+`)
	rbListens = grep.Of(`\bWEBrick::HTTPServer\b|\bTCPServer\.(?:new|open)\b|\bRack::Handler\b|` +
		`\bRackup::Handler\b|\bPuma::Server\b|\bENV\s*(?:\[|\.fetch\()\s*["']PORT["']`)
	rbScope = grep.Of(`^(\s*)(?:class|module)\s+([A-Z]\w*(?:::\w+)*)`)
)

// Candidates looks for Ruby.
func Candidates(s *look.Source) []look.Candidate {
	if !s.Has("Gemfile") && !s.Has("config.ru") && len(walkRuby(s)) == 0 {
		return nil
	}
	found := rubyApplications(s)
	for _, name := range rubyFiles(s) {
		found = append(found, Module(s, name)...)
	}
	for _, name := range rubyPrograms(s) {
		c := look.Runs(toolchain.Ruby, "ruby", name)
		c.File = name
		found = append(found, c)
	}
	return found
}

func walkRuby(s *look.Source) []string { return s.Names(".", look.Suffixed(".rb")) }

// rubyApplications are those that say themselves what they are: Rails, and config.ru.
func rubyApplications(s *look.Source) []look.Candidate {
	gems := names(s)
	switch {
	case s.Has("bin/rails") || s.Has("config/application.rb") && slices.Contains(gems, "rails"):
		program := "bundle exec rails"
		if s.Has("bin/rails") {
			program = "ruby bin/rails" // which sets the bundle up by itself
		}
		c := look.Server(toolchain.Ruby, manifest.SplitCommand(
			program+" server -b 127.0.0.1 -p $PORT -P /tmp/server.pid")...)
		c.Rank = look.RankDeclared
		c.Notices = []string{"a Rails application: it needs SECRET_KEY_BASE or RAILS_MASTER_KEY in its " +
			"environment, and a database that is elsewhere"}
		return []look.Candidate{c}
	case s.Has("config.ru") && s.Has("config/puma.rb") && slices.Contains(gems, "puma"):
		c := look.Server(toolchain.Ruby, manifest.SplitCommand(
			"bundle exec puma -C config/puma.rb -b tcp://127.0.0.1:$PORT")...)
		c.Rank = look.RankDeclared
		c.Notices = []string{"config/puma.rb says how the application is served"}
		return []look.Candidate{c}
	case s.Has("config.ru"):
		c := look.Handler(toolchain.Ruby, dayfly.DialectRack, "config.ru", "")
		c.Rank = look.RankDeclared
		return []look.Candidate{c}
	}
	return nil
}

// names names the gems of the Gemfile.
func names(s *look.Source) []string {
	var names []string
	for _, match := range rbGem.FindAllStringSubmatch(s.Read("Gemfile"), -1) {
		names = append(names, match[1])
	}
	return names
}

// rubyFiles are the modules to look at, the usual ones first.
func rubyFiles(s *look.Source) []string {
	files := s.Present(rubyNames)
	for _, name := range walkRuby(s) {
		if !slices.Contains(files, name) && len(files) < rubyFilesMax {
			files = append(files, name)
		}
	}
	return files
}

// rubyPrograms are modules that may be run as they are: the usual ones, or the only one.
func rubyPrograms(s *look.Source) []string {
	files := s.Present([]string{"main.rb", "app.rb", "hello.rb", "index.rb"})
	if all := walkRuby(s); len(files) == 0 && len(all) == 1 {
		return all
	}
	return files
}

// Module judges one module.
func Module(s *look.Source, name string) []look.Candidate {
	text := rbComment.ReplaceAllString(s.Read(name), "")
	var found []look.Candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, look.Handler(toolchain.Ruby, dialect, name, export))
	}
	for _, match := range rbRegister.FindAllStringSubmatch(text, look.ExportsMax) {
		export, dialect := match[2], dayfly.DialectFramework
		if export == "" {
			export = "function" // the framework's default
		}
		if match[1] == "cloud_event" {
			dialect = dayfly.DialectCloudEvent
		}
		add(dialect, export)
	}
	for _, export := range rubyHandlers(text) {
		add(dayfly.DialectLambda, export)
	}
	if match := rbModular.FindStringSubmatch(text); match != nil {
		add(dayfly.DialectRack, match[1])
	} else if rbClassic.MatchString(text) {
		add(dayfly.DialectRack, "")
	}
	if rbListens.MatchString(text) {
		c := look.Server(toolchain.Ruby, "ruby", name)
		c.File = name
		found = append(found, c)
	}
	if path.Base(name) == "handler.rb" && rbFaas.MatchString(text) {
		add(dayfly.DialectOpenFaaS, "Handler")
	}
	if rbWhisk.MatchString(text) && !rbCalls.MatchString(text) {
		add(dayfly.DialectOpenWhisk, "main")
	}
	return found
}

// rubyHandlers finds handlers of Lambda: methods of the top level, and of classes. What
// has a usual name comes first.
func rubyHandlers(text string) []string {
	var exports []string
	for _, at := range rbLambda.FindAllStringSubmatchIndex(text, look.ExportsMax) {
		name := text[at[6]:at[7]]
		indent, isOfClass := at[3]-at[2], at[4] >= 0
		scope := rubyScope(text[:at[0]], indent)
		switch {
		case scope == "" && !isOfClass && indent == 0:
			exports = append(exports, name)
		case scope != "" && isOfClass:
			exports = append(exports, scope+"."+name)
		}
	}
	usual := func(name string) bool { return name == "handler" || name == "lambda_handler" }
	slices.SortStableFunc(exports, func(a, b string) int {
		switch {
		case usual(a) == usual(b):
			return 0
		case usual(a):
			return -1
		}
		return 1
	})
	return exports
}

// rubyScope names the classes and modules around a line that is indented so far, by
// their own indentation: outer ones are less indented.
func rubyScope(before string, indent int) string {
	var names []string
	lines := strings.Split(before, "\n")
	for i := len(lines) - 1; i >= 0 && indent > 0; i-- {
		match := rbScope.FindStringSubmatch(lines[i])
		if match != nil && len(match[1]) < indent {
			names = append([]string{match[2]}, names...)
			indent = len(match[1])
		}
	}
	return strings.Join(names, "::")
}

// Exports tells whether a module seems to define a name.
func Exports(text, export string) bool {
	last := export[strings.LastIndexAny(export, ".:")+1:]
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(last) + `\b`).MatchString(text)
}

// Finish adds the gems to install and the version that is asked for.
func Finish(s *look.Source, plan *look.Plan) {
	gemfile := rbComment.ReplaceAllString(s.Read("Gemfile"), "")
	asked := func(pattern *grep.Regexp, text string) {
		if match := pattern.FindStringSubmatch(text); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	asked(rbVersion, s.Read(".ruby-version"))
	asked(rbVersion, s.ToolVersion("ruby"))
	asked(rbAsked, gemfile)
	rubyEnvironment(s, plan)
	plan.Ruby = look.RubyPlan{
		Gems:   rbNeeds.MatchString(gemfile) && !s.HasFolder("vendor/bundle"),
		Locked: s.Has("Gemfile.lock"),
		Rails:  strings.Contains(strings.Join(plan.Command, " "), "rails server"),
	}
	if s.HasFolder("vendor/bundle") && !s.Has(".bundle/config") {
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		plan.Env["BUNDLE_PATH"] = "vendor/bundle"
	}
	plan.Ruby.Assets = plan.Ruby.Rails && s.HasFolder("app/assets")
	if plan.Ruby.Gems || plan.Ruby.Rails {
		plan.Install = look.InstallRuby
	}
}

// rubyEnvironment tells frameworks that this is production. What Rails writes goes to
// where a box can be written to, and its log to where it is seen.
func rubyEnvironment(s *look.Source, plan *look.Plan) {
	line := strings.Join(plan.Command, " ")
	if plan.Dialect != dayfly.DialectRack && plan.Contract != dayfly.ContractHTTP {
		return
	}
	plan.Env = map[string]string{"RACK_ENV": "production", "APP_ENV": "production"}
	if strings.Contains(line, "rails server") || strings.Contains(line, "puma ") {
		plan.Concurrency = pumaThreads
	}
	if !strings.Contains(line, "rails") && !s.Has("bin/rails") {
		return
	}
	for name, value := range map[string]string{
		"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "1", "RAILS_SERVE_STATIC_FILES": "1",
		"BOOTSNAP_CACHE_DIR": "/tmp/bootsnap", "PIDFILE": "/tmp/server.pid",
	} {
		plan.Env[name] = value
	}
}
