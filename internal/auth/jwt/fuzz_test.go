// SPDX-License-Identifier: Apache-2.0

package jwt_test

import (
	"encoding/json"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// FuzzToken holds that no text is a good token but those that were signed, and that bad ones
// are refused and not a failure.
func FuzzToken(f *testing.F) {
	w := newWorld(f)
	key := issuertest.NewKey(f, "k", "ES256")
	w.issuer.Publish(key)
	a := w.authenticator(f, func(j *front.JWT) { j.Algorithms = front.Algorithms() })
	good := key.Sign(f, w.claims(), nil)
	for _, text := range []string{good, good[:len(good)-4], "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "a.b.c.d.e"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := a.Authenticate(t.Context(), bearing(text))
		switch {
		case p != nil && text != good:
			t.Errorf("%q is good", text)
		case err != nil && dayfly.KindOf(err) != dayfly.KindUnauthenticated:
			t.Errorf("%q is a failure: %v", text, err)
		}
	})
}

// FuzzDecode holds that claims are read as encoding/json reads them, if they are read at all.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{`{"a":1}`, `{"a":{"b":[1.5,null,"x",true]}}`, `{"a":1,"a":2}`, `[]`, `{"a":1e999}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := jwt.Decode(data)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil || len(want) != len(got) {
			t.Fatalf("Decode(%q) = %v, and encoding/json says %v, %v", data, got, want, err)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("Decode(%q) cannot be written again: %v", data, err)
		}
	})
}
