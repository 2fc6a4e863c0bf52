// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
)

// guardedManifest is a project with a route for each way to tell who is calling.
const guardedManifest = `
project: shop
auth:
  staff:
    login:
      issuer: PROVIDER
      client_id: web
      client_secret: "${CLIENT_SECRET}"
      scopes: [openid, profile, email, offline_access]
  users: {jwt: {issuer: ISSUER, audience: shop, scopes: [read]}}
  partners: {keys: {scopes: [read]}}
  people: {basic: {users: {ann: "${ANN_HASH}"}}}
  hooks: {hmac: {secret: "${HOOK_SECRET}"}}
  python: {function: {name: check-python}}
  node: {function: {name: check-node}}
  hanging: {function: {name: check-hanging, cache: 0s}}
routes:
  /staff/{rest...}: {function: who, auth: staff}
  /users: {function: who, auth: users}
  /partners: {function: who, auth: partners}
  /people: {function: who, auth: people}
  /hooks: {function: who, auth: hooks}
  /python: {function: who, auth: python}
  /node: {function: who, auth: node}
  /hanging: {function: who, auth: hanging}
  /ann: {function: who, auth: [users, people], allow: "principal.subject == 'ann'"}
  /open: {function: who}
functions:
  who: {source: ./who}
  check-python: {source: ./check_python, dialect: lambda}
  check-node: {source: ./check_node, dialect: lambda}
  check-hanging: {source: ./check_hanging, dialect: lambda}
`

// guardedCode are the functions: one that says what it is told of its caller, and three that
// are asked who is calling.
func guardedCode() map[string]string {
	return map[string]string{
		"who/app.py": `
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Set-Cookie", "theme=dark; Path=/")])
    return [environ.get("HTTP_X_DAYFLY_PRINCIPAL", "null").encode()]
`,
		"check_python/lambda_function.py": `
def lambda_handler(event, context):
    token = event["headers"].get("authorization", "")
    return {"isAuthorized": token == "let me in", "context": {"by": "python", "route": event["routeKey"]}}
`,
		"check_node/index.js": `
exports.handler = async (event) => {
  if (event.authorizationToken === 'boom') throw new Error('psql://admin:hunter22@db');
  return {
    principalId: 'node user',
    policyDocument: {Version: '2012-10-17', Statement: [{Action: 'execute-api:Invoke', Resource: event.methodArn,
      Effect: event.authorizationToken === 'let me in' ? 'Allow' : 'Deny'}]},
    context: {by: 'node'},
  };
};
`,
		"check_hanging/lambda_function.py": `
import time

def lambda_handler(event, context):
    time.sleep(60)
    return {"isAuthorized": True}
`,
	}
}

// guardedWorld is a node with that project, a provider and an issuer of tokens.
type guardedWorld struct {
	*crashWorld
	site   string // URL of the project
	issuer *issuertest.Issuer
	key    *issuertest.Key
}

func newGuardedWorld(t *testing.T) *guardedWorld {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts a whole node")
	}
	skipUnlessAble(t)
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node on this machine: an authorizer in JavaScript cannot run")
	}
	w := &guardedWorld{crashWorld: &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute}}}
	w.more = []string{"--dev"} // its clock can be put forward
	w.start()
	at, err := url.Parse(w.gateway)
	w.check(err)
	w.site = "http://shop.localhost:" + at.Port()
	w.http.Transport = toThisMachine(t)
	w.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.issuer, w.key = issuertest.StartPlain(t), issuertest.NewKey(t, "one", "ES256")
	w.issuer.Publish(w.key)
	for name, text := range guardedCode() {
		file := filepath.Join(w.dir, "shop", name)
		w.check(os.MkdirAll(filepath.Dir(file), 0o755))
		w.check(os.WriteFile(file, []byte(text), 0o644))
	}
	text := strings.NewReplacer("PROVIDER", w.startProvider(), "ISSUER", w.issuer.URL).Replace(guardedManifest)
	w.check(os.WriteFile(filepath.Join(w.dir, "shop", "dayfly.yaml"), []byte(text), 0o644))
	hash := strings.TrimSpace(w.run("correct horse\n", nil, "key", "hash"))
	w.run("", []string{"CLIENT_SECRET=secret", "ANN_HASH=" + hash, "HOOK_SECRET=correct-horse-battery"},
		"deploy", filepath.Join(w.dir, "shop"))
	return w
}

// startProvider runs zitadel's provider with its users and this project as a client.
func (w *guardedWorld) startProvider() string {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // it tells of each request
	var handler http.Handler
	provider := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(provider.Close)
	store := storage.NewStorageWithClients(storage.NewUserStore(provider.URL),
		map[string]*storage.Client{"web": storage.WebClient("web", "secret", w.site+"/auth/callback")})
	handler = exampleop.SetupServer(provider.URL, store, nil, false)
	return provider.URL
}

// run runs the command line with an input and more variables.
func (w *guardedWorld) run(input string, env []string, args ...string) string {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), filepath.Join(binary, "dayfly"), args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "DAYFLY_URL=" + w.api,
		"DAYFLY_DATA=" + filepath.Join(w.dir, "data")}, env...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("dayfly %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// toThisMachine finds all names at this machine, as browsers do with localhost.
func toThisMachine(t *testing.T) http.RoundTripper {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// browser makes one without cookies, which follows redirects.
func (w *guardedWorld) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	w.check(err)
	return &http.Client{Jar: jar, Transport: w.http.Transport, Timeout: time.Minute}
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	text string
}

// principal is what the function was told of its caller.
func (r reply) principal(t *testing.T) map[string]any {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal([]byte(r.text), &p); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s:\n%s", r.Request.URL, r.Status, r.text)
	}
	return p
}

// send makes a request with headers "Name: value".
func (w *guardedWorld) send(c *http.Client, method, address, body string, headers ...string) reply {
	w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = w.site + address
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body))
	w.check(err)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if r.Header.Add(name, value); name == "Host" {
			r.Host = value
		}
	}
	resp, err := c.Do(r)
	w.check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.check(err)
	return reply{resp, string(text)}
}

const (
	asBrowser = "Accept: text/html,application/xhtml+xml"
	asForm    = "Content-Type: application/x-www-form-urlencoded"
)

// TestABrowserLogsInAndOut goes through a login at a real provider with a browser's cookies:
// in, seen by the function, renewed, out.
func TestABrowserLogsInAndOut(t *testing.T) {
	w := newGuardedWorld(t)
	b := w.browser()
	if got := w.send(w.http, "GET", "/staff/x", ""); got.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a program without a session gets %s:\n%s", got.Status, got.text)
	}
	in := w.logIn(b, "/staff/page?a=b")
	if got := in.Request.URL.String(); got != w.site+"/staff/page?a=b" {
		t.Errorf("the browser came back to %s", got)
	}
	p := in.principal(t)
	claims, _ := p["claims"].(map[string]any)
	if p["kind"] != "login" || p["name"] != "staff" || p["subject"] == "" || claims["email"] != "test-user@zitadel.ch" {
		t.Errorf("the function was told %v", p)
	}
	if again := w.send(b, "GET", "/staff/x", ""); again.principal(t)["subject"] != p["subject"] {
		t.Error("the session is somebody else's")
	}
	// What a browser claims of itself is not told.
	forged := w.send(b, "GET", "/open", "", `X-Dayfly-Principal: {"subject":"root"}`)
	if forged.text != "null" {
		t.Errorf("an open route told %s", forged.text)
	}
	w.renewed(b, p)

	stolen := b.Jar.Cookies(in.Request.URL)
	if got := w.send(w.http, "POST", "/auth/logout", "", "Sec-Fetch-Site: cross-site", cookies(stolen)); got.StatusCode != 403 {
		t.Errorf("another site could log out: %s", got.Status)
	}
	if got := w.send(b, "POST", "/auth/logout", "", asForm, "Origin: "+w.site); got.StatusCode >= 400 {
		t.Fatalf("logging out: %s\n%s", got.Status, got.text)
	}
	for _, who := range []reply{w.send(b, "GET", "/staff/x", ""), w.send(w.http, "GET", "/staff/x", "", cookies(stolen))} {
		if who.StatusCode != http.StatusUnauthorized {
			t.Errorf("after logging out a session counts: %s\n%s", who.Status, who.text)
		}
	}
	w.staysOut(stolen)
}

// staysOut restarts the node, as a crash does: who logged out is out, and others are in.
func (w *guardedWorld) staysOut(stolen []*http.Cookie) {
	w.t.Helper()
	other := w.browser()
	kept := other.Jar.Cookies(w.logIn(other, "/staff/page").Request.URL)
	host := "Host: " + strings.TrimPrefix(w.site, "http://") // that of the cookies; the port is another now
	w.kill()
	w.start()
	at, err := url.Parse(w.gateway)
	w.check(err)
	w.site = "http://shop.localhost:" + at.Port()
	if got := w.send(w.http, "GET", "/staff/x", "", host, cookies(kept)); got.StatusCode != http.StatusOK {
		w.t.Errorf("after a restart a session counts no more: %s\n%s", got.Status, got.text)
	}
	if got := w.send(w.http, "GET", "/staff/x", "", host, cookies(stolen)); got.StatusCode != http.StatusUnauthorized {
		w.t.Errorf("after a restart a session that logged out counts: %s\n%s", got.Status, got.text)
	}
}

func cookies(list []*http.Cookie) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(parts, "; ")
}

// logIn opens a page and logs in where it leads to.
func (w *guardedWorld) logIn(b *http.Client, path string) reply {
	w.t.Helper()
	page := w.send(b, "GET", path, "", asBrowser)
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.text)
	if id == nil {
		w.t.Fatalf("no page to log in at, but %s %s:\n%s", page.Status, page.Request.URL, page.text)
	}
	at := &url.URL{Scheme: page.Request.URL.Scheme, Host: page.Request.URL.Host, Path: "/login/username"}
	form := url.Values{"id": {id[1]}, "password": {"verysecure"}, "username": {"test-user@" + at.Hostname()}}
	return w.send(b, "POST", at.String(), form.Encode(), asForm, asBrowser)
}

// renewed puts the clock forward until the session is checked with the provider: the new
// cookie reaches the browser beside the function's own, and counts.
func (w *guardedWorld) renewed(b *http.Client, p map[string]any) {
	w.t.Helper()
	at, err := url.Parse(w.site)
	w.check(err)
	before := cookies(b.Jar.Cookies(at))
	w.run("", nil, "clock", "advance", "10m")
	got := w.send(b, "GET", "/staff/x", "")
	if got.principal(w.t)["subject"] != p["subject"] {
		w.t.Errorf("the renewed session is somebody else's: %s", got.text)
	}
	set := strings.Join(got.Header.Values("Set-Cookie"), "\n")
	if !strings.Contains(set, "dayfly-staff=") || !strings.Contains(set, "theme=dark") {
		w.t.Errorf("the cookies of the answer are:\n%s", set)
	}
	if after := cookies(b.Jar.Cookies(at)); after == before {
		log, _ := os.ReadFile(filepath.Join(w.dir, "up.log"))
		w.t.Errorf("the browser's session was not renewed; the node says:\n%s", log)
	}
	if got := w.send(b, "GET", "/staff/x", ""); got.principal(w.t)["subject"] != p["subject"] ||
		strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), ""), "dayfly-staff=") {
		w.t.Errorf("the renewed session is renewed again: %v", got.Header)
	}
}

// TestEveryWayToTellWhoIsCalling calls each kind of guarded route with good credentials, bad
// ones and none.
func TestEveryWayToTellWhoIsCalling(t *testing.T) {
	w := newGuardedWorld(t)
	var made struct {
		Text string `json:"text"`
	}
	create := func(name, scope string) string {
		w.check(json.Unmarshal([]byte(w.run("", nil, "key", "create", name, "--project", "shop", "--scope", scope, "--json")), &made))
		return "X-Api-Key: " + made.Text
	}
	token := func(audience, scope string) string {
		claims := w.issuer.Claims(audience, time.Now())
		claims["scope"] = scope
		return "Authorization: Bearer " + w.key.Sign(t, claims, nil)
	}
	basic := func(user, text string) string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, text)
		return "Authorization: " + r.Header.Get("Authorization")
	}
	signed := hmac.New(sha256.New, []byte("correct-horse-battery"))
	signed.Write([]byte("hello"))
	signature := "X-Signature: " + hex.EncodeToString(signed.Sum(nil))
	good, few, let := create("partner", "read"), create("reader", "other"), "Authorization: let me in"

	for _, test := range []struct {
		name, path, body, header string
		status                   int
		subject                  string
	}{
		{"a token", "/users", "", token("shop", "read"), 200, "ann"},
		{"a token for another", "/users", "", token("blog", "read"), 401, ""},
		{"a token with few scopes", "/users", "", token("shop", "write"), 403, ""},
		{"no token", "/users", "", "X-No: no", 401, ""},
		{"a key", "/partners", "", good, 200, ""},
		{"a key with few scopes", "/partners", "", few, 403, ""},
		{"another key", "/partners", "", good + "x", 401, ""},
		{"a password", "/people", "", basic("ann", "correct horse"), 200, "ann"},
		{"a wrong password", "/people", "", basic("ann", "battery"), 401, ""},
		{"an unknown user", "/people", "", basic("bob", "correct horse"), 401, ""},
		{"a signature", "/hooks", "hello", signature, 200, "hooks"},
		{"a signature of another body", "/hooks", "hullo", signature, 401, ""},
		{"whom Python lets in", "/python", "", let, 200, ""},
		{"whom Python does not", "/python", "", "Authorization: please", 403, ""},
		{"whom Node lets in", "/node", "", let, 200, "node user"},
		{"whom Node does not", "/node", "", "Authorization: please", 403, ""},
		{"about whom Node throws", "/node", "", "Authorization: boom", 503, ""},
		{"whom nobody is asked about", "/node", "", "X-No: no", 401, ""},
		{"about whom it takes too long", "/hanging", "", let, 504, ""},
		{"one of two ways", "/ann", "", basic("ann", "correct horse"), 200, "ann"},
		{"the other of two ways", "/ann", "", token("shop", "read"), 200, "ann"},
		{"a key where none is asked for", "/ann", "", good, 401, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := *w
			got := w.send(w.http, "POST", test.path, test.body, test.header, `X-Dayfly-Principal: {"subject":"root"}`)
			if got.StatusCode != test.status || strings.Contains(got.text, "hunter22") || strings.Contains(got.text, "root") {
				t.Fatalf("%s answered %s, want %d:\n%s", test.path, got.Status, test.status, got.text)
			}
			if test.status != 200 {
				return
			}
			p := got.principal(t)
			if subject, _ := p["subject"].(string); !strings.HasPrefix(subject, test.subject) {
				t.Errorf("the function was told %v, want %s", p, test.subject)
			}
		})
	}
	w.run("", nil, "key", "revoke", "partner", "--project", "shop")
	if got := w.send(w.http, "POST", "/partners", "", good); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a key that was revoked is answered %s", got.Status)
	}
	if text := w.run("", nil, "routes", "list", "--json"); strings.Contains(text, "correct-horse-battery") || strings.Contains(text, "$argon2id") {
		t.Errorf("the management API tells secrets:\n%s", text)
	}
}
