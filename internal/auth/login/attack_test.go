// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// turnedAway checks that a callback was refused and made no session.
func (w *world) turnedAway(t *testing.T, what, address string, statuses ...int) {
	t.Helper()
	got := w.step(t, request(t, "GET", address, nil))
	if got.StatusCode < 400 || len(statuses) > 0 && got.StatusCode != statuses[0] {
		t.Errorf("%s: the callback answers %s to %q, want it refused", what, got.Status, got.Header.Get("Location"))
	}
	if session := w.cookies(t)[sessionCookie]; session != "" {
		t.Errorf("%s: the browser got a session", what)
	}
}

// changed gives an address with one parameter changed; without it when value is "".
func changed(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Del(name)
	if value != "" {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func TestCallbacksOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)

	victim := w.browser
	w.browser = w.newBrowser(t)
	theirs := w.backAt(t, "/") // the attacker's own login, not used
	w.browser = victim
	w.turnedAway(t, "a login that began in another browser", theirs, http.StatusBadRequest)

	own := w.backAt(t, "/")
	w.turnedAway(t, "no state", changed(t, own, "state", ""))
	w.turnedAway(t, "a short state", changed(t, own, "state", "x"))
	state, _ := url.Parse(own)
	w.turnedAway(t, "two states", own+"&state="+state.Query().Get("state"))
	begun := state.Query().Get("state")
	w.turnedAway(t, "a state that begins right", changed(t, own, "state", begun[:8]+strings.Repeat("A", 35)))
	w.turnedAway(t, "an answer after that", own) // its flow is forgotten: one answer, one try
}

func TestCodesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	victim := w.browser
	w.browser = w.newBrowser(t)
	theirs, err := url.Parse(w.backAt(t, "/"))
	if err != nil {
		t.Fatal(err)
	}
	w.browser = victim
	// PKCE: the attacker's code does not go with the verifier of the victim's flow.
	w.turnedAway(t, "the code of another login", changed(t, w.backAt(t, "/"), "code", theirs.Query().Get("code")))
	w.turnedAway(t, "no code", changed(t, w.backAt(t, "/"), "code", ""), http.StatusBadRequest)
	own := w.backAt(t, "/")
	w.turnedAway(t, "two codes", own+"&code=x", http.StatusBadRequest)
}

func TestCallbacksAreTakenOnceAndInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	late := w.backAt(t, "/")
	w.pass(11 * time.Minute)
	w.turnedAway(t, "an answer after eleven minutes", late, http.StatusBadRequest)

	own := w.backAt(t, "/")
	if got := w.step(t, request(t, "GET", own, nil)); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the callback answers %s", got.Status)
	}
	if got := w.step(t, request(t, "GET", own, nil)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("the same callback again answers %s, want 400", got.Status)
	}
}

func TestAnswersOfOtherProvidersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.turnedAway(t, "another provider", changed(t, w.backAt(t, "/"), "iss", "https://evil.example"), http.StatusBadRequest)
	own := changed(t, w.backAt(t, "/"), "iss", w.provider.URL)
	if got := w.step(t, request(t, "GET", own, nil)); got.StatusCode != http.StatusSeeOther {
		t.Errorf("an answer that names its provider: %s, want a session", got.Status)
	}
}

func TestErrorsOfTheProviderAreShownAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	own := changed(t, w.backAt(t, "/"), "code", "")
	own += "&error=access_denied&error_description=" + url.QueryEscape("<script>alert(1)</script>"+strings.Repeat("x", 5000))
	got := w.step(t, request(t, "GET", own, nil))
	if got.StatusCode != http.StatusForbidden || strings.Contains(got.text, "<script>") || len(got.text) > 3000 ||
		!strings.Contains(got.text, "&lt;script&gt;") {
		t.Errorf("the page is %s with %d bytes:\n%.600s", got.Status, len(got.text), got.text)
	}
	if policy := got.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("its policy is %q, want that nothing runs", policy)
	}
}

func TestTokensThatDoNotFitTheLoginAreRefused(t *testing.T) {
	t.Parallel()
	key, other := issuertest.NewKey(t, "k", "RS256"), issuertest.NewKey(t, "k", "RS256")
	for name, c := range map[string]struct {
		change func(claims map[string]any)
		by     *issuertest.Key
		user   string // that user info tells of
		fine   bool
	}{
		"one that fits":                  {func(map[string]any) {}, key, "id1", true},
		"without nonce":                  {func(c map[string]any) { delete(c, "nonce") }, key, "id1", false},
		"with another nonce":             {func(c map[string]any) { c["nonce"] = "x" }, key, "id1", false},
		"for another client":             {func(c map[string]any) { c["aud"] = "bank" }, key, "id1", false},
		"for two, and no party":          {func(c map[string]any) { c["aud"] = []string{"web", "bank"} }, key, "id1", false},
		"of another party":               {func(c map[string]any) { c["azp"] = "bank" }, key, "id1", false},
		"for two, and this is party":     {func(c map[string]any) { c["aud"], c["azp"] = []string{"web", "bank"}, "web" }, key, "id1", true},
		"of another issuer":              {func(c map[string]any) { c["iss"] = "https://evil.example" }, key, "id1", false},
		"expired":                        {func(c map[string]any) { c["exp"] = 1 }, key, "id1", false},
		"of nobody":                      {func(c map[string]any) { c["sub"] = "" }, key, "id1", false},
		"signed by somebody":             {func(map[string]any) {}, other, "id1", false},
		"user info tells of a neighbour": {func(map[string]any) {}, key, "id2", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.replace("/keys", func(rw http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(rw).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public}})
			})
			begun := w.step(t, request(t, "GET", w.site.URL+"/", nil))
			to, err := url.Parse(begun.Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			claims := map[string]any{"iss": w.provider.URL, "aud": "web", "sub": "id1",
				"exp": time.Now().Add(time.Hour).Unix(), "nonce": to.Query().Get("nonce")}
			c.change(claims)
			token := c.by.Sign(t, claims, nil)
			w.replace("/oauth/token", func(rw http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(rw).Encode(map[string]any{
					"access_token": "a", "token_type": "Bearer", "expires_in": "300", "id_token": token})
			})
			w.replace("/userinfo", func(rw http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(rw).Encode(map[string]any{"sub": c.user, "iss": "https://evil.example"})
			})
			back := w.site.URL + "/auth/callback?code=x&state=" + to.Query().Get("state")
			if !c.fine {
				w.turnedAway(t, name, back)
				return
			}
			w.step(t, request(t, "GET", back, nil))
			p := isIn(t, w.get(t, "/")).Principal
			if got := p["claims"].(map[string]any)["iss"]; got != w.provider.URL {
				t.Errorf("user info changed iss to %v", got)
			}
		})
	}
}

func TestSessionsAreNotFixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	isIn(t, w.enter(t, "/"))
	planted := w.cookies(t)[sessionCookie]

	// The attacker's session is in the victim's browser when the victim logs in.
	w.browser = w.newBrowser(t)
	own := w.backAt(t, "/")
	at, _ := url.Parse(w.site.URL)
	w.browser.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/", Secure: true}})
	w.step(t, request(t, "GET", own, nil))
	got := w.cookies(t)[sessionCookie]
	if got == planted || got == "" {
		t.Error("the login went on in the session that was there")
	}
	// The two have nothing in common: the end of one is not that of the other.
	r := request(t, "POST", w.site.URL+"/auth/logout", url.Values{})
	w.step(t, r)
	if w.present(t, planted) == nil || w.present(t, got) != nil {
		t.Error("logging out ended another session than the one that the login made")
	}
}

func TestCookiesForSomethingElseAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	isIn(t, w.enter(t, "/"))
	kept := w.cookies(t)[sessionCookie]
	if w.present(t, kept) == nil {
		t.Fatal("the session is not good in the first place")
	}
	for i := range len(kept) {
		if i%7 == 0 && w.present(t, kept[:i]+string(kept[i]^1)+kept[i+1:]) != nil && i != len(kept)-1 {
			t.Errorf("a session with byte %d changed is good", i)
		}
	}
	for _, text := range []string{"", "1", "1.", "0." + kept[2:], "9." + kept[2:], "2." + kept[2:], "-1." + kept[2:], kept[2:]} {
		if w.present(t, text) != nil {
			t.Errorf("the cookie %.10q… is good", text)
		}
	}
	flow := ""
	w.step(t, request(t, "GET", w.site.URL+"/auth/login", nil))
	for name, value := range w.cookies(t) {
		if strings.Contains(name, "-flow-") {
			flow = value
		}
	}
	if flow == "" || w.present(t, "1."+flow) != nil {
		t.Error("the cookie of a login is taken for a session")
	}

	for name, change := range map[string]func(){
		"another project":  func() { w.deps.Project = "bank" },
		"another client":   func() { w.from.ClientID = "app" },
		"another provider": func() { w.from.Issuer = "https://other.example" },
	} {
		from, deps := w.from, w.deps
		change()
		own := w.login
		w.login = w.newLogin(t, w.from)
		if w.present(t, kept) != nil {
			t.Errorf("%s takes the session", name)
		}
		w.login, w.from, w.deps = own, from, deps
	}
	if w.presentAt(t, "https://other.example/", kept) != nil {
		t.Error("another host takes the session")
	}
	if w.presentAt(t, strings.Replace(w.site.URL, "https", "http", 1)+"/", kept) != nil {
		t.Error("the session is taken without TLS")
	}
}

func (w *world) presentAt(t *testing.T, at, cookie string) *auth.Principal {
	t.Helper()
	r := httptest.NewRequest("GET", at, nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	p, err := w.login.Authenticate(t.Context(), &auth.Request{HTTP: r})
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	return p
}

func TestOtherSitesCannotLogOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	isIn(t, w.enter(t, "/"))
	for name, header := range map[string]map[string]string{
		"another site":   {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"a sibling":      {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.shop.example"},
		"an old browser": {"Origin": "https://evil.example"},
		"a sandbox":      {"Origin": "null"},
	} {
		r := request(t, "POST", w.site.URL+"/auth/logout", url.Values{})
		for name, value := range header {
			r.Header.Set(name, value)
		}
		if got := w.step(t, r); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: logout answers %s, want 403", name, got.Status)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		w.step(t, request(t, method, w.site.URL+"/auth/logout", nil))
	}
	isIn(t, w.get(t, "/"))
}

func TestBrowsersGoBackToThisHostOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for back, want := range map[string]string{
		"/orders?x=1":                   "/orders?x=1",
		"/a/../b":                       "/a/../b",
		"/%2F/evil.example":             "/",
		"//evil.example":                "/",
		"///evil.example":               "/",
		`/\evil.example`:                "/",
		`\\evil.example`:                "/",
		"/\t/evil.example":              "/",
		"/\n/evil.example":              "/",
		"https://evil.example/":         "/",
		"https:evil.example":            "/",
		"javascript:alert(1)":           "/",
		"evil.example":                  "/",
		"@evil.example":                 "/",
		"":                              "/",
		"/auth/login":                   "/",
		"/x/../auth/logout":             "/",
		"/auth":                         "/",
		"/authors":                      "/authors",
		"/\u2028x":                      "/",
		"/" + strings.Repeat("x", 2000): "/",
	} {
		w.browser = w.newBrowser(t)
		own := w.backAt(t, "/auth/login?return="+url.QueryEscape(back))
		got := w.step(t, request(t, "GET", own, nil)).Header.Get("Location")
		if got != want {
			t.Errorf("return=%.40q leads to %q, want %q", back, got, want)
		}
	}
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(l *front.Login) { l.Path = "/auth" })
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/auth/login", 405}, {"POST", "/auth/callback", 405}, {"PUT", "/auth/logout", 405},
		{"GET", "/auth/other", 404}, {"GET", "/auth/callback", 400}, {"GET", "/auth/callback?%zz", 400},
		{"GET", "/auth/callback?state=%00%00%00%00%00%00%00%00&code=x", 400},
	} {
		rec := httptest.NewRecorder()
		w.login.ServeHTTP(rec, httptest.NewRequest(c.method, w.site.URL+c.path, nil))
		if rec.Code != c.want {
			t.Errorf("%s %s answers %d, want %d", c.method, c.path, rec.Code, c.want)
		}
	}
}

// FuzzReturn holds that wherever a browser is sent back to is a path of the host, as browsers
// read addresses.
func FuzzReturn(f *testing.F) {
	for _, text := range []string{"/", "//x", `/\x`, "/%2e%2e//x", "http:/x", "/a?b#c", "/;//x", "/.//x"} {
		f.Add(text)
	}
	w := &world{}
	f.Fuzz(func(t *testing.T, text string) {
		if w.login == nil {
			w = newWorld(t, nil)
		}
		got := w.login.LocalReturn(text)
		// Browsers drop tabs and line breaks, and read \ as /.
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		base, _ := url.Parse("https://shop.example/x/")
		at, err := base.Parse(read)
		if err != nil || at.Host != "shop.example" || at.Scheme != "https" || !strings.HasPrefix(read, "/") ||
			strings.HasPrefix(read, "//") {
			t.Errorf("%q leads to %q", text, got)
		}
	})
}

// FuzzSession holds that no cookie but one that was sealed is a session, and that none panics.
func FuzzSession(f *testing.F) {
	f.Add("1.AQAAAAE")
	f.Add("3.")
	w := &world{}
	f.Fuzz(func(t *testing.T, text string) {
		if w.login == nil {
			w = newWorld(t, nil)
		}
		r := httptest.NewRequest("GET", "https://shop.example/", nil)
		r.Header.Set("Cookie", sessionCookie+"="+text)
		if p, err := w.login.Authenticate(t.Context(), &auth.Request{HTTP: r}); p != nil || err != nil {
			t.Errorf("Authenticate = %v, %v; want nothing", p, err)
		}
	})
}
