// SPDX-License-Identifier: Apache-2.0

package login

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/auth/seal"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// sessionDefault is how long a session lives when the front does not say.
	sessionDefault = 12 * time.Hour
	// clocksApart is how far the provider's clock may be from the node's.
	clocksApart = time.Minute
)

// Deps are what logins of a node work with.
type Deps struct {
	Project dayfly.ProjectName
	Issuers *issuer.Book
	Secrets *seal.Secrets
	// Sessions are those of the node, which remembers what cookies cannot tell.
	Sessions *Sessions
	// Secure reports whether the browser speaks TLS; whether the connection does when nil.
	Secure func(*http.Request) bool
	Now    func() time.Time // time.Now when nil
	Log    *slog.Logger
}

// Login is an authenticator for browsers, and serves the pages by which they log in and out.
type Login struct {
	name     string
	from     front.Login
	session  time.Duration
	issuer   *issuer.Issuer
	verifier jwt.Verifier
	box      *seal.Box
	deps     Deps
}

var _ auth.Authenticator = (*Login)(nil)

// New makes the login of that name. It asks nobody yet.
func New(name string, from *front.Login, deps Deps) (*Login, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Secure == nil {
		deps.Secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	l := &Login{name: name, from: *from, deps: deps, issuer: deps.Issuers.Issuer(from.Issuer, "")}
	l.from.Path = cmp.Or(from.Path, "/auth")
	l.from.Logout = cmp.Or(from.Logout, "/")
	l.session = cmp.Or(time.Duration(from.Session), sessionDefault)
	l.from.Scopes = slices.Clone(from.Scopes)
	if len(l.from.Scopes) == 0 {
		l.from.Scopes = front.List{"openid", "profile", "email"}
	}
	if !slices.Contains(l.from.Scopes, "openid") {
		l.from.Scopes = append(front.List{"openid"}, l.from.Scopes...)
	}
	l.verifier = jwt.Verifier{
		Issuer: l.issuer, Algorithms: front.Algorithms(), Audience: []string{from.ClientID},
		Leeway: clocksApart, Now: deps.Now,
	}
	// Whoever may log in is part of the purpose: a session of another provider or client is
	// none after the front changed.
	l.box = deps.Secrets.Box(strings.Join([]string{
		"login", string(deps.Project), name, from.Issuer, from.ClientID}, "\n"))
	return l, nil
}

// Paths are those that ServeHTTP serves.
func (l *Login) Paths() []string {
	return []string{l.from.Path + "/login", l.from.Path + "/callback", l.from.Path + "/logout"}
}

// Challenge implements auth.Authenticator. There is no scheme for cookies.
func (l *Login) Challenge() string { return "" }

// Authenticate implements auth.Authenticator. A cookie that is no session, or of one that
// ended, is nothing: the browser may log in.
func (l *Login) Authenticate(ctx context.Context, r *auth.Request) (*auth.Principal, error) {
	s := l.sessionOf(r.HTTP)
	if s == nil {
		return nil, nil
	}
	if s.Refresh != "" && !l.deps.Now().Before(s.Check) {
		renewed := l.renewed(ctx, s)
		if renewed == nil {
			return nil, nil
		}
		if r.Answer != nil && renewed.Refresh != s.Refresh {
			if err := l.writeSession(r.Answer, r.HTTP, renewed); err != nil {
				l.deps.Log.Warn("session not written", "authenticator", l.name, "error", err)
			}
		}
		s = renewed
	}
	return &auth.Principal{
		Kind: auth.KindLogin, Name: l.name, Subject: s.Subject, Scopes: s.Scopes, Claims: s.claims,
	}, nil
}

// Start sends a browser without a session to the provider, from where it comes back to where
// it was. Requests that are not for a page get an error of kind unauthenticated: a program
// could not do anything with a page to log in.
func (l *Login) Start(w http.ResponseWriter, r *http.Request) error {
	if !wantsPage(r) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return dayfly.Errorf(dayfly.KindUnauthenticated, "nobody is logged in").
			WithHint("open %s/login in a browser", l.from.Path)
	}
	return l.begin(w, r, r.URL.RequestURI())
}

// wantsPage reports whether a browser asks for a page, rather than a script or for a picture.
func wantsPage(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	for one := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, _, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(kind), "text/html") {
			return true
		}
	}
	return false
}

// ServeHTTP serves the paths of Paths.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer") // a callback's address holds a code
	page, _ := strings.CutPrefix(r.URL.Path, l.from.Path+"/")
	post := r.Method == http.MethodPost
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	var err error
	switch {
	case page == "login" && get:
		err = l.begin(w, r, r.URL.Query().Get("return"))
	case page == "callback" && get:
		err = l.callback(w, r)
	case page == "logout" && get:
		writePage(w, http.StatusOK, pageLogout, map[string]string{"Path": l.from.Path, "Back": l.from.Logout})
	case page == "logout" && post:
		err = l.logout(w, r)
	case !slices.Contains(l.Paths(), r.URL.Path):
		err = dayfly.Errorf(dayfly.KindNotFound, "there is nothing here")
	default:
		header.Set("Allow", "GET, HEAD")
		if page == "logout" {
			header.Set("Allow", "GET, HEAD, POST")
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
	if err != nil {
		l.fail(w, r, err)
	}
}

// origin is the scheme and the host that the browser asked.
func (l *Login) origin(r *http.Request) string {
	if l.deps.Secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
