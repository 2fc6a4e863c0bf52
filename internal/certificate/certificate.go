// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Config says where certificates come from.
type Config struct {
	// Dir is the folder that holds them; it is made with mode 0700.
	Dir string
	// Local has the local authority vouch for every host that has nothing better.
	Local bool
	// ACME is where certificates are obtained; nil obtains none.
	ACME *ACME
	// HSTS is for how long browsers are told to use nothing but https; 0 tells them nothing.
	HSTS time.Duration
}

// Hosts knows what the node serves. Its functions are called in handshakes and must be fast.
type Hosts struct {
	// Serves tells whether some front has the host by its name or its parent's wildcard; "*"
	// alone is no reason to obtain a certificate for whatever a stranger asks for.
	Serves func(host string) bool
	// Mutual tells whether clients of the host are to be asked for a certificate.
	Mutual func(host string) bool
}

// Kind says where a certificate comes from.
type Kind string

// The kinds of certificates.
const (
	Own   Kind = "own"
	ACMEd Kind = "acme"
)

// Info describes a certificate.
type Info struct {
	Host        string    `json:"host"`
	Kind        Kind      `json:"kind"`
	Names       []string  `json:"names"`
	Issuer      string    `json:"issuer"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, in hex
}

// Certificates are the certificates of a node.
type Certificates struct {
	cfg       Config
	hosts     Hosts
	log       *slog.Logger
	own       *own
	authority *authority
	acme      *acme // nil: off
}

// New makes the certificates of a node; it opens nothing.
func New(cfg Config, hosts Hosts, log *slog.Logger) *Certificates {
	return &Certificates{cfg: cfg, hosts: hosts, log: log,
		own: &own{dir: filepath.Join(cfg.Dir, "own")}, authority: &authority{dir: filepath.Join(cfg.Dir, "local")}}
}

// Open reads what is kept.
func (c *Certificates) Open(context.Context) error {
	if err := os.MkdirAll(c.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make folder of certificates: %w", err)
	}
	if err := c.own.open(c.log); err != nil {
		return err
	}
	if c.cfg.Local {
		if err := c.authority.open(); err != nil {
			return err
		}
	}
	if c.cfg.ACME != nil {
		var err error
		c.acme, err = openACME(*c.cfg.ACME, filepath.Join(c.cfg.Dir, "acme"), c.hosts.Serves, c.log)
		return err
	}
	return nil
}

// Close ends renewals.
func (c *Certificates) Close() error {
	if c.acme != nil {
		c.acme.close()
	}
	return nil
}

// TLS is the configuration of a door for HTTP/2 and HTTP/1.1.
func (c *Certificates) TLS() *tls.Config {
	protocols := []string{"h2", "http/1.1"}
	if c.acme != nil {
		protocols = append(protocols, alpnChallenge)
	}
	plain := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: c.certificate}
	mutual := plain.Clone()
	mutual.ClientAuth = tls.RequestClientCert // verified against the front's own authority, later
	plain.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if c.hosts.Mutual(hostOf(hello)) {
			return mutual, nil
		}
		return nil, nil
	}
	return plain
}

// certificate answers a handshake.
func (c *Certificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.acme != nil && slices.Equal(hello.SupportedProtos, []string{alpnChallenge}) {
		return c.acme.certificate(hello)
	}
	host := hostOf(hello)
	if cert := c.own.find(host); cert != nil {
		return cert, nil
	}
	local := isLocal(host)
	if c.cfg.Local && (local || c.acme == nil && c.hosts.Serves(host)) {
		return c.authority.leaf(host, time.Now())
	}
	if c.acme != nil && !local {
		return c.acme.certificate(hello)
	}
	return nil, fmt.Errorf("there is no certificate for %.80q", host)
}

// has tells whether callers of host find a certificate that the public trusts.
func (c *Certificates) has(host string) bool {
	return c.own.find(host) != nil || c.acme != nil && c.acme.has(host)
}

// List tells of the certificates that are kept, by host.
func (c *Certificates) List() ([]Info, error) {
	list := c.own.list()
	if c.acme != nil {
		obtained, err := c.acme.list()
		if err != nil {
			return nil, err
		}
		list = append(list, obtained...)
	}
	slices.SortFunc(list, func(a, b Info) int {
		return strings.Compare(a.Host+" "+string(a.Kind), b.Host+" "+string(b.Kind))
	})
	return list, nil
}

// Put keeps an own certificate of a host, in the place of the one it had: certificates in
// PEM, the host's first, and its key.
func (c *Certificates) Put(host string, chain, key []byte) (Info, error) {
	info, err := c.own.put(host, chain, key)
	if err == nil {
		c.log.Info("certificate added", "host", info.Host, "expires", info.NotAfter)
	}
	return info, err
}

// Remove forgets the own certificate of a host.
func (c *Certificates) Remove(host string) error {
	if err := c.own.remove(host); err != nil {
		return err
	}
	c.log.Info("certificate removed", "host", host)
	return nil
}

// Root is the certificate of the local authority in PEM.
func (c *Certificates) Root() ([]byte, error) {
	if !c.cfg.Local {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "this node has no local authority").
			WithHint("start it with --tls-local")
	}
	return c.authority.root(), nil
}
