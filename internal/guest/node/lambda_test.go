// SPDX-License-Identifier: Apache-2.0

package node_test

import "testing"

func TestBasics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dialect, entry, file, code, body string }{
		"lambda":    {"lambda", "app.handler", "app.js", "exports.handler = async (e, c) => { console.log('in', c.awsRequestId); return {hello: e.rawPath} }", `{"hello":"/x"}`},
		"fetch":     {"fetch", "app", "app.mjs", "export default { fetch(r) { console.log('f'); return new Response('path ' + new URL(r.url).pathname) } }", "path /x"},
		"node-http": {"node-http", "app", "app.js", "module.exports = (req, res) => { console.log('n'); res.end('url ' + req.url) }", "url /x?a=1"},
		"framework": {"framework", "app.hello", "app.js", "const f = require('@google-cloud/functions-framework'); f.http('hello', (req, res) => { res.send('q ' + req.query.a) })", "q 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, d := range []string{c.dialect, ""} {
				p := instance(t, d, c.entry, map[string]string{c.file: c.code})
				for range 2 {
					a := p.get("/x?a=1")
					if a.body != c.body {
						t.Errorf("%+v %v, want %q", a, a.err, c.body)
					}
				}

			}
		})
	}
}
