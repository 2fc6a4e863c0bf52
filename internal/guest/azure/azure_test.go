// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// application writes an application's files and reads it.
func application(t *testing.T, host string, functions map[string]string) *app {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("host.json", host)
	for name, bindings := range functions {
		write(name+"/function.json", `{"bindings":[`+bindings+`]}`)
	}
	a, err := readApp(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRoutesChooseTheFunction(t *testing.T) {
	t.Parallel()
	trigger := func(rest string) string {
		return `{"type":"httpTrigger","direction":"in","name":"req"` + rest + `}`
	}
	a := application(t, `{"version":"2.0"}`, map[string]string{
		"Plain": trigger(""),
		"Item":  trigger(`,"route":"items/{id:int?}","methods":["get"]`),
		"All":   trigger(`,"route":"items/all"`),
		"Files": trigger(`,"route":"files/{*path}"`),
		"Queue": `{"type":"queueTrigger","direction":"in","name":"m"}`,
	})
	for request, want := range map[string]string{
		"GET /api/Plain":         "Plain map[]",
		"GET /api/plain":         "Plain map[]",
		"GET /api/items/7":       "Item map[id:7]",
		"GET /api/items":         "Item map[]",
		"GET /api/items/all":     "All map[]",
		"GET /api/items/x":       "",
		"POST /api/items/7":      "",
		"GET /api/items/7/more":  "",
		"GET /api/files/a/b%20c": "Files map[path:a/b c]",
		"GET /api/files":         "Files map[path:]",
		"GET /Plain":             "",
		"GET /api/Queue":         "",
		"GET /api/%zz":           "",
	} {
		method, path, _ := strings.Cut(request, " ")
		got := ""
		if f, params := a.find(method, path); f != nil {
			got = fmt.Sprint(f.name, " ", params)
		}
		if got != want {
			t.Errorf("%s finds %q, want %q", request, got, want)
		}
	}
	own := application(t, `{"extensions":{"http":{"routePrefix":""}}}`, map[string]string{"F": trigger(`,"route":"x"`)})
	if f, _ := own.find("GET", "/x"); f == nil {
		t.Error("an empty prefix is not taken")
	}
}

// calling serves the application with a handler that answers and keeps what it was sent.
func calling(t *testing.T, a *app, answer string) (url string, sent *map[string]any, log *strings.Builder) {
	t.Helper()
	sent, log = &map[string]any{}, &strings.Builder{}
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(sent); err != nil {
			t.Error(err)
		}
		(*sent)["path"], (*sent)["id"] = r.URL.Path, r.Header.Get("X-Azure-Functions-InvocationId")
		if strings.HasPrefix(answer, "!") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, strings.TrimPrefix(answer, "!"))
	}))
	t.Cleanup(handler.Close)
	front := httptest.NewServer(&server{app: a, handler: handler.URL, client: handler.Client(), stderr: log})
	t.Cleanup(front.Close)
	return front.URL, sent, log
}

const httpBindings = `{"type":"httpTrigger","direction":"in","name":"req"},{"type":"http","direction":"out","name":"res"},
	{"type":"queue","direction":"out","name":"out"}`

func TestAnswersBecomeHTTP(t *testing.T) {
	t.Parallel()
	a := application(t, `{}`, map[string]string{"F": httpBindings})
	for answer, want := range map[string]string{
		`{"Outputs":{"res":{"statusCode":201,"body":"x","headers":{"X-A":"1"}}}}`:   `201 "x" text/plain; charset=utf-8 1`,
		`{"Outputs":{"res":{"status":"202","body":{"a":1}}}}`:                       `202 "{\"a\":1}" application/json; charset=utf-8 `,
		`{"Outputs":{"res":{"a":1}}}`:                                               `200 "{\"a\":1}" application/json; charset=utf-8 `,
		`{"Outputs":{"res":{"body":"<b>","headers":{"content-type":"text/html"}}}}`: `200 "<b>" text/html `,
		`{"Outputs":{},"ReturnValue":"y"}`:                                          `200 "y" text/plain; charset=utf-8 `,
		`{"ReturnValue":null}`:                                                      `204 ""  `,
		``:                                                                          `204 ""  `,
		`{"Outputs":{"res":{"statusCode":99}}}`:                                     `500 "Internal Server Error\n" text/plain; charset=utf-8 `,
		`no JSON`:                                                                   `500 "Internal Server Error\n" text/plain; charset=utf-8 `,
		`!{}`:                                                                       `500 "Internal Server Error\n" text/plain; charset=utf-8 `,
	} {
		url, _, _ := calling(t, a, answer)
		response, err := http.Get(url + "/api/F")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		got := fmt.Sprintf("%d %q %s %s", response.StatusCode, body, response.Header.Get("Content-Type"), response.Header.Get("X-A"))
		if got != want {
			t.Errorf("%s gives\n  %s, want\n  %s", answer, got, want)
		}
	}
}

func TestRequestsAreDescribed(t *testing.T) {
	t.Parallel()
	a := application(t, `{}`, map[string]string{"F": httpBindings})
	url, sent, log := calling(t, a, `{"Outputs":{"out":"m"},"Logs":["a line"]}`)
	request, err := http.NewRequest(http.MethodPost, url+"/api/F?a=1&a=2", strings.NewReader("\xff\x00"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Dayfly-Invocation", "call-1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	described := (*sent)["Data"].(map[string]any)["req"].(map[string]any)
	got := fmt.Sprint((*sent)["path"], (*sent)["id"], described["Method"], described["Query"], described["Body"])
	if want := "/Fcall-1POSTmap[a:1,2]/wA="; got != want {
		t.Errorf("the handler got %s, want %s", got, want)
	}
	if said := log.String(); !strings.Contains(said, "a line\n") || !strings.Contains(said, "output out of F is delivered nowhere") {
		t.Errorf("log %q lacks the handler's line or the lost output", said)
	}
}

func TestOtherTriggersAreCalledByAdministrators(t *testing.T) {
	t.Parallel()
	a := application(t, `{}`, map[string]string{"Q": `{"type":"queueTrigger","direction":"in","name":"m"}`})
	url, sent, _ := calling(t, a, `{}`)
	for body, want := range map[string]string{
		`{"input":"hello"}`:     `"hello"`,
		`{"input":{"a":1}}`:     `{"a":1}`,
		`{"input":"{\"a\":1}"}`: `{"a":1}`,
		`plain`:                 `"plain"`,
	} {
		for _, path := range []string{"/admin/functions/q", "/"} {
			response, err := http.Post(url+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			got := (*sent)["Data"].(map[string]any)["m"]
			if response.StatusCode != http.StatusAccepted || got != want {
				t.Errorf("POST %s %s gives %d and sends %v, want 202 and %s", path, body, response.StatusCode, got, want)
			}
		}
	}
}

func TestEventsFindTheTriggerOfTheirKind(t *testing.T) {
	t.Parallel()
	a := application(t, `{}`, map[string]string{
		"Home":  httpBindings,
		"Other": `{"type":"queueTrigger","direction":"in","name":"m","queueName":"others"}`,
		"Order": `{"type":"queueTrigger","direction":"in","name":"m","queueName":"orders"}`,
		"Paid":  `{"type":"serviceBusTrigger","direction":"in","name":"m","queueName":"paid"}`,
		"Photo": `{"type":"blobTrigger","direction":"in","name":"b","path":"photos/{name}"}`,
		"Tick":  `{"type":"timerTrigger","direction":"in","name":"t","schedule":"0 0 3 * * *"}`,
	})
	for _, tc := range []struct{ kind, source, path, want string }{
		{"order", "/projects/p/queues/orders", "/", "Order"},
		{"dev.dayfly.message", "/projects/p/queues/paid", "/", "Paid"},
		{"dev.dayfly.cron", "/projects/p/functions/f/crons/cron", "/", "Tick"},
		{"dev.dayfly.object.created", "/projects/p/buckets/photos", "/", "Photo"},
		{"dev.dayfly.object.removed", "/projects/p/buckets/photos", "/", ""},
		{"dev.dayfly.kv.put", "/projects/p/kv/orders", "/", ""},
		{"order", "/projects/p/queues/unknown", "/", ""},
		{"order", "/projects/p/queues/orders", "/elsewhere", ""},
		{"order", "/projects/p/queues/orders", "/admin/functions/other", "Other"},
	} {
		r := httptest.NewRequest(http.MethodPost, tc.path, nil)
		r.Header.Set("Ce-Type", tc.kind)
		r.Header.Set("Ce-Source", tc.source)
		got := ""
		if f := a.findEvent(r); f != nil {
			got = f.name
		}
		if got != tc.want {
			t.Errorf("%s of %s to %s finds %q, want %q", tc.kind, tc.source, tc.path, got, tc.want)
		}
	}
}

func TestApplicationsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"no host.json":  {},
		"no function":   {"host.json": "{}"},
		"no JSON":       {"host.json": "{"},
		"no trigger":    {"host.json": "{}", "F/function.json": `{"bindings":[]}`},
		"only disabled": {"host.json": "{}", "F/function.json": `{"disabled":true,"bindings":[` + httpBindings + `]}`},
	} {
		dir := t.TempDir()
		for file, text := range files {
			_ = os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755)
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if a, err := readApp(dir); err == nil {
			t.Errorf("%s is read as %+v", name, a)
		}
	}
}
