// SPDX-License-Identifier: Apache-2.0

package egress_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/dayfly-faas/dayfly/internal/egress"
)

// upstream is a name server on the host's loopback, for UDP and TCP. It counts the
// queries it gets.
type upstream struct {
	addr  string
	count atomic.Int64
}

// zone is what the upstream knows.
func zone() map[string][]string {
	return map[string][]string{
		"public.example. A":   {"public.example. 60 IN A 198.51.100.7"},
		"private.example. A":  {"private.example. 60 IN A 10.1.2.3"},
		"metadata.example. A": {"metadata.example. 60 IN A 169.254.169.254"},
		"host.example. A":     {"host.example. 60 IN A 192.0.2.2"},
		"mixed.example. A": {
			"mixed.example. 60 IN CNAME public.example.",
			"public.example. 60 IN A 10.1.2.3", "public.example. 60 IN A 198.51.100.7",
		},
		"public.example. AAAA": {"public.example. 60 IN AAAA 2001:db8::1"},
		"brief.example. A":     {"brief.example. 0 IN A 198.51.100.7"},
		"large.example. TXT":   large(),
	}
}

func large() []string {
	var out []string
	for i := range 20 {
		text := strings.Repeat("x", 200) + fmt.Sprint(i)
		out = append(out, fmt.Sprintf("large.example. 60 IN TXT %q", text))
	}
	return out
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	needWorld(t)
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{addr: packets.LocalAddr().String()}
	streams, err := net.Listen("tcp4", u.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
		started := make(chan struct{})
		s.Handler = u
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return u
}

// ServeDNS answers from zone.
func (u *upstream) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	u.count.Add(1)
	r := new(dns.Msg)
	r.SetReply(query)
	q := query.Question[0]
	for _, text := range zone()[dns.CanonicalName(q.Name)+" "+dns.TypeToString[q.Qtype]] {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		r.Answer = append(r.Answer, rr)
	}
	if len(r.Answer) == 0 {
		r.Rcode = dns.RcodeNameError
		soa, _ := dns.NewRR("example. 60 IN SOA ns.example. x.example. 1 2 3 4 60")
		r.Ns = []dns.RR{soa}
	}
	if w.LocalAddr().Network() == "udp" {
		r.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(r)
}

// values are the answers without names and times.
func values(r *dns.Msg) []string {
	out := []string{}
	for _, rr := range r.Answer {
		fields := strings.SplitN(rr.String(), "\t", 5)
		out = append(out, fields[3]+" "+fields[4])
	}
	return out
}

func TestNamesResolveInASandbox(t *testing.T) {
	u := newUpstream(t)
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{u.addr}})
	ns, resolver := acquire(t, n)
	const a, ok, none = dns.TypeA, dns.RcodeSuccess, dns.RcodeNameError
	public := []string{"A 198.51.100.7"}
	for name, c := range map[string]struct {
		query string
		kind  uint16
		code  int
		want  []string
	}{
		"public address":               {"public.example.", a, ok, public},
		"capitals":                     {"PUBLIC.example.", a, ok, public},
		"private address is left out":  {"private.example.", a, ok, nil},
		"metadata address is left out": {"metadata.example.", a, ok, nil},
		"host's address is left out":   {"host.example.", a, ok, nil},
		"public part is kept": {
			"mixed.example.", a, ok,
			[]string{"CNAME public.example.", "A 198.51.100.7"},
		},
		"IPv6 address is left out": {"public.example.", dns.TypeAAAA, ok, nil},
		"unknown name":             {"missing.example.", a, none, nil},
		"localhost":                {"localhost.", a, ok, []string{"A 127.0.0.1"}},
		"name below localhost":     {"a.localhost.", dns.TypeAAAA, ok, []string{"AAAA ::1"}},
		"local name stays here":    {"printer.local.", a, none, nil},
		"private reverse stays":    {"3.2.1.10.in-addr.arpa.", dns.TypePTR, none, nil},
		"reverse of loopback": {
			"1.0.0.127.in-addr.arpa.", dns.TypePTR, ok, []string{"PTR localhost."},
		},
		"zone transfer is refused": {"example.", dns.TypeAXFR, dns.RcodeRefused, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"udp4", "tcp4"} {
				r := ask(t, ns, network, resolver, c.query, c.kind)
				diff := cmp.Diff(append([]string{}, c.want...), values(r))
				if r.Rcode != c.code || diff != "" {
					t.Errorf("by %s: %s, want %s; answers (-want +got):\n%s", network,
						dns.RcodeToString[r.Rcode], dns.RcodeToString[c.code], diff)
				}
			}
		})
	}
}

func TestEmptyAnswerSaysWhy(t *testing.T) {
	u := newUpstream(t)
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{u.addr}})
	ns, resolver := acquire(t, n)
	r := ask(t, ns, "udp4", resolver, "private.example.", dns.TypeA)
	opt := r.IsEdns0()
	if opt == nil || len(opt.Option) != 1 {
		t.Fatalf("answer is %v; want an extended error", r)
	}
	if e, ok := opt.Option[0].(*dns.EDNS0_EDE); !ok || e.InfoCode != dns.ExtendedErrorCodeBlocked {
		t.Errorf("option is %v, want blocked", opt.Option[0])
	}
}

func TestLargeAnswerArrivesByTCP(t *testing.T) {
	u := newUpstream(t)
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{u.addr}})
	ns, resolver := acquire(t, n)
	if r := ask(t, ns, "udp4", resolver, "large.example.", dns.TypeTXT); !r.Truncated {
		t.Error("the UDP answer does not say that it is truncated")
	}
	if r := ask(t, ns, "tcp4", resolver, "large.example.", dns.TypeTXT); len(r.Answer) != 20 {
		t.Errorf("%d records by TCP, want 20", len(r.Answer))
	}
}

func TestAnswersAreKeptAsLongAsTheySay(t *testing.T) {
	u := newUpstream(t)
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{u.addr}})
	ns, resolver := acquire(t, n)
	for name, want := range map[string]int64{
		"public.example.": 1, "missing.example.": 1, "brief.example.": 3,
	} {
		before := u.count.Load()
		for range 3 {
			ask(t, ns, "udp4", resolver, name, dns.TypeA)
		}
		if got := u.count.Load() - before; got != want {
			t.Errorf("three queries for %s asked the upstream %d times, want %d", name, got, want)
		}
	}
}

func TestWorkingUpstreamIsFound(t *testing.T) {
	u := newUpstream(t)
	dead := "127.0.0.1:1" // nothing listens: refused at once
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{dead, u.addr}})
	ns, resolver := acquire(t, n)
	r := ask(t, ns, "udp4", resolver, "public.example.", dns.TypeA)
	if diff := cmp.Diff([]string{"A 198.51.100.7"}, values(r)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestNoUpstreamIsAServerFailure(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), Upstreams: []string{"127.0.0.1:1"}})
	ns, resolver := acquire(t, n)
	r := ask(t, ns, "udp4", resolver, "public.example.", dns.TypeA)
	if r.Rcode != dns.RcodeServerFailure {
		t.Errorf("answer is %s, want SERVFAIL", dns.RcodeToString[r.Rcode])
	}
}
