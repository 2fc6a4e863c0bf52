// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// secure gives a route the authenticators of its operation. What a route cannot ask for is an
// error, never let in.
func (l *loader) secure(o *operation, r *front.Route) error {
	security := o.get("security")
	if !o.has("security") {
		security = l.document0.get("security")
	}
	if security.any == nil {
		return nil // nothing is said: what holds for every route of the front does
	}
	if _, ok := security.any.([]any); !ok {
		return l.errorf(security.at, "it is no list of requirements")
	}
	alternatives := security.items()
	if len(alternatives) == 0 {
		r.Auth = front.List{front.AuthNone}
		return nil
	}
	var scopes []string
	scoped := false
	for _, alternative := range alternatives {
		name, condition, err := l.requirement(alternative, len(alternatives))
		if err != nil {
			return err
		}
		if !slices.Contains(r.Auth, name) {
			r.Auth = append(r.Auth, name)
		}
		scoped = scoped || condition != ""
		condition = strings.TrimPrefix(condition, " && ")
		if len(alternatives) > 1 {
			condition = strings.TrimSuffix(fmt.Sprintf("principal.name == %s && %s", strconv.Quote(name), condition), " && ")
		}
		scopes = append(scopes, "("+condition+")")
	}
	if scoped {
		r.Allow = both(r.Allow, strings.Join(scopes, " || "))
	}
	return nil
}

// both gives an expression that is true when two are.
func both(one, other string) string {
	if one == "" {
		return other
	}
	return "(" + one + ") && (" + other + ")"
}

// requirement reads one of the alternatives: the authenticator, and the scopes as an
// expression.
func (l *loader) requirement(v value, alternatives int) (name, condition string, err error) {
	schemes := slices.Collect(v.keys())
	switch {
	case len(schemes) == 0 && alternatives == 1:
		return front.AuthNone, "", nil
	case len(schemes) == 0:
		return "", "", l.errorf(v.at, "that nobody need be known does not go with the other requirements: "+
			"say auth in %s", extension)
	case len(schemes) > 1:
		return "", "", l.errorf(v.at, "%s cannot be asked for together: say auth and allow in %s",
			strings.Join(schemes, " and "), extension)
	}
	if name, err = l.authenticator(v, schemes[0]); err != nil {
		return "", "", err
	}
	for _, scope := range v.get(schemes[0]).items() {
		text, ok := scope.any.(string)
		if !ok {
			return "", "", l.errorf(scope.at, "it is no scope")
		}
		condition += " && " + strconv.Quote(text) + " in principal.scopes"
	}
	return name, condition, nil
}

// authenticator gives the name of the authenticator for a security scheme, and describes it
// when the document says enough.
func (l *loader) authenticator(at value, scheme string) (string, error) {
	declared := l.document0.get("components").get("securitySchemes").get(scheme)
	if declared.any == nil {
		return "", l.errorf(at.at, "there is no security scheme %.80q in #/components/securitySchemes", scheme)
	}
	v, err := l.resolve(declared)
	if err != nil {
		return "", err
	}
	name := scheme
	if dayfly.ValidateName("authenticator", name) != nil {
		name = dayfly.SuggestName(hump.ReplaceAllString(scheme, "$1-$2"), "scheme")
	}
	if other := l.schemes[name]; other == scheme {
		return name, nil
	} else if other != "" {
		return "", l.errorf(declared.at, "the schemes %s and %s would both be the authenticator %s", other, scheme, name)
	}
	l.schemes[name] = scheme
	if v.has(extension) {
		return name, l.described(v.get(extension), name)
	}
	key, in := v.get("name").text(), v.get("in").text()
	switch {
	case v.get("type").text() == "apiKey" && in == "header":
		l.result.Auth[name] = front.Auth{Keys: &front.Keys{Header: key}}
	case v.get("type").text() == "apiKey" && in == "query":
		l.result.Auth[name] = front.Auth{Keys: &front.Keys{Query: key}}
	default:
		l.result.Authenticators = append(l.result.Authenticators, name)
	}
	return name, nil
}

// described reads an authenticator from an extension.
func (l *loader) described(v value, name string) error {
	text, err := json.Marshal(v.any)
	if err != nil {
		return l.errorf(v.at, "it cannot be written as JSON: %v", err)
	}
	var a front.Auth
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return l.errorf(v.at, "%s does not fit an authenticator: %v", extension, err)
	}
	l.result.Auth[name] = a
	return nil
}
