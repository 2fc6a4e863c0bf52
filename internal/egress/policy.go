// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"net/netip"
	"slices"
)

const (
	// mtuDefault is Ethernet's, used where no uplink says otherwise.
	mtuDefault = 1500
	// mtuMin is below what any path of today needs; smaller ones are misreadings.
	mtuMin = 576
)

// ownRange is where every dayfly's sandboxes live: reserved for benchmarks by
// RFC 2544, hence neither on the internet nor, but for rare cases, in private use.
var ownRange = netip.MustParsePrefix("198.18.0.0/15")

// neverRanges are the destinations no sandbox reaches on any host.
func neverRanges() []netip.Prefix {
	texts := []string{
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private, RFC 1918
		"100.64.0.0/10",    // shared by carriers; some clouds' metadata
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's host channel, on a public address
		"169.254.0.0/16",   // link-local, metadata of most clouds
		"172.16.0.0/12",    // private, RFC 1918
		"192.0.0.0/24",     // protocol assignments
		"192.168.0.0/16",   // private, RFC 1918
		ownRange.String(),  // other sandboxes, of any dayfly
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
	}
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// span is a range of IPv4 addresses, both ends included.
type span struct{ first, last netip.Addr }

// policy is what follows from the host's addresses and routes. It is immutable.
type policy struct {
	blocked []span   // destinations refused, ascending, disjoint, not adjacent
	uplinks []string // interfaces that lead to the internet
	mtu     int      // smallest of the uplinks'
}

// newPolicy derives the policy for a host.
func newPolicy(h hostView) *policy {
	prefixes := append(neverRanges(), h.local...)
	mtu := mtuDefault
	for i, m := range h.uplinkMTUs {
		if i == 0 || m < mtu {
			mtu = m
		}
	}
	return &policy{
		blocked: merge(append(prefixes, h.connected...)),
		uplinks: h.uplinks,
		mtu:     min(max(mtu, mtuMin), mtuDefault),
	}
}

// blocks tells whether sandboxes are kept from a.
func (p *policy) blocks(a netip.Addr) bool {
	a = a.Unmap()
	if !a.Is4() {
		return true
	}
	i, found := slices.BinarySearchFunc(p.blocked, a, func(s span, a netip.Addr) int {
		return s.first.Compare(a)
	})
	return found || i > 0 && a.Compare(p.blocked[i-1].last) <= 0
}

func (p *policy) equal(q *policy) bool {
	return slices.Equal(p.blocked, q.blocked) &&
		slices.Equal(p.uplinks, q.uplinks) && p.mtu == q.mtu
}

// merge turns IPv4 prefixes into the fewest spans, ascending.
func merge(prefixes []netip.Prefix) []span {
	var spans []span
	for _, p := range prefixes {
		if p.Addr().Is4() {
			spans = append(spans, span{p.Masked().Addr(), lastOf(p)})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.first.Compare(b.first) })
	var out []span
	for _, s := range spans {
		if len(out) == 0 || !touches(out[len(out)-1], s) {
			out = append(out, s)
			continue
		}
		if tail := &out[len(out)-1]; tail.last.Less(s.last) {
			tail.last = s.last
		}
	}
	return out
}

// touches tells whether b, which does not start before a, overlaps or follows a
// without a gap.
func touches(a, b span) bool {
	next := a.last.Next()
	return !next.IsValid() || b.first.Compare(next) <= 0
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
