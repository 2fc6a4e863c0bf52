// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// credentialBytesMax bounds a header or a parameter with credentials that is looked at; tokens
// have bounds of their own.
const credentialBytesMax = 8 << 10

// Keys knows API keys by their text.
type Keys interface {
	Verify(project dayfly.ProjectName, text string) (*apikey.Key, error)
}

// Functions calls functions: those of a front that are asked who is calling.
type Functions interface {
	Invoke(context.Context, *dayfly.Invocation) (*dayfly.Result, error)
}

// Deps are what authenticators of a project work with. All are needed.
type Deps struct {
	Project   dayfly.ProjectName
	Keys      Keys
	Passwords *password.Checker // one for the node: it bounds hashing
	Functions Functions
	// JWT and Login make those two kinds: packages auth/jwt and auth/login stand below this
	// one, and know it.
	JWT   func(name string, j *front.JWT) (Authenticator, error)
	Login func(name string, l *front.Login) (Authenticator, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// Build makes the authenticator that a front calls by that name. What is wrong with it is a
// *front.Problem, with a path below the authenticator.
func Build(a front.Auth, name string, d Deps) (Authenticator, error) {
	switch {
	case a.Keys != nil:
		return newKeys(a.Keys, name, d), nil
	case a.JWT != nil:
		made, err := d.JWT(name, a.JWT)
		return made, front.Within(err, "jwt")
	case a.Basic != nil:
		made, err := newBasic(a.Basic, name, d)
		return made, front.Within(err, "basic")
	case a.MTLS != nil:
		made, err := newMTLS(a.MTLS, name, d)
		return made, front.Within(err, "mtls")
	case a.HMAC != nil:
		made, err := newHMAC(a.HMAC, name, d)
		return made, front.Within(err, "hmac")
	case a.Function != nil:
		made, err := newFunction(a.Function, name, d)
		return made, front.Within(err, "function")
	case a.Login != nil:
		made, err := d.Login(name, a.Login)
		return made, front.Within(err, "login")
	}
	return nil, &front.Problem{Message: "it has no kind"}
}

// Parameters names the parameters of the query that carry credentials of a: logs must not
// tell them.
func Parameters(a front.Auth) []string {
	if a.Keys != nil && a.Keys.Query != "" {
		return []string{a.Keys.Query}
	}
	return nil
}

// only gives a header that may be there once, "" when it is not there.
func only(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", refuse("the header %s is there %d times", name, len(values))
	case len(values[0]) > credentialBytesMax:
		return "", refuse("the header %s has more than %d bytes", name, credentialBytesMax)
	}
	return values[0], nil
}

// refuse is the error for bad credentials. It tells nothing of what good ones are.
func refuse(format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindUnauthenticated, format, args...)
}

// quoted writes a text as the parameter of a challenge.
func quoted(text string) string { return fmt.Sprintf("%q", text) }
