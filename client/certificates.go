// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Certificate describes a certificate of a node's TLS door.
type Certificate struct {
	// Host is for whom it is served; *.example.com is for all directly below.
	Host string `json:"host"`
	// Kind is own for one that was added, and acme for one that was obtained.
	Kind        string    `json:"kind"`
	Names       []string  `json:"names"`
	Issuer      string    `json:"issuer"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, in hex
}

const certificatesPath = "/v1/certificates"

// Certificates lists the certificates of the node, by host.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	var out struct {
		Certificates []Certificate `json:"certificates"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: certificatesPath}, nil, &out)
	return out.Certificates, err
}

// PutCertificate has the node serve a certificate for a host: certificates in PEM, the
// host's first, and its key.
func (c *Client) PutCertificate(ctx context.Context, host string, chain, key []byte) (Certificate, error) {
	var out Certificate
	in := map[string]string{"certificate": string(chain), "key": string(key)}
	err := c.json(ctx, call{method: http.MethodPut, path: certificatesPath + "/" + url.PathEscape(host)}, in, &out)
	return out, err
}

// RemoveCertificate has the node forget the certificate that was put for a host.
func (c *Client) RemoveCertificate(ctx context.Context, host string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: certificatesPath + "/" + url.PathEscape(host)}, nil, nil)
}

// CertificateRoot gives the certificate of the node's local authority in PEM.
func (c *Client) CertificateRoot(ctx context.Context) (string, error) {
	var out struct {
		Certificate string `json:"certificate"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/certificate-root"}, nil, &out)
	return out.Certificate, err
}
