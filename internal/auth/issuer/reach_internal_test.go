// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReachOfAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]reach{
		"93.184.216.34:443": public, "[2606:2800:220:1::1]:443": public,
		"127.0.0.1:80": loopback, "127.9.9.9:80": loopback, "[::1]:80": loopback, "[::ffff:127.0.0.1]:80": loopback,
		"10.0.0.1:443": private, "172.16.0.1:443": private, "192.168.1.1:443": private, "100.64.0.1:443": private,
		"[fd12::1]:443": private, "[::ffff:10.0.0.1]:443": private, "[64:ff9b::a00:1]:443": private, "[2002:a00:1::]:443": private,
		"169.254.169.254:80": nowhere, "[fe80::1%eth0]:443": nowhere, "[fd00:ec2::254]:80": nowhere,
		"[::ffff:169.254.169.254]:80": nowhere, "[64:ff9b::a9fe:a9fe]:80": nowhere, "[2002:a9fe:a9fe::]:80": nowhere,
		"100.100.100.200:80": nowhere, "168.63.129.16:80": nowhere, "192.0.0.192:80": nowhere,
		"0.0.0.0:80": nowhere, "[::]:80": nowhere, "[::a9fe:a9fe]:80": nowhere, "224.0.0.1:80": nowhere,
		"255.255.255.255:80": nowhere, "240.0.0.1:80": nowhere, "[ff02::1]:80": nowhere, "nonsense": nowhere,
	} {
		if got := reachOf(address); got != want {
			t.Errorf("reachOf(%s) = %d, want %d", address, got, want)
		}
	}
}

// TestPublicIssuersDoNotReachInside holds that what a public issuer names is not asked for on
// this machine.
func TestPublicIssuersDoNotReachInside(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for within, fine := range map[reach]bool{public: false, private: false, loopback: true} {
		for _, host := range []string{address, strings.Replace(address, "127.0.0.1", "keys.localhost", 1)} {
			conn, err := dialer(within)(context.Background(), "tcp", host)
			if (err == nil) != fine {
				t.Errorf("from reach %d, %s: %v; want reached %t", within, host, err, fine)
			}
			if conn != nil {
				_ = conn.Close()
			}
		}
	}
}

func TestURLsThatAreNotAskedAreRefused(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"https://id.example/keys": true, "http://localhost:9000/": true, "http://a.localhost/": true, "http://[::1]:1/": true,
		"http://id.example/": false, "http://localhost.evil.example/": false, "http://127.0.0.2/": false,
		"ftp://id.example/": false, "https:///keys": false, "https://user@id.example/": false, "https://a.example/#x": false,
		"//id.example": false, "": false, "https://" + strings.Repeat("a", 3000): false,
	} {
		if _, err := checkURL(text); (err == nil) != fine {
			t.Errorf("checkURL(%.60s) = %v, want fine %t", text, err, fine)
		}
	}
}

// FuzzKeys holds that no set of keys makes reading or using it panic.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`), "RS256")
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`), "ES256")
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`), "EdDSA")
	f.Fuzz(func(t *testing.T, data []byte, algorithm string) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		for _, key := range keys.Find("", algorithm) {
			if key.Verify(algorithm, []byte("x"), make([]byte, 64)) == nil {
				t.Errorf("%s verifies zeros", data)
			}
		}
	})
}
