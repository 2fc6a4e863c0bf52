// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
)

// yearMax bounds times in tokens, in seconds: the year 9999, beyond which time.Time has no
// text form.
const yearMax = 253402300799

// Verifier verifies tokens of one issuer.
type Verifier struct {
	Issuer     *issuer.Issuer
	Algorithms []string // that are accepted
	Audience   []string // one of which the token must be for
	Leeway     time.Duration
	Now        func() time.Time
}

// Verified is a token that is good.
type Verified struct {
	Claims  map[string]any
	Expires time.Time    // leeway included
	Keys    *issuer.Keys // with one of which it is signed
}

// Verify verifies a token. The error is of kind unauthenticated when the token is bad, and
// otherwise says that it cannot be told now.
func (v *Verifier) Verify(ctx context.Context, text string) (*Verified, error) {
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(v.Algorithms, t.algorithm) {
		return nil, refuse("the token is signed with %.20q, which is not accepted", t.algorithm)
	}
	keys, err := v.verifySignature(ctx, t)
	if err != nil {
		return nil, err
	}
	claims, err := Decode(t.payload)
	if err != nil {
		return nil, refuse("the token's claims are refused: %w", err)
	}
	expires, err := v.check(claims)
	if err != nil {
		return nil, err
	}
	return &Verified{Claims: claims, Expires: expires, Keys: keys}, nil
}

// verifySignature finds the key that signed t, asking the issuer once more if t names one that
// is not known.
func (v *Verifier) verifySignature(ctx context.Context, t *token) (*issuer.Keys, error) {
	keys, err := v.Issuer.Keys(ctx)
	if err != nil {
		return nil, err
	}
	found := keys.Find(t.kid, t.algorithm)
	if len(found) == 0 {
		if keys, err = v.Issuer.Renew(ctx); err != nil {
			return nil, err
		}
		found = keys.Find(t.kid, t.algorithm)
	}
	for _, key := range found {
		if key.Verify(t.algorithm, t.signed, t.signature) == nil {
			return keys, nil
		}
	}
	if len(found) == 0 {
		return nil, refuse("the token is signed with a key that its issuer does not have")
	}
	return nil, refuse("the token's signature is wrong")
}

// check looks at the registered claims (RFC 7519, section 4.1) and tells how long they are
// good.
func (v *Verifier) check(claims map[string]any) (time.Time, error) {
	var none time.Time
	if from, _ := claims["iss"].(string); from != v.Issuer.URL {
		return none, refuse("the token is of another issuer, %.200q", from)
	}
	if !slices.ContainsFunc(Texts(claims["aud"]), func(one string) bool { return slices.Contains(v.Audience, one) }) {
		return none, refuse("the token is for another audience")
	}
	now := v.Now()
	expires, has, ok := instant(claims, "exp")
	if !has || !ok {
		return none, refuse("the token does not say when it expires")
	}
	if expires = expires.Add(v.Leeway); !now.Before(expires) {
		return none, refuse("the token expired at %s", expires.Add(-v.Leeway).UTC().Format(time.RFC3339))
	}
	begins, has, ok := instant(claims, "nbf")
	if has && (!ok || now.Add(v.Leeway).Before(begins)) {
		return none, refuse("the token is not good yet")
	}
	return expires, nil
}

// instant reads a NumericDate: seconds, which may have a fraction.
func instant(claims map[string]any, name string) (at time.Time, has, ok bool) {
	value, has := claims[name]
	switch seconds := value.(type) {
	case int64:
		return time.Unix(seconds, 0), has, seconds >= 0 && seconds <= yearMax
	case float64:
		whole, part := math.Modf(seconds)
		ok = seconds >= 0 && seconds <= yearMax
		return time.Unix(int64(whole), int64(part*1e9)), has, ok
	}
	return time.Time{}, has, false
}

// Texts reads a claim that is one text or a list of them; what is no text is left out.
func Texts(claim any) []string {
	switch value := claim.(type) {
	case string:
		return []string{value}
	case []any:
		texts := make([]string, 0, len(value))
		for _, one := range value {
			if text, is := one.(string); is {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// Scopes gives what claims grant: scope, in one text (RFC 8693) or a list, scp, as some
// directories call it, and permissions.
func Scopes(claims map[string]any) []string {
	var scopes []string
	for _, name := range []string{"scope", "scp", "permissions"} {
		for _, text := range Texts(claims[name]) {
			if name == "permissions" {
				scopes = append(scopes, text)
				continue
			}
			scopes = append(scopes, strings.Fields(text)...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
