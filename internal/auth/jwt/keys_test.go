// SPDX-License-Identifier: Apache-2.0

package jwt_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func TestRotatedKeysAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, after := issuertest.NewKey(t, "1", "ES256"), issuertest.NewKey(t, "2", "ES256")
	w.issuer.Publish(before)
	a := w.authenticator(t, nil)
	old := before.Sign(t, w.claims(), nil)
	accepted(t, a, old)
	w.pass(20 * time.Second)
	w.issuer.Publish(before, after)
	accepted(t, a, after.Sign(t, w.claims(), nil))
	accepted(t, a, old)

	// The issuer takes the first one back: a verdict by it does not stand.
	w.issuer.Publish(after)
	w.pass(20 * time.Minute)
	eventually(t, "the old key is forgotten", func() bool {
		_, err := a.Authenticate(t.Context(), bearing(old))
		return err != nil
	})
	refused(t, a, old, "a key that its issuer does not have")
}

// eventually polls for what happens in the background.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen within a minute: %s", what)
		}
		time.Sleep(time.Millisecond) // the pace of polling
	}
}

func TestUnknownKeysAreAskedForRarely(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issuer.Publish(issuertest.NewKey(t, "own", "ES256"))
	a := w.authenticator(t, nil)
	evil := issuertest.NewKey(t, "", "ES256")
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			refused(t, a, evil.Sign(t, w.claims(), map[string]any{"kid": fmt.Sprint(i)}), "does not have")
		})
	}
	wait.Wait()
	if got := w.issuer.Fetches(); got > 2 {
		t.Errorf("the issuer was asked %d times for 200 tokens with unknown keys, want at most 2", got)
	}
	w.pass(11 * time.Second)
	refused(t, a, evil.Sign(t, w.claims(), map[string]any{"kid": "another"}), "does not have")
	if got := w.issuer.Fetches(); got != 2 {
		t.Errorf("the issuer was asked %d times in all, want 2", got)
	}
}

func TestManyRequestsAskOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	token := key.Sign(t, w.claims(), nil)
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() { accepted(t, a, token) })
	}
	wait.Wait()
	accepted(t, w.authenticator(t, nil), token) // another front, the same issuer
	if got := w.issuer.Fetches(); got != 1 {
		t.Errorf("the issuer was asked %d times, want once", got)
	}
}

func TestKeysOutliveTheirIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	accepted(t, a, key.Sign(t, w.claims(), nil))
	w.issuer.SetDown(true)
	w.pass(23 * time.Hour)
	accepted(t, a, key.Sign(t, w.claims(), nil))
	w.pass(2 * time.Hour)
	_, err := a.Authenticate(t.Context(), bearing(key.Sign(t, w.claims(), nil)))
	if dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("a day after the issuer was last reached: %v; want unavailable", err)
	}
	w.issuer.SetDown(false)
	w.pass(6 * time.Second)
	accepted(t, a, key.Sign(t, w.claims(), nil))
}

func TestAnIssuerThatIsDownIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	w.issuer.SetDown(true)
	a := w.authenticator(t, nil)
	token := key.Sign(t, w.claims(), nil)
	for range 2 {
		_, err := a.Authenticate(t.Context(), bearing(token))
		if dayfly.KindOf(err) != dayfly.KindUnavailable {
			t.Errorf("Authenticate = %v; want unavailable, not refused", err)
		}
	}
	w.issuer.SetDown(false)
	w.pass(6 * time.Second)
	accepted(t, a, token)
}

func TestCacheControlIsKeptWithinBounds(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]time.Duration{
		"max-age=600": 10 * time.Minute, "public, max-age=1": time.Minute, "max-age=999999": time.Hour,
		"no-store": time.Minute, "": 15 * time.Minute, "max-age=x": 15 * time.Minute,
	} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := issuertest.NewKey(t, "k", "ES256")
			w.issuer.Publish(key)
			w.issuer.SetCache(control)
			a := w.authenticator(t, nil)
			ask := func() { accepted(t, a, key.Sign(t, w.claims(), nil)) }
			ask()
			w.pass(want - time.Second)
			ask()
			if got := w.issuer.Fetches(); got != 1 {
				t.Fatalf("asked %d times before %s passed, want once", got, want)
			}
			w.pass(2 * time.Second)
			ask()
			eventually(t, "keys are fetched anew", func() bool { return w.issuer.Fetches() == 2 })
		})
	}
}

func TestIssuersAreNotBelieved(t *testing.T) {
	t.Parallel()
	key := issuertest.NewKey(t, "k", "ES256")
	for name, change := range map[string]func(*issuertest.Issuer){
		"it calls itself otherwise": func(i *issuertest.Issuer) { i.Say("issuer", "https://other.example") },
		"keys over http":            func(i *issuertest.Issuer) { i.Say("jwks_uri", "http://192.0.2.1/keys") },
		"keys in a file":            func(i *issuertest.Issuer) { i.Say("jwks_uri", "file:///etc/passwd") },
		"keys of the cloud":         func(i *issuertest.Issuer) { i.Say("jwks_uri", "https://169.254.169.254/keys") },
		"no keys":                   func(i *issuertest.Issuer) { i.Say("jwks_uri", "") },
		"no usable key":             func(i *issuertest.Issuer) { i.Publish() },
		"it redirects": func(i *issuertest.Issuer) {
			i.Serve(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
			})
		},
		"it never ends": func(i *issuertest.Issuer) {
			i.Serve(func(w http.ResponseWriter, _ *http.Request) {
				for range 1 << 10 {
					_, _ = w.Write([]byte(strings.Repeat(" ", 1<<10)))
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issuer.Publish(key)
			change(w.issuer)
			a := w.authenticator(t, nil)
			p, err := a.Authenticate(t.Context(), bearing(key.Sign(t, w.claims(), nil)))
			if p != nil || dayfly.KindOf(err) != dayfly.KindUnavailable {
				t.Errorf("Authenticate = %v, %v; want unavailable", p, err)
			}
		})
	}
}

func TestKeysAreFoundWhereTheFrontSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := issuertest.NewKey(t, "k", "ES256")
	w.issuer.Publish(key)
	w.issuer.Say("jwks_uri", "https://169.254.169.254/never")
	a := w.authenticator(t, func(j *front.JWT) { j.JWKS = w.issuer.URL + "/keys" })
	accepted(t, a, key.Sign(t, w.claims(), nil))
}

func TestMemoryOfVerdictsIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Verdicts = jwt.NewVerdicts(64 << 10)
	key := issuertest.NewKey(t, "k", "EdDSA")
	w.issuer.Publish(key)
	a := w.authenticator(t, nil)
	for i := range 500 {
		accepted(t, a, key.Sign(t, w.with("sub", fmt.Sprint(i)), nil))
	}
	if got := w.deps.Verdicts.Bytes(); got > 64<<10 {
		t.Errorf("verdicts take %d bytes, want at most %d", got, 64<<10)
	}
}
