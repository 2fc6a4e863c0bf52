// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/guest"
)

func TestHostilePatchesDoNotReachTheGuest(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "vandal.js")})
	for range 2 {
		a := p.do(p.request("POST", "/?q=1", "text", "Content-Type", "text/plain", "Cookie", "a=b"))
		if a.body != "text1" || a.header.Get("X-A") != "b" {
			t.Fatalf("answer = %+v %v %s", a, a.err, failureText(a.failure))
		}
		if a := p.get("/throw?q=1"); failureText(a.failure) != "exception RangeError: thrown" {
			t.Fatalf("failure = %s %v", failureText(a.failure), a.err)
		}
	}
	p.logged("still here")
}

func TestHostileEnds(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		code, failure, logged string
		exit                  int
	}{
		"exit in a call": {exit: 3, logged: "no newline",
			code: "async () => { console.log('last words'); process.stdout.write('no newline'); " +
				"process.exit(3); }"},
		"exit from a timer": {exit: 0,
			code: "async () => { setTimeout(() => process.exit(0), 5); await new Promise(() => {}); }"},
		"uncaught exception": {exit: 129, logged: "Uncaught Exception",
			failure: "exception RangeError: timer",
			code: "() => new Promise(() => " +
				"setTimeout(() => { throw new RangeError('timer'); }, 1))"},
		"unhandled rejection": {exit: 128, logged: "Unhandled Promise Rejection",
			failure: "exception Runtime.UnhandledPromiseRejection: RangeError: lost",
			code: "() => new Promise(() => { Promise.reject(new RangeError('lost')); " +
				"setTimeout(() => {}, 9999); })"},
		"rejection of a string": {exit: 128,
			failure: "exception Runtime.UnhandledPromiseRejection: lost",
			code:    "() => new Promise(() => { Promise.reject('lost'); setTimeout(() => {}, 9999); })"},
		"closed descriptor": {exit: 1,
			code: "async () => { require('fs').closeSync(3); return 'nobody hears'; }"},
		"abort": {exit: -1,
			code: "async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}); }"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := instance(t, "lambda", "app.handler", files{"app.js": "exports.handler = " + c.code})
			a := p.get("/")
			if got := failureText(a.failure); got != c.failure {
				t.Errorf("failure = %q, want %q", got, c.failure)
			}
			if c.failure == "" && name != "closed descriptor" && !errors.Is(a.err, guest.ErrGone) {
				t.Errorf("error = %v, want that the guest is gone", a.err)
			}
			if c.logged != "" {
				p.logged(c.logged)
			}
			if name == "closed descriptor" {
				return // the guest ends by itself, or with its connection
			}
			if code := p.ended(); code != c.exit {
				t.Errorf("exit code %d, want %d", code, c.exit)
			}
		})
	}
}

func TestHostileLogFloodArrivesWhole(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": `
exports.handler = async () => { for (let i = 0; i < 20000;
  i++) process.stdout.write('line ' + i + ' ' + 'x'.repeat(200) + '\n');
  return process.memoryUsage().rss < 250e6; };`})
	if a := p.get("/"); a.body != "true" {
		t.Errorf("answer = %q %s", a.body, failureText(a.failure))
	}
	lines := p.logged("line 19999 ")
	if len(lines) != 20000 || !strings.Contains(lines[0], "line 0 ") {
		t.Errorf("%d of 20000 lines arrived", len(lines))
	}
}

func TestHostileListenersOfTheFunction(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "app", files{"app.mjs": `
process.on('uncaughtException', (e) => console.log('caught ' + e.message));
process.on('unhandledRejection', (e) => console.log('handled ' + e.message));
export default { async fetch() { setTimeout(() => { throw new Error('one'); }, 1);
  Promise.reject(new Error('two'));
  await new Promise((r) => setTimeout(r, 20)); return new Response('alive'); } };`})
	if a := p.get("/"); a.body != "alive" {
		t.Errorf("answer = %q %v", a.body, a.err)
	}
	p.logged("caught one")
	p.logged("handled two")
}

func TestHostileSlowReaderOfALargeAnswer(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": `
let pending = 0;
exports.handler = async (e) => e.rawPath === '/big' ? 'x'.repeat(32 << 20) : 'small';`})
	p.spec.Limits.ResponseBytes = 64 << 20
	result, err := p.open(p.context(), p.request("GET", "/big", ""))
	if err != nil {
		t.Fatal(err)
	}
	if a := p.get("/small"); a.body != "small" {
		t.Errorf("a call beside one that waits for its client: %q %v", a.body, a.err)
	}
	total := 0
	buf := make([]byte, 1<<20)
	for {
		n, err := result.Body.Read(buf)
		total += n
		if err != nil {
			break
		}
	}
	if total != 32<<20 {
		t.Errorf("read %d bytes", total)
	}
}

func TestHostileChildrenGetNoDescriptor(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": `
const { execFileSync } = require('child_process'); const { Worker } = require('worker_threads');
exports.handler = async (e) => {
  if (e.rawPath === '/worker') {
    const w = new Worker('console.log("from a worker")', { eval: true });
    return new Promise((r) => w.on('exit', r));
  }
  return execFileSync('/bin/ls', ['-l', '/proc/self/fd/']).toString().includes('3 -> socket');
};`})
	if a := p.get("/"); a.body != "false" {
		t.Errorf("a child sees the connection: %q %s", a.body, failureText(a.failure))
	}
	if a := p.get("/worker"); a.body != "0" {
		t.Errorf("worker ended with %q %s", a.body, failureText(a.failure))
	}
	p.logged("from a worker")
}

func TestHostileRejectionsInFetchAreLogged(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "app", files{"app.mjs": `export default () => {
  Promise.reject(new RangeError('floating')); return new Response('fine'); };`})
	for range 2 {
		if a := p.get("/"); a.body != "fine" {
			t.Errorf("answer = %q %v", a.body, a.err)
		}
	}
	p.logged("RangeError: floating")
}

// TestHostileBodiesNeedNoMemory echoes far more than the process may hold.
func TestHostileBodiesNeedNoMemory(t *testing.T) {
	t.Parallel()
	many(t)
	const total = 256 << 20
	cases := map[string]struct{ dialect, file, code string }{
		"fetch":     {"fetch", "app.mjs", "export default (r) => new Response(r.body)"},
		"node-http": {"node-http", "app.js", "module.exports = (q, s) => q.pipe(s)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := instance(t, c.dialect, "app", files{c.file: c.code})
			p.spec.Limits.ResponseBytes = total
			inv := p.request("POST", "/", "")
			inv.Request.Body = io.NopCloser(io.LimitReader(zeros{}, total))
			inv.Request.ContentLength = total
			result, err := p.open(p.context(), inv)
			if err != nil {
				t.Fatal(err)
			}
			defer result.Body.Close()
			if n, err := io.Copy(io.Discard, result.Body); n != total || err != nil {
				t.Fatalf("%d of %d bytes came back, %v", n, total, err)
			}
			if peak := p.peakKiB(); peak > 160<<10 {
				t.Errorf("the guest used %d KiB at its peak", peak)
			}
		})
	}
}

// zeros is an endless body.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// peakKiB gives the most memory that the guest ever had resident.
func (p *process) peakKiB() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		p.t.Fatal(err)
	}
	return kib
}
