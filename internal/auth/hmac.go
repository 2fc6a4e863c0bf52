// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/webhook"
)

// signatureHeader is where the signature of the scheme "hmac" is when a front does not say.
const signatureHeader = "X-Signature"

// partBytesMin bounds each of several secrets.
const partBytesMin = 16

// signed takes requests that are signed as webhooks are.
type signed struct {
	name   string
	secret string
	scheme dayfly.WebhookTrigger
	now    func() time.Time
}

func newHMAC(h *front.HMAC, name string, d Deps) (*signed, error) {
	s := &signed{name: name, secret: string(h.Secret), now: d.Now, scheme: dayfly.WebhookTrigger{
		Provider: dayfly.WebhookProvider(cmp.Or(h.Scheme, string(dayfly.WebhookHMAC)))}}
	if s.scheme.Provider == dayfly.WebhookHMAC {
		s.scheme.Header = http.CanonicalHeaderKey(cmp.Or(h.Header, signatureHeader))
		s.scheme.Algorithm, s.scheme.Encoding = "sha256", "hex"
	} else if h.Header != "" {
		return nil, &front.Problem{Path: []string{"header"}, Message: "the scheme " + h.Scheme + " has its own header"}
	}
	// Several secrets are parted by spaces. A sentence is one secret to who wrote it, and would
	// be as weak as its shortest word.
	for _, secret := range strings.Fields(s.secret) {
		if secret != s.secret && len(secret) < partBytesMin {
			return nil, &front.Problem{Path: []string{"secret"}, Message: fmt.Sprintf(
				"spaces part several secrets, one of which has fewer than %d bytes", partBytesMin)}
		}
	}
	// A trial tells whether scheme and secret can be used at all.
	_, err := webhook.Verify(&s.scheme, s.secret, webhook.Request{Header: http.Header{}, Now: d.Now()})
	if dayfly.KindOf(err) == dayfly.KindInvalid {
		return nil, err
	}
	return s, nil
}

// Authenticate implements Authenticator.
func (s *signed) Authenticate(_ context.Context, r *Request) (*Principal, error) {
	if !webhook.Promising(&s.scheme, r.HTTP.Header) {
		return nil, nil
	}
	body, err := r.Body()
	if err != nil {
		return nil, err
	}
	scheme := s.encoding(r.HTTP.Header)
	delivery, err := webhook.Verify(&scheme, s.secret, webhook.Request{Header: r.HTTP.Header, Body: body,
		URLs: []string{r.url()}, Now: s.now()})
	if err != nil {
		return nil, err
	}
	return &Principal{Kind: KindHMAC, Name: s.name, Subject: s.name, Claims: map[string]any{
		"scheme": string(s.scheme.Provider), "delivery": delivery.ID, "type": delivery.Type}}, nil
}

// encoding says how the signature of the scheme "hmac" is written: hex or base64, with or
// without "sha256=" before it. 64 digits in hex are no base64 of 32 bytes, so that there is one
// way to read each.
func (s *signed) encoding(h http.Header) dayfly.WebhookTrigger {
	scheme := s.scheme
	if scheme.Provider != dayfly.WebhookHMAC {
		return scheme
	}
	text := h.Get(scheme.Header)
	if strings.HasPrefix(text, "sha256=") {
		scheme.SignaturePrefix = "sha256="
	}
	if _, err := hex.DecodeString(strings.TrimPrefix(text, scheme.SignaturePrefix)); err != nil {
		scheme.Encoding = "base64"
	}
	return scheme
}

// Challenge implements Authenticator: signatures are no scheme of HTTP.
func (s *signed) Challenge() string { return "" }
