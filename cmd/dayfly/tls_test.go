// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHTTPS: browsers and programs reach a whole node by https, with the local authority's
// certificates, with some of one's own, and with certificates of their own.
func TestHTTPS(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a whole node")
	}
	skipUnlessAble(t)
	w := &tlsWorld{crashWorld: &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute},
		more: []string{"--tls", "127.0.0.1:0", "--tls-local"}}}
	w.start()
	w.clients = newIssuer(t, "clients")
	w.write("shop/clients.pem", w.clients.pem)
	w.write("shop/dayfly.yaml", tlsManifest)
	w.dayfly("deploy", filepath.Join(w.dir, "shop"))
	w.root = w.dayfly("certificate", "trust")
	t.Run("local authority", w.local)
	t.Run("own certificates", w.own)
	t.Run("certificates of clients", w.mutual)
	t.Run("faults", w.faults)
}

const tlsManifest = `project: shop
hosts: [shop.test]
auth:
  machines: {mtls: {ca: ./clients.pem, subjects: ["*.machines.test"]}}
routes:
  GET /open: {respond: {body: "open\n"}}
  GET /machines:
    auth: machines
    respond: {body: "known\n"}
    response: {header: {X-Who: principal.subject}}
`

type tlsWorld struct {
	*crashWorld
	clients *issuer
	root    string // of the local authority
}

func (w *tlsWorld) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.check(os.MkdirAll(filepath.Dir(path), 0o755))
	w.check(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// address is that of the door with TLS.
func (w *tlsWorld) address() string {
	w.t.Helper()
	log, err := os.ReadFile(filepath.Join(w.dir, "up.log"))
	w.check(err)
	all := regexp.MustCompile(`"TLS door opened".*address=(\S+)`).FindAllSubmatch(log, -1)
	if all == nil {
		w.t.Fatalf("the log tells no address of the TLS door:\n%s", log)
	}
	return string(all[len(all)-1][1])
}

// browser trusts a root, and shows a certificate if it has one.
func (w *tlsWorld) browser(root string, own ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(root)) {
		w.t.Fatalf("no root is in %q", root)
	}
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, w.address())
		}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// get gives the answer of https://HOST/PATH, and its body.
func (w *tlsWorld) get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (w *tlsWorld) local(t *testing.T) {
	for _, host := range []string{"shop.localhost", "shop.test"} {
		resp, body := w.get(t, w.browser(w.root), "https://"+host+"/open")
		if resp.StatusCode != http.StatusOK || body != "open\n" || resp.ProtoMajor != 2 {
			t.Errorf("%s: %s over %s: %s", host, resp.Status, resp.Proto, body)
		}
	}
	if strings.Contains(w.root, "PRIVATE KEY") {
		t.Error("the key of the authority is told")
	}
	if _, err := w.browser(w.root).Get("https://nobody.test/open"); err == nil {
		t.Error("a host that no project has gets a certificate")
	}
	if resp := w.plain(t); resp.StatusCode != http.StatusOK {
		t.Errorf("http is answered %s, though not everybody trusts the local authority", resp.Status)
	}
}

// plain asks by http.
func (w *tlsWorld) plain(t *testing.T) *http.Response {
	t.Helper()
	c := &http.Client{Transport: toThisMachine(t), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(w.gateway, "http://"))
	w.check(err)
	resp, _ := w.get(t, c, "http://shop.test:"+port+"/open?a=b")
	return resp
}

// own: what was added is served at once, listed, kept over a kill, replaced and removed.
func (w *tlsWorld) own(t *testing.T) {
	first, second := newIssuer(t, "first"), newIssuer(t, "second")
	add := func(from *issuer) {
		chain, key := from.sign(t, "shop.test", time.Hour)
		w.dayfly("certificate", "add", "shop.test", "--cert", w.write("chain.pem", chain), "--key", w.write("key.pem", key))
	}
	add(first)
	staying := w.browser(first.pem)
	w.get(t, staying, "https://shop.test/open")
	if list := w.dayfly("certificate", "list"); !strings.Contains(list, "shop.test") {
		t.Errorf("the list lacks the host:\n%s", list)
	}
	_, secure, err := net.SplitHostPort(w.address())
	w.check(err)
	resp, want := w.plain(t), "https://shop.test:"+secure+"/open?a=b"
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || got != want {
		t.Errorf("http is answered %s to %q, want a redirect to %s", resp.Status, got, want)
	}
	add(second)
	w.get(t, staying, "https://shop.test/open") // on the connection that there is
	w.get(t, w.browser(second.pem), "https://shop.test/open")
	if _, err := w.browser(first.pem).Get("https://shop.test/open"); err == nil {
		t.Error("a certificate that was replaced is served")
	}
	w.kill()
	w.start()
	w.get(t, w.browser(second.pem), "https://shop.test/open")
	w.get(t, w.browser(w.root), "https://shop.localhost/open") // the authority is the same
	w.dayfly("certificate", "remove", "shop.test")
	w.get(t, w.browser(w.root), "https://shop.test/open")
}

// mutual: who has a certificate of the front's is known, and nobody else.
func (w *tlsWorld) mutual(t *testing.T) {
	strangers := newIssuer(t, "strangers")
	for name, c := range map[string]struct {
		own  []tls.Certificate
		want int
	}{
		"known":            {[]tls.Certificate{w.clients.pair(t, "press.machines.test", time.Hour)}, 200},
		"another name":     {[]tls.Certificate{w.clients.pair(t, "press.evil.test", time.Hour)}, 401},
		"expired":          {[]tls.Certificate{w.clients.pair(t, "press.machines.test", -time.Minute)}, 401},
		"another's issuer": {[]tls.Certificate{strangers.pair(t, "press.machines.test", time.Hour)}, 401},
		"none":             {nil, 401},
	} {
		resp, body := w.get(t, w.browser(w.root, c.own...), "https://shop.test/machines")
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d: %s", name, resp.Status, c.want, body)
		}
		if who := resp.Header.Get("X-Who"); (who != "") != (c.want == 200) || who != "" && !strings.Contains(who, "press.machines.test") {
			t.Errorf("%s: known as %q", name, who)
		}
	}
}

// faults are named, and change nothing.
func (w *tlsWorld) faults(t *testing.T) {
	from := newIssuer(t, "faults")
	chain, key := from.sign(t, "shop.test", time.Hour)
	_, another := from.sign(t, "shop.test", time.Hour)
	old, oldKey := from.sign(t, "shop.test", -time.Minute)
	elsewhere, elsewhereKey := from.sign(t, "other.test", time.Hour)
	for name, c := range map[string]struct{ chain, key, says string }{
		"another key":  {chain, another, "key"},
		"expired":      {old, oldKey, "expired"},
		"another host": {elsewhere, elsewhereKey, "shop.test"},
		"no PEM":       {"hello", key, "PEM"},
	} {
		add := exec.CommandContext(t.Context(), filepath.Join(binary, "dayfly"), "certificate", "add", "shop.test",
			"--cert", w.write("chain.pem", c.chain), "--key", w.write("key.pem", c.key))
		add.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data"), "DAYFLY_URL=" + w.api}
		if out, err := add.CombinedOutput(); err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v, want %q in:\n%s", name, err, c.says, out)
		}
	}
	w.get(t, w.browser(w.root), "https://shop.test/open")
}

// issuer is an authority of the test.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	i := &issuer{key: newECKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &i.key.PublicKey, i.key)
	if err == nil {
		i.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.pem = asPEM("CERTIFICATE", der)
	return i
}

// sign gives a certificate for a host, good for so long, and its key.
func (i *issuer) sign(t *testing.T, host string, good time.Duration) (chain, key string) {
	t.Helper()
	own := newECKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host},
		DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(good),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, &own.PublicKey, i.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return asPEM("CERTIFICATE", der), asPEM("PRIVATE KEY", private)
}

func (i *issuer) pair(t *testing.T, host string, good time.Duration) tls.Certificate {
	t.Helper()
	chain, key := i.sign(t, host, good)
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func asPEM(kind string, der []byte) string {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		panic(fmt.Sprint("a buffer takes all: ", err))
	}
	return b.String()
}
