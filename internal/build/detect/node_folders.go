// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// functionsMax bounds the functions of one folder.
const functionsMax = 500

var scriptFunction = regexp.MustCompile(`\bexport\s+default\b|\bmodule\.exports\s*=|\bexports\.\w+\s*=|` +
	`\bexport\s+(?:const|let|var|async\s+function|function)\s+\w+|\bexport\s*\{`)

// functionFiles lists the functions of a folder whose files are functions.
func (s *source) functionFiles(dir string) []string {
	var names []string
	for _, name := range s.walk(dir, withSuffix(scriptSuffixes...)) {
		isHidden := slices.ContainsFunc(strings.Split(strings.TrimPrefix(name, dir), "/"), func(part string) bool {
			return strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".")
		})
		isTest := strings.Contains(name, ".test.") || strings.Contains(name, ".spec.")
		if isHidden || isTest || strings.HasSuffix(name, ".d.ts") || len(names) >= functionsMax {
			continue
		}
		if scriptFunction.MatchString(stripScript(s.read(name))) {
			names = append(names, name)
		}
	}
	return names
}

// folder is the candidate for a folder of functions.
func folder(dialect dayfly.Dialect, dir string, notices ...string) candidate {
	c := handler(toolchain.Node, dialect, "", "")
	c.entry, c.rank, c.notices = dir, rankDeclared, notices
	return c
}

// nodeFolders looks for the functions of platforms where each file or folder is one.
func (s *source) nodeFolders(pkg *packageFile) []candidate {
	var found []candidate
	found = append(found, s.netlify()...)
	found = append(found, s.azure()...)
	found = append(found, s.openfaas()...)
	found = append(found, s.whisk()...)
	return append(found, s.vercel(pkg)...)
}

const siteNotice = "pages beside the functions are not served by them; a site of dayfly.yaml is"

func (s *source) vercel(pkg *packageFile) []candidate {
	files := s.functionFiles("api")
	if len(files) == 0 {
		return nil
	}
	c := folder(dayfly.DialectVercel, "api", "the files of api/ are Vercel functions, each at its own path")
	isSaid := s.has("vercel.json") || pkg != nil &&
		(pkg.has("@vercel/node") || pkg.has("vercel") || pkg.has("@vercel/functions"))
	if pkg != nil {
		if app, ok := s.application(pkg); ok && !app.static {
			return nil // it has routes of its own
		}
	}
	if !isSaid && !slices.ContainsFunc(files, s.isVercelFile) {
		return nil
	}
	if !isSaid {
		c.rank = rankServer // a module that is the whole application comes first
	}
	if s.has("index.html") || s.has("public/index.html") {
		c.notices = append(c.notices, siteNotice)
	}
	return []candidate{c}
}

// isVercelFile tells whether a file of api/ looks like one of Vercel's functions.
func (s *source) isVercelFile(name string) bool {
	text := stripScript(s.read(name))
	dialect, ok := defaultDialect(text)
	return jsMethod.MatchString(text) || ok && dialect != dayfly.DialectLambda
}

// netlifyConfig is what the guest needs of netlify.toml.
type netlifyConfig struct {
	Redirects []netlifyRedirect `json:"redirects,omitempty"`
}

type netlifyRedirect struct {
	From   string `json:"from" toml:"from"`
	To     string `json:"to" toml:"to"`
	Status int    `json:"status,omitempty" toml:"status"`
}

type netlifyFile struct {
	Build struct {
		Functions string `toml:"functions"`
		Publish   string `toml:"publish"`
	} `toml:"build"`
	Functions struct {
		Directory string `toml:"directory"`
	} `toml:"functions"`
	Redirects []netlifyRedirect `toml:"redirects"`
}

func (s *source) netlifyFile() netlifyFile {
	var file netlifyFile
	if readTOML(s.read("netlify.toml"), &file) != nil {
		return netlifyFile{}
	}
	return file
}

func (s *source) netlifyConfig() *netlifyConfig {
	list := s.netlifyFile().Redirects
	if len(list) == 0 {
		return nil
	}
	return &netlifyConfig{Redirects: list[:min(len(list), routesMax)]}
}

func (s *source) netlify() []candidate {
	file := s.netlifyFile()
	for _, dir := range []string{file.Functions.Directory, file.Build.Functions, "netlify/functions"} {
		dir = strings.Trim(path.Clean("/"+dir), "/")
		if dir == "" || len(s.functionFiles(dir)) == 0 {
			continue
		}
		c := folder(dayfly.DialectNetlify, dir, "the files of "+dir+" are Netlify functions, at /.netlify/functions/NAME")
		if file.Build.Publish != "" || s.has("index.html") {
			c.notices = append(c.notices, siteNotice)
		}
		for _, name := range s.functionFiles(dir) {
			if regexp.MustCompile(`\bschedule\s*[:(]`).MatchString(s.read(name)) {
				c.notices = append(c.notices, name+" has a schedule, which is not used: dayfly cron adds one")
			}
		}
		return []candidate{c}
	}
	return nil
}

// azureConfig tells the guest which modules register functions.
type azureConfig struct {
	Modules []string `json:"modules"`
}

func (s *source) azureConfig(plan *Plan) *azureConfig {
	var names []string
	for _, name := range s.azureModules() {
		for _, m := range plan.Node.Modules {
			if m.Source == name {
				name = m.Output
			}
		}
		names = append(names, name)
	}
	return &azureConfig{Modules: names}
}

// azure looks for an Azure Functions application of either programming model.
func (s *source) azure() []candidate {
	if !s.has("host.json") || strings.Contains(s.read("host.json"), `"customHandler"`) {
		return nil
	}
	modules, scripts := s.azureModules(), s.azureScripts()
	if len(modules) == 0 && len(scripts) == 0 {
		return nil
	}
	c := folder(dayfly.DialectAzure, "host", "Azure functions: those with an HTTP trigger are served below the route prefix")
	text := ""
	for _, name := range append(modules, s.functionManifests()...) {
		text += s.read(name)
	}
	if regexp.MustCompile(`authLevel['"]?\s*:\s*['"](function|admin)`).MatchString(text) {
		c.notices = append(c.notices, "authLevel is not enforced: no function keys exist here; "+
			"a route of dayfly.yaml can ask for a key")
	}
	return []candidate{c}
}

// functionManifests lists the function.json files, one folder deep.
func (s *source) functionManifests() []string {
	var names []string
	for _, entry := range s.top {
		name := path.Join(entry.Name(), "function.json")
		if entry.IsDir() && s.has(name) && len(names) < functionsMax {
			names = append(names, name)
		}
	}
	return names
}

// azureScripts lists the scripts that function.json files name.
func (s *source) azureScripts() []string {
	var names []string
	for _, manifest := range s.functionManifests() {
		var file struct {
			ScriptFile string `json:"scriptFile"`
		}
		if json.Unmarshal([]byte(s.read(manifest)), &file) != nil {
			continue
		}
		dir := path.Dir(manifest)
		if file.ScriptFile == "" {
			file.ScriptFile = "index.js"
		}
		for _, name := range []string{path.Join(dir, file.ScriptFile), path.Join(dir, "index.js")} {
			found := s.moduleFile(name)
			if source := strings.TrimSuffix(name, ".js") + ".ts"; found == "" && s.has(source) {
				found = source
			}
			if found != "" && (isTypeScript(found) || withSuffix(scriptSuffixes...)(found)) {
				names = append(names, found)
				break
			}
		}
	}
	return names
}

// azureModules lists the modules that register functions: what package.json's main
// names, which may be a pattern, or what is usual.
func (s *source) azureModules() []string {
	pkg, _ := s.packageJSON()
	var patterns []string
	if pkg != nil && pkg.Main != "" {
		patterns = append(patterns, expand(pkg.Main)...)
	}
	patterns = append(patterns, "src/index.js", "src/functions/*.js", "index.js", "functions/*.js")
	var names []string
	for _, pattern := range patterns {
		for _, name := range s.matching(pattern) {
			isOurs := strings.Contains(s.read(name), "@azure/functions") && !slices.Contains(names, name)
			if isOurs && len(names) < functionsMax {
				names = append(names, name)
			}
		}
	}
	return names
}

// expand gives the alternatives of a pattern with braces: a/{b,c}.js.
func expand(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	end := strings.IndexByte(pattern, '}')
	if open < 0 || end < open {
		return []string{pattern}
	}
	var list []string
	for _, part := range strings.Split(pattern[open+1:end], ",") {
		if len(list) < functionsMax {
			list = append(list, pattern[:open]+part+pattern[end+1:])
		}
	}
	return list
}

// matching lists the modules that a pattern names, as they are before a build: dist/x.js
// is src/x.ts or x.ts.
func (s *source) matching(pattern string) []string {
	pattern = strings.TrimPrefix(path.Clean("/"+pattern), "/")
	places := []string{pattern}
	for _, built := range []string{"dist/", "build/", "out/", "lib/"} {
		if below, ok := strings.CutPrefix(pattern, built); ok {
			places = append(places, below)
		}
	}
	var names []string
	for _, place := range places {
		dir, base := path.Split(place)
		stem := strings.TrimSuffix(base, path.Ext(base))
		for _, name := range s.names(path.Clean(dir), withSuffix(scriptSuffixes...)) {
			file := path.Base(name)
			ok, err := path.Match(stem, strings.TrimSuffix(file, path.Ext(file)))
			if err == nil && ok && !strings.HasSuffix(name, ".d.ts") && !strings.Contains(name, ".test.") {
				names = append(names, name)
			}
		}
	}
	return names
}

// openfaas reads stack.yml, when it declares one function in a Node language.
func (s *source) openfaas() []candidate {
	for _, name := range []string{"stack.yml", "stack.yaml", "openfaas.yml"} {
		text := s.read(name)
		if text == "" || !parsable(text) || yamlReference.MatchString(text) {
			continue
		}
		var file struct {
			Provider  struct{ Name string }
			Functions map[string]struct{ Lang, Handler string }
		}
		if yaml.Unmarshal([]byte(text), &file) != nil || file.Provider.Name != "openfaas" || len(file.Functions) != 1 {
			continue
		}
		for _, f := range file.Functions {
			module := s.moduleFile(path.Join(f.Handler, "handler"))
			if module == "" || !strings.HasPrefix(f.Lang, "node") && !strings.HasPrefix(f.Lang, "ts") {
				continue
			}
			c := handler(toolchain.Node, dayfly.DialectOpenFaaS, module, "")
			return declared([]candidate{c}, handlerFrom(name))
		}
	}
	return nil
}
