// SPDX-License-Identifier: Apache-2.0

package front

import (
	"encoding/pem"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Bounds of authenticators.
const (
	usersMax   = 1000
	leewayMax  = quantity.Span(5 * time.Minute)
	sessionMin = quantity.Span(time.Minute)
	sessionMax = quantity.Span(30 * 24 * time.Hour)
	cacheMax   = quantity.Span(time.Hour) // of what an authorizer said: AWS's bound
	clientsMax = 256 << 10                // bytes of certificates
)

// Kind names the field of a that is set.
func (a Auth) Kind() string {
	kinds := []string{}
	for kind, set := range map[string]bool{"keys": a.Keys != nil, "jwt": a.JWT != nil, "basic": a.Basic != nil,
		"mtls": a.MTLS != nil, "hmac": a.HMAC != nil, "function": a.Function != nil, "login": a.Login != nil} {
		if set {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " and ")
}

func (a Auth) check(place at) error {
	switch kind := a.Kind(); kind {
	case "keys":
		return a.Keys.check(place.key(kind))
	case "jwt":
		return a.JWT.check(place.key(kind))
	case "basic":
		return a.Basic.check(place.key(kind))
	case "mtls":
		return a.MTLS.check(place.key(kind))
	case "hmac":
		return a.HMAC.check(place.key(kind))
	case "function":
		return a.Function.check(place.key(kind))
	case "login":
		return a.Login.check(place.key(kind))
	case "":
		return place.problem("it needs one of keys, jwt, basic, mtls, hmac, function and login")
	default:
		return place.problem("it has %s, and may have one", kind)
	}
}

func (k *Keys) check(place at) error {
	if k.Header != "" && !isToken(k.Header) {
		return place.key("header").problem("%.80q is no name of a header", k.Header)
	}
	return checkList(place.key("scopes"), k.Scopes)
}

func (j *JWT) check(place at) error {
	if err := checkProvider(place.key("issuer"), j.Issuer); err != nil {
		return err
	}
	if j.JWKS != "" {
		if err := checkProvider(place.key("jwks"), j.JWKS); err != nil {
			return err
		}
	}
	if len(j.Audience) == 0 {
		return place.key("audience").problem("it is needed: without it a token for anybody else would do here")
	}
	for _, algorithm := range j.Algorithms {
		if !slices.Contains(Algorithms(), algorithm) {
			return place.key("algorithms").problem("%.20q is not one of %s", algorithm, strings.Join(Algorithms(), ", "))
		}
	}
	if j.Header != "" && !isToken(j.Header) || j.Cookie != "" && !isToken(j.Cookie) {
		return place.problem("header or cookie is no name")
	}
	if j.Leeway < 0 || j.Leeway > leewayMax {
		return place.key("leeway").problem("must be between 0s and %s", leewayMax)
	}
	return checkList(place.key("audience"), j.Audience)
}

// Algorithms lists those that tokens may be signed with: none that needs a shared secret.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// checkProvider wants a URL of https, or of http on this machine for trying things out.
func checkProvider(place at, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return place.problem("%.80q is not the URL of an issuer", text)
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" ||
		strings.HasSuffix(u.Hostname(), ".localhost")
	if u.Scheme == "http" && !local {
		return place.problem("%.80q must be https: keys that come over http could be anybody's", text)
	}
	return nil
}

func (b *Basic) check(place at) error {
	if len(b.Users) == 0 || len(b.Users) > usersMax {
		return place.key("users").problem("there are %d, must be 1 to %d", len(b.Users), usersMax)
	}
	if strings.ContainsAny(b.Realm, "\"\r\n\\") {
		return place.key("realm").problem("it holds quotes or line breaks")
	}
	for _, user := range slices.Sorted(maps.Keys(b.Users)) {
		hash := string(b.Users[user])
		known := strings.HasPrefix(hash, "$2") || strings.HasPrefix(hash, "$argon2id$") || hash == string(Redacted)
		if _, is := b.Users[user].Variable(); is {
			known = true
		}
		switch {
		case user == "" || strings.Contains(user, ":"):
			return place.key("users").problem("%.80q is no name of a user", user)
		case !known:
			return place.key("users", user).problem("it must be the hash of a password: dayfly key hash makes one")
		}
	}
	return nil
}

// fileNameMax bounds the name of a file, as kernels do.
const fileNameMax = 4096

// names reports whether CA is the name of a file, as it is in a manifest. Whoever takes in
// certificates finds that it is none.
func (m *MTLS) names() bool {
	return m.CA != "" && len(m.CA) <= fileNameMax && !strings.Contains(m.CA, "\n") && !strings.Contains(m.CA, "-----BEGIN")
}

func (m *MTLS) check(place at) error {
	block, _ := pem.Decode([]byte(m.CA))
	if !m.names() && (block == nil || block.Type != "CERTIFICATE" || len(m.CA) > clientsMax) {
		return place.key("ca").problem("it holds no certificates in PEM")
	}
	for _, glob := range m.Subjects {
		if _, err := path.Match(glob, ""); err != nil {
			return place.key("subjects").problem("%.80q is no pattern", glob)
		}
	}
	return checkList(place.key("subjects"), m.Subjects)
}

func (h *HMAC) check(place at) error {
	if h.Secret == "" {
		return place.key("secret").problem("it is empty")
	}
	if h.Header != "" && !isToken(h.Header) {
		return place.key("header").problem("%.80q is no name of a header", h.Header)
	}
	return nil
}

func (a *Authorizer) check(place at) error {
	if err := dayfly.ValidateName("function", string(a.Name)); err != nil {
		return place.key("name").wrap(err)
	}
	if a.Cache != nil && (*a.Cache < 0 || *a.Cache > cacheMax) {
		return place.key("cache").problem("must be between 0s and %s", cacheMax)
	}
	return checkList(place.key("identity"), a.Identity)
}

func (l *Login) check(place at) error {
	if err := checkProvider(place.key("issuer"), l.Issuer); err != nil {
		return err
	}
	local := func(p string) bool {
		return strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "//") && !strings.ContainsAny(p, "\\{}?#%\r\n") &&
			path.Clean(p) == p
	}
	switch {
	case l.ClientID == "":
		return place.key("client_id").problem("it is empty")
	case l.Session != 0 && (l.Session < sessionMin || l.Session > sessionMax):
		return place.key("session").problem("must be between %s and %s", sessionMin, sessionMax)
	case l.Path != "" && (!local(l.Path) || l.Path == "/"):
		return place.key("path").problem("%.80q must be a path like /auth", l.Path)
	case l.Logout != "" && !local(l.Logout):
		return place.key("logout").problem("%.80q must be a path of this host", l.Logout)
	}
	return checkList(place.key("scopes"), l.Scopes)
}
