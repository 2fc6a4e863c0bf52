// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/egress"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// onlineWorld is a world whose boxes reach the internet, through the real egress.
func onlineWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("asks package registries")
	}
	driver := boxes(t)
	network := egress.New(egress.Config{PoolSize: 1, SlotsMax: 8}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err := network.Open(t.Context()); err != nil {
		t.Skipf("no network for boxes on this host: %v", err)
	}
	if err := network.Absent(); err != nil {
		network.Close()
		t.Skipf("no network for boxes on this host: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- network.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("network: %v", err)
		}
		network.Close()
	})
	return newOnlineWorld(t, driver, network, passOn)
}

// passOn gives the steps what this machine needs to reach package indexes.
func passOn(c *build.Config) {
	for _, name := range []string{"HTTPS_PROXY", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY", "GOSUMDB", "GOFLAGS"} {
		if value := os.Getenv(name); value != "" {
			c.Env = append(c.Env, name+"="+value)
		}
	}
}

// runIn runs a command in a bundle's folder.
func (w *world) runIn(t *testing.T, digest dayfly.Digest, argv ...string) string {
	t.Helper()
	folder, err := w.bundles.Folder(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=/usr/bin:/bin", "PYTHONPATH=" + filepath.Join(folder, ".dayfly/python")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

func TestPillowIsInstalledFromItsIndex(t *testing.T) {
	needs(t, "python")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"app.py": "from PIL import Image\n\ndef handler(event, context):\n    return Image.__name__\n", "requirements.txt": "pillow\n",
	}, manifest.Function{Runtime: "python3"})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if out := w.runIn(t, built.Bundle, "/usr/bin/python3", "-c", "import app; print(app.handler(1, 2))"); !strings.Contains(out, "PIL.Image") {
		t.Errorf("the handler gives %q", out)
	}
}

func TestExpressIsInstalledFromItsRegistry(t *testing.T) {
	needs(t, "node")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"app.js":       "const express = require('express');\nmodule.exports = express();\n",
		"package.json": `{"name":"x","version":"1.0.0","dependencies":{"express":"^4.18.0"},"devDependencies":{"left-pad":"1.3.0"}}`,
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if built.Spec.Dialect != dayfly.DialectNodeHTTP {
		t.Errorf("dialect %s, want node-http", built.Spec.Dialect)
	}
	w.has(t, built.Bundle, "node_modules/express/package.json", "-node_modules/left-pad")
	if out := w.runIn(t, built.Bundle, "node", "-p", "typeof require('./app')"); out != "function\n" {
		t.Errorf("the application is %q, want a function", out)
	}
}

func TestABuildScriptRunsWithDevelopmentDependencies(t *testing.T) {
	needs(t, "node")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"src/main.ts":   "import http from 'http';\nhttp.createServer((q, r) => r.end('x')).listen(process.env.PORT);\n",
		"tsconfig.json": `{"compilerOptions":{"outDir":"dist","rootDir":"src","module":"commonjs","esModuleInterop":true,"types":[],"skipLibCheck":true,"noEmitOnError":false,"noCheck":true},"include":["src"]}`,
		"package.json":  `{"name":"x","version":"1.0.0","scripts":{"build":"tsc","start":"node dist/start.js"},"devDependencies":{"typescript":"5.6.3"}}`,
		"src/start.ts":  "import './main';\n",
		"dist.txt":      "",
	}, manifest.Function{Command: []string{"node", "dist/start.js"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, "dist/start.js", "dist/main.js", "-node_modules/typescript")
}

func TestAGoModuleIsFetched(t *testing.T) {
	needs(t, "go")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"go.mod":  "module hello\n\ngo 1.21\n\nrequire github.com/google/uuid v1.6.0\n",
		"go.sum":  "github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=\ngithub.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n",
		"main.go": "package main\n\nimport \"github.com/google/uuid\"\n\nfunc main() { println(len(uuid.NewString())) }\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if out := w.runIn(t, built.Bundle, built.Spec.Command[0]); out != "36\n" {
		t.Errorf("the program prints %q, want 36", out)
	}
}

func TestAnotherVersionOfPythonInstallsForItself(t *testing.T) {
	needs(t, "python3.12")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"app.py": "import flask\n\napp = flask.Flask(__name__)\n", "requirements.txt": "flask\n",
	}, manifest.Function{Runtime: "python3.12"})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, ".dayfly/python/flask/__init__.py")
	if built.Spec.Runtime != "python3.12" || built.Spec.Dialect != dayfly.DialectWSGI {
		t.Errorf("spec %+v, want a wsgi application of python3.12", built.Spec)
	}
}

func TestOldPipsInstallToo(t *testing.T) {
	for _, name := range []dayfly.RuntimeName{"python3.6", "python3.7"} {
		t.Run(string(name), func(t *testing.T) {
			needs(t, name)
			w := onlineWorld(t)
			built, err := w.build(t, map[string]string{
				"main.py": "import six\nprint(six.PY3)\n", "requirements.txt": "six==1.16.0\n",
			}, manifest.Function{Runtime: string(name)})
			if err != nil {
				t.Fatalf("%v\n%s", err, w.said())
			}
			w.has(t, built.Bundle, ".dayfly/python/six.py")
		})
	}
}
