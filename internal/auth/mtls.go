// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"path"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// chainMax bounds the certificates that a client shows: longer chains are not in use.
	chainMax = 8
	// verifiedFor is how long a chain need not be verified again.
	verifiedFor = time.Minute
	// verifiedBytes is about what a verdict takes in memory.
	verifiedBytes = 2 << 10
)

// mtls takes certificates of clients. The handshake has shown that the client has the key.
type mtls struct {
	name     string
	roots    *x509.CertPool
	subjects []string // globs, in lower case
	now      func() time.Time
	verified recent[*Principal]
}

func newMTLS(m *front.MTLS, name string, d Deps) (*mtls, error) {
	made := &mtls{name: name, roots: x509.NewCertPool(), now: d.Now}
	for rest := []byte(m.CA); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if strings.TrimSpace(string(rest)) != "" {
				return nil, &front.Problem{Path: []string{"ca"}, Message: "it holds something that is not PEM"}
			}
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, &front.Problem{Path: []string{"ca"}, Message: "it holds something that is no certificate"}
		}
		made.roots.AddCert(certificate)
	}
	if made.roots.Equal(x509.NewCertPool()) {
		return nil, &front.Problem{Path: []string{"ca"}, Message: "it holds no certificates"}
	}
	for _, glob := range m.Subjects {
		made.subjects = append(made.subjects, strings.ToLower(glob))
	}
	return made, nil
}

// Authenticate implements Authenticator.
func (m *mtls) Authenticate(_ context.Context, r *Request) (*Principal, error) {
	if r.HTTP.TLS == nil || len(r.HTTP.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	chain := r.HTTP.TLS.PeerCertificates
	if len(chain) > chainMax {
		return nil, refuse("the client shows %d certificates", len(chain))
	}
	now := m.now()
	name := nameOf(chain)
	if p, ok := m.verified.get(name, now); ok {
		return p, nil
	}
	p, err := m.verify(chain, now)
	if err != nil {
		return nil, err
	}
	until := now.Add(verifiedFor)
	for _, c := range chain {
		if c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	m.verified.put(name, p, until, verifiedBytes+len(chain[0].Raw))
	return p, nil
}

// nameOf names a chain: each certificate counts, since another may be needed to verify it.
func nameOf(chain []*x509.Certificate) digest {
	h := sha256.New()
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		_, _ = h.Write(sum[:]) // never fails
	}
	return digest(h.Sum(nil))
}

func (m *mtls) verify(chain []*x509.Certificate, now time.Time) (*Principal, error) {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: m.roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, refuse("the client's certificate is not accepted")
	}
	subject, ok := m.subject(leaf)
	if !ok {
		return nil, refuse("the client's certificate is of somebody else")
	}
	sum := sha256.Sum256(leaf.Raw)
	return &Principal{Kind: KindMTLS, Name: m.name, Subject: subject, Claims: map[string]any{
		"subject": leaf.Subject.String(), "issuer": leaf.Issuer.String(), "common_name": leaf.Subject.CommonName,
		"organization": anys(leaf.Subject.Organization), "dns_names": anys(leaf.DNSNames),
		"emails": anys(leaf.EmailAddresses), "uris": uris(leaf), "serial": leaf.SerialNumber.Text(16),
		"fingerprint": hex.EncodeToString(sum[:]), "not_after": leaf.NotAfter.UTC().Format(time.RFC3339)}}, nil
}

// subject gives who a certificate is of: the first of its names that a glob matches, or
// without globs its first name.
func (m *mtls) subject(c *x509.Certificate) (string, bool) {
	names := []string{}
	if c.Subject.CommonName != "" {
		names = append(names, c.Subject.CommonName)
	}
	names = append(names, c.DNSNames...)
	for _, name := range names {
		for _, glob := range m.subjects {
			if ok, err := path.Match(glob, strings.ToLower(name)); ok && err == nil {
				return name, true
			}
		}
	}
	if len(m.subjects) > 0 {
		return "", false
	}
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	names = append(append(names, c.EmailAddresses...), c.Subject.String())
	return names[0], true
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

func uris(c *x509.Certificate) []any {
	list := make([]any, len(c.URIs))
	for i, u := range c.URIs {
		list[i] = u.String()
	}
	return list
}

// Challenge implements Authenticator: TLS has asked for the certificate already.
func (m *mtls) Challenge() string { return "" }
