// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/cargo"
	"github.com/dayfly-faas/dayfly/internal/build/composer"
	"github.com/dayfly-faas/dayfly/internal/build/gems"
	"github.com/dayfly-faas/dayfly/internal/build/gomod"
	"github.com/dayfly-faas/dayfly/internal/build/jvm"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/npm"
	"github.com/dayfly-faas/dayfly/internal/build/nuget"
	"github.com/dayfly-faas/dayfly/internal/build/pip"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Source decides how what is in files is built and called.
func Source(files fs.FS, settings manifest.Function) (*look.Plan, error) {
	s, err := look.New(files, settings)
	if err != nil {
		return nil, err
	}
	wanted, err := language(s)
	if err != nil {
		return nil, err
	}
	plan, err := plan(s, wanted)
	if err != nil {
		return nil, err
	}
	finish(s, plan)
	return plan, nil
}

// language gives the language that the settings name; "" when they name none.
func language(s *look.Source) (toolchain.Language, error) {
	if s.Settings.Runtime == "" {
		return "", nil
	}
	language, _ := toolchain.ParseName(s.Settings.Runtime)
	if language == "" {
		return "", dayfly.Errorf(dayfly.KindInvalid, "runtime %.60q is not known", s.Settings.Runtime).
			WithHint("runtimes are %s, with or without a version", strings.Join(toolchain.Words(), ", "))
	}
	return language, nil
}

func plan(s *look.Source, wanted toolchain.Language) (*look.Plan, error) {
	if len(s.Settings.Command) > 0 {
		return command(s, wanted)
	}
	if s.Settings.Entry != "" {
		return entry(s, wanted)
	}
	found, err := candidates(s, wanted)
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		if !fits(s, c) {
			continue
		}
		if c.Problem != "" {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "%s", c.Problem)
		}
		plan := accept(c)
		for _, other := range found[i+1:] {
			if other.Problem == "" && other.Language != c.Language && other.Rank == c.Rank {
				plan.Notice("also found " + other.Name() + "; --runtime " + string(other.Language) + " chooses it")
				break
			}
		}
		return plan, nil
	}
	return nil, nothing(s, found)
}

// candidates gives every way to call the source, best first. Among equals the order of
// languages decides: Go, whose sources are the surest sign; Node; Python; the rest; programs.
func candidates(s *look.Source, wanted toolchain.Language) ([]look.Candidate, error) {
	found := procfile(s)
	declared, err := platforms(s)
	if err != nil {
		return nil, err
	}
	found = append(found, declared...)
	found = append(found, azureCustom(s)...)
	found = append(found, gomod.Candidates(s)...)
	found = append(found, npm.Candidates(s)...)
	found = append(found, pip.Candidates(s)...)
	found = append(found, jvm.Candidates(s)...)
	found = append(found, nuget.Candidates(s)...)
	found = append(found, cargo.Candidates(s)...)
	found = append(found, gems.Candidates(s)...)
	found = append(found, composer.Candidates(s)...)
	found = append(found, fastcgi(s)...)
	found = append(found, modules(s)...)
	found = append(found, cgi(s)...)
	found = append(found, programs(s)...)
	found = append(found, static(s)...)
	found = append(found, others(s)...)
	if wanted != "" {
		found = slices.DeleteFunc(found, func(c look.Candidate) bool {
			return c.Language != wanted && c.Problem == ""
		})
	}
	slices.SortStableFunc(found, func(a, b look.Candidate) int { return a.Rank - b.Rank })
	return found, nil
}

// fits tells whether a candidate is what the settings ask for.
func fits(s *look.Source, c look.Candidate) bool {
	if c.Problem != "" {
		return s.Settings.Contract == "" && s.Settings.Dialect == ""
	}
	contract, dialect := s.Settings.Contract, s.Settings.Dialect
	if contract == "" && dialect != "" {
		contract = string(dayfly.ContractHandler)
	}
	if contract != "" && contract != string(c.Contract) {
		return false
	}
	return dialect == "" || dialect == string(c.Dialect)
}

// accept makes a plan of a candidate.
func accept(c look.Candidate) *look.Plan {
	return &look.Plan{
		Language: c.Language, Version: c.Version, Contract: c.Contract, Dialect: c.Dialect,
		Entry: look.EntryIfHandler(c), Command: c.Command, Extra: c.Extra, Notices: c.Notices,
		TypeScript: npm.TypeScriptOf(c.File), Payload: c.Payload, Concurrency: concurrencyOf(c.Command),
	}
}

// nothing says that no candidate fits, and how to say what is meant.
func nothing(s *look.Source, found []look.Candidate) error {
	var others []string
	for _, c := range found {
		name := c.Name()
		if c.Dialect != "" {
			name += " (" + string(c.Dialect) + ")"
		}
		if c.Problem == "" && len(others) < 3 && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		asked := strings.Trim(s.Settings.Contract+" "+s.Settings.Dialect, " ")
		return dayfly.Errorf(dayfly.KindInvalid, "nothing in the source fits %q; found %s",
			asked, strings.Join(others, ", ")).
			WithHint("leave contract and dialect out, or name the entry or the command")
	}
	for _, c := range found {
		if c.Problem != "" {
			return dayfly.Errorf(dayfly.KindInvalid, "%s", c.Problem)
		}
	}
	return dayfly.Errorf(dayfly.KindInvalid, "nothing to call was found in the source; looked for "+
		"a Procfile, the project files and sources of every language, other platforms' files, "+
		"index.html and an executable: docs/guides/languages.md lists them").
		WithHint("name a handler with --entry app.handler or a program with --command \"./run\"; " +
			"in dayfly.yaml the keys are entry and command")
}

// finish adds what has to be installed and compiled, and which runtime is asked for.
func finish(s *look.Source, plan *look.Plan) {
	switch plan.Language {
	case toolchain.Python:
		pip.Finish(s, plan)
	case toolchain.Node:
		npm.Finish(s, plan)
	case toolchain.Go:
		gomod.Finish(s, plan)
	case toolchain.Java:
		jvm.Finish(s, plan)
	case toolchain.Ruby:
		gems.Finish(s, plan)
	case toolchain.PHP:
		composer.Finish(s, plan)
	case toolchain.DotNet, toolchain.Mono:
		nuget.Finish(s, plan)
	case toolchain.Rust:
		cargo.Finish(s, plan)
	case toolchain.Wasm:
		finishWasm(s, plan)
	}
	declared(s, plan)
	if s.Has("Dockerfile") {
		plan.Notice("the Dockerfile is not used: the source is built and run directly")
	}
	if language, version := toolchain.ParseName(s.Settings.Runtime); language != "" {
		plan.Version = version
	}
}
