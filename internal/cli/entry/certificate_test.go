// SPDX-License-Identifier: Apache-2.0

package entry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
)

// writePair makes a certificate for a host, and gives the files of it and its key.
func writePair(t *testing.T, dir, host string) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, data []byte) string {
		return clitest.Write(t, dir, name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})))
	}
	return file(host+".pem", "CERTIFICATE", raw), file(host+".key", "PRIVATE KEY", encoded)
}

func TestCertificatesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	chain, key := writePair(t, t.TempDir(), "shop.example.com")
	_, other := writePair(t, t.TempDir(), "other.example.com")
	large := clitest.Write(t, t.TempDir(), "large.pem", strings.Repeat("x", 65<<10))
	for _, tt := range []struct {
		args     string
		code     int
		out, err string // parts
	}{
		{args: "certificate list", out: "HOST"},
		{args: "certificate add shop.example.com", code: 2, err: "--cert and --key"},
		{args: "certificate add shop.example.com --cert /absent --key " + key, code: 2, err: "--cert"},
		{args: "certificate add shop.example.com --cert " + large + " --key " + key, code: 2, err: "larger"},
		{args: "certificate add shop.example.com --cert " + chain + " --key " + other, code: 2, err: "do not go together"},
		{args: "certificate add blog.example.com --cert " + chain + " --key " + key, code: 2, err: "not for blog.example.com"},
		{args: "certificate add ../x --cert " + chain + " --key " + key, code: 2, err: "../x"},
		{args: "certificate add shop.example.com --cert " + chain + " --key " + key, out: "shop.example.com has a certificate"},
		{args: "certificate list", out: "own"},
		{args: "certificate list --json", out: `"host":"shop.example.com"`},
		{args: "certificate remove blog.example.com", code: 3, err: "no own certificate"},
		{args: "certificate remove shop.example.com", out: "removed"},
		{args: "certificate remove shop.example.com", code: 3, err: "no own certificate"},
	} {
		got := clitest.Run(t, n, "", strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Out, tt.out) || !strings.Contains(got.Err, tt.err) {
			t.Errorf("dayfly %s = %+v, want code %d with %q and %q", tt.args, got, tt.code, tt.out, tt.err)
		}
	}
}

func TestTrustPrintsTheRootWithoutItsKey(t *testing.T) {
	t.Parallel()
	got := clitest.Run(t, apitest.Start(t), "", "certificate", "trust")
	block, rest := pem.Decode([]byte(got.Out))
	if got.Code != 0 || block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" ||
		strings.Contains(got.Out+got.Err, "PRIVATE") || !strings.Contains(got.Err, "--help") {
		t.Fatalf("trust printed %+v", got)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !root.IsCA {
		t.Errorf("the root is %v, %v", root, err)
	}
}
