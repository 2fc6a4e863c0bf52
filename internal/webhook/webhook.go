// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	// secretsMax bounds secrets: two are in use while one replaces the other.
	secretsMax = 8
	// signaturesMax bounds the signatures of one request; providers send one for each
	// secret.
	signaturesMax = 16
	// headerBytesMax bounds a header that is taken apart.
	headerBytesMax = 4 << 10
	// idBytesMax bounds an identity that is taken as it is; a longer one is hashed.
	idBytesMax = 128
)

// Request is what came in.
type Request struct {
	Header http.Header
	Body   []byte
	// URLs are what the provider may have called this address, for those that sign it.
	URLs []string
	Now  time.Time
}

// Delivery is a request that a provider signed.
type Delivery struct {
	// ID is the same for each repetition of the delivery; it is never empty.
	ID string
	// Type is what the provider calls what happened: "push", "invoice.paid"; it may be
	// empty.
	Type string
	// Answer, when not nil, is to be given at once, and nothing else is to be done: the
	// provider only wants to know that somebody is there.
	Answer *Answer
}

// Answer is a body that a provider expects.
type Answer struct {
	ContentType string
	Body        []byte
}

// scheme is how one provider signs.
type scheme struct {
	// verify gives the identity of a request that is signed with one of the secrets.
	verify func(*dayfly.WebhookTrigger, [][]byte, Request) (string, error)
	// secret gives the key of a secret; nil takes its bytes.
	secret func(string) ([]byte, error)
	// answer gives what the provider waits for; nil never does.
	answer func(Request) *Answer
	// header must be there for a request to be looked at, alias may be in its place.
	header, alias string
	// kind is the header with the type of what happened; empty: it is "type" in the body.
	kind string
}

// schemeOf is the table of providers.
func schemeOf(p dayfly.WebhookProvider) (scheme, bool) {
	switch p {
	case dayfly.WebhookGitHub:
		return scheme{verify: verifyGitHub, answer: answerGitHub, header: "X-Hub-Signature-256",
			kind: "X-Github-Event"}, true
	case dayfly.WebhookStripe:
		return scheme{verify: verifyStripe, header: "Stripe-Signature"}, true
	case dayfly.WebhookSlack:
		return scheme{verify: verifySlack, answer: answerSlack, header: "X-Slack-Signature"}, true
	case dayfly.WebhookShopify:
		return scheme{verify: verifyShopify, header: "X-Shopify-Hmac-Sha256", kind: "X-Shopify-Topic"}, true
	case dayfly.WebhookTwilio:
		return scheme{verify: verifyTwilio, header: "X-Twilio-Signature"}, true
	case dayfly.WebhookStandard:
		return scheme{verify: verifyStandard, secret: standardSecret, header: "Webhook-Signature",
			alias: "Svix-Signature"}, true
	case dayfly.WebhookHMAC:
		return scheme{verify: verifyHMAC}, true
	}
	return scheme{}, false
}

// Verify tells which delivery a request is. One that is not signed with one of the secrets,
// parted by spaces, is unauthenticated; secrets that cannot be used are invalid.
func Verify(t *dayfly.WebhookTrigger, secrets string, r Request) (Delivery, error) {
	s, ok := schemeOf(t.Provider)
	if !ok {
		return Delivery{}, dayfly.Errorf(dayfly.KindInvalid, "webhooks of %q are not known", t.Provider)
	}
	keys, err := keysOf(secrets, s.secret)
	if err != nil {
		return Delivery{}, err
	}
	id, err := s.verify(t, keys, r)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: identity(id), Type: s.typeOf(r)}
	if s.answer != nil {
		d.Answer = s.answer(r)
	}
	return d, nil
}

// Promising tells from the headers alone whether a request may be signed: what lacks the
// header of its provider need not be read.
func Promising(t *dayfly.WebhookTrigger, h http.Header) bool {
	s, ok := schemeOf(t.Provider)
	if t.Provider == dayfly.WebhookHMAC {
		s.header = t.Header
	}
	return ok && (h.Get(s.header) != "" || s.alias != "" && h.Get(s.alias) != "")
}

// typeOf gives what a verified request says it is about.
func (s scheme) typeOf(r Request) string {
	text := field(r.Body, "type")
	if s.kind != "" {
		text = r.Header.Get(s.kind)
	}
	if len(text) > idBytesMax || !utf8.ValidString(text) {
		return ""
	}
	return text
}

func keysOf(secrets string, decode func(string) ([]byte, error)) ([][]byte, error) {
	list := strings.Fields(secrets)
	if len(list) == 0 || len(list) > secretsMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "there are %d secrets, want 1 to %d", len(list), secretsMax)
	}
	keys := make([][]byte, len(list))
	for i, text := range list {
		keys[i] = []byte(text)
		if decode == nil {
			continue
		}
		var err error
		if keys[i], err = decode(text); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// identity keeps a short printable text, and makes one of any other.
func identity(id string) string {
	printable := id != "" && len(id) <= idBytesMax &&
		strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if printable {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// signed tells whether one of the signatures is that of the parts with one of the keys.
func signed(keys [][]byte, algorithm func() hash.Hash, signatures [][]byte, parts ...[]byte) bool {
	for _, key := range keys {
		mac := hmac.New(algorithm, key)
		for _, part := range parts {
			mac.Write(part)
		}
		want := mac.Sum(nil)
		for _, s := range signatures {
			if hmac.Equal(want, s) {
				return true
			}
		}
	}
	return false
}

// refused is the error of a request that is not what it should be. It names what is
// missing, never what would be right.
func refused(format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindUnauthenticated, format, args...)
}

func mismatch() error {
	return refused("the signature is not that of this body with the secret")
}

// fresh reports a time, in seconds since 1970, that is too far from now.
func fresh(text string, t *dayfly.WebhookTrigger, now time.Time) error {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return refused("the time of the signature, %.40q, is not one", text)
	}
	tolerance := t.Tolerance
	if tolerance <= 0 {
		tolerance = dayfly.WebhookTolerance
	}
	if age := now.Sub(time.Unix(seconds, 0)); age.Abs() > tolerance {
		return refused("the signature is from %s, more than %s from now",
			time.Unix(seconds, 0).UTC().Format(time.RFC3339), tolerance)
	}
	return nil
}

// header gives a header that must be there once.
func header(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0 || values[0] == "":
		return "", refused("the header %s is missing", name)
	case len(values) > 1:
		return "", refused("the header %s is there %d times", name, len(values))
	case len(values[0]) > headerBytesMax:
		return "", refused("the header %s has %d bytes", name, len(values[0]))
	}
	return values[0], nil
}

// only is the one signature in text, in hexadecimal; one that is none matches nothing.
func only(text string) [][]byte {
	sum, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return [][]byte{sum}
}

// only64 is the one signature in text, in base64.
func only64(text string) [][]byte {
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return [][]byte{sum}
}

// field gives a text at the top of a JSON object, or "".
func field(body []byte, name string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(object[name], &text) != nil {
		return ""
	}
	return text
}

// algorithms of HMACs by their names in a trigger; SHA-256 when empty.
func algorithmOf(name string) (func() hash.Hash, bool) {
	switch name {
	case "", "sha256":
		return sha256.New, true
	case "sha1":
		return sha1.New, true
	case "sha512":
		return sha512.New, true
	}
	return nil, false
}
