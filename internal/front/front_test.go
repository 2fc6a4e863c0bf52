// SPDX-License-Identifier: Apache-2.0

package front_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/front"
)

const whole = `{
 "hosts": ["shop.example.com", "*.shop.example.com"],
 "auth": {
  "users": {"jwt": {"issuer": "https://id.example.com", "audience": "shop", "leeway": "30s"}},
  "partners": {"keys": {}},
  "staff": {"basic": {"users": {"ann": "$2y$10$abc"}}},
  "hooks": {"hmac": {"secret": "s3cret"}},
  "web": {"login": {"issuer": "http://127.0.0.1:9", "client_id": "c", "client_secret": "x"}},
  "own": {"function": {"name": "authorizer", "cache": "0s"}}
 },
 "every": {"limits": {"rate": "100/s"}, "cors": "https://app.example.com"},
 "routes": {
  "GET /orders/{id}": "orders:live",
  "POST /orders": {"function": "orders", "auth": ["users", "partners"], "allow": "principal.subject != ''",
   "limits": {"rate": {"limit": "10/s", "burst": 20, "by": "key"}, "quota": ["1000/day"], "body": "1Mi"},
   "validate": {"body": {"application/json": {"type":"object"}}, "response": {"2XX": true}},
   "request": {"body": "{'id': path.id}"}, "response": {"errors": {"timeout": {"status": 502}}}},
  "/files/{path...}": {"object": "media/{path}"},
  "shop.example.com/legacy/{rest...}": {"redirect": {"to": "https://old.example.com/{rest...}", "status": 308}},
  "GET /proxy/{rest...}": {"url": "http://127.0.0.1:9000/v1/{rest...}"},
  "/clicks": {"queue": "clicks"},
  "/health": {"respond": {"status": 204}},
  "/{path...}": {"site": "./public"}
 }
}`

func TestWholeFrontIsRead(t *testing.T) {
	t.Parallel()
	f, err := front.Decode([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	if r := f.Routes["GET /orders/{id}"]; r.Function != "orders" || r.Alias != "live" {
		t.Errorf("the short form of a route gave %+v", r)
	}
	if f.Routes["POST /orders"].Limits.Rate[0].Burst != 20 || f.Every.CORS.Origins[0] != "https://app.example.com" {
		t.Error("short forms of rates or CORS were not read")
	}
	again, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	second, err := front.Decode(again)
	if diff := cmp.Diff(f, second); err != nil || diff != "" {
		t.Errorf("written and read again (-first +second): %v\n%s", err, diff)
	}
	if got := f.Functions(); len(got) != 2 || got[0] != "authorizer" || got[1] != "orders" {
		t.Errorf("Functions = %v", got)
	}
}

func TestProblemsNameTheirField(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, path, want string }{
		"unknown key":        {`{"rotues": {}}`, "rotues", "these are: auth"},
		"unknown deep key":   {`{"routes": {"/": {"function": "f", "limits": {"rat": 1}}}}`, "routes./.limits.rat", "known"},
		"bad span":           {`{"routes": {"/": {"function": "f", "timeout": "5"}}}`, "routes./.timeout", "unit"},
		"number for a span":  {`{"routes": {"/": {"function": "f", "timeout": 5}}}`, "routes./.timeout", "unit"},
		"number for a text":  {`{"routes": {"/": {"function": 7}}}`, "routes./.function", "text"},
		"bad rate":           {`{"routes": {"/": {"function": "f", "limits": {"rate": "10"}}}}`, "routes./.limits.rate.0", "10/s"},
		"rate in a list":     {`{"routes": {"/": {"function": "f", "limits": {"rate": ["1/s", {"limit": 7}]}}}}`, "routes./.limits.rate.1.limit", "text"},
		"no target":          {`{"routes": {"/": {}}}`, "routes./", "leads nowhere"},
		"two targets":        {`{"routes": {"/": {"function": "f", "queue": "q"}}}`, "routes./", "function and queue"},
		"bad pattern":        {`{"routes": {"GET orders": "f"}}`, "routes.GET orders", "no path"},
		"bad function":       {`{"routes": {"/": "F!"}}`, "routes./.function", "lower-case"},
		"unknown auth":       {`{"routes": {"/": {"function": "f", "auth": "user"}}}`, "routes./.auth", `"user"`},
		"unknown capture":    {`{"routes": {"/a/{x}": {"redirect": "/b/{y}"}}}`, "routes./a/{x}.redirect.to", "{y}"},
		"open redirect":      {`{"routes": {"/a/{x...}": {"redirect": "/{x...}"}}}`, "routes./a/{x...}.redirect.to", "another host"},
		"host by capture":    {`{"routes": {"/a/{x}": {"redirect": "https://{x}/"}}}`, "routes./a/{x}.redirect.to", "path only"},
		"port by capture":    {`{"routes": {"/a/{x}": {"url": "http://h:{x}/"}}}`, "routes./a/{x}.url", ""},
		"none alg":           {`{"auth": {"a": {"jwt": {"issuer": "https://i", "audience": "a", "algorithms": "none"}}}}`, "auth.a.jwt.algorithms", "RS256"},
		"symmetric alg":      {`{"auth": {"a": {"jwt": {"issuer": "https://i", "audience": "a", "algorithms": "HS256"}}}}`, "auth.a.jwt.algorithms", "RS256"},
		"no audience":        {`{"auth": {"a": {"jwt": {"issuer": "https://i"}}}}`, "auth.a.jwt.audience", "needed"},
		"plain issuer":       {`{"auth": {"a": {"jwt": {"issuer": "http://i.example", "audience": "a"}}}}`, "auth.a.jwt.issuer", "https"},
		"plain password":     {`{"auth": {"a": {"basic": {"users": {"ann": "secret"}}}}}`, "auth.a.basic.users.ann", "hash"},
		"two kinds":          {`{"auth": {"a": {"keys": {}, "hmac": {"secret": "x"}}}}`, "auth.a", "hmac and keys"},
		"any origin, secret": {`{"routes": {"/": {"function": "f", "cors": {"origins": "*", "credentials": true}}}}`, "routes./.cors.origins", "credentials"},
		"foreign host":       {`{"hosts": ["a.example"], "routes": {"GET b.example/": "f"}}`, "routes.GET b.example/", "hosts"},
		"bad host":           {`{"hosts": ["Shop.example:80"]}`, "hosts.0", "host name"},
		"split header":       {`{"routes": {"/": {"respond": {"header": {"X-A": "1\r\nSet-Cookie: a=b"}}}}}`, "routes./.respond.header.X-A", "line break"},
		"connection header":  {`{"routes": {"/": {"function": "f", "request": {"header": {"content-length": "'1'"}}}}}`, "routes./.request.header", "connection"},
		"alias that is none": {`{"routes": {"/": "f:stable"}}`, "routes./.function", "no alias"},
		"quota of seconds":   {`{"routes": {"/": {"function": "f", "limits": {"quota": "1/s"}}}}`, "routes./.limits.quota.0", "minute"},
		"open logout":        {`{"auth": {"a": {"login": {"issuer": "https://i", "client_id": "c", "logout": "//evil.example"}}}}`, "auth.a.login.logout", "path of this host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := front.Decode([]byte(tt.text))
			if err == nil {
				err = f.Check()
			}
			var p *front.Problem
			if !errors.As(err, &p) {
				t.Fatalf("%s: %v, want a problem", tt.text, err)
			}
			if got := strings.Join(p.Path, "."); got != tt.path || !strings.Contains(p.Message, tt.want) {
				t.Errorf("problem at %s: %s; want at %s, with %q", got, p.Message, tt.path, tt.want)
			}
		})
	}
}

func TestSeveralProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := front.Decode([]byte(`{"hots": [], "routes": {"GET /a": {"function": 7, "rat": 1}, "/b": {"function": "f", "timeout": "5"}}}`))
	f, none := front.Decode([]byte(`{"hosts": ["Shop!"], "auth": {"a": {}}, "routes": {"/a": {}, "/b": "F!", "GET c": "f"}}`))
	if none != nil {
		t.Fatal(none)
	}
	for err, want := range map[error]string{
		front.Within(err, "x"): `x.hots, x.routes./b.timeout, x.routes."GET /a".function, x.routes."GET /a".rat`,
		f.Check():              `hosts.0, auth.a, routes./a, routes./b.function, routes."GET c"`,
	} {
		var got []string
		for _, p := range front.Problems(fmt.Errorf("deploy: %w", err)) {
			place, _, _ := strings.Cut(p.Error(), ": ")
			got = append(got, place)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("problems at %s; want %s", strings.Join(got, ", "), want)
		}
	}
	many := map[string]front.Route{}
	for i := range 2 * front.ProblemsMax {
		many[fmt.Sprintf("/%d", i)] = front.Route{}
	}
	if got := len(front.Problems((&front.Front{Routes: many}).Check())); got != front.ProblemsMax {
		t.Errorf("%d problems are told, want %d", got, front.ProblemsMax)
	}
}

func TestPatternsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/": "/", "GET /orders/{id}": "GET /orders/{id}", "POST,GET Shop.example.com/a/{b...}": "GET,POST shop.example.com/a/{b...}",
		"/a%20b/": "/a%20b/", "*.example.com/": "*.example.com/",
	} {
		p, err := front.ParsePattern(text)
		if err != nil || p.String() != want {
			t.Errorf("ParsePattern(%q) = %q, %v; want %q", text, p, err, want)
		}
	}
	for _, text := range []string{"", "orders", "get /", "GET,/ x", "/a//b", "/{a}/{a}", "/{a...}/b", "/a{b}", "/{}", "/{1}",
		"/*", "/a?b", "/a#b", "/a/../b", "h:80/", "/" + strings.Repeat("a/", 65), "/" + strings.Repeat("a", 2048)} {
		if p, err := front.ParsePattern(text); err == nil {
			t.Errorf("ParsePattern(%q) = %q, want an error", text, p)
		}
	}
}

func TestRatesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"10/s": time.Second, "1e3/day": 24 * time.Hour, "5/10s": 10 * time.Second,
		"7/month": front.Month, "1/minute": time.Minute, "2/second": time.Second} {
		if _, per, err := (front.Rate{Limit: text}).Parse(); err != nil || per != want {
			t.Errorf("%s is per %s, %v; want %s", text, per, err, want)
		}
	}
	for _, text := range []string{"", "10", "0/s", "-1/s", "1.5/s", "NaN/s", "1e99/s", "1/1ms", "1/40d", "1/", "/s"} {
		if n, per, err := (front.Rate{Limit: text}).Parse(); err == nil {
			t.Errorf("%q gave %d per %s, want an error", text, n, per)
		}
	}
}

func TestSecretsAreNotToldAndKept(t *testing.T) {
	t.Parallel()
	f, err := front.Decode([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(f.Redact())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s3cret", "$2y$", `"x"`} {
		if strings.Contains(string(told), secret) {
			t.Errorf("%s is told: %s", secret, told)
		}
	}
	if f.Auth["hooks"].HMAC.Secret != "s3cret" || f.Auth["staff"].Basic.Users["ann"] != "$2y$10$abc" {
		t.Error("Redact changed the front itself")
	}
	kept, err := f.Redact().Keep(f)
	if diff := cmp.Diff(f, kept); err != nil || diff != "" {
		t.Errorf("kept (-want +got): %v\n%s", err, diff)
	}
	if _, err := f.Redact().Keep(nil); err == nil {
		t.Error("a redacted secret was taken for the secret itself")
	}
}

func FuzzFrontIsReadOrRefused(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"routes":{"/":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if decoded, err := front.Decode(data); err == nil {
			_ = decoded.Check()
			_ = decoded.Redact()
		}
	})
}
