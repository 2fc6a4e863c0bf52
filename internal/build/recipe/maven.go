// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"encoding/xml"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
)

// dependencyPlugin copies what a project depends on. Its version is named, so that it
// need not be looked up.
const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// neverBundled are libraries for development: they slow a program down or reload it.
const neverBundled = "spring-boot-devtools,spring-boot-docker-compose,lombok"

// mavenSteps run Maven: the wrapper where the source has it, else a recent one of the
// host, else a pinned one. A project of one module is not packed into an archive: its
// classes and what it depends on are the class path.
func (b *javaBuild) mavenSteps() ([]Step, error) {
	args := []string{
		"-B", "-ntp", "-q", "-Dstyle.color=never", "-Dmaven.repo.local=" + mavenCache,
		"-Dmaven.test.skip=true", "-DskipTests", "-f", "./" + filepath.Join(b.plan.Folder, "pom.xml"),
	}
	isPart := b.plan.Module != b.plan.Folder
	if isPart {
		part, err := filepath.Rel(b.plan.Folder, b.plan.Module)
		if err != nil {
			return nil, err
		}
		args = append(args, "-pl", part, "-am")
	}
	result := collect(filepath.Join(b.plan.Module, "target/classes"))
	copyAll := []string{
		dependencyPlugin, "-DincludeScope=runtime", "-DoutputDirectory=" + TaskDir + "/" + javaLibs,
		"-DexcludeArtifactIds=" + neverBundled,
	}
	switch {
	case b.plan.Quarkus:
		args = append(args, "package")
		result = b.quarkus(filepath.Join(b.plan.Module, "target"))
	case isPart || len(b.plan.Modules) > 1 || b.plan.Package:
		args = append(append(args, "package"), copyAll...)
	default:
		args = append(append(args, "process-classes"), copyAll...)
	}
	steps, run := b.maven(args)
	return append(append(steps, run.script(b.settings()+`"$@"`+"\n"+result)), b.needs()...), nil
}

// collect moves compiled classes to the class path.
func collect(classes string) string {
	return "mkdir -p " + javaClasses + " " + javaLibs + "\n" +
		"if [ -d " + quoted(classes) + " ]; then cp -a " + quoted(classes) + "/. " + javaClasses + "/; fi\n"
}

// quarkus moves Quarkus' own layout to its place, or, of a handler for Lambda, the jars
// of its function.zip to the class path.
func (b *javaBuild) quarkus(output string) string {
	app, zip := quoted(filepath.Join(output, "quarkus-app")), quoted(filepath.Join(output, "function.zip"))
	return "mkdir -p " + javaLibs + "\n" +
		"if [ -f " + zip + " ]; then mkdir /tmp/function\n" +
		"(cd /tmp/function && " + b.home() + "/bin/jar xf " + TaskDir + "/" + zip + ")\n" +
		"cp -a /tmp/function/lib/. " + javaLibs + "/\n" +
		"else mv " + app + " " + javaApp + "; fi\n"
}

// quoted makes one word of a path for the shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// maven gives the step that runs Maven, and what has to come before it.
func (b *javaBuild) maven(args []string) (before []Step, run Step) {
	folder := b.plan.Folder
	if b.mirror() != "" {
		args = append([]string{"-s", settingsFile}, args...)
	}
	if b.plan.Wrapper {
		run = Step{
			Argv: append([]string{"/bin/sh", "./" + filepath.Join(folder, "mvnw")}, args...),
			Env: []string{
				"MAVEN_USER_HOME=" + CacheDir + "/tools/maven", "MAVEN_OPTS=" + strings.Join(b.flags(), " "),
				"JAVA_HOME=" + b.home(),
			},
			Mounts: b.mounts(),
		}
	} else {
		home := hostMaven()
		if home == "" {
			home = mavenFolder
			before = []Step{b.jars("maven", []string{"--unpack", CacheDir + "/tools"}, mavenArchive)}
		}
		run = b.run("mvn", append([]string{
			"-cp", home + "/lib/*:" + home + "/boot/*", "-Dmaven.home=" + home,
			"-Dmaven.multiModuleProjectDirectory=" + filepath.Join(TaskDir, folder),
			"org.apache.maven.cli.MavenCli",
		}, args...)...)
		run.Mounts = append(run.Mounts, beyondUsr(home)...)
	}
	run.Stage, run.Name, run.Online = StageInstall, "mvn", true
	return before, run
}

// settingsFile is Maven's settings in a box.
const settingsFile = "/tmp/settings.xml"

// mirror is the repository that the host has in the place of all others; "" for none.
func (b *javaBuild) mirror() string {
	for _, setting := range b.kitchen.env {
		if address, ok := strings.CutPrefix(setting, "MAVEN_MIRROR_URL="); ok {
			return address
		}
	}
	return ""
}

// settings is the line of a script that writes Maven's settings, when there is a mirror.
func (b *javaBuild) settings() string {
	if b.mirror() == "" {
		return ""
	}
	var address strings.Builder
	_ = xml.EscapeText(&address, []byte(b.mirror())) // a builder takes everything
	return "printf '%s' " + quoted("<settings><mirrors><mirror><id>mirror</id><mirrorOf>external:*</mirrorOf><url>"+
		address.String()+"</url></mirror></mirrors></settings>") + " > " + settingsFile + "\n"
}

var mavenCore = grep.Of(`/maven-core-(\d+)\.(\d+)[\d.]*\.jar$`)

// hostMaven finds a Maven 3.9 or later where distributions and people put it. Older
// ones compile for a Java that today's do not know, unless a project says otherwise.
func hostMaven() string {
	var homes []string
	for _, pattern := range []string{"/usr/share/maven", "/opt/maven", "/opt/apache-maven*", "/usr/local/apache-maven*"} {
		found, _ := filepath.Glob(pattern)
		homes = append(homes, found...)
	}
	slices.Reverse(homes)
	for _, home := range homes {
		cores, _ := filepath.Glob(filepath.Join(home, "lib/maven-core-*.jar"))
		for _, core := range cores {
			match := mavenCore.FindStringSubmatch(core)
			if match != nil && match[1] == "3" && (len(match[2]) > 1 || match[2] >= "9") {
				return home
			}
		}
	}
	return ""
}

// beyondUsr gives what a box must see of the host beside /usr.
func beyondUsr(folder string) []string {
	if strings.HasPrefix(folder, CacheDir+"/") {
		return nil
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil || strings.HasPrefix(real, "/usr/") {
		return nil
	}
	return []string{folder, real}
}
