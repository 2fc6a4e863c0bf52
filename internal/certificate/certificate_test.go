// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/certificate"
)

// selfSigned makes a certificate for names that lasts for span, and its key.
func selfSigned(t *testing.T, span time.Duration, names ...string) (chain, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(span)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func pool(chain ...[]byte) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range chain {
		p.AppendCertsFromPEM(c)
	}
	return p
}

func TestOwnCertificatesAreServedAndKept(t *testing.T) {
	t.Parallel()
	cfg := certificate.Config{Dir: t.TempDir()}
	c, d := certificate.New(cfg, served(), slog.New(slog.DiscardHandler)), listen(t)
	d.serve(t, c)
	one, oneKey := selfSigned(t, time.Hour, "shop.example.com")
	wild, wildKey := selfSigned(t, time.Hour, "*.example.com")
	if _, err := c.Put("Shop.Example.com", one, oneKey); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put("*.example.com", wild, wildKey); err != nil {
		t.Fatal(err)
	}
	if _, body := get(t, d.client(pool(one)), "https://shop.example.com/"); body != "HTTP/2.0 shop.example.com 0" {
		t.Errorf("got %q", body)
	}
	get(t, d.client(pool(wild)), "https://other.example.com/")
	if resp, _ := get(t, d.client(nil), "http://shop.example.com/"); resp.StatusCode != http.StatusPermanentRedirect {
		t.Errorf("the plain door answers %d", resp.StatusCode)
	}
	if _, err := d.client(pool(wild)).Get("https://a.b.example.com/"); err == nil {
		t.Error("a wildcard served two labels")
	}

	again, d2 := certificate.New(cfg, served(), slog.New(slog.DiscardHandler)), listen(t)
	d2.serve(t, again)
	get(t, d2.client(pool(one)), "https://shop.example.com/")
	list, err := again.List()
	if err != nil || len(list) != 2 || list[1].Host != "shop.example.com" || list[1].Kind != certificate.Own {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if err := again.Remove("shop.example.com"); err != nil {
		t.Fatal(err)
	}
	get(t, d2.client(pool(wild)), "https://shop.example.com/")
	if err := again.Remove("shop.example.com"); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("removing it again gave %v", err)
	}
	checkModes(t, cfg.Dir)
}

func TestUselessCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	c := certificate.New(certificate.Config{Dir: t.TempDir()}, served(), slog.New(slog.DiscardHandler))
	if err := c.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain, key := selfSigned(t, time.Hour, "shop.example.com")
	_, otherKey := selfSigned(t, time.Hour, "shop.example.com")
	old, oldKey := selfSigned(t, -time.Hour, "shop.example.com")
	huge := append([]byte(strings.Repeat("#", 65<<10)), chain...)
	for name, tt := range map[string]struct {
		host       string
		chain, key []byte
		want       string
	}{
		"another host":      {"api.example.com", chain, key, "not for api.example.com"},
		"a wildcard":        {"*.example.com", chain, key, "not for"},
		"another key":       {"shop.example.com", chain, otherKey, "go together"},
		"no certificate":    {"shop.example.com", []byte("x"), key, "go together"},
		"an expired one":    {"shop.example.com", old, oldKey, "expired"},
		"too large":         {"shop.example.com", huge, key, "larger"},
		"a path for host":   {"../shop", chain, key, "no host name"},
		"a slash in host":   {"a/b.example.com", chain, key, "no host name"},
		"an empty host":     {"", chain, key, "no host name"},
		"two stars":         {"*.*.example.com", chain, key, "no host name"},
		"a port":            {"shop.example.com:443", chain, key, "no host name"},
		"a star and no dot": {"*", chain, key, "no host name"},
	} {
		if _, err := c.Put(tt.host, tt.chain, tt.key); dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestLocalAuthorityVouchesForServedHosts(t *testing.T) {
	t.Parallel()
	cfg := certificate.Config{Dir: t.TempDir(), Local: true}
	c, d := certificate.New(cfg, served("shop.test"), slog.New(slog.DiscardHandler)), listen(t)
	d.serve(t, c)
	root, err := c.Root()
	if err != nil {
		t.Fatal(err)
	}
	client := d.client(pool(root))
	for _, host := range []string{"default.localhost", "localhost", "shop.test", "127.0.0.1"} {
		get(t, client, "https://"+host+"/")
	}
	if _, err := client.Get("https://bank.example.com/"); err == nil {
		t.Error("it vouched for a host that nobody serves")
	}
	if resp, _ := get(t, client, "http://shop.test/"); resp.StatusCode != http.StatusOK {
		t.Errorf("in development the plain door answers %d", resp.StatusCode)
	}
	again := certificate.New(cfg, served(), slog.New(slog.DiscardHandler))
	if err := again.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second, err := again.Root(); err != nil || string(second) != string(root) {
		t.Errorf("after a restart there is another root, %v", err)
	}
	checkModes(t, cfg.Dir)
}

func TestClientCertificatesAreAskedForWhereAFrontWantsThem(t *testing.T) {
	t.Parallel()
	c, d := certificate.New(certificate.Config{Dir: t.TempDir(), Local: true}, served("mutual.test", "shop.test"),
		slog.New(slog.DiscardHandler)), listen(t)
	d.serve(t, c)
	root, err := c.Root()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(selfSigned(t, time.Hour, "client"))
	if err != nil {
		t.Fatal(err)
	}
	client := d.client(pool(root), pair)
	for host, want := range map[string]string{"mutual.test": "1", "shop.test": "0"} {
		if _, body := get(t, client, "https://"+host+"/"); !strings.HasSuffix(body, " "+want) {
			t.Errorf("%s saw %q, want %s certificates of the client", host, body, want)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	c, d := certificate.New(certificate.Config{Dir: t.TempDir(), Local: true}, served(), slog.New(slog.DiscardHandler)), listen(t)
	d.serve(t, c)
	root, err := c.Root()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", d.secure.Addr().String(), &tls.Config{RootCAs: pool(root), ServerName: "localhost",
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was spoken")
	}
}
