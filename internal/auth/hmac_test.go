// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	signingKey  = "correct-horse-battery"
	anotherKey  = "staple-of-sixteen-b"
	signedBody  = `{"id":"evt_1","type":"paid"}`
	signedRoute = "https://shop.example/orders/7?a=b"
)

func mac(algorithm func() hash.Hash, key, text string) []byte {
	m := hmac.New(algorithm, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func TestSignaturesAreReadInEachEncoding(t *testing.T) {
	t.Parallel()
	sum := mac(sha256.New, signingKey, signedBody)
	inHex, in64 := hex.EncodeToString(sum), base64.StdEncoding.EncodeToString(sum)
	both := signingKey + " " + anotherKey
	old := hex.EncodeToString(mac(sha256.New, anotherKey, signedBody))
	ok := wants{subject: "door"}
	tests := map[string]struct {
		front  front.HMAC
		header []string
		want   wants
	}{
		"hex":                      {header: []string{"X-Signature: " + inHex}, want: ok},
		"hex in capitals":          {header: []string{"X-Signature: " + strings.ToUpper(inHex)}, want: ok},
		"hex with a prefix":        {header: []string{"X-Signature: sha256=" + inHex}, want: ok},
		"base64":                   {header: []string{"X-Signature: " + in64}, want: ok},
		"base64 with a prefix":     {header: []string{"X-Signature: sha256=" + in64}, want: ok},
		"another header":           {front: front.HMAC{Header: "x-hub"}, header: []string{"X-Hub: " + inHex}, want: ok},
		"the header of another":    {front: front.HMAC{Header: "x-hub"}, header: []string{"X-Signature: " + inHex}, want: nobody},
		"the newer of two secrets": {front: front.HMAC{Secret: front.Secret(both)}, header: []string{"X-Signature: " + inHex}, want: ok},
		"the older of two secrets": {front: front.HMAC{Secret: front.Secret(both)}, header: []string{"X-Signature: " + old}, want: ok},
		"no signature":             {want: nobody},
		"an empty one":             {header: []string{"X-Signature: "}, want: nobody},
		"a prefix alone":           {header: []string{"X-Signature: sha256="}, want: refused},
		"another algorithm":        {header: []string{"X-Signature: sha1=" + inHex}, want: refused},
		"one of another secret":    {header: []string{"X-Signature: " + old}, want: refused},
		"half of one":              {header: []string{"X-Signature: " + inHex[:32]}, want: refused},
		"one and more":             {header: []string{"X-Signature: " + inHex + "00"}, want: refused},
		"hex of hex":               {header: []string{"X-Signature: " + hex.EncodeToString([]byte(inHex))}, want: refused},
		"base64 of hex":            {header: []string{"X-Signature: " + base64.StdEncoding.EncodeToString([]byte(inHex))}, want: refused},
		"the header twice":         {header: []string{"X-Signature: " + inHex, "X-Signature: " + inHex}, want: refused},
		"a good one after a bad":   {header: []string{"X-Signature: 00", "X-Signature: " + inHex}, want: refused},
		"a very long one":          {header: []string{"X-Signature: " + strings.Repeat("00", 5000)}, want: refused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.front.Secret == "" {
				test.front.Secret = signingKey
			}
			a := build(t, front.Auth{HMAC: &test.front}, deps(nil))
			check(t, a, request("POST", signedRoute, signedBody, test.header...), test.want)
			check(t, a, request("POST", signedRoute, signedBody+" ", test.header...), unlessNobody(test.want))
		})
	}
}

// unlessNobody is what becomes of a request whose body was changed.
func unlessNobody(w wants) wants {
	if w == nobody {
		return nobody
	}
	return refused
}

func TestRequestsAreSignedAsEachProviderDoes(t *testing.T) {
	t.Parallel()
	now := strconv.FormatInt(time.Now().Unix(), 10)
	old := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	inHex := func(text string) string { return hex.EncodeToString(mac(sha256.New, signingKey, text)) }
	in64 := func(text string) string {
		return base64.StdEncoding.EncodeToString(mac(sha256.New, signingKey, text))
	}
	sum := sha256.Sum256([]byte(signedBody))
	address := signedRoute + "&bodySHA256=" + hex.EncodeToString(sum[:])
	twilio := base64.StdEncoding.EncodeToString(mac(sha1.New, signingKey, address))
	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte(signingKey))
	ok := wants{subject: "door"}
	tests := map[string]struct {
		scheme, secret, address string
		header                  []string
		want                    wants
	}{
		"github":         {scheme: "github", header: []string{"X-Hub-Signature-256: sha256=" + inHex(signedBody)}, want: ok},
		"github bare":    {scheme: "github", header: []string{"X-Hub-Signature-256: " + inHex(signedBody)}, want: refused},
		"github ping":    {scheme: "github", header: []string{"X-Hub-Signature-256: sha256=" + inHex("ping"), "X-Github-Event: ping"}, want: refused},
		"stripe":         {scheme: "stripe", header: []string{"Stripe-Signature: t=" + now + ",v1=" + inHex(now+"."+signedBody)}, want: ok},
		"stripe, late":   {scheme: "stripe", header: []string{"Stripe-Signature: t=" + old + ",v1=" + inHex(old+"."+signedBody)}, want: refused},
		"stripe, a lie":  {scheme: "stripe", header: []string{"Stripe-Signature: t=" + now + ",v1=" + inHex(old+"."+signedBody)}, want: refused},
		"slack":          {scheme: "slack", header: []string{"X-Slack-Request-Timestamp: " + now, "X-Slack-Signature: v0=" + inHex("v0:"+now+":"+signedBody)}, want: ok},
		"slack, late":    {scheme: "slack", header: []string{"X-Slack-Request-Timestamp: " + old, "X-Slack-Signature: v0=" + inHex("v0:"+old+":"+signedBody)}, want: refused},
		"shopify":        {scheme: "shopify", header: []string{"X-Shopify-Hmac-Sha256: " + in64(signedBody)}, want: ok},
		"twilio":         {scheme: "twilio", address: address, header: []string{"X-Twilio-Signature: " + twilio}, want: ok},
		"twilio, lying":  {scheme: "twilio", address: signedRoute, header: []string{"X-Twilio-Signature: " + twilio}, want: refused},
		"standard":       {scheme: "standard", secret: whsec, header: []string{"Webhook-Id: m1", "Webhook-Timestamp: " + now, "Webhook-Signature: v1," + in64("m1."+now+"."+signedBody)}, want: ok},
		"standard, late": {scheme: "standard", secret: whsec, header: []string{"Webhook-Id: m1", "Webhook-Timestamp: " + old, "Webhook-Signature: v1," + in64("m1."+old+"."+signedBody)}, want: refused},
		"none":           {scheme: "slack", header: []string{"X-Hub-Signature-256: sha256=" + inHex(signedBody)}, want: nobody},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, address := test.secret, test.address
			if secret == "" {
				secret = signingKey
			}
			if address == "" {
				address = signedRoute
			}
			a := build(t, front.Auth{HMAC: &front.HMAC{Secret: front.Secret(secret), Scheme: test.scheme}}, deps(nil))
			p := check(t, a, request("POST", address, signedBody, test.header...), test.want)
			if p != nil && (p.Claims["scheme"] != test.scheme || p.Claims["delivery"] == "") {
				t.Errorf("the claims are %v", p.Claims)
			}
			if test.want == ok {
				check(t, a, request("POST", address, signedBody+" ", test.header...), refused)
			}
		})
	}
}

func TestBodiesThatCannotBeReadAreNotAuthenticated(t *testing.T) {
	t.Parallel()
	a := build(t, front.Auth{HMAC: &front.HMAC{Secret: signingKey}}, deps(nil))
	r := request("POST", signedRoute, signedBody, "X-Signature: 00")
	r.Body = func() ([]byte, error) { return nil, dayfly.Errorf(dayfly.KindInvalid, "too large") }
	check(t, a, r, wants{kind: dayfly.KindInvalid})
	// Nothing is read for requests that cannot be signed.
	r = request("POST", signedRoute, signedBody)
	r.Body = func() ([]byte, error) { return nil, errors.New("was read") }
	check(t, a, r, nobody)
}

func TestSecretsAndSchemesThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]front.HMAC{
		"a sentence":               {Secret: "correct horse battery staple"},
		"no secret":                {},
		"spaces":                   {Secret: "  "},
		"no known scheme":          {Secret: signingKey, Scheme: "gitlab"},
		"a header of the provider": {Secret: signingKey, Scheme: "github", Header: "X-Mine"},
		"no base64":                {Secret: "whsec_%%%%%%%%%%%%%%%%", Scheme: "standard"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem(t, front.Auth{HMAC: &bad})
		})
	}
}
