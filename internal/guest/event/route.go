// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Headers by which the gateway tells functions of the route that led to them. It takes away
// any that a client sends.
const (
	HeaderRoute     = "x-dayfly-route"     // GET /orders/{id}, or ANY /files/{path...}
	HeaderParams    = "x-dayfly-params"    // what the route captured, as a JSON object of texts
	HeaderPrincipal = "x-dayfly-principal" // who is calling, as JSON
)

// route is what the gateway says of the route and the caller of a request.
type route struct {
	key       string // as AWS writes it: GET /files/{path+}
	params    map[string]string
	principal *principal
}

type principal struct {
	Kind    string                     `json:"kind"`
	Name    string                     `json:"name"`
	Subject string                     `json:"subject"`
	Scopes  []string                   `json:"scopes"`
	Claims  map[string]json.RawMessage `json:"claims"`
	Key     json.RawMessage            `json:"key"`
}

// routed takes what the gateway says out of the headers of a request.
func routed(pairs [][2]string) (route, [][2]string) {
	var r route
	rest := pairs[:0]
	for _, kv := range pairs {
		switch kv[0] {
		case HeaderRoute:
			r.key = strings.ReplaceAll(kv[1], "...}", "+}")
		case HeaderParams:
			if json.Unmarshal([]byte(kv[1]), &r.params) != nil {
				r.params = nil
			}
		case HeaderPrincipal:
			var p principal
			if json.Unmarshal([]byte(kv[1]), &p) == nil && p.Kind != "" {
				r.principal = &p
			}
		default:
			rest = append(rest, kv)
		}
	}
	return r, rest
}

// path is the path of the route's key.
func (r *route) path() string {
	_, path, _ := strings.Cut(r.key, " ")
	return path
}

// byToken tells whether the caller is known by a token, and by no authorizer.
func (p *principal) byToken() bool { return p.Kind == "jwt" || p.Kind == "login" }

type authorizerV2 struct {
	JWT    *authorizerJWT             `json:"jwt,omitempty"`
	Lambda map[string]json.RawMessage `json:"lambda,omitempty"`
}

type authorizerJWT struct {
	Claims map[string]string `json:"claims"`
	Scopes []string          `json:"scopes"`
}

// v2 is requestContext.authorizer of payload 2.0.
func (p *principal) v2() *authorizerV2 {
	switch {
	case p == nil:
		return nil
	case p.byToken():
		return &authorizerV2{JWT: p.token()}
	case p.Kind == "function":
		return &authorizerV2{Lambda: p.Claims}
	}
	return &authorizerV2{Lambda: p.plain()}
}

// v1 is requestContext.authorizer of payload 1.0.
func (p *principal) v1() any {
	switch {
	case p == nil:
		return nil
	case p.byToken():
		return p.token()
	case p.Kind == "function":
		context := map[string]string{"principalId": p.Subject}
		for name, value := range p.Claims {
			context[name] = claim(value)
		}
		return context
	}
	return p.plain()
}

func (p *principal) token() *authorizerJWT {
	token := &authorizerJWT{Claims: make(map[string]string, len(p.Claims))}
	for name, value := range p.Claims {
		token.Claims[name] = claim(value)
	}
	if len(p.Scopes) > 0 {
		token.Scopes = p.Scopes
	}
	return token
}

// plain tells of a caller that AWS has no form for.
func (p *principal) plain() map[string]json.RawMessage {
	told := map[string]json.RawMessage{"principalId": marshal(p.Subject), "kind": marshal(p.Kind),
		"name": marshal(p.Name)}
	if len(p.Scopes) > 0 {
		told["scopes"] = marshal(p.Scopes)
	}
	if len(p.Key) > 0 && string(p.Key) != "null" {
		told["key"] = p.Key
	}
	return told
}

// claim writes a claim as AWS does, where all of them are texts: a list is in brackets, with
// spaces between.
func claim(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		return text
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return ""
		}
		return b.String()
	}
	parts := make([]string, len(list))
	for i, value := range list {
		parts[i] = claim(value)
	}
	return "[" + strings.Join(parts, " ") + "]"
}
