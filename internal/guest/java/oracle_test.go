// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/build/jars"
	"github.com/dayfly-faas/dayfly/internal/guest/java"
)

// AWS's own client and what handlers bring: files of a Maven repository.
const (
	clientJar = "com/amazonaws/aws-lambda-java-runtime-interface-client/2.9.0/" +
		"aws-lambda-java-runtime-interface-client-2.9.0.jar@26568a5f63bf9e921567e77661be425650abc8972bae2aa0b7e99bab4e4239d9"
	liteJar = "software/amazon/awssdk/utils-lite/2.34.0/" +
		"utils-lite-2.34.0.jar@efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a"
	coreJar = "com/amazonaws/aws-lambda-java-core/1.4.0/" +
		"aws-lambda-java-core-1.4.0.jar@575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed"
	serializerJar = "com/amazonaws/aws-lambda-java-serialization/1.2.0/" +
		"aws-lambda-java-serialization-1.2.0.jar@1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7"
	eventsJar = "com/amazonaws/aws-lambda-java-events/3.16.1/" +
		"aws-lambda-java-events-3.16.1.jar@e090b3832e8b4decbde272b8b0e6dd248115fe20d05f17e00f32a00805892f05"
	jodaJar = "joda-time/joda-time/2.10.8/joda-time-2.10.8.jar@da04572b431597f0a42e6a7f44973f2bdc975776c25ad3cdb2ba92d17c554a66"
	gsonJar = "com/google/code/gson/gson/2.15.0/" +
		"gson-2.15.0.jar@96d3dd843dc2911de01cdabcd50064cb9e860353102a0a78c96fd833d396fc7d"
)

// library downloads files, once a machine, and gives the folder with them.
func library(t *testing.T, files ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: asks a Maven repository for AWS's libraries")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("SKIPPED: no folder to keep downloads in: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "lib")
	var complaint bytes.Buffer
	args := append([]string{"--cache", filepath.Join(cache, "dayfly-test", "jars"), "--to", folder}, files...)
	if jars.Main(args, io.Discard, &complaint) != 0 {
		t.Skipf("SKIPPED: the Maven repository does not answer: %s", complaint.String())
	}
	return folder
}

// oracle compiles handlers against AWS's libraries, into a bundle that has them.
func oracle(t *testing.T, jdk java.JDK, lib string, sources ...string) string {
	t.Helper()
	bundle := filepath.Dir(lib)
	args := append([]string{"--release", "11", "-g", "-nowarn", "-d", bundle, "-cp", lib + "/*"}, sources...)
	javac := filepath.Join(filepath.Dir(jdk.Path), "javac")
	if out, err := exec.Command(javac, args...).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	return bundle
}

// outcome is what became of an event: a response's bytes, or an error's.
type outcome struct{ kind, body string }

// runtimeAPI serves events to AWS's client, one after the other, and keeps the outcomes.
type runtimeAPI struct {
	mu       sync.Mutex
	events   []string
	outcomes []outcome
	done     chan struct{}
}

func (r *runtimeAPI) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.Method == http.MethodPost {
		body, _ := io.ReadAll(req.Body)
		r.outcomes = append(r.outcomes, outcome{filepath.Base(req.URL.Path), string(body)})
		if len(r.events) == 0 || strings.HasSuffix(req.URL.Path, "/init/error") {
			close(r.done)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"OK"}`)
		return
	}
	if len(r.events) == 0 {
		return // its answers are known: it is killed
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("call-%d", len(r.outcomes)+1))
	h.Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:demo")
	_, _ = io.WriteString(w, r.events[0])
	r.events = r.events[1:]
}

// oneClient: AWS's client unpacks its native part to one fixed place.
var oneClient sync.Mutex

// ask gives what AWS's client makes of events.
func ask(t *testing.T, jdk java.JDK, bundle, client, handler string, events []string) []outcome {
	t.Helper()
	oneClient.Lock()
	defer oneClient.Unlock()
	api := &runtimeAPI{events: events, done: make(chan struct{})}
	server := httptest.NewServer(api)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, jdk.Path, "-XX:TieredStopAtLevel=1", "-XX:ErrorFile=/dev/null", "-cp", bundle+":"+bundle+"/lib/*:"+client+"/*",
		"com.amazonaws.services.lambda.runtime.api.client.AWSLambda", handler)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=demo", "AWS_LAMBDA_FUNCTION_VERSION=3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/demo", "AWS_LAMBDA_LOG_STREAM_NAME=demo.default@3", "LANG=C.UTF-8"}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-api.done:
	case <-ctx.Done():
		t.Errorf("AWS's client gave %d of %d outcomes; it said: %s", len(api.outcomes), len(events), output.String())
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return api.outcomes
}

// TestAWSClientGivesTheSameBytes runs handlers under AWS's own client and under the guest.
func TestAWSClientGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	jdk := anyJDK(t)
	lib := library(t, coreJar, serializerJar, eventsJar, jodaJar)
	client := library(t, clientJar, liteJar)
	files, _ := filepath.Glob("testdata/app/*.java")
	var handlers []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && !strings.Contains(string(text), "com.google") && !strings.Contains(string(text), "com.openfaas") {
			handlers = append(handlers, file)
		}
	}
	files, _ = filepath.Glob("testdata/aws/*.java")
	bundle := oracle(t, jdk, lib, append(handlers, files...)...)
	const order = `{"id":"a","count":1,"price":2.5,"urgent":true,"state":"PAID","more":1,"items":[{"name":"n","size":3},{}],"note":"é😀"}`
	for handler, events := range map[string][]string{
		"app.Hello":            {`{"name":"you"}`, `{"name":null}`, `[]`, `[{"name":1}]`, `""`, `"x"`, `{"a":`},
		"app.Generic":          {`[]`},
		"app.Streamed":         {`{"a": 1}`},
		"app.Many::text":       {`"a"`, `""`, `5`, `1.10`, `[]`, `true`, `null`, `{}`, `["one"]`},
		"app.Many::number":     {`41`, `"41"`, `4.9`, `null`, `true`, `[7]`, `"x"`, `99999999999`},
		"app.Many::yes":        {`true`, `"false"`, `1`},
		"app.Many::any":        {`{"a":[1,2.50,"x",null,true,{}],"n":null,"b":{"c":[]}}`, `12345678901234567890123`, `1e5`, ` 3`},
		"app.Many::typeOf":     {`1`, `12345678901`, `1.0`, `[]`, `{}`, `true`, `99999999999999999999`},
		"app.Many::lengths":    {`["a","bcd"]`, `"one"`, `null`},
		"app.Many::wrap":       {`{"x":"é😀/\u0001\u001f\u2028<&"}`},
		"app.Many::order":      {order, `{}`, `{"state":"NEVER"}`},
		"app.Many::state":      {`"OPEN"`, `null`},
		"app.Many::nothing":    {`{}`},
		"app.Many::none":       {`{}`},
		"app.Many::fixed":      {`{"a":"b"}`},
		"app.Many::values":     {`""`},
		"app.Many::bytes":      {`"hello"`},
		"app.Many::stream":     {`{}`},
		"app.Many::over":       {`"x"`},
		"app.Failing":          {`"plain"`, `"silent"`, `"caused"`, `"error"`, `"unwritable"`, `{"a":1}`, `"ok"`},
		"app.Failing::method":  {`"x"`},
		"app.Events":           {sqsEvent, `{"Records":[]}`},
		"app.Events::uploaded": {s3Event},
		"app.Events::http":     {httpEvent},
	} {
		t.Run(handler, func(t *testing.T) {
			t.Parallel()
			want := ask(t, jdk, bundle, client, handler, events)
			m := serve(t, spec{entry: handler, dialect: "lambda", task: bundle})
			for i := range min(len(events), len(want)) {
				a := m.event(events[i])
				got := outcome{"response", a.body}
				if a.failure != nil {
					got = outcome{"error", string(a.failure.Payload)}
				}
				if got != filtered(want[i]) {
					t.Errorf("%s of %s:\nguest      %s\nAWS client %s", handler, events[i], got, filtered(want[i]))
				}
			}
		})
	}
}

// filtered leaves the frames of reflection out, as the guest does: which there are, and
// how many, is the JDK's affair.
func filtered(o outcome) outcome {
	if o.kind != "error" {
		return o
	}
	var stack struct{ StackTrace []string }
	if json.Unmarshal([]byte(o.body), &stack) != nil {
		return o
	}
	for _, frame := range stack.StackTrace {
		if strings.HasPrefix(frame, "java.base/jdk.internal.reflect.") || strings.HasPrefix(frame, "java.base/java.lang.reflect.") {
			o.body = strings.Replace(o.body, `,"`+frame+`"`, "", 1)
		}
	}
	return o
}

const (
	sqsEvent = `{"Records":[{"messageId":"m","receiptHandle":"r","body":"text","attributes":{"SentTimestamp":"1"},` +
		`"messageAttributes":{"k":{"stringValue":"v","stringListValues":[],"binaryListValues":[],"dataType":"String"}},` +
		`"md5OfBody":"x","eventSource":"aws:sqs","eventSourceARN":"arn:q","awsRegion":"eu-west-1"}]}`
	s3Event = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu","eventTime":"1970-01-01T00:00:00.000Z",` +
		`"eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","bucket":{"name":"b","arn":"arn:b"},` +
		`"object":{"key":"a%40b","size":9,"eTag":"e","sequencer":"0055"}}}]}`
	httpEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/p","rawQueryString":"a=1","headers":{"h":"v"},` +
		`"queryStringParameters":{"a":"1"},"requestContext":{"accountId":"1","http":{"method":"GET","path":"/p"},` +
		`"timeEpoch":1583348638390},"body":"Hello","isBase64Encoded":false}`
)

// TestOpenWhiskActions calls an action with the library that it is written for.
func TestOpenWhiskActions(t *testing.T) {
	t.Parallel()
	jdk := anyJDK(t)
	bundle := oracle(t, jdk, library(t, gsonJar), "testdata/whisk/Action.java")
	m := serve(t, spec{entry: "Action", task: bundle})
	for event, want := range map[string]string{
		`{"name":"é"}`: `200 {"greeting":"hello é"}`,
		`{}`:           `200 {"greeting":"hello stranger"}`,
		`{"name":"nothing"}`: `failure bad_response Function.BadResponse: The action did not return a dictionary. ` +
			`({"error":"The action did not return a dictionary."})`,
		`{"name":"fail"}`: `failure exception java.lang.IllegalStateException: failed ({"error":"An error has occurred ` +
			`while invoking the action (see logs for details): java.lang.IllegalStateException: failed"})`,
	} {
		if got := m.event(event).String(); got != want {
			t.Errorf("%s: %s, want %s", event, got, want)
		}
	}
}
