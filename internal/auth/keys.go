// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// keyHeader is where a key is when a front does not say.
const keyHeader = "X-Api-Key"

// keys takes API keys.
type keys struct {
	name    string
	project dayfly.ProjectName
	header  string // "" when there is a parameter only
	query   string
	scopes  []string
	known   Keys
}

func newKeys(k *front.Keys, name string, d Deps) *keys {
	header := http.CanonicalHeaderKey(k.Header)
	if k.Header == "" && k.Query == "" {
		header = keyHeader
	}
	return &keys{name: name, project: d.Project, header: header, query: k.Query, scopes: k.Scopes, known: d.Keys}
}

// Authenticate implements Authenticator.
func (k *keys) Authenticate(_ context.Context, r *Request) (*Principal, error) {
	text, err := k.text(r.HTTP)
	if text == "" || err != nil {
		return nil, err
	}
	key, err := k.known.Verify(k.project, text)
	if err != nil {
		return nil, err
	}
	if err := wantScopes(key.Scopes, k.scopes); err != nil {
		return nil, err
	}
	return &Principal{Kind: KindKeys, Name: k.name, Subject: string(key.ID), Scopes: key.Scopes,
		Key: &Key{ID: string(key.ID), Name: key.Name, Labels: key.Labels}}, nil
}

// text finds the key in a request. Two places that differ are refused: what stands before us
// may have looked at the other one.
func (k *keys) text(r *http.Request) (string, error) {
	fromHeader, err := k.fromHeader(r)
	if err != nil {
		return "", err
	}
	fromQuery, err := k.fromQuery(r)
	if err != nil {
		return "", err
	}
	if fromHeader != "" && fromQuery != "" && fromHeader != fromQuery {
		return "", refuse("there are two API keys")
	}
	return cmp.Or(fromHeader, fromQuery), nil
}

func (k *keys) fromHeader(r *http.Request) (string, error) {
	if k.header == "" {
		return "", nil
	}
	text, err := only(r.Header, k.header)
	if err != nil || k.header != "Authorization" {
		return text, err
	}
	// Other schemes, and tokens that are no keys, are for other authenticators.
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	if !strings.HasPrefix(text, apikey.Prefix) {
		return "", nil
	}
	return text, nil
}

func (k *keys) fromQuery(r *http.Request) (string, error) {
	if k.query == "" || r.URL.RawQuery == "" {
		return "", nil
	}
	found, there := "", false
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != k.query {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil || there || len(value) > credentialBytesMax {
			return "", refuse("the parameter %s is there twice, or cannot be read", k.query)
		}
		found, there = value, true
	}
	return found, nil
}

// Challenge implements Authenticator. There is no registered scheme for keys in headers of
// their own.
func (k *keys) Challenge() string {
	if k.header == "Authorization" {
		return "Bearer"
	}
	return ""
}
