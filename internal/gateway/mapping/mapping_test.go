// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/mapping"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
)

const bodyText = `{"name": "Ann", "lines": [1, 2], "evil": "a\r\nX-Admin: 1", "n": 3}`

// ask makes a request as the gateway would: what expressions see and what the function gets.
func ask(body string) (*expression.Input, *dayfly.Request) {
	r := httptest.NewRequest(http.MethodPut, "https://shop.example/orders/7/a%20b/c?x=1&y=2&x=3", nil)
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Old": {"1"}, "Content-Encoding": {"identity"}}
	in := &expression.Input{Request: r, Params: map[string]string{"id": "7", "rest": "a b/c"}, Address: "10.0.0.9",
		Scheme: "https", ID: "inv-1", Now: time.UnixMilli(1583348638390), Body: []byte(body),
		Principal: map[string]any{"kind": "jwt", "name": "users", "subject": "ann",
			"claims": map[string]any{"sub": "ann"}, "scopes": []any{"read"}}}
	return in, &dayfly.Request{Kind: dayfly.RequestHTTP, Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(),
		RawQuery: r.URL.RawQuery, Header: r.Header.Clone(), Scheme: "https", RemoteAddr: "10.0.0.9",
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func pattern(t testing.TB) front.Pattern {
	t.Helper()
	p, err := front.ParsePattern("PUT /orders/{id}/{rest...}")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request(t testing.TB, text string) *mapping.Request {
	t.Helper()
	of := new(front.Request)
	if err := json.Unmarshal([]byte(text), of); err != nil {
		t.Fatal(err)
	}
	r, err := mapping.CompileRequest(of, pattern(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// seen is what tests compare of a request.
type seen struct {
	Method, Host, Path, Query, Body string
	Kind                            dayfly.RequestKind
	Header                          http.Header
}

func TestRequestsAreChanged(t *testing.T) {
	t.Parallel()
	headers := func(more ...string) http.Header {
		h := http.Header{"Content-Type": {"application/json"}, "X-Old": {"1"}, "Content-Encoding": {"identity"}}
		for i := 0; i < len(more); i += 2 {
			h.Add(more[i], more[i+1])
		}
		return h
	}
	as := func(change func(*seen)) seen {
		s := seen{"PUT", "shop.example", "/orders/7/a%20b/c", "x=1&y=2&x=3", bodyText, dayfly.RequestHTTP, headers()}
		change(&s)
		return s
	}
	for text, want := range map[string]seen{
		`{}`:                                     as(func(*seen) {}),
		`{"rewrite": "/v2/{id}/x/{rest...}"}`:    as(func(s *seen) { s.Path = "/v2/7/x/a%20b/c" }),
		`{"rewrite": "/v2/{rest}"}`:              as(func(s *seen) { s.Path = "/v2/a%20b%2Fc" }),
		`{"rewrite": "/é"}`:                      as(func(s *seen) { s.Path = "/%C3%A9" }),
		`{"query": {"x": null}}`:                 as(func(s *seen) { s.Query = "y=2" }),
		`{"query": {"x": "query.y + '&'"}}`:      as(func(s *seen) { s.Query = "y=2&x=2%26" }),
		`{"query": {"z": "[1, 'b', true]"}}`:     as(func(s *seen) { s.Query = "x=1&y=2&x=3&z=1&z=b&z=true" }),
		`{"header": {"x-old": null}}`:            as(func(s *seen) { delete(s.Header, "X-Old") }),
		`{"header": {"x-user": "jwt.sub"}}`:      as(func(s *seen) { s.Header.Set("X-User", "ann") }),
		`{"header": {"x-n": "body.lines"}}`:      as(func(s *seen) { s.Header["X-N"] = []string{"1", "2"} }),
		`{"header": {"x-n": "body.?missing"}}`:   as(func(*seen) {}),
		`{"header": {"host": "'b.example:81'"}}`: as(func(s *seen) { s.Host = "b.example:81" }),
		`{"body": "{'id': path.id, 'user': jwt.sub, 'n': body.n}"}`: as(func(s *seen) {
			s.Body = `{"id":"7","n":3,"user":"ann"}`
			delete(s.Header, "Content-Encoding")
		}),
		`{"body": "'<' + body.name + '>'"}`: as(func(s *seen) {
			s.Body = "<Ann>"
			s.Header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Old": {"1"}}
		}),
		`{"body": "'<a>'", "header": {"content-type": "'text/html'"}}`: as(func(s *seen) {
			s.Body = "<a>"
			s.Header = http.Header{"Content-Type": {"text/html"}, "X-Old": {"1"}}
		}),
		`{"event": true}`: as(func(s *seen) {
			s.Kind = dayfly.RequestEvent
			delete(s.Header, "Content-Encoding")
		}),
		`{"event": true, "body": "body.name"}`: as(func(s *seen) {
			s.Kind, s.Body = dayfly.RequestEvent, `"Ann"`
			delete(s.Header, "Content-Encoding")
		}),
	} {
		in, to := ask(bodyText)
		to.Header = in.Request.Header // as the gateway has it
		before := to.Header.Clone()
		r := request(t, text)
		if err := r.Apply(t.Context(), in, to); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(before, in.Request.Header); diff != "" {
			t.Errorf("%s changed what expressions see: %s", text, diff)
		}
		body, err := io.ReadAll(to.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := seen{to.Method, to.Host, to.Path, to.RawQuery, string(body), to.Kind, to.Header}
		if diff := cmp.Diff(want, got); diff != "" || to.ContentLength != int64(len(body)) {
			t.Errorf("%s: length %d (-want +got)\n%s", text, to.ContentLength, diff)
		}
	}
}

func TestRequestsThatCannotBeChangedStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, body, want string }{
		{`{"header": {"x-a": "body.evil", "x-b": "'1'"}}`, bodyText, "X-A would hold a control"},
		{`{"header": {"x-b": "'1'"}, "query": {"a": "body.missing"}}`, bodyText, "no such key"},
		{`{"header": {"x-b": "[[1]]"}}`, bodyText, "list of lists"},
		{`{"header": {"host": "'a/b'"}}`, bodyText, "no host"},
		{`{"header": {"x-b": "body.n"}}`, `{`, "not JSON"},
		{`{"event": true, "header": {"x-b": "'1'"}}`, `{`, "not JSON"},
		{`{"body": "body.name", "query": {"x": null}}`, `[]`, ""},
	} {
		in, to := ask(tt.body)
		before := to.Header.Clone()
		err := request(t, tt.text).Apply(t.Context(), in, to)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error of kind invalid with %q", tt.text, err, tt.want)
		}
		if diff := cmp.Diff(before, to.Header); diff != "" || to.RawQuery != "x=1&y=2&x=3" {
			t.Errorf("%s was changed in part: %s\n%s", tt.text, to.RawQuery, diff)
		}
	}
}

func TestPayloadsHoldTheWholeRequest(t *testing.T) {
	t.Parallel()
	in, to := ask(bodyText)
	if err := mapping.Tell(to.Header, mapping.Told{Pattern: pattern(t), Method: "PUT", Params: in.Params,
		Principal: in.Principal}); err != nil {
		t.Fatal(err)
	}
	r := request(t, `{"payload": "2.0", "rewrite": "/v2/{id}", "header": {"x-new": "'n'"}, "event": true}`)
	r.Function = "orders"
	if !r.NeedsBody() {
		t.Error("NeedsBody() = false for a payload")
	}
	if err := r.Apply(t.Context(), in, to); err != nil {
		t.Fatal(err)
	}
	var got events.APIGatewayV2HTTPRequest
	if err := json.NewDecoder(to.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.RouteKey != "PUT /orders/{id}/{rest+}" || got.RawPath != "/v2/7" || got.PathParameters["rest"] != "a b/c" ||
		got.Body != bodyText || got.RequestContext.HTTP.Method != "PUT" || got.Headers["x-new"] != "n" ||
		got.RequestContext.Authorizer.JWT.Claims["sub"] != "ann" || got.RequestContext.APIID != "orders" ||
		got.RawQueryString != "x=1&y=2&x=3" || got.Headers["x-dayfly-route"] != "" {
		t.Errorf("the event is %+v", got)
	}
	if to.Kind != dayfly.RequestEvent || to.Method != "POST" || to.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the request is %+v", to)
	}
	in, to = ask(bodyText)
	if err := request(t, `{"payload": "1.0"}`).Apply(t.Context(), in, to); err != nil {
		t.Fatal(err)
	}
	var old events.APIGatewayProxyRequest
	if err := json.NewDecoder(to.Body).Decode(&old); err != nil || old.HTTPMethod != "PUT" || old.Body != bodyText ||
		to.Kind != dayfly.RequestHTTP {
		t.Errorf("the event of 1.0 is %+v, %v", old, err)
	}
}

func TestBadSectionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"rewrite": "/{nope}"}`:                "rewrite: the path captures no {nope}",
		`{"rewrite": "/a/../b"}`:                "rewrite: the path is refused",
		`{"rewrite": "/a?b=c"}`:                 "rewrite: it is a path",
		`{"query": {"a": "path.nope"}}`:         "query.a: the path captures no {nope}",
		`{"body": "[path.id, path.x]"}`:         "body: the path captures no {x}",
		`{"query": {"a": "1 +"}}`:               "query.a: expression, line 1, column 4",
		`{"header": {"x-a": "nope"}}`:           "header.X-A: expression, line 1, column 1",
		`{"header": {"X-Dayfly-Route": "'1'"}}`: "header.X-Dayfly-Route: headers that begin",
		`{"body": "response.status"}`:           "body: expression, line 1, column 1: undeclared",
		`{"body": "request.nope"}`:              "body: expression, line 1, column 8: request has no field nope",
	} {
		of := new(front.Request)
		if err := json.Unmarshal([]byte(text), of); err != nil {
			t.Fatal(err)
		}
		checkProblem(t, text, want, func() error { _, err := mapping.CompileRequest(of, pattern(t)); return err }())
	}
	for text, want := range map[string]string{
		`{"status": "'x'"}`:                             "status: expression, line 1, column 1: the expression gives a string",
		`{"header": {"x-a": "error.kind"}}`:             "header.X-A: expression",
		`{"body": ")"}`:                                 "body: expression",
		`{"errors": {"nope": {}}}`:                      "errors.nope: no error is called so",
		`{"errors": {"399": {}}}`:                       "errors.399: no error",
		`{"errors": {"timeout": {"body": "response"}}}`: "errors.timeout.body: expression",
	} {
		of := new(front.Response)
		if err := json.Unmarshal([]byte(text), of); err != nil {
			t.Fatal(err)
		}
		checkProblem(t, text, want, func() error { _, err := mapping.CompileResponse(of); return err }())
	}
}

func checkProblem(t *testing.T, text, want string, err error) {
	t.Helper()
	var p *front.Problem
	if !errors.As(err, &p) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s: %v, want a problem that begins with %q", text, err, want)
	}
}

func response(t testing.TB, text string) *mapping.Response {
	t.Helper()
	of := new(front.Response)
	if err := json.Unmarshal([]byte(text), of); err != nil {
		t.Fatal(err)
	}
	r, err := mapping.CompileResponse(of)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnswersAreChanged(t *testing.T) {
	t.Parallel()
	type answer struct {
		Status int
		Header http.Header
		Body   string
	}
	for text, want := range map[string]answer{
		`{}`: {200, http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}}, `{"ok": true}`},
		`{"status": "response.body.ok ? 201 : 500", "header": {"location": "'/orders/' + path.id", "etag": null}}`: {201,
			http.Header{"Content-Type": {"application/json"}, "Location": {"/orders/7"}}, `{"ok": true}`},
		`{"body": "{'was': response.status, 'type': response.header['content-type']}"}`: {200,
			http.Header{"Content-Type": {"application/json"}}, `{"type":"application/json","was":200}`},
		`{"body": "'<b>'", "header": {"content-type": "'text/html'"}}`: {200,
			http.Header{"Content-Type": {"text/html"}}, `<b>`},
	} {
		in, _ := ask("")
		header := http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}}
		in.Response = &expression.Response{Status: 200, Header: header, Body: []byte(`{"ok": true}`)}
		r := response(t, text)
		status, changed, err := r.Head(t.Context(), in)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		changed = changed.Clone()
		body, replaced, err := r.Body(t.Context(), in, changed)
		if !replaced {
			body = in.Response.Body
		}
		if diff := cmp.Diff(want, answer{status, changed, string(body)}); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
		if header.Get("Etag") != `"1"` || len(header) != 2 {
			t.Errorf("%s changed the answer that expressions see: %v", text, header)
		}
	}
	for _, text := range []string{`{"status": "99"}`, `{"status": "200.5"}`, `{"status": "600"}`, `{"status": "1.0/0.0"}`,
		`{"header": {"x": "'a\\nb'"}}`, `{"header": {"x": "response.header.missing"}}`} {
		in, _ := ask("")
		in.Response = &expression.Response{Status: 200, Header: http.Header{}}
		if _, _, err := response(t, text).Head(t.Context(), in); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s: %v, want an error of kind invalid", text, err)
		}
	}
}

func TestErrorsAreToldInTheRoutesWords(t *testing.T) {
	t.Parallel()
	r := response(t, `{"errors": {
		"timeout": {"status": 502, "header": {"Retry-After": "9"}, "body": "{'why': error.message, 'id': request.id}"},
		"exception": {"body": "'oops'"}, "404": {"status": 410}, "5XX": {"body": "''"}, "default": {"header": {"X-D": "1"}}}}`)
	for _, tt := range []struct {
		kind   string
		status int
		want   mapping.Answer
	}{
		{"timeout", 504, mapping.Answer{Status: 502, Body: []byte(`{"id":"inv-1","why":"m"}`),
			Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"9"}}}},
		{"exception", 500, mapping.Answer{Status: 500, Body: []byte("oops"),
			Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}},
		{"not_found", 404, mapping.Answer{Status: 410, Header: http.Header{}}},
		{"exit", 500, mapping.Answer{Status: 500, Body: []byte{}, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}},
		{"denied", 403, mapping.Answer{Status: 403, Header: http.Header{"X-D": {"1"}}}},
	} {
		in, _ := ask("")
		in.Error = &expression.Error{Kind: tt.kind, Status: tt.status, Message: "m"}
		got, found, err := r.Error(t.Context(), in)
		if diff := cmp.Diff(tt.want, got); err != nil || !found || diff != "" {
			t.Errorf("%s: %v, %v (-want +got)\n%s", tt.kind, found, err, diff)
		}
	}
	in, _ := ask("")
	in.Error = &expression.Error{Kind: "denied", Status: 403}
	if _, found, err := response(t, `{"errors": {"404": {}}}`).Error(t.Context(), in); found || err != nil {
		t.Errorf("an error without an answer of its own gave %v, %v", found, err)
	}
}

func TestFunctionsAreToldOfTheirRoute(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Dayfly-Principal": {"forged"}, "X-Dayfly-Params": {"forged"}, "X-Dayfly-Route": {"forged"}}
	p, err := front.ParsePattern("GET,POST shop.example/é/{id}")
	if err != nil {
		t.Fatal(err)
	}
	told := mapping.Told{Pattern: p, Method: "HEAD", Params: map[string]string{"id": "é\u007f\U0001F600<"}}
	if err := mapping.Tell(header, told); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-Dayfly-Route": {"GET /%C3%A9/{id}"}, "X-Dayfly-Params": {`{"id":"\u00e9\u007f\ud83d\ude00\u003c"}`}}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Error(diff)
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(header.Get("X-Dayfly-Params")), &back); err != nil || back["id"] != told.Params["id"] {
		t.Errorf("read again: %q, %v", back, err)
	}
	told.Principal = map[string]any{"claims": strings.Repeat("a", 13<<10)}
	if err := mapping.Tell(http.Header{}, told); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("a caller of 13 KiB: %v", err)
	}
}

// FuzzMapping looks for a request that leaves HTTP's bounds by what its sender says.
func FuzzMapping(f *testing.F) {
	f.Add("7", "a/b", `{"h": "x\r\ny"}`, "a=1&b")
	f.Add("..", "../..", `{"h": ["a", null]}`, "x=%zz&x")
	f.Add("a?b#c", "//evil", `"text"`, "&&=")
	r := request(f, `{"rewrite": "/v2/{id}/{rest...}", "query": {"x": "body.?h", "y": "query.?a"},
		"header": {"X-H": "body.?h"}, "body": "[body, path.rest]"}`)
	f.Fuzz(func(t *testing.T, id, rest, body, query string) {
		in, to := ask(body)
		in.Params = map[string]string{"id": id, "rest": rest}
		in.Request.URL.RawQuery, to.RawQuery = query, query
		if err := r.Apply(t.Context(), in, to); err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Fatalf("kind %s: %v", dayfly.KindOf(err), err)
			}
			return
		}
		if again, err := router.Clean(to.Path); err != nil || again != to.Path || !strings.HasPrefix(to.Path, "/v2/") {
			t.Errorf("the path is %q: %v", to.Path, err)
		}
		for _, value := range to.Header["X-H"] {
			if strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("a header holds %q", value)
			}
		}
		if data, err := io.ReadAll(to.Body); err != nil || !json.Valid(data) || int64(len(data)) != to.ContentLength {
			t.Errorf("the body is %q, of length %d: %v", data, to.ContentLength, err)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	r := request(b, `{"rewrite": "/v2/{id}", "header": {"x-user": "jwt.sub"}, "body": "{'id': path.id, 'user': jwt.sub}"}`)
	in, to := ask(`{}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Apply(b.Context(), in, to); err != nil {
			b.Fatal(err)
		}
	}
}
