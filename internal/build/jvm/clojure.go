// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

var (
	clojureComment = grep.Of(`(?m);[^\n"]*$`)
	clojureNS      = grep.Of(`\(ns\s+(?:\^(?:\{[^}]*\}|:[\w-]+)\s+)*([\w.*+!?<>=-]+)`)
	clojureGen     = grep.Of(`\(:gen-class\b([^()]*(?:\([^()]*\)[^()]*)*)\)|:gen-class\b`)
	clojureName    = grep.Of(`:name\s+"?([\w.$]+)`)
	clojureMethod  = grep.Of(`:methods\s+\[\s*(?:\^:static\s+|\^\{[^}]*\}\s+|#\^\{[^}]*\}\s+)?\[\s*([\w-]+)`)
	clojureMain    = grep.Of(`\(defn-?\s+(?:\^\S+\s+)*-main\b`)
	clojureFn      = grep.Of(`\(defn\s+(?:\^\S+\s+)*([a-zA-Z][\w!?*-]*)\s+(?:"[^"]*"\s+)?` +
		`\[\s*(?:event|input|evt)\s+_?(?:ctx|context)\s*\]`)
	clojureMacro = grep.Of(`\(deflambdafn\s+([\w.]+)`)
)

// clojureText gives a file without its comments, and its namespace.
func clojureText(s *look.Source, file string) (text, ns string) {
	text = clojureComment.ReplaceAllString(s.Read(file), "")
	if match := clojureNS.FindStringSubmatch(text); match != nil {
		ns = match[1]
	}
	return text, ns
}

// clojureUnits gives what can be called in a file of Clojure.
func clojureUnits(s *look.Source, file string) []unit {
	text, ns := clojureText(s, file)
	if ns == "" {
		return nil
	}
	var units []unit
	handles := func(entry string) {
		units = append(units, unit{file: file, entry: entry, dialect: dayfly.DialectLambda, clojure: true})
	}
	if class := clojureHandlerClass(ns, text); class != "" {
		handles(class)
	}
	if macro := clojureMacro.FindStringSubmatch(text); macro != nil {
		handles(macro[1])
	}
	if fn := clojureFn.FindStringSubmatch(text); fn != nil && len(units) == 0 {
		handles(ns + "/" + fn[1])
	}
	if clojureMain.MatchString(text) {
		units = append(units, unit{
			file: file, entry: ns, serves: javaServer.MatchString(text), clojure: true,
		})
	}
	return units
}

// clojureHandlerClass gives the class that :gen-class makes for Lambda, with its method
// when the class implements no interface of Lambda's.
func clojureHandlerClass(ns, text string) string {
	gen := clojureGen.FindStringSubmatch(text)
	if gen == nil || !strings.Contains(text, "com.amazonaws.services.lambda") {
		return ""
	}
	class := strings.ReplaceAll(ns, "-", "_")
	if name := clojureName.FindStringSubmatch(gen[1]); name != nil {
		class = name[1]
	}
	if javaSerial.MatchString(gen[1]) {
		return class
	}
	if method := clojureMethod.FindStringSubmatch(gen[1]); method != nil {
		return class + "::" + method[1]
	}
	return ""
}

var (
	ednLibrary = grep.Of(`([\w.-]+(?:/[\w.-]+)?)\s+\{[^{}]*:mvn/version\s+"([\w.+-]+)"`)
	ednOther   = grep.Of(`([\w.-]+/[\w.-]+)\s+\{[^{}]*:(?:git/|local/)`)
	ednString  = grep.Of(`"([^"\n]+)"`)
	ednURL     = grep.Of(`:url\s+"(https://[^"\s<>&]+)"`)
)

// finishClojure reads deps.edn and says what is compiled.
func finishClojure(s *look.Source, plan *look.Plan, p *project) {
	edn := clojureComment.ReplaceAllString(s.Read(path.Join(p.folder, "deps.edn")), "")
	top := strings.Replace(edn, ednValue(edn, ":aliases"), "", 1)
	deps := ednValue(top, ":deps")
	hasClojure := false
	for _, match := range ednLibrary.FindAllStringSubmatch(deps, javaModulesMax) {
		group, artifact, ok := strings.Cut(match[1], "/")
		if !ok {
			artifact = group
		}
		hasClojure = hasClojure || match[1] == "org.clojure/clojure"
		plan.Java.Libraries = append(plan.Java.Libraries, group+":"+artifact+":"+match[2])
	}
	for _, match := range ednOther.FindAllStringSubmatch(deps, javaModulesMax) {
		plan.Notice(match[1] + " is not from a Maven repository and is not installed")
	}
	if !hasClojure && len(plan.Java.Libraries) > 0 {
		plan.Java.Libraries = append(plan.Java.Libraries, "org.clojure:clojure:"+ClojureVersion)
	}
	slices.Sort(plan.Java.Libraries)
	for _, match := range ednURL.FindAllStringSubmatch(ednValue(top, ":mvn/repos"), 10) {
		plan.Java.Repositories = append(plan.Java.Repositories, match[1])
	}
	plan.Java.Paths = clojurePaths(s, p, ednValue(top, ":paths"))
	plan.Java.Namespaces = clojureCompiled(s, p, plan)
	for _, file := range p.files {
		if path.Ext(file) == ".java" {
			plan.Java.Java = append(plan.Java.Java, file)
		}
	}
}

// ClojureVersion is what a source gets that names none.
const ClojureVersion = "1.12.6"

// clojurePaths gives the folders of the class path: those of :paths, else src, else
// where the sources are.
func clojurePaths(s *look.Source, p *project, given string) []string {
	var list []string
	for _, match := range ednString.FindAllStringSubmatch(given, javaModulesMax) {
		list = append(list, match[1])
	}
	if len(list) == 0 {
		list = []string{"src", "resources"}
	}
	var there []string
	for _, name := range list {
		if folder := path.Join(p.folder, name); s.HasFolder(folder) {
			there = append(there, folder)
		}
	}
	if len(there) == 0 {
		there = []string{p.folder}
	}
	return there
}

// clojureCompiled lists the namespaces to compile: what is called, and every class
// that the source makes.
func clojureCompiled(s *look.Source, p *project, plan *look.Plan) []string {
	called := javaFileOf(p, plan)
	if ns, _, ok := strings.Cut(plan.Entry, "/"); ok {
		called = ""
		for _, file := range p.files {
			if _, here := clojureText(s, file); here == ns {
				called = file
			}
		}
	}
	var list []string
	for _, file := range p.files {
		text, ns := clojureText(s, file)
		if ns != "" && (file == called || clojureGen.MatchString(text)) {
			list = append(list, ns)
		}
	}
	return list
}

// ednValue gives the map or vector that follows a keyword, brackets included.
func ednValue(text, keyword string) string {
	at := -1
	for from := 0; ; {
		i := strings.Index(text[from:], keyword)
		if i < 0 {
			return ""
		}
		end := from + i + len(keyword)
		if end < len(text) && strings.ContainsRune(" \t\r\n,{[", rune(text[end])) {
			at = end
			break
		}
		from = end
	}
	start := strings.IndexAny(text[at:], "{[")
	if start < 0 {
		return ""
	}
	depth, isString := 0, false
	for i := at + start; i < len(text); i++ {
		switch c := text[i]; {
		case isString:
			isString = c != '"' || text[i-1] == '\\'
		case c == '"':
			isString = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return text[at+start : i+1]
			}
		}
	}
	return ""
}
