// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/expression"
)

// digest names an answer, or a request for one.
type digest [sha256.Size]byte

// steering are request headers by which frameworks let a client change method, address or
// scheme, and that are in no key: with them one client could put an answer of its choice in
// front of all others. The target of a cached route sees none of them, unless an expression
// of the key names it.
var steering = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url",
	"X-Original-Host", "X-Rewrite-Url", "X-Forwarded-Scheme", "X-Forwarded-Port", "X-Forwarded-Server",
	"X-Forwarded-Ssl", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Host", "X-Http-Host-Override", "Front-End-Https",
	"X-Url-Scheme", "X-Proxy-Url", "Base-Url", "Http-Url", "Proxy-Host", "Proxy-Url", "Request-Uri",
	"X-Middleware-Prefetch", "X-Invoke-Status"}

// unkeyed are the headers of steering that none of the expressions names.
func unkeyed(keys []string) []string {
	all := strings.ToLower(strings.Join(keys, " "))
	var names []string
	for _, name := range steering {
		if !strings.Contains(all, strings.ToLower(name)) {
			names = append(names, name)
		}
	}
	return names
}

// keyer makes digests of parts that cannot run into one another.
type keyer []byte

func (k keyer) add(part string) keyer {
	return append(binary.AppendUvarint(k, uint64(len(part))), part...)
}

func (k keyer) sum() digest { return sha256.Sum256(k) }

// key tells one answer from another, except by Vary.
func (p *Policy) key(ctx context.Context, r *http.Request, in *expression.Input, caller Caller) (digest, error) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	k := make(keyer, 0, 512).add(string(p.project)).add(p.route).add(scheme).add(strings.ToLower(r.Host)).
		add(r.URL.EscapedPath()).add(p.queryOf(r))
	if p.own(caller) {
		k = k.add("caller").add(caller.ID)
	}
	for _, x := range p.keys {
		value, err := x.Value(ctx, in)
		if err != nil {
			return digest{}, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return digest{}, err
		}
		k = k.add(string(text))
	}
	return k.sum(), nil
}

// own tells whether answers to the caller are kept for it alone.
func (p *Policy) own(caller Caller) bool { return p.private && caller.Authenticated && caller.ID != "" }

// queryOf is what of the query counts, and all of it that the target sees.
func (p *Policy) queryOf(r *http.Request) string {
	if len(p.query) == 0 || r.URL.RawQuery == "" {
		return r.URL.RawQuery
	}
	all, counted := r.URL.Query(), url.Values{}
	for _, name := range p.query {
		if values, ok := all[name]; ok {
			counted[name] = values
		}
	}
	return counted.Encode()
}

// selected is what a request has of the headers that an answer varies by.
func selected(names []string, h http.Header) []string {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = strings.Join(h[name], ",")
		if name == "Accept-Encoding" {
			values[i] = strings.ToLower(strings.ReplaceAll(values[i], " ", ""))
		}
	}
	return values
}
