// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

// javaTools are the files by which a tool is known, the surest first.
var javaTools = []struct {
	file string
	tool look.JavaTool
}{
	{"pom.xml", look.JavaMaven},
	{"build.gradle", look.JavaGradle}, {"build.gradle.kts", look.JavaGradle},
	{"settings.gradle", look.JavaGradle}, {"settings.gradle.kts", look.JavaGradle},
	{"build.sbt", look.JavaSbt},
	{"project.clj", look.JavaLein}, {"deps.edn", look.JavaDeps},
}

// Bounds of a project's parts: how many are looked at, and how much their tool's files
// have in all, which are searched many times.
const (
	javaModulesMax    = 200
	javaBuildBytesMax = 1 << 20
)

// projectOf finds the tool and the files, once.
func projectOf(s *look.Source) *project {
	return look.Once(s, findJava)
}

func findJava(s *look.Source) *project {
	p := javaToolIn(s, ".")
	if p == nil {
		p = javaDeclaredFolder(s)
	}
	if p == nil {
		p = plainJava(s)
	}
	if p == nil || p.tool == look.JavaJar {
		return p
	}
	p.units = append(javaUnits(s, p.files), p.dependencyUnits()...)
	return p
}

// quarkusLambda is what calls the handlers of a Quarkus function.
const quarkusLambda = "io.quarkus.amazon.lambda.runtime.QuarkusStreamHandler::handleRequest"

// dependencyUnits are what the build names and a dependency brings: the handler or the
// server of Quarkus, or a main class that is not in the source.
func (p *project) dependencyUnits() []unit {
	named := javaMainClass(p.build)
	switch {
	case strings.Contains(p.build, "quarkus-amazon-lambda"):
		return []unit{{entry: quarkusLambda, dialect: dayfly.DialectLambda}}
	case javaFrameworkOf(p).name == quarkusName:
		return []unit{{entry: "quarkus-run.jar", serves: true}}
	case strings.Contains(named, ".") && p.tool != look.JavaLein && p.tool != look.JavaDeps:
		return []unit{{entry: named, serves: javaFrameworkOf(p).serves}}
	}
	return nil
}

// javaToolIn looks for a tool's file in a folder.
func javaToolIn(s *look.Source, folder string) *project {
	for _, known := range javaTools {
		if !s.Has(path.Join(folder, known.file)) {
			continue
		}
		p := &project{tool: known.tool, folder: folder}
		isTools := func(name string) bool {
			return slices.ContainsFunc(javaTools, func(other struct {
				file string
				tool look.JavaTool
			}) bool {
				return other.tool == known.tool && path.Base(name) == other.file
			})
		}
		for _, name := range s.Walk(folder, isTools) {
			if dir := path.Dir(name); len(p.modules) < javaModulesMax {
				if !slices.Contains(p.modules, dir) {
					p.modules = append(p.modules, dir)
				}
				if text := s.Read(name); len(p.build)+len(text) < javaBuildBytesMax {
					p.build += text + "\n"
				}
			}
		}
		p.files = javaFiles(s, folder)
		if openfaasModel.MatchString(p.build) && !s.HasFolder(path.Join(folder, "model")) {
			p.tool, p.modules = look.JavaPlain, nil
		}
		return p
	}
	return nil
}

// openfaasModel is in the build file of OpenFaaS' template: it names a part that the
// template has and the function's folder lacks.
var openfaasModel = grep.Of(`\bproject\(\s*['"]:model['"]\s*\)`)

// javaDeclaredFolder is the folder that a platform's file says the code is in.
func javaDeclaredFolder(s *look.Source) *project {
	for _, file := range look.PlatformFiles {
		for _, d := range look.Declarations(s.Read(file)) {
			folder := strings.Trim(path.Clean(d.Code), "/")
			if folder == "." || folder == "" || strings.HasPrefix(folder, "..") {
				continue
			}
			if p := javaToolIn(s, folder); p != nil {
				return p
			}
		}
	}
	return nil
}

// plainJava is a source without a build tool: files to compile, or one archive.
func plainJava(s *look.Source) *project {
	files := javaFiles(s, ".")
	if len(files) > 0 {
		tool := look.JavaPlain
		if slices.ContainsFunc(files, isClojure) {
			tool = look.JavaDeps
		}
		return &project{tool: tool, folder: ".", files: files}
	}
	jars := s.Names(".", look.Suffixed(".jar"))
	if len(jars) == 1 {
		return &project{tool: look.JavaJar, folder: ".", files: jars}
	}
	return nil
}

var javaTests = grep.Of(`(^|/)(src/(test|it|integrationTest|testFixtures|jmh)|test|tests)/`)

// javaFiles gives the sources without the tests.
func javaFiles(s *look.Source, folder string) []string {
	files := s.Walk(folder, look.Suffixed(javaSuffixes...))
	return slices.DeleteFunc(files, func(name string) bool {
		rest := strings.TrimPrefix(name, folder+"/")
		base := path.Base(name)
		return javaTests.MatchString(rest) || base == "module-info.java" || base == "package-info.java" ||
			strings.HasPrefix(rest, "target/") || strings.HasPrefix(rest, "build/") ||
			strings.HasPrefix(rest, "buildSrc/") || base == "build.clj"
	})
}

func isClojure(name string) bool { return look.Suffixed(".clj", ".cljc")(name) }

var mavenWrapper = regexp.MustCompile(`(?m)^distributionUrl\s*=\s*\S+`)

// javaWrapper tells whether the source brings its tool.
func javaWrapper(s *look.Source, p *project) bool {
	switch p.tool {
	case look.JavaGradle:
		return s.Has(path.Join(p.folder, "gradlew")) &&
			s.Has(path.Join(p.folder, "gradle/wrapper/gradle-wrapper.jar"))
	case look.JavaMaven:
		return s.Has(path.Join(p.folder, "mvnw")) &&
			mavenWrapper.MatchString(s.Read(path.Join(p.folder, ".mvn/wrapper/maven-wrapper.properties")))
	}
	return false
}

var javaMainClasses = []*grep.Regexp{
	grep.Of(`<(?:start-class|mainClass|exec\.mainClass|main\.class|main-class)>\s*([\w.$]+)\s*<`),
	grep.Of(`\bmainClass(?:Name)?\s*(?:=|\.set\()\s*["']([\w.$]+)["']`),
	grep.Of(`\bmainClass\s*:=\s*Some\("([\w.$]+)"\)`),
	grep.Of(`:main\s+\^?:?(?:skip-aot\s+)?([\w.*<>!?-]+)`),
}

// javaMainClass gives the main class, or namespace, that the build names.
func javaMainClass(build string) string {
	for _, pattern := range javaMainClasses {
		if match := pattern.FindStringSubmatch(build); match != nil {
			return match[1]
		}
	}
	return ""
}

var javaVersions = []*grep.Regexp{
	grep.Of(`<(?:maven\.compiler\.release|java\.version|maven\.compiler\.target|` +
		`maven\.compiler\.source|release|jvmTarget|kotlin\.compiler\.jvmTarget)>\s*(?:1\.)?(\d+)\s*<`),
	grep.Of(`JavaLanguageVersion\.of\(\s*["']?(\d+)`),
	grep.Of(`\bjvmToolchain\(\s*(\d+)`),
	grep.Of(`(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_|["'])?(?:1[._])?(\d+)`),
	grep.Of(`-(?:-)?release["',\s]+(\d+)`),
}

var (
	javaVersionFile = grep.Of(`(\d+)(?:\.|$)`)
	javaSdkman      = grep.Of(`(?m)^java=(\d+)`)
	javaHeroku      = grep.Of(`(?m)^java\.runtime\.version\s*=\s*(?:1\.)?(\d+)`)
)

// javaOldest is the lowest version that is asked for by name: what is older runs on
// every newer one.
const javaOldest = 11

// javaVersion gives the Java that the source needs at least.
func javaVersion(s *look.Source, p *project) string {
	found := ""
	if match := javaSdkman.FindStringSubmatch(s.Read(".sdkmanrc")); match != nil {
		found = match[1]
	}
	if match := javaHeroku.FindStringSubmatch(s.Read("system.properties")); match != nil {
		found = match[1]
	}
	for _, text := range []string{strings.TrimSpace(s.Read(".java-version")), s.ToolVersion("java")} {
		if match := javaVersionFile.FindStringSubmatch(text); match != nil {
			found = match[1]
		}
	}
	for _, pattern := range javaVersions {
		if match := pattern.FindStringSubmatch(p.build); match != nil && found == "" {
			found = match[1]
		}
	}
	number, err := strconv.Atoi(found)
	if err != nil || number < javaOldest || number > 99 {
		return ""
	}
	return found
}
