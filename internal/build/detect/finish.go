// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"errors"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// finish adds what has to be installed and compiled, and which runtime is asked for.
func (s *source) finish(plan *Plan) {
	switch plan.Language {
	case toolchain.Python:
		s.finishPython(plan)
	case toolchain.Node:
		s.finishNode(plan)
	case toolchain.Go:
		folder, _, _ := s.goPackage(s.goFiles("."))
		s.planGo(plan, folder)
	case toolchain.Java:
		s.finishJava(plan)
	case toolchain.Ruby:
		s.finishRuby(plan)
	case toolchain.PHP:
		s.finishPHP(plan)
	case toolchain.DotNet, toolchain.Mono:
		s.finishDotNet(plan)
	case toolchain.Rust:
		s.finishRust(plan)
	case toolchain.Wasm:
		s.finishWasm(plan)
	}
	if s.has("Dockerfile") {
		plan.notice("the Dockerfile is not used: the source is built and run directly")
	}
	if language, version := toolchain.ParseName(s.settings.Runtime); language != "" {
		plan.Version = version
	}
}

func readTOML(text string, into any) error {
	if !parsable(text) {
		return errors.New("it is too large or nested too deeply")
	}
	return toml.Unmarshal([]byte(text), into)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
