// SPDX-License-Identifier: Apache-2.0

package front

import (
	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// AuthNone, among the authenticators of a route, lets everybody in.
const AuthNone = "none"

// Auth is one way to tell who is calling; exactly one field is set.
//
// A Secret is text; in a manifest, ${NAME} stands for a variable of the environment that
// deploys. The management API takes secrets and never gives them back.
type Auth struct {
	Keys     *Keys       `json:"keys,omitempty"`
	JWT      *JWT        `json:"jwt,omitempty"`
	Basic    *Basic      `json:"basic,omitempty"`
	MTLS     *MTLS       `json:"mtls,omitempty"`
	HMAC     *HMAC       `json:"hmac,omitempty"`
	Function *Authorizer `json:"function,omitempty"`
	Login    *Login      `json:"login,omitempty"`
}

// Secret is a text that is not told.
type Secret string

// Redacted is what is told in place of a secret. Sent back to the node, it stands for the
// secret that the node has.
const Redacted Secret = "(secret)"

// Keys takes API keys of the project (dayfly key create).
type Keys struct {
	Header string `json:"header,omitempty"` // "X-Api-Key" when neither is said
	Query  string `json:"query,omitempty"`
	Scopes List   `json:"scopes,omitempty"` // all of which the key must have
}

// JWT takes signed tokens of an issuer.
type JWT struct {
	// Issuer is the URL of an OpenID provider; its keys are found from there, unless JWKS
	// is their URL.
	Issuer   string `json:"issuer"`
	JWKS     string `json:"jwks,omitempty"`
	Audience List   `json:"audience,omitempty"` // one of which the token must be for; needed
	Scopes   List   `json:"scopes,omitempty"`   // all of which the token must have
	// Algorithms that are accepted; RS256, ES256 and EdDSA when empty. Never none, never a
	// symmetric one.
	Algorithms List          `json:"algorithms,omitempty"`
	Header     string        `json:"header,omitempty"` // "Authorization", with Bearer, when neither is said
	Cookie     string        `json:"cookie,omitempty"`
	Leeway     quantity.Span `json:"leeway,omitempty"` // between clocks, at most 5 m
}

// Basic takes user names and passwords.
type Basic struct {
	Realm string `json:"realm,omitempty"`
	// Users are password hashes by user name, of bcrypt or argon2id (dayfly key hash).
	Users map[string]Secret `json:"users"`
}

// MTLS takes certificates of clients.
type MTLS struct {
	CA string `json:"ca"` // certificates in PEM; in a manifest, a file
	// Subjects are globs, one of which the certificate's common name or a DNS name of it
	// must match; all are let in when empty.
	Subjects List `json:"subjects,omitempty"`
}

// HMAC takes requests that are signed with a shared secret.
type HMAC struct {
	Secret Secret `json:"secret"`
	// Scheme is a provider's ("github", "stripe", …, as of webhook triggers) or "hmac", the
	// default: hex or base64 of HMAC-SHA256 of the body in Header.
	Scheme string `json:"scheme,omitempty"`
	Header string `json:"header,omitempty"`
}

// Authorizer asks a function, which answers as one of API Gateway does: isAuthorized and
// context, or an IAM policy.
type Authorizer struct {
	Name dayfly.FunctionName `json:"name"`
	// Identity are expressions: requests for which they give the same are answered from
	// the cache, and those for which one gives nothing are refused unasked.
	Identity List           `json:"identity,omitempty"` // "header.authorization" when empty
	Cache    *quantity.Span `json:"cache,omitempty"`    // 5m when nil; 0s asks each time
}

// Login sends browsers to an OpenID provider and keeps who they are in an encrypted cookie.
type Login struct {
	Issuer       string        `json:"issuer"`
	ClientID     string        `json:"client_id"`
	ClientSecret Secret        `json:"client_secret,omitempty"`
	Scopes       List          `json:"scopes,omitempty"`  // "openid profile email" when empty
	Session      quantity.Span `json:"session,omitempty"` // 12h when 0
	// Path is below which login, callback and logout are; "/auth" when empty.
	Path string `json:"path,omitempty"`
	// Logout is where a browser goes after it; "/" when empty.
	Logout string `json:"logout,omitempty"`
}
