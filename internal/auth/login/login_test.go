// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func TestABrowserLogsInAndComesBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*front.Login){
		"with a secret": nil,
		"public client": func(l *front.Login) { l.ClientID, l.ClientSecret = "app", "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, change)
			page := isIn(t, w.enter(t, "/orders?page=2&q=a%20b"))
			if page.URI != "/orders?page=2&q=a%20b" {
				t.Errorf("the browser came back to %s, want where it was", page.URI)
			}
			claims, _ := page.Principal["claims"].(map[string]any)
			got := []any{page.Principal["kind"], page.Principal["name"], page.Principal["subject"],
				claims["iss"], claims["email"], claims["given_name"], claims["nonce"], claims["exp"]}
			want := []any{"login", "staff", "id1", w.provider.URL, "test-user@zitadel.ch", "Test", nil, nil}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("principal (-want +got):\n%s", diff)
			}
			if w.lastForm.Get("code_verifier") == "" {
				t.Error("the code was taken without PKCE")
			}
			asked := w.count("/oauth/token")
			isIn(t, w.get(t, "/other"))
			if w.count("/oauth/token") != asked {
				t.Error("a page of a session asked the provider")
			}
		})
	}
}

func TestCookiesAreOfTheHostAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.step(t, request(t, "GET", w.site.URL+"/", nil))
	back := w.step(t, request(t, "GET", w.backAt(t, "/"), nil))
	for _, answer := range []answer{first, back} {
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, Cache-Control %q; want a redirect that nobody stores",
				answer.Request.URL.Path, answer.Status, answer.Header.Get("Cache-Control"))
		}
		if len(answer.Cookies()) == 0 {
			t.Errorf("%s sets no cookies", answer.Request.URL.Path)
		}
		for _, c := range answer.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" ||
				c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge == 0 {
				t.Errorf("cookie %s", c)
			}
		}
	}
	forgotten := slices.ContainsFunc(back.Cookies(), func(c *http.Cookie) bool {
		return strings.HasPrefix(c.Name, sessionCookie+"-flow-") && c.MaxAge < 0
	})
	if !forgotten {
		t.Error("the cookie of a login that is over stays")
	}
}

func TestWithoutTLSCookiesHaveNoPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := httptest.NewRequest("GET", "http://shop.localhost:8080/x", nil)
	r.Header.Set("Accept", "text/html")
	rec := httptest.NewRecorder()
	if err := w.login.Start(rec, r); err != nil {
		t.Fatalf("Start: %v", err)
	}
	c := rec.Result().Cookies()[0]
	if !strings.HasPrefix(c.Name, "dayfly-staff-flow-") || c.Secure || !c.HttpOnly {
		t.Errorf("cookie %s; want a name without prefix, HttpOnly, and not Secure", c)
	}
	to, err := url.Parse(rec.Header().Get("Location"))
	if err != nil || to.Query().Get("redirect_uri") != "http://shop.localhost:8080/auth/callback" {
		t.Errorf("the browser is sent to %s, %v; want to come back by http", to, err)
	}
}

func TestProgramsGetAnErrorAndNoRedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		method string
		header map[string]string
		want   int
	}{
		"a page":           {"GET", map[string]string{"Accept": "text/html"}, http.StatusSeeOther},
		"a page's head":    {"HEAD", map[string]string{"Accept": "text/html"}, http.StatusSeeOther},
		"a navigation":     {"GET", map[string]string{"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, http.StatusSeeOther},
		"curl":             {"GET", map[string]string{"Accept": "*/*"}, http.StatusUnauthorized},
		"JSON":             {"GET", map[string]string{"Accept": "application/json"}, http.StatusUnauthorized},
		"a script's fetch": {"GET", map[string]string{"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, http.StatusUnauthorized},
		"a form":           {"POST", map[string]string{"Accept": "text/html"}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, c.method, w.site.URL+"/", nil)
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			if got := w.step(t, r); got.StatusCode != c.want {
				t.Errorf("%s answers %s, want %d", name, got.Status, c.want)
			}
		})
	}
}

func TestSeveralTabsLogInAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var pages []answer
	for i := range 4 {
		pages = append(pages, w.get(t, fmt.Sprintf("/tab/%d", i)))
	}
	for i, page := range pages {
		if got := isIn(t, w.sign(t, page)).URI; got != fmt.Sprintf("/tab/%d", i) {
			t.Errorf("tab %d came back to %s", i, got)
		}
	}
	for range 10 { // logins that nobody ends
		w.step(t, request(t, "GET", w.site.URL+"/auth/login", nil))
	}
	if got := len(w.cookies(t)); got > 5 {
		t.Errorf("the browser keeps %d cookies, want at most a session and four logins", got)
	}
}

func TestSessionsEndWhenTheFrontSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	isIn(t, w.enter(t, "/"))
	kept := w.cookies(t)[sessionCookie]
	w.pass(12*time.Hour - time.Minute)
	if p := w.present(t, kept); p == nil {
		t.Error("the session ended before twelve hours")
	}
	w.pass(2 * time.Minute)
	if p := w.present(t, kept); p != nil {
		t.Error("the session lives longer than twelve hours")
	}
}

// present shows a session's cookie to the login, as a program would that has stolen it.
func (w *world) present(t *testing.T, cookie string) *auth.Principal {
	t.Helper()
	r := httptest.NewRequest("GET", w.site.URL+"/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	p, err := w.login.Authenticate(t.Context(), &auth.Request{HTTP: r})
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	return p
}

func TestLoggingOutEndsTheSessionHereAndThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(l *front.Login) { l.Scopes = front.List{"openid", "email", "offline_access"} })
	isIn(t, w.enter(t, "/"))
	kept := w.cookies(t)[sessionCookie]

	form := w.get(t, "/auth/logout")
	if form.StatusCode != http.StatusOK || !strings.Contains(form.text, `method="post" action="/auth/logout"`) {
		t.Fatalf("GET of logout answers %s, want a page with a form:\n%s", form.Status, form.text)
	}
	isIn(t, w.get(t, "/")) // asking does not log out

	r := request(t, "POST", w.site.URL+"/auth/logout", url.Values{})
	r.Header.Set("Origin", w.site.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	end := do(t, w.browser, r) // over the provider, back to the site, and to a new login
	if !strings.Contains(end.text, `name="password"`) {
		t.Errorf("after logging out the browser is at %s %s, want the page to log in at", end.Status, end.Request.URL)
	}
	if w.count("/end_session") != 1 || w.count("/revoke") != 1 {
		t.Errorf("the provider was told %d times of the end and %d times of the token, want once each",
			w.count("/end_session"), w.count("/revoke"))
	}
	if got := w.cookies(t)[sessionCookie]; got != "" {
		t.Error("the browser keeps its session")
	}
	if w.present(t, kept) != nil {
		t.Error("a copy of the session is good after logging out")
	}
}

func TestLoggingOutNeedsNoProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(l *front.Login) { l.Logout = "/bye" })
	isIn(t, w.enter(t, "/"))
	w.provider.Close()
	w.pass(48 * time.Hour)
	got := w.step(t, request(t, "POST", w.site.URL+"/auth/logout", url.Values{}))
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/bye" {
		t.Errorf("logout answers %s to %q, want a redirect to /bye", got.Status, got.Header.Get("Location"))
	}
}

func offline(l *front.Login) { l.Scopes = front.List{"openid", "email", "offline_access"} }

func TestSessionsWithRefreshTokensAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, offline)
	isIn(t, w.enter(t, "/"))
	before := w.cookies(t)[sessionCookie]
	w.pass(6 * time.Minute) // the access token lasts five
	asked := w.count("/oauth/token")
	var wait sync.WaitGroup
	for range 20 { // as a page with its pictures does
		wait.Go(func() {
			if w.present(t, before) == nil {
				t.Error("the session ended")
			}
		})
	}
	wait.Wait()
	if got := w.count("/oauth/token") - asked; got != 1 {
		t.Errorf("twenty requests refreshed %d times, want once", got)
	}
	isIn(t, w.get(t, "/"))
	after := w.cookies(t)[sessionCookie]
	if after == before {
		t.Error("the browser was not given the renewed session")
	}
	w.pass(6 * time.Minute)
	isIn(t, w.get(t, "/"))
	if w.present(t, before) == nil {
		t.Error("a request that comes with the old cookie is refused")
	}
}

func TestAProviderEndsASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, offline)
	isIn(t, w.enter(t, "/"))
	kept := w.cookies(t)[sessionCookie]
	w.pass(6 * time.Minute)
	w.replace("/oauth/token", func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(rw, `{"error":"invalid_grant"}`)
	})
	if w.present(t, kept) != nil {
		t.Error("a session that the provider ended goes on")
	}
	w.replace("/oauth/token", nil)
	if w.present(t, kept) != nil {
		t.Error("a session that ended came back")
	}
}

func TestSessionsOutliveAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, offline)
	isIn(t, w.enter(t, "/"))
	kept := w.cookies(t)[sessionCookie]
	w.pass(6 * time.Minute)
	w.replace("/oauth/token", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
	asked := w.count("/oauth/token")
	for range 5 {
		if w.present(t, kept) == nil {
			t.Error("the session ended because the provider is down")
		}
	}
	if got := w.count("/oauth/token") - asked; got != 1 {
		t.Errorf("the provider was asked %d times within thirty seconds, want once", got)
	}
	w.replace("/oauth/token", nil)
	w.pass(time.Minute)
	if w.present(t, kept) == nil || w.count("/oauth/token")-asked != 2 {
		t.Error("the provider is not asked again when it is back")
	}
}

func TestLargeSessionsAreSplitOrRefused(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{100: "one", 5_000: "several", 20_000: "refused"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.replace("/userinfo", func(rw http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(rw, `{"sub":"id1","groups":[%q]}`, strings.Repeat("g", size))
			})
			page := w.enter(t, "/")
			if want == "refused" {
				if page.StatusCode != http.StatusBadRequest || !strings.Contains(page.text, "more than cookies hold") {
					t.Errorf("login answers %s, want that it is too large:\n%s", page.Status, page.text)
				}
				return
			}
			claims, _ := isIn(t, page).Principal["claims"].(map[string]any)
			if groups, _ := claims["groups"].([]any); len(groups) != 1 || len(fmt.Sprint(groups[0])) != size {
				t.Errorf("groups are %.40v, want one of %d bytes", claims["groups"], size)
			}
			cookies := w.cookies(t)
			for name, value := range cookies {
				if len(name)+len(value) > 4000 {
					t.Errorf("the cookie %s has %d bytes", name, len(value))
				}
			}
			if _, has := cookies[sessionCookie+"-1"]; has != (want == "several") {
				t.Errorf("the session is in %d cookies, want %s", len(cookies), want)
			}
			w.step(t, request(t, "POST", w.site.URL+"/auth/logout", url.Values{}))
			if left := w.cookies(t); len(left) != 0 {
				t.Errorf("after logging out %d cookies are left", len(left))
			}
		})
	}
}

func TestProvidersThatAreDownAreSaidToBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.provider.Close()
	if got := w.get(t, "/"); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the site answers %s, want 503", got.Status)
	}
	got := w.get(t, "/auth/login")
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.text, "<h1>") {
		t.Errorf("the page to log in answers %s, want 503 and a page:\n%s", got.Status, got.text)
	}
}
