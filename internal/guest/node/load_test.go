// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
)

type files map[string]string

func TestLoadFindsTheHandler(t *testing.T) {
	t.Parallel()
	const cjs = "exports.handler = async () => 'cjs';"
	const esm = "export const handler = async () => 'esm';"
	cases := map[string]struct {
		entry, want string
		files       files
	}{
		"js by require": {"app.handler", "cjs", files{"app.js": cjs}},
		"mjs":           {"app.handler", "esm", files{"app.mjs": esm}},
		"cjs":           {"app.handler", "cjs", files{"app.cjs": cjs}},
		"js before mjs": {"app.handler", "cjs", files{"app.js": cjs, "app.mjs": esm}},
		"js of a module package": {"app.handler", "esm", files{"app.js": esm,
			"package.json": `{"type":"module"}`}},
		"nearest manifest decides": {"in/app.handler", "cjs", files{"in/app.js": cjs,
			"in/package.json": `{}`, "package.json": `{"type":"module"}`}},
		"file without extension": {"app.handler", "cjs", files{"app": cjs}},
		"nested path and export": {"src/in/app.a.b", "deep",
			files{"src/in/app.js": "exports.a = { b: async () => 'deep' };"}},
		"default export of a module": {"app.default", "dflt",
			files{"app.mjs": "export default async () => 'dflt';"}},
		"module that is the function": {"app.", "whole",
			files{"app.js": "module.exports = async () => 'whole';"}},
		"package of node_modules": {"dep.handler", "cjs", files{"node_modules/dep/index.js": cjs}},
		"folder with an index":    {"app.handler", "cjs", files{"app/index.js": cjs}},
		"dependency of a module": {"app.handler", "dep", files{
			"app.mjs":                       "import d from 'dep'; export const handler = async () => d;",
			"node_modules/dep/package.json": `{"exports":"./x.mjs"}`,
			"node_modules/dep/x.mjs":        "export default 'dep';"}},
		"top-level await": {"app.handler", "awaited", files{
			"app.mjs": "const v = await new Promise((r) => setTimeout(r, 5, 'awaited'));" +
				"export const handler = async () => v;"}},
		"not the main module": {"app.handler", "false", files{
			"app.js": "exports.handler = async () => String(require.main === module);"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := instance(t, "lambda", c.entry, c.files)
			if a := p.get("/"); a.body != c.want {
				t.Errorf("%s answered %q (%s), want %q", c.entry, a.body, failureText(a.failure), c.want)
			}
		})
	}
}

func TestLoadFailures(t *testing.T) {
	t.Parallel()
	const ok = "exports.handler = async () => 1; exports.value = 5;"
	cases := map[string]struct {
		entry, kind, message string
		files                files
	}{
		"missing module": {"nope.handler", "Runtime.ImportModuleError",
			"Error: Cannot find module 'nope'", files{"app.js": ok}},
		"missing dependency": {"app.handler", "Runtime.ImportModuleError",
			"Error: Cannot find module 'leftpad'", files{"app.js": "require('leftpad')"}},
		"missing ESM dependency": {"app.handler", "Runtime.ImportModuleError",
			"Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'leftpad'",
			files{"app.mjs": "import 'leftpad'"}},
		"syntax error": {"app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: ",
			files{"app.js": "exports.handler = async ( => {"}},
		"syntax error in ESM": {"app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: ",
			files{"app.mjs": "export const = 1"}},
		"not exported": {"app.other", "Runtime.HandlerNotFound",
			"app.other is undefined or not exported", files{"app.js": ok}},
		"not a function": {"app.value", "Runtime.HandlerNotFound",
			"app.value is not a function", files{"app.js": ok}},
		"no dot": {"app", "Runtime.MalformedHandlerName", "Bad handler",
			files{"app.js": ok}},
		"dots that climb": {"../app.handler", "Runtime.MalformedHandlerName",
			"'../app.handler' is not a valid handler name. " +
				"Use absolute paths when specifying root directories in handler names.", files{"app.js": ok}},
		"throws": {"app.handler", "RangeError", "at load",
			files{"app.js": "throw new RangeError('at load')"}},
		"throws a string": {"app.handler", "string", "why", files{"app.js": "throw 'why'"}},
		"rejects": {"app.handler", "TypeError", "later",
			files{"app.mjs": "await Promise.reject(new TypeError('later'))"}},
		"never done": {"app.handler", "Runtime.NodeJsExit", "the module waits at its top level",
			files{"app.mjs": "await new Promise(() => {})"}},
		"uncaught meantime": {"app.handler", "EvalError", "timer",
			files{"app.mjs": "setTimeout(() => { throw new EvalError('timer') }, 1);" +
				"await new Promise((r) => setTimeout(r, 9999))"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := boot(t)
			_, err := p.conn.Specialise(p.context(), head(task(t, c.files), "lambda", c.entry))
			var f *dayfly.Failure
			if !errors.As(err, &f) {
				t.Fatalf("error = %v, want a failure", err)
			}
			if f.Kind != dayfly.FailureInit || f.Type != c.kind || !strings.HasPrefix(f.Message,
				c.message) {
				t.Errorf("failure = %s, want %s: %s", failureText(f), c.kind, c.message)
			}
			if !strings.Contains(string(f.Payload), `"errorType":"`+c.kind+`"`) {
				t.Errorf("payload = %s", f.Payload)
			}
			if code := p.ended(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
		})
	}
}

func TestLoadHonoursTheEnvironment(t *testing.T) {
	t.Parallel()
	p := boot(t)
	h := head(task(t, files{
		"app.js": `exports.handler = async () => [new Date(0).getHours(), require('shared'),
			globalThis.first,
			globalThis.second, process.env.LEFTOVER === undefined, Object.keys(process.env).length];`,
		"lib/shared.js": "module.exports = 'shared';",
		"first.js":      "globalThis.first = 'first';",
		"second.mjs":    "globalThis.second = await Promise.resolve('second');",
	}), "lambda", "app.handler")
	h.Env = map[string]string{"TZ": "Asia/Kolkata", "NODE_PATH": h.Task + "/lib",
		"NODE_OPTIONS": "--require ./first.js --import=./second.mjs --inspect"}
	p.specialise(h)
	if a := p.get("/"); a.body != `[5,"shared","first","second",true,3]` {
		t.Errorf("answer = %q %s", a.body, failureText(a.failure))
	}
	p.logged("NODE_OPTIONS: --inspect has no effect")
}

func TestLoadDetectsTheDialect(t *testing.T) {
	t.Parallel()
	many(t)
	cases := map[string]struct {
		entry, code string
		esm         bool
		want        dayfly.Dialect
	}{
		"lambda export": {"app.handler", "exports.handler = async (event) => 1", false,
			"lambda"},
		"lambda with context": {"app.handler", "exports.handler = (event, context, cb) => cb()",
			false, "lambda"},
		"lambda default export": {"app.", "export default async (event) => 1", true, "lambda"},
		"streaming lambda": {"app.handler",
			"exports.handler = awslambda.streamifyResponse(async (e, s) => s.end())", false, "lambda"},
		"handler, not named": {"app", "exports.handler = async (event) => 1", false, "lambda"},
		"app, not named": {"app", "exports.app = (req, res) => res.end()", false,
			"node-http"},
		"lambda that serves later": {"app.handler",
			"exports.handler = (event) => new Promise((r) => { " +
				"const s = require('http').createServer((q, a) => a.end()); " +
				"s.listen(0, () => s.close(s.address().address === '127.0.0.1' ? null : r)) })",
			false, "lambda"},
		"fetch object": {"app", "export default { fetch() { return new Response() } }",
			true, "fetch"},
		"fetch class": {"app",
			"export default class { fetch() { return new Response() } }", true, "fetch"},
		"methods": {"app", "export function GET() { return new Response() }", true,
			"fetch"},
		"request function": {"app", "export default async (request) => new Response()", true,
			"fetch"},
		"req without parentheses": {"app", "export default async req => new Response()", true,
			"fetch"},
		"named fetch": {"app.fetch",
			"export async function fetch(r) { return new Response() }", true, "fetch"},
		"listener": {"app",
			"addEventListener('fetch', (e) => e.respondWith(new Response()))", false, "fetch"},
		"req and res": {"app", "module.exports = (req, res) => res.end()", false,
			"node-http"},
		"request and response": {"app.serve",
			"exports.serve = async function (request, response) { response.end() }", false, "node-http"},
		"server that listens": {"app",
			"require('http').createServer((q, s) => s.end()).listen(3000)", false, "node-http"},
		"functions-framework": {"app.hi",
			"require('@google-cloud/functions-framework').http('hi', (q, s) => s.end())", false,
			"framework"},
		"functions-framework, ESM": {"app.hi",
			"import { http } from '@google-cloud/functions-framework'; http('hi', (q, s) => s.end())",
			true, "framework"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := "app.js"
			if c.esm {
				file = "app.mjs"
			}
			p := boot(t)
			ready := p.specialise(head(task(t, files{file: c.code}), "", c.entry))
			if ready.Dialect != c.want {
				t.Errorf("dialect = %q, want %q", ready.Dialect, c.want)
			}
			if a := p.get("/"); a.failure != nil || a.err != nil || a.status != 200 {
				t.Errorf("answer = %+v %v %s", a, a.err, failureText(a.failure))
			}
		})
	}
}

func TestLoadIsLenientOutsideLambda(t *testing.T) {
	t.Parallel()
	const code = "module.exports = (req, res) => res.end('ok');" +
		"module.exports.other = (req, res) => res.end('other');"
	entries := map[string]string{
		"app": "ok", "app.": "ok", "app.js": "ok", "./app.js": "ok", "app.other": "other",
		"my.app": "ok", "my.app.other": "other",
	}
	sources := files{"app.js": code, "my.app.js": code}
	for entry, want := range maps.All(entries) {
		t.Run(entry, func(t *testing.T) {
			t.Parallel()
			p := instance(t, "node-http", entry, sources)
			if a := p.get("/"); a.body != want {
				t.Errorf("entry %s answered %q, want %q", entry, a.body, want)
			}
		})
	}
}
