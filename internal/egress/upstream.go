// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	resolvConf = "/etc/resolv.conf"
	// resolvCheck is how old what we know of resolvConf may be.
	resolvCheck = time.Second
	// attemptTimeout leaves time to ask two servers, or one twice.
	attemptTimeout = 1500 * time.Millisecond
	// rounds is how often the list of servers is gone through.
	rounds = 2
	// upstreamsMax is what the C library uses of resolvConf, too.
	upstreamsMax = 3
)

// upstreams are the resolvers of the host. They are asked from the host's own
// namespace, so one on a private address, or systemd-resolved's 127.0.0.53, serves.
type upstreams struct {
	fixed bool

	mu      sync.Mutex // guards all below
	servers []string
	checked time.Time
	stamp   time.Time // of resolvConf
}

func newUpstreams(servers []string) *upstreams {
	return &upstreams{fixed: len(servers) > 0, servers: slices.Clone(servers)}
}

// list gives the servers to ask, in order.
func (u *upstreams) list(now time.Time) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fixed || now.Sub(u.checked) < resolvCheck {
		return u.servers
	}
	u.checked = now
	info, err := os.Stat(resolvConf)
	if errors.Is(err, fs.ErrNotExist) {
		u.servers, u.stamp = nil, time.Time{}
		return nil
	}
	if err != nil || info.ModTime().Equal(u.stamp) {
		return u.servers
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return u.servers // half written; the next look finds it whole
	}
	u.stamp, u.servers = info.ModTime(), nil
	for _, s := range conf.Servers[:min(len(conf.Servers), upstreamsMax)] {
		u.servers = append(u.servers, net.JoinHostPort(s, conf.Port))
	}
	return u.servers
}

// ask gives the first useful answer to query. An answer that says the server could
// not find out counts only when no other server does better.
func (u *upstreams) ask(ctx context.Context, query *dns.Msg) (*dns.Msg, error) {
	servers := u.list(time.Now())
	if len(servers) == 0 {
		return nil, errors.New("no resolver is configured on this host")
	}
	var poor *dns.Msg
	var last error
	for range rounds {
		for _, server := range servers {
			r, err := exchange(ctx, question(query), server)
			switch {
			case err != nil:
				last = err
			case r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError:
				return r, nil
			default:
				poor = r
			}
			if ctx.Err() != nil {
				return nil, errors.Join(last, ctx.Err())
			}
		}
		if poor != nil {
			return poor, nil
		}
	}
	return nil, last
}

// question is what an upstream is asked: the sandbox's question with an identity and
// options of our own.
func question(query *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.Id = dns.Id()
	m.RecursionDesired = true
	m.CheckingDisabled = query.CheckingDisabled
	m.Question = query.Question
	m.SetEdns0(datagramMax, wantsSignatures(query))
	return m
}

func wantsSignatures(query *dns.Msg) bool {
	opt := query.IsEdns0()
	return opt != nil && opt.Do()
}

// exchange asks one server by UDP, and by TCP when the answer does not fit.
func exchange(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	client := &dns.Client{Net: "udp", Timeout: attemptTimeout, UDPSize: dns.MaxMsgSize - 1}
	r, _, err := client.ExchangeContext(ctx, m, server)
	if err == nil && r.Truncated {
		client.Net = "tcp"
		r, _, err = client.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	if len(r.Question) != 1 || !sameQuestion(r.Question[0], m.Question[0]) {
		return nil, fmt.Errorf("ask %s: the answer is to another question", server)
	}
	return r, nil
}

func sameQuestion(a, b dns.Question) bool {
	return dns.CanonicalName(a.Name) == dns.CanonicalName(b.Name) &&
		a.Qtype == b.Qtype && a.Qclass == b.Qclass
}
