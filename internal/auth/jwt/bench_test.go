// SPDX-License-Identifier: Apache-2.0

package jwt_test

import (
	"testing"

	"github.com/dayfly-faas/dayfly/internal/auth/issuertest"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// BenchmarkAuthenticate is on one processor: a token that is known, and tokens that are
// verified each time, by algorithm.
func BenchmarkAuthenticate(b *testing.B) {
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		for _, name := range []string{"known", "verified"} {
			b.Run(algorithm+"/"+name, func(b *testing.B) {
				w := newWorld(b)
				if name == "verified" {
					w.deps = jwt.Deps{Issuers: w.deps.Issuers, Now: w.now}
				}
				key := issuertest.NewKey(b, "k", algorithm)
				w.issuer.Publish(key)
				a := w.authenticator(b, func(j *front.JWT) { j.Algorithms = front.Algorithms() })
				claims := w.claims()
				claims["scope"], claims["email"] = "openid profile email", "ann@shop.example"
				claims["groups"] = []string{"staff", "buyers"}
				r := bearing(key.Sign(b, claims, nil))
				for b.Loop() {
					if p, err := a.Authenticate(b.Context(), r); p == nil || err != nil {
						b.Fatalf("Authenticate = %v, %v", p, err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}
