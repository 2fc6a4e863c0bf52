// SPDX-License-Identifier: Apache-2.0

package login

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
)

const (
	// chunkBytes is how much a cookie holds: browsers keep 4096 bytes with its name and all
	// that is said of it.
	chunkBytes = 3800
	// chunksMax bounds the cookies of a session. With others of the host they must fit into
	// what servers take as a head, often 16 KiB.
	chunksMax = 3
	// hintBytesMax bounds the ID token that is kept as a hint for logging out.
	hintBytesMax = 4 << 10
)

// session is who is logged in, as a cookie holds it.
type session struct {
	ID      string          `json:"i"`
	Subject string          `json:"s"`
	Claims  json.RawMessage `json:"c"`
	Scopes  []string        `json:"g,omitempty"`
	Ends    time.Time       `json:"e"`
	// Refresh is the token by which the session is checked with the provider from Check on.
	Refresh string    `json:"r,omitempty"`
	Check   time.Time `json:"k,omitzero"`
	// Hint is the ID token, by which the provider knows whom to log out.
	Hint string `json:"h,omitempty"`

	claims map[string]any // Claims, decoded
}

// cookieName is that of a session, and the beginning of all that are ours.
func (l *Login) cookieName(r *http.Request) string {
	if l.deps.Secure(r) {
		return "__Host-dayfly-" + l.name // by no other host or path, and over TLS only
	}
	return "dayfly-" + l.name
}

// chunkName is the name of a session's cookie with that index.
func chunkName(name string, index int) string {
	if index == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(index)
}

// cookie makes one of ours.
func (l *Login) cookie(r *http.Request, name, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: l.deps.Secure(r), SameSite: http.SameSiteLaxMode,
	}
	if age <= 0 {
		c.MaxAge = -1 // forget it
	}
	return c
}

// sessionOf gives the session of a request, or nil.
func (l *Login) sessionOf(r *http.Request) *session {
	name := l.cookieName(r)
	first, err := r.Cookie(name)
	if err != nil {
		return nil
	}
	count, text, _ := strings.Cut(first.Value, ".")
	chunks, err := strconv.Atoi(count)
	if err != nil || chunks < 1 || chunks > chunksMax {
		return nil
	}
	for i := 1; i < chunks; i++ {
		more, err := r.Cookie(chunkName(name, i))
		if err != nil {
			return nil
		}
		text += more.Value
	}
	s := &session{}
	if !l.unseal(text, aboutSession(r), s) {
		return nil
	}
	if s.claims, err = jwt.Decode(s.Claims); err != nil {
		return nil
	}
	if !l.deps.Now().Before(s.Ends) || l.deps.Sessions.ended(s.ID) {
		return nil
	}
	return s
}

// aboutSession binds a session to the host that it was made on.
func aboutSession(r *http.Request) string { return "session\n" + r.Host }

// seal encodes a value for a cookie.
func (l *Login) seal(value any, about string) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode a cookie: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(l.box.Seal(plain, about)), nil
}

// unseal reads what seal gave, and reports whether it is that.
func (l *Login) unseal(text, about string, into any) bool {
	if len(text) > chunksMax*chunkBytes {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := l.box.Open(sealed, about)
	return err == nil && json.Unmarshal(plain, into) == nil
}

// writeSession has the browser keep s. One that is too large goes without its hint, or is an
// error.
func (l *Login) writeSession(header http.Header, r *http.Request, s *session) error {
	kept := *s
	text, err := l.seal(&kept, aboutSession(r))
	if err == nil && len(text) > chunksMax*chunkBytes-2 {
		kept.Hint = ""
		text, err = l.seal(&kept, aboutSession(r))
	}
	if err != nil {
		return err
	}
	if len(text) > chunksMax*chunkBytes-2 {
		return dayfly.Errorf(dayfly.KindInvalid,
			"the provider says %d bytes about this user, more than cookies hold", len(kept.Claims)).
			WithHint("have it send fewer groups or roles, or ask for fewer scopes")
	}
	name, age := l.cookieName(r), s.Ends.Sub(l.deps.Now())
	chunks := 1 + (len(text)+1)/chunkBytes
	text = strconv.Itoa(chunks) + "." + text
	index := 0
	for chunk := range slices.Chunk([]byte(text), chunkBytes) {
		setCookie(header, l.cookie(r, chunkName(name, index), string(chunk), age))
		index++
	}
	l.forgetChunks(header, r, index)
	return nil
}

// forgetChunks has the browser forget cookies of a session from that index on, of those it
// has.
func (l *Login) forgetChunks(header http.Header, r *http.Request, from int) {
	name := l.cookieName(r)
	for i := from; i < chunksMax; i++ {
		if _, err := r.Cookie(chunkName(name, i)); err == nil {
			setCookie(header, l.cookie(r, chunkName(name, i), "", 0))
		}
	}
}

func setCookie(header http.Header, c *http.Cookie) { header.Add("Set-Cookie", c.String()) }
