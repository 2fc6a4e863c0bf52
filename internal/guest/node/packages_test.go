// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// dependencies are what applications in the wild are made of.
var dependencies = map[string]string{
	"@google-cloud/functions-framework": "5.0.5",
	"@hapi/hapi":                        "21.4.10",
	"connect":                           "3.7.0",
	"express":                           "5.3.0",
	"express4":                          "npm:express@4.22.3",
	"fastify":                           "5.12.8",
	"hono":                              "4.13.19",
	"koa":                               "3.3.0",
	"ws":                                "8.23.0",
}

// packages installs the dependencies once per machine and gives their folder.
var packages = sync.OnceValues(func() (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	manifest, err := json.Marshal(map[string]any{"private": true, "dependencies": dependencies})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "dayfly-test", "guest-node")
	modules := filepath.Join(dir, "node_modules")
	if have, err := os.ReadFile(filepath.Join(modules,
		"installed.json")); err == nil && string(have) == string(manifest) {
		return modules, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o644); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts",
		"--no-package-lock")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return modules, os.WriteFile(filepath.Join(modules, "installed.json"), manifest, 0o644)
})

// application makes an instance of code that has the dependencies at hand.
func application(t *testing.T, dialect, entry string, sources files) *process {
	t.Helper()
	if testing.Short() {
		t.Skip("installs packages: run without -short")
	}
	modules, err := packages()
	if err != nil {
		t.Skipf("the packages cannot be installed: %v", err)
	}
	dir := task(t, sources)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p := boot(t)
	ready := p.specialise(head(dir, dialect, entry))
	if dialect == "" {
		t.Logf("detected %s", ready.Dialect)
	}
	return p
}

func TestPackagesServe(t *testing.T) {
	t.Parallel()
	const routes = "const app = e(); app.use(e.json()); " +
		"app.get('/hello', (q, s) => s.set('x-a', 'b').send('hello ' + q.query.n));" +
		"app.post('/echo', (q, s) => s.json(q.body));"
	const express = "const e = require('express'); " + routes
	cases := map[string]files{
		"express":        {"app.js": express + "module.exports = app;"},
		"express 4":      {"app.js": "const e = require('express4'); " + routes + "module.exports = app;"},
		"express in ESM": {"app.mjs": "import e from 'express'; " + routes + "export default app;"},
		"express that listens": {"app.js": express +
			"app.listen(3000, () => console.log('up')); module.exports = app;"},
		"express in an object": {"app.js": express + "exports.app = app;"},
		"koa": {"app.js": `const Koa = require('koa'); const app = new Koa();
			app.use(async (c) => { c.set('x-a', 'b');
			  if (c.method === 'GET') c.body = 'hello ' + c.query.n; else { let b = '';
			    for await (const d of c.req) b += d; c.body = JSON.parse(b); } });
			module.exports = app;`},
		"fastify": {"app.js": `const app = require('fastify')();
			app.get('/hello', async (q, r) => { r.header('x-a', 'b'); return 'hello ' + q.query.n; });
			  app.post('/echo', async (q) => q.body);
			module.exports = app;`},
		"fastify that listens": {"app.mjs": `import fastify from 'fastify'; const app = fastify();
			app.get('/hello', async (q, r) => { r.header('x-a', 'b'); return 'hello ' + q.query.n; });
			  app.post('/echo', async (q) => q.body);
			await app.listen({ port: 3000 }); export default app;`},
		"hapi": {"app.js": `const server = require('@hapi/hapi').server({ port: 3000 });
			server.route({ method: 'GET', path: '/hello', handler: (q,
			  h) => h.response('hello ' + q.query.n).header('x-a', 'b') });
			server.route({ method: 'POST', path: '/echo', handler: (q) => q.payload });
			module.exports = server;`},
		"connect": {"app.js": `const app = require('connect')();
			app.use('/hello', (q, s) => { s.setHeader('x-a', 'b'); s.end('hello ' + new URL(q.url,
			  'http://x').searchParams.get('n')); });
			app.use('/echo', (q, s) => { s.setHeader('content-type', 'application/json'); q.pipe(s); });
			module.exports = app;`},
		"hono": {"app.mjs": `import { Hono } from 'hono'; const app = new Hono();
			app.get('/hello', (c) => { c.header('x-a', 'b'); return c.text('hello ' + c.req.query('n'));
			  });
			app.post('/echo', async (c) => c.json(await c.req.json())); export default app;`},
	}
	for name, sources := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := application(t, "", "app", sources)
			if a := p.get("/hello?n=1"); a.body != "hello 1" || a.header.Get("X-A") != "b" {
				t.Errorf("hello = %q, header %v, %v", a.body, a.header, a.err)
			}
			a := p.do(p.request("POST", "/echo", `{"a":[1,2]}`, "Content-Type", "application/json"))
			if a.body != `{"a":[1,2]}` {
				t.Errorf("echo = %q %v", a.body, a.err)
			}
			if a := p.get("/missing"); a.status != 404 && name != "koa" {
				t.Errorf("missing = %d", a.status)
			}
		})
	}
}

func TestPackagesExpressErrorsAreItsOwn(t *testing.T) {
	t.Parallel()
	p := application(t, "node-http", "app", files{"app.js": `
const app = require('express')();
app.get('/own', () => { throw new Error('own'); });
app.use((err, q, s, next) => s.status(418).send('handled ' + err.message));
module.exports = app;`})
	if a := p.get("/own"); a.status != 418 || a.body != "handled own" || a.failure != nil {
		t.Errorf("answer = %+v %s", a, failureText(a.failure))
	}
}

func TestPackagesFunctionsFramework(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"framework", ""} {
		t.Run("dialect "+dialect, func(t *testing.T) {
			t.Parallel()
			frameworkCases(t, application(t, dialect, "index.hello", files{"index.js": fixture(t,
				"gcf.js")}))
		})
	}
	t.Run("in ESM", func(t *testing.T) {
		t.Parallel()
		p := application(t, "", "index.hello",
			files{"index.mjs": `import { http } from '@google-cloud/functions-framework';
			http('hello', (req, res) => res.send('esm ' + req.query.a));`})
		if a := p.get("/?a=1"); a.body != "esm 1" {
			t.Errorf("answer = %q %v", a.body, a.err)
		}
	})
}

func TestPackagesFunctionsFrameworkEvents(t *testing.T) {
	t.Parallel()
	sources := archive(t, "cloudevent")
	for dialect, entry := range map[string]string{"cloudevent": "index.onEvent", "framework": "index.onEvent"} {
		p := application(t, dialect, entry, sources)
		checkAll(t, p, []dialectCall{{name: dialect, target: "/", body: `{"n":1}`, headers: binaryEvent,
			want: `{"id":"1","type":"test.made","subject":"a b","custom":"ext","data":{"n":1}}`}})
	}
}

func TestPackagesWebSocket(t *testing.T) {
	t.Parallel()
	p := application(t, "node-http", "app", files{"app.js": `
const { WebSocketServer } = require('ws');
const server = require('http').createServer((q, s) => s.end('plain'));
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => socket.on('message', (data) => { console.log('got ' + data);
  socket.send('echo ' + data); }));
server.listen(3000);`})
	inv := p.request("GET", "/", "", "Upgrade", "websocket", "Connection", "Upgrade",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	result, err := p.open(p.context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	if result.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("status %d, header %v", result.Status, result.Header)
	}
	socket, ok := result.Body.(interface{ Write([]byte) (int, error) })
	if !ok {
		t.Fatalf("body is a %T, which cannot be written", result.Body)
	}
	_, _ = socket.Write([]byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'}) // masked with zeros
	buf := make([]byte, 9)
	_, err = bufio.NewReader(result.Body).Read(buf)
	if err != nil || string(buf) != "\x81\x07echo hi" {
		t.Fatalf("frame = %q, %v", buf, err)
	}
	p.logged(fmt.Sprintf("%s|stdout|got hi", inv.ID))
}

func TestPackagesLambdaAdapters(t *testing.T) {
	t.Parallel()
	p := application(t, "lambda", "app.handler", files{"app.mjs": `
import { Hono } from 'hono'; import { handle, streamHandle } from 'hono/aws-lambda'; import {
  streamText } from 'hono/streaming';
const app = new Hono();
app.get('/hello', (c) => c.text('hello ' + c.req.query('n')));
app.post('/echo', async (c) => c.body(await c.req.arrayBuffer(), 200, {
  'content-type': 'image/png' }));
app.get('/stream', (c) => streamText(c, async (s) => { await s.write('one ');
  await s.write('two'); }));
export const handler = handle(app); export const streamed = streamHandle(app);`})
	if a := p.get("/hello?n=1"); a.body != "hello 1" {
		t.Errorf("hello = %+v %s", a, failureText(a.failure))
	}
	if a := p.do(p.request("POST", "/echo", "\x00\xff", "Content-Type",
		"x/y")); a.body != "\x00\xff" {
		t.Errorf("echo = %+v %s", a, failureText(a.failure))
	}
	q := boot(t)
	h := head(p.task, "lambda", "app.streamed")
	q.specialise(h)
	if a := q.get("/stream"); a.body != "one two" || !strings.HasPrefix(a.header.Get("Content-Type"),
		"text/plain") {
		t.Errorf("stream = %+v %s", a, failureText(a.failure))
	}
}
