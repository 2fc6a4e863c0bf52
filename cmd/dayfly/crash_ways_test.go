// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ways of an event into the node that is killed.
const (
	wayCall    = iota // an asynchronous call
	wayKeyed          // one with an idempotency key
	wayQueue          // a message, executed in batches
	wayValue          // a value that is put
	wayDelayed        // a call that is due a little later
	wayObject         // an object that is put by a signed URL
	wayOrdered        // a message of a key, in order
	wayMax
)

// crashDelay is how much later delayed calls are due.
const crashDelay = 300 * time.Millisecond

var wayNames = [wayMax]string{"call", "keyed", "queue", "value", "delayed", "object", "ordered"}

// wayOf gives the name of the way of an identity.
func wayOf(id string) string {
	part := strings.Split(id, "-")
	n, err := strconv.Atoi(part[2])
	if err != nil {
		return "unknown"
	}
	return wayNames[n%wayMax]
}

// crashCode begins each function: it asks the node from inside.
const crashCode = `# SPDX-License-Identifier: Apache-2.0
import http.client, json, os, time, urllib.parse

base = urllib.parse.urlsplit(os.environ["DAYFLY_URL"])
headers = {"Authorization": "Bearer " + os.environ["DAYFLY_TOKEN"]}
connection = http.client.HTTPConnection(base.netloc, timeout=10)


def ask(method, path, body=None, allowed=(), **more):
    try:
        connection.request(method, base.path + "/kv/" + path, body, {**headers, **more})
        answer = connection.getresponse()
        text = answer.read().decode()
    except Exception:
        connection.close()
        raise
    assert answer.status < 300 or answer.status in allowed, answer.status
    return text if answer.status < 300 else ""


def count(path):
    ask("POST", path + "?increment=1")

`

// crashEffect counts each run of an event, and writes its effect under its identity.
const crashEffect = `
def identities(event):
    if "Records" in event:
        return [record["s3"]["object"]["key"] if "s3" in record else json.loads(record["body"])["id"]
                for record in event["Records"]]
    if "specversion" in event:
        return [event["data"]["key"]]
    body = json.loads(event["body"])
    if time.time() < body.get("due", 0):
        ask("PUT", "early/" + body["id"], "early")
    return [body["id"]]


def handler(event, context):
    for identity in identities(event):
        ask("PUT", "effects/" + identity, "done", (409, 412), **{"If-None-Match": "*"})
        count("runs/" + identity)
    return {"statusCode": 200, "body": "done"}
`

// crashOrder wants the steps of each key one after the other. A step that comes again was
// repeated; one that comes before another is out of order.
const crashOrder = `
def handler(event, context):
    for record in event["Records"]:
        body = json.loads(record["body"])
        last = int(ask("GET", "last/" + body["key"], None, (404,)) or 0)
        if body["step"] > last + 1:
            ask("PUT", "disorder/%s-%d-%d" % (body["key"], last, body["step"]), "out of order")
        if body["step"] > last:
            ask("PUT", "last/" + body["key"], str(body["step"]))
        count("runs/" + body["id"])
        ask("PUT", "effects/" + body["id"], "done")
`

const crashTick = `
def handler(event, context):
    count("ticks/" + urllib.parse.quote(event["time"], safe=""))
`

func crashFunctions() map[string]string {
	return map[string]string{"effect": crashCode + crashEffect, "order": crashCode + crashOrder,
		"tick": crashCode + crashTick}
}

const crashManifest = `functions:
  called: {source: ./effect, retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}}
  queued:
    source: ./effect
    retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}
    on: [{queue: {name: orders, batch: 20, window: 50ms}}]
  valued:
    source: ./effect
    retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}
    on: [{kv: {bucket: inbox, events: [put]}}]
  objected:
    source: ./effect
    retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}
    on: [{object: {bucket: uploads, events: [created]}}]
  stepped:
    source: ./order
    retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}
    on: [{queue: {name: steps, ordered: true, batch: 5}}]
  ticked:
    source: ./tick
    retry: {attempts: 20, backoff: {min: 100ms, max: 1s}}
    on: [{cron: "@every 1s", overlap: allow, catch_up: all}]
queues: {orders: {retention: 1d}, steps: {retention: 1d}}
buckets: {uploads: {}}
`

// asked is a request of a pusher.
type asked struct {
	method, url, body string
	header            http.Header
}

// request is how an event goes in. The ordered ones of a pusher are steps of one key.
func (w *crashWorld) request(ctx context.Context, id string, way int) (asked, error) {
	a := asked{method: http.MethodPost, url: w.gateway + "/function/called", body: fmt.Sprintf(`{"id":%q}`, id),
		header: http.Header{"Content-Type": {"application/json"}}}
	project := w.api + "/v1/projects/default"
	switch way {
	case wayCall:
		a.header.Set("X-Dayfly-Invoke", "async")
	case wayKeyed:
		a.header.Set("X-Dayfly-Invoke", "async")
		a.header.Set("Idempotency-Key", id)
	case wayDelayed:
		a.header.Set("X-Dayfly-Invoke", "async")
		a.header.Set("X-Dayfly-Delay", crashDelay.String())
		a.body = fmt.Sprintf(`{"id":%q,"due":%d.%03d}`, id, time.Now().Add(crashDelay).Unix(),
			time.Now().Add(crashDelay).Nanosecond()/1e6)
	case wayQueue:
		a.url = project + "/queues/orders/messages"
	case wayOrdered:
		a.url = project + "/queues/steps/messages"
		a.header.Set("Ce-Partitionkey", "k")
		a.body = fmt.Sprintf(`{"id":%q,"key":"k","step":%d}`, id, w.steps+1)
	case wayValue:
		a.method, a.url = http.MethodPut, project+"/kv/inbox/"+id
	case wayObject:
		signed, err := w.sign(ctx, id)
		return asked{method: http.MethodPut, url: signed, body: a.body, header: http.Header{}}, err
	}
	if strings.HasPrefix(a.url, w.api) {
		a.header.Set("Authorization", "Bearer "+w.token)
	}
	return a, nil
}

// sign asks for a URL by which an object may be put.
func (w *crashWorld) sign(ctx context.Context, key string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api+"/v1/projects/default/buckets/uploads/sign",
		strings.NewReader(fmt.Sprintf(`{"method":"PUT","key":%q}`, key)))
	w.check(err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := w.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var signed struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(text, &signed); err != nil || res.StatusCode != http.StatusOK {
		w.t.Errorf("sign %s: status %d, %s", key, res.StatusCode, text)
	}
	return signed.URL, err
}

// push pushes one event in a way, and notes what became of it.
func (w *crashWorld) push(ctx context.Context, id string, way int) {
	status := 0
	a, err := w.request(ctx, id, way)
	if err == nil {
		status, err = w.ask(ctx, a.method, a.url, a.header, a.body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pushed++
	switch {
	case err == nil && status < 300:
		w.accepted[id] = true
		if way == wayKeyed {
			w.keyed[id] = true
		}
		if way == wayOrdered {
			w.steps++
		}
	case way == wayKeyed:
		w.doubtful = append(w.doubtful, id)
	case err == nil && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
		w.t.Errorf("push %s by %s: status %d", id, wayNames[way], status)
	}
}

// inOrder wants every step of the ordered queue, and none before the one before it.
func (w *crashWorld) inOrder() {
	w.t.Helper()
	if out := w.values("disorder"); len(out) > 0 {
		w.t.Errorf("%d messages of an ordered queue were out of order: %v", len(out), out)
	}
	last, err := strconv.Atoi(w.values("last")["k"])
	w.check(err)
	if last < w.steps {
		w.t.Errorf("%d steps were taken of %d", last, w.steps)
	}
	w.t.Logf("%d steps in order", last)
}

// inTime wants no delayed call before its time.
func (w *crashWorld) inTime() {
	w.t.Helper()
	if early := w.values("early"); len(early) > 0 {
		w.t.Errorf("%d delayed calls ran before their time", len(early))
	}
}

// eachDueTimeOnce wants every second once in the ledger of the cron, whatever became of it,
// and each one that fired to have run.
func (w *crashWorld) eachDueTimeOnce() {
	w.t.Helper()
	var ledger struct {
		Runs []struct {
			Due     time.Time `json:"due"`
			Until   time.Time `json:"until"`
			Outcome string    `json:"outcome"`
			Event   string    `json:"event"`
		} `json:"runs"`
	}
	req, err := http.NewRequest(http.MethodGet,
		w.api+"/v1/projects/default/functions/ticked/crons/cron/runs?limit=200", nil)
	w.check(err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := w.http.Do(req)
	w.check(err)
	defer res.Body.Close()
	w.check(json.NewDecoder(res.Body).Decode(&ledger))
	slices.Reverse(ledger.Runs) // the oldest first
	outcomes, events := map[string]int{}, map[string]bool{}
	var before time.Time
	for i, run := range ledger.Runs {
		if i > 0 && !run.Due.Equal(before.Add(time.Second)) {
			w.t.Errorf("the due time after %s is %s in the ledger", before, run.Due)
		}
		if before = run.Due; run.Until.After(run.Due) {
			before = run.Until
		}
		outcomes[run.Outcome]++
		if run.Event != "" && events[run.Event] {
			w.t.Errorf("two due times have the event %s", run.Event)
		}
		events[run.Event] = true
	}
	if len(ledger.Runs) < 5 {
		w.t.Errorf("the ledger has %d entries", len(ledger.Runs))
	}
	// The newest may still be on their way.
	settled := ledger.Runs[:max(0, len(ledger.Runs)-3)]
	for until := time.Now().Add(settleTimeout / 3); ; time.Sleep(100 * time.Millisecond) {
		ticks, missing := w.values("ticks"), 0
		for _, run := range settled {
			if run.Event != "" && ticks[run.Due.UTC().Format(time.RFC3339)] == "" {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(until) {
			w.t.Fatalf("%d of %d due times that fired did not run; ran: %v", missing, len(settled), ticks)
		}
	}
	w.t.Logf("the cron's ledger: %v", outcomes)
}
