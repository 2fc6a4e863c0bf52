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

// Places of what a build makes, below the code.
const (
	javaClasses = ".dayfly/java/classes"
	javaLibs    = ".dayfly/java/lib"
	javaApp     = ".dayfly/java/app"
)

// javaSuffixes are of files that are compiled or loaded.
var javaSuffixes = []string{".java", ".kt", ".scala", ".clj", ".cljc"}

// project is a source of a JVM language as its files show it.
type project struct {
	tool    look.JavaTool
	folder  string   // of the tool's file that builds it all
	modules []string // folders with a file of the tool
	build   string   // text of all the tool's files
	files   []string
	units   []unit
}

// Candidates looks for the JVM languages.
func Candidates(s *look.Source) []look.Candidate {
	p := projectOf(s)
	if p == nil {
		return nil
	}
	if p.tool == look.JavaJar {
		return javaJar(s, p)
	}
	handlers, programs := p.split()
	var found []look.Candidate
	if i := slices.IndexFunc(handlers, func(u unit) bool { return u.entry == quarkusLambda }); i >= 0 {
		handlers = handlers[i : i+1] // it calls the others
	}
	if len(handlers) > 0 {
		found = append(found, javaHandler(p, handlers))
	}
	if len(programs) > 0 {
		found = append(found, programOf(s, p, programs))
	}
	if len(found) == 0 {
		found = append(found, look.Problem(p.nothing()))
	}
	return found
}

// split parts what is called from what starts by itself.
func (p *project) split() (handlers, programs []unit) {
	for _, u := range p.units {
		if u.dialect != "" {
			handlers = append(handlers, u)
		} else {
			programs = append(programs, u)
		}
	}
	return handlers, programs
}

func (p *project) nothing() string {
	what := map[look.JavaTool]string{
		look.JavaMaven: "the Maven project", look.JavaGradle: "the Gradle project", look.JavaSbt: "the sbt project",
		look.JavaDeps: "the Clojure source", look.JavaLein: "the Leiningen project", look.JavaPlain: "the source",
	}[p.tool]
	return what + " has neither a handler (such as a class that implements RequestHandler or " +
		"HttpFunction) nor a main; name a handler with --entry com.example.Handler or " +
		"com.example.Handler::method"
}

// javaHandler takes the handler that its name says is the one, else the first.
func javaHandler(p *project, list []unit) look.Candidate {
	chosen := list[0]
	for _, usual := range []string{"Handler", "LambdaHandler", "App", "Function", "Main"} {
		if i := slices.IndexFunc(list, func(u unit) bool { return u.simple() == usual }); i >= 0 {
			chosen = list[i]
			break
		}
	}
	c := javaCandidate(chosen)
	if len(list) > 1 {
		c.Notices = []string{"there are several handlers, " + javaNames(list) + ": " + chosen.entry +
			" is taken; name another with --entry"}
	}
	return c
}

func javaCandidate(u unit) look.Candidate {
	c := look.Handler(toolchain.Java, u.dialect, u.file, "")
	c.Entry = u.entry
	return c
}

// programOf takes the main class that the build names, else one that serves.
func programOf(s *look.Source, p *project, list []unit) look.Candidate {
	chosen := list[0]
	named := javaMainClass(p.build)
	for _, fits := range []func(unit) bool{
		func(u unit) bool { return u.entry == named },
		func(u unit) bool { return u.serves },
		func(u unit) bool {
			return slices.Contains([]string{"Main", "App", "Application", "Server", "MainKt", "AppKt"}, u.simple())
		},
	} {
		if i := slices.IndexFunc(list, fits); i >= 0 {
			chosen = list[i]
			break
		}
	}
	known := javaFrameworkOf(p)
	var c look.Candidate
	if chosen.serves || known.serves || javaServes(s, p) {
		c = look.Server(toolchain.Java, javaServerCommand(p, chosen, known)...)
	} else {
		c = look.Runs(toolchain.Java, javaCommand(p, chosen)...)
	}
	c.File = chosen.file
	if known.name != "" {
		c.Notices = []string{"it is a " + known.name + " application"}
	}
	if others := javaMains(list); len(others) > 1 && chosen.entry != named && known.name != quarkusName {
		c.Notices = append(c.Notices, "there are several main classes, "+javaNames(list)+": "+
			chosen.entry+" is taken; name another with --command")
	}
	return c
}

func javaMains(list []unit) []string {
	var names []string
	for _, u := range list {
		if !slices.Contains(names, u.entry) {
			names = append(names, u.entry)
		}
	}
	return names
}

// javaNamesMax is how many names a notice lists.
const javaNamesMax = 6

func javaNames(list []unit) string {
	names := javaMains(list)
	if len(names) > javaNamesMax {
		names = append(names[:javaNamesMax], "…")
	}
	return strings.Join(names, ", ")
}

// Finish adds how it is built, and which Java it asks for.
func Finish(s *look.Source, plan *look.Plan) {
	p := projectOf(s)
	if p == nil && plan.Contract != dayfly.ContractHandler {
		return
	}
	plan.Install = look.InstallJava
	if p == nil { // compiled classes
		plan.Java = look.JavaPlan{Tool: look.JavaJar, Folder: ".", Module: "."}
		if plan.Dialect == dayfly.DialectLambda {
			plan.Java.Needs = []look.JavaNeed{look.NeedLambda}
		}
		return
	}
	plan.Java = look.JavaPlan{
		Tool: p.tool, Folder: p.folder, Module: p.folder, Modules: p.modules,
		Wrapper: javaWrapper(s, p), Quarkus: javaFrameworkOf(p).name == quarkusName,
	}
	if plan.Version == "" {
		plan.Version = javaVersion(s, p)
	}
	plan.Java.Package = javaOutput.MatchString(strings.Join(plan.Command, " "))
	if file := javaFileOf(p, plan); file != "" {
		plan.Java.Module = p.moduleOf(file)
	}
	switch p.tool {
	case look.JavaPlain:
		finishPlainJava(plan, p)
	case look.JavaDeps:
		finishClojure(s, plan, p)
	case look.JavaJar:
		plan.Java.Jar = p.files[0]
	}
	plan.Java.Needs = javaNeeds(s, p, plan)
}

// javaOutput is a file that a build tool packs.
var javaOutput = grep.Of(`(?:^|[\s:'"/])(?:target|build/libs|build/install)/`)

// javaFileOf gives the file of what is called.
func javaFileOf(p *project, plan *look.Plan) string {
	class, _, _ := strings.Cut(plan.Entry, "::")
	if plan.Contract != dayfly.ContractHandler && len(plan.Command) > 0 {
		class = " " + strings.Join(plan.Command, " ") + " "
	}
	for _, u := range p.units {
		owner, _, _ := strings.Cut(u.entry, "::")
		if owner != "" && (owner == class || strings.Contains(class, " "+owner+" ")) {
			return u.file
		}
	}
	return ""
}

// moduleOf gives the innermost folder with a file of the tool that holds a file.
func (p *project) moduleOf(file string) string {
	best := p.folder
	for _, folder := range p.modules {
		if strings.HasPrefix(file, folder+"/") && len(folder) > len(best) {
			best = folder
		}
	}
	return best
}

func finishPlainJava(plan *look.Plan, p *project) {
	for _, file := range p.files {
		switch path.Ext(file) {
		case ".java":
			plan.Java.Java = append(plan.Java.Java, file)
		case ".kt":
			plan.Java.Kotlin = append(plan.Java.Kotlin, file)
		case ".scala":
			plan.Java.Scala = append(plan.Java.Scala, file)
		}
	}
}

// javaImports tell what a source is written against.
var javaImports = []struct {
	text string
	need look.JavaNeed
}{
	{"com.amazonaws.services.lambda.runtime.events", look.NeedEvents},
	{"com.google.cloud.functions", look.NeedFramework},
	{"io.cloudevents", look.NeedFramework},
	{"com.google.gson", look.NeedGson},
	{"com.openfaas.model", look.NeedOpenFaaS},
}

// javaNeeds lists what the build adds. A build tool's project brings what it is
// compiled with, but what Lambda has in its runtime may be left to it.
func javaNeeds(s *look.Source, p *project, plan *look.Plan) []look.JavaNeed {
	var list []look.JavaNeed
	if plan.Dialect == dayfly.DialectLambda || javaMentions(s, p, "com.amazonaws.services.lambda") {
		list = append(list, look.NeedLambda)
	}
	if p.tool != look.JavaPlain && p.tool != look.JavaDeps {
		return list
	}
	for _, known := range javaImports {
		if javaMentions(s, p, known.text) && !slices.Contains(list, known.need) {
			list = append(list, known.need)
		}
	}
	return list
}

func javaMentions(s *look.Source, p *project, text string) bool {
	return slices.ContainsFunc(p.files, func(file string) bool {
		return strings.Contains(s.Read(file), text)
	})
}
