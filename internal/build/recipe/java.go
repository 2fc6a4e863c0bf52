// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Where the builds of JVM languages put what they make: the class path of guests and
// programs.
const (
	javaClasses = ".dayfly/java/classes"
	javaLibs    = ".dayfly/java/lib"
	javaApp     = ".dayfly/java/app"
	mavenCache  = CacheDir + "/m2"
)

// trustStore is where Debian, and boxes after it, keep certificates for Java.
const trustStore = "/etc/ssl/certs/java/cacerts"

// javaToolMemory is the heap of a compiler or build tool, of the step's 2 GiB: what it
// loads and compiles takes half as much again.
const javaToolMemory = "-Xmx1g"

// javaSteps install and compile a source of a JVM language.
func (k *kitchen) javaSteps(ctx context.Context) ([]Step, error) {
	plan := &k.plan.Java
	if plan.Tool == look.JavaJar {
		return k.jarSteps(), nil
	}
	jdk, err := k.jdk(ctx)
	if err != nil {
		return nil, err
	}
	b := javaBuild{kitchen: k, plan: plan, jdk: jdk}
	switch plan.Tool {
	case look.JavaMaven:
		return b.mavenSteps()
	case look.JavaGradle:
		return b.gradleSteps()
	case look.JavaSbt:
		return b.sbtSteps(), nil
	case look.JavaLein:
		return b.leinSteps()
	case look.JavaDeps:
		return b.clojureSteps()
	}
	return b.plainSteps(), nil
}

// jarSteps make a handler's archive a part of the class path. One that starts by
// itself is its own bundle.
func (k *kitchen) jarSteps() []Step {
	if k.plan.Contract != dayfly.ContractHandler {
		return nil
	}
	b := javaBuild{kitchen: k, plan: &k.plan.Java, jdk: k.runtime}
	var list []Step
	if jar := k.plan.Java.Jar; jar != "" {
		list = append(list, Step{
			Stage: StageInstall, Name: "class path",
			Argv: []string{"/bin/sh", "-ec", `mkdir -p "$1" && mv "$0" "$1/"`, "./" + jar, javaLibs},
		})
	}
	return append(list, b.needs()...)
}

// newerJava finds the lowest Java of the machine that is above a version: Java runs
// what was written for an older one.
func (k *kitchen) newerJava(ctx context.Context, version string) (toolchain.Runtime, bool) {
	wanted, err := strconv.Atoi(version)
	if k.plan.Language != toolchain.Java || err != nil {
		return toolchain.Runtime{}, false
	}
	list, err := k.runtimes.List(ctx)
	if err != nil {
		return toolchain.Runtime{}, false
	}
	best, lowest := toolchain.Runtime{}, 0
	for _, r := range list {
		number := major(r)
		if r.Language == toolchain.Java && number > wanted && (lowest == 0 || number < lowest) {
			best, lowest = r, number
		}
	}
	return best, lowest > 0
}

// javaBuild makes the steps of one source.
type javaBuild struct {
	kitchen *kitchen
	plan    *look.JavaPlan
	jdk     toolchain.Runtime
}

// jdk finds a Java with a compiler: the chosen one, else the newest that has it.
func (k *kitchen) jdk(ctx context.Context) (toolchain.Runtime, error) {
	list, err := k.runtimes.List(ctx)
	if err != nil {
		return toolchain.Runtime{}, err
	}
	for _, r := range append([]toolchain.Runtime{k.runtime}, list...) {
		if r.Language != toolchain.Java {
			continue
		}
		if _, err := os.Stat(filepath.Join(r.Bin(), "javac")); err == nil {
			return r, nil
		}
	}
	return toolchain.Runtime{}, dayfly.Errorf(dayfly.KindUnavailable,
		"no Java on this machine has a compiler (javac), which the source needs").
		WithHint("install a JDK, such as with the package openjdk-17-jdk-headless")
}

// mounts are what every step of Java sees.
func (b *javaBuild) mounts(more ...string) []string {
	list := append(slices.Clone(b.kitchen.runtime.Prefixes), b.jdk.Prefixes...)
	return append(list, more...)
}

// home is the JDK's folder.
func (b *javaBuild) home() string { return filepath.Dir(b.jdk.Bin()) }

// flags are for a Java that works for seconds: the quick compiler, the small collector.
func (b *javaBuild) flags() []string {
	list := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", javaToolMemory, "-Duser.home=/tmp",
		"-Dfile.encoding=UTF-8",
	}
	if major(b.jdk) >= quietSince {
		// Compilers load native code and use memory in ways that this Java warns of.
		list = append(list, "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
	}
	if _, err := os.Stat(trustStore); err == nil {
		list = append(list, "-Djavax.net.ssl.trustStore="+trustStore)
	}
	return append(list, javaProxy(b.kitchen.env)...)
}

// javaProxy says in Java's words what proxy the host's environment names.
func javaProxy(env []string) []string {
	var list []string
	for _, setting := range env {
		name, value, _ := strings.Cut(setting, "=")
		switch name = strings.ToLower(name); name {
		case "http_proxy", "https_proxy":
			address, err := url.Parse(value)
			if err != nil || address.Hostname() == "" {
				continue
			}
			scheme, port := strings.TrimSuffix(name, "_proxy"), address.Port()
			if port == "" {
				port = "80"
			}
			list = append(list, "-D"+scheme+".proxyHost="+address.Hostname(), "-D"+scheme+".proxyPort="+port)
		case "no_proxy":
			var hosts []string
			for host := range strings.SplitSeq(value, ",") {
				if host = strings.TrimSpace(host); strings.HasPrefix(host, ".") {
					host = "*" + host
				}
				hosts = append(hosts, host)
			}
			list = append(list, "-Dhttp.nonProxyHosts="+strings.Join(hosts, "|"))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// run makes a step that starts Java.
func (b *javaBuild) run(name string, args ...string) Step {
	argv := append([]string{b.jdk.Path}, b.flags()...)
	return Step{
		Stage: StageCompile, Name: name, Argv: append(argv, args...), Mounts: b.mounts(),
		Env: []string{"JAVA_HOME=" + b.home()},
	}
}

// script wraps a step's program into a shell: before it, the program as "$@", after it.
func (s Step) script(text string) Step {
	s.Argv = append([]string{"/bin/sh", "-ec", text, "sh"}, s.Argv...)
	return s
}

// needs fetches the interfaces that a handler is written against.
func (b *javaBuild) needs() []Step {
	var files []string
	for _, need := range b.plan.Needs {
		for _, file := range needed[need] {
			files = append(files, "?"+file)
		}
	}
	if len(files) == 0 {
		return nil
	}
	return []Step{b.jars("handler interfaces", []string{"--to", javaLibs}, files...)}
}

// jars makes a step that fetches files of a Maven repository.
func (b *javaBuild) jars(name string, where []string, files ...string) Step {
	argv := append([]string{BinaryPath, "guest", "jars", "--cache", CacheDir + "/jars"}, where...)
	if mirror := b.mirror(); mirror != "" {
		argv = append(argv, "--repository", mirror)
	}
	return Step{
		Stage: StageInstall, Name: name, Argv: append(argv, files...), Online: true, NeedsBinary: true,
	}
}

// plainSteps compile files without a build tool. Kotlin and Scala come before Java and
// read its sources, so that each may use the others' classes.
func (b *javaBuild) plainSteps() []Step {
	var list []Step
	classPath := strings.Join([]string{javaClasses, javaLibs + "/*", "lib/*"}, ":")
	if len(b.plan.Kotlin) > 0 {
		list = append(list, b.jars("kotlin", []string{"--to", javaLibs}, kotlinLibraries...),
			b.jars("kotlin compiler", nil, kotlinCompiler...))
	}
	if len(b.plan.Scala) > 0 {
		list = append(list, b.jars("scala", []string{"--to", javaLibs}, scalaLibraries...),
			b.jars("scala compiler", nil, scalaCompiler...))
	}
	list = append(list, b.needs()...)
	if len(b.plan.Kotlin) > 0 {
		files := append(slices.Clone(b.plan.Kotlin), b.plan.Java...)
		list = append(list, b.compiler("kotlinc", kotlinCompiler, append([]string{
			"org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect", "-nowarn",
			"-jvm-target", b.target(), "-d", javaClasses,
		}, files...)))
	}
	if len(b.plan.Scala) > 0 {
		files := append(slices.Clone(b.plan.Scala), b.plan.Java...)
		list = append(list, b.compiler("scalac", append(slices.Clone(scalaCompiler), scalaLibraries...),
			append([]string{
				"dotty.tools.dotc.Main", "-color", "never", "-d", javaClasses,
			}, files...)))
	}
	if len(b.plan.Java) > 0 {
		list = append(list, b.javac(classPath))
	}
	return list
}

// quietSince is the first Java that has both flags.
const quietSince = 24

// major is a Java's version as people say it; 0 when it cannot be read.
func major(r toolchain.Runtime) int {
	first, _, _ := strings.Cut(r.Version, ".")
	number, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return number
}

// newestTarget is the newest class files that the pinned Kotlin compiler writes.
const newestTarget = 25

// target is the Java that classes must run on.
func (b *javaBuild) target() string {
	number := major(b.kitchen.runtime)
	if number == 0 || number > newestTarget {
		number = newestTarget
	}
	return strconv.Itoa(number)
}

// jarsOnClassPath sets cp to the jars of the class path: the compilers of Kotlin and
// Scala do not expand *.
const jarsOnClassPath = `mkdir -p ` + javaClasses + `
cp=` + javaClasses + `
for jar in ` + javaLibs + `/*.jar lib/*.jar; do if [ -f "$jar" ]; then cp="$cp:$jar"; fi; done
`

// compiler makes a step of a compiler that is itself a set of jars.
func (b *javaBuild) compiler(name string, jars, args []string) Step {
	var own []string
	for _, file := range jars {
		path, _, _ := strings.Cut(file, "@")
		own = append(own, CacheDir+"/jars/"+filepath.Base(path))
	}
	s := b.run(name, append([]string{"-cp", strings.Join(own, ":")}, args...)...)
	return s.script(jarsOnClassPath + `exec "$@" -classpath "$cp"`)
}

func (b *javaBuild) javac(classPath string) Step {
	argv := []string{filepath.Join(b.jdk.Bin(), "javac")}
	for _, flag := range b.flags() {
		argv = append(argv, "-J"+flag)
	}
	argv = append(argv, "-encoding", "UTF-8", "-g", "-parameters", "-nowarn", "-d", javaClasses, "-cp", classPath)
	if b.jdk.Path != b.kitchen.runtime.Path {
		argv = append(argv, "--release", b.target())
	}
	return Step{
		Stage: StageCompile, Name: "javac", Argv: append(argv, b.plan.Java...), Mounts: b.mounts(),
		Env: []string{"JAVA_HOME=" + b.home()},
	}
}

// JavaLeftovers are sources and outputs of tools: what is needed of them was copied.
func JavaLeftovers(plan *look.JavaPlan) []string {
	if plan.Tool == look.JavaJar {
		return nil
	}
	ignore := []string{"*.java", "*.kt", "*.scala"}
	outputs := map[look.JavaTool][]string{
		look.JavaMaven: {"target"}, look.JavaGradle: {"build", ".gradle"},
		look.JavaSbt: {"target", "project/target", "project/project"}, look.JavaLein: {"target"},
	}[plan.Tool]
	for _, module := range plan.Modules {
		if plan.Package {
			break // they are what is started
		}
		for _, output := range outputs {
			ignore = append(ignore, "/"+filepath.Join(module, output))
		}
	}
	return ignore
}
