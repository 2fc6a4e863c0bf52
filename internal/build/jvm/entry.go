// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// javaEntries is what a handler of a JVM language is called: package.Class,
// package.Class::method, my.namespace/function.
var javaEntries = grep.Of(`^[\w$.]+(?:::\w+)?$|^[\w.*+!?<>=-]+/[\w.*+!?<>=-]+$`)

// Entry gives the candidate for an entry in the settings, or in a platform's file,
// when it is one of a JVM language.
func Entry(s *look.Source, given string, wanted toolchain.Language) (look.Candidate, bool, error) {
	if wanted != "" && wanted != toolchain.Java || !javaEntries.MatchString(given) {
		return look.Candidate{}, false, nil
	}
	p := projectOf(s)
	class, _, _ := strings.Cut(given, "::")
	isCompiled := s.Has(strings.ReplaceAll(class, ".", "/") + ".class")
	if p == nil && !isCompiled && wanted == "" {
		return look.Candidate{}, false, nil
	}
	if file, _ := s.EntryFile(given, wanted); file != "" && wanted == "" {
		return look.Candidate{}, false, nil // another language has it
	}
	c := look.Handler(toolchain.Java, dayfly.Dialect(s.Settings.Dialect), "", "")
	c.Entry = given
	if p != nil {
		unit := javaUnitOf(s, p, given, class)
		c.File = unit.file
		if c.Dialect == "" {
			c.Dialect = unit.dialect
		}
	}
	if c.File == "" && !isCompiled && (p == nil || p.tool == look.JavaPlain || p.tool == look.JavaDeps) {
		return look.Candidate{}, true, dayfly.Errorf(dayfly.KindInvalid,
			"entry %q names no class or namespace in the source", given).
			WithHint("an entry is package.Class, package.Class::method or namespace/function")
	}
	if c.File == "" && !isCompiled && p.tool != look.JavaJar {
		c.Notices = []string{class + " is not in the source: it must come with a dependency"}
	}
	if c.Dialect == "" {
		c.Dialect = dayfly.DialectLambda
	}
	return c, true, nil
}

// javaUnitOf finds what an entry names: a unit that was recognised, else any class or
// namespace of that name.
func javaUnitOf(s *look.Source, p *project, given, class string) unit {
	for _, u := range p.units {
		owner, _, _ := strings.Cut(u.entry, "::")
		if u.dialect != "" && (u.entry == given || owner == class) {
			return u
		}
	}
	ns, _, _ := strings.Cut(given, "/")
	for _, file := range p.files {
		text := look.StripScript(s.Read(file))
		if isClojure(file) {
			_, here := clojureText(s, file)
			if here != "" && (here == ns || strings.ReplaceAll(here, "-", "_") == class) {
				return unit{file: file, entry: given}
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
			return unit{file: file, entry: given}
		}
	}
	return unit{}
}

// Declared gives the candidate for the handler of a platform's file.
func Declared(s *look.Source, d look.Declaration) (look.Candidate, bool) {
	if projectOf(s) == nil {
		return look.Candidate{}, false
	}
	c, ok, err := Entry(s, d.Handler, toolchain.Java)
	return c, ok && err == nil
}
