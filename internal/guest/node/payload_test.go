// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const echo = `exports.handler = async (e) => e;`

func TestPayloadV2OfARequest(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", map[string]string{"app.js": echo})
	inv := p.request(http.MethodPost, "/pa2%Fth/1?a=1&a=2&b=x%20y+z&c&%E2%82%AC=%zz&__proto__=p",
		`{"k":1}`,
		"Content-Type", "application/json; charset=utf-8", "X-One", "v1", "X-One", "v2",
		"Cookie", "c1=v1; c2=v2", "Cookie", "c3=v3", "User-Agent", "agent", "Host",
		"hello.example.org:8080")
	inv.Received = time.Date(2020, time.March, 12, 19, 3, 58, 390e6, time.UTC)
	a := p.do(inv)
	want := `{"version":"2.0","routeKey":"$default","rawPath":"/pa2%Fth/1",
"rawQueryString":"a=1&a=2&b=x%20y+z&c&%E2%82%AC=%zz&__proto__=p",
"cookies":["c1=v1","c2=v2","c3=v3"],
"headers":{"content-type":"application/json; charset=utf-8","x-one":"v1,v2","user-agent":"agent",
  "host":"hello.example.org:8080","x-forwarded-for":"192.0.2.1","x-forwarded-proto":"http",
  "x-forwarded-port":"8080","x-forwarded-prefix":"/function/hello"},
"queryStringParameters":{"a":"1,2","b":"x y z","c":"","€":"%zz","__proto__":"p"},
"requestContext":{"accountId":"anonymous","apiId":"hello","domainName":"hello.example.org",
  "domainPrefix":"hello","http":{"method":"POST","path":"/pa2%Fth/1","protocol":"HTTP/1.1",
  "sourceIp":"192.0.2.1","userAgent":"agent"},"requestId":"` + string(inv.ID) + `",
  "routeKey":"$default","stage":"$default","time":"12/Mar/2020:19:03:58 +0000",
  "timeEpoch":1584039838390},
"isBase64Encoded":false,"body":"{\"k\":1}"}`
	if diff := cmp.Diff(decoded(t, want), decoded(t, a.body)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	bare := decoded(t, p.get("/").body).(map[string]any)
	for _, absent := range []string{"cookies", "body", "queryStringParameters", "pathParameters",
		"stageVariables"} {
		if _, ok := bare[absent]; ok {
			t.Errorf("event of a bare request has %s", absent)
		}
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%.200q: %v", text, err)
	}
	return v
}

func TestPayloadBodyIsTextOrBase64(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", map[string]string{"app.js": echo})
	cases := []struct {
		contentType, encoding, body string
		text                        bool
	}{
		{"text/plain", "", "ünï", true},
		{"TEXT/HTML; charset=x", "", "a", true},
		{"application/json", "", "{}", true},
		{"application/javascript", "", "x", true},
		{"application/xml", "", "<a/>", true},
		{"application/vnd.api+json", "", "{}", true},
		{"image/svg+xml", "", "<svg/>", true},
		{"application/octet-stream", "", "a", false},
		{"application/x-www-form-urlencoded", "", "a=1", false},
		{"multipart/form-data; boundary=text/plain", "", "a", false},
		{"application/jsonish", "", "a", false},
		{"", "", "a", false},
		{"text/plain", "gzip", "a", false},
		{"application/json", "", "\xff\xfe", false},
		{"application/octet-stream", "", strings.Repeat("\x00\xff", 400<<10), false},
	}
	for _, c := range cases {
		headers := []string{}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		if c.encoding != "" {
			headers = append(headers, "Content-Encoding", c.encoding)
		}
		a := p.do(p.request(http.MethodPost, "/", c.body, headers...))
		event, _ := decoded(t, a.body).(map[string]any)
		want := c.body
		if !c.text {
			want = base64.StdEncoding.EncodeToString([]byte(c.body))
		}
		if event["isBase64Encoded"] != !c.text || event["body"] != want {
			t.Errorf("%s %s: isBase64Encoded %v, body %.40q", c.contentType, c.encoding,
				event["isBase64Encoded"], event["body"])
		}
	}
}

func TestPayloadAnswers(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", map[string]string{
		"app.js": `exports.handler = async (e) => eval('(' + e.body + ')');`})
	const kind = "Content-Type: application/json"
	cases := []struct {
		returned, body, header string
		status                 int
	}{
		{`{statusCode: 201, headers: {'X-N': 5, 'x-b': true}, body: 'made'}`, "made", "X-N: 5", 201},
		{`{statusCode: 200}`, "", kind, 200},
		{`{statusCode: '202', body: {a: 1}}`, `{"a":1}`, kind, 202},
		{`{statusCode: 200, body: 7}`, "7", kind, 200},
		{`{statusCode: 200, body: null}`, "", kind, 200},
		{`{statusCode: 200, body: 'aGk=', isBase64Encoded: true}`, "hi", kind, 200},
		{`{statusCode: 200, headers: {'content-type': 'text/x'}, body: 'é'}`, "é",
			"Content-Type: text/x", 200},
		{`{statusCode: 200, cookies: ['a=1', 'b=2']}`, "", "Set-Cookie: a=1,b=2", 200},
		{`{statusCode: 200, multiValueHeaders: {'x-m': ['1', '2']}, headers: {'x-m': '3'}}`, "",
			"X-M: 1,2,3", 200},
		{`{statusCode: 200, headers: {'x-null': null, 'x-s': 's'}}`, "", "X-S: s", 200},
		{`{hello: 'world'}`, `{"hello":"world"}`, kind, 200},
		{`[1, 2]`, `[1,2]`, kind, 200},
		{`3`, `3`, kind, 200},
		{`3.1`, `3.1`, kind, 200},
		{`true`, `true`, kind, 200},
		{`'hello'`, `hello`, kind, 200},
		{`null`, `null`, kind, 200},
		{`undefined`, `null`, kind, 200},
		{`''`, ``, kind, 200},
		{`new Date(0)`, `1970-01-01T00:00:00.000Z`, kind, 200},
		{`{toJSON() { return {statusCode: 418, body: 'tea'}; }}`, `tea`, kind, 418},
		{`{statusCode: 200, body: 'é'.repeat(300000)}`, strings.Repeat("é", 300000), kind, 200},
		{`{statusCode: 200, body: 'x'.repeat(70000)}`, strings.Repeat("x", 70000), kind, 200},
		{`{statusCode: 99}`, "", "", 0},
		{`{statusCode: 600}`, "", "", 0},
		{`{statusCode: 101}`, "", "", 0},
		{`{statusCode: 'no'}`, "", "", 0},
		{`{statusCode: null}`, "", "", 0},
		{`{statusCode: 200.5}`, "", "", 0},
		{`{statusCode: 200, headers: 'x'}`, "", "", 0},
		{`{statusCode: 200, headers: {x: 'y'.repeat(2 << 20)}}`, "", "", 0},
		{`{statusCode: 200, headers: {x: {}}}`, "", "", 0},
		{`{statusCode: 200, headers: {'a b': '1'}}`, "", "", 0},
		{`{statusCode: 200, headers: {x: 'a\r\nset-cookie: evil=1'}}`, "", "", 0},
		{`{statusCode: 200, cookies: 'a=1'}`, "", "", 0},
		{`{statusCode: 200, cookies: ['a=1\nb']}`, "", "", 0},
		{`{statusCode: 200, multiValueHeaders: {x: '1'}}`, "", "", 0},
		{`(() => { const a = {statusCode: 200}; a.body = a; return a; })()`, "", "", 0},
	}
	for _, c := range cases {
		a := p.do(p.request(http.MethodPost, "/", c.returned, "Content-Type", "text/plain"))
		if c.status == 0 {
			if a.failure == nil || a.failure.Kind != "bad_response" || len(a.failure.Payload) == 0 {
				t.Errorf("%s: %+v, want bad_response with a payload", c.returned, a)
			}
			continue
		}
		if a.failure != nil || a.err != nil {
			t.Errorf("%s: %v %v", c.returned, failureText(a.failure), a.err)
			continue
		}
		name, value, _ := strings.Cut(c.header, ": ")
		if a.status != c.status || a.body != c.body || strings.Join(a.header.Values(name),
			",") != value {
			t.Errorf("%s: status %d, header %v, body %.60q", c.returned, a.status, a.header, a.body)
		}
	}
}
