// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// platformFiles are those of other platforms that name a handler.
var platformFiles = []string{
	"serverless.yml", "serverless.yaml", "template.yaml", "template.yml", "sam.yaml",
}

// declaration is one function that a platform file declares.
type declaration struct {
	name, handler, runtime, code string
}

// platforms reads the handler from the file of another platform, when it declares one
// function. It is a help, not an import: what cannot be read is told and passed over.
func (s *source) platforms() ([]candidate, error) {
	for _, file := range platformFiles {
		text := s.read(file)
		if text == "" {
			continue
		}
		list := declarations(text)
		if len(list) != 1 || list[0].handler == "" {
			continue // several functions, or none that is plain: the code itself decides
		}
		d := list[0]
		language, version := toolchain.ParseName(d.runtime)
		if c, ok := s.dotnetEntry(d.handler, language); ok {
			c.rank, c.version = rankDeclared, version
			c.notices = append(c.notices, handlerFrom(file))
			return []candidate{c}, nil
		}
		if c, ok := s.javaDeclared(d); ok && (language == toolchain.Java || language == "") {
			c.rank, c.version = rankDeclared, version
			c.notices = append(c.notices, handlerFrom(file))
			return []candidate{c}, nil
		}
		entry := strings.TrimPrefix(path.Join(d.code, d.handler), "./")
		if language == toolchain.Native || strings.Contains(entry, "${") {
			continue
		}
		if c, ok, _ := s.scriptedEntry(entry, language); ok && c.language == language {
			c.rank, c.version = rankDeclared, version
			c.notices = append(c.notices, handlerFrom(file))
			return []candidate{c}, nil
		}
		module, export := s.entryFile(entry, language)
		if module == "" {
			continue
		}
		c, err := s.entryCandidate(module, export)
		if err != nil {
			return nil, err
		}
		c.rank, c.version = rankDeclared, version
		c.notices = append(c.notices, handlerFrom(file))
		return []candidate{c}, nil
	}
	return nil, nil
}

func handlerFrom(file string) string {
	return "the handler comes from " + file + "; other settings in it are not used"
}

// declarations reads the functions of a Serverless or SAM file.
func declarations(text string) []declaration {
	if !parsable(text) || yamlReference.MatchString(text) {
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
	var list []declaration
	for name, f := range file.Functions {
		runtime := f.Runtime
		if runtime == "" {
			runtime = file.Provider.Runtime
		}
		list = append(list, declaration{name: name, handler: f.Handler, runtime: runtime})
	}
	for name, r := range file.Resources {
		if r.Type != "AWS::Serverless::Function" && r.Type != "AWS::Lambda::Function" {
			continue
		}
		word := func(key string) string { text, _ := r.Properties[key].(string); return text }
		d := declaration{
			name: name, handler: word("Handler"), runtime: word("Runtime"), code: word("CodeUri"),
		}
		if d.runtime == "" {
			d.runtime = file.Globals.Function.Runtime
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b declaration) int { return strings.Compare(a.name, b.name) })
	return list
}
