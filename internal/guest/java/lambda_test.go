// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
)

func TestHandlersOfEveryShape(t *testing.T) {
	t.Parallel()
	anyJDK(t)
	const order = `{"id":"a","count":1,"price":2.5,"urgent":true,"state":"PAID","more":1,` +
		`"items":[{"name":"n","size":3},{}],"note":"hi"}`
	rows := []struct{ entry, event, want string }{
		{"app.Hello", `{"name":"you"}`, `"hello you"`},
		{"app.Hello::handleRequest", `{"name":"you"}`, `"hello you"`},
		{"app.Streamed", `{"a": 1}`, `[{"a": 1}]`},
		{"app.Generic", `[{"name":"a"},{"name":"b","size":1}]`, `{"name":"b","size":1}`},
		{"app.Many::text", `"a"`, `"<a>"`},
		{"app.Many::text", `5`, `"<5>"`},
		{"app.Many::text", `null`, `"<null>"`},
		{"app.Many::number", `41`, "42"},
		{"app.Many::number", `"41"`, "42"},
		{"app.Many::number", `null`, "1"},
		{"app.Many::boxed", `null`, "null"},
		{"app.Many::wide", `4611686018427387903`, "9223372036854775806"},
		{"app.Many::real", `5`, "2.5"},
		{"app.Many::yes", `true`, "false"},
		{"app.Many::any", ` {"a":[1,2.50,"x",null,true,{}],"b":{"c":[]}} `, `{"a":[1,2.5,"x",null,true,{}],"b":{"c":[]}}`},
		{"app.Many::typeOf", `1`, `"java.lang.Integer"`},
		{"app.Many::typeOf", `12345678901`, `"java.lang.Long"`},
		{"app.Many::typeOf", `1.0`, `"java.lang.Double"`},
		{"app.Many::typeOf", `[]`, `"java.util.ArrayList"`},
		{"app.Many::typeOf", `{}`, `"java.util.LinkedHashMap"`},
		{"app.Many::lengths", `["a","bcd"]`, `{"a":1,"bcd":3}`},
		{"app.Many::wrap", `{"x":"é\ud83d\ude00\/"}`, `[{"x":"é\uD83D\uDE00/"},{"x":"é\uD83D\uDE00/"}]`},
		{"app.Many::order", order, `{"id":"a","count":2,"price":2.5,"urgent":true,"state":"PAID",` +
			`"items":[{"name":"n","size":3},{}],"note":"hi"}`},
		{"app.Many::state", `"OPEN"`, `"OPEN"`},
		{"app.Many::state", `"NEVER"`, `null`},
		{"app.Many::nothing", `{}`, `null`},
		{"app.Many::none", `{}`, `"none"`},
		{"app.Many::fixed", `{"a":"b"}`, `"{a=b}"`},
		{"app.Many::values", `""`, `{"text":"a\"b\\c\n\u0001\u001F` + "\u2028" + `é☃\uD83D\uDE00/","long":9007199254740993,` +
			`"double":0.30000000000000004,"float":1.5,"nan":"NaN","exp":1.0E300,"big":123456789012345678901234567890,` +
			`"decimal":1.10,"array":["a",null],"list":[1,null,"x"],"enum":"PAID","char":"c"}`},
		{"app.Many::bytes", `"hello"`, `{"bytes":"aGVsbG8="}`},
		{"app.Many::stream", `{}`, `demo{}`},
		{"app.Many::copy", `[1, 2]`, `[1, 2]`},
		{"app.Many::over", `"x"`, `"long"`},
	}
	machines := map[string]*machine{}
	if testing.Short() {
		rows = rows[:4] // each entry takes a virtual machine of its own
	}
	for _, row := range rows {
		m := machines[row.entry]
		if m == nil {
			m = serve(t, spec{entry: row.entry, dialect: "lambda"})
			machines[row.entry] = m
		}
		if got := m.event(row.event).String(); got != "200 "+row.want {
			t.Errorf("%s of %s: %s\nwant 200 %s", row.entry, row.event, got, row.want)
		}
	}
}

func TestEveryJDK(t *testing.T) {
	t.Parallel()
	anyJDK(t)
	for _, jdk := range jdks() {
		m := serve(t, spec{entry: "app.Told", jdk: jdk, env: map[string]string{"ONLY": "this", "TZ": "Asia/Kolkata",
			"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": "demo"}})
		if m.ready.Dialect != dayfly.DialectLambda {
			t.Errorf("%s: dialect = %q, want lambda by the interface", jdk.Version, m.ready.Dialect)
		}
		a := m.call(dayfly.Request{Kind: dayfly.RequestEvent,
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, `{}`)
		want := `["call-1",null,null,"demo",null,"arn:aws:lambda:eu-west-1:000000000000:function:demo",256,` +
			`null,null,true,"this",4,"Asia/Kolkata","Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;` +
			`Parent=00f067aa0ba902b7;Sampled=1"]`
		if a.body != want {
			t.Errorf("%s: told %s\nwant %s", jdk.Version, a, want)
		}
		if diff := cmp.Diff([]string{"call-1 stdout logged", "call-1 stdout in two"}, m.logged()); diff != "" {
			t.Errorf("%s: lines differ (-want +got):\n%s", jdk.Version, diff)
		}
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Failing", dialect: "lambda"})
	for _, row := range []struct{ how, kind, payload string }{
		{"plain", "java.lang.IllegalArgumentException", `{"errorMessage":"boom é \u2028 \u001f",` +
			`"errorType":"java.lang.IllegalArgumentException",` +
			`"stackTrace":["app.Failing.handleRequest(Failing.java:`},
		{"silent", "java.lang.NullPointerException", `{"errorMessage":"java.lang.NullPointerException","errorType":`},
		{"caused", "java.lang.RuntimeException", `{"errorMessage":"outer","errorType":"java.lang.RuntimeException",`},
		{"sly", "app.Failing$Sly", `{"errorMessage":"app.Failing$Sly",`},
		{"error", "java.lang.AssertionError", `{"errorMessage":"wrong","errorType":"java.lang.AssertionError",`},
		{"unwritable", "java.lang.RuntimeException",
			`{"errorMessage":"An error occurred during JSON serialization of response",` +
				`"errorType":"java.lang.RuntimeException","stackTrace":[]}`},
	} {
		a := m.event(`"` + row.how + `"`)
		if a.failure == nil || a.failure.Type != row.kind || !strings.HasPrefix(string(a.failure.Payload), row.payload) {
			t.Errorf("%s: %s\nwant %s %s", row.how, a, row.kind, row.payload)
			continue
		}
		if !json.Valid(a.failure.Payload) || strings.Contains(string(a.failure.Payload), "dayfly") {
			t.Errorf("%s: payload = %s, want JSON without our frames", row.how, a.failure.Payload)
		}
	}
	a := m.event(`{"an":"object"}`)
	if want := `{"errorMessage":"An error occurred during JSON parsing","errorType":"java.lang.RuntimeException",` +
		`"stackTrace":[]}`; a.failure == nil || string(a.failure.Payload) != want {
		t.Errorf("unreadable event: %s, want %s", a, want)
	}
	if a := m.event(`"interrupted"`); a.body != `"interrupted"` {
		t.Errorf("interrupted: %s", a)
	}
	if a := m.event(`"ok"`); a.body != `"fine"` {
		t.Errorf("after exceptions: %s, want fine", a)
	}
}

func TestAnExceptionIsToldInFull(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Failing::method", dialect: "lambda"})
	a := m.event(`"x"`)
	if a.failure == nil || len(a.failure.Stack) != 1 ||
		!strings.HasPrefix(a.failure.Stack[0], "app.Failing.method(Failing.java:") {
		t.Fatalf("failure = %+v, want one frame, of the method", a.failure)
	}
	lines := strings.Join(m.logged(), "\n")
	if !strings.HasPrefix(lines, "call-1 stderr by method: java.io.IOException\n"+
		"call-1 stderr java.io.IOException: by method\ncall-1 stderr \tat app.Failing.method(") {
		t.Errorf("lines = %s", lines)
	}
	m = serve(t, spec{entry: "app.Failing", dialect: "lambda"})
	a = m.event(`"caused"`)
	if a.failure == nil || !slices.Contains(a.failure.Stack, "Caused by: java.io.IOException: inner") {
		t.Errorf("failure = %+v, want the cause in its stack", a.failure)
	}
}

func TestInitFailures(t *testing.T) {
	notShort(t)
	t.Parallel()
	anyJDK(t)
	for name, row := range map[string]struct{ entry, dialect, kind, message string }{
		"empty class":     {"::handle", "lambda", "Runtime.BadFunctionCode", "Invalid handler: `::handle'"},
		"empty method":    {"app.Many::", "lambda", "Runtime.BadFunctionCode", "Invalid handler: `app.Many::'"},
		"no class":        {"app.Absent", "lambda", "java.lang.ClassNotFoundException", "Class not found: app.Absent"},
		"no method":       {"app.Many::absent", "lambda", "Runtime.BadFunctionCode", "Class app.Many has no public method named absent"},
		"unfit method":    {"app.Many::unfit", "lambda", "Runtime.BadFunctionCode", "No public method named unfit with appropriate method signature found on class app.Many"},
		"no interface":    {"app.Many", "lambda", "Runtime.BadFunctionCode", "Class does not implement an appropriate handler interface: app.Many"},
		"found by none":   {"app.Order", "", "Runtime.BadFunctionCode", "Class does not implement an appropriate handler interface: app.Order"},
		"statics":         {"app.Broken$Statics::handle", "lambda", "java.lang.ExceptionInInitializerError", "Error loading class app.Broken$Statics: For input string"},
		"constructor":     {"app.Broken$Made::handle", "lambda", "java.lang.IllegalStateException", "not today"},
		"hidden":          {"app.Broken$Hidden::handle", "lambda", "java.lang.Exception", "Class app.Broken$Hidden has no public zero-argument constructor"},
		"inner":           {"app.Broken$Inner::handle", "lambda", "java.lang.Exception", "Class app.Broken$Inner cannot be instantiated because it is a non-static inner class"},
		"wrong interface": {"app.Hello", "framework", "Runtime.BadFunctionCode", "Class app.Hello does not implement com.google.cloud.functions.HttpFunction"},
		"other dialect":   {"app.Hello", "wsgi", "Runtime.BadFunctionCode", "the dialect wsgi is none of Java's"},
		"no clojure":      {"my.ns/handler", "", "Runtime.BadFunctionCode", "the entry my.ns/handler is one of Clojure, which is not among the code's jars"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := start(t, spec{entry: row.entry, dialect: dayfly.Dialect(row.dialect)})
			failure, ok := host.FailureOf(err)
			if !ok || failure.Kind != dayfly.FailureInit || failure.Type != row.kind ||
				!strings.HasPrefix(failure.Message, row.message) {
				t.Fatalf("error = %v (%+v), want %s %s", err, failure, row.kind, row.message)
			}
			var payload struct{ ErrorMessage, ErrorType string }
			if json.Unmarshal(failure.Payload, &payload) != nil || payload.ErrorMessage != failure.Message {
				t.Errorf("payload = %s", failure.Payload)
			}
			<-m.exited
			if code := m.cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit status = %d, want 1", code)
			}
			if !strings.Contains(fmt.Sprint(m.logged()), row.message) {
				t.Errorf("lines = %q, want the message", m.logged())
			}
		})
	}
}
