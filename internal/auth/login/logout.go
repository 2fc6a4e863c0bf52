// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
)

// revokeTimeout bounds telling a provider that a refresh token is not needed any more: the
// browser waits, and is logged out anyway.
const revokeTimeout = 3 * time.Second

// logout ends the session of a browser, here and at the provider. Only pages of this host may
// ask for it.
func (l *Login) logout(w http.ResponseWriter, r *http.Request) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return dayfly.Errorf(dayfly.KindDenied, "another site asks to log out: %w", err)
	}
	s := l.sessionOf(r)
	l.forgetChunks(w.Header(), r, 0)
	m, err := l.issuer.Metadata(r.Context())
	if err != nil { // it is down: this node's part is done
		m = &issuer.Metadata{}
	}
	if s != nil {
		newest := l.deps.Sessions.newest(s)
		l.deps.Sessions.end(r.Context(), s)
		if newest != nil && newest.Refresh != "" && m.Revocation != "" {
			l.revoke(r.Context(), m, newest.Refresh)
		}
	}
	switch {
	case !wantsPage(r):
		w.WriteHeader(http.StatusNoContent)
	case m.EndSession == "" || s == nil:
		redirect(w, l.from.Logout)
	default:
		redirect(w, l.endSession(r, m, s))
	}
	return nil
}

// revoke tells the provider that a refresh token is not needed any more (RFC 7009).
func (l *Login) revoke(ctx context.Context, m *issuer.Metadata, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}
	reply, err := l.post(ctx, m, m.Revocation, form)
	if err == nil && reply.Status != http.StatusOK {
		err = &refusal{reply.Status, "revocation"}
	}
	if err != nil {
		l.deps.Log.Warn("refresh token not revoked", "project", l.deps.Project, "authenticator", l.name, "error", err)
	}
}

// endSession is where the provider logs the user out, too, and sends the browser back (OpenID
// Connect RP-Initiated Logout).
func (l *Login) endSession(r *http.Request, m *issuer.Metadata, s *session) string {
	to, err := url.Parse(m.EndSession)
	if err != nil {
		return l.from.Logout
	}
	query := to.Query()
	query.Set("client_id", l.from.ClientID)
	query.Set("post_logout_redirect_uri", l.origin(r)+l.from.Logout)
	if s.Hint != "" {
		query.Set("id_token_hint", s.Hint)
	}
	to.RawQuery = query.Encode()
	return to.String()
}
