// SPDX-License-Identifier: Apache-2.0

package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// Issuer is a server of an issuer.
type Issuer struct {
	URL    string
	Roots  *x509.CertPool // that vouch for it
	server *httptest.Server

	mu       sync.Mutex // guards all below
	keys     []jose.JSONWebKey
	changes  map[string]any // of the metadata
	header   http.Header
	down     bool
	fetches  int
	override http.HandlerFunc
}

// Start runs an issuer without keys until the test ends.
func Start(t testing.TB) *Issuer {
	i := newIssuer(t, httptest.NewTLSServer)
	i.Roots = x509.NewCertPool()
	i.Roots.AddCert(i.server.Certificate())
	return i
}

// StartPlain runs one without TLS, which only clients on this machine may take.
func StartPlain(t testing.TB) *Issuer { return newIssuer(t, httptest.NewServer) }

func newIssuer(t testing.TB, start func(http.Handler) *httptest.Server) *Issuer {
	i := &Issuer{header: http.Header{}, changes: map[string]any{}}
	i.server = start(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	i.URL = i.server.URL
	return i
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if i.override != nil {
		i.override(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		metadata := map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
		for name, value := range i.changes {
			metadata[name] = value
		}
		_ = json.NewEncoder(w).Encode(metadata)
	case "/keys":
		i.fetches++
		for name, values := range i.header {
			w.Header()[name] = values
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.keys})
	default:
		http.NotFound(w, r)
	}
}

// Fetches is how often keys were asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// SetDown makes each answer a failure, or stops that.
func (i *Issuer) SetDown(down bool) { i.change(func() { i.down = down }) }

// Serve answers each request by serve from now on.
func (i *Issuer) Serve(serve http.HandlerFunc) { i.change(func() { i.override = serve }) }

// Say changes a member of the metadata.
func (i *Issuer) Say(name string, value any) { i.change(func() { i.changes[name] = value }) }

// SetCache has keys answered with that Cache-Control.
func (i *Issuer) SetCache(control string) {
	i.change(func() { i.header.Set("Cache-Control", control) })
}

// Publish makes keys the ones that the issuer has. Keys of secrets stay what they are.
func (i *Issuer) Publish(keys ...*Key) {
	i.change(func() {
		i.keys = nil
		for _, key := range keys {
			i.keys = append(i.keys, key.Public)
		}
	})
}

func (i *Issuer) change(how func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	how()
}

// Claims are those of a token of the issuer for that audience, good for an hour from now.
func (i *Issuer) Claims(audience string, now time.Time) map[string]any {
	return map[string]any{
		"iss": i.URL, "aud": audience, "sub": "ann", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// Key is a key of an issuer.
type Key struct {
	Algorithm string
	Private   crypto.Signer
	Public    jose.JSONWebKey
}

// NewKey makes a key with that identity for that algorithm.
func NewKey(t testing.TB, kid, algorithm string) *Key {
	t.Helper()
	var private crypto.Signer
	var err error
	switch algorithm {
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatalf("make a key for %s: %v", algorithm, err)
	}
	return &Key{Algorithm: algorithm, Private: private,
		Public: jose.JSONWebKey{Key: private.Public(), KeyID: kid, Use: "sig"}}
}

// Sign makes a token of claims. What header gives is put into the token's header.
func (k *Key) Sign(t testing.TB, claims, header map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatalf("encode claims: %v", err)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if k.Public.KeyID != "" {
		options = options.WithHeader("kid", k.Public.KeyID)
	}
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	with := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Algorithm), Key: k.Private}
	signer, err := jose.NewSigner(with, options)
	if err != nil {
		t.Fatalf("make a signer: %v", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatalf("write a token: %v", err)
	}
	return text
}
