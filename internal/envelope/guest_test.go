// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/guesttest"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
	"github.com/dayfly-faas/dayfly/internal/guest/php"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
	"github.com/dayfly-faas/dayfly/internal/guest/ruby"
)

// language is a guest that these tests can start.
type language struct {
	program string
	flags   []string
	files   fs.FS
	entry   string
	ext     string
}

func languages() map[string]language {
	return map[string]language{
		"node":   {"node", node.Flags(), node.Files(), node.Entry, ".js"},
		"python": {"/usr/bin/python3", python.Args(), python.Files(), python.Entry, ".py"},
		"ruby":   {"ruby", ruby.Flags(), ruby.Files(), ruby.Entry, ".rb"},
		"php":    {"php", php.Flags(), php.Files(), php.Entry, ".php"},
	}
}

// serve starts a real guest with a module named app.
func serve(t *testing.T, name string, dialect dayfly.Dialect, entry, code string) *guesttest.Guest {
	t.Helper()
	l := languages()[name]
	program, err := exec.LookPath(l.program)
	if err != nil {
		t.Skipf("SKIPPED: there is no %s on this machine; install it to test its events", l.program)
	}
	scripts, task := t.TempDir(), t.TempDir()
	if err := os.CopyFS(scripts, l.files); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(task, "app"+l.ext), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	g := guesttest.Boot(t, append(append([]string{program}, l.flags...), filepath.Join(scripts, l.entry))...)
	rev := frame.SpecialiseHead{Dialect: dialect, Entry: entry, Task: task, MemoryBytes: 256 << 20}
	if err := g.Become(rev); err != nil {
		t.Fatal(err)
	}
	return g
}

func click(id, data string) envelope.Item {
	return envelope.Item{ID: dayfly.EventID("e-" + id), Receives: 1, Accepted: noon, Event: dayfly.Event{
		ID: id, Source: "/projects/shop/queues/clicks", Type: "click", Time: noon, Subject: "é",
		ContentType: "application/json", Data: []byte(data), Extensions: map[string]string{"partitionkey": "k"}}}
}

// call gives the answer of a function to a request of this package.
func call(t *testing.T, g *guesttest.Guest, r dayfly.Request, err error) guesttest.Answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return g.Call(r)
}

func TestLambdaHandlersTakeEventsAndFailPartly(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"node": `exports.main = async (event) => ({ batchItemFailures: event.Records
			.filter((r) => JSON.parse(r.body).bad).map((r) => ({ itemIdentifier: r.messageId })) });`,
		"python": `
import json
def main(event, context):
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"]
                                  if json.loads(r["body"]).get("bad")]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, name, dayfly.DialectLambda, "app.main", code)
			rev := lambdaFunction(queueTrigger(10))
			items := []envelope.Item{click("1", `{}`), click("2", `{"bad":true}`), click("3", `{}`)}
			r, err := envelope.Batch(rev, "clicks", items)
			a := call(t, g, r, err)
			failed, err := envelope.Failures(rev, items, a.Status, a.Header, []byte(a.Body))
			if err != nil || !slices.Equal(failed, []int{1}) {
				t.Errorf("failed %v, err %v: %+v", failed, err, a)
			}
		})
	}
}

func TestCloudEventFunctionsTakeOneAndMany(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"node": `exports.main = (e) => {
			console.log([e.id, e.subject, e.partitionkey, JSON.stringify(e.data)].join(' '));
			if (e.data.bad) throw new Error('bad event');
		};`,
		"python": `
import json
def main(e):
    print(e["id"], e["subject"], e["partitionkey"], json.dumps(e.data, separators=(",", ":")))
    if e.data.get("bad"):
        raise Exception("bad event")`,
		"ruby": `
require "functions_framework"
FunctionsFramework.cloud_event("main") do |e|
  puts [e.id, e.subject, e["partitionkey"], e.data.to_s.gsub(/"=>/, '":')].join(" ")
  raise "bad event" if e.data["bad"]
end`,
		"php": `<?php
function main(CloudEvents\V1\CloudEventInterface $e): void {
    echo implode(' ', [$e->getId(), $e->getSubject(), $e->getExtension('partitionkey'), json_encode((object) $e->getData())]), "\n";
    if (isset($e->getData()['bad'])) { throw new Exception('bad event'); }
}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, name, dayfly.DialectCloudEvent, "app.main", code)
			one := revision(dayfly.ContractHandler, dayfly.DialectCloudEvent, queueTrigger(1))
			r, err := envelope.Batch(one, "clicks", []envelope.Item{click("0", `{}`)})
			if a := call(t, g, r, err); a.Failure != nil || a.Status >= 300 {
				t.Errorf("one: %+v", a)
			}
			many := revision(dayfly.ContractHandler, dayfly.DialectCloudEvent, queueTrigger(10))
			items := []envelope.Item{click("1", `{}`), click("2", `{"bad":true}`), click("3", `{}`)}
			r, err = envelope.Batch(many, "clicks", items)
			a := call(t, g, r, err)
			failed, err := envelope.Failures(many, items, a.Status, a.Header, []byte(a.Body))
			if err != nil || !slices.Equal(failed, []int{1}) || a.Failure != nil {
				t.Errorf("failed %v, err %v: %+v", failed, err, a)
			}
			r, err = envelope.Batch(many, "clicks", []envelope.Item{click("4", `{"bad":true}`)})
			if a := call(t, g, r, err); a.Status != 500 || a.Failure == nil {
				t.Errorf("all failed: %+v", a)
			}
			want := []string{"stdout: 0 é k {}", "stdout: 1 é k {}", `stdout: 2 é k {"bad":true}`,
				"stdout: 3 é k {}", `stdout: 4 é k {"bad":true}`}
			if diff := cmp.Diff(want, ofStdout(g)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%q", diff, g.Lines())
			}
		})
	}
}

func ofStdout(g *guesttest.Guest) []string {
	return slices.DeleteFunc(g.Lines(), func(line string) bool { return !strings.HasPrefix(line, "stdout: ") })
}

func TestBackgroundFunctionsTakeEvents(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"node": `exports.main = (data, context) => {
			console.log(context.eventId, context.eventType, JSON.stringify(data));
			if (data.bad) throw new Error('bad event');
		};`,
		"python": `
import json
def main(data, context):
    print(context.event_id, context.event_type, json.dumps(data, separators=(",", ":")))
    if data.get("bad"):
        raise Exception("bad event")`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, name, dayfly.DialectEvent, "app.main", code)
			rev := revision(dayfly.ContractHandler, dayfly.DialectEvent, append(cronTriggers(), queueTrigger(10))...)
			r, err := envelope.Single(rev, "told", cronEvent(t, "told"))
			if a := call(t, g, r, err); a.Failure != nil || a.Status >= 300 {
				t.Errorf("cron: %+v", a)
			}
			items := []envelope.Item{click("1", `{"bad":true}`), click("2", `{}`)}
			r, err = envelope.Batch(rev, "clicks", items)
			a := call(t, g, r, err)
			failed, err := envelope.Failures(rev, items, a.Status, a.Header, []byte(a.Body))
			if err != nil || !slices.Equal(failed, []int{0}) {
				t.Errorf("failed %v, err %v: %+v", failed, err, a)
			}
			want := []string{`stdout: c1 dev.dayfly.cron {"kind":"daily"}`, `stdout: 1 click {"bad":true}`, "stdout: 2 click {}"}
			if diff := cmp.Diff(want, ofStdout(g)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%q", diff, g.Lines())
			}
		})
	}
}

const worker = `
module.exports = {
  async scheduled(controller, env, ctx) {
    console.log('scheduled', controller.cron, new Date(controller.scheduledTime).toISOString());
  },
  async queue(batch, env, ctx) {
    for (const m of batch.messages) {
      const body = m.body instanceof ArrayBuffer ? 'bytes ' + m.body.byteLength : JSON.stringify(m.body);
      console.log(batch.queue, m.id, m.attempts, m.timestamp.toISOString(), body);
      if (m.body && m.body.bad) m.retry(); else m.ack();
    }
  },
};`

func TestWorkersHaveTheirHandlersCalled(t *testing.T) {
	t.Parallel()
	g := serve(t, "node", dayfly.DialectFetch, "app", worker)
	rev := revision(dayfly.ContractHandler, dayfly.DialectFetch, append(cronTriggers(), queueTrigger(10))...)
	for _, trigger := range []string{"noon", "told"} {
		r, err := envelope.Single(rev, dayfly.TriggerName(trigger), cronEvent(t, trigger))
		if a := call(t, g, r, err); a.Status != 200 || a.Failure != nil {
			t.Errorf("cron %s: %+v", trigger, a)
		}
	}
	bytes, text := click("2", "\xff\xfe"), click("3", "hi")
	bytes.Event.ContentType, text.Event.ContentType, text.Receives = "image/png", "text/plain", 4
	items := []envelope.Item{click("1", `{"bad":1}`), bytes, text}
	r, err := envelope.Batch(rev, "clicks", items)
	a := call(t, g, r, err)
	failed, err := envelope.Failures(rev, items, a.Status, a.Header, []byte(a.Body))
	if err != nil || !slices.Equal(failed, []int{0}) {
		t.Errorf("failed %v, err %v: %+v", failed, err, a)
	}
	want := []string{
		"stdout: scheduled 0 12 * * * 2026-05-04T12:00:00.000Z",
		"stdout: scheduled 0 12 * * * 2026-05-04T12:00:00.000Z",
		`stdout: clicks e-1 1 2026-05-04T12:00:00.000Z {"bad":1}`,
		"stdout: clicks e-2 1 2026-05-04T12:00:00.000Z bytes 2",
		`stdout: clicks e-3 4 2026-05-04T12:00:00.000Z "hi"`,
	}
	if diff := cmp.Diff(want, ofStdout(g)); diff != "" {
		t.Errorf("(-want +got)\n%s\n%q", diff, g.Lines())
	}
}

func TestFetchHandlersTakeEventsAsRequests(t *testing.T) {
	t.Parallel()
	g := serve(t, "node", dayfly.DialectFetch, "app", `module.exports = { async fetch(req) {
		const h = req.headers;
		return Response.json([req.method, new URL(req.url).pathname, h.get('ce-type'), h.get('ce-subject'), await req.json()]);
	} };`)
	rev := revision(dayfly.ContractHandler, dayfly.DialectFetch, append(cronTriggers(), queueTrigger(10))...)
	value := encoded(t, dayfly.ValueData{Bucket: "b", Key: "é x", Version: 3})
	r, err := envelope.Single(rev, "", &dayfly.Event{ID: "v", Source: "/s", Type: dayfly.EventValueDeleted, Subject: "é x",
		ContentType: "application/json", Data: value})
	want := `["POST","/","dev.dayfly.kv.deleted","%C3%A9%20x",{"bucket":"b","key":"é x","version":3}]`
	if a := call(t, g, r, err); a.Body != want {
		t.Errorf("value: %+v, want %s", a, want)
	}
	r, err = envelope.Single(rev, "told", cronEvent(t, "told"))
	want = `["POST","/","dev.dayfly.cron",null,{"cron":"0 12 * * *","scheduledTime":"2026-05-04T12:00:00Z",` +
		`"trigger":"told","input":{"kind":"daily"}}]`
	if a := call(t, g, r, err); a.Body != want {
		t.Errorf("cron: %+v, want %s", a, want)
	}
}

func TestActionsTakeEventsAsParameters(t *testing.T) {
	t.Parallel()
	g := serve(t, "node", dayfly.DialectOpenWhisk, "app.main", `exports.main = (p) => ({
		seen: p.messages ? p.messages.map((m) => m.id) : p.kind || [p.id, p.type, p.data] });`)
	rev := revision(dayfly.ContractHandler, dayfly.DialectOpenWhisk, append(cronTriggers(), queueTrigger(10),
		dayfly.Trigger{Name: "single", Queue: &dayfly.QueueTrigger{Queue: "clicks", Batch: 1}})...)
	r, err := envelope.Single(rev, "told", cronEvent(t, "told"))
	if a := call(t, g, r, err); a.Body != `{"seen":"daily"}` {
		t.Errorf("cron with an input: %+v", a)
	}
	r, err = envelope.Batch(rev, "clicks", []envelope.Item{click("1", `{}`), click("2", `{}`)})
	if a := call(t, g, r, err); a.Body != `{"seen":["1","2"]}` {
		t.Errorf("batch: %+v", a)
	}
	r, err = envelope.Batch(rev, "single", []envelope.Item{click("1", `{"a":1}`)})
	if a := call(t, g, r, err); a.Body != `{"seen":["1","click",{"a":1}]}` {
		t.Errorf("one: %+v", a)
	}
}

func TestServersTakeBinaryCloudEvents(t *testing.T) {
	t.Parallel()
	rev := revision(dayfly.ContractHTTP, "", queueTrigger(1),
		dayfly.Trigger{Name: "many", Queue: &dayfly.QueueTrigger{Queue: "clicks", Batch: 5}})
	r, err := envelope.Batch(rev, "clicks", []envelope.Item{click("1", `{"a":1}`)})
	if got := body(t, r, err); got != `{"a":1}` {
		t.Errorf("body %s", got)
	}
	want := head("ce-specversion: 1.0", "ce-id: 1", "ce-source: /projects/shop/queues/clicks", "ce-type: click",
		"ce-subject: %C3%A9", "ce-time: 2026-05-04T12:00:00Z", "ce-partitionkey: k", "content-type: application/json")
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("header (-want +got)\n%s", diff)
	}
	if r.Kind != dayfly.RequestHTTP || r.Method != "POST" || r.Path != "/" || r.Host != "report.localhost" {
		t.Errorf("request %+v", r)
	}
	r, err = envelope.Batch(rev, "many", []envelope.Item{click("1", `{"a":1}`), click("2", `x`)})
	text := body(t, r, err)
	events, err := envelope.Read(r.Header, []byte(text), defaults())
	if err != nil || len(events) != 2 || string(events[0].Data) != `{"a":1}` || string(events[1].Data) != "x" {
		t.Errorf("batch %s: %+v, %v", text, events, err)
	}
}

func TestEventsReachTheirPath(t *testing.T) {
	t.Parallel()
	triggers := append(cronTriggers(), queueTrigger(1))
	for i := range triggers {
		triggers[i].Path = "/jobs/" + string(triggers[i].Kind())
	}
	server := revision(dayfly.ContractHTTP, "", triggers...)
	r, err := envelope.Single(server, "noon", cronEvent(t, "noon"))
	if err != nil || r.Method != "POST" || r.Path != "/jobs/cron" {
		t.Errorf("cron: %s %s, %v", r.Method, r.Path, err)
	}
	r, err = envelope.Batch(server, "clicks", []envelope.Item{click("1", `{}`)})
	if err != nil || r.Path != "/jobs/queue" {
		t.Errorf("queue: %s, %v", r.Path, err)
	}
	vercel := revision(dayfly.ContractHandler, dayfly.DialectVercel, triggers...)
	vercel.Spec.Env = map[string]string{"CRON_SECRET": "s"}
	r, err = envelope.Single(vercel, "noon", cronEvent(t, "noon"))
	if body(t, r, err) != "" || r.Method != "GET" || r.Path != "/jobs/cron" || r.Header.Get("Authorization") != "Bearer s" ||
		r.Header.Get("X-Vercel-Cron-Schedule") != "0 12 * * *" || r.Header.Get("Content-Type") != "" {
		t.Errorf("Vercel: %s %s %v, %v", r.Method, r.Path, r.Header, err)
	}
	netlify := revision(dayfly.ContractHandler, dayfly.DialectNetlify, triggers...)
	r, err = envelope.Single(netlify, "noon", cronEvent(t, "noon"))
	if got := body(t, r, err); got != `{"next_run":"2026-05-05T12:00:00Z"}` || r.Method != "POST" {
		t.Errorf("Netlify: %s %s", r.Method, got)
	}
}
