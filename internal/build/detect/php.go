// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// PHPPlan is what building PHP takes beside the rest of a plan.
type PHPPlan struct {
	// Packages tells that there is something for Composer to install.
	Packages bool
	// Locked tells that composer.lock pins it.
	Locked bool
	// Root is the folder that php-cgi serves; empty when something else is run.
	Root string
}

// phpNames are the usual modules of handlers, in the order in which they are looked at.
var phpNames = []string{
	"index.php", "handler.php", "function.php", "main.php", "app.php", "src/Handler.php", "function/src/Handler.php",
}

// phpFronts are the folders whose index.php answers a web application's requests.
var phpFronts = []string{"public", "web", "webroot", "htdocs", "public_html", "."}

// Evidence in the text of a PHP module.
var (
	phpComment  = regexp.MustCompile(`(?s)/\*.*?\*/|(?m:^\s*(?://|#[^\[])[^\n]*$)`)
	phpRegister = regexp.MustCompile(`\bFunctionsFramework::(http|cloudEvent)\s*\(\s*['"]([\w-]+)['"]`)
	phpFunction = regexp.MustCompile(`(?m)^function\s+(\w+)\s*\(\s*\\?(?:[\w\\]+\\)?` +
		`(ServerRequestInterface|CloudEventInterface|CloudEvent)\s+\$`)
	phpReturns = regexp.MustCompile(`(?m)^return\s+(?:static\s+)?(?:function|fn)\s*\(\s*(?:\??\\?[\w\\]+\s+)?\$` +
		`(?:event|e|payload|_)\b`)
	phpReturnsObject = regexp.MustCompile(`(?m)^return\s+new\s+(?:class\b|\\?[\w\\]*Handler\b)`)
	phpEventClass    = regexp.MustCompile(`\bBref\\(?:Event|Context)\b`)
	phpWhisk         = regexp.MustCompile(`(?m)^function\s+main\s*\(\s*(?:array\s+)?\$\w+[^)]*\)`)
	phpFaas          = regexp.MustCompile(`(?s)\bclass\s+Handler\b.*\bfunction\s+handle\s*\(`)
)

// php looks for PHP.
func (s *source) php() []candidate {
	files := s.present(phpNames)
	front := s.phpFront()
	if len(files) == 0 && front == "" && !s.has("composer.json") && path.Ext(s.single()) != ".php" {
		return nil
	}
	var found []candidate
	packages := s.composer()
	for _, name := range files {
		found = append(found, s.phpModule(name, packages)...)
	}
	if name := s.single(); path.Ext(name) == ".php" && !slices.Contains(files, name) {
		found = append(found, s.phpModule(name, packages)...)
		found = append(found, runs(toolchain.PHP, "php", name))
	}
	if front != "" {
		found = append(found, s.phpApplication(front, packages))
	}
	return found
}

// phpFront gives the folder with the front controller, "" for none.
func (s *source) phpFront() string {
	for _, folder := range phpFronts {
		if s.has(path.Join(folder, "index.php")) {
			return folder
		}
	}
	return ""
}

// phpApplication is what php-cgi answers, behind our own server.
func (s *source) phpApplication(front string, packages []string) candidate {
	c := server(toolchain.PHP, FastCGI(front, "php-cgi")...)
	for _, known := range []struct{ file, name, beside string }{
		{"artisan", "Laravel", "; it needs APP_KEY in its environment, and sessions, cache and database elsewhere"},
		{"symfony.lock", "Symfony", "; it needs APP_ENV and APP_SECRET in its environment"},
		{"wp-login.php", "WordPress", "; it needs a database, and uploads and plug-ins in the source or elsewhere"},
	} {
		if s.has(known.file) {
			c.rank = rankDeclared
			c.notices = []string{"a " + known.name + " application, by " + known.file + known.beside}
			return c
		}
	}
	if slices.Contains(packages, "slim/slim") {
		c.notices = []string{"a Slim application, by composer.json"}
	}
	return c
}

// phpModule judges one module that may hold a handler.
func (s *source) phpModule(name string, packages []string) []candidate {
	text := phpComment.ReplaceAllString(s.read(name), "")
	var found []candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, handler(toolchain.PHP, dialect, name, export))
	}
	for _, match := range phpRegister.FindAllStringSubmatch(text, exportsMax) {
		add(phpFrameworkDialect(match[1] == "http"), match[2])
	}
	framework := slices.Contains(packages, "google/cloud-functions-framework")
	for _, match := range phpFunction.FindAllStringSubmatch(text, exportsMax) {
		if framework || strings.Contains(text, "Psr\\Http\\Message") || strings.Contains(text, "CloudEvent") {
			add(phpFrameworkDialect(match[2] == "ServerRequestInterface"), match[1])
		}
	}
	bref := slices.Contains(packages, "bref/bref") || phpEventClass.MatchString(text)
	if phpReturns.MatchString(text) || bref && phpReturnsObject.MatchString(text) {
		add(dayfly.DialectLambda, "")
	}
	if path.Base(name) == "Handler.php" && phpFaas.MatchString(text) {
		add(dayfly.DialectOpenFaaS, "Handler")
	}
	if phpWhisk.MatchString(text) && !regexp.MustCompile(`(?m)^\s*(?:echo\s+)?main\s*\(`).MatchString(text) {
		add(dayfly.DialectOpenWhisk, "main")
	}
	return found
}

func phpFrameworkDialect(isHTTP bool) dayfly.Dialect {
	if isHTTP {
		return dayfly.DialectFramework
	}
	return dayfly.DialectCloudEvent
}

// composer names the packages that composer.json requires, without the platform's own.
func (s *source) composer() []string {
	names := sortedKeys(s.composerRequire())
	return slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "/") })
}

func (s *source) composerRequire() map[string]any {
	var file struct {
		Require map[string]any `json:"require"`
	}
	text := s.read("composer.json")
	if !parsable(text) || json.Unmarshal([]byte(text), &file) != nil {
		return nil
	}
	return file.Require
}

// phpVersion is a requirement that only one minor version meets.
var phpVersion = regexp.MustCompile(`^(?:~\s*(\d+\.\d+)\.\d+|(\d+\.\d+)\.(?:\*|\d+))$`)

// finishPHP adds what Composer installs and which PHP is asked for.
func (s *source) finishPHP(plan *Plan) {
	for _, text := range []string{s.read(".php-version"), s.toolVersion("php")} {
		if match := rbVersion.FindStringSubmatch(text); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	requires, _ := s.composerRequire()["php"].(string)
	if match := phpVersion.FindStringSubmatch(requires); match != nil && plan.Version == "" {
		plan.Version = match[1] + match[2]
	}
	plan.Install = InstallPHP
	plan.PHP.Packages = s.has("composer.json") && !s.has("vendor/autoload.php")
	plan.PHP.Locked = s.has("composer.lock")
	if words := plan.Command; len(words) == 6 && words[2] == "fastcgi" && words[5] == "php-cgi" {
		plan.PHP.Root = words[4]
	}
}
