// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestTheFunctionsOfAFolderAreCompiledTogether(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"vercel.json":       `{}`,
		"api/a.ts":          "import { n } from './_lib';\nexport default (req: unknown, res: { end(s: string): void }) => res.end(String(n));\n",
		"api/users/[id].ts": "export const GET = (): Response => new Response('x');\n",
		"api/_lib.ts":       "export const n: number = 1;\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if built.Spec.Dialect != dayfly.DialectVercel || built.Spec.Entry != "api" {
		t.Errorf("found %s %s, want vercel api", built.Spec.Dialect, built.Spec.Entry)
	}
	w.has(t, built.Bundle, "api/a.cjs", "api/users/[id].cjs", "-api/_lib.cjs", ".dayfly/node.json")
}

func TestAPackageBelowTheSourceIsInstalledThere(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"stack.yml":         "provider: {name: openfaas}\nfunctions: {fn: {lang: node20, handler: ./fn}}\n",
		"fn/handler.js":     "const tiny = require('tiny');\nmodule.exports = async (event, context) => tiny;\n",
		"fn/package.json":   `{"name":"fn","version":"1.0.0","dependencies":{"tiny":"file:../tiny"}}`,
		"tiny/package.json": `{"name":"tiny","version":"1.0.0"}`,
		"tiny/index.js":     "module.exports = 'tiny';\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, "fn/node_modules/tiny", "-node_modules")
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "node", "-e", "require('./handler')({}, {}).then(console.log)")
	run.Dir = filepath.Join(folder, "fn")
	if out, err := run.CombinedOutput(); err != nil || string(out) != "tiny\n" {
		t.Errorf("the handler gives %q, %v; want tiny", out, err)
	}
}

func TestPagesComeWithoutWhatBuiltThem(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"package.json": `{"name":"x","version":"1.0.0","scripts":{"build":"node build.js"},` +
			`"dependencies":{"tiny":"file:tiny"},"devDependencies":{"vite":"file:tiny"}}`,
		"build.js":          "require('fs').mkdirSync('dist');\nrequire('fs').writeFileSync('dist/index.html', require('tiny'));\n",
		"index.html":        "<div id=\"app\"></div>\n",
		"tiny/package.json": `{"name":"tiny","version":"1.0.0"}`,
		"tiny/index.js":     "module.exports = 'page';\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if built.Spec.Contract != dayfly.ContractHTTP || built.Spec.Command[0] != "dayfly" {
		t.Errorf("found %s %q, want pages", built.Spec.Contract, built.Spec.Command)
	}
	w.has(t, built.Bundle, "dist/index.html", "-node_modules")
}

func TestAYarnThatTheSourceBringsIsUsed(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	for name, want := range map[string]string{
		"yarn.cjs":       "workspaces focus --production",
		"yarn-4.9.2.cjs": "workspaces focus --production",
		"yarn-2.4.3.cjs": "install --immutable", // only a plugin of its focuses
	} {
		w := newWorld(t, boxes(t), nil)
		built, err := w.build(t, map[string]string{
			"server.js": "require('http').createServer().listen(process.env.PORT);\n",
			"package.json": `{"name":"x","version":"1.0.0","packageManager":"yarn@4.9.2",` +
				`"scripts":{"start":"node server.js"},"dependencies":{"tiny":"1"}}`,
			"yarn.lock":   "__metadata:\n  version: 8\n",
			".yarnrc.yml": "yarnPath: .yarn/releases/" + name + "\n",
			// It stands for the real one, which is 3 MB: what counts is how it is called.
			".yarn/releases/" + name: "require('fs').writeFileSync('called.txt', process.argv.slice(2).join(' '));\n",
		}, manifest.Function{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, w.said())
		}
		if out := w.runIn(t, built.Bundle, "cat", "called.txt"); out != want {
			t.Errorf("%s was called with %q, want %q", name, out, want)
		}
	}
}
