// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Deps are what authenticators by token work with; all of a node share them.
type Deps struct {
	Issuers *issuer.Book
	// Verdicts remember tokens; each request verifies its token when nil.
	Verdicts *Verdicts
	Now      func() time.Time // time.Now when nil
}

// Authenticator lets in who bears a token. It is an auth.Authenticator.
type Authenticator struct {
	name     string
	from     front.JWT
	verifier Verifier
	verdicts *Verdicts
	number   [8]byte // of this authenticator, in Verdicts
}

var _ auth.Authenticator = (*Authenticator)(nil)

// New makes the authenticator of that name. It asks nobody yet.
func New(name string, j *front.JWT, deps Deps) (*Authenticator, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	a := &Authenticator{name: name, from: *j, verdicts: deps.Verdicts}
	algorithms := slices.Clone(j.Algorithms)
	if len(algorithms) == 0 {
		algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	for _, one := range algorithms {
		if !slices.Contains(front.Algorithms(), one) {
			return nil, &front.Problem{Path: []string{"jwt", "algorithms"}, Message: one + " is not accepted"}
		}
	}
	if len(j.Audience) == 0 {
		return nil, &front.Problem{Path: []string{"jwt", "audience"}, Message: "it is needed"}
	}
	a.verifier = Verifier{
		Issuer: deps.Issuers.Issuer(j.Issuer, j.JWKS), Algorithms: algorithms,
		Audience: j.Audience, Leeway: time.Duration(j.Leeway), Now: deps.Now,
	}
	if deps.Verdicts != nil {
		binary.BigEndian.PutUint64(a.number[:], deps.Verdicts.authenticators.Add(1))
	}
	return a, nil
}

// Challenge implements auth.Authenticator (RFC 6750, section 3).
func (a *Authenticator) Challenge() string {
	challenge := `Bearer realm="` + a.name + `"`
	if len(a.from.Scopes) > 0 {
		challenge += `, scope="` + strings.Join(a.from.Scopes, " ") + `"`
	}
	return challenge
}

// Authenticate implements auth.Authenticator.
func (a *Authenticator) Authenticate(ctx context.Context, r *auth.Request) (*auth.Principal, error) {
	text, err := a.find(r.HTTP)
	if err != nil || text == "" {
		return nil, err
	}
	if len(text) > tokenBytesMax {
		return nil, refuse("the token has %d bytes, at most %d are read", len(text), tokenBytesMax)
	}
	known, err := a.judge(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := known.bound.check(r.HTTP); err != nil {
		return nil, err
	}
	if known.denied != nil {
		return nil, known.denied
	}
	return known.principal, nil
}

// judge verifies a token, or remembers that it did.
func (a *Authenticator) judge(ctx context.Context, text string) (*verdict, error) {
	if a.verdicts == nil {
		return a.verify(ctx, text)
	}
	keys, err := a.verifier.Issuer.Keys(ctx)
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	digest.Write(a.number[:])
	digest.Write([]byte(text))
	var key [sha256.Size]byte
	digest.Sum(key[:0])
	if known := a.verdicts.get(key, keys, a.verifier.Now()); known != nil {
		return known, nil
	}
	known, err := a.verify(ctx, text)
	if err == nil {
		a.verdicts.put(key, len(text), known)
	}
	return known, err
}

func (a *Authenticator) verify(ctx context.Context, text string) (*verdict, error) {
	good, err := a.verifier.Verify(ctx, text)
	if err != nil {
		return nil, err
	}
	known := &verdict{till: good.Expires, keys: good.Keys}
	if known.bound, err = boundOf(good.Claims); err != nil {
		return nil, err
	}
	scopes := Scopes(good.Claims)
	subject, _ := good.Claims["sub"].(string)
	known.principal = &auth.Principal{
		Kind: auth.KindJWT, Name: a.name, Subject: subject, Scopes: scopes, Claims: good.Claims,
	}
	for _, needed := range a.from.Scopes {
		if !slices.Contains(scopes, needed) {
			known.denied = dayfly.Errorf(dayfly.KindDenied, "the token lacks the scope %s", needed)
			break
		}
	}
	return known, nil
}

// find gives the token of a request, or "".
func (a *Authenticator) find(r *http.Request) (string, error) {
	if a.from.Header != "" || a.from.Cookie == "" {
		text, err := a.findInHeader(r)
		if err != nil || text != "" {
			return text, err
		}
	}
	if a.from.Cookie == "" {
		return "", nil
	}
	cookies := r.CookiesNamed(a.from.Cookie)
	switch len(cookies) {
	case 0:
		return "", nil
	case 1:
		return cookies[0].Value, nil
	}
	return "", refuse("the cookie %s is there %d times", a.from.Cookie, len(cookies))
}

func (a *Authenticator) findInHeader(r *http.Request) (string, error) {
	name := a.from.Header
	if name == "" {
		name = "Authorization"
	}
	values := r.Header.Values(name)
	if len(values) == 0 {
		return "", nil
	}
	scheme, text, spaced := strings.Cut(values[0], " ")
	bearer := spaced && strings.EqualFold(scheme, "Bearer")
	switch {
	case len(values) > 1:
		return "", refuse("the header %s is there %d times", name, len(values))
	case bearer:
		return strings.TrimSpace(text), nil
	case strings.EqualFold(name, "Authorization"):
		return "", nil // another scheme: somebody else's
	}
	return strings.TrimSpace(values[0]), nil
}

// bound is the certificate that a token is good with (RFC 8705), as a digest; zero for those
// that are good by themselves.
type bound struct {
	set    bool
	digest [sha256.Size]byte
}

// boundOf reads the claim cnf.
func boundOf(claims map[string]any) (bound, error) {
	cnf, has := claims["cnf"]
	if !has {
		return bound{}, nil
	}
	methods, _ := cnf.(map[string]any)
	text, _ := methods["x5t#S256"].(string)
	digest, err := base64.RawURLEncoding.DecodeString(text)
	if len(methods) != 1 || err != nil || len(digest) != sha256.Size {
		return bound{}, refuse("the token is bound to a key in a way that cannot be checked here")
	}
	return bound{set: true, digest: [sha256.Size]byte(digest)}, nil
}

func (b bound) check(r *http.Request) error {
	if !b.set {
		return nil
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return refuse("the token is good with the client's certificate only")
	}
	digest := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	if subtle.ConstantTimeCompare(digest[:], b.digest[:]) != 1 {
		return refuse("the token is bound to another certificate")
	}
	return nil
}
