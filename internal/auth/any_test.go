// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
)

// fixed is an authenticator with one verdict.
type fixed struct {
	subject string
	kind    dayfly.Kind
	ask     string
}

// Authenticate implements auth.Authenticator.
func (f fixed) Authenticate(context.Context, *auth.Request) (*auth.Principal, error) {
	if f.kind != "" {
		return nil, dayfly.Errorf(f.kind, "fixed")
	}
	if f.subject == "" {
		return nil, nil
	}
	return &auth.Principal{Subject: f.subject}, nil
}

// Challenge implements auth.Authenticator.
func (f fixed) Challenge() string { return f.ask }

func TestOneOfSeveralIsEnough(t *testing.T) {
	t.Parallel()
	none, bad := fixed{}, fixed{kind: dayfly.KindUnauthenticated}
	few, cannot := fixed{kind: dayfly.KindDenied}, fixed{kind: dayfly.KindUnavailable}
	ann, bob := fixed{subject: "ann"}, fixed{subject: "bob"}
	tests := map[string]struct {
		list []auth.Authenticator
		want wants
	}{
		"nobody":                              {[]auth.Authenticator{none, none}, nobody},
		"the first that knows":                {[]auth.Authenticator{none, ann, bob}, wants{subject: "ann"}},
		"bad ones do not stand in the way":    {[]auth.Authenticator{bad, few, cannot, ann}, wants{subject: "ann"}},
		"bad ones are told":                   {[]auth.Authenticator{bad, none}, refused},
		"not to know is told before bad":      {[]auth.Authenticator{bad, cannot}, unknown},
		"few rights are told before all":      {[]auth.Authenticator{cannot, few, bad}, denied},
		"one alone":                           {[]auth.Authenticator{bad}, refused},
		"without authenticators nobody is in": {nil, nobody},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, auth.Any(test.list), request("GET", "/", ""), test.want)
		})
	}
	all := auth.Any([]auth.Authenticator{fixed{ask: "Bearer"}, fixed{}, fixed{ask: "Bearer"}, fixed{ask: `Basic realm="x"`}})
	if got, want := all.Challenge(), `Bearer, Basic realm="x"`; got != want {
		t.Errorf("Challenge = %q, want %q", got, want)
	}
}
