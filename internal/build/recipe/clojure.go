// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/jvm"
)

// clojars is where most libraries of Clojure are.
const clojars = "https://repo.clojars.org/"

// clojureSteps put the sources on the class path, with what deps.edn asks for, and
// compile the namespaces that are called.
func (b *javaBuild) clojureSteps() ([]Step, error) {
	list, err := b.libraries()
	if err != nil {
		return nil, err
	}
	list = append(list, b.needs()...)
	list = append(list, Step{
		Stage: StageInstall, Name: "class path",
		Argv: append([]string{"/bin/sh", "-ec", gather, "sh"}, b.plan.Paths...),
	})
	if len(b.plan.Java) > 0 {
		list = append(list, b.javac(strings.Join([]string{javaClasses, javaLibs + "/*", "lib/*"}, ":")))
	}
	if len(b.plan.Namespaces) > 0 {
		list = append(list, b.compileClojure(b.plan.Namespaces))
	}
	return list, nil
}

// gather copies folders onto the class path, without what the build itself makes.
const gather = `mkdir -p ` + javaClasses + ` ` + javaLibs + `
for folder in "$@"; do
  tar -C "./$folder" --exclude=./.dayfly --exclude=./.cpcache -cf - . | tar -C ` + javaClasses + ` -xf -
done`

// compiled removes the sources of compiled namespaces. Clojure loads what is newer,
// and in a bundle nothing is.
const compiled = `"$@"
find ` + javaClasses + ` -name '*__init.class' | while read -r class; do
  rm -f "${class%__init.class}.clj" "${class%__init.class}.cljc"
done`

func (b *javaBuild) compileClojure(namespaces []string) Step {
	args := []string{
		"-Dclojure.compile.path=" + javaClasses,
		"-cp", javaClasses + ":" + javaLibs + "/*:lib/*", "clojure.main", "-e",
	}
	text := ""
	for _, ns := range namespaces {
		text += "(compile '" + ns + ")"
	}
	args = append(args, text)
	return b.run("clojure compile", args...).script(compiled)
}

// libraries fetch what deps.edn names: Clojure alone directly, others with Maven.
func (b *javaBuild) libraries() ([]Step, error) {
	alone := "org.clojure:clojure:" + jvm.ClojureVersion
	others := slices.DeleteFunc(slices.Clone(b.plan.Libraries), func(l string) bool { return l == alone })
	if len(others) == 0 {
		return []Step{b.jars("clojure", []string{"--to", javaLibs}, clojureJars...)}, nil
	}
	pom, err := pomOf(b.plan.Libraries, append([]string{clojars}, b.plan.Repositories...))
	if err != nil {
		return nil, err
	}
	steps, run := b.maven([]string{
		"-B", "-ntp", "-q", "-Dstyle.color=never", "-Dmaven.repo.local=" + mavenCache,
		"-f", "/tmp/deps/pom.xml", dependencyPlugin, "-DincludeScope=runtime",
		"-DoutputDirectory=" + TaskDir + "/" + javaLibs,
	})
	return append(steps, run.script("mkdir -p /tmp/deps\nprintf '%s' "+quoted(pom)+
		" > /tmp/deps/pom.xml\n"+b.settings()+`"$@"`)), nil
}

// pom is a project that only depends on things.
type pom struct {
	XMLName      xml.Name        `xml:"project"`
	Model        string          `xml:"modelVersion"`
	Group        string          `xml:"groupId"`
	Artifact     string          `xml:"artifactId"`
	Version      string          `xml:"version"`
	Repositories []pomRepository `xml:"repositories>repository"`
	Dependencies []pomDependency `xml:"dependencies>dependency"`
}

type pomRepository struct {
	ID  string `xml:"id"`
	URL string `xml:"url"`
}

type pomDependency struct {
	Group    string `xml:"groupId"`
	Artifact string `xml:"artifactId"`
	Version  string `xml:"version"`
}

func pomOf(libraries, repositories []string) (string, error) {
	p := pom{Model: "4.0.0", Group: "function", Artifact: "function", Version: "1"}
	for i, address := range repositories {
		p.Repositories = append(p.Repositories, pomRepository{ID: "r" + string(rune('a'+i)), URL: address})
	}
	for _, library := range libraries {
		parts := strings.SplitN(library, ":", 3)
		if len(parts) != 3 {
			return "", dayfly.Errorf(dayfly.KindInvalid, "%q is not group:artifact:version", library)
		}
		p.Dependencies = append(p.Dependencies, pomDependency{parts[0], parts[1], parts[2]})
	}
	text, err := xml.Marshal(p)
	return string(text), err
}

// classPath puts what a build tool prints as its class path where ours is: jars are
// copied, folders are gathered. The last line of $path is it.
const classPath = `mkdir -p ` + javaClasses + ` ` + javaLibs + `
printf '%s' "$path" | tail -n 1 | tr ':' '\n' | while IFS= read -r entry || [ -n "$entry" ]; do
  case "$entry" in
  *.jar) if [ -f "$entry" ]; then cp "$entry" ` + javaLibs + `/; fi ;;
  *) if [ -d "$entry" ]; then cp -a "$entry/." ` + javaClasses + `/; fi ;;
  esac
done
`

// leinSteps run the host's Leiningen.
func (b *javaBuild) leinSteps() ([]Step, error) {
	found := ""
	for _, place := range []string{"/usr/bin/lein", "/usr/local/bin/lein"} {
		if _, err := os.Stat(place); err == nil {
			found = place
			break
		}
	}
	if found == "" {
		return nil, dayfly.Errorf(dayfly.KindUnavailable,
			"the source needs Leiningen (lein), which this machine does not have").
			WithHint("install it, such as with the package leiningen, or describe the source with a deps.edn")
	}
	script := `mkdir -p "$LEIN_HOME"
printf '{:user {:local-repo "%s"}}' ` + mavenCache + ` > "$LEIN_HOME/profiles.clj"
cd ` + quoted("./"+b.plan.Folder) + `
"$0" with-profile user,provided compile :all
path=$("$0" with-profile user,provided classpath)
cd ` + TaskDir + "\n" + classPath + strings.TrimPrefix(compiled, `"$@"`+"\n")
	run := Step{
		Stage: StageInstall, Name: "lein", Online: true, Mounts: b.mounts(),
		Argv: []string{"/bin/sh", "-ec", script, found},
		Env: []string{
			"LEIN_HOME=" + CacheDir + "/lein", "LEIN_JVM_OPTS=" + strings.Join(b.flags(), " "),
			"JVM_OPTS=" + strings.Join(b.flags(), " "), "LEIN_SILENT=true", "JAVA_HOME=" + b.home(),
			"JAVA_CMD=" + b.jdk.Path, "LEIN_JAVA_CMD=" + b.jdk.Path,
		},
	}
	return append([]Step{run}, b.needs()...), nil
}

// sbtSteps run sbt, whose launcher comes from Maven Central; it fetches the version
// that the project names.
func (b *javaBuild) sbtSteps() []Step {
	module := ""
	if rel, err := filepath.Rel(b.plan.Folder, b.plan.Module); err == nil && rel != "." {
		module = filepath.Base(rel) + "/"
	}
	home := CacheDir + "/sbt"
	run := b.run("sbt", "-Dsbt.global.base="+home, "-Dsbt.boot.directory="+home+"/boot",
		"-Dsbt.ivy.home="+home+"/ivy", "-Dsbt.coursier.home="+home+"/coursier",
		"-Dsbt.color=false", "-Dsbt.supershell=false", "-Dsbt.server.autostart=false",
		"-jar", CacheDir+"/jars/"+sbtLauncher, "export "+module+"Runtime/fullClasspath")
	run.Online = true
	run.Env = append(run.Env, "COURSIER_CACHE="+home+"/coursier")
	return append([]Step{
		b.jars("sbt", nil, sbtArchive),
		run.script("cd " + quoted("./"+b.plan.Folder) + "\n" + `path=$("$@") || { printf '%s\n' "$path" >&2; exit 1; }` +
			"\ncd " + TaskDir + "\n" + classPath),
	}, b.needs()...)
}
