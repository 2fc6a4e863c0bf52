// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/dayfly-faas/dayfly"
)

const (
	// alpnChallenge is the protocol of TLS-ALPN-01.
	alpnChallenge = "acme-tls/1"
	// newPerHour bounds the hosts for which certificates are obtained for the first time:
	// the largest public authority gives 300 orders in three hours.
	newPerHour = 50
	// retryMin and retryMax are how long a host that failed is left alone, doubling.
	retryMin, retryMax = time.Minute, 6 * time.Hour
	// failuresMax bounds the hosts that are remembered to have failed.
	failuresMax = 10_000
	// cachedMax bounds the certificates in memory; others are read again.
	cachedMax = 10_000
	// rootBytesMax bounds the file of an authority's own root.
	rootBytesMax = 1 << 20
)

// ACME says which authority gives certificates.
type ACME struct {
	// Email is told to the authority, which writes there when something expires.
	Email string
	// Directory is the URL of the authority; Let's Encrypt's when empty.
	Directory string
	// RootFile holds the certificates, in PEM, that vouch for the authority's own server;
	// those of the system when empty.
	RootFile string
	// ListenHost, PlainPort and TLSPort are where the node's doors listen, for challenges.
	ListenHost         string
	PlainPort, TLSPort int
}

// acme obtains certificates.
type acme struct {
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
	files  *certmagic.FileStorage
	serves func(string) bool
	ended  sync.Once

	mu       sync.Mutex // guards what follows
	obtained map[string]bool
	failures map[string]failure
	begun    []time.Time // of the first attempts for new hosts, of the last hour
}

// failure says until when a host is left alone.
type failure struct {
	until time.Time
	wait  time.Duration
}

func openACME(cfg ACME, dir string, serves func(string) bool, log *slog.Logger) (*acme, error) {
	roots, err := readRoots(cfg.RootFile)
	if err != nil {
		return nil, err
	}
	a := &acme{serves: serves, files: &certmagic.FileStorage{Path: dir}, obtained: map[string]bool{},
		failures: map[string]failure{}}
	logger := bridge(log)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: logger, Capacity: cachedMax,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil }})
	a.config = certmagic.New(a.cache, certmagic.Config{Storage: a.files, Logger: logger, OnEvent: a.event,
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: a.decide}})
	directory := cfg.Directory
	if directory == "" {
		directory = certmagic.LetsEncryptProductionCA
	}
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{CA: directory, TestCA: directory,
		Email:  cfg.Email,
		Agreed: true, Logger: logger, TrustedRoots: roots, ListenHost: cfg.ListenHost, AltHTTPPort: cfg.PlainPort,
		AltTLSALPNPort: cfg.TLSPort})
	a.config.Issuers = []certmagic.Issuer{once{a.issuer}}
	kept, err := a.list()
	if err != nil {
		a.cache.Stop()
		return nil, err
	}
	for _, info := range kept {
		a.obtained[info.Host] = true
	}
	return a, nil
}

// once is an issuer that is asked once: the library would go on for a month, within the
// handshake that began it.
type once struct{ *certmagic.ACMEIssuer }

// Issue implements certmagic.Issuer.
func (o once) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	issued, err := o.ACMEIssuer.Issue(ctx, csr)
	if err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	return issued, nil
}

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the file of acme-root cannot be read: %w", err)
	}
	var data []byte
	if info.Size() <= rootBytesMax {
		if data, err = os.ReadFile(file); err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the file of acme-root cannot be read: %w", err)
		}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s holds no certificates in PEM", file)
	}
	return roots, nil
}

func (a *acme) close() { a.ended.Do(a.cache.Stop) }

// certificate answers a handshake. A client that does not wait for a new certificate does not
// end the order: it is there for the next one.
func (a *acme) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.config.GetCertificateWithContext(context.WithoutCancel(hello.Context()), hello)
}

// decide tells whether a certificate may be obtained for a host now.
func (a *acme) decide(_ context.Context, host string) error {
	if !a.serves(host) {
		return errors.New("no front has this host")
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, failed := a.failures[host]; failed && now.Before(f.until) {
		return fmt.Errorf("it failed before, and is tried again at %s", f.until.Format(time.RFC3339))
	}
	if a.obtained[host] {
		return nil
	}
	for len(a.begun) > 0 && now.Sub(a.begun[0]) > time.Hour {
		a.begun = a.begun[1:]
	}
	if len(a.begun) >= newPerHour {
		return fmt.Errorf("certificates for %d new hosts were asked for within the hour", newPerHour)
	}
	return nil
}

// event hears of what the library does.
func (a *acme) event(_ context.Context, event string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch event {
	case "cert_obtaining":
		if !a.obtained[host] {
			a.begun = append(a.begun, now)
		}
	case "cert_obtained":
		a.obtained[host] = true
		delete(a.failures, host)
	case "cert_failed":
		if len(a.failures) >= failuresMax {
			clear(a.failures)
		}
		wait := min(max(2*a.failures[host].wait, retryMin), retryMax)
		a.failures[host] = failure{until: now.Add(wait), wait: wait}
	}
	return nil
}

// has tells whether a host's certificate is there.
func (a *acme) has(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.obtained[host]
}

// challenge answers a request of HTTP-01, and tells whether it was one.
func (a *acme) challenge(w http.ResponseWriter, r *http.Request) bool {
	return a.issuer.HandleHTTPChallenge(w, r)
}

// list tells of what is kept.
func (a *acme) list() ([]Info, error) {
	prefix := certmagic.StorageKeys.CertsPrefix(a.issuer.IssuerKey())
	keys, err := a.files.List(context.Background(), prefix, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list obtained certificates: %w", err)
	}
	var list []Info
	for _, key := range keys {
		host, ok := strings.CutSuffix(path.Base(key), ".crt")
		if !ok {
			continue
		}
		data, err := a.files.Load(context.Background(), key)
		if err != nil {
			return nil, fmt.Errorf("read certificate of %s: %w", host, err)
		}
		block, _ := pem.Decode(data)
		if block == nil {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // what was not written whole is obtained again
		}
		list = append(list, describe(host, ACMEd, leaf))
	}
	return list, nil
}
