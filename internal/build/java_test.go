// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

const javaHello = `package a;

public class Hello {
    public static void main(String[] args) {
        System.out.println("hello " + new Name().get());
    }
}
`

// javaWords is the command of what was built, with its runtime's own java.
func javaWords(t *testing.T, built build.Built) []string {
	t.Helper()
	home, _ := os.UserHomeDir()
	set := toolchain.New(toolchain.Config{
		Homes: []string{home}, CacheFile: filepath.Join(os.TempDir(), "dayfly-test-runtimes.json"),
	}, slog.New(slog.DiscardHandler))
	runtime, err := set.Find(t.Context(), built.Spec.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{runtime.Path}, built.Spec.Command[1:]...)
}

func TestJavaIsCompiledWithoutABuildTool(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"a/Hello.java": javaHello, "a/words.txt": "kept",
		"a/Name.java": "package a;\nclass Name { String get() { return \"java\"; } }\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, ".dayfly/java/classes/a/Hello.class", ".dayfly/java/classes/a/Name.class",
		"a/words.txt", "-a/Hello.java", "-a/Name.java")
	if got := w.runIn(t, built.Bundle, javaWords(t, built)...); got != "hello java\n" {
		t.Errorf("%q says %q, want hello java", built.Spec.Command, got)
	}
}

func TestJavaErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	w := newWorld(t, boxes(t), nil)
	_, err := w.build(t, map[string]string{"a/Hello.java": javaHello}, manifest.Function{})
	if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), "a/Hello.java:5") {
		t.Errorf("error %v, want an invalid one that names a/Hello.java:5", err)
	}
}

func TestAJavaThatIsNewerServesAnOlderSource(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	w := newWorld(t, noBoxes{}, nil)
	built, err := w.build(t, map[string]string{"app.jar": "PK", ".java-version": "12\n"},
		manifest.Function{Command: []string{"java", "-jar", "app.jar"}})
	if err != nil {
		t.Fatal(err)
	}
	if name := string(built.Spec.Runtime); !strings.HasPrefix(name, "java") || name < "java12" {
		t.Errorf("runtime %s, want one that is newer than 12", name)
	}
	for _, line := range built.Found {
		if strings.Contains(line, "not on this machine") {
			t.Errorf("found %q, want no complaint", line)
		}
	}
}

func TestAJavaIsToldTheMemoryOfItsInstance(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	w := newWorld(t, noBoxes{}, nil)
	for given, want := range map[string]string{
		"java -jar app.jar":                 "java -Xmx200m -jar app.jar",
		"java -Xmx90m -jar app.jar":         "java -Xmx90m -jar app.jar",
		"java -XX:MaxRAM=90m -jar app.jar":  "java -XX:MaxRAM=90m -jar app.jar",
		"java -Dport=$PORT -jar app.jar":    "/bin/sh -c exec java -Xmx200m -Dport=$PORT -jar app.jar",
		"./start.sh --java x.jar":           "./start.sh --java x.jar",
		"cd sub && java -jar $HOME/app.jar": "/bin/sh -c cd sub && java -Xmx200m -jar $HOME/app.jar",
	} {
		built, err := w.build(t, map[string]string{"app.jar": "PK", "start.sh": "#!/bin/sh\n"},
			manifest.Function{Runtime: "java", Command: manifest.SplitCommand(given), Memory: "400Mi"})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(built.Spec.Command, " "); got != want {
			t.Errorf("command %q becomes %q, want %q", given, got, want)
		}
	}
}

func TestAHandlerGetsTheInterfacesOfLambda(t *testing.T) {
	needs(t, "java")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"Hello.java": `import com.amazonaws.services.lambda.runtime.*;
public class Hello implements RequestHandler<String, String> {
    public String handleRequest(String name, Context context) { return "hello " + name; }
}
`,
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, ".dayfly/java/classes/Hello.class",
		".dayfly/java/lib/aws-lambda-java-core-1.4.0.jar", ".dayfly/java/lib/aws-lambda-java-serialization-1.2.0.jar")
}

func TestAMavenModuleIsBuiltWithWhatItDependsOn(t *testing.T) {
	needs(t, "java")
	w := onlineWorld(t)
	parent := "<parent><groupId>shop</groupId><artifactId>shop</artifactId><version>1</version></parent>"
	head := `<project><modelVersion>4.0.0</modelVersion>`
	built, err := w.build(t, map[string]string{
		"pom.xml": head + `<groupId>shop</groupId><artifactId>shop</artifactId><version>1</version>
<packaging>pom</packaging><modules><module>core</module><module>app</module></modules><properties>
<maven.compiler.release>17</maven.compiler.release><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
</properties></project>`,
		"core/pom.xml": head + parent + "<artifactId>core</artifactId></project>",
		"app/pom.xml": head + parent + `<artifactId>app</artifactId><dependencies><dependency>
<groupId>shop</groupId><artifactId>core</artifactId><version>1</version></dependency></dependencies></project>`,
		"core/src/main/java/a/Name.java": "package a;\npublic class Name { public String get() { return \"maven\"; } }\n",
		"app/src/main/java/a/Hello.java": javaHello,
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, ".dayfly/java/classes/a/Hello.class", ".dayfly/java/lib/core-1.jar",
		"-app/target", "-core/target")
	if got := w.runIn(t, built.Bundle, javaWords(t, built)...); got != "hello maven\n" {
		t.Errorf("%q says %q, want hello maven", built.Spec.Command, got)
	}
}

func TestACommandMayNameWhatMavenPacks(t *testing.T) {
	needs(t, "java")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"pom.xml": `<project><modelVersion>4.0.0</modelVersion><groupId>shop</groupId><artifactId>app</artifactId>
<version>1</version><properties><maven.compiler.release>17</maven.compiler.release></properties></project>`,
		"src/main/java/a/Name.java":  "package a;\npublic class Name { public String get() { return \"packed\"; } }\n",
		"src/main/java/a/Hello.java": javaHello,
	}, manifest.Function{Contract: "stdio", Command: []string{"java", "-cp", "target/app-1.jar", "a.Hello"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if got := w.runIn(t, built.Bundle, javaWords(t, built)...); got != "hello packed\n" {
		t.Errorf("%q says %q, want hello packed", built.Spec.Command, got)
	}
}

// TestTheWrapperOfGradleIsUsed packs the machine's Gradle as the distribution that a
// wrapper unpacks, so that nothing but this machine is asked.
func TestTheWrapperOfGradleIsUsed(t *testing.T) {
	needs(t, "java")
	program, err := exec.LookPath("gradle")
	if err != nil {
		t.Skip("SKIPPED: Gradle is not on this machine; the package gradle has it")
	}
	w := onlineWorld(t)
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("build.gradle", "apply plugin: 'java'\n")
	wrap := exec.CommandContext(t.Context(), program, "--no-daemon", "--offline", "-q", "wrapper")
	wrap.Dir, wrap.Env = folder, append(os.Environ(), "GRADLE_USER_HOME="+filepath.Join(t.TempDir(), "home"))
	if out, err := wrap.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: this machine's Gradle makes no wrapper: %v\n%s", err, out)
	}
	files := map[string]string{"distribution.zip": distribution(t, program), "a/b.txt": "x",
		"src/main/java/a/Hello.java": javaHello,
		"src/main/java/a/Name.java":  "package a;\nclass Name { String get() { return \"wrapper\"; } }\n",
		"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=file\\:/var/task/distribution.zip\n" +
			"distributionBase=GRADLE_USER_HOME\ndistributionPath=wrapper/dists\n" +
			"zipStorePath=wrapper/dists\nzipStoreBase=GRADLE_USER_HOME\n",
	}
	for _, name := range []string{"build.gradle", "gradlew", "gradle/wrapper/gradle-wrapper.jar"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	built, err := w.build(t, files, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if got := w.runIn(t, built.Bundle, javaWords(t, built)...); got != "hello wrapper\n" {
		t.Errorf("%q says %q, want hello wrapper", built.Spec.Command, got)
	}
}

// distribution packs the Gradle whose start script that is.
func distribution(t *testing.T, program string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	home, packed := filepath.Dir(filepath.Dir(real)), strings.Builder{}
	z := zip.NewWriter(&packed)
	err = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(home, path)
		info, statErr := os.Stat(path)
		if err != nil || relErr != nil || statErr != nil {
			return errors.Join(err, relErr) // a link to nothing is left out
		}
		if info.IsDir() {
			_, err = z.Create("gradle/" + rel + "/")
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := z.Create("gradle/" + rel)
		if err == nil {
			_, err = io.Copy(out, in)
		}
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

// TestJavaAsksTheMirrorOfTheHost reads the mirror in an error: one that answers needs
// a network that a box reaches.
func TestJavaAsksTheMirrorOfTheHost(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	w := newWorld(t, boxes(t), func(c *build.Config) {
		c.Env = []string{"MAVEN_MIRROR_URL=https://mirror.invalid/maven"}
	})
	_, err := w.build(t, map[string]string{
		"Hello.java": "import com.amazonaws.services.lambda.runtime.*;\n" +
			"public class Hello implements RequestHandler<String, String> { }\n",
	}, manifest.Function{})
	if err == nil || !strings.Contains(err.Error(), "https://mirror.invalid/maven/com/amazonaws") {
		t.Errorf("error %v, want one that names the mirror", err)
	}
}
