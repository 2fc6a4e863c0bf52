// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// candidate is a program with a good answer.
type candidate struct {
	program executable
	answer  answer
}

// known gives the programs that answered, in the order of their places.
func known(list []executable, cache *cache) []candidate {
	var found []candidate
	for _, program := range list {
		if got, ok := cache.get(program); ok && got.Version != "" {
			found = append(found, candidate{program, got})
		}
	}
	return found
}

// name gives every runtime its name. The first of a minor version gets the short one,
// "python3.11"; others of it get their full version, unless that is taken.
func name(found []candidate) []Runtime {
	taken := map[dayfly.RuntimeName]bool{}
	type exact struct {
		language Language
		version  string
	}
	versions := map[exact]bool{}
	var list []Runtime
	for _, c := range found {
		language, version := c.program.language, c.answer.Version
		if versions[exact{language, version}] {
			continue // the same again from elsewhere
		}
		versions[exact{language, version}] = true
		label := dayfly.RuntimeName(string(language) + minor(language, version))
		if taken[label] {
			label = dayfly.RuntimeName(string(language) + version)
		}
		taken[label] = true
		list = append(list, Runtime{
			Name: label, Language: language, Version: version, Path: c.program.path,
			Prefixes: prefixes(language, c.program.path, c.answer.Prefix, minor(language, version)),
			Source:   c.program.source,
		})
	}
	markDefaults(list)
	slices.SortStableFunc(list, func(a, b Runtime) int {
		return cmp.Or(
			cmp.Compare(order(a.Language), order(b.Language)), compareVersions(b.Version, a.Version))
	})
	return append(list,
		Runtime{Name: NativeName, Language: Native, Source: "builtin", Default: true},
		Runtime{Name: WasmName, Language: Wasm, Source: "builtin", Default: true})
}

func order(name Language) int {
	return slices.IndexFunc(languages(), func(l language) bool { return l.name == name })
}

// minor gives the part of a version that programs are compatible within: 3.11, but 20.
func minor(name Language, version string) string {
	parts := strings.SplitN(version, ".", 3)
	if known, _ := describe(name); known.major {
		return parts[0]
	}
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// markDefaults marks one runtime of each language: the host's own, which is the first
// found at a place of the system; else the newest. Of compilers it is the newest in any
// case: they compile what older ones do, and what they make needs none of them.
func markDefaults(list []Runtime) {
	for _, language := range languages() {
		best := -1
		for i, runtime := range list {
			if runtime.Language != language.name {
				continue
			}
			isOwn := runtime.Source == "distribution" || runtime.Source == "local"
			if isOwn && !language.compiler {
				best = i
				break
			}
			if best < 0 || betterDefault(runtime.Version, list[best].Version) {
				best = i
			}
		}
		if best >= 0 {
			list[best].Default = true
		}
	}
}

// betterDefault tells whether a version is a better default than another: it is newer,
// but one that is released comes before those that are not, such as "1.97.0-nightly".
func betterDefault(a, b string) bool {
	released, other := !strings.Contains(a, "-"), !strings.Contains(b, "-")
	if released != other {
		return released
	}
	return compareVersions(a, b) > 0
}

// ParseName parts a user's name of a runtime into language and version, either of
// which may be empty.
func ParseName(name string) (Language, string) {
	name = strings.ToLower(strings.TrimSpace(name))
	if strings.HasPrefix(name, "provided") || name == string(Native) {
		return Native, ""
	}
	split := strings.IndexFunc(name, func(r rune) bool { return r >= '0' && r <= '9' })
	word, version := name, ""
	if split >= 0 {
		word, version = name[:split], name[split:]
	}
	version = strings.TrimSuffix(version, ".x")
	word = strings.TrimRight(word, "-_ @v")
	if word == "" {
		return languageOf(version), version
	}
	if word == string(Wasm) || word == "wasi" {
		return Wasm, ""
	}
	for _, l := range languages() {
		if slices.Contains(l.words, word) {
			return l.name, version
		}
	}
	return "", version
}

// languageOf guesses the language of a bare version: Python's has been 3.x for long,
// Go's 1.x, and Node's is larger.
func languageOf(version string) Language {
	parts := versionParts(version)
	switch {
	case len(parts) == 0:
		return ""
	case parts[0] == 3:
		return Python
	case parts[0] == 1 && len(parts) > 1:
		return Go
	case parts[0] >= 4:
		return Node
	}
	return ""
}

// match finds the runtime that a name means: one of exactly that name, else the
// default if its version begins so, else the newest whose version does.
func match(list []Runtime, name string) (Runtime, bool) {
	for _, runtime := range list {
		if string(runtime.Name) == name {
			return runtime, true
		}
	}
	language, version := ParseName(name)
	if language == "" {
		return Runtime{}, false
	}
	fits := func(r Runtime) bool {
		return r.Language == language &&
			(version == "" || r.Version == version || strings.HasPrefix(r.Version, version+"."))
	}
	for _, runtime := range list {
		if runtime.Default && fits(runtime) {
			return runtime, true
		}
	}
	if at := slices.IndexFunc(list, fits); at >= 0 { // the list has the newest first
		return list[at], true
	}
	return Runtime{}, false
}

// versionParts gives the numbers of a version, up to where it is none any more.
func versionParts(version string) []int {
	var parts []int
	for _, part := range strings.Split(version, ".") {
		digits := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if digits >= 0 {
			part = part[:digits]
		}
		number, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		parts = append(parts, number)
	}
	return parts
}

// compareVersions compares by the numbers in two texts, such as paths or versions.
func compareVersions(a, b string) int {
	numbers := func(s string) []int {
		var list []int
		for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			if n, err := strconv.Atoi(word); err == nil {
				list = append(list, n)
			}
		}
		return list
	}
	return cmp.Or(slices.Compare(numbers(a), numbers(b)), strings.Compare(a, b))
}
