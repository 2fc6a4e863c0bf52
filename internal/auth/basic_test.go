// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func hashOf(t testing.TB, text string, cost int) front.Secret {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(text), cost)
	if err != nil {
		t.Fatal(err)
	}
	return front.Secret(hash)
}

func basicOf(user, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}

func TestUsersComeInWithTheirPasswords(t *testing.T) {
	t.Parallel()
	a := build(t, front.Auth{Basic: &front.Basic{Users: map[string]front.Secret{
		"ann": hashOf(t, "pass:word", bcrypt.MinCost), "zoé": hashOf(t, "größe", bcrypt.MinCost)}}}, deps(nil))
	ann := basicOf("ann", "pass:word")
	tests := map[string]struct {
		header []string
		want   wants
	}{
		"a password with a colon":    {[]string{ann}, wants{subject: "ann"}},
		"the scheme in another case": {[]string{strings.Replace(ann, "Basic", "bASIC", 1)}, wants{subject: "ann"}},
		"names that are not ASCII":   {[]string{basicOf("zoé", "größe")}, wants{subject: "zoé"}},
		"a wrong password":           {[]string{basicOf("ann", "password")}, refused},
		"no password":                {[]string{basicOf("ann", "")}, refused},
		"somebody else's password":   {[]string{basicOf("ann", "größe")}, refused},
		"an unknown user":            {[]string{basicOf("bob", "pass:word")}, refused},
		"an unknown user, any name":  {[]string{basicOf("bob", "größe")}, refused},
		"another case of the name":   {[]string{basicOf("Ann", "pass:word")}, refused},
		"no user":                    {[]string{basicOf("", "pass:word")}, refused},
		"a very long password":       {[]string{basicOf("ann", strings.Repeat("p", 4000))}, refused},
		"no colon":                   {[]string{"Authorization: Basic YW5u"}, refused},
		"no base64":                  {[]string{"Authorization: Basic %%%"}, refused},
		"nothing":                    {[]string{"Authorization: Basic"}, refused},
		"no header":                  {nil, nobody},
		"another scheme":             {[]string{"Authorization: Bearer x"}, nobody},
		"the header twice":           {[]string{ann, ann}, refused},
		"two schemes":                {[]string{"Authorization: Bearer x", ann}, refused},
		"in the address only":        {nil, nobody},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, a, request("GET", "http://ann:pass@shop/", "", test.header...), test.want)
		})
	}
}

// Somebody who guesses names learns nothing: for each guess a hash is computed, in the same
// bounded line as for users that exist, and the answers are alike.
func TestUnknownUsersAreHashedAsKnownOnes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "nobody"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := build(t, front.Auth{Basic: &front.Basic{Users: map[string]front.Secret{
				"ann": hashOf(t, "password", 10)}}}, deps(nil))
			texts, busy := flood(t, a, name)
			if busy == 0 {
				t.Error("the line of passwords never filled: no hash was computed")
			}
			want := []string{"the user name or the password is wrong"}
			if !slices.Equal(texts, want) {
				t.Errorf("answers are %q, want %q", texts, want)
			}
		})
	}
}

// flood guesses many passwords of a user at once. It gives the different refusals, and how
// often the line was full.
func flood(t *testing.T, a auth.Authenticator, user string) (texts []string, busy int64) {
	t.Helper()
	var all sync.WaitGroup
	var full atomic.Int64
	var told sync.Map
	start := make(chan struct{})
	for i := range 40 {
		all.Go(func() {
			<-start
			r := request("GET", "/", "", basicOf(user, fmt.Sprintf("guess%d", i)))
			_, err := a.Authenticate(context.Background(), r)
			switch dayfly.KindOf(err) {
			case dayfly.KindExhausted:
				full.Add(1)
			default:
				told.Store(fmt.Sprint(err), true)
			}
		})
	}
	close(start)
	all.Wait()
	told.Range(func(text, _ any) bool { texts = append(texts, text.(string)); return true })
	return texts, full.Load()
}

func TestBasicSaysWhatItWants(t *testing.T) {
	t.Parallel()
	users := map[string]front.Secret{"ann": hashOf(t, "password", bcrypt.MinCost)}
	a := build(t, front.Auth{Basic: &front.Basic{Realm: `the "shop"`, Users: users}}, deps(nil))
	if got, want := a.Challenge(), `Basic realm="the \"shop\"", charset="UTF-8"`; got != want {
		t.Errorf("Challenge = %s, want %s", got, want)
	}
	if got := problem(t, front.Auth{Basic: &front.Basic{}}); !slices.Equal(got.Path, []string{"basic", "users"}) {
		t.Errorf("no users are a problem at %v", got.Path)
	}
	plain := front.Basic{Users: map[string]front.Secret{"ann": "hunter22"}}
	got := problem(t, front.Auth{Basic: &plain})
	if !slices.Equal(got.Path, []string{"basic", "users", "ann"}) || strings.Contains(got.Error(), "hunter22") {
		t.Errorf("a password that is no hash is a problem at %v: %v", got.Path, got)
	}
}
