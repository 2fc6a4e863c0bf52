// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v: %q", err, text)
	}
	return v
}

// plainEvent is what the plainest request becomes.
func plainEvent() map[string]any {
	return map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
		"headers": eventHeaders(nil),
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "thumbnail", "domainName": "localhost",
			"domainPrefix": "localhost", "requestId": "ID", "routeKey": "$default",
			"stage": "$default", "time": "04/Mar/2020:19:03:58 +0000",
			"timeEpoch": float64(received),
			"http": map[string]any{"method": "GET", "path": "/", "protocol": "HTTP/1.1",
				"sourceIp": "192.0.2.7", "userAgent": ""},
		},
		"isBase64Encoded": false,
	}
}

// eventHeaders are the headers that every event has, and more.
func eventHeaders(more map[string]any) map[string]any {
	h := map[string]any{"host": "localhost:8080", "x-forwarded-for": "192.0.2.7",
		"x-forwarded-proto": "http", "x-forwarded-port": "8080"}
	maps.Copy(h, more)
	return h
}

// typed is a request with a body of that content type.
func typed(contentType, body string) request {
	return request{body: body, Headers: [][2]string{{"content-type", contentType}}}
}

// typedEvent is what of the event differs then.
func typedEvent(contentType, body string, encoded bool) map[string]any {
	return map[string]any{"body": body, "isBase64Encoded": encoded,
		"headers": eventHeaders(map[string]any{"content-type": contentType})}
}

const (
	trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	xray  = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
	form  = "application/x-www-form-urlencoded"
	utf8  = "application/json; charset=utf-8"
)

func TestEventOfAnHTTPRequest(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.echo", Function: "thumbnail"})
	for _, row := range []struct {
		name    string
		request request
		want    map[string]any // keys that differ from plainEvent
	}{
		{"nothing special", request{}, nil},
		{"query joins repeated names and decodes", request{Query: "a=1&a=2&b=x%20y+z&c"},
			map[string]any{"rawQueryString": "a=1&a=2&b=x%20y+z&c",
				"queryStringParameters": map[string]any{"a": "1,2", "b": "x y z", "c": ""}}},
		{"cookies leave the headers",
			request{Headers: [][2]string{{"cookie", "c1=v1; c2=v2"}, {"cookie", "c3=v3"}}},
			map[string]any{"cookies": []any{"c1=v1", "c2=v2", "c3=v3"}}},
		{"repeated headers are joined", request{Headers: [][2]string{{"x-a", "1"}, {"x-a", "2"}}},
			map[string]any{"headers": eventHeaders(map[string]any{"x-a": "1,2"})}},
		{"forwarded headers that are there stay",
			request{Headers: [][2]string{{"x-forwarded-for", "198.51.100.1"},
				{"x-forwarded-proto", "https"}, {"x-forwarded-port", "443"}}},
			map[string]any{"headers": eventHeaders(map[string]any{
				"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https",
				"x-forwarded-port": "443"})}},
		{"json body is text", typed(utf8, `{"a":"é"}`), typedEvent(utf8, `{"a":"é"}`, false)},
		{"suffix +xml is text", typed("Image/SVG+XML", "<a/>"),
			typedEvent("Image/SVG+XML", "<a/>", false)},
		{"form is base64", typed(form, "a=1"), typedEvent(form, "YT0x", true)},
		{"no type is base64", request{body: "a"},
			map[string]any{"body": "YQ==", "isBase64Encoded": true}},
		{"text that is no UTF-8 is base64", typed("text/plain", "\xff"),
			typedEvent("text/plain", "/w==", true)},
		{"compressed text is base64",
			request{body: "z", Headers: [][2]string{{"content-encoding", "gzip"}}},
			map[string]any{"body": "eg==", "isBase64Encoded": true,
				"headers": eventHeaders(map[string]any{"content-encoding": "gzip"})}},
		{"trace continues", request{Trace: trace},
			map[string]any{"headers": eventHeaders(map[string]any{
				"traceparent": trace, "x-amzn-trace-id": xray})}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := g.call(row.request)
			got := value(t, a.Body).(map[string]any)
			want := plainEvent()
			maps.Copy(want, row.want)
			got["requestContext"].(map[string]any)["requestId"] = "ID"
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventOfARequestToADomain(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.echo"})
	a := g.call(request{Method: "PUT", Path: "/pa2%Fth/1", Prefix: "/function/thumbnail",
		Host: "thumb.default.example.org", Scheme: "https",
		Headers: [][2]string{{"user-agent", "agent/1"}}})
	got := value(t, a.Body).(map[string]any)
	rc := got["requestContext"].(map[string]any)
	wantHTTP := map[string]any{"method": "PUT", "path": "/pa2%Fth/1", "protocol": "HTTP/1.1",
		"sourceIp": "192.0.2.7", "userAgent": "agent/1"}
	if diff := cmp.Diff(wantHTTP, rc["http"]); diff != "" {
		t.Errorf("requestContext.http differs (-want +got):\n%s", diff)
	}
	if got["rawPath"] != "/pa2%Fth/1" || rc["domainName"] != "thumb.default.example.org" ||
		rc["domainPrefix"] != "thumb" ||
		got["headers"].(map[string]any)["x-forwarded-port"] != "443" {
		t.Errorf("event = %v", got)
	}
}

const jsonType = "application/json"

func TestAnswersOfAHandler(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.answers"})
	for _, row := range []struct {
		path   string
		status int
		body   string
		header [][2]string
	}{
		{"/object", 201, "made", [][2]string{{"x-count", "3"}, {"x-flag", "true"}, {"x-float",
			"1.5"}, {"content-type", jsonType}}},
		{"/cookies", 200, "x", [][2]string{{"content-type", jsonType}, {"set-cookie",
			"a=1; Path=/"}, {"set-cookie", "b=2"}}},
		{"/binary", 200, "\x89PNG\x00\xff", [][2]string{{"content-type", "image/png"}}},
		{"/nested", 200, `{"a":[1,2]}`, [][2]string{{"content-type", jsonType}}},
		{"/nobody", 204, "", [][2]string{{"content-type", jsonType}}},
		{"/textstatus", 202, "", [][2]string{{"content-type", jsonType}}},
		{"/floatstatus", 203, "", [][2]string{{"content-type", jsonType}}},
		{"/type", 200, "<p>", [][2]string{{"content-type", "text/html"}}},
		{"/length", 200, "abc", [][2]string{{"content-type", jsonType}}},
		{"/dict", 200, `{"hello":"world"}`, [][2]string{{"content-type", jsonType}}},
		{"/list", 200, `["hello",3,true]`, [][2]string{{"content-type", jsonType}}},
		{"/number", 200, "3", [][2]string{{"content-type", jsonType}}},
		{"/float", 200, "3.1", [][2]string{{"content-type", jsonType}}},
		{"/bool", 200, "true", [][2]string{{"content-type", jsonType}}},
		{"/none", 200, "null", [][2]string{{"content-type", jsonType}}},
		{"/string", 200, "hello", [][2]string{{"content-type", jsonType}}},
		{"/unicode", 200, `{"a":"é☃"}`, [][2]string{{"content-type", jsonType}}},
		{"/bytes", 200, "\x00\x01raw", [][2]string{{"content-type", "application/octet-stream"}}},
		{"/decimal", 200, `{"d":1.10,"n":[NaN]}`, [][2]string{{"content-type", jsonType}}},
		{"/bytesbody", 200, "plain", [][2]string{{"content-type", jsonType}}},
		{"/intkeys", 200, `{"1":"a","null":"b"}`, [][2]string{{"content-type", jsonType}}},
	} {
		t.Run(row.path[1:], func(t *testing.T) {
			a := g.call(request{Path: row.path})
			if a.Status != row.status || a.Body != row.body || a.Error != nil {
				t.Errorf("answer = %d %q %v, want %d %q", a.Status, a.Body, a.Error, row.status,
					row.body)
			}
			if diff := cmp.Diff(row.header, a.Headers); diff != "" {
				t.Errorf("headers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMalformedAnswersAreBadResponses(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.broken"})
	for path, want := range map[string]string{
		"/status":      "statusCode is 'abc': it must be a whole number",
		"/statusbool":  "statusCode is a bool: it must be a number",
		"/statusrange": "statusCode is 99: it must be from 200 to 599",
		"/status101":   "statusCode is 101: it must be from 200 to 599",
		"/statusnone":  "statusCode is a NoneType: it must be a number",
		"/statusinf":   "statusCode is inf: it must be a whole number",
		"/headers":     "headers is a list: it must be an object",
		"/headerlist":  "header a is a list: it must be a string",
		"/headername":  "header name 'a b' is not valid",
		"/headersplit": "header a holds a line break",
		"/cookies":     "cookies is a str: it must be a list",
		"/base64":      "body cannot be decoded: ",
		"/set":         "Unable to marshal response: Object of type set is not JSON serializable",
		"/bodyset":     "Unable to marshal response: Object of type set is not JSON serializable",
		"/extra":       "Unable to marshal response: Object of type object is not JSON serializable",
		"/surrogate":   "Unable to marshal response: 'utf-8' codec can't encode",
		"/bytesinside": "Unable to marshal response: 'utf-8' codec can't decode",
		"/circle":      "Unable to marshal response: Circular reference detected",
	} {
		t.Run(path[1:], func(t *testing.T) {
			a := g.call(request{Path: path})
			if a.Error["kind"] != "bad_response" || a.Status != 0 {
				t.Fatalf("answer = %d, error %v, want kind bad_response", a.Status, a.Error)
			}
			if message := a.Error["message"].(string); !strings.HasPrefix(message, want) {
				t.Errorf("message = %q, want %q", message, want)
			}
		})
	}
	if a := g.call(request{Path: "/nope"}); a.Error["type"] != "KeyError" {
		t.Errorf("error = %v, want the KeyError of an unknown path: the instance goes on", a.Error)
	}
}
