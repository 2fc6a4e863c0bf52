// SPDX-License-Identifier: Apache-2.0

package typescript_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/build/typescript"
)

// run compiles files in a folder of its own and gives what Main did.
func run(t *testing.T, files map[string]string, args ...string) (dir string, status int, said string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out bytes.Buffer
	status = typescript.Main(args, &out, &out)
	return dir, status, out.String()
}

func TestModulesBecomeOneFileAndPackagesStay(t *testing.T) {
	dir, status, said := run(t, map[string]string{
		"src/index.ts":  "import { z } from 'zod';\nimport { one } from './one';\nexport const handler = (e: unknown) => [z, one];\n",
		"src/one.ts":    "export const one: number = 1;\n",
		"tsconfig.json": "{}",
	}, "--entry", "src/index.ts", "--output", "src/index.cjs", "--target", "node20.11.1")
	if status != 0 {
		t.Fatalf("status %d: %s", status, said)
	}
	text, err := os.ReadFile(filepath.Join(dir, "src/index.cjs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`require("zod")`, "one = 1", "sourceMappingURL=data:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
}

func TestAModuleOutputIsAnESModule(t *testing.T) {
	dir, status, said := run(t, map[string]string{"a.ts": "const n: number = await 1;\nexport default n;\n"},
		"--entry", "a.ts", "--output", ".dayfly/build/a.mjs")
	if status != 0 {
		t.Fatalf("status %d: %s", status, said)
	}
	text, err := os.ReadFile(filepath.Join(dir, ".dayfly/build/a.mjs"))
	if err != nil || !strings.Contains(string(text), "as default") {
		t.Errorf("the output is %q, %v; want an ES module", text, err)
	}
}

func TestErrorsNameTheirPlace(t *testing.T) {
	_, status, said := run(t, map[string]string{"a.ts": "import x from './gone';\nconst y: number = ;\n"},
		"--entry", "a.ts", "--output", "a.cjs")
	if status != 1 || !strings.Contains(said, "a.ts:2:19: error: Unexpected") {
		t.Errorf("status %d, said %q; want 1 and the place", status, said)
	}
	if _, err := os.Stat("a.cjs"); err == nil {
		t.Error("an output was written")
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"--entry", "a.ts"}, {"--what"}, {"--entry", "a.ts", "--output", "b.cjs", "more"}} {
		if _, status, _ := run(t, nil, args...); status != 2 {
			t.Errorf("Main(%q) = %d, want 2", args, status)
		}
	}
}

func TestSeveralModulesAreCompiledAtOnce(t *testing.T) {
	dir, status, said := run(t, map[string]string{
		"api/a.ts": "import { n } from './lib';\nexport default (): number => n;\n", "api/lib.ts": "export const n = 1;\n",
		"api/b.ts": "export default (): number => 2;\n",
	}, "--entry", "api/a.ts", "--output", "api/a.cjs", "--entry", "api/b.ts", "--output", "api/b.mjs")
	if status != 0 {
		t.Fatalf("status %d: %s", status, said)
	}
	for name, want := range map[string]string{"api/a.cjs": "n = 1", "api/b.mjs": "as default"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s is %q, %v; want it to hold %q", name, text, err, want)
		}
	}
	_, status, _ = run(t, nil, "--entry", "a.ts", "--output", "a.cjs", "--entry", "b.ts")
	if status != 2 {
		t.Errorf("an entry without an output gives %d, want 2", status)
	}
}
