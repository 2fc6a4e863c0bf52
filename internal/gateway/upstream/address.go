// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// errRefused is the end of a connection to where none may lead.
var errRefused = errors.New("link-local addresses and those of metadata services are not connected to")

// metadata are addresses at which clouds tell machines their credentials, beside those that
// are link-local.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure's wire server
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	netip.MustParsePrefix("fd00:ec2::/32"),      // AWS
	netip.MustParsePrefix("fd20:ce::/32"),       // Google
}

// refused tells whether no upstream may be at a.
func refused(a netip.Addr) bool {
	a = plain(a)
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.Is4() && a.As4() == [4]byte{255, 255, 255, 255} {
		return true
	}
	for _, p := range metadata {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// embeds are the ranges of IPv6 that lead to an IPv4 address, and where in them it stands.
var embeds = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // compatible, of old
}

// plain gives the IPv4 address that an IPv6 address is another way to write.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	for _, e := range embeds {
		if a.Is6() && e.prefix.Contains(a) && !a.IsLoopback() && !a.IsUnspecified() {
			b := a.As16()
			return netip.AddrFrom4([4]byte(b[e.at : e.at+4]))
		}
	}
	return a
}

// control is asked by the dialer about each address it is about to connect to: after the
// name was resolved, so that no second answer can lead elsewhere.
func control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	if refused(a) {
		return errRefused
	}
	return nil
}
