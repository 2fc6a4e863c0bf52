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

// JavaTool is what builds a source of a JVM language.
type JavaTool string

// The tools.
const (
	JavaPlain  JavaTool = "plain" // the compilers alone
	JavaMaven  JavaTool = "maven"
	JavaGradle JavaTool = "gradle"
	JavaDeps   JavaTool = "deps" // Clojure with deps.edn, or with nothing
	JavaLein   JavaTool = "lein"
	JavaSbt    JavaTool = "sbt"
	JavaJar    JavaTool = "jar" // compiled already
)

// JavaPlan is what building the JVM languages takes beside the rest of a plan.
type JavaPlan struct {
	Tool JavaTool
	// Folder is where the tool's file is, "." for the root; Module is the folder of
	// the part that is called, below Folder.
	Folder, Module string
	// Modules are all folders with a file of the tool: their outputs are left out.
	Modules []string
	// Wrapper tells that the source brings the tool: gradlew, Maven's wrapper.
	Wrapper bool
	// Java, Kotlin and Scala are the files that compilers are given without a tool.
	Java, Kotlin, Scala []string
	// Needs are interfaces that handlers are written against, which the build adds.
	Needs []JavaNeed
	// Libraries are Maven coordinates, "group:artifact:version", that a deps.edn asks
	// for; Repositories are where they come from beside Maven Central.
	Libraries, Repositories []string
	// Paths are folders that stand on the class path as they are.
	Paths []string
	// Namespaces are Clojure's that are compiled.
	Namespaces []string
	// Quarkus tells that the result is Quarkus' own layout.
	Quarkus bool
	// Package tells that the command names what the tool packs, such as target/app.jar.
	Package bool
	// Jar is the archive that is the source.
	Jar string
}

// JavaNeed names a group of jars that a build adds.
type JavaNeed string

// The groups.
const (
	NeedLambda    JavaNeed = "lambda"    // interfaces of AWS Lambda, and its JSON
	NeedEvents    JavaNeed = "events"    // classes of AWS events
	NeedFramework JavaNeed = "framework" // functions-framework and CloudEvents
	NeedGson      JavaNeed = "gson"
	NeedOpenFaaS  JavaNeed = "openfaas"
)

// Places of what a build makes, below the code.
const (
	javaClasses = ".dayfly/java/classes"
	javaLibs    = ".dayfly/java/lib"
	javaApp     = ".dayfly/java/app"
)

// javaSuffixes are of files that are compiled or loaded.
var javaSuffixes = []string{".java", ".kt", ".scala", ".clj", ".cljc"}

// javaProject is a source of a JVM language as its files show it.
type javaProject struct {
	tool    JavaTool
	folder  string   // of the tool's file that builds it all
	modules []string // folders with a file of the tool
	build   string   // text of all the tool's files
	files   []string
	units   []javaUnit
}

// java looks for the JVM languages.
func (s *source) java() []candidate {
	p := s.javaProject()
	if p == nil {
		return nil
	}
	if p.tool == JavaJar {
		return s.javaJar(p)
	}
	handlers, programs := p.split()
	var found []candidate
	if i := slices.IndexFunc(handlers, func(u javaUnit) bool { return u.entry == quarkusLambda }); i >= 0 {
		handlers = handlers[i : i+1] // it calls the others
	}
	if len(handlers) > 0 {
		found = append(found, s.javaHandler(p, handlers))
	}
	if len(programs) > 0 {
		found = append(found, s.javaProgram(p, programs))
	}
	if len(found) == 0 {
		found = append(found, problem(p.nothing()))
	}
	return found
}

// split parts what is called from what starts by itself.
func (p *javaProject) split() (handlers, programs []javaUnit) {
	for _, u := range p.units {
		if u.dialect != "" {
			handlers = append(handlers, u)
		} else {
			programs = append(programs, u)
		}
	}
	return handlers, programs
}

func (p *javaProject) nothing() string {
	what := map[JavaTool]string{
		JavaMaven: "the Maven project", JavaGradle: "the Gradle project", JavaSbt: "the sbt project",
		JavaDeps: "the Clojure source", JavaLein: "the Leiningen project", JavaPlain: "the source",
	}[p.tool]
	return what + " has neither a handler (such as a class that implements RequestHandler or " +
		"HttpFunction) nor a main; name a handler with --entry com.example.Handler or " +
		"com.example.Handler::method"
}

// javaHandler takes the handler that its name says is the one, else the first.
func (s *source) javaHandler(p *javaProject, list []javaUnit) candidate {
	chosen := list[0]
	for _, usual := range []string{"Handler", "LambdaHandler", "App", "Function", "Main"} {
		if i := slices.IndexFunc(list, func(u javaUnit) bool { return u.simple() == usual }); i >= 0 {
			chosen = list[i]
			break
		}
	}
	c := javaCandidate(chosen)
	if len(list) > 1 {
		c.notices = []string{"there are several handlers, " + javaNames(list) + ": " + chosen.entry +
			" is taken; name another with --entry"}
	}
	return c
}

func javaCandidate(u javaUnit) candidate {
	c := handler(toolchain.Java, u.dialect, u.file, "")
	c.entry = u.entry
	return c
}

// javaProgram takes the main class that the build names, else one that serves.
func (s *source) javaProgram(p *javaProject, list []javaUnit) candidate {
	chosen := list[0]
	named := javaMainClass(p.build)
	for _, fits := range []func(javaUnit) bool{
		func(u javaUnit) bool { return u.entry == named },
		func(u javaUnit) bool { return u.serves },
		func(u javaUnit) bool {
			return slices.Contains([]string{"Main", "App", "Application", "Server", "MainKt", "AppKt"}, u.simple())
		},
	} {
		if i := slices.IndexFunc(list, fits); i >= 0 {
			chosen = list[i]
			break
		}
	}
	known := javaFrameworkOf(p)
	var c candidate
	if chosen.serves || known.serves || s.javaServes(p) {
		c = server(toolchain.Java, javaServerCommand(p, chosen, known)...)
	} else {
		c = runs(toolchain.Java, javaCommand(p, chosen)...)
	}
	c.file = chosen.file
	if known.name != "" {
		c.notices = []string{"it is a " + known.name + " application"}
	}
	if others := javaMains(list); len(others) > 1 && chosen.entry != named && known.name != quarkusName {
		c.notices = append(c.notices, "there are several main classes, "+javaNames(list)+": "+
			chosen.entry+" is taken; name another with --command")
	}
	return c
}

func javaMains(list []javaUnit) []string {
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

func javaNames(list []javaUnit) string {
	names := javaMains(list)
	if len(names) > javaNamesMax {
		names = append(names[:javaNamesMax], "…")
	}
	return strings.Join(names, ", ")
}

// finishJava adds how it is built, and which Java it asks for.
func (s *source) finishJava(plan *Plan) {
	p := s.javaProject()
	if p == nil && plan.Contract != dayfly.ContractHandler {
		return
	}
	plan.Install = InstallJava
	if p == nil { // compiled classes
		plan.Java = JavaPlan{Tool: JavaJar, Folder: ".", Module: "."}
		if plan.Dialect == dayfly.DialectLambda {
			plan.Java.Needs = []JavaNeed{NeedLambda}
		}
		return
	}
	plan.Java = JavaPlan{
		Tool: p.tool, Folder: p.folder, Module: p.folder, Modules: p.modules,
		Wrapper: s.javaWrapper(p), Quarkus: javaFrameworkOf(p).name == quarkusName,
	}
	if plan.Version == "" {
		plan.Version = s.javaVersion(p)
	}
	plan.Java.Package = javaOutput.MatchString(strings.Join(plan.Command, " "))
	if file := s.javaFileOf(p, plan); file != "" {
		plan.Java.Module = p.moduleOf(file)
	}
	switch p.tool {
	case JavaPlain:
		s.finishPlainJava(plan, p)
	case JavaDeps:
		s.finishClojure(plan, p)
	case JavaJar:
		plan.Java.Jar = p.files[0]
	}
	plan.Java.Needs = javaNeeds(s, p, plan)
}

// javaOutput is a file that a build tool packs.
var javaOutput = regexp.MustCompile(`(?:^|[\s:'"/])(?:target|build/libs|build/install)/`)

// javaFileOf gives the file of what is called.
func (s *source) javaFileOf(p *javaProject, plan *Plan) string {
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
func (p *javaProject) moduleOf(file string) string {
	best := p.folder
	for _, folder := range p.modules {
		if strings.HasPrefix(file, folder+"/") && len(folder) > len(best) {
			best = folder
		}
	}
	return best
}

func (s *source) finishPlainJava(plan *Plan, p *javaProject) {
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
	need JavaNeed
}{
	{"com.amazonaws.services.lambda.runtime.events", NeedEvents},
	{"com.google.cloud.functions", NeedFramework},
	{"io.cloudevents", NeedFramework},
	{"com.google.gson", NeedGson},
	{"com.openfaas.model", NeedOpenFaaS},
}

// javaNeeds lists what the build adds. A build tool's project brings what it is
// compiled with, but what Lambda has in its runtime may be left to it.
func javaNeeds(s *source, p *javaProject, plan *Plan) []JavaNeed {
	var list []JavaNeed
	if plan.Dialect == dayfly.DialectLambda || s.javaMentions(p, "com.amazonaws.services.lambda") {
		list = append(list, NeedLambda)
	}
	if p.tool != JavaPlain && p.tool != JavaDeps {
		return list
	}
	for _, known := range javaImports {
		if s.javaMentions(p, known.text) && !slices.Contains(list, known.need) {
			list = append(list, known.need)
		}
	}
	return list
}

func (s *source) javaMentions(p *javaProject, text string) bool {
	return slices.ContainsFunc(p.files, func(file string) bool {
		return strings.Contains(s.read(file), text)
	})
}
