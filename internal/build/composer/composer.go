// SPDX-License-Identifier: Apache-2.0

package composer

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// phpNames are the usual modules of handlers, in the order in which they are looked at.
var phpNames = []string{
	"index.php", "handler.php", "function.php", "main.php", "app.php", "src/Handler.php", "function/src/Handler.php",
}

// phpFronts are the folders whose index.php answers a web application's requests.
var phpFronts = []string{"public", "web", "webroot", "htdocs", "public_html", "."}

// Evidence in the text of a PHP module.
var (
	phpComment  = grep.Of(`(?s)/\*.*?\*/|(?m:^\s*(?://|#[^\[])[^\n]*$)`)
	phpRegister = grep.Of(`\bFunctionsFramework::(http|cloudEvent)\s*\(\s*['"]([\w-]+)['"]`)
	phpFunction = grep.Of(`(?m)^function\s+(\w+)\s*\(\s*\\?(?:[\w\\]+\\)?` +
		`(ServerRequestInterface|CloudEventInterface|CloudEvent)\s+\$`)
	phpReturns = grep.Of(`(?m)^return\s+(?:static\s+)?(?:function|fn)\s*\(\s*(?:\??\\?[\w\\]+\s+)?\$` +
		`(?:event|e|payload|_)\b`)
	phpReturnsObject = grep.Of(`(?m)^return\s+new\s+(?:class\b|\\?[\w\\]*Handler\b)`)
	phpEventClass    = grep.Of(`\bBref\\(?:Event|Context)\b`)
	phpWhisk         = grep.Of(`(?m)^function\s+main\s*\(\s*(?:array\s+)?\$\w+[^)]*\)`)
	phpFaas          = grep.Of(`(?s)\bclass\s+Handler\b.*\bfunction\s+handle\s*\(`)
)

// Candidates looks for PHP.
func Candidates(s *look.Source) []look.Candidate {
	files := s.Present(phpNames)
	front := phpFront(s)
	if len(files) == 0 && front == "" && !s.Has("composer.json") && path.Ext(s.Single()) != ".php" {
		return nil
	}
	var found []look.Candidate
	packages := Packages(s)
	for _, name := range files {
		found = append(found, Module(s, name, packages)...)
	}
	if name := s.Single(); path.Ext(name) == ".php" && !slices.Contains(files, name) {
		found = append(found, Module(s, name, packages)...)
		found = append(found, look.Runs(toolchain.PHP, "php", name))
	}
	if front != "" {
		found = append(found, phpApplication(s, front, packages))
	}
	return found
}

// phpFront gives the folder with the front controller, "" for none.
func phpFront(s *look.Source) string {
	for _, folder := range phpFronts {
		if s.Has(path.Join(folder, "index.php")) {
			return folder
		}
	}
	return ""
}

// phpApplication is what php-cgi answers, behind our own server.
func phpApplication(s *look.Source, front string, packages []string) look.Candidate {
	c := look.Server(toolchain.PHP, look.FastCGI(front, "php-cgi")...)
	for _, known := range []struct{ file, name, beside string }{
		{"artisan", "Laravel", "; it needs APP_KEY in its environment, and sessions, cache and database elsewhere"},
		{"symfony.lock", "Symfony", "; it needs APP_ENV and APP_SECRET in its environment"},
		{"wp-login.php", "WordPress", "; it needs a database, and uploads and plug-ins in the source or elsewhere"},
	} {
		if s.Has(known.file) {
			c.Rank = look.RankDeclared
			c.Notices = []string{"a " + known.name + " application, by " + known.file + known.beside}
			return c
		}
	}
	if slices.Contains(packages, "slim/slim") {
		c.Notices = []string{"a Slim application, by composer.json"}
	}
	return c
}

// Module judges one module that may hold a handler.
func Module(s *look.Source, name string, packages []string) []look.Candidate {
	text := phpComment.ReplaceAllString(s.Read(name), "")
	var found []look.Candidate
	add := func(dialect dayfly.Dialect, export string) {
		found = append(found, look.Handler(toolchain.PHP, dialect, name, export))
	}
	for _, match := range phpRegister.FindAllStringSubmatch(text, look.ExportsMax) {
		add(phpFrameworkDialect(match[1] == "http"), match[2])
	}
	framework := slices.Contains(packages, "google/cloud-functions-framework")
	for _, match := range phpFunction.FindAllStringSubmatch(text, look.ExportsMax) {
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

// Packages names the packages that composer.json requires, without the platform's own.
func Packages(s *look.Source) []string {
	names := look.SortedKeys(composerRequire(s))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "/") })
}

func composerRequire(s *look.Source) map[string]any {
	var file struct {
		Require map[string]any `json:"require"`
	}
	text := s.Read("composer.json")
	if !look.Parsable(text) || json.Unmarshal([]byte(text), &file) != nil {
		return nil
	}
	return file.Require
}

// phpMinor is a version in a file of a version manager.
var phpMinor = grep.Of(`(?m)^\s*(\d+\.\d+)(?:\.\d+)?`)

// phpVersion is a requirement that only one minor version meets.
var phpVersion = grep.Of(`^(?:~\s*(\d+\.\d+)\.\d+|(\d+\.\d+)\.(?:\*|\d+))$`)

// Finish adds what Composer installs and which PHP is asked for.
func Finish(s *look.Source, plan *look.Plan) {
	for _, text := range []string{s.Read(".php-version"), s.ToolVersion("php")} {
		if match := phpMinor.FindStringSubmatch(text); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	requires, _ := composerRequire(s)["php"].(string)
	if match := phpVersion.FindStringSubmatch(requires); match != nil && plan.Version == "" {
		plan.Version = match[1] + match[2]
	}
	plan.Install = look.InstallPHP
	plan.PHP.Packages = s.Has("composer.json") && !s.Has("vendor/autoload.php")
	plan.PHP.Locked = s.Has("composer.lock")
	if words := plan.Command; len(words) == 6 && words[2] == "fastcgi" && words[5] == "php-cgi" {
		plan.PHP.Root = words[4]
	}
}
