// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/dayfly-faas/dayfly/internal/expression"
)

// Kind says how a principal is known.
type Kind string

// The kinds: the keys of an authenticator in a front.
const (
	KindKeys     Kind = "keys"
	KindJWT      Kind = "jwt"
	KindBasic    Kind = "basic"
	KindMTLS     Kind = "mtls"
	KindHMAC     Kind = "hmac"
	KindFunction Kind = "function"
	KindLogin    Kind = "login"
)

// Principal is who is calling. It is not changed once it is made, and may be that of many
// requests.
type Principal struct {
	Kind Kind
	Name string // of the authenticator in its front
	// Subject is who it is, for that authenticator: the claim sub, a user's name, the identity
	// of a key, the subject of a certificate.
	Subject string
	Scopes  []string
	// Claims are what else is known: of a token, or the context that a function gave. They
	// hold what JSON does.
	Claims map[string]any
	Key    *Key // of KindKeys

	once  sync.Once
	value map[string]any
}

// Key is what is told of an API key.
type Key struct {
	ID     string
	Name   string
	Labels map[string]string
}

// Value gives p as expressions and functions see it: kind, name, subject, scopes, claims and,
// for an API key, key.id, key.name and key.labels. It is made once, and must not be changed.
func (p *Principal) Value() map[string]any {
	p.once.Do(func() {
		scopes := make([]any, len(p.Scopes))
		for i, scope := range p.Scopes {
			scopes[i] = scope
		}
		claims := p.Claims
		if claims == nil {
			claims = map[string]any{}
		}
		p.value = map[string]any{"kind": string(p.Kind), "name": p.Name, "subject": p.Subject,
			"scopes": scopes, "claims": claims}
		if p.Key == nil {
			return
		}
		labels := make(map[string]any, len(p.Key.Labels))
		for name, text := range p.Key.Labels {
			labels[name] = text
		}
		p.value["key"] = map[string]any{"id": p.Key.ID, "name": p.Key.Name, "labels": labels}
	})
	return p.value
}

// Request is what authenticators look at. They change nothing of it but
// Answer.
type Request struct {
	HTTP *http.Request
	// Input is what expressions look at. Its principal is not known yet; its body is there only
	// once somebody has read it.
	Input *expression.Input
	// Route is the pattern that matched: "GET /orders/{id}".
	Route string
	// Body reads the whole body within the route's bound; each call gives the same.
	Body func() ([]byte, error)
	// Answer takes what the answer shall carry beside its own: the cookie of a session that was
	// renewed. It may be nil.
	Answer http.Header
}

// Authenticator tells who sent a request.
type Authenticator interface {
	// Authenticate gives nil and no error when there are no credentials of its kind; an error
	// of kind unauthenticated for bad ones, denied for good ones that are not enough, and any
	// other when it cannot tell now. It is called from many goroutines.
	Authenticate(context.Context, *Request) (*Principal, error)
	// Challenge is a value of WWW-Authenticate for requests without credentials: a scheme of
	// the IANA registry with its parameters, or "" when there is none for its kind.
	Challenge() string
}

// address is that of the client, without a port.
func (r *Request) address() string {
	if r.Input != nil && r.Input.Address != "" {
		return r.Input.Address
	}
	if host, _, err := net.SplitHostPort(r.HTTP.RemoteAddr); err == nil {
		return host
	}
	return r.HTTP.RemoteAddr
}

// path is the path as the target sees it.
func (r *Request) path() string {
	if r.Input.Path != "" {
		return r.Input.Path
	}
	return r.HTTP.URL.EscapedPath()
}

// url is what the client has called.
func (r *Request) url() string {
	return r.Input.Scheme + "://" + r.HTTP.Host + r.HTTP.URL.RequestURI()
}
