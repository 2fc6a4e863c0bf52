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

// RubyPlan is what building Ruby takes beside the rest of a plan.
type RubyPlan struct {
	// Gems tells that there is something for Bundler to install.
	Gems bool
	// Locked tells that Gemfile.lock pins what Bundler installs.
	Locked bool
	// Rails tells that the application expects the folders of a Rails application;
	// Assets, that it has assets to be compiled.
	Rails, Assets bool
}

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
	rbComment  = regexp.MustCompile(`(?ms)^=begin\b.*?^=end\b[^\n]*$|^\s*#[^\n]*$`)
	rbGem      = regexp.MustCompile(`(?m)^\s*gem\s*\(?\s*["']([\w-]+)["']`)
	rbNeeds    = regexp.MustCompile(`(?m)^\s*(?:gem|gemspec)\b`)
	rbVersion  = regexp.MustCompile(`(?m)^\s*(?:ruby-)?(\d+\.\d+)(?:\.\d+)?`)
	rbAsked    = regexp.MustCompile(`(?m)^\s*ruby\s*\(?\s*["'](?:~>\s*)?(\d+\.\d+)`)
	rbLambda   = regexp.MustCompile(`(?m)^([ \t]*)def\s+(self\.)?(\w+[?!]?)\s*\(?\s*event:\s*,\s*context:`)
	rbRegister = regexp.MustCompile(`\bFunctionsFramework\.(http|cloud_event)\b\s*\(?\s*(?:["':]([\w-]+))?`)
	rbClassic  = regexp.MustCompile(`(?m)^\s*require\s*\(?\s*["']sinatra["']`)
	rbModular  = regexp.MustCompile(`(?m)^\s*class\s+([A-Z]\w*(?:::\w+)*)\s*<\s*` +
		`(?:Sinatra::(?:Base|Application)|Roda|Grape::API|Hanami::(?:API|App)|Cuba|Syro)\b`)
	rbWhisk   = regexp.MustCompile(`(?m)^def\s+main\s*\(?\s*\w+\s*(?:=[^)\n]*)?\)?\s*(?:$|;)`)
	rbCalls   = regexp.MustCompile(`(?m)^\s*(?:puts\s+|exit\s+|exit\()?main\b\s*(?:\(|$|ARGV)`)
	rbFaas    = regexp.MustCompile(`(?s)\bclass\s+Handler\b.*\bdef\s+run\s*\(?\s*\w+`)
	rbListens = regexp.MustCompile(`\bWEBrick::HTTPServer\b|\bTCPServer\.(?:new|open)\b|\bRack::Handler\b|` +
		`\bRackup::Handler\b|\bPuma::Server\b|\bENV\s*(?:\[|\.fetch\()\s*["']PORT["']`)
	rbScope = regexp.MustCompile(`^(\s*)(?:class|module)\s+([A-Z]\w*(?:::\w+)*)`)
)

// ruby looks for Ruby.
func (s *source) ruby() []candidate {
	if !s.has("Gemfile") && !s.has("config.ru") && len(s.walkRuby()) == 0 {
		return nil
	}
	found := s.rubyApplications()
	for _, name := range s.rubyFiles() {
		found = append(found, s.rubyModule(name)...)
	}
	for _, name := range s.rubyPrograms() {
		c := runs(toolchain.Ruby, "ruby", name)
		c.file = name
		found = append(found, c)
	}
	return found
}

func (s *source) walkRuby() []string { return s.names(".", withSuffix(".rb")) }

// rubyApplications are those that say themselves what they are: Rails, and config.ru.
func (s *source) rubyApplications() []candidate {
	gems := s.gems()
	switch {
	case s.has("bin/rails") || s.has("config/application.rb") && slices.Contains(gems, "rails"):
		program := "bundle exec rails"
		if s.has("bin/rails") {
			program = "ruby bin/rails" // which sets the bundle up by itself
		}
		c := server(toolchain.Ruby, manifest.SplitCommand(
			program+" server -b 127.0.0.1 -p $PORT -P /tmp/server.pid")...)
		c.rank = rankDeclared
		c.notices = []string{"a Rails application: it needs SECRET_KEY_BASE or RAILS_MASTER_KEY in its " +
			"environment, and a database that is elsewhere"}
		return []candidate{c}
	case s.has("config.ru") && s.has("config/puma.rb") && slices.Contains(gems, "puma"):
		c := server(toolchain.Ruby, manifest.SplitCommand(
			"bundle exec puma -C config/puma.rb -b tcp://127.0.0.1:$PORT")...)
		c.rank = rankDeclared
		c.notices = []string{"config/puma.rb says how the application is served"}
		return []candidate{c}
	case s.has("config.ru"):
		c := handler(toolchain.Ruby, dayfly.DialectRack, "config.ru", "")
		c.rank = rankDeclared
		return []candidate{c}
	}
	return nil
}

// gems names the gems of the Gemfile.
func (s *source) gems() []string {
	var names []string
	for _, match := range rbGem.FindAllStringSubmatch(s.read("Gemfile"), -1) {
		names = append(names, match[1])
	}
	return names
}

// rubyFiles are the modules to look at, the usual ones first.
func (s *source) rubyFiles() []string {
	files := s.present(rubyNames)
	for _, name := range s.walkRuby() {
		if !slices.Contains(files, name) && len(files) < rubyFilesMax {
			files = append(files, name)
		}
	}
	return files
}

// rubyPrograms are modules that may be run as they are: the usual ones, or the only one.
func (s *source) rubyPrograms() []string {
	files := s.present([]string{"main.rb", "app.rb", "hello.rb", "index.rb"})
	if all := s.walkRuby(); len(files) == 0 && len(all) == 1 {
		return all
	}
	return files
}

// rubyModule judges one module.
func (s *source) rubyModule(name string) []candidate {
	text := rbComment.ReplaceAllString(s.read(name), "")
	var found []candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, handler(toolchain.Ruby, dialect, name, export))
	}
	for _, match := range rbRegister.FindAllStringSubmatch(text, exportsMax) {
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
		c := server(toolchain.Ruby, "ruby", name)
		c.file = name
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
	for _, at := range rbLambda.FindAllStringSubmatchIndex(text, exportsMax) {
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

// rubyExports tells whether a module seems to define a name.
func rubyExports(text, export string) bool {
	last := export[strings.LastIndexAny(export, ".:")+1:]
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(last) + `\b`).MatchString(text)
}

// finishRuby adds the gems to install and the version that is asked for.
func (s *source) finishRuby(plan *Plan) {
	gemfile := rbComment.ReplaceAllString(s.read("Gemfile"), "")
	asked := func(pattern *regexp.Regexp, text string) {
		if match := pattern.FindStringSubmatch(text); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	asked(rbVersion, s.read(".ruby-version"))
	asked(rbVersion, s.toolVersion("ruby"))
	asked(rbAsked, gemfile)
	s.rubyEnvironment(plan)
	plan.Ruby = RubyPlan{
		Gems:   rbNeeds.MatchString(gemfile) && !s.hasFolder("vendor/bundle"),
		Locked: s.has("Gemfile.lock"),
		Rails:  strings.Contains(strings.Join(plan.Command, " "), "rails server"),
	}
	if s.hasFolder("vendor/bundle") && !s.has(".bundle/config") {
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		plan.Env["BUNDLE_PATH"] = "vendor/bundle"
	}
	plan.Ruby.Assets = plan.Ruby.Rails && s.hasFolder("app/assets")
	if plan.Ruby.Gems || plan.Ruby.Rails {
		plan.Install = InstallRuby
	}
}

// rubyEnvironment tells frameworks that this is production. What Rails writes goes to
// where a box can be written to, and its log to where it is seen.
func (s *source) rubyEnvironment(plan *Plan) {
	line := strings.Join(plan.Command, " ")
	if plan.Dialect != dayfly.DialectRack && plan.Contract != dayfly.ContractHTTP {
		return
	}
	plan.Env = map[string]string{"RACK_ENV": "production", "APP_ENV": "production"}
	if strings.Contains(line, "rails server") || strings.Contains(line, "puma ") {
		plan.Concurrency = pumaThreads
	}
	if !strings.Contains(line, "rails") && !s.has("bin/rails") {
		return
	}
	for name, value := range map[string]string{
		"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "1", "RAILS_SERVE_STATIC_FILES": "1",
		"BOOTSNAP_CACHE_DIR": "/tmp/bootsnap", "PIDFILE": "/tmp/server.pid",
	} {
		plan.Env[name] = value
	}
}
