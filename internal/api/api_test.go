// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/rollout"
)

// ask sends one request with the token and gives the answer, its body read.
func ask(t *testing.T, n *apitest.Node, method, path, body string) (*http.Response, string) {
	t.Helper()
	return askWith(t, n, method, path, body, map[string]string{
		"Authorization": "Bearer " + apitest.Token})
}

func askWith(
	t *testing.T, n *apitest.Node, method, path, body string, header map[string]string,
) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, n.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// kindOf reads the kind of a problem.
func kindOf(t *testing.T, text string) dayfly.Kind {
	t.Helper()
	var p struct {
		Kind dayfly.Kind `json:"kind"`
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("answer is no problem: %v: %s", err, text)
	}
	return p.Kind
}

func TestNothingButHealthAnswersWithoutTheToken(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	for _, rt := range n.API.Patterns() {
		method, path, _ := strings.Cut(rt, " ")
		path = strings.NewReplacer("{project}", "default", "{function}", "f", "{number}", "1",
			"{id}", "x", "{digest}", strings.Repeat("a", 64)).Replace(path)
		for _, header := range []string{"", "Bearer wrong", "Basic " + apitest.Token,
			"Bearer", apitest.Token} {
			resp, _ := askWith(t, n, method, path, "", map[string]string{"Authorization": header})
			want := http.StatusUnauthorized
			if rt == "GET /health" {
				want = http.StatusOK
			}
			if resp.StatusCode != want {
				t.Errorf("%s with %q answered %d, want %d", rt, header, resp.StatusCode, want)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	const f = "/v1/projects/default/functions/f"
	source := strings.Repeat("a", 64)
	tests := []struct {
		name, method, path, body string
		header                   map[string]string
		kind                     dayfly.Kind
		status                   int
		text                     string
	}{
		{name: "no such path", method: "GET", path: "/v1/nothing", kind: dayfly.KindNotFound,
			status: 404, text: "openapi.json"},
		{name: "a function asked for here", method: "GET", path: "/function/f",
			kind: dayfly.KindNotFound, status: 404, text: "functions answer at http://127.0.0.1:8080"},
		{name: "no such method", method: "PATCH", path: f, kind: dayfly.KindNotFound,
			status: 404, text: "DELETE, GET, HEAD"},
		{name: "no such function", method: "GET", path: f, kind: dayfly.KindNotFound, status: 404,
			text: "function f does not exist"},
		{name: "bad name", method: "GET", path: "/v1/projects/default/functions/A_b",
			kind: dayfly.KindInvalid, status: 400, text: "lower-case"},
		{name: "unknown field", method: "POST", path: f + "/rollback", body: `{"to": 3}`,
			kind: dayfly.KindInvalid, status: 400, text: `unknown field \"to\"`},
		{name: "wrong type", method: "POST", path: f + "/rollback", body: `{"number": "3"}`,
			kind: dayfly.KindInvalid, status: 400, text: "field number holds a string"},
		{name: "not JSON", method: "POST", path: f + "/rollback", body: `{"number": }`,
			kind: dayfly.KindInvalid, status: 400, text: "not JSON at byte 12"},
		{name: "two values", method: "POST", path: f + "/rollback", body: `{"number": 1} {}`,
			kind: dayfly.KindInvalid, status: 400, text: "something follows"},
		{name: "too large", method: "POST", path: f + "/rollback",
			body: `{"number": 1` + strings.Repeat(" ", 1<<20) + `}`,
			kind: dayfly.KindInvalid, status: 400, text: "larger than 1Mi"},
		{name: "negative number", method: "POST", path: f + "/rollback", body: `{"number": -1}`,
			kind: dayfly.KindInvalid, status: 400, text: "negative"},
		{name: "bad digest", method: "HEAD", path: "/v1/sources/abc", status: 400},
		{name: "source that is not one", method: "PUT", path: "/v1/sources/" + source, body: "zip",
			kind: dayfly.KindInvalid, status: 400},
		{name: "source not uploaded", method: "POST", path: f + "/deploy",
			body: `{"source": "` + source + `"}`, kind: dayfly.KindNotFound, status: 404},
		{name: "unknown setting", method: "POST", path: f + "/deploy",
			body: `{"source": "` + source + `", "settings": {"ram": "1Gi"}}`,
			kind: dayfly.KindInvalid, status: 400, text: `unknown field \"ram\"`},
		{name: "unknown parameter", method: "GET", path: "/v1/functions?projekt=x",
			kind: dayfly.KindInvalid, status: 400, text: "projekt"},
		{name: "bad number", method: "GET", path: "/v1/logs?tail=all",
			kind: dayfly.KindInvalid, status: 400, text: "tail"},
		{name: "bad time", method: "GET", path: "/v1/invocations?since=noon",
			kind: dayfly.KindInvalid, status: 400, text: "2026-01-31T09:00:00Z"},
		{name: "bad flag", method: "GET", path: "/v1/logs?follow=maybe",
			kind: dayfly.KindInvalid, status: 400, text: "true or false"},
		{name: "bad revision", method: "GET", path: f + "/revisions/latest",
			kind: dayfly.KindInvalid, status: 400, text: "latest"},
		{name: "another site", method: "POST", path: f + "/evict", kind: dayfly.KindDenied,
			header: map[string]string{"Origin": "https://evil.example"}, status: 403},
		{name: "no origin of its own", method: "GET", path: "/health", kind: dayfly.KindDenied,
			header: map[string]string{"Origin": "null"}, status: 403},
		{name: "a page of another site", method: "GET", path: "/health", kind: dayfly.KindDenied,
			header: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := map[string]string{"Authorization": "Bearer " + apitest.Token}
			for name, value := range tt.header {
				header[name] = value
			}
			resp, text := askWith(t, n, tt.method, tt.path, tt.body, header)
			if resp.StatusCode != tt.status || !strings.Contains(text, tt.text) {
				t.Fatalf("answered %d %s\nwant %d with %q", resp.StatusCode, text, tt.status, tt.text)
			}
			if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("Content-Type is %q", kind)
			}
			if tt.method != "HEAD" && kindOf(t, text) != tt.kind {
				t.Errorf("kind is %q, want %q", kindOf(t, text), tt.kind)
			}
		})
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	t.Parallel()
	kinds := map[dayfly.Kind]int{
		dayfly.KindInvalid: 400, dayfly.KindUnauthenticated: 401, dayfly.KindDenied: 403,
		dayfly.KindNotFound: 404, dayfly.KindConflict: 409, dayfly.KindExhausted: 429,
		dayfly.KindCanceled: 499, dayfly.KindInternal: 500, dayfly.KindUnavailable: 503,
		dayfly.KindTimeout: 504,
	}
	n := apitest.Start(t)
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		text, _ := io.ReadAll(inv.Request.Body)
		return nil, &dayfly.Error{Kind: dayfly.Kind(text), Message: "secret of the cellar",
			Hint: "a hint", RetryAfter: 1500 * time.Millisecond}
	}
	for kind, status := range kinds {
		resp, text := ask(t, n, "POST", "/v1/projects/default/functions/f/invoke", string(kind))
		if resp.StatusCode != status || kindOf(t, text) != kind {
			t.Errorf("kind %s answered %d %s, want %d", kind, resp.StatusCode, text, status)
		}
		if resp.Header.Get("Retry-After") != "2" {
			t.Errorf("kind %s: Retry-After is %q, want 2", kind, resp.Header.Get("Retry-After"))
		}
		told := strings.Contains(text, "cellar")
		if told == (kind == dayfly.KindInternal) {
			t.Errorf("kind %s: message told is %v: %s", kind, told, text)
		}
		if status == 401 && resp.Header.Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
	}
}

func TestPanicIsAnInternalErrorAndLogged(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Invoke = func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		panic("secret of the cellar")
	}
	resp, text := ask(t, n, "POST", "/v1/projects/default/functions/f/invoke", "{}")
	if resp.StatusCode != 500 || strings.Contains(text, "cellar") {
		t.Errorf("answered %d %s", resp.StatusCode, text)
	}
	if id := resp.Header.Get("X-Dayfly-Request"); id == "" || !strings.Contains(text, id) {
		t.Errorf("request %q is not named in %s", id, text)
	}
	if resp, _ := ask(t, n, "GET", "/v1/info", ""); resp.StatusCode != 200 {
		t.Errorf("after the panic, info answered %d", resp.StatusCode)
	}
}

func TestInvokeStreamsAndTellsStatus(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	release := make(chan struct{})
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		r, w := io.Pipe()
		go func() {
			_, _ = io.WriteString(w, "first ")
			<-release
			_, _ = io.WriteString(w, "second")
			w.Close()
		}()
		head := http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"a=b"}}
		return &dayfly.Result{Status: 201, Header: head, Body: r}, nil
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST",
		n.URL+"/v1/projects/default/functions/f/invoke", strings.NewReader("{}"))
	req.Header.Set("Authorization", "Bearer "+apitest.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(release) // the first piece is here before the second exists
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != "first second" {
		t.Errorf("body is %q, %v", string(first)+string(rest), err)
	}
	h := resp.Header
	got := []string{resp.Status, h.Get("X-Dayfly-Status"), h.Get("Content-Type"), h.Get("Set-Cookie")}
	if d := cmp.Diff([]string{"200 OK", "201", "text/plain", ""}, got); d != "" {
		t.Error(d)
	}
	if len(h.Get("X-Dayfly-Invocation")) != 36 {
		t.Errorf("invocation is %q", h.Get("X-Dayfly-Invocation"))
	}
}

func TestInvokeGivesTheEventAndNotTheToken(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	var seen *dayfly.Invocation
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		seen = inv
		return &dayfly.Result{Status: 200, Body: http.NoBody}, nil
	}
	ask(t, n, "POST", "/v1/projects/shop/functions/f/invoke", `{"a":1}`)
	if seen == nil {
		t.Fatal("not invoked")
	}
	r := seen.Request
	if seen.Function != (dayfly.FunctionRef{Project: "shop", Name: "f"}) ||
		seen.Source != dayfly.SourceInvoke || seen.Alias != dayfly.LiveAlias ||
		r.Kind != dayfly.RequestEvent || r.ContentLength != 7 || r.RemoteAddr != "127.0.0.1" {
		t.Errorf("invocation is %+v", seen)
	}
	if _, told := r.Header["Authorization"]; told {
		t.Error("the function sees the token")
	}
}

func TestInvokeTellsFailures(t *testing.T) {
	t.Parallel()
	failure := &dayfly.Failure{Kind: dayfly.FailureException, Phase: dayfly.PhaseInvoke,
		Type: "ValueError", Message: "boom", Stack: []string{"app.py:3"}}
	n := apitest.Start(t)
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		text, _ := io.ReadAll(inv.Request.Body)
		switch string(text) {
		case "before":
			return &dayfly.Result{Status: 502, Body: http.NoBody, Failure: failure}, nil
		case "within":
			body := io.MultiReader(strings.NewReader("half"), failing{failure})
			return &dayfly.Result{Status: 200, Body: io.NopCloser(body)}, nil
		default:
			body := io.MultiReader(strings.NewReader("half"), failing{errors.New("disk on fire")})
			return &dayfly.Result{Status: 200, Body: io.NopCloser(body)}, nil
		}
	}
	const path = "/v1/projects/default/functions/f/invoke"
	resp, text := ask(t, n, "POST", path, "before")
	var told dayfly.Failure
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*failure, told); d != "" || resp.StatusCode != 502 ||
		resp.Header.Get("X-Dayfly-Failure") != "exception" {
		t.Errorf("answered %d %v %s", resp.StatusCode, resp.Header, d)
	}
	resp, text = ask(t, n, "POST", path, "within")
	trailer, err := base64.StdEncoding.DecodeString(resp.Trailer.Get("X-Dayfly-Failure"))
	if err != nil || text != "half" || !bytes.Contains(trailer, []byte("ValueError")) {
		t.Errorf("body %q, trailer %s, %v", text, trailer, err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", n.URL+path, strings.NewReader("ours"))
	req.Header.Set("Authorization", "Bearer "+apitest.Token)
	resp, err = http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("an answer that broke off looks complete")
	}
}

type failing struct{ err error }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDeployEndsWhenItsCallerLeaves(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	ended := make(chan error, 1)
	n.Deploying = func(ctx context.Context, _ rollout.Request, progress func(rollout.Event)) error {
		progress(rollout.Event{Stage: "build"})
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	digest := upload(t, n)
	req, _ := http.NewRequestWithContext(ctx, "POST",
		n.URL+"/v1/projects/default/functions/f/deploy",
		strings.NewReader(`{"source": "`+string(digest)+`"}`))
	req.Header.Set("Authorization", "Bearer "+apitest.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	leave()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the deploy goes on")
	}
}

func TestClosingEndsFollowersAndSaysSo(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Lines = []dayfly.LogLine{{Time: apitest.Epoch, Stream: dayfly.StreamStdout, Text: "a"}}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", n.URL+"/v1/logs?follow=true", nil)
	req.Header.Set("Authorization", "Bearer "+apitest.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n.API.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "the node is stopping") {
		t.Errorf("the stream ended with %s, %v", text, err)
	}
	if resp, _ := ask(t, n, "GET", "/v1/info", ""); resp.StatusCode != 200 {
		t.Errorf("a request while the node stops answered %d", resp.StatusCode)
	}
}

func TestTokenMustBeLong(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Config{Token: "short"}, slog.New(slog.DiscardHandler), api.Deps{})
	if dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("New = %v, want kind invalid", err)
	}
}
