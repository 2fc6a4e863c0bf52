// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/webhook"
)

// vector is a request that a provider, or its documentation, signed.
type vector struct {
	trigger dayfly.WebhookTrigger
	secrets string
	header  map[string]string
	body    string
	url     string
	at      int64
	id      string
}

func (v vector) request() webhook.Request {
	r := webhook.Request{Header: http.Header{}, Body: []byte(v.body), Now: time.Unix(v.at, 0)}
	for name, value := range v.header {
		r.Header.Set(name, value)
	}
	if v.url != "" {
		r.URLs = []string{"http://elsewhere.example/", v.url}
	}
	return r
}

const slackBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow" +
	"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" +
	"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands" +
	"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

const twilioForm = "Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212&Caller=%2B14158675309&From=%2B14158675309"

// published are the vectors of the providers' own documentation, where they have any; those
// of Stripe, Shopify and generic HMACs were made with the openssl command.
var published = map[string]vector{
	"github": { // docs.github.com, "Testing the webhook payload validation"
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub}, secrets: "It's-a-secret",
		header: map[string]string{"X-Hub-Signature-256": "", "X-GitHub-Delivery": "72d3162e-cc78-11e3"},
		body:   "Hello, World!", id: "72d3162e-cc78-11e3",
	},
	"slack": { // docs.slack.dev, "Verifying requests from Slack"
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookSlack}, secrets: "8f742231b10e8888abcd99yyyzzz85a5",
		header: map[string]string{"X-Slack-Request-Timestamp": "1531420618",
			"X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
		body: slackBody, at: 1531420618, id: "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
	},
	"standard": { // github.com/standard-webhooks/standard-webhooks, the libraries' tests
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookStandard}, secrets: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		header: map[string]string{"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
			"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		body: `{"test": 2432232314}`, at: 1614265330, id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
	},
	"twilio form": { // www.twilio.com/docs/usage/security
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookTwilio}, secrets: "12345",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
			"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		body: twilioForm, url: "https://mycompany.com/myapp.php?foo=1&bar=2", id: "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
	},
	"twilio JSON": { // twilio-node and twilio-python, the tests of their validators
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookTwilio}, secrets: "12345",
		header: map[string]string{"Content-Type": "application/json", "X-Twilio-Signature": "a9nBmqA0ju/hNViExpshrM61xv4="},
		body:   `{"property": "value", "boolean": true}`,
		url: "https://mycompany.com/myapp.php?foo=1&bar=2" +
			"&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
		id: "a9nBmqA0ju/hNViExpshrM61xv4=",
	},
	"stripe": {
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookStripe}, secrets: "whsec_test",
		header: map[string]string{"Stripe-Signature": ""},
		body:   `{"id": "evt_1", "object": "event"}`, at: 1492774577, id: "evt_1",
	},
	"shopify": {
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookShopify}, secrets: "hush",
		header: map[string]string{"X-Shopify-Hmac-Sha256": "", "X-Shopify-Webhook-Id": "b54557e4"},
		body:   `{"id":820982911946154508}`, id: "b54557e4",
	},
	"hmac": {
		trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookHMAC, Header: "X-Sum", Algorithm: "sha512",
			Encoding: "base64", SignaturePrefix: "v="},
		secrets: "k", header: map[string]string{"X-Sum": ""}, body: "b",
	},
}

func mac(algorithm func() hash.Hash, key, text string) []byte {
	m := hmac.New(algorithm, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func TestPublishedVectorsVerify(t *testing.T) {
	t.Parallel()
	sum := hex.EncodeToString(mac(sha256.New, "It's a Secret to Everybody", "Hello, World!"))
	if want := "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"; sum != want {
		t.Fatalf("GitHub's own vector: %s, want %s", sum, want)
	}
	for name, v := range vectors() {
		got, err := webhook.Verify(&v.trigger, v.secrets, v.request())
		if err != nil || v.id != "" && got.ID != v.id || got.ID == "" || got.Answer != nil {
			t.Errorf("%s: Verify = %+v, %v; want %q", name, got, err, v.id)
		}
		v.secrets = "whsec_b3RoZXI= other-secret " + v.secrets
		if v.trigger.Provider == dayfly.WebhookStandard {
			v.secrets = "whsec_b3RoZXI= " + strings.TrimPrefix(v.secrets, "whsec_b3RoZXI= other-secret ")
		}
		if _, err := webhook.Verify(&v.trigger, v.secrets, v.request()); err != nil {
			t.Errorf("%s, with other secrets in front: %v", name, err)
		}
	}
}

// vectors are the published ones, with the signatures that have to be made here. A secret
// holds no spaces for us, so GitHub's own, which does, stands in a test of its own.
func vectors() map[string]vector {
	all := map[string]vector{}
	for name, v := range published {
		header := map[string]string{}
		for k, value := range v.header {
			header[k] = value
		}
		v.header = header
		all[name] = v
	}
	v := all["github"]
	v.header["X-Hub-Signature-256"] = "sha256=" + hex.EncodeToString(mac(sha256.New, v.secrets, v.body))
	v = all["stripe"]
	v.header["Stripe-Signature"] = fmt.Sprintf("t=%d,v1=%x,v1=%x,v0=6ffbb59b", v.at, make([]byte, 32),
		mac(sha256.New, v.secrets, fmt.Sprint(v.at)+"."+v.body))
	v = all["shopify"]
	v.header["X-Shopify-Hmac-Sha256"] = base64.StdEncoding.EncodeToString(mac(sha256.New, v.secrets, v.body))
	v = all["hmac"]
	v.header["X-Sum"] = "v=" + base64.StdEncoding.EncodeToString(mac(sha512.New, v.secrets, v.body))
	return all
}

func TestWhatIsNotSignedIsRefused(t *testing.T) {
	t.Parallel()
	for name, v := range vectors() {
		for what, change := range map[string]func(*vector, *webhook.Request){
			"another body":   func(_ *vector, r *webhook.Request) { r.Body = append([]byte("x=1&"), r.Body...) },
			"another secret": func(v *vector, _ *webhook.Request) { v.secrets = "whsec_b3RoZXI=" },
			"no headers": func(_ *vector, r *webhook.Request) {
				r.Header = http.Header{"Content-Type": r.Header["Content-Type"]}
			},
			"doubled headers": func(_ *vector, r *webhook.Request) {
				for name := range r.Header {
					if name != "Content-Type" {
						r.Header.Add(name, r.Header.Get(name))
					}
				}
			},
			"cut signature": func(_ *vector, r *webhook.Request) {
				for name, v := range r.Header {
					r.Header.Set(name, v[0][:len(v[0])/2])
				}
			},
			"empty signature": func(_ *vector, r *webhook.Request) {
				for name := range r.Header {
					if name != "Content-Type" {
						r.Header.Set(name, "=")
					}
				}
			},
		} {
			v, r := v, v.request()
			change(&v, &r)
			if got, err := webhook.Verify(&v.trigger, v.secrets, r); dayfly.KindOf(err) != dayfly.KindUnauthenticated {
				t.Errorf("%s, %s: Verify = %+v, %v; want unauthenticated", name, what, got, err)
			}
		}
	}
}

func TestSignedTimesAgeOut(t *testing.T) {
	t.Parallel()
	for name, v := range vectors() {
		timed := v.at != 0
		for _, age := range []time.Duration{-6 * time.Minute, -4 * time.Minute, 4 * time.Minute, 6 * time.Minute} {
			r := v.request()
			r.Now = time.Unix(v.at, 0).Add(age)
			_, err := webhook.Verify(&v.trigger, v.secrets, r)
			if refused := err != nil; refused != (timed && age.Abs() > 5*time.Minute) {
				t.Errorf("%s, %s later: %v", name, age, err)
			}
			v.trigger.Tolerance = time.Hour
			if _, err := webhook.Verify(&v.trigger, v.secrets, r); err != nil {
				t.Errorf("%s, %s later, with an hour of tolerance: %v", name, age, err)
			}
			v.trigger.Tolerance = 0
		}
	}
}

func TestChallengesAreAnswered(t *testing.T) {
	t.Parallel()
	slack := func(body string) vector {
		return vector{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookSlack}, secrets: "s", body: body, at: 100,
			header: map[string]string{"X-Slack-Request-Timestamp": "100",
				"X-Slack-Signature": "v0=" + hex.EncodeToString(mac(sha256.New, "s", "v0:100:"+body))}}
	}
	v := slack(`{"type": "url_verification", "challenge": "3eZbrw1aB"}`)
	got, err := webhook.Verify(&v.trigger, v.secrets, v.request())
	if err != nil || got.Answer == nil || string(got.Answer.Body) != "3eZbrw1aB" {
		t.Errorf("challenge of Slack: %+v, %v", got, err)
	}
	v = slack(`{"type": "event_callback", "event_id": "Ev08MFMKH6"}`)
	if got, err := webhook.Verify(&v.trigger, v.secrets, v.request()); err != nil || got.Answer != nil || got.ID != "Ev08MFMKH6" {
		t.Errorf("event of Slack: %+v, %v", got, err)
	}
	v = vectors()["github"]
	v.header["X-GitHub-Event"] = "ping"
	if got, err := webhook.Verify(&v.trigger, v.secrets, v.request()); err != nil || got.Answer == nil {
		t.Errorf("ping of GitHub: %+v, %v", got, err)
	}
}

func TestTwilioJSONNeedsTheSumOfItsBody(t *testing.T) {
	t.Parallel()
	v := vector{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookTwilio}, secrets: "12345", body: `{}`,
		url: "https://a.example/hook", header: map[string]string{"Content-Type": "application/json",
			"X-Twilio-Signature": base64.StdEncoding.EncodeToString(mac(sha1.New, "12345", "https://a.example/hook"))}}
	if got, err := webhook.Verify(&v.trigger, v.secrets, v.request()); err == nil {
		t.Errorf("a body that nothing signs: %+v, want an error", got)
	}
	v.body = ""
	if _, err := webhook.Verify(&v.trigger, v.secrets, v.request()); err != nil {
		t.Errorf("no body: %v", err)
	}
}

func TestSecretsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, v := range []vector{
		{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub}, secrets: " "},
		{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub}, secrets: strings.Repeat("a ", 9)},
		{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookStandard}, secrets: "whsec_!"},
		{trigger: dayfly.WebhookTrigger{Provider: dayfly.WebhookStandard}, secrets: "whsec_"},
		{trigger: dayfly.WebhookTrigger{Provider: "gitlab"}, secrets: "a"},
	} {
		if _, err := webhook.Verify(&v.trigger, v.secrets, v.request()); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s with secrets %q: %v, want invalid", v.trigger.Provider, v.secrets, err)
		}
	}
}

// FuzzVerify: whoever does not know the secret gets nothing past.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors() {
		for name, value := range v.header {
			f.Add(string(v.trigger.Provider), name, value, "Content-Type", "application/json", []byte(v.body))
		}
	}
	f.Fuzz(func(t *testing.T, provider, name, value, name2, value2 string, body []byte) {
		r := webhook.Request{Header: http.Header{}, Body: body, Now: time.Unix(1614265330, 0),
			URLs: []string{"https://a.example/?" + url.QueryEscape(value)}}
		r.Header.Set(name, value)
		r.Header.Set(name2, value2)
		trigger := &dayfly.WebhookTrigger{Provider: dayfly.WebhookProvider(provider), Header: "X-Sum"}
		if got, err := webhook.Verify(trigger, "dW5rbm93biBzZWNyZXQgb2YgdGhpcyB0ZXN0", r); err == nil {
			t.Errorf("%s: %q = %q with %q was taken for %+v", provider, name, value, body, got)
		}
	})
}
