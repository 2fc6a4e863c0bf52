// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCrowdsOfClients: one address holds no more than its share of a whole node, by either
// door, and connections on which nothing happens keep nobody out.
func TestCrowdsOfClients(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a whole node")
	}
	skipUnlessAble(t)
	w := &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute}, more: []string{"--listen", "[::]:0",
		"--tls", "[::]:0", "--tls-local", "--tls-redirect", "off", "--connections", "20", "--connections-per-address", "4"}}
	w.start()
	manifest := filepath.Join(w.dir, "shop.yaml")
	w.check(os.WriteFile(manifest, []byte("project: shop\nroutes:\n  GET /: {respond: {body: fine}}\n"), 0o600))
	w.dayfly("deploy", manifest)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(w.gateway, "http://"))
	w.check(err)
	t.Run("idle", func(t *testing.T) {
		for i := range 100 { // five times what there is room for, of this machine
			if status := w.visit(t, net.JoinHostPort("127.0.0.1", port)); status != "200" {
				t.Fatalf("connection %d got %q", i, status)
			}
		}
		w.metric(t, `dayfly_connections_cut_total{reason="idle"}`)
	})
	t.Run("one address", func(t *testing.T) {
		other := otherAddress(t)
		for i := range 4 {
			if status := w.visit(t, net.JoinHostPort(other, port)); status != "200" {
				t.Fatalf("connection %d got %q", i, status)
			}
		}
		if status := w.visit(t, net.JoinHostPort(other, port)); status != "429" {
			t.Errorf("one connection too many got %q", status)
		}
		log, err := os.ReadFile(filepath.Join(w.dir, "up.log"))
		w.check(err)
		said := regexp.MustCompile(`"TLS door opened".*address=\S*:([0-9]+)`).FindSubmatch(log)
		if said == nil {
			t.Fatalf("the log tells no address of the TLS door:\n%s", log)
		}
		secure := string(said[1])
		if err := w.greet(t, net.JoinHostPort("127.0.0.1", secure)); err != nil {
			t.Errorf("by TLS from this machine: %v", err)
		}
		if err := w.greet(t, net.JoinHostPort(other, secure)); err == nil {
			t.Error("one connection too many came in by TLS")
		}
		if status := w.visit(t, net.JoinHostPort("127.0.0.1", port)); status != "200" {
			t.Errorf("this machine got %q", status)
		}
		w.metric(t, `dayfly_connections_refused_total{reason="address"} 2`)
	})
}

// visit connects, asks and stays; it gives the status, "" when the connection ended.
func (w *crashWorld) visit(t *testing.T, address string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return ""
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Status[:3]
}

// greet shakes hands by TLS, and stays.
func (w *crashWorld) greet(t *testing.T, address string) error {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return tls.Client(conn, &tls.Config{ServerName: "shop.localhost", InsecureSkipVerify: true}).HandshakeContext(t.Context())
}

// metric wants a line of the node's metrics to begin so.
func (w *crashWorld) metric(t *testing.T, want string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api+"/metrics", nil)
	w.check(err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := w.http.Do(r)
	w.check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.check(err)
	if !strings.Contains(string(text), "\n"+want) {
		t.Errorf("the metrics have no %s", want)
	}
}

// otherAddress is one of this machine that is not the loopback's.
func otherAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback's: the bound of one address cannot be reached")
	return ""
}
