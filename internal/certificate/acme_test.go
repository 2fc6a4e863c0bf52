// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/dayfly-faas/dayfly/internal/certificate"
)

// authority is a whole ACME server: Let's Encrypt's own for tests. It finds every host on
// this machine, at the ports of the doors.
type authority struct {
	directory string // URL
	rootFile  string // vouches for the server
	roots     *x509.CertPool
	orders    atomic.Int64
}

func startAuthority(t *testing.T, plainPort, tlsPort int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	store := db.NewMemoryStore()
	authorities := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	validation := va.New(quiet, plainPort, tlsPort, false, startNames(t), store)
	front := wfe.New(quiet, store, validation, authorities, []string{"ca.example"}, false, false, 1, 1)
	a := &authority{roots: x509.NewCertPool()}
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/order-plz") {
			a.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.directory = server.URL + wfe.DirectoryPath
	a.rootFile = filepath.Join(t.TempDir(), "root.pem")
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.rootFile, own, 0o600); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(authorities.GetRootCert(0).Cert)
	return a
}

// startNames serves names: all of them are this machine.
func startNames(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{Listener: l, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(r)
			if q := r.Question[0]; q.Qtype == dns.TypeA {
				rr, _ := dns.NewRR(q.Name + " 1 IN A 127.0.0.1")
				m.Answer = append(m.Answer, rr)
			}
			_ = w.WriteMsg(m)
		})}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return l.Addr().String()
}

// doors are a plain and a TLS listener with a small site behind them.
type doors struct {
	plain, secure net.Listener
}

func listen(t *testing.T) *doors {
	t.Helper()
	d := &doors{}
	for _, l := range []*net.Listener{&d.plain, &d.secure} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*l).Close() })
	}
	return d
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func (d *doors) serve(t *testing.T, c *certificate.Certificates) {
	t.Helper()
	if err := c.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clients := 0
		if r.TLS != nil {
			clients = len(r.TLS.PeerCertificates)
		}
		fmt.Fprintf(w, "%s %s %d", r.Proto, r.Host, clients)
	})
	silent := slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	plain := &http.Server{Handler: c.Plain(site, port(d.secure)), ErrorLog: silent}
	secure := &http.Server{Handler: c.Secure(site), ErrorLog: silent}
	go func() { _ = plain.Serve(d.plain) }()
	go func() { _ = secure.Serve(tls.NewListener(d.secure, c.TLS())) }()
	t.Cleanup(func() { _, _, _ = plain.Close(), secure.Close(), c.Close() })
}

// client reaches every host at the doors, follows no redirect, and trusts roots.
func (d *doors) client(roots *x509.CertPool, own ...tls.Certificate) *http.Client {
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ForceAttemptHTTP2: true, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				to := d.plain.Addr()
				if strings.HasSuffix(addr, ":443") {
					to = d.secure.Addr()
				}
				return new(net.Dialer).DialContext(ctx, network, to.String())
			}},
	}
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func served(hosts ...string) certificate.Hosts {
	return certificate.Hosts{
		Serves: func(host string) bool {
			for _, h := range hosts {
				if h == host {
					return true
				}
			}
			return false
		},
		Mutual: func(host string) bool { return strings.HasPrefix(host, "mutual.") },
	}
}

func TestCertificatesAreObtainedForHostsThatAreServed(t *testing.T) {
	d := listen(t)
	acme := startAuthority(t, port(d.plain), port(d.secure))
	dir := t.TempDir()
	cfg := certificate.Config{Dir: dir, HSTS: time.Hour, ACME: &certificate.ACME{Email: "ops@example.com",
		Directory: acme.directory, RootFile: acme.rootFile, ListenHost: "127.0.0.1", PlainPort: port(d.plain), TLSPort: port(d.secure)}}
	var words bytes.Buffer
	hosts := served("shop.example.com", "api.example.com")
	c := certificate.New(cfg, hosts, slog.New(slog.NewTextHandler(&words, nil)))
	d.serve(t, c)
	client := d.client(acme.roots)

	if resp, body := get(t, client, "http://shop.example.com/a"); resp.StatusCode != 200 || body != "HTTP/1.1 shop.example.com 0" {
		t.Errorf("before there is a certificate the plain door answers %d %s", resp.StatusCode, body)
	}
	resp, body := get(t, client, "https://shop.example.com/a")
	if body != "HTTP/2.0 shop.example.com 0" {
		t.Errorf("the first call over TLS gave %d %q; log:\n%s", resp.StatusCode, body, &words)
	}
	if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=3600" {
		t.Errorf("HSTS is %q", got)
	}
	get(t, client, "https://api.example.com/")
	ordered := acme.orders.Load()
	get(t, client, "https://shop.example.com/b")
	if ordered != 2 || acme.orders.Load() != ordered {
		t.Errorf("there were %d orders, then %d; want 2 and no more", ordered, acme.orders.Load())
	}
	if _, err := client.Get("https://stranger.example.com/"); err == nil || acme.orders.Load() != ordered {
		t.Errorf("a host that nobody serves: %v, %d orders", err, acme.orders.Load())
	}
	resp, _ = get(t, client, "http://shop.example.com/a?b=1")
	want := fmt.Sprintf("https://shop.example.com:%d/a?b=1", port(d.secure))
	if resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != want {
		t.Errorf("the plain door answers %d to %s, want 308 to %s", resp.StatusCode, resp.Header.Get("Location"), want)
	}
	list, err := c.List()
	if err != nil || len(list) != 2 || list[0].Host != "api.example.com" || list[1].Kind != certificate.ACMEd {
		t.Errorf("the list is %+v, %v", list, err)
	}
	checkModes(t, dir)

	// Another process on the same folder has them, and asks nobody.
	_ = c.Close()
	again, d2 := certificate.New(cfg, hosts, slog.New(slog.DiscardHandler)), listen(t)
	d2.serve(t, again)
	get(t, d2.client(acme.roots), "https://shop.example.com/")
	if acme.orders.Load() != ordered {
		t.Errorf("after a restart there are %d orders, want %d", acme.orders.Load(), ordered)
	}
}

// checkModes wants that nobody but the owner reads anything.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if path != dir && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		files++
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestHostsThatFailAreLeftAlone(t *testing.T) {
	d := listen(t)
	elsewhere := listen(t) // where the authority looks, and nobody answers
	acme := startAuthority(t, port(elsewhere.plain), port(elsewhere.secure))
	_, _ = elsewhere.plain.Close(), elsewhere.secure.Close()
	c := certificate.New(certificate.Config{Dir: t.TempDir(), ACME: &certificate.ACME{Directory: acme.directory,
		RootFile: acme.rootFile, ListenHost: "127.0.0.1", PlainPort: port(d.plain), TLSPort: port(d.secure)}},
		served("shop.example.com"), slog.New(slog.DiscardHandler))
	d.serve(t, c)
	client := d.client(acme.roots)
	if resp, err := client.Get("https://shop.example.com/"); err == nil {
		t.Fatalf("a host that cannot be proven got a certificate: %v", resp.Status)
	}
	ordered := acme.orders.Load()
	for range 3 {
		if _, err := client.Get("https://shop.example.com/"); err == nil {
			t.Fatal("it has a certificate now")
		}
	}
	if ordered == 0 || acme.orders.Load() != ordered {
		t.Errorf("there were %d orders, then %d; want some and no more", ordered, acme.orders.Load())
	}
}
