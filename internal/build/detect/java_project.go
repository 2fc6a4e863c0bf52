// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// javaTools are the files by which a tool is known, the surest first.
var javaTools = []struct {
	file string
	tool JavaTool
}{
	{"pom.xml", JavaMaven},
	{"build.gradle", JavaGradle}, {"build.gradle.kts", JavaGradle},
	{"settings.gradle", JavaGradle}, {"settings.gradle.kts", JavaGradle},
	{"build.sbt", JavaSbt},
	{"project.clj", JavaLein}, {"deps.edn", JavaDeps},
}

// Bounds of a project's parts: how many are looked at, and how much their tool's files
// have in all, which are searched many times.
const (
	javaModulesMax    = 200
	javaBuildBytesMax = 1 << 20
)

// javaProject finds the tool and the files, once.
func (s *source) javaProject() *javaProject {
	if !s.javaSeen {
		s.javaSeen = true
		s.javaFound = s.findJava()
	}
	return s.javaFound
}

func (s *source) findJava() *javaProject {
	p := s.javaToolIn(".")
	if p == nil {
		p = s.javaDeclaredFolder()
	}
	if p == nil {
		p = s.plainJava()
	}
	if p == nil || p.tool == JavaJar {
		return p
	}
	p.units = append(s.javaUnits(p.files), p.dependencyUnits()...)
	return p
}

// quarkusLambda is what calls the handlers of a Quarkus function.
const quarkusLambda = "io.quarkus.amazon.lambda.runtime.QuarkusStreamHandler::handleRequest"

// dependencyUnits are what the build names and a dependency brings: the handler or the
// server of Quarkus, or a main class that is not in the source.
func (p *javaProject) dependencyUnits() []javaUnit {
	named := javaMainClass(p.build)
	switch {
	case strings.Contains(p.build, "quarkus-amazon-lambda"):
		return []javaUnit{{entry: quarkusLambda, dialect: dayfly.DialectLambda}}
	case javaFrameworkOf(p).name == quarkusName:
		return []javaUnit{{entry: "quarkus-run.jar", serves: true}}
	case strings.Contains(named, ".") && p.tool != JavaLein && p.tool != JavaDeps:
		return []javaUnit{{entry: named, serves: javaFrameworkOf(p).serves}}
	}
	return nil
}

// javaToolIn looks for a tool's file in a folder.
func (s *source) javaToolIn(folder string) *javaProject {
	for _, known := range javaTools {
		if !s.has(path.Join(folder, known.file)) {
			continue
		}
		p := &javaProject{tool: known.tool, folder: folder}
		isTools := func(name string) bool {
			return slices.ContainsFunc(javaTools, func(other struct {
				file string
				tool JavaTool
			}) bool {
				return other.tool == known.tool && path.Base(name) == other.file
			})
		}
		for _, name := range s.walk(folder, isTools) {
			if dir := path.Dir(name); len(p.modules) < javaModulesMax {
				if !slices.Contains(p.modules, dir) {
					p.modules = append(p.modules, dir)
				}
				if text := s.read(name); len(p.build)+len(text) < javaBuildBytesMax {
					p.build += text + "\n"
				}
			}
		}
		p.files = s.javaFiles(folder)
		if openfaasModel.MatchString(p.build) && !s.hasFolder(path.Join(folder, "model")) {
			p.tool, p.modules = JavaPlain, nil
		}
		return p
	}
	return nil
}

// openfaasModel is in the build file of OpenFaaS' template: it names a part that the
// template has and the function's folder lacks.
var openfaasModel = regexp.MustCompile(`\bproject\(\s*['"]:model['"]\s*\)`)

// javaDeclaredFolder is the folder that a platform's file says the code is in.
func (s *source) javaDeclaredFolder() *javaProject {
	for _, file := range platformFiles {
		for _, d := range declarations(s.read(file)) {
			folder := strings.Trim(path.Clean(d.code), "/")
			if folder == "." || folder == "" || strings.HasPrefix(folder, "..") {
				continue
			}
			if p := s.javaToolIn(folder); p != nil {
				return p
			}
		}
	}
	return nil
}

// plainJava is a source without a build tool: files to compile, or one archive.
func (s *source) plainJava() *javaProject {
	files := s.javaFiles(".")
	if len(files) > 0 {
		tool := JavaPlain
		if slices.ContainsFunc(files, isClojure) {
			tool = JavaDeps
		}
		return &javaProject{tool: tool, folder: ".", files: files}
	}
	jars := s.names(".", withSuffix(".jar"))
	if len(jars) == 1 {
		return &javaProject{tool: JavaJar, folder: ".", files: jars}
	}
	return nil
}

var javaTests = regexp.MustCompile(`(^|/)(src/(test|it|integrationTest|testFixtures|jmh)|test|tests)/`)

// javaFiles gives the sources without the tests.
func (s *source) javaFiles(folder string) []string {
	files := s.walk(folder, withSuffix(javaSuffixes...))
	return slices.DeleteFunc(files, func(name string) bool {
		rest := strings.TrimPrefix(name, folder+"/")
		base := path.Base(name)
		return javaTests.MatchString(rest) || base == "module-info.java" || base == "package-info.java" ||
			strings.HasPrefix(rest, "target/") || strings.HasPrefix(rest, "build/") ||
			strings.HasPrefix(rest, "buildSrc/") || base == "build.clj"
	})
}

func isClojure(name string) bool { return withSuffix(".clj", ".cljc")(name) }

var mavenWrapper = regexp.MustCompile(`(?m)^distributionUrl\s*=\s*\S+`)

// javaWrapper tells whether the source brings its tool.
func (s *source) javaWrapper(p *javaProject) bool {
	switch p.tool {
	case JavaGradle:
		return s.has(path.Join(p.folder, "gradlew")) &&
			s.has(path.Join(p.folder, "gradle/wrapper/gradle-wrapper.jar"))
	case JavaMaven:
		return s.has(path.Join(p.folder, "mvnw")) &&
			mavenWrapper.MatchString(s.read(path.Join(p.folder, ".mvn/wrapper/maven-wrapper.properties")))
	}
	return false
}

var javaMainClasses = []*regexp.Regexp{
	regexp.MustCompile(`<(?:start-class|mainClass|exec\.mainClass|main\.class|main-class)>\s*([\w.$]+)\s*<`),
	regexp.MustCompile(`\bmainClass(?:Name)?\s*(?:=|\.set\()\s*["']([\w.$]+)["']`),
	regexp.MustCompile(`\bmainClass\s*:=\s*Some\("([\w.$]+)"\)`),
	regexp.MustCompile(`:main\s+\^?:?(?:skip-aot\s+)?([\w.*<>!?-]+)`),
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

var javaVersions = []*regexp.Regexp{
	regexp.MustCompile(`<(?:maven\.compiler\.release|java\.version|maven\.compiler\.target|` +
		`maven\.compiler\.source|release|jvmTarget|kotlin\.compiler\.jvmTarget)>\s*(?:1\.)?(\d+)\s*<`),
	regexp.MustCompile(`JavaLanguageVersion\.of\(\s*["']?(\d+)`),
	regexp.MustCompile(`\bjvmToolchain\(\s*(\d+)`),
	regexp.MustCompile(`(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_|["'])?(?:1[._])?(\d+)`),
	regexp.MustCompile(`-(?:-)?release["',\s]+(\d+)`),
}

var (
	javaVersionFile = regexp.MustCompile(`(\d+)(?:\.|$)`)
	javaSdkman      = regexp.MustCompile(`(?m)^java=(\d+)`)
	javaHeroku      = regexp.MustCompile(`(?m)^java\.runtime\.version\s*=\s*(?:1\.)?(\d+)`)
)

// javaOldest is the lowest version that is asked for by name: what is older runs on
// every newer one.
const javaOldest = 11

// javaVersion gives the Java that the source needs at least.
func (s *source) javaVersion(p *javaProject) string {
	found := ""
	if match := javaSdkman.FindStringSubmatch(s.read(".sdkmanrc")); match != nil {
		found = match[1]
	}
	if match := javaHeroku.FindStringSubmatch(s.read("system.properties")); match != nil {
		found = match[1]
	}
	for _, text := range []string{strings.TrimSpace(s.read(".java-version")), s.toolVersion("java")} {
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
