// SPDX-License-Identifier: Apache-2.0

package look

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// RoutesMax bounds the functions of an api folder, and the rewrites of vercel.json.
const RoutesMax = 100

// PlatformFiles are those of other platforms that name a handler.
var PlatformFiles = []string{
	"serverless.yml", "serverless.yaml", "template.yaml", "template.yml", "sam.yaml",
}

// Declaration is one function that a platform file declares.
type Declaration struct {
	name, Handler, Runtime, Code string
}

// Declarations reads the functions of a Serverless or SAM file.
func Declarations(text string) []Declaration {
	if !Parsable(text) || YAMLReference.MatchString(text) {
		return nil // aliases could multiply
	}
	// CloudFormation's short tags (!Ref, !Sub) are no concern of ours.
	text = regexp.MustCompile(`!\w+(?:\.\w+)*\s`).ReplaceAllString(text, "")
	var file struct {
		Provider  struct{ Runtime string }
		Functions map[string]struct{ Handler, Runtime string }
		Globals   struct {
			Function struct{ Handler, Runtime, CodeUri string } `yaml:"Function"`
		} `yaml:"Globals"`
		Resources map[string]struct {
			Type       string         `yaml:"Type"`
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if yaml.Unmarshal([]byte(text), &file) != nil {
		return nil
	}
	var list []Declaration
	for name, f := range file.Functions {
		runtime := f.Runtime
		if runtime == "" {
			runtime = file.Provider.Runtime
		}
		list = append(list, Declaration{name: name, Handler: f.Handler, Runtime: runtime})
	}
	for name, r := range file.Resources {
		if r.Type != "AWS::Serverless::Function" && r.Type != "AWS::Lambda::Function" {
			continue
		}
		word := func(key string) string { text, _ := r.Properties[key].(string); return text }
		d := Declaration{
			name: name, Handler: word("Handler"), Runtime: word("Runtime"), Code: word("CodeUri"),
		}
		if d.Runtime == "" {
			d.Runtime = file.Globals.Function.Runtime
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Declaration) int { return strings.Compare(a.name, b.name) })
	return list
}

// HandlerFrom is the notice for a handler that a platform's file names.
func HandlerFrom(file string) string {
	return "the handler comes from " + file + "; other settings in it are not used"
}

// WhiskAction is one action of a package file, in the spelling of wskdeploy or of
// DigitalOcean.
type WhiskAction struct {
	Name     string `yaml:"name"`
	Function string `yaml:"function"`
	Main     string `yaml:"main"`
	Runtime  string `yaml:"runtime"`
	Web      any    `yaml:"web"`
	RawHTTP  bool   `yaml:"raw-http"`
}

// WhiskActions lists the actions of a package file when there is but one.
func WhiskActions(text string) []WhiskAction {
	var wskdeploy struct {
		Packages map[string]struct {
			Actions map[string]WhiskAction
		}
	}
	var digitalOcean struct {
		Packages []struct {
			Name      string
			Functions []WhiskAction
			Actions   []WhiskAction
		}
	}
	var list []WhiskAction
	if yaml.Unmarshal([]byte(text), &wskdeploy) == nil {
		for _, p := range wskdeploy.Packages {
			for _, a := range p.Actions {
				list = append(list, a)
			}
		}
	}
	if len(list) == 0 && yaml.Unmarshal([]byte(text), &digitalOcean) == nil {
		for _, p := range digitalOcean.Packages {
			for _, a := range append(p.Functions, p.Actions...) {
				a.Name = path.Join(p.Name, a.Name)
				list = append(list, a)
			}
		}
	}
	if len(list) != 1 {
		return nil
	}
	return list
}
