// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// gradleScript adds two tasks to each project that copy what it compiles and depends
// on. It is written so that Gradle 4 to 9 read it.
const gradleScript = `allprojects { p ->
  p.afterEvaluate {
    if (!p.plugins.hasPlugin('java')) return
    def add = p.tasks.respondsTo('register') ? 'register' : 'create'
    p.tasks."$add"('dayflyClasses', Copy) {
      from p.sourceSets.main.output
      into '` + TaskDir + `/` + javaClasses + `'
      duplicatesStrategy = 'include'
    }
    p.tasks."$add"('dayflyLibraries', Copy) {
      from p.configurations.runtimeClasspath
      into '` + TaskDir + `/` + javaLibs + `'
      include '*.jar'
      exclude 'spring-boot-devtools-*', 'lombok-*'
      duplicatesStrategy = 'include'
    }
  }
}
`

// gradleSteps run Gradle: the wrapper where the source has it, else the host's.
func (b *javaBuild) gradleSteps() ([]Step, error) {
	program, mounts := []string{"/bin/sh", "./" + filepath.Join(b.plan.Folder, "gradlew")}, []string(nil)
	if !b.plan.Wrapper {
		found := hostGradle()
		if found == "" {
			return nil, dayfly.Errorf(dayfly.KindUnavailable,
				"the source needs Gradle: it has no gradlew, and this machine has no Gradle").
				WithHint("run gradle wrapper and keep what it writes with the source, or install Gradle, " +
					"such as with sdk install gradle or the package gradle")
		}
		program, mounts = []string{"/bin/sh", found}, beyondUsr(filepath.Dir(filepath.Dir(found)))
	}
	task, result := ":", ""
	if rel, err := filepath.Rel(b.plan.Folder, b.plan.Module); err == nil && rel != "." {
		task = ":" + strings.ReplaceAll(rel, "/", ":") + ":"
	}
	tasks := []string{task + "dayflyClasses", task + "dayflyLibraries"}
	if b.plan.Package {
		tasks = append(tasks, task+"assemble")
	}
	if b.plan.Quarkus {
		tasks = []string{task + "quarkusBuild"}
		result = b.quarkus(filepath.Join(b.plan.Module, "build"))
	}
	// The heap is told twice alike, else Gradle starts a second Java for the build.
	flags := strings.Join(b.flags(), " ")
	args := append([]string{
		"--no-daemon", "--console=plain", "--quiet", "--init-script", "/tmp/dayfly.gradle",
		"-p", "./" + b.plan.Folder, "-Dorg.gradle.jvmargs=" + flags, "-Dorg.gradle.workers.max=2",
	}, tasks...)
	script := "mkdir -p " + javaClasses + " " + javaLibs + "\nprintf '%s' " + quoted(gradleScript) +
		" > /tmp/dayfly.gradle\n" + `"$@"` + "\n" + result
	run := Step{
		Stage: StageInstall, Name: "gradle", Argv: append(program, args...), Online: true,
		Mounts: b.mounts(mounts...),
		Env: []string{
			"GRADLE_USER_HOME=" + CacheDir + "/gradle", "GRADLE_OPTS=" + flags, "JAVA_HOME=" + b.home(),
		},
	}
	return append([]Step{run.script(script)}, b.needs()...), nil
}

// hostGradle finds Gradle's start script where distributions and people put it.
func hostGradle() string {
	for _, pattern := range []string{
		"/usr/bin/gradle", "/opt/gradle*/bin/gradle", "/opt/gradle/*/bin/gradle", "/usr/local/gradle*/bin/gradle",
		"/usr/local/bin/gradle",
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}
