// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
)

const (
	// checkMin, checkMax and checkDefault are how long a session with a refresh token goes
	// on before the provider is asked. The lifetime of the access token counts between them.
	checkMin, checkMax, checkDefault = time.Minute, time.Hour, 15 * time.Minute
	// tokenBytesMax bounds each token that is kept.
	tokenBytesMax = 16 << 10
)

// tokens are what a token endpoint gives (RFC 6749, section 5.1).
type tokens struct {
	Access  string      `json:"access_token"`
	Kind    string      `json:"token_type"`
	Expires json.Number `json:"expires_in"` // seconds, as a number or, by some, as a text
	Refresh string      `json:"refresh_token"`
	ID      string      `json:"id_token"`
	Scope   string      `json:"scope"`
}

// lasts is how long what the provider said counts.
func (t *tokens) lasts() time.Duration {
	seconds, err := t.Expires.Int64()
	if err != nil || seconds <= 0 {
		return checkDefault
	}
	return min(max(time.Duration(min(seconds, 1<<31))*time.Second, checkMin), checkMax)
}

// scopes are those that were granted: those that were asked for when nothing else is said.
func (t *tokens) scopes(asked []string) []string {
	if t.Scope == "" {
		return asked
	}
	return strings.Fields(t.Scope)
}

// refusal is what a provider answers when it does not give tokens.
type refusal struct {
	status int
	code   string
}

func (e *refusal) Error() string {
	return fmt.Sprintf("the provider answered %d %.80q", e.status, e.code)
}

// isOver reports whether err says that a grant is good no more.
func isOver(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == "invalid_grant"
}

// post sends a form to an endpoint of the provider, as this client.
func (l *Login) post(ctx context.Context, m *issuer.Metadata, at string, form url.Values) (*issuer.Reply, error) {
	secret := string(l.from.ClientSecret)
	basic := len(m.TokenAuth) == 0 || slices.Contains(m.TokenAuth, "client_secret_basic")
	if secret == "" || !basic {
		form.Set("client_id", l.from.ClientID)
	}
	if secret != "" && !basic {
		form.Set("client_secret", secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask the provider: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if secret != "" && basic { // encoded as RFC 6749, section 2.3.1, wants it
		req.SetBasicAuth(url.QueryEscape(l.from.ClientID), url.QueryEscape(secret))
	}
	return m.Do(req)
}

// grant asks for tokens.
func (l *Login) grant(ctx context.Context, m *issuer.Metadata, form url.Values) (*tokens, error) {
	reply, err := l.post(ctx, m, m.Token, form)
	if err != nil {
		return nil, err
	}
	if reply.Status != http.StatusOK {
		var said struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(reply.Body, &said) // whatever it is, it is a refusal
		return nil, &refusal{reply.Status, said.Error}
	}
	t := &tokens{}
	if err := json.Unmarshal(reply.Body, t); err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if !strings.EqualFold(t.Kind, "Bearer") || len(t.Access)+len(t.Refresh)+len(t.ID) > tokenBytesMax {
		return nil, fmt.Errorf("the provider gave tokens of kind %.20q, or too long ones", t.Kind)
	}
	return t, nil
}

// exchange takes a code for the session of a user.
func (l *Login) exchange(ctx context.Context, m *issuer.Metadata, f *flow, code string) (*session, error) {
	t, err := l.grant(ctx, m, url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {f.Callback}, "code_verifier": {f.Verifier},
	})
	if isOver(err) {
		return nil, refuseFlow("its code is not good, or was used before")
	}
	if err != nil {
		return nil, unreached(err)
	}
	claims, err := l.verify(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	nonce, _ := claims["nonce"].(string)
	if subtle.ConstantTimeCompare([]byte(nonce), []byte(f.Nonce)) != 1 {
		return nil, refuseFlow("its token was made for another login")
	}
	if claims, err = l.withUserInfo(ctx, m, t, claims); err != nil {
		return nil, err
	}
	return l.newSession(claims, t)
}

// unreached is for errors that the next attempt may not have. They are the provider's, or of
// how the front is set up; users are told no more than that.
func unreached(err error) error {
	known := dayfly.Errorf(dayfly.KindUnavailable, "the provider does not log users in at the moment")
	known.Err = err
	return known
}

// verify verifies an ID token (OpenID Connect Core, section 3.1.3.7).
func (l *Login) verify(ctx context.Context, text string) (map[string]any, error) {
	good, err := l.verifier.Verify(ctx, text)
	if dayfly.KindOf(err) == dayfly.KindUnauthenticated {
		return nil, dayfly.Errorf(dayfly.KindDenied, "the provider's token is refused: %w", err)
	}
	if err != nil {
		return nil, err
	}
	subject, _ := good.Claims["sub"].(string)
	party, _ := good.Claims["azp"].(string)
	_, named := good.Claims["azp"]
	switch {
	case subject == "":
		return nil, dayfly.Errorf(dayfly.KindDenied, "the provider's token names nobody")
	case named && party != l.from.ClientID, !named && len(jwt.Texts(good.Claims["aud"])) > 1:
		return nil, dayfly.Errorf(dayfly.KindDenied, "the provider's token is for another client")
	}
	return good.Claims, nil
}

// withUserInfo adds what the provider tells about the user beside the token. What the token
// says is signed, and counts.
func (l *Login) withUserInfo(
	ctx context.Context, m *issuer.Metadata, t *tokens, claims map[string]any,
) (map[string]any, error) {
	if m.UserInfo == "" || t.Access == "" || len(l.from.Scopes) == 1 {
		return claims, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfo, nil)
	if err != nil {
		return nil, fmt.Errorf("ask about the user: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+t.Access)
	req.Header.Set("Accept", "application/json")
	reply, err := m.Do(req)
	if err != nil {
		return nil, unreached(err)
	}
	if reply.Status != http.StatusOK {
		return nil, unreached(&refusal{reply.Status, "user info"})
	}
	told, err := jwt.Decode(reply.Body)
	if err != nil {
		return nil, unreached(fmt.Errorf("read what is told about the user: %w", err))
	}
	if told["sub"] != claims["sub"] {
		return nil, dayfly.Errorf(dayfly.KindDenied, "the provider tells about another user")
	}
	maps.Copy(told, claims)
	return told, nil
}
