// SPDX-License-Identifier: Apache-2.0

package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// encode writes a part of a token.
func encode(t *testing.T, part any) string {
	t.Helper()
	if text, is := part.(string); is {
		return base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	data, err := json.Marshal(part)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// forge makes a token of header and claims as they are, signed by sign.
func forge(t *testing.T, header, claims any, sign func(signed []byte) []byte) string {
	t.Helper()
	signed := encode(t, header) + "." + encode(t, claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(signed)))
}

func rs256(key *issuertest.Key) func([]byte) []byte {
	return func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		signature, err := rsa.SignPKCS1v15(rand.Reader, key.Private.(*rsa.PrivateKey), crypto.SHA256, sum[:])
		if err != nil {
			panic("bug: " + err.Error())
		}
		return signature
	}
}

func hs256(secret []byte) func([]byte) []byte {
	return func(signed []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(signed)
		return h.Sum(nil)
	}
}

func unsigned([]byte) []byte { return nil }

func TestAlgorithmsCannotBeConfused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, elliptic := issuertest.NewKey(t, "r", "RS256"), issuertest.NewKey(t, "e", "ES256")
	w.issuer.Publish(key, elliptic)
	der, err := x509.MarshalPKIXPublicKey(key.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	public := key.Private.Public().(*rsa.PublicKey)
	all := w.authenticator(t, func(j *front.JWT) { j.Algorithms = front.Algorithms() })
	for name, token := range map[string]string{
		"none":               forge(t, map[string]any{"alg": "none"}, w.claims(), unsigned),
		"None":               forge(t, map[string]any{"alg": "None", "kid": "r"}, w.claims(), unsigned),
		"empty":              forge(t, map[string]any{"alg": "", "kid": "r"}, w.claims(), unsigned),
		"missing":            forge(t, map[string]any{"kid": "r"}, w.claims(), unsigned),
		"a list":             forge(t, map[string]any{"alg": []string{"RS256"}}, w.claims(), rs256(key)),
		"lower case":         forge(t, map[string]any{"alg": "rs256", "kid": "r"}, w.claims(), rs256(key)),
		"HMAC by PEM":        forge(t, map[string]any{"alg": "HS256", "kid": "r"}, w.claims(), hs256(block)),
		"HMAC by DER":        forge(t, map[string]any{"alg": "HS256", "kid": "r"}, w.claims(), hs256(der)),
		"HMAC by modulus":    forge(t, map[string]any{"alg": "HS256", "kid": "r"}, w.claims(), hs256(public.N.Bytes())),
		"HMAC by nothing":    forge(t, map[string]any{"alg": "HS256"}, w.claims(), hs256(nil)),
		"RSA key for ES256":  forge(t, map[string]any{"alg": "ES256", "kid": "r"}, w.claims(), rs256(key)),
		"EC key for RS256":   forge(t, map[string]any{"alg": "RS256", "kid": "e"}, w.claims(), rs256(key)),
		"RS256 said PS256":   forge(t, map[string]any{"alg": "PS256", "kid": "r"}, w.claims(), rs256(key)),
		"no signature":       forge(t, map[string]any{"alg": "RS256", "kid": "r"}, w.claims(), unsigned),
		"zeros (ES256)":      forge(t, map[string]any{"alg": "ES256", "kid": "e"}, w.claims(), func([]byte) []byte { return make([]byte, 64) }),
		"alg twice":          forge(t, `{"alg":"none","alg":"RS256","kid":"r"}`, w.claims(), rs256(key)),
		"ALG beside alg":     forge(t, `{"ALG":"RS256","alg":"none","kid":"r"}`, w.claims(), rs256(key)),
		"kid is a path":      forge(t, map[string]any{"alg": "HS256", "kid": "../../dev/null"}, w.claims(), hs256(nil)),
		"kid is no text":     forge(t, map[string]any{"alg": "RS256", "kid": 1}, w.claims(), rs256(key)),
		"critical extension": forge(t, map[string]any{"alg": "RS256", "kid": "r", "crit": []string{"exp"}}, w.claims(), rs256(key)),
		"b64 false":          forge(t, map[string]any{"alg": "RS256", "kid": "r", "b64": false}, w.claims(), rs256(key)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, all, token, "")
		})
	}
}

func TestKeysInHeadersAreNotLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, evil := issuertest.NewKey(t, "k", "RS256"), issuertest.NewKey(t, "k", "RS256")
	w.issuer.Publish(own)
	a := w.authenticator(t, nil)
	other := issuertest.Start(t)
	other.Publish(evil)
	jwk, err := evil.Public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []map[string]any{
		{"alg": "RS256", "kid": "k", "jwk": json.RawMessage(jwk)},
		{"alg": "RS256", "kid": "k", "jku": other.URL + "/keys"},
		{"alg": "RS256", "kid": "k", "x5u": other.URL + "/keys"},
		{"alg": "RS256", "jwk": json.RawMessage(jwk)},
	} {
		refused(t, a, forge(t, header, w.claims(), rs256(evil)), "signature is wrong")
	}
	if other.Fetches() != 0 {
		t.Error("keys were fetched from where a token says")
	}
}

func TestClaimsThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "r", "RS256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	for name, c := range map[string]struct {
		claims any
		why    string
	}{
		"expired":              {w.with("exp", w.now().Add(-time.Second).Unix()), "expired at"},
		"expires never":        {w.with("exp", nil), "does not say when it expires"},
		"expires as text":      {w.with("exp", "9999999999"), "does not say when it expires"},
		"expires past time":    {w.with("exp", 1e300), "does not say when it expires"},
		"expires before time":  {w.with("exp", -1), "does not say when it expires"},
		"not yet":              {w.with("nbf", w.now().Add(time.Hour).Unix()), "not good yet"},
		"not yet, as text":     {w.with("nbf", "x"), "not good yet"},
		"another issuer":       {w.with("iss", "https://evil.example"), "another issuer"},
		"issuer with a slash":  {w.with("iss", w.issuer.URL+"/"), "another issuer"},
		"no issuer":            {w.with("iss", nil), "another issuer"},
		"a list of issuers":    {w.with("iss", []string{w.issuer.URL}), "another issuer"},
		"another audience":     {w.with("aud", "bank"), "another audience"},
		"other audiences":      {w.with("aud", []any{"bank", 7, "shops"}), "another audience"},
		"audience in any case": {w.with("aud", "SHOP"), "another audience"},
		"no audience":          {w.with("aud", nil), "another audience"},
		"audience as object":   {w.with("aud", map[string]any{"shop": true}), "another audience"},
		"bound by DPoP":        {w.with("cnf", map[string]any{"jkt": "x"}), "bound to a key"},
		"bound to nothing":     {w.with("cnf", "x"), "bound to a key"},
		"claims are a list":    {`[]`, "no JSON object"},
		"claims are nothing":   {``, "ends too soon"},
		"a claim twice":        {`{"iss":"a","iss":"b"}`, "twice"},
		"nested too deep":      {strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "nested deeper"},
		"more after the end":   {`{} {}`, "there is more after the value"},
		"a number too large":   {`{"exp":1e999}`, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := forge(t, map[string]any{"alg": "RS256", "kid": "r"}, c.claims, rs256(key))
			refused(t, a, token, c.why)
		})
	}
	accepted(t, a, forge(t, map[string]any{"alg": "RS256", "kid": "r"}, w.with("aud", []string{"x", "shop"}), rs256(key)))
	accepted(t, a, forge(t, map[string]any{"alg": "RS256", "kid": "r"},
		w.with("exp", float64(w.now().Unix())+60.5), rs256(key)))
}

func TestTokensOfOtherFormsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "r", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	good := key.Sign(t, w.claims(), nil)
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct{ token, why string }{
		"encrypted":          {"a.b.c.d.e", "encrypted"},
		"two parts":          {parts[0] + "." + parts[1], "not a JSON Web Token"},
		"four parts":         {good + ".x", "not a JSON Web Token"},
		"padding":            {good + "==", "not a JSON Web Token"},
		"other base64":       {parts[0] + "." + parts[1] + ".+/+/", "not a JSON Web Token"},
		"line break":         {parts[0] + "\n." + parts[1] + "." + parts[2], "not a JSON Web Token"},
		"header is no JSON":  {"aGVsbG8." + parts[1] + "." + parts[2], "header is refused"},
		"longer signature":   {good + "AAAA", "signature is wrong"},
		"for logging out":    {key.Sign(t, w.claims(), map[string]any{"typ": "logout+jwt"}), "for something else"},
		"a proof of a key":   {key.Sign(t, w.claims(), map[string]any{"typ": "dpop+jwt"}), "for something else"},
		"type is no text":    {key.Sign(t, w.claims(), map[string]any{"typ": 1}), "typ is not text"},
		"header is too long": {key.Sign(t, w.claims(), map[string]any{"x": strings.Repeat("x", 4000)}), "not a JSON Web Token"},
		"changed claims":     {parts[0] + "." + encode(t, w.with("sub", "root")) + "." + parts[2], "signature is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, a, c.token, c.why)
		})
	}
	accepted(t, a, key.Sign(t, w.claims(), map[string]any{"typ": "at+jwt"}))
	accepted(t, a, key.Sign(t, w.claims(), map[string]any{"typ": "application/at+JWT"}))
}

func TestWeakAndWrongKeysVerifyNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := issuertest.NewKey(t, "good", "ES256")
	short := issuertest.NewKey(t, "short", "RS256")
	short.Private, short.Public.Key = weak, weak.Public()
	secret := issuertest.NewKey(t, "oct", "ES256")
	secret.Public.Key = []byte("a secret that everybody knows, 32 bytes")
	sealing := issuertest.NewKey(t, "enc", "RS256")
	sealing.Public.Use = "enc"
	pss := issuertest.NewKey(t, "pss", "RS256")
	pss.Public.Algorithm = "PS256"
	w.issuer.Publish(good, short, secret, sealing, pss)
	a := w.authenticator(t, func(j *front.JWT) { j.Algorithms = front.Algorithms() })
	accepted(t, a, good.Sign(t, w.claims(), nil))
	for _, key := range []*issuertest.Key{short, sealing, pss} {
		header := map[string]any{"alg": "RS256", "kid": key.Public.KeyID}
		refused(t, a, forge(t, header, w.claims(), rs256(key)), "a key that its issuer does not have")
	}
	header := map[string]any{"alg": "HS256", "kid": "oct"}
	refused(t, a, forge(t, header, w.claims(), hs256(secret.Public.Key.([]byte))), "not accepted")
}

func TestTokensBoundToACertificateNeedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	own, other := &x509.Certificate{Raw: []byte("own")}, &x509.Certificate{Raw: []byte("other")}
	digest := sha256.Sum256(own.Raw)
	token := key.Sign(t, w.with("cnf", map[string]any{
		"x5t#S256": base64.RawURLEncoding.EncodeToString(digest[:])}), nil)
	for range 2 { // found out, and remembered
		refused(t, a, token, "certificate only")
		r := bearing(token)
		r.HTTP.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{other}}
		if p, err := a.Authenticate(t.Context(), r); p != nil || err == nil {
			t.Errorf("Authenticate with another certificate = %v, %v; want an error", p, err)
		}
		r.HTTP.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{own}}
		if p, err := a.Authenticate(t.Context(), r); p == nil || err != nil {
			t.Errorf("Authenticate with the certificate = %v, %v; want a principal", p, err)
		}
	}
}

// TestSignaturesHaveOneForm holds that neither another encoding of an elliptic signature nor
// a truncated one is taken.
func TestSignaturesHaveOneForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	private := key.Private.(*ecdsa.PrivateKey)
	sign := func(form func(r, s *big.Int) []byte) string {
		return forge(t, map[string]any{"alg": "ES256", "kid": "k"}, w.claims(), func(signed []byte) []byte {
			sum := sha256.Sum256(signed)
			r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			return form(r, s)
		})
	}
	fixed := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	accepted(t, a, sign(fixed))
	for i, form := range []func(r, s *big.Int) []byte{
		func(r, s *big.Int) []byte { return fixed(r, s)[:63] },
		func(r, s *big.Int) []byte { return append(fixed(r, s), 0) },
		func(r, s *big.Int) []byte { return append([]byte{0}, fixed(r, s)...) },
		func(_, s *big.Int) []byte { return fixed(new(big.Int), s) },
		func(r, _ *big.Int) []byte { return fixed(r, private.Curve.Params().N) },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			refused(t, a, sign(form), "signature is wrong")
		})
	}
}
