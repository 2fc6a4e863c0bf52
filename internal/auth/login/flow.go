// SPDX-License-Identifier: Apache-2.0

package login

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// flowTime is how long a person may take at the provider.
	flowTime = 10 * time.Minute
	// flowsMax is how many tabs of a browser may be logging in at a time; the oldest go. Each
	// has a cookie of up to two KiB.
	flowsMax = 4
	// returnBytesMax bounds where to go back to; longer ones lead to the front page.
	returnBytesMax = 1024
	// tagBytes is how much of a state tells flows of one browser apart, in cookies' names.
	tagBytes = 8
	// errorBytesMax bounds what is shown of a provider's words.
	errorBytesMax = 200
)

// flow is a login that is under way, as a cookie holds it.
type flow struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	Return   string    `json:"r"`
	Callback string    `json:"c"`
	Till     time.Time `json:"t"`
}

func aboutFlow(r *http.Request) string { return "flow\n" + r.Host }

func (l *Login) flowName(r *http.Request, state string) string {
	return l.cookieName(r) + "-flow-" + state[:min(tagBytes, len(state))]
}

// random gives 256 bits as text.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin sends the browser to the provider.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, back string) error {
	m, err := l.issuer.Metadata(r.Context())
	if err != nil {
		return err
	}
	if m.Authorization == "" || m.Token == "" {
		return dayfly.Errorf(dayfly.KindUnavailable, "%s is no provider that logs users in", l.issuer.URL)
	}
	to, err := url.Parse(m.Authorization)
	if err != nil {
		return fmt.Errorf("read the address to log in at: %w", err)
	}
	f := &flow{
		State: random(), Nonce: random(), Verifier: random(), Return: l.localReturn(back),
		Callback: l.origin(r) + l.from.Path + "/callback", Till: l.deps.Now().Add(flowTime),
	}
	text, err := l.seal(f, aboutFlow(r))
	if err != nil {
		return err
	}
	l.forgetFlows(w.Header(), r)
	setCookie(w.Header(), l.cookie(r, l.flowName(r, f.State), text, flowTime))

	challenge := sha256.Sum256([]byte(f.Verifier))
	query := to.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": l.from.ClientID, "redirect_uri": f.Callback,
		"scope": strings.Join(l.from.Scopes, " "), "state": f.State, "nonce": f.Nonce,
		"code_challenge":        base64.RawURLEncoding.EncodeToString(challenge[:]),
		"code_challenge_method": "S256",
	} {
		query.Set(name, value)
	}
	to.RawQuery = query.Encode()
	redirect(w, to.String())
	return nil
}

// forgetFlows makes room for one more.
func (l *Login) forgetFlows(header http.Header, r *http.Request) {
	type one struct {
		name string
		till time.Time
	}
	var flows []one
	for _, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, l.flowName(r, "")) {
			continue
		}
		var f flow
		_ = l.unseal(c.Value, aboutFlow(r), &f) // one that is not ours is the oldest
		flows = append(flows, one{c.Name, f.Till})
	}
	slices.SortFunc(flows, func(a, b one) int { return a.till.Compare(b.till) })
	for i := range len(flows) - flowsMax + 1 {
		setCookie(header, l.cookie(r, flows[i].name, "", 0))
	}
}

// redirect sends the browser elsewhere; the answer is for this moment and this browser.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// localReturn gives a path of this host to go back to: text, if it is one, in the only form
// that browsers do not read as another host.
func (l *Login) localReturn(text string) string {
	strange := func(c rune) bool { return c <= ' ' || c == '\\' || c == '#' || c >= 0x7f }
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > returnBytesMax, strings.ContainsFunc(text, strange),
		!strings.HasPrefix(text, "/"), strings.HasPrefix(text, "//"), u.Scheme != "", u.Host != "":
		return "/"
	}
	// Dot segments are resolved before the browser asks: /.//evil.example stays a path, and
	// /auth/../auth/login leads here again.
	if clean := path.Clean(u.Path); strings.HasPrefix(u.Path, "//") || strings.HasPrefix(clean+"/", l.from.Path+"/") {
		return "/"
	}
	return text
}

// callback takes a browser that comes back from the provider.
func (l *Login) callback(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuseFlow("the answer cannot be read")
	}
	f, err := l.flowOf(w, r, query)
	if err != nil {
		return err
	}
	m, err := l.issuer.Metadata(r.Context())
	if err != nil {
		return err
	}
	if from := query["iss"]; len(from) > 1 || len(from) == 1 && from[0] != l.issuer.URL ||
		len(from) == 0 && m.NamesItself {
		return refuseFlow("the answer is of another provider") // RFC 9207
	}
	if code := query.Get("error"); code != "" {
		said := cmp.Or(query.Get("error_description"), code)
		return dayfly.Errorf(dayfly.KindDenied, "the provider did not log you in: %.*q", errorBytesMax, said)
	}
	code := query["code"]
	if len(code) != 1 || code[0] == "" {
		return refuseFlow("the answer has no code")
	}
	s, err := l.exchange(r.Context(), m, f, code[0])
	if err != nil {
		return err
	}
	if err := l.writeSession(w.Header(), r, s); err != nil {
		return err
	}
	l.deps.Log.Debug("user logged in", "project", l.deps.Project, "authenticator", l.name)
	redirect(w, f.Return)
	return nil
}

func refuseFlow(why string) error {
	return dayfly.Errorf(dayfly.KindInvalid, "this login cannot go on: %s", why).WithHint("log in again")
}

// flowOf finds the flow that an answer belongs to, and has the browser forget it. There is none
// in a browser that did not start it.
func (l *Login) flowOf(w http.ResponseWriter, r *http.Request, query url.Values) (*flow, error) {
	state := query["state"]
	if len(state) != 1 || len(state[0]) < tagBytes {
		return nil, refuseFlow("the answer has no state")
	}
	name := l.flowName(r, state[0])
	c, err := r.Cookie(name)
	if err != nil {
		return nil, refuseFlow("it did not begin in this browser, or took more than ten minutes")
	}
	setCookie(w.Header(), l.cookie(r, name, "", 0))
	f := &flow{}
	if !l.unseal(c.Value, aboutFlow(r), f) ||
		subtle.ConstantTimeCompare([]byte(f.State), []byte(state[0])) != 1 ||
		f.Callback != l.origin(r)+l.from.Path+"/callback" {
		return nil, refuseFlow("it did not begin in this browser")
	}
	if !l.deps.Now().Before(f.Till) {
		return nil, refuseFlow("it took more than ten minutes")
	}
	return f, nil
}

// protocolClaims speak of the token and not of the user.
func protocolClaims() []string {
	return []string{"nonce", "at_hash", "c_hash", "s_hash", "jti", "exp", "nbf"}
}

// newSession makes the session of a user with those claims.
func (l *Login) newSession(claims map[string]any, t *tokens) (*session, error) {
	for _, name := range protocolClaims() {
		delete(claims, name)
	}
	data, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("encode claims: %w", err)
	}
	subject, _ := claims["sub"].(string)
	now := l.deps.Now()
	s := &session{
		ID: random(), Subject: subject, Claims: data, claims: claims,
		Scopes: t.scopes(l.from.Scopes), Ends: now.Add(l.session),
		Refresh: t.Refresh, Check: now.Add(t.lasts()),
	}
	if len(t.ID) <= hintBytesMax {
		s.Hint = t.ID
	}
	return s, nil
}
