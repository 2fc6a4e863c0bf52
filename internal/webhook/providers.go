// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// fieldsMax bounds the fields of a form; Twilio's have some dozens.
const fieldsMax = 1000

// verifyGitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
// The identity is not signed, but the same for each redelivery.
func verifyGitHub(_ *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	text, err := header(r.Header, "X-Hub-Signature-256")
	if err != nil {
		return "", err
	}
	sum, ok := strings.CutPrefix(text, "sha256=")
	if !ok || !signed(keys, sha256.New, only(sum), r.Body) {
		return "", mismatch()
	}
	return idOr(r, "X-Github-Delivery", text), nil
}

// answerGitHub greets back: GitHub sends a ping when a webhook is made.
func answerGitHub(r Request) *Answer {
	if r.Header.Get("X-Github-Event") != "ping" {
		return nil
	}
	return &Answer{ContentType: "text/plain; charset=utf-8", Body: []byte("pong\n")}
}

// verifyStripe: https://docs.stripe.com/webhooks#verify-manually. The identity of the event
// is part of the body.
func verifyStripe(t *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	text, err := header(r.Header, "Stripe-Signature")
	if err != nil {
		return "", err
	}
	var when string
	var signatures [][]byte
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "t":
			when = value
		case name == "v1" && len(signatures) < signaturesMax:
			signatures = append(signatures, only(value)...)
		}
	}
	if !signed(keys, sha256.New, signatures, []byte(when), []byte("."), r.Body) {
		return "", mismatch()
	}
	if err := fresh(when, t, r.Now); err != nil {
		return "", err
	}
	if id := field(r.Body, "id"); id != "" {
		return id, nil
	}
	return text, nil
}

// verifySlack: https://docs.slack.dev/authentication/verifying-requests-from-slack. Events
// have an identity in the body; of all else the signature is the identity.
func verifySlack(t *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	text, err := header(r.Header, "X-Slack-Signature")
	if err != nil {
		return "", err
	}
	when, err := header(r.Header, "X-Slack-Request-Timestamp")
	if err != nil {
		return "", err
	}
	sum, ok := strings.CutPrefix(text, "v0=")
	if !ok || !signed(keys, sha256.New, only(sum), []byte("v0:"+when+":"), r.Body) {
		return "", mismatch()
	}
	if err := fresh(when, t, r.Now); err != nil {
		return "", err
	}
	if id := field(r.Body, "event_id"); id != "" {
		return id, nil
	}
	return sum, nil
}

// answerSlack answers the challenge by which Slack sees that the address is ours.
func answerSlack(r Request) *Answer {
	if field(r.Body, "type") != "url_verification" {
		return nil
	}
	return &Answer{ContentType: "text/plain; charset=utf-8", Body: []byte(field(r.Body, "challenge"))}
}

// verifyShopify: https://shopify.dev/docs/apps/build/webhooks/subscribe/https. The identity
// is not signed, but the same for each repetition.
func verifyShopify(_ *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	text, err := header(r.Header, "X-Shopify-Hmac-Sha256")
	if err != nil {
		return "", err
	}
	if !signed(keys, sha256.New, only64(text), r.Body) {
		return "", mismatch()
	}
	return idOr(r, "X-Shopify-Webhook-Id", text), nil
}

// idOr is the delivery's name in a header, or what is signed when there is none.
func idOr(r Request, name, otherwise string) string {
	if id := r.Header.Get(name); id != "" {
		return id
	}
	return otherwise
}

// verifyTwilio: https://www.twilio.com/docs/usage/security#validating-requests. What is
// signed is the address with the sorted fields of a form, or, of any other body, the address,
// which holds a sum of the body. The signature is the identity: Twilio's own is not signed.
func verifyTwilio(_ *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	text, err := header(r.Header, "X-Twilio-Signature")
	if err != nil {
		return "", err
	}
	var fields []byte
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		if fields, err = sortedForm(string(r.Body)); err != nil {
			return "", err
		}
	}
	for _, address := range r.URLs {
		if !signed(keys, sha1.New, only64(text), []byte(address), fields) {
			continue
		}
		if kind == "application/x-www-form-urlencoded" || bodyOf(address, r.Body) {
			return text, nil
		}
	}
	return "", mismatch()
}

// sortedForm writes the fields of a form one after the other, each with its different
// values in order.
func sortedForm(body string) ([]byte, error) {
	if strings.Count(body, "&") >= fieldsMax {
		return nil, refused("the form has more than %d fields", fieldsMax)
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, refused("the body is no form: %s", err)
	}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for _, name := range names {
		values := form[name]
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			b = append(append(b, name...), value...)
		}
	}
	return b, nil
}

// bodyOf tells whether the address holds the sum of the body. Without one, only an empty
// body is what was signed.
func bodyOf(address string, body []byte) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	want := u.Query().Get("bodySHA256")
	if want == "" {
		return len(body) == 0
	}
	sum := sha256.Sum256(body)
	return hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(want)))
}

// verifyStandard: https://github.com/standard-webhooks/standard-webhooks, with symmetric
// secrets. Its elder, Svix, calls the headers by its own name.
func verifyStandard(t *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	prefix := "Webhook-"
	if r.Header.Get("Webhook-Signature") == "" && r.Header.Get("Svix-Signature") != "" {
		prefix = "Svix-"
	}
	id, err := header(r.Header, prefix+"Id")
	if err != nil {
		return "", err
	}
	when, err := header(r.Header, prefix+"Timestamp")
	if err != nil {
		return "", err
	}
	text, err := header(r.Header, prefix+"Signature")
	if err != nil {
		return "", err
	}
	var signatures [][]byte
	for part := range strings.FieldsSeq(text) {
		if sum, ok := strings.CutPrefix(part, "v1,"); ok && len(signatures) < signaturesMax {
			signatures = append(signatures, only64(sum)...)
		}
	}
	if !signed(keys, sha256.New, signatures, []byte(id+"."+when+"."), r.Body) {
		return "", mismatch()
	}
	return id, fresh(when, t, r.Now)
}

// standardSecret reads "whsec_BASE64"; the prefix may be missing.
func standardSecret(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the secret is not one of Standard Webhooks: whsec_ and base64")
	}
	return key, nil
}

// verifyHMAC is for everybody else: an HMAC of the body in a header. The signature is the
// identity, since nothing else is known to name the delivery.
func verifyHMAC(t *dayfly.WebhookTrigger, keys [][]byte, r Request) (string, error) {
	algorithm, ok := algorithmOf(t.Algorithm)
	if !ok {
		return "", dayfly.Errorf(dayfly.KindInvalid, "the algorithm %q is not known", t.Algorithm)
	}
	text, err := header(r.Header, t.Header)
	if err != nil {
		return "", err
	}
	sum, ok := strings.CutPrefix(text, t.SignaturePrefix)
	if !ok {
		return "", refused("the header %s does not begin with %q", t.Header, t.SignaturePrefix)
	}
	signatures := only(sum)
	if t.Encoding == "base64" {
		signatures = only64(sum)
	}
	if !signed(keys, algorithm, signatures, r.Body) {
		return "", mismatch()
	}
	return "hmac-" + hex.EncodeToString(signatures[0][:min(len(signatures[0]), 32)]), nil
}
