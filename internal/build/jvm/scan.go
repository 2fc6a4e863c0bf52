// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

// unit is one thing that can be called or started.
type unit struct {
	file    string
	entry   string         // "pkg.Cls", "pkg.Cls::method", "my.ns/fn"; of a program the class or namespace
	dialect dayfly.Dialect // "" for a program
	serves  bool           // its file speaks of a server
	clojure bool           // entry is a namespace
}

// simple is the name without package and method.
func (u unit) simple() string {
	class, _, _ := strings.Cut(u.entry, "::")
	return class[strings.LastIndexAny(class, ".$/")+1:]
}

// Bounds of looking at a source.
const (
	javaHeaderMax = 1500 // of what stands between a class's name and its body
	javaUnitsMax  = 200
)

var (
	javaPackage = grep.Of(`(?m)^\s*package\s+([\w.]+)`)
	javaClass   = grep.Of(`(?:^|[\s;}])((?:(?:public|abstract|final|sealed|open|data|case|static|` +
		`private|protected|internal|strictfp)\s+)*)(class|object|interface|record|enum)\s+([A-Z]\w*)`)
	javaMain = grep.Of(`\bstatic\b[\w\s]*\bvoid\s+main\s*\(|` +
		`@JvmStatic\s+fun\s+main\s*\(|\bdef\s+main\s*\(\s*\w+\s*:\s*Array\[`)
	javaInstanceMain = grep.Of(`(?m)^\s*(?:public\s+)?void\s+main\s*\(`)
	kotlinMain       = grep.Of(`(?m)^(?:suspend\s+)?fun\s+main\s*\(`)
	kotlinFileName   = grep.Of(`@file:JvmName\("(\w+)"\)`)
	scalaMain        = grep.Of(`@main\s+def\s+(\w+)`)
	scalaApp         = grep.Of(`\bextends\s+(?:App|IOApp(?:\.Simple)?|ZIOAppDefault|ZIOApp|` +
		`cask\.MainRoutes|cask\.Main|JFXApp3)\b`)
	// javaMicronaut are base classes that implement Lambda's interfaces.
	javaMicronaut = grep.Of(`\bMicronaut(?:Request|RequestStream|Lambda)Handler\b`)
	javaSerial    = grep.Of(`\b(RequestHandler|RequestStreamHandler)\b`)
	javaGoogle    = grep.Of(`\b(HttpFunction|CloudEventsFunction|ExperimentalCloudEventsFunction|` +
		`RawBackgroundFunction|BackgroundFunction|TypedFunction)\b`)
	javaFaaS    = grep.Of(`\b(?:AbstractHandler|IHandler)\b`)
	javaWhisk   = grep.Of(`\bstatic\s+JsonObject\s+main\s*\(\s*(?:final\s+)?JsonObject\b`)
	javaContext = grep.Of(`\bpublic\s+(?:final\s+)?[\w<>\[\],.? ]+\s(\w+)\s*\(` +
		`(?:[^()]*,)?\s*(?:final\s+)?Context\s+\w+\s*\)|` +
		`\b(?:fun|def)\s+(\w+)\s*\((?:[^()]*,)?\s*\w+\s*:\s*Context\s*,?\s*\)`)
)

var javaGoogleDialects = map[string]dayfly.Dialect{
	"HttpFunction":                    dayfly.DialectFramework,
	"CloudEventsFunction":             dayfly.DialectCloudEvent,
	"ExperimentalCloudEventsFunction": dayfly.DialectCloudEvent,
	"BackgroundFunction":              dayfly.DialectEvent,
	"RawBackgroundFunction":           dayfly.DialectEvent,
	"TypedFunction":                   dayfly.DialectTyped,
}

// javaType is a class, object or interface as it is declared.
type javaType struct {
	file, name, header string // name with package
	kind               string
	isAbstract         bool
	depth, from        int // braces open where it starts; where its body begins
}

// javaUnits gives what can be called in the files.
func javaUnits(s *look.Source, files []string) []unit {
	var units []unit
	bases := map[string]dayfly.Dialect{} // abstract classes of the source's own
	for range 2 {                        // bases are known the second time
		units = nil
		for _, file := range files {
			if len(units) > javaUnitsMax {
				break
			}
			if isClojure(file) {
				units = append(units, clojureUnits(s, file)...)
				continue
			}
			units = append(units, javaFile(s, file, bases)...)
		}
		if len(bases) == 0 {
			break
		}
	}
	return units
}

// javaFile gives what can be called in one file.
func javaFile(s *look.Source, file string, bases map[string]dayfly.Dialect) []unit {
	text := look.StripScript(s.Read(file))
	pkg := ""
	if match := javaPackage.FindStringSubmatch(text); match != nil {
		pkg = match[1] + "."
	}
	serves := javaServer.MatchString(text)
	types := javaTypes(file, pkg, text)
	var units []unit
	for i, t := range types {
		dialect := javaDialect(text, t.header, bases)
		if t.isAbstract {
			if dialect != "" {
				bases[t.name[strings.LastIndexAny(t.name, ".$")+1:]] = dialect
			}
			continue
		}
		if dialect != "" {
			units = append(units, unit{file: file, entry: t.name, dialect: dialect})
			continue
		}
		end := len(text)
		if i+1 < len(types) {
			end = types[i+1].from
		}
		units = append(units, t.members(text[t.from:end], text, serves)...)
	}
	return append(units, topLevelMains(file, pkg, text, serves)...)
}

// members gives what a class's own text has: a main, a method of OpenWhisk, or one
// that takes Lambda's context.
func (t javaType) members(body, text string, serves bool) []unit {
	isScalaApp := t.kind == "object" && scalaApp.MatchString(t.header)
	switch {
	case javaWhisk.MatchString(body):
		return []unit{{file: t.file, entry: t.name, dialect: dayfly.DialectOpenWhisk}}
	case isScalaApp || javaMain.MatchString(body):
		name := strings.TrimSuffix(t.name, "$Companion")
		return []unit{{file: t.file, entry: name, serves: serves}}
	case !strings.Contains(text, "com.amazonaws.services.lambda.runtime") || t.kind == "interface":
		return nil
	}
	match := javaContext.FindStringSubmatch(body)
	if match == nil {
		return nil
	}
	return []unit{{
		file: t.file, entry: t.name + "::" + match[1] + match[2], dialect: dayfly.DialectLambda,
	}}
}

// topLevelMains are those that no class holds.
func topLevelMains(file, pkg, text string, serves bool) []unit {
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	switch path.Ext(file) {
	case ".kt":
		if !kotlinMain.MatchString(text) {
			return nil
		}
		name := kotlinClass(stem)
		if match := kotlinFileName.FindStringSubmatch(text); match != nil {
			name = match[1]
		}
		return []unit{{file: file, entry: pkg + name, serves: serves}}
	case ".scala":
		var units []unit
		for _, match := range scalaMain.FindAllStringSubmatch(text, -1) {
			units = append(units, unit{file: file, entry: pkg + match[1], serves: serves})
		}
		return units
	case ".java":
		isCompact := javaInstanceMain.MatchString(text) && !javaClass.MatchString(text)
		if isCompact {
			return []unit{{file: file, entry: stem, serves: serves}}
		}
	}
	return nil
}

// kotlinClass names the class that holds a file's functions.
func kotlinClass(stem string) string {
	name := regexp.MustCompile(`\W`).ReplaceAllString(stem, "_")
	return strings.ToUpper(name[:1]) + name[1:] + "Kt"
}

// javaTypes lists the types of a file with the names by which Java loads them.
func javaTypes(file, pkg, text string) []javaType {
	var list, open []javaType
	depth, at := 0, 0
	for _, match := range javaClass.FindAllStringSubmatchIndex(text, javaUnitsMax) {
		depth += strings.Count(text[at:match[0]], "{") - strings.Count(text[at:match[0]], "}")
		at = match[0]
		for len(open) > 0 && open[len(open)-1].depth >= depth {
			open = open[:len(open)-1]
		}
		modifiers, kind, name := text[match[2]:match[3]], text[match[4]:match[5]], text[match[6]:match[7]]
		t := javaType{
			file: file, name: pkg + name, kind: kind, depth: depth, from: match[1],
			header:     javaHeader(text[match[1]:]),
			isAbstract: kind == "interface" || strings.Contains(modifiers, "abstract"),
		}
		if len(open) > 0 && depth > 0 {
			t.name = open[len(open)-1].name + "$" + name
		}
		list, open = append(list, t), append(open, t)
	}
	return list
}

// javaHeader is what stands between a type's name and its body.
func javaHeader(text string) string {
	text = text[:min(len(text), javaHeaderMax)]
	if i := strings.IndexAny(text, "{;"); i >= 0 {
		text = text[:i]
	}
	if i := strings.Index(text, "\n\n"); i >= 0 {
		text = text[:i]
	}
	return text
}

// javaDialect tells what a class is by what it implements.
func javaDialect(text, header string, bases map[string]dayfly.Dialect) dayfly.Dialect {
	isSerial := strings.Contains(text, "com.amazonaws.services.lambda") && javaSerial.MatchString(header)
	if isSerial || javaMicronaut.MatchString(header) {
		return dayfly.DialectLambda
	}
	if strings.Contains(text, "com.google.cloud.functions") {
		if match := javaGoogle.FindString(header); match != "" {
			return javaGoogleDialects[match]
		}
	}
	if strings.Contains(text, "com.openfaas.model") && javaFaaS.MatchString(header) {
		return dayfly.DialectOpenFaaS
	}
	words := strings.FieldsFunc(header, func(r rune) bool {
		return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	for _, word := range words {
		if dialect, ok := bases[word]; ok && slices.ContainsFunc([]string{"extends", "implements", ":"},
			func(how string) bool { return strings.Contains(header, how) }) {
			return dialect
		}
	}
	return ""
}
