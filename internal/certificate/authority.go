// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// rootSpan is how long the local authority lasts; leafSpan, what it vouches for: less
	// than what browsers refuse.
	rootSpan, leafSpan = 10 * 365 * 24 * time.Hour, 90 * 24 * time.Hour
	// leavesMax bounds the leaves in memory: when there are more, all are made anew.
	leavesMax = 1000
	// backdate is how far clocks may be behind.
	backdate = time.Hour
)

// authority is a local authority, for development.
type authority struct {
	dir  string
	pair tls.Certificate

	mu     sync.Mutex // guards leaves
	leaves map[string]*tls.Certificate
}

// open reads the authority, or makes it.
func (a *authority) open() error {
	a.leaves = map[string]*tls.Certificate{}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return fmt.Errorf("make folder of local authority: %w", err)
	}
	file := filepath.Join(a.dir, "root"+ownSuffix)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = newRoot(time.Now()); err == nil {
			err = writeFile(file, data)
		}
	}
	if err == nil {
		a.pair, err = tls.X509KeyPair(data, data)
	}
	if err != nil {
		return fmt.Errorf("open local authority: %w", err)
	}
	return nil
}

// newRoot makes an authority: its certificate and its key, in PEM.
func newRoot(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		name = "this machine"
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Dayfly local authority of " + name, Organization: []string{"Dayfly local"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootSpan), SerialNumber: serial(),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

func serial() *big.Int {
	bytes := make([]byte, 16)
	_, _ = rand.Read(bytes) // never fails
	bytes[0] &= 0x7f
	return new(big.Int).SetBytes(bytes)
}

func (a *authority) root() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.pair.Certificate[0]})
}

// leaf gives a certificate for a host, which is good for half its span at least.
func (a *authority) leaf(host string, now time.Time) (*tls.Certificate, error) {
	if host == "" {
		host = "localhost"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert := a.leaves[host]; cert != nil && now.Add(leafSpan/2).Before(cert.Leaf.NotAfter) {
		return cert, nil
	}
	cert, err := a.vouch(host, now)
	if err != nil {
		return nil, fmt.Errorf("make certificate of %s: %w", host, err)
	}
	if len(a.leaves) >= leavesMax {
		clear(a.leaves)
	}
	a.leaves[host] = cert
	return cert, nil
}

func (a *authority) vouch(host string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"Dayfly local"}}, SerialNumber: serial(),
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafSpan),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.pair.Leaf, &key.PublicKey, a.pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{raw, a.pair.Certificate[0]}, PrivateKey: key, Leaf: leaf}, nil
}
