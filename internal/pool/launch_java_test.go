// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// javaFunction answers with what it finds out about its box.
const javaFunction = `
import com.google.cloud.functions.*;
import java.util.*;

public class Probe implements HttpFunction {
  public void service(HttpRequest request, HttpResponse response) throws Exception {
    List<Object> kept = new ArrayList<>();
    switch (request.getPath()) {
      case "/heap":
        response.getWriter().write(String.valueOf(Runtime.getRuntime().maxMemory()));
        return;
      case "/files": // java.io can change the folder since Java 22 only
        String found = java.nio.file.Files.exists(java.nio.file.Path.of("Probe.java")) + " "
            + new java.io.File("Probe.java").getAbsolutePath() + " ";
        try (var in = new java.io.FileInputStream("Probe.java")) {
          found += in.read() >= 0;
        } catch (java.io.IOException e) {
          found += Runtime.version().feature() < 22;
        }
        response.getWriter().write(found);
        return;
      case "/hog":
        while (true) {
          kept.add(new byte[1 << 20]);
        }
      case "/threads":
        while (true) {
          Thread thread = new Thread(() -> {
            try {
              Thread.sleep(1000000);
            } catch (InterruptedException e) {
              return;
            }
          });
          thread.start();
        }
      case "/exit":
        System.exit(7);
      default:
        response.getWriter().write("hello");
    }
  }
}
`

// javaRevision compiles the function against the guest's own signatures.
func javaRevision(t *testing.T, dir, name string, memoryBytes int64) *dayfly.Revision {
	t.Helper()
	runtimes := toolchain.New(toolchain.Config{}, slog.New(slog.DiscardHandler))
	found, err := runtimes.Find(t.Context(), "java")
	if err != nil {
		t.Skipf("SKIPPED: no Java on this machine: %v", err)
	}
	javac := filepath.Join(filepath.Dir(found.Path), "javac")
	if _, err := os.Stat(javac); err != nil {
		t.Skipf("SKIPPED: %s has no compiler; apt install openjdk-17-jdk-headless", found.Path)
	}
	rev := realRevision(t, dir, name, map[string]string{"Probe.java": javaFunction}, func(s *dayfly.Spec) {
		s.Runtime, s.Dialect, s.Entry = "java", dayfly.DialectFramework, "Probe"
		s.Limits.MemoryBytes = memoryBytes
	})
	folder := filepath.Join(dir, name)
	signatures, _ := filepath.Glob("../guest/java/source/foreign/com/google/cloud/functions/Http*.java")
	args := append([]string{"-nowarn", "-d", folder, filepath.Join(folder, "Probe.java")}, signatures...)
	if out, err := exec.Command(javac, args...).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	return rev
}

func TestRealJavaInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles the Java guest")
	}
	p, dir := realPool(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for name, memory := range map[string]int64{"small": 128 << 20, "large": 512 << 20} {
		rev := javaRevision(t, dir, name, memory)
		if _, body, err := call(ctx, p, rev); err != nil || body != "hello" {
			t.Fatalf("%s: answer = %q, %v", name, body, err)
		}
		_, text, _ := callPath(ctx, p, rev, "/heap")
		if heap, err := strconv.ParseInt(text, 10, 64); err != nil || heap < memory/3 || heap > memory*9/10 {
			t.Errorf("%s: heap = %s of %d bytes of memory", name, text, memory)
		}
		if _, found, _ := callPath(ctx, p, rev, "/files"); found != "true /var/task/Probe.java true" {
			t.Errorf("%s: relative files = %q, want them found in the code", name, found)
		}
		for path, want := range map[string]string{"/hog": "java.lang.OutOfMemoryError",
			"/threads": "java.lang.OutOfMemoryError", "/exit": "Runtime.ExitError"} {
			_, _, err := callPath(ctx, p, rev, path)
			failure, ok := guest.FailureOf(err)
			if !ok || failure.Type != want {
				t.Errorf("%s: %s: error = %v, want %s", name, path, err, want)
			}
			if _, body, err := call(ctx, p, rev); body != "hello" {
				t.Errorf("%s: after %s: %q, %v", name, path, body, err)
			}
		}
	}
}
