// SPDX-License-Identifier: Apache-2.0

package wagi

import (
	"fmt"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dayfly-faas/dayfly"
)

// The files that are read.
const (
	ModulesFile = "modules.toml"
	SpinFile    = "spin.toml"
)

// IsManifest tells whether a command names such a file in place of a module.
func IsManifest(name string) bool {
	return path.Base(name) == ModulesFile || path.Base(name) == SpinFile
}

// Parse reads the file of that name. The text must have been checked to be small and
// flat where the process is not inside a box.
func Parse(name, text string) (*Program, error) {
	read := modules
	if path.Base(name) == SpinFile {
		read = spin
	}
	program, err := read(text)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %v", name, err)
	}
	if len(program.Routes) == 0 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s names no module", name)
	}
	return program, nil
}

// modules reads WAGI's modules.toml.
func modules(text string) (*Program, error) {
	var file struct {
		Module []struct {
			Route        string            `toml:"route"`
			Host         string            `toml:"host"`
			Module       string            `toml:"module"`
			Entrypoint   string            `toml:"entrypoint"`
			Environment  map[string]string `toml:"environment"`
			Volumes      map[string]string `toml:"volumes"`
			AllowedHosts []string          `toml:"allowed_hosts"`
			HTTPMax      int               `toml:"http_max_concurrency"`
		} `toml:"module"`
	}
	if err := toml.Unmarshal([]byte(text), &file); err != nil {
		return nil, err
	}
	p := &Program{Strict: true}
	for _, m := range file.Module {
		if scheme, rest, ok := strings.Cut(m.Module, ":"); ok {
			if scheme != "file" || strings.HasPrefix(rest, "//") {
				return nil, fmt.Errorf("module %.80q must be a file below the code", m.Module)
			}
			m.Module = rest
		}
		err := p.add(Route{
			Pattern: m.Route, Module: m.Module, Entry: m.Entrypoint, QueryArgs: true,
			Env: m.Environment, Volumes: m.Volumes,
		})
		if err != nil {
			return nil, err
		}
		if len(m.AllowedHosts) > 0 || m.HTTPMax > 0 {
			p.notice("outgoing HTTP of WAGI modules (allowed_hosts, http_max_concurrency) is not given")
		}
		if m.Host != "" {
			p.notice("host of a module is not used: all routes answer on the function's own addresses")
		}
	}
	return p, nil
}

// spinFile is spin.toml of Spin 1.
type spinFile struct {
	Version  string         `toml:"spin_version"`
	Manifest string         `toml:"spin_manifest_version"`
	Trigger  spinTrigger    `toml:"trigger"`
	Parts    []spinPart     `toml:"component"`
	Any      map[string]any `toml:"variables"`
}

type spinTrigger struct {
	Type string `toml:"type"`
	Base string `toml:"base"`
}

type spinPart struct {
	ID          string            `toml:"id"`
	Source      any               `toml:"source"`
	Environment map[string]string `toml:"environment"`
	Files       []any             `toml:"files"`
	Trigger     struct {
		Route    string `toml:"route"`
		Executor struct {
			Type       string `toml:"type"`
			Argv       string `toml:"argv"`
			Entrypoint string `toml:"entrypoint"`
		} `toml:"executor"`
	} `toml:"trigger"`
}

// spin reads spin.toml. Only components that are WAGI modules can run: all others
// import what is Spin's own, or are components of the component model.
func spin(text string) (*Program, error) {
	var version struct {
		Manifest any `toml:"spin_manifest_version"`
	}
	if err := toml.Unmarshal([]byte(text), &version); err != nil {
		return nil, err
	}
	if number, ok := version.Manifest.(int64); ok && number >= 2 {
		return nil, fmt.Errorf("applications of Spin %d are components of the component model, which are "+
			"not run here; only Spin 1 applications of WAGI modules are", number)
	}
	var file spinFile
	if err := toml.Unmarshal([]byte(text), &file); err != nil {
		return nil, err
	}
	if file.Trigger.Type != "http" {
		return nil, fmt.Errorf("the trigger is %.40q: only http is there", file.Trigger.Type)
	}
	p := &Program{Strict: true}
	for _, part := range file.Parts {
		if err := p.addPart(file.Trigger.Base, part); err != nil {
			return nil, err
		}
	}
	if len(file.Any) > 0 {
		p.notice("variables of spin.toml are not given to the modules")
	}
	return p, nil
}

func (p *Program) addPart(base string, part spinPart) error {
	source, ok := part.Source.(string)
	if !ok {
		return fmt.Errorf("the source of component %.60s must be a file below the code", part.ID)
	}
	executor := part.Trigger.Executor
	if executor.Type != "wagi" {
		return fmt.Errorf("component %.60s is not a WAGI module (its executor is not \"wagi\"): it needs Spin's "+
			"own interfaces, which are not there; WAGI modules are run", part.ID)
	}
	route := Route{
		Pattern: path.Join("/", base, part.Trigger.Route), Module: source, Entry: executor.Entrypoint,
		QueryArgs: true, Argv: executor.Argv, Env: part.Environment,
	}
	for _, item := range part.Files {
		table, ok := item.(map[string]any)
		if !ok {
			continue // a pattern: the module sees the whole of the code at the same place
		}
		from, _ := table["source"].(string)
		to, _ := table["destination"].(string)
		if route.Volumes == nil {
			route.Volumes = map[string]string{}
		}
		route.Volumes[to] = from
	}
	return p.add(route)
}

func (p *Program) notice(text string) {
	for _, known := range p.Notices {
		if known == text {
			return
		}
	}
	p.Notices = append(p.Notices, text)
}
