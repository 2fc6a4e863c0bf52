// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// localTTL is the time, in seconds, that answers of our own hold.
const localTTL = 60

// localReply answers what no upstream needs to be asked: names that mean the
// sandbox itself, names that exist nowhere, IPv6 addresses, which are of no use in
// a sandbox, and transfers. Nil for all others.
func localReply(q dns.Question) *dns.Msg {
	name := dns.CanonicalName(q.Name)
	switch {
	case q.Qclass != dns.ClassINET:
		return empty(dns.RcodeRefused)
	case q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR:
		return empty(dns.RcodeRefused)
	case within(name, "localhost."):
		return loopbackReply(q)
	case within(name, "invalid."), within(name, "local."), within(name, "onion."):
		return empty(dns.RcodeNameError)
	case within(name, "in-addr.arpa."), within(name, "ip6.arpa."):
		return reverseReply(q, name)
	case q.Qtype == dns.TypeAAAA:
		return empty(dns.RcodeSuccess)
	}
	return nil
}

func empty(code int) *dns.Msg { return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: code}} }

// within tells whether name is zone or below it.
func within(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

func loopbackReply(q dns.Question) *dns.Msg {
	r := empty(dns.RcodeSuccess)
	head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: localTTL}
	switch q.Qtype {
	case dns.TypeA:
		r.Answer = []dns.RR{&dns.A{Hdr: head, A: net.IPv4(127, 0, 0, 1)}}
	case dns.TypeAAAA:
		r.Answer = []dns.RR{&dns.AAAA{Hdr: head, AAAA: net.IPv6loopback}}
	}
	return r
}

// reverseReply keeps the names of private addresses private: only the host's
// resolvers would know them.
func reverseReply(q dns.Question, name string) *dns.Msg {
	labels := dns.SplitDomainName(name)
	if within(name, "ip6.arpa.") || len(labels) != 6 {
		return empty(dns.RcodeNameError)
	}
	slices.Reverse(labels)
	a, err := netip.ParseAddr(strings.Join(labels[2:], "."))
	if err != nil {
		return empty(dns.RcodeNameError)
	}
	if a.IsLoopback() && q.Qtype == dns.TypePTR {
		r := empty(dns.RcodeSuccess)
		head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: localTTL}
		r.Answer = []dns.RR{&dns.PTR{Hdr: head, Ptr: "localhost."}}
		return r
	}
	for _, p := range neverRanges() {
		if p.Contains(a) {
			return empty(dns.RcodeNameError)
		}
	}
	return nil
}
