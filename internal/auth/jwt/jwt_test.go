// SPDX-License-Identifier: Apache-2.0

package jwt_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// world is an issuer, and authenticators that trust it, at a time of its own.
type world struct {
	issuer *issuertest.Issuer
	deps   jwt.Deps
	passed *atomic.Int64 // nanoseconds since start
	start  time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{issuer: issuertest.Start(t), passed: &atomic.Int64{}, start: time.Now()}
	book := issuer.NewBook(issuer.Config{Roots: w.issuer.Roots, Now: w.now}, slog.New(slog.DiscardHandler))
	t.Cleanup(book.Close)
	w.deps = jwt.Deps{Issuers: book, Verdicts: jwt.NewVerdicts(1 << 20), Now: w.now}
	return w
}

func (w *world) now() time.Time          { return w.start.Add(time.Duration(w.passed.Load())) }
func (w *world) pass(span time.Duration) { w.passed.Add(int64(span)) }
func (w *world) claims() map[string]any  { return w.issuer.Claims("shop", w.now()) }
func (w *world) with(name string, value any) map[string]any {
	claims := w.claims()
	claims[name] = value
	if value == nil {
		delete(claims, name)
	}
	return claims
}

// authenticator makes one that trusts w's issuer, with what change makes of its front.
func (w *world) authenticator(t testing.TB, change func(*front.JWT)) *jwt.Authenticator {
	t.Helper()
	from := &front.JWT{Issuer: w.issuer.URL, Audience: front.List{"shop"}}
	if change != nil {
		change(from)
	}
	a, err := jwt.New("users", from, w.deps)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return a
}

func bearing(token string) *auth.Request {
	r := httptest.NewRequest("GET", "https://shop.example/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return &auth.Request{HTTP: r}
}

// refused checks that a token is refused for that reason.
func refused(t *testing.T, a *jwt.Authenticator, token, why string) {
	t.Helper()
	p, err := a.Authenticate(t.Context(), bearing(token))
	if p != nil || dayfly.KindOf(err) != dayfly.KindUnauthenticated || !strings.Contains(err.Error(), why) {
		t.Errorf("Authenticate(%.60s…) = %v, %v; want unauthenticated for %q", token, p, err, why)
	}
}

func accepted(t testing.TB, a *jwt.Authenticator, token string) *auth.Principal {
	t.Helper()
	p, err := a.Authenticate(t.Context(), bearing(token))
	if err != nil || p == nil {
		t.Fatalf("Authenticate(%.60s…) = %v, %v; want a principal", token, p, err)
	}
	return p
}

func TestTokensOfEachAlgorithmAreGood(t *testing.T) {
	t.Parallel()
	for _, algorithm := range front.Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := issuertest.NewKey(t, "k", algorithm)
			w.issuer.Publish(key)
			a := w.authenticator(t, func(j *front.JWT) { j.Algorithms = front.List{algorithm} })
			accepted(t, a, key.Sign(t, w.claims(), nil))
			other := issuertest.NewKey(t, "k", algorithm)
			refused(t, a, other.Sign(t, w.claims(), nil), "signature is wrong")
		})
	}
}

func TestPrincipalsHaveSubjectScopesAndClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	claims := w.claims()
	claims["scope"], claims["scp"], claims["permissions"] = "b a", []string{"c"}, []string{"read orders"}
	claims["n"], claims["f"], claims["groups"] = int64(1)<<60+1, 1.5, []string{"x"}
	p := accepted(t, w.authenticator(t, nil), key.Sign(t, claims, nil))
	if p.Kind != auth.KindJWT || p.Name != "users" || p.Subject != "ann" {
		t.Errorf("principal is %s %s %s, want jwt users ann", p.Kind, p.Name, p.Subject)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "read orders"}, p.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	got := []any{p.Claims["n"], p.Claims["f"], p.Claims["groups"]}
	if diff := cmp.Diff([]any{int64(1)<<60 + 1, 1.5, []any{"x"}}, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestMissingScopesDeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, func(j *front.JWT) { j.Scopes = front.List{"read", "write"} })
	accepted(t, a, key.Sign(t, w.with("scope", "write read"), nil))
	token := key.Sign(t, w.with("scope", "read"), nil)
	for range 2 { // found out, and remembered
		p, err := a.Authenticate(t.Context(), bearing(token))
		if p != nil || dayfly.KindOf(err) != dayfly.KindDenied || !strings.Contains(err.Error(), "write") {
			t.Errorf("Authenticate = %v, %v; want denied for the scope write", p, err)
		}
	}
	if got, want := a.Challenge(), `Bearer realm="users", scope="read write"`; got != want {
		t.Errorf("Challenge() = %s, want %s", got, want)
	}
}

func TestTokensAreFoundWhereTheFrontSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	token := key.Sign(t, w.claims(), nil)
	in := func(name, value string) http.Header { return http.Header{name: {value}} }
	cases := map[string]struct {
		from   front.JWT
		header http.Header
		want   string // known, nothing, refused
	}{
		"bearer":                         {front.JWT{}, in("Authorization", "Bearer "+token), "known"},
		"scheme in any case":             {front.JWT{}, in("Authorization", "bearer  "+token), "known"},
		"no header":                      {front.JWT{}, nil, "nothing"},
		"another scheme":                 {front.JWT{}, in("Authorization", "Basic YTpi"), "nothing"},
		"a token without a scheme":       {front.JWT{}, in("Authorization", token), "nothing"},
		"nothing after the scheme":       {front.JWT{}, in("Authorization", "Bearer "), "nothing"},
		"two headers":                    {front.JWT{}, http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}}, "refused"},
		"own header":                     {front.JWT{Header: "X-Token"}, in("X-Token", token), "known"},
		"own header with a scheme":       {front.JWT{Header: "X-Token"}, in("X-Token", "Bearer "+token), "known"},
		"own header, sent in the usual":  {front.JWT{Header: "X-Token"}, in("Authorization", "Bearer "+token), "nothing"},
		"cookie":                         {front.JWT{Cookie: "t"}, in("Cookie", "t="+token), "known"},
		"cookie, sent in the header":     {front.JWT{Cookie: "t"}, in("Authorization", "Bearer "+token), "nothing"},
		"two cookies":                    {front.JWT{Cookie: "t"}, in("Cookie", "t="+token+"; t=x"), "refused"},
		"header or cookie, by cookie":    {front.JWT{Cookie: "t", Header: "X-Token"}, in("Cookie", "t="+token), "known"},
		"header before cookie":           {front.JWT{Cookie: "t", Header: "X-Token"}, http.Header{"Cookie": {"t=" + token}, "X-Token": {"no"}}, "refused"},
		"larger than any token":          {front.JWT{}, in("Authorization", "Bearer "+token+strings.Repeat("A", 20<<10)), "refused"},
		"what is no token, but a bearer": {front.JWT{}, in("Authorization", "Bearer opaque"), "refused"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.authenticator(t, func(j *front.JWT) { j.Header, j.Cookie = c.from.Header, c.from.Cookie })
			r := httptest.NewRequest("GET", "https://shop.example/", nil)
			for name, values := range c.header {
				r.Header[name] = values
			}
			p, err := a.Authenticate(t.Context(), &auth.Request{HTTP: r})
			got := "nothing"
			switch {
			case p != nil:
				got = "known"
			case dayfly.KindOf(err) == dayfly.KindUnauthenticated:
				got = "refused"
			case err != nil:
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("Authenticate = %v, %v; want %s", p, err, c.want)
			}
		})
	}
}

func TestLeewayIsBetweenClocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "EdDSA")
	w.issuer.Publish(key)
	a := w.authenticator(t, func(j *front.JWT) { j.Leeway = quantity.Span(time.Minute) })
	expired := w.with("exp", w.now().Add(-30*time.Second).Unix())
	accepted(t, a, key.Sign(t, expired, nil))
	early := w.with("nbf", w.now().Add(30*time.Second).Unix())
	accepted(t, a, key.Sign(t, early, nil))
	refused(t, a, key.Sign(t, w.with("exp", w.now().Add(-61*time.Second).Unix()), nil), "expired")
	refused(t, a, key.Sign(t, w.with("nbf", w.now().Add(2*time.Minute).Unix()), nil), "not good yet")
}

func TestVerdictsEndWithTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	token := key.Sign(t, w.claims(), nil)
	first := accepted(t, a, token)
	if accepted(t, a, token) != first {
		t.Error("the second request verified the token again, want the same principal")
	}
	w.pass(time.Hour + time.Second)
	refused(t, a, token, "expired")
}

func TestVerdictsAreOfOneAuthenticator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	token := key.Sign(t, w.claims(), nil)
	accepted(t, w.authenticator(t, nil), token)
	other := w.authenticator(t, func(j *front.JWT) { j.Audience = front.List{"bank"} })
	refused(t, other, token, "another audience")
}
