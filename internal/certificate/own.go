// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// pemBytesMax bounds a chain and a key: those that exist have a few kilobytes.
	pemBytesMax = 64 << 10
	// ownMax bounds how many hosts have own certificates: all are kept in memory.
	ownMax = 10_000
	// ownSuffix ends the files; wildcardFile stands for the star in their names.
	ownSuffix, wildcardFile = ".pem", "_wildcard"
)

// own are the certificates that the operator put in.
type own struct {
	dir string

	mu    sync.RWMutex // guards certs; held while files change, so that both agree
	certs map[string]*tls.Certificate
}

func (o *own) open(log *slog.Logger) error {
	o.certs = map[string]*tls.Certificate{}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("make folder of own certificates: %w", err)
	}
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		return fmt.Errorf("list own certificates: %w", err)
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ownSuffix)
		if !ok || len(o.certs) >= ownMax {
			continue
		}
		host := strings.Replace(name, wildcardFile, "*", 1)
		data, err := os.ReadFile(filepath.Join(o.dir, entry.Name()))
		if err == nil {
			var cert tls.Certificate
			if cert, err = tls.X509KeyPair(data, data); err == nil {
				o.certs[host] = &cert
				continue
			}
		}
		log.Error("own certificate cannot be read", "host", host, "error", err)
	}
	return nil
}

// find gives the certificate for a host, or nil.
func (o *own) find(host string) *tls.Certificate {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if cert := o.certs[host]; cert != nil {
		return cert
	}
	return o.certs[parentOf(host)]
}

func (o *own) list() []Info {
	o.mu.RLock()
	defer o.mu.RUnlock()
	list := make([]Info, 0, len(o.certs))
	for host, cert := range o.certs {
		list = append(list, describe(host, Own, cert.Leaf))
	}
	return list
}

func describe(host string, kind Kind, leaf *x509.Certificate) Info {
	sum := sha256.Sum256(leaf.Raw)
	issuer := leaf.Issuer.CommonName
	if issuer == "" {
		issuer = leaf.Issuer.String()
	}
	names := leaf.DNSNames
	if names == nil {
		names = []string{}
	}
	return Info{Host: host, Kind: kind, Names: names, Issuer: issuer, NotBefore: leaf.NotBefore,
		NotAfter: leaf.NotAfter, Fingerprint: hex.EncodeToString(sum[:])}
}

func (o *own) put(text string, chain, key []byte) (Info, error) {
	host, err := checkHost(text)
	if err != nil {
		return Info{}, err
	}
	cert, err := checkPair(host, chain, key, time.Now())
	if err != nil {
		return Info{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.certs[host] == nil && len(o.certs) >= ownMax {
		return Info{}, dayfly.Errorf(dayfly.KindExhausted, "there are %d certificates already", ownMax)
	}
	data := append(append(bytes.TrimSpace(bytes.Clone(chain)), '\n'), key...)
	if err := writeFile(o.file(host), data); err != nil {
		return Info{}, fmt.Errorf("keep certificate of %s: %w", host, err)
	}
	o.certs[host] = cert
	return describe(host, Own, cert.Leaf), nil
}

// checkPair refuses what no client would accept.
func checkPair(host string, chain, key []byte, now time.Time) (*tls.Certificate, error) {
	invalid := func(format string, args ...any) (*tls.Certificate, error) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	if len(chain) > pemBytesMax || len(key) > pemBytesMax {
		return invalid("the certificate or its key is larger than %s", dayfly.FormatBytes(pemBytesMax))
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return invalid("the certificate and the key do not go together: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	name := strings.Replace(host, "*", "any", 1)
	if err := cert.Leaf.VerifyHostname(name); err != nil {
		return invalid("the certificate is not for %s: it has %s", host, strings.Join(cert.Leaf.DNSNames, ", "))
	}
	if now.After(cert.Leaf.NotAfter) {
		return invalid("the certificate expired at %s", cert.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &cert, nil
}

func (o *own) remove(text string) error {
	host, err := checkHost(text)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.certs[host] == nil {
		return dayfly.Errorf(dayfly.KindNotFound, "there is no own certificate of %s", host)
	}
	if err := os.Remove(o.file(host)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove certificate of %s: %w", host, err)
	}
	delete(o.certs, host)
	return nil
}

func (o *own) file(host string) string {
	return filepath.Join(o.dir, strings.Replace(host, "*", wildcardFile, 1)+ownSuffix)
}

// writeFile replaces a file at once, readable for its owner only.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone by then, when all went well
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
