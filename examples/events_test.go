// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// The functions below events are written as for where they come from, and print what they
// get. Each is called by every source: by two messages of a queue, of which it fails the
// one that is bad, an object, a cron, a value, a webhook and an asynchronous invocation.

// eventsGuide has the table of what handlers get, as eventTable prints it.
const eventsGuide = "../docs/guides/triggers.md"

// eventSources are the columns of the table.
var eventSources = []dayfly.Source{dayfly.SourceQueue, dayfly.SourceObject, dayfly.SourceValue,
	dayfly.SourceCron, dayfly.SourceHook, dayfly.SourceAsync}

// handlers is one row: handlers that get the same.
type handlers struct {
	what      string
	gets      [6]got // by eventSources
	functions []eventFunction
}

// got is what a handler gets from one source: in words, and what it prints then.
type got struct{ words, prints string }

// eventFunction is a function of events/dayfly.yaml.
type eventFunction struct {
	name  string
	needs []string
	// dead are sources whose event it refuses, beside the bad message.
	dead []dayfly.Source
	// prints is for what a function prints otherwise than those of its row.
	prints map[dayfly.Source]string
}

var eventHandlers = []handlers{
	{what: "of Lambda", gets: [6]got{
		{"`Records` of SQS", `aws:sqs`}, {"`Records` of S3", `ObjectCreated:Put.*a\+b\+%C3%A9`},
		{"the CloudEvent as JSON", `specversion.{1,5}1\.0.*dev\.dayfly\.kv\.put`},
		{"EventBridge's `Scheduled Event`", `Scheduled Event.*aws\.events`},
		{"the request, as an HTTP event", `rawPath.*hook`}, {"the body", `got \{"?plain"?\W+1\}`}},
		functions: []eventFunction{
			{name: "lambda-node", needs: []string{"node"}}, {name: "lambda-python", needs: []string{"python"}},
			{name: "lambda-ruby", needs: []string{"ruby"}}, {name: "lambda-php", needs: []string{"php"}},
			{name: "lambda-java", needs: []string{"java"}}, {name: "lambda-go", needs: []string{"go"}},
			{name: "lambda-csharp", needs: []string{"mono"}, prints: map[dayfly.Source]string{
				dayfly.SourceQueue: `got \{"n":1\}`, dayfly.SourceObject: `got ObjectCreated:Put lambda-csharp/a\+b\+%C3%A9 5`,
				dayfly.SourceValue: `got .projects.default.kv.lambda-csharp dev.dayfly.kv.put 2\d`,
				dayfly.SourceCron:  `got aws.events  2\d`, dayfly.SourceHook: "got", dayfly.SourceAsync: "got"}},
		}},
	{what: "of Workers", gets: [6]got{
		{"`queue(batch)`", `got worker 1 true \{"n":1\}`}, {"`fetch`: the CloudEvent", `got POST / dev.dayfly.object.created`},
		{"`fetch`: the CloudEvent", `got POST / dev.dayfly.kv.put`}, {"`scheduled(controller)`", `got scheduled 0 3 \* \* \* number`},
		{"`fetch`: the request", `got POST / dev.dayfly.webhook \{"hook":1\}`}, {"`fetch`: the body", `got POST / null \{"plain":1\}`}},
		functions: []eventFunction{{name: "worker", needs: []string{"node"}}}},
	{what: "of CloudEvents, background functions", gets: [6]got{
		{"each CloudEvent", `order.*n\W+1\}`}, {"the CloudEvent", `dev\.dayfly\.object\.created`},
		{"the CloudEvent", `dev\.dayfly\.kv\.put`}, {"the CloudEvent", `dev\.dayfly\.cron`},
		{"a CloudEvent of the request", `dev\.dayfly\.webhook.*hook\W+1`}, {"the caller's CloudEvent; nothing else", ``}},
		functions: []eventFunction{
			{name: "cloudevent-node", needs: []string{"node"}, dead: []dayfly.Source{dayfly.SourceAsync}},
			{name: "cloudevent-python", needs: []string{"python"}, dead: []dayfly.Source{dayfly.SourceAsync}},
			{name: "cloudevent-ruby", needs: []string{"ruby"}, dead: []dayfly.Source{dayfly.SourceAsync}},
			{name: "cloudevent-php", needs: []string{"php"}, dead: []dayfly.Source{dayfly.SourceAsync}},
			{name: "cloudevent-java", needs: []string{"java"}, dead: []dayfly.Source{dayfly.SourceAsync}},
			{name: "event-python", needs: []string{"python"}, dead: []dayfly.Source{dayfly.SourceAsync}},
		}},
	{what: "of OpenWhisk", gets: [6]got{
		{"the CloudEvent; `messages` of a batch", `specversion.*order.*n\W+1\}`}, {"the CloudEvent as parameters", `dev\.dayfly\.object\.created`},
		{"the CloudEvent as parameters", `dev\.dayfly\.kv\.put`}, {"the CloudEvent as parameters", `dev\.dayfly\.cron`},
		{"the request, as a web action", `__ow_method`}, {"the body", `got \{"plain": ?1\}`}},
		functions: []eventFunction{{name: "openwhisk-node", needs: []string{"node"}},
			{name: "openwhisk-python", needs: []string{"python"}}}},
	{what: "of HTTP: WSGI, ASGI, Rack, OpenFaaS, web servers", gets: [6]got{
		{"`POST`: the CloudEvent; a batch as JSON", `cloudevents-batch\+json.*"n":1`}, {"`POST`: the CloudEvent", `dev.dayfly.object.created`},
		{"`POST`: the CloudEvent", `dev.dayfly.kv.put`}, {"`POST`: the CloudEvent", `dev.dayfly.cron`},
		{"the request", `dev.dayfly.webhook.*\{"hook":1\}`}, {"`POST`: the body", `\{"plain":1\}`}},
		functions: []eventFunction{{name: "wsgi", needs: []string{"python"}}, {name: "asgi", needs: []string{"python"}},
			{name: "rack", needs: []string{"ruby"}}, {name: "openfaas", needs: []string{"python"}},
			{name: "go-web", needs: []string{"go"}}, single("node-http", "node"), single("shell"), single("wasm", "go")}},
	{what: "of Vercel", gets: [6]got{
		{"`POST`: the CloudEvent; a batch as JSON", `api.messages.*cloudevents-batch\+json.*"n":1`}, {"`POST`: the CloudEvent", `dev.dayfly.object.created`},
		{"`POST`: the CloudEvent", `dev.dayfly.kv.put`}, {"`GET`, with `x-vercel-cron` and the secret", `got GET /api/cron 1`},
		{"the request", `dev.dayfly.webhook.*\{"hook":1\}`}, {"`POST`: the body, to `/`", ``}},
		functions: []eventFunction{{name: "vercel", needs: []string{"node"}, dead: []dayfly.Source{dayfly.SourceAsync}}}},
	{what: "of Netlify", gets: [6]got{
		{"`POST`: the CloudEvent; a batch as JSON", `order \{"n":1\}`}, {"`POST`: the CloudEvent", `dev.dayfly.object.created`},
		{"`POST`: the CloudEvent", `dev.dayfly.kv.put`}, {"`POST` with `next_run`", `dev.dayfly.cron next run`},
		{"the request", `dev.dayfly.webhook \{"hook":1\}`}, {"`POST`: the body, to `/`", ``}},
		functions: []eventFunction{{name: "netlify", needs: []string{"node"}, dead: []dayfly.Source{dayfly.SourceAsync}}}},
	{what: "of Azure's custom handlers", gets: [6]got{
		{"`queueTrigger` of that queue", `got /Order \{"order": "\{..n..:1\}`}, {"`blobTrigger`: the event's data, not the blob", `got /Picture .*ObjectCreated:Put`},
		{"nothing", ``}, {"`timerTrigger`", `got /Tick .*IsPastDue`}, {"`httpTrigger` at the trigger's `path`", ``},
		{"nothing", ``}},
		functions: []eventFunction{{name: "azure-custom", needs: []string{"python"},
			dead: []dayfly.Source{dayfly.SourceValue, dayfly.SourceHook, dayfly.SourceAsync}}}},
}

// single is a function of HTTP that takes messages one at a time, and fails a bad one.
func single(name string, needs ...string) eventFunction {
	return eventFunction{name: name, needs: needs, prints: map[dayfly.Source]string{dayfly.SourceQueue: `order \{"n":1\}`,
		dayfly.SourceObject: `"bucket":"` + name + `"`, dayfly.SourceValue: `"value"`, dayfly.SourceCron: `"scheduledTime"`,
		dayfly.SourceHook: `\{"hook":1\}`}}
}

// TestEventsReachEveryHandler deploys each function and has all sources call it.
func TestEventsReachEveryHandler(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the functions are built with the languages' own tools")
	}
	for _, row := range eventHandlers {
		for _, f := range row.functions {
			t.Run(f.name, func(t *testing.T) { f.check(t, row) })
		}
	}
}

func (f eventFunction) check(t *testing.T, row handlers) {
	for _, name := range f.needs {
		if !shared.has(t, name) {
			t.Skipf("SKIPPED: the runtime %s is not on this machine; scripts/setup installs it", name)
		}
	}
	shared.deployAs(t, "events", f.name)
	ref := dayfly.FunctionRef{Project: "default", Name: dayfly.FunctionName(f.name)}
	defer func() { _ = shared.client.Remove(t.Context(), ref) }() // it takes no memory while others are tested
	f.cause(t, ref)
	want := map[dayfly.Source][]string{}
	for _, source := range eventSources {
		want[source] = []string{"succeeded after 1"}
		if slices.Contains(f.dead, source) {
			want[source] = []string{"dead after 1"}
		}
	}
	want[dayfly.SourceQueue] = []string{"dead after 2", "succeeded after 1"}
	var states map[dayfly.Source][]string
	await(t, "events of "+f.name+" that ended", 7, func() (ended int) {
		states, ended = outcomes(t, ref)
		return ended
	})
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for i, source := range eventSources {
		form, ok := f.prints[source]
		if !ok {
			form = row.gets[i].prints
		}
		await(t, fmt.Sprintf("what %s prints of %s is like %s", f.name, source, form), true, func() bool {
			return regexp.MustCompile(form).MatchString(printed(t, ref))
		})
	}
}

// cause makes the seven events.
func (f eventFunction) cause(t *testing.T, ref dayfly.FunctionRef) {
	c, ctx := shared.client, t.Context()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := c.Publish(ctx, client.QueueRef{Name: dayfly.QueueName(f.name)}, []dayfly.Event{
		{Type: "order", ContentType: "application/json", Data: []byte(`{"n":1}`)},
		{Type: "order", ContentType: "application/json", Data: []byte(`{"n":2,"bad":true}`)}})
	must("publish", err)
	must("put object", c.PutObject(ctx, client.BucketRef{Name: dayfly.BucketName(f.name)}, "a b é",
		strings.NewReader("bytes"), client.PutObjectOptions{}))
	_, err = c.PutValue(ctx, client.ValueRef{Bucket: dayfly.BucketName(f.name), Key: "theme"}, []byte("dark"),
		client.PutValueOptions{})
	must("put value", err)
	_, err = c.RunCron(ctx, ref, "cron")
	must("run cron", err)
	_, err = c.Push(ctx, ref, strings.NewReader(`{"plain":1}`), client.PushOptions{})
	must("push", err)
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(`{"hook":1}`))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, shared.gateway+"/webhook/"+f.name+"/hook",
		strings.NewReader(`{"hook":1}`))
	must("make delivery", err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
	res, err := redirectless.Do(req)
	must("deliver", err)
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("the webhook answered %s, want 202", res.Status)
	}
}

// outcomes tells how the events of each source ended, and how many of all did.
func outcomes(t *testing.T, ref dayfly.FunctionRef) (states map[dayfly.Source][]string, ended int) {
	list, err := shared.client.Events(t.Context(), client.EventQuery{Function: ref})
	if err != nil {
		t.Fatal(err)
	}
	states = map[dayfly.Source][]string{}
	for _, e := range list {
		if e.State == dayfly.EventDone || e.State == dayfly.EventDead {
			ended++
		}
		states[e.Source] = append(states[e.Source], fmt.Sprintf("%s after %d", e.State, len(e.Attempts)))
		slices.Sort(states[e.Source])
	}
	return states, ended
}

func printed(t *testing.T, ref dayfly.FunctionRef) string {
	var lines []string
	for line, err := range shared.client.Logs(t.Context(), client.LogQuery{Function: ref, Tail: 200}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line.Text)
	}
	return strings.Join(lines, "\n")
}

// TestTheGuideTellsWhatHandlersGet holds the guide's table against the functions.
func TestTheGuideTellsWhatHandlersGet(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(eventsGuide)
	if err != nil {
		t.Fatal(err)
	}
	if want := eventTable(); !strings.Contains(string(guide), want) {
		t.Errorf("%s lacks this table:\n%s", eventsGuide, want)
	}
}

func eventTable() string {
	var b strings.Builder
	b.WriteString("| handler | queue | object | value | cron | webhook | asynchronous |\n|---|---|---|---|---|---|---|\n")
	for _, row := range eventHandlers {
		b.WriteString("| " + row.what)
		for _, g := range row.gets {
			b.WriteString(" | " + g.words)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}
