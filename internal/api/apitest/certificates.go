// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	apicertificates "github.com/dayfly-faas/dayfly/internal/api/certificates"
	"github.com/dayfly-faas/dayfly/internal/certificate"
)

// certificates are the real thing with a local authority, made when first used.
func certificates(t testing.TB) apicertificates.Deps {
	return apicertificates.Deps{Certificates: lateCertificates{sync.OnceValue(func() *certificate.Certificates {
		nobody := func(string) bool { return false }
		c := certificate.New(certificate.Config{Dir: t.TempDir(), Local: true},
			certificate.Hosts{Serves: nobody, Mutual: nobody}, slog.New(slog.DiscardHandler))
		if err := c.Open(context.Background()); err != nil {
			t.Errorf("open certificates: %v", err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	})}}
}

type lateCertificates struct {
	open func() *certificate.Certificates
}

// List implements certificates.Certificates.
func (l lateCertificates) List() ([]certificate.Info, error) { return l.open().List() }

// Put implements certificates.Certificates.
func (l lateCertificates) Put(host string, chain, key []byte) (certificate.Info, error) {
	return l.open().Put(host, chain, key)
}

// Remove implements certificates.Certificates.
func (l lateCertificates) Remove(host string) error { return l.open().Remove(host) }

// Root implements certificates.Certificates.
func (l lateCertificates) Root() ([]byte, error) { return l.open().Root() }
