// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// javaEntries is what a handler of a JVM language is called: package.Class,
// package.Class::method, my.namespace/function.
var javaEntries = regexp.MustCompile(`^[\w$.]+(?:::\w+)?$|^[\w.*+!?<>=-]+/[\w.*+!?<>=-]+$`)

// javaEntry gives the candidate for an entry in the settings, or in a platform's file,
// when it is one of a JVM language.
func (s *source) javaEntry(given string, wanted toolchain.Language) (candidate, bool, error) {
	if wanted != "" && wanted != toolchain.Java || !javaEntries.MatchString(given) {
		return candidate{}, false, nil
	}
	p := s.javaProject()
	class, _, _ := strings.Cut(given, "::")
	isCompiled := s.has(strings.ReplaceAll(class, ".", "/") + ".class")
	if p == nil && !isCompiled && wanted == "" {
		return candidate{}, false, nil
	}
	if file, _ := s.entryFile(given, wanted); file != "" && wanted == "" {
		return candidate{}, false, nil // another language has it
	}
	c := handler(toolchain.Java, dayfly.Dialect(s.settings.Dialect), "", "")
	c.entry = given
	if p != nil {
		unit := s.javaUnitOf(p, given, class)
		c.file = unit.file
		if c.dialect == "" {
			c.dialect = unit.dialect
		}
	}
	if c.file == "" && !isCompiled && (p == nil || p.tool == JavaPlain || p.tool == JavaDeps) {
		return candidate{}, true, dayfly.Errorf(dayfly.KindInvalid,
			"entry %q names no class or namespace in the source", given).
			WithHint("an entry is package.Class, package.Class::method or namespace/function")
	}
	if c.file == "" && !isCompiled && p.tool != JavaJar {
		c.notices = []string{class + " is not in the source: it must come with a dependency"}
	}
	if c.dialect == "" {
		c.dialect = dayfly.DialectLambda
	}
	return c, true, nil
}

// javaUnitOf finds what an entry names: a unit that was recognised, else any class or
// namespace of that name.
func (s *source) javaUnitOf(p *javaProject, given, class string) javaUnit {
	for _, u := range p.units {
		owner, _, _ := strings.Cut(u.entry, "::")
		if u.dialect != "" && (u.entry == given || owner == class) {
			return u
		}
	}
	ns, _, _ := strings.Cut(given, "/")
	for _, file := range p.files {
		text := stripScript(s.read(file))
		if isClojure(file) {
			_, here := s.clojureText(file)
			if here != "" && (here == ns || strings.ReplaceAll(here, "-", "_") == class) {
				return javaUnit{file: file, entry: given}
			}
			continue
		}
		pkg := ""
		if match := javaPackage.FindStringSubmatch(text); match != nil {
			pkg = match[1] + "."
		}
		isHere := func(t javaType) bool { return t.name == class }
		stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
		if slices.ContainsFunc(javaTypes(file, pkg, text), isHere) || class == pkg+kotlinClass(stem) {
			return javaUnit{file: file, entry: given}
		}
	}
	return javaUnit{}
}

// javaDeclared gives the candidate for the handler of a platform's file.
func (s *source) javaDeclared(d declaration) (candidate, bool) {
	if s.javaProject() == nil {
		return candidate{}, false
	}
	c, ok, err := s.javaEntry(d.handler, toolchain.Java)
	return c, ok && err == nil
}
