// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// functionsMax bounds the functions of one folder.
const functionsMax = 500

var scriptFunction = grep.Of(`\bexport\s+default\b|\bmodule\.exports\s*=|\bexports\.\w+\s*=|` +
	`\bexport\s+(?:const|let|var|async\s+function|function)\s+\w+|\bexport\s*\{`)

// functionFiles lists the functions of a folder whose files are functions.
func functionFiles(s *look.Source, dir string) []string {
	var names []string
	for _, name := range s.Walk(dir, look.Suffixed(look.ScriptSuffixes...)) {
		isHidden := slices.ContainsFunc(strings.Split(strings.TrimPrefix(name, dir), "/"), func(part string) bool {
			return strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".")
		})
		isTest := strings.Contains(name, ".test.") || strings.Contains(name, ".spec.")
		if isHidden || isTest || strings.HasSuffix(name, ".d.ts") || len(names) >= functionsMax {
			continue
		}
		if scriptFunction.MatchString(look.StripScript(s.Read(name))) {
			names = append(names, name)
		}
	}
	return names
}

// folder is the candidate for a folder of functions.
func folder(dialect dayfly.Dialect, dir string, notices ...string) look.Candidate {
	c := look.Handler(toolchain.Node, dialect, "", "")
	c.Entry, c.Rank, c.Notices = dir, look.RankDeclared, notices
	return c
}

// nodeFolders looks for the functions of platforms where each file or folder is one.
func nodeFolders(s *look.Source, pkg *packageFile) []look.Candidate {
	var found []look.Candidate
	found = append(found, netlify(s)...)
	found = append(found, azure(s)...)
	found = append(found, openfaas(s)...)
	found = append(found, whisk(s)...)
	return append(found, vercel(s, pkg)...)
}

const siteNotice = "pages beside the functions are not served by them; a site of dayfly.yaml is"

func vercel(s *look.Source, pkg *packageFile) []look.Candidate {
	files := functionFiles(s, "api")
	if len(files) == 0 {
		return nil
	}
	c := folder(dayfly.DialectVercel, "api", "the files of api/ are Vercel functions, each at its own path")
	isSaid := s.Has("vercel.json") || pkg != nil &&
		(pkg.has("@vercel/node") || pkg.has("vercel") || pkg.has("@vercel/functions"))
	if pkg != nil {
		if app, ok := applicationOf(s, pkg); ok && !app.static {
			return nil // it has routes of its own
		}
	}
	if !isSaid && !slices.ContainsFunc(files, func(name string) bool { return isVercelFile(s, name) }) {
		return nil
	}
	if !isSaid {
		c.Rank = look.RankServer // a module that is the whole application comes first
	}
	if s.Has("index.html") || s.Has("public/index.html") {
		c.Notices = append(c.Notices, siteNotice)
	}
	return []look.Candidate{c}
}

// isVercelFile tells whether a file of api/ looks like one of Vercel's functions.
func isVercelFile(s *look.Source, name string) bool {
	text := look.StripScript(s.Read(name))
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

func readNetlify(s *look.Source) netlifyFile {
	var file netlifyFile
	if look.ReadTOML(s.Read("netlify.toml"), &file) != nil {
		return netlifyFile{}
	}
	return file
}

func netlifyRedirects(s *look.Source) *netlifyConfig {
	list := readNetlify(s).Redirects
	if len(list) == 0 {
		return nil
	}
	return &netlifyConfig{Redirects: list[:min(len(list), look.RoutesMax)]}
}

func netlify(s *look.Source) []look.Candidate {
	file := readNetlify(s)
	for _, dir := range []string{file.Functions.Directory, file.Build.Functions, "netlify/functions"} {
		dir = strings.Trim(path.Clean("/"+dir), "/")
		if dir == "" || len(functionFiles(s, dir)) == 0 {
			continue
		}
		c := folder(dayfly.DialectNetlify, dir, "the files of "+dir+" are Netlify functions, at /.netlify/functions/NAME")
		if file.Build.Publish != "" || s.Has("index.html") {
			c.Notices = append(c.Notices, siteNotice)
		}
		return []look.Candidate{c}
	}
	return nil
}

// azureConfig tells the guest which modules register functions.
type azureConfig struct {
	Modules []string `json:"modules"`
}

func azureFunctions(s *look.Source, plan *look.Plan) *azureConfig {
	var names []string
	for _, name := range azureModules(s) {
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
func azure(s *look.Source) []look.Candidate {
	if !s.Has("host.json") || strings.Contains(s.Read("host.json"), `"customHandler"`) {
		return nil
	}
	modules, scripts := azureModules(s), azureScripts(s)
	if len(modules) == 0 && len(scripts) == 0 {
		return nil
	}
	c := folder(dayfly.DialectAzure, "host", "Azure functions: those with an HTTP trigger are served below the route prefix")
	text := ""
	for _, name := range append(modules, functionManifests(s)...) {
		text += s.Read(name)
	}
	if regexp.MustCompile(`authLevel['"]?\s*:\s*['"](function|admin)`).MatchString(text) {
		c.Notices = append(c.Notices, "authLevel is not enforced: no function keys exist here; "+
			"a route of dayfly.yaml can ask for a key")
	}
	return []look.Candidate{c}
}

// functionManifests lists the function.json files, one folder deep.
func functionManifests(s *look.Source) []string {
	var names []string
	for _, entry := range s.Top {
		name := path.Join(entry.Name(), "function.json")
		if entry.IsDir() && s.Has(name) && len(names) < functionsMax {
			names = append(names, name)
		}
	}
	return names
}

// azureScripts lists the scripts that function.json files name.
func azureScripts(s *look.Source) []string {
	var names []string
	for _, manifest := range functionManifests(s) {
		var file struct {
			ScriptFile string `json:"scriptFile"`
		}
		if json.Unmarshal([]byte(s.Read(manifest)), &file) != nil {
			continue
		}
		dir := path.Dir(manifest)
		if file.ScriptFile == "" {
			file.ScriptFile = "index.js"
		}
		for _, name := range []string{path.Join(dir, file.ScriptFile), path.Join(dir, "index.js")} {
			found := moduleFile(s, name)
			if source := strings.TrimSuffix(name, ".js") + ".ts"; found == "" && s.Has(source) {
				found = source
			}
			if found != "" && (IsTypeScript(found) || look.Suffixed(look.ScriptSuffixes...)(found)) {
				names = append(names, found)
				break
			}
		}
	}
	return names
}

// azureModules lists the modules that register functions: what package.json's main
// names, which may be a pattern, or what is usual.
func azureModules(s *look.Source) []string {
	pkg, _ := packageJSON(s)
	var patterns []string
	if pkg != nil && pkg.Main != "" {
		patterns = append(patterns, expand(pkg.Main)...)
	}
	patterns = append(patterns, "src/index.js", "src/functions/*.js", "index.js", "functions/*.js")
	var names []string
	for _, pattern := range patterns {
		for _, name := range matching(s, pattern) {
			isOurs := strings.Contains(s.Read(name), "@azure/functions") && !slices.Contains(names, name)
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
func matching(s *look.Source, pattern string) []string {
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
		for _, name := range s.Names(path.Clean(dir), look.Suffixed(look.ScriptSuffixes...)) {
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
func openfaas(s *look.Source) []look.Candidate {
	for _, name := range []string{"stack.yml", "stack.yaml", "openfaas.yml"} {
		text := s.Read(name)
		if text == "" || !look.Parsable(text) || look.YAMLReference.MatchString(text) {
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
			module := moduleFile(s, path.Join(f.Handler, "handler"))
			if module == "" || !strings.HasPrefix(f.Lang, "node") && !strings.HasPrefix(f.Lang, "ts") {
				continue
			}
			c := look.Handler(toolchain.Node, dayfly.DialectOpenFaaS, module, "")
			return declared([]look.Candidate{c}, look.HandlerFrom(name))
		}
	}
	return nil
}
