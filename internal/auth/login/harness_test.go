// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/auth/login"
	"github.com/dayfly-faas/dayfly/internal/auth/seal"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the provider tells of each request
	os.Exit(m.Run())
}

// clients is the provider's storage, with a client that may come back after logging out.
type clients struct {
	*storage.Storage
	back string
}

func (c clients) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := c.Storage.GetClientByClientID(ctx, id)
	return leaving{client, c.back}, err
}

type leaving struct {
	op.Client
	back string
}

func (c leaving) PostLogoutRedirectURIs() []string { return []string{c.back} }

// world is a real provider, a site behind a login, and a browser.
type world struct {
	provider *httptest.Server
	site     *httptest.Server
	login    *login.Login
	deps     login.Deps
	from     front.Login
	roots    *x509.CertPool
	browser  *http.Client
	passed   *atomic.Int64

	mu       sync.Mutex // guards instead, asked
	instead  map[string]http.HandlerFunc
	asked    map[string]int
	lastForm url.Values // of the token endpoint
}

func (w *world) now() time.Time          { return time.Now().Add(time.Duration(w.passed.Load())) }
func (w *world) pass(span time.Duration) { w.passed.Add(int64(span)) }

// newWorld starts them. Over TLS, unless plain; change may say more in the front.
func newWorld(t *testing.T, change func(*front.Login)) *world {
	t.Helper()
	w := &world{passed: &atomic.Int64{}, instead: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	w.site = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.site.StartTLS()
	t.Cleanup(w.site.Close)
	w.startProvider(t)
	w.roots = x509.NewCertPool()
	w.roots.AddCert(w.site.Certificate())
	w.roots.AddCert(w.provider.Certificate())

	log := slog.New(slog.DiscardHandler)
	book := issuer.NewBook(issuer.Config{Roots: w.roots, Now: w.now}, log)
	t.Cleanup(book.Close)
	secrets, err := seal.Open(filepath.Join(t.TempDir(), "sessions.json"), w.now, log)
	if err != nil {
		t.Fatalf("open secrets: %v", err)
	}
	w.deps = login.Deps{Project: "shop", Issuers: book, Secrets: secrets,
		Sessions: login.NewSessions(w.now, nil, log), Now: w.now, Log: log}
	w.from = front.Login{Issuer: w.provider.URL, ClientID: "web", ClientSecret: "secret"}
	if change != nil {
		change(&w.from)
	}
	w.login = w.newLogin(t, w.from)
	w.browser = w.newBrowser(t)
	return w
}

func (w *world) newLogin(t *testing.T, from front.Login) *login.Login {
	t.Helper()
	l, err := login.New("staff", &from, w.deps)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return l
}

// startProvider runs zitadel's provider with its users and this site as client.
func (w *world) startProvider(t *testing.T) {
	t.Helper()
	var handler http.Handler
	w.provider = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked[r.URL.Path]++
		instead := w.instead[r.URL.Path]
		if r.URL.Path == "/oauth/token" {
			_ = r.ParseForm()
			w.lastForm = r.PostForm
		}
		w.mu.Unlock()
		if instead != nil {
			instead(rw, r)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.provider.Close)
	client := storage.WebClient("web", "secret", w.site.URL+"/auth/callback")
	public := storage.NativeClient("app", w.site.URL+"/auth/callback")
	all := map[string]*storage.Client{"web": client, "app": public}
	store := storage.NewStorageWithClients(storage.NewUserStore(w.provider.URL), all)
	handler = exampleop.SetupServer(w.provider.URL, clients{store, w.site.URL + "/"}, nil, false)
}

// replace has the provider answer a path otherwise; nil as it does.
func (w *world) replace(path string, by http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instead[path] = by
}

func (w *world) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[path]
}

// serve is a site as a gateway would serve it: all but the login's paths need a session.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	for _, path := range w.login.Paths() {
		if r.URL.Path == path {
			w.login.ServeHTTP(rw, r)
			return
		}
	}
	p, err := w.login.Authenticate(r.Context(), &auth.Request{HTTP: r, Answer: rw.Header()})
	if err == nil && p == nil {
		err = w.login.Start(rw, r)
		if err == nil {
			return
		}
	}
	if err != nil {
		http.Error(rw, err.Error(), dayfly.KindOf(err).HTTPStatus())
		return
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"uri": r.URL.RequestURI(), "principal": p.Value()})
}

// newBrowser makes a browser without cookies.
func (w *world) newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: asPage{transport}, Timeout: time.Minute}
}

// asPage sends what a browser sends for a page.
type asPage struct{ next http.RoundTripper }

func (a asPage) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	}
	return a.next.RoundTrip(r)
}

// answer is one, read whole.
type answer struct {
	*http.Response
	text string
}

func do(t *testing.T, client *http.Client, r *http.Request) answer {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return answer{resp, string(text)}
}

func request(t *testing.T, method, address string, form url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (w *world) get(t *testing.T, path string) answer {
	t.Helper()
	return do(t, w.browser, request(t, "GET", w.site.URL+path, nil))
}

// step follows no redirects.
func (w *world) step(t *testing.T, r *http.Request) answer {
	t.Helper()
	client := *w.browser
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return do(t, &client, r)
}

// sign logs a user in at the page of the provider that a redirect led to, and comes back.
func (w *world) sign(t *testing.T, page answer) answer {
	t.Helper()
	return do(t, w.browser, w.signRequest(t, page))
}

func (w *world) signRequest(t *testing.T, page answer) *http.Request {
	t.Helper()
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.text)
	if id == nil {
		t.Fatalf("no page to log in at, but %s %s:\n%s", page.Status, page.Request.URL, page.text)
	}
	return request(t, "POST", w.provider.URL+"/login/username", url.Values{
		"id": {id[1]}, "username": {"test-user@127.0.0.1"}, "password": {"verysecure"}})
}

// enter logs in and gives the page at the end.
func (w *world) enter(t *testing.T, path string) answer {
	t.Helper()
	return w.sign(t, w.get(t, path))
}

// backAt logs in and gives the address at which the provider sends the browser back.
func (w *world) backAt(t *testing.T, path string) string {
	t.Helper()
	r := w.signRequest(t, w.get(t, path))
	for range 5 {
		next := w.step(t, r).Header.Get("Location")
		at, err := r.URL.Parse(next)
		if err != nil || next == "" {
			t.Fatalf("the provider sends the browser to %q: %v", next, err)
		}
		if strings.HasPrefix(at.String(), w.site.URL+"/auth/callback") {
			return at.String()
		}
		r = request(t, "GET", at.String(), nil)
	}
	t.Fatal("the provider never sends the browser back")
	return ""
}

// seen is what the site tells of a request.
type seen struct {
	URI       string         `json:"uri"`
	Principal map[string]any `json:"principal"`
}

// isIn checks that a page is the site's, for somebody who is logged in.
func isIn(t *testing.T, a answer) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(a.text), &s); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s, want the page:\n%s", a.Request.URL, a.Status, a.text)
	}
	return s
}

// cookies are those of the site, by name.
func (w *world) cookies(t *testing.T) map[string]string {
	t.Helper()
	at, err := url.Parse(w.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, c := range w.browser.Jar.Cookies(at) {
		values[c.Name] = c.Value
	}
	return values
}

const sessionCookie = "__Host-dayfly-staff"
