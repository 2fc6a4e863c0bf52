// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// hostBytesMax is what a name may have by DNS.
const hostBytesMax = 253

// hostOf is the host that a client asks for: in lower case, or the address that it connected
// to when it names none.
func hostOf(hello *tls.ClientHelloInfo) string {
	if hello.ServerName != "" {
		return strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	}
	if hello.Conn == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
	if err != nil {
		return ""
	}
	return host
}

// isLocal tells whether a host is this machine, or an address: no authority vouches for it.
func isLocal(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// checkHost takes a host name, or *.parent, for a certificate, and gives its one form.
func checkHost(text string) (string, error) {
	host := strings.ToLower(strings.TrimSuffix(text, "."))
	name := strings.TrimPrefix(host, "*.")
	invalid := dayfly.Errorf(dayfly.KindInvalid, "%.80q is no host name: write it like shop.example.com or *.example.com", text)
	if name == "" || len(host) > hostBytesMax {
		return "", invalid
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", invalid
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", invalid
			}
		}
	}
	return host, nil
}

// parentOf is the wildcard that covers a host.
func parentOf(host string) string {
	_, parent, found := strings.Cut(host, ".")
	if !found {
		return ""
	}
	return "*." + parent
}
