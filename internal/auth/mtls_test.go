// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// party has a certificate and its key.
type party struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate by an authority, or of one when by is nil.
func issue(t testing.TB, by *party, of x509.Certificate) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	of.SerialNumber, of.BasicConstraintsValid = serial, true
	if of.NotAfter.IsZero() {
		of.NotBefore, of.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	if by == nil {
		by = &party{certificate: &of, key: key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, &of, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &party{certificate: made, key: key}
}

func authority(t testing.TB, by *party, name string) *party {
	return issue(t, by, x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: name}})
}

func client(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

func (p *party) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw}))
}

// shows is what a client shows: its certificate and those between.
func (p *party) shows(between ...*party) *tls.Certificate {
	c := &tls.Certificate{Certificate: [][]byte{p.certificate.Raw}, PrivateKey: p.key}
	for _, each := range between {
		c.Certificate = append(c.Certificate, each.certificate.Raw)
	}
	return c
}

// door is a server of HTTPS as the public door is, with an authenticator. What a request led
// to is in results.
type door struct {
	server  *httptest.Server
	results chan outcome
}

type outcome struct {
	principal *auth.Principal
	err       error
}

func openDoor(t testing.TB, a auth.Authenticator) *door {
	t.Helper()
	d := &door{results: make(chan outcome, 1)}
	d.server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p, err := a.Authenticate(r.Context(), of(r))
		d.results <- outcome{p, err}
	}))
	d.server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	d.server.StartTLS()
	t.Cleanup(d.server.Close)
	return d
}

// knock makes a handshake with a certificate, if there is one, and a request.
func (d *door) knock(t testing.TB, c *tls.Certificate, sessions tls.ClientSessionCache) (outcome, bool) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(d.server.Certificate())
	config := &tls.Config{RootCAs: roots, ClientSessionCache: sessions}
	// Whatever the server says it takes, this is shown.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if c == nil {
			return &tls.Certificate{}, nil
		}
		return c, nil
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), "GET", d.server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	defer resp.Body.Close()
	return <-d.results, resp.TLS.DidResume
}

func TestCertificatesOfClients(t *testing.T) {
	t.Parallel()
	root, stranger := authority(t, nil, "root"), authority(t, nil, "root")
	middle := authority(t, root, "middle")
	past, soon := client("cam.example.com"), client("cam.example.com")
	past.NotBefore, past.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	soon.NotBefore, soon.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	forServers, named, byURI := client("cam.example.com"), client("cam"), client("")
	forServers.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	named.DNSNames = []string{"other.org", "Cam.Example.com"}
	spiffe := &url.URL{Scheme: "spiffe", Host: "shop", Path: "/cam"}
	byURI.URIs = []*url.URL{spiffe}
	byURI.Subject.Organization = []string{"*.example.com"}
	cam := issue(t, root, client("cam.example.com"))
	below := issue(t, middle, client("cam.example.com"))
	leafAsCA := issue(t, cam, client("cam.example.com"))
	long := make([]*party, 8)
	for i := range long {
		long[i] = middle
	}

	globs := front.List{"*.EXAMPLE.com"}
	ok := wants{subject: "cam.example.com"}
	tests := map[string]struct {
		shows *tls.Certificate
		globs front.List
		want  wants
	}{
		"no certificate":                    {nil, nil, nobody},
		"one of the authority":              {cam.shows(), nil, ok},
		"one that a glob matches":           {cam.shows(), globs, ok},
		"one that no glob matches":          {issue(t, root, client("example.com")).shows(), globs, refused},
		"a glob is for the whole name":      {issue(t, root, client("a.example.com.evil.org")).shows(), globs, refused},
		"a DNS name that a glob matches":    {issue(t, root, named).shows(), globs, wants{subject: "Cam.Example.com"}},
		"the organization is no name":       {issue(t, root, byURI).shows(), globs, refused},
		"a URI, when any are let in":        {issue(t, root, byURI).shows(), nil, wants{subject: spiffe.String()}},
		"through one between":               {below.shows(middle), nil, ok},
		"through one that is not shown":     {below.shows(), nil, refused},
		"one that expired":                  {issue(t, root, past).shows(), nil, refused},
		"one that is not valid yet":         {issue(t, root, soon).shows(), nil, refused},
		"one of an authority named alike":   {issue(t, stranger, client("cam.example.com")).shows(), nil, refused},
		"with the authority that made it":   {issue(t, stranger, client("cam.example.com")).shows(stranger), nil, refused},
		"one that is for servers":           {issue(t, root, forServers).shows(), nil, refused},
		"one that a client made":            {leafAsCA.shows(cam), nil, refused},
		"one that it made itself":           {issue(t, nil, client("cam.example.com")).shows(), nil, refused},
		"more certificates than are in use": {below.shows(long...), nil, refused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := build(t, front.Auth{MTLS: &front.MTLS{CA: root.pem(), Subjects: test.globs}}, deps(nil))
			d := openDoor(t, a)
			for range 2 { // what is remembered gives the same
				got, _ := d.knock(t, test.shows, nil)
				checkOutcome(t, got, test.want)
			}
		})
	}
}

func checkOutcome(t *testing.T, got outcome, want wants) {
	t.Helper()
	has := wants{kind: dayfly.KindOf(got.err)}
	if got.principal != nil {
		has.subject = got.principal.Subject
	}
	if has != want {
		t.Errorf("Authenticate = %+v (error %v), want %+v", has, got.err, want)
	}
}

func TestCertificatesCountOnResumedConnections(t *testing.T) {
	t.Parallel()
	root := authority(t, nil, "root")
	cam := issue(t, root, client("cam"))
	d := openDoor(t, build(t, front.Auth{MTLS: &front.MTLS{CA: root.pem()}}, deps(nil)))
	sessions, resumed := tls.NewLRUClientSessionCache(4), false
	for range 5 {
		got, again := d.knock(t, cam.shows(), sessions)
		checkOutcome(t, got, wants{subject: "cam"})
		resumed = resumed || again
	}
	if !resumed {
		t.Error("no connection was resumed")
	}
}

func TestARememberedCertificateExpires(t *testing.T) {
	t.Parallel()
	root := authority(t, nil, "root")
	dep := deps(nil)
	now := time.Now()
	dep.Now = func() time.Time { return now }
	a := build(t, front.Auth{MTLS: &front.MTLS{CA: root.pem()}}, dep)
	of := client("cam")
	of.NotBefore, of.NotAfter = now.Add(-time.Hour), now.Add(10*time.Second)
	r := request("GET", "/", "")
	r.HTTP.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{issue(t, root, of).certificate}}
	check(t, a, r, wants{subject: "cam"})
	now = now.Add(11 * time.Second)
	check(t, a, r, refused)
}

// The same certificate may be of use in one front and of none in another.
func TestFrontsShareNoVerdictsAboutCertificates(t *testing.T) {
	t.Parallel()
	ours, theirs := authority(t, nil, "root"), authority(t, nil, "root")
	cam := issue(t, ours, client("cam"))
	d := deps(nil)
	r := request("GET", "/", "")
	r.HTTP.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cam.certificate}}
	check(t, build(t, front.Auth{MTLS: &front.MTLS{CA: ours.pem()}}, d), r, wants{subject: "cam"})
	check(t, build(t, front.Auth{MTLS: &front.MTLS{CA: theirs.pem()}}, d), r, refused)
}

func TestWithoutTLSThereAreNoCertificates(t *testing.T) {
	t.Parallel()
	root := authority(t, nil, "root")
	a := build(t, front.Auth{MTLS: &front.MTLS{CA: root.pem()}}, deps(nil))
	cam := issue(t, root, client("cam"))
	// Headers by which proxies tell of certificates are the client's own here.
	forged := request("GET", "http://shop/", "", "X-Forwarded-Client-Cert: "+url.QueryEscape(cam.pem()),
		"Ssl-Client-Verify: SUCCESS", "X-Ssl-Client-S-Dn: CN=cam")
	forged.HTTP.TLS = nil
	check(t, a, forged, nobody)
	if _, err := a.Authenticate(context.Background(), forged); err != nil {
		t.Error(err)
	}
}

func TestAuthoritiesThatAreNoneAreProblems(t *testing.T) {
	t.Parallel()
	cam := authority(t, nil, "root")
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: cam.certificate.Raw}))
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for name, text := range map[string]string{"nothing": "", "spaces": " \n", "no PEM": "hello", "a key": key,
		"a broken one": broken, "one and more": cam.pem() + "hello", "one and a broken one": cam.pem() + broken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problem(t, front.Auth{MTLS: &front.MTLS{CA: text}})
			if len(got.Path) != 2 || got.Path[0] != "mtls" || got.Path[1] != "ca" {
				t.Errorf("the problem is at %v", got.Path)
			}
		})
	}
}
