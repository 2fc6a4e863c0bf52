// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoWayPastTheRules attacks the public door of a node from outside, as a stranger and
// as a caller with a key.
func TestNoWayPastTheRules(t *testing.T) {
	w := newDoor(t)
	t.Run("paths", w.paths)
	t.Run("other ways in", w.otherWays)
	t.Run("hosts", w.hosts)
	t.Run("credentials", w.credentials)
	t.Run("what functions are told", w.tellsTheTruth)
	t.Run("framing", w.framing)
	t.Run("HTTP/2", w.http2)
	t.Run("upgrades", w.upgrades)
	t.Run("headers of answers", w.splitting)
	t.Run("kept answers", w.keptAnswers)
	t.Run("rates", w.rates)
	t.Run("sizes", w.sizes)
	t.Run("guesses of passwords", w.guesses)
	t.Run("changes under load", w.changes)
	t.Run("100,000 routes", w.manyRoutes)
}

// paths: however /admin is written, nobody without a key gets to it.
func (w *doorWorld) paths(t *testing.T) {
	for _, path := range []string{"/admin", "/admin/", "//admin", "/./admin", "/open/../admin", "/open/..%2fadmin",
		"/open/%2e%2e/admin", "/open/..;/admin", "/open/..;x=1/admin", "/%61dmin", "/admin%2f", "/admin%2Fx", "/admin;x",
		"/admin;x=/y", "/admin/x;y", "/admin//x", "/admin/%2e", "/admin/x/..", "/open/1/..%5cadmin", "/open\\..\\admin",
		"/admin%00", "/%c0%aeadmin", "/admin?", "/admin%3f", "/admin%20", "http://door.localhost/admin",
		"http://door.localhost//admin", "/open/%252e%252e/admin", "*", "admin", "/sneak/x", "/sneak/", "/sneak/..%2fx",
		"/up/../admin", "/go/../admin", "/web/../admin", "/ADMIN", "/loop/x"} {
		a := w.get("GET", path)
		if a.status >= 200 && a.status < 300 && strings.Contains(a.body, `"path"`) {
			if seen := a.told(t); strings.Contains(strings.ToLower(seen.Path), "admin") && !strings.HasPrefix(seen.Path, "/open/") {
				t.Errorf("%s reached %s without a key", path, seen.Path)
			}
		}
		if a.status == 0 || a.status >= 500 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/open/1%2F2", "/open/a%2fb", "/up/a%2f..%2fb", "/web/a%2f%2e%2e%2fb"} {
		if a := w.get("GET", path); a.status != http.StatusBadRequest && a.status != http.StatusNotFound && a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// What the rule saw is what the function sees.
	if seen := w.get("GET", "/%6fpen/%7Ex").told(t); seen.Path != "/open/~x" {
		t.Errorf("the function saw %s, and the route /open/~x", seen.Path)
	}
}

// otherWays: functions of routes are not reached but by them.
func (w *doorWorld) otherWays(t *testing.T) {
	for _, way := range []struct{ method, path, header string }{
		{"GET", "/function/echo.door", ""}, {"GET", "/function/echo.door/admin", ""},
		{"POST", "/async-function/echo.door", ""}, {"POST", "/function/echo.door", "X-Dayfly-Invoke: async"},
		{"GET", "/%66unction/echo.door", ""}, {"GET", "//function/echo.door", ""}, {"GET", "/function//echo.door", ""},
		{"GET", "/function/echo%2edoor", ""}, {"GET", "/function/ECHO.door", ""}, {"GET", "/function/echo.door;x", ""},
		{"POST", "/admin", "X-Dayfly-Invoke: async"}, {"POST", "/admin", "X-HTTP-Method-Override: GET"},
		{"HEAD", "/admin", ""}, {"OPTIONS", "/admin", ""}, {"TRACE", "/admin", ""}, {"PROPFIND", "/admin", ""},
		{"get", "/admin", ""}, {"OPTIONS", "/admin", "Origin: https://app.test\r\nAccess-Control-Request-Method: GET"},
		{"OPTIONS", "/posts", "Origin: https://evil.test\r\nAccess-Control-Request-Method: POST"},
		{"OPTIONS", "/posts", "Origin: https://app.test\r\nAccess-Control-Request-Method: DELETE"},
		{"POST", "/posts", "Origin: https://app.test"}, {"GET", "/posts", ""}, {"POST", "/jobs", ""},
		{"GET", "/admin", "X-Original-URL: /open/1"}, {"GET", "/open/1/x", "X-Rewrite-URL: /admin"},
	} {
		if a := w.get(way.method, way.path, way.header); a.status == 0 || a.status/100 == 2 && strings.Contains(a.body, `"path"`) ||
			a.status == http.StatusAccepted || a.status == 200 && way.method == "HEAD" || a.status >= 500 && way.method != "TRACE" {
			t.Errorf("%+v: %d %.200s", way, a.status, a.body)
		}
	}
	for _, host := range []string{"echo.door.localhost", "ECHO.DOOR.localhost:80", "echo.door.localhost.", "echo.door.LOCALHOST"} {
		a := w.raw("GET /admin HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n", "GET")
		if a.status != http.StatusNotFound {
			t.Errorf("host %s: %d %.200s", host, a.status, a.body)
		}
	}
	if a := w.get("OPTIONS", "/posts", "Origin: https://app.test", "Access-Control-Request-Method: POST"); a.status != 204 ||
		a.body != "" {
		t.Errorf("a preflight: %d %s", a.status, a.body)
	}
	if a := w.get("GET", "/admin", "X-Api-Key: "+w.key); a.status != 200 {
		t.Errorf("with a key: %d %s", a.status, a.body)
	}
	if a := w.get("GET", "/sneak/x", "X-Api-Key: "+w.key); a.status != 200 || a.told(t).Headers["x-dayfly-route"] != "" {
		t.Errorf("a rewrite, with a key: %d %s", a.status, a.body)
	}
}

// hosts: one name is one front, and no front takes another's.
func (w *doorWorld) hosts(t *testing.T) {
	for _, head := range []string{"Host: shop.test", "Host: SHOP.TEST:8080", "Host: shop.test.", "Host: shop.test.:80",
		"Host: shop.test\r\nX-Forwarded-Host: other.test", "Host: shop.test\r\nForwarded: host=other.test"} {
		if a := w.raw("GET /admin HTTP/1.1\r\n"+head+"\r\nConnection: close\r\n\r\n", "GET"); a.status != 401 {
			t.Errorf("%q: %d", head, a.status)
		}
	}
	for _, head := range []string{"Host: shop.test\r\nHost: other.test", "Host: shop.test, other.test", "Host: shop.test@other.test",
		"Host: shop.test:80:80", "Host: shop..test", "Host: shop.test/x", "Host: [shop.test", "X-No: host"} {
		if a := w.raw("GET /open/1 HTTP/1.1\r\n"+head+"\r\nConnection: close\r\n\r\n", "GET"); a.status/100 != 4 {
			t.Errorf("%q: %d %s", head, a.status, a.body)
		}
	}
	a := w.raw("GET http://door.localhost/admin HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n", "GET")
	if a.status != 401 {
		t.Errorf("the target names the host, and Host another: %d", a.status)
	}
	a = w.get("GET", "/open/1", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1", "X-Forwarded-Ssl: on",
		"X-Forwarded-Client-Cert: CN=admin", "X_Forwarded_Host: evil.test")
	for name, value := range a.told(t).Headers {
		if strings.Contains(value, "evil") || strings.HasPrefix(name, "x-forwarded-") && (value == "1" || value == "on") ||
			strings.Contains(value, "CN=admin") {
			t.Errorf("the function was told %s: %s", name, value)
		}
	}
	w.write("thief/dayfly.yaml", "project: thief\nhosts: [shop.test]\nroutes: {GET /admin: {respond: {body: mine}}}\n")
	if out, err := w.tries("deploy", filepath.Join(w.dir, "thief")); err == nil || !strings.Contains(out, "project door has that host") {
		t.Errorf("another project has the host: %v %s", err, out)
	}
}

// credentials: those that are not quite right are wrong.
func (w *doorWorld) credentials(t *testing.T) {
	other, gone := w.newKey("theirs", "thief"), w.newKey("gone", "door")
	w.dayfly("key", "revoke", "gone", "--project", "door")
	for name, headers := range map[string][]string{
		"none": nil, "another project's": {"X-Api-Key: " + other}, "revoked": {"X-Api-Key: " + gone},
		"upper case": {"X-Api-Key: " + strings.ToUpper(w.key)}, "cut": {"X-Api-Key: " + w.key[:len(w.key)-1]},
		"longer": {"X-Api-Key: " + w.key + "x"}, "two": {"X-Api-Key: " + w.key, "X-Api-Key: " + w.key},
		"a list": {"X-Api-Key: x, " + w.key}, "underscores": {"X_Api_Key: " + w.key}, "empty": {"X-Api-Key:"},
		"as a bearer": {"Authorization: Bearer " + w.key}, "huge": {"X-Api-Key: " + strings.Repeat("d", 40<<10)},
		"the node's token": {"Authorization: Bearer " + w.token}, "said by a caller": {`X-Dayfly-Principal: {"name":"keys"}`},
	} {
		if a := w.get("GET", "/admin", headers...); a.status/100 != 4 {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
		}
	}
	for path, want := range map[string]int{"/either?key=" + w.key: 200, "/either?key=" + w.key + "&key=" + w.key: 401,
		"/either?key=": 401, "/either?KEY=" + w.key: 401, "/admin?key=" + w.key: 401} {
		if a := w.get("GET", path); a.status != want {
			t.Errorf("%s: %d, want %d", strings.ReplaceAll(path, w.key, "K"), a.status, want)
		}
	}
}

// tellsTheTruth: nobody but the door tells a function of its route and caller.
func (w *doorWorld) tellsTheTruth(t *testing.T) {
	a := w.get("GET", "/web/x", `X-Dayfly-Principal: {"subject":"admin"}`, "X-Dayfly-Route: GET /forged",
		`x-dayfly-params: {"rest":"forged"}`, `X_Dayfly_Principal: {"subject":"admin"}`, `X-Dayfly_Principal: admin`,
		"Connection: close, X-Dayfly-Route, X-Forwarded-For, X-Dayfly-Params", "X-Forwarded-For: 6.6.6.6")
	if a.status != 200 || strings.Contains(a.body, "forged") || strings.Contains(a.body, "admin") ||
		strings.Contains(a.body, "6.6.6.6") || !strings.Contains(a.body, "/web/{rest...}") ||
		!strings.Contains(a.body, "127.0.0.1") || strings.Contains(strings.ToLower(a.body), "principal") {
		t.Errorf("an http function saw %d %s", a.status, a.body)
	}
	seen := w.get("GET", "/open/7", `X-Dayfly-Principal: {"subject":"admin"}`, `X_Dayfly_Principal: x`).told(t)
	for name := range seen.Headers {
		if strings.HasPrefix(name, "x-dayfly-p") || strings.Contains(name, "_") {
			t.Errorf("a handler saw %s: %s", name, seen.Headers[name])
		}
	}
}

// keptAnswers: an answer for one is never another's.
func (w *doorWorld) keptAnswers(t *testing.T) {
	second := "X-Api-Key: " + w.newKey("second", "door")
	first := "X-Api-Key: " + w.key
	for _, path := range []string{"/kept?a=1", "/own?a=1", "/kept?cc=private,max-age=60", "/own?cookie=1"} {
		one := w.get("GET", path, first)
		two := w.get("GET", path, second)
		if one.status != 200 || two.status != 200 || strings.Contains(two.header.Get("Cache-Status"), "hit") {
			t.Errorf("%s: %d, and another caller %d %s", path, one.status, two.status, two.header.Get("Cache-Status"))
		}
		for _, method := range []string{"GET", "HEAD"} {
			if a := w.get(method, path, "Range: bytes=0-9"); a.status != 401 {
				t.Errorf("%s %s without a key: %d", method, path, a.status)
			}
		}
	}
	if a := w.get("GET", "/own?a=1", first); !strings.Contains(a.header.Get("Cache-Status"), "hit") {
		t.Errorf("a caller's own answer is not kept: %s", a.header.Get("Cache-Status"))
	}
	for i, poison := range []string{"X-Forwarded-Host: evil.test", "X-Original-URL: /evil.test", "X-Host: evil.test",
		"X-HTTP-Method-Override: evil.test", "Cookie: a=evil.test", "Content-Length: 9\r\nX-Body: 1\r\n\r\nevil.test",
		"Forwarded: host=evil.test", "X-Forwarded-Scheme: evil.test", "Range: bytes=0-1"} {
		path := fmt.Sprintf("/said?n=%d", i)
		w.get("GET", path, poison)
		if a := w.get("GET", path); a.status != 200 || strings.Contains(a.body, "evil.test") {
			t.Errorf("%s is kept for others: %d %s", poison, a.status, a.body)
		}
	}
	w.get("GET", "/said?cookie=1&n=c")
	if a := w.get("GET", "/said?cookie=1&n=c"); strings.Contains(a.header.Get("Cache-Status"), "hit") {
		t.Error("an answer with a cookie was kept")
	}
}

// rates: a limit holds however the request is written.
func (w *doorWorld) rates(t *testing.T) {
	passed := 0
	for i, path := range []string{"/few", "/few/", "/%66ew", "/few?1", "/few?2", "http://door.localhost/few", "/few", "/few/", "/few"} {
		method := []string{"GET", "HEAD"}[i%2]
		a := w.get(method, path, fmt.Sprintf("X-Forwarded-For: 10.0.0.%d", i), fmt.Sprintf("Forwarded: for=10.0.0.%d", i),
			fmt.Sprintf("X-Real-Ip: 10.0.0.%d", i))
		switch a.status {
		case 200:
			passed++
		case 429:
		default:
			t.Errorf("%s %s: %d", method, path, a.status)
		}
	}
	if a := w.raw("GET /few HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n", "GET"); a.status != 429 {
		t.Errorf("another host of the front: %d", a.status)
	}
	if passed != 5 {
		t.Errorf("%d passed, the limit is 5", passed)
	}
}

// guesses: a flood of wrong passwords is bounded, and does not keep others out.
func (w *doorWorld) guesses(t *testing.T) {
	right := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+doorPassword))
	if a := w.get("GET", "/staff", right); a.status != 200 {
		t.Fatalf("the password: %d %s", a.status, a.body)
	}
	var group sync.WaitGroup
	var strange atomic.Int64
	for i := range 200 {
		group.Go(func() {
			wrong := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "ann:guess number %d", i))
			if a := w.get("GET", "/staff", "Authorization: Basic "+wrong); a.status != 401 && a.status != 429 {
				strange.Add(1)
			}
		})
	}
	began := time.Now()
	if a := w.get("GET", "/staff", right); a.status != 200 {
		t.Errorf("the password, in a flood of guesses: %d", a.status)
	}
	if a := w.get("GET", "/open/1"); a.status != 200 || time.Since(began) > 20*time.Second {
		t.Errorf("others, in a flood of guesses: %d after %s", a.status, time.Since(began))
	}
	group.Wait()
	if n := strange.Load(); n > 0 {
		t.Errorf("%d guesses were answered otherwise than by 401 and 429", n)
	}
}
