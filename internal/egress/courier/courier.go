// SPDX-License-Identifier: Apache-2.0

package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// urlBytesMax bounds a URL that a user names: longer ones are refused by servers.
	urlBytesMax = 2048
	// exchangeTimeout bounds a whole exchange, redirects included: who is told of an
	// outcome takes it and works later.
	exchangeTimeout = 15 * time.Second
	// dialTimeout bounds looking a name up, and each attempt to connect.
	dialTimeout = 5 * time.Second
	// replyHeadMax and replyBytesMax bound what is read of an answer, which nobody
	// looks at but for its status.
	replyHeadMax, replyBytesMax = 16 << 10, 64 << 10
	// redirectsMax is how often an answer may send the client elsewhere.
	redirectsMax = 3
	// addressesMax is how many addresses of a name are tried.
	addressesMax = 4
	// connsPerHostMax keeps one slow receiver from taking every descriptor.
	connsPerHostMax = 64
)

// Client speaks HTTP to addresses that users name: callbacks and destinations. It reaches
// what sandboxes may reach and nothing else, whatever a name resolves to and wherever an
// answer redirects, but for what is allowed. No proxy is used: it would connect on
// behalf of anybody.
type Client struct {
	allow  []netip.Prefix
	blocks func(netip.Addr) (bool, error)
	doing  *http.Client
}

// New makes a client that is kept from what blocks tells, but for the addresses in allow.
func New(allow []netip.Prefix, blocks func(netip.Addr) (bool, error)) *Client {
	c := &Client{allow: allow, blocks: blocks}
	c.doing = &http.Client{
		Timeout: exchangeTimeout, CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			DialContext: c.dial, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
			ResponseHeaderTimeout: exchangeTimeout, IdleConnTimeout: 30 * time.Second,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 8, MaxConnsPerHost: connsPerHostMax,
			MaxResponseHeaderBytes: replyHeadMax,
		},
	}
	return c
}

// CheckURL tells whether a URL can be sent to, as far as that shows without asking
// anybody: its form, and the address if it holds one. The error is of kind invalid, or
// denied.
func (c *Client) CheckURL(text string) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(u.Hostname())
	if isLocalhost(u.Hostname()) {
		a, err = loopback, nil
	}
	if err != nil {
		return nil // a name: what it resolves to counts, when it is used
	}
	return c.check(a, u.Hostname())
}

// parseURL reads a URL and refuses what no receiver needs and what hides where it leads.
func parseURL(text string) (*url.URL, error) {
	invalid := func(format string, args ...any) (*url.URL, error) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	if len(text) > urlBytesMax {
		return invalid("the URL has %d bytes, at most %d are allowed", len(text), urlBytesMax)
	}
	u, err := url.Parse(text)
	if err != nil {
		return invalid("%.80q is not a URL", text)
	}
	port, portErr := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("the URL %.80q begins with neither http:// nor https://", text)
	case u.Hostname() == "":
		return invalid("the URL %.80q names no host", text)
	case u.User != nil:
		return invalid("the URL holds a user name or a password; use a token in its path or query")
	case u.Port() != "" && (portErr != nil || port == 0):
		return invalid("the URL names port %q, which is not a number from 1 to 65535", u.Port())
	}
	return u, nil
}

// Do sends a request and gives the answer, whose body is cut off where nobody looks at it
// any more. An error of kind invalid or denied will not go away; any other may.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.CheckURL(req.URL.String()); err != nil {
		return nil, err
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "dayfly")
	}
	resp, err := c.doing.Do(req)
	if err != nil {
		return nil, doError(req.Context(), err)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, replyBytesMax), resp.Body}
	return resp, nil
}

// doError keeps the kind of a refusal, and calls the rest what may be better next time.
func doError(ctx context.Context, err error) error {
	var known *dayfly.Error
	var wrapped *url.Error
	var timeout net.Error
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return dayfly.Errorf(dayfly.KindCanceled, "send to a URL: %w", ctx.Err())
	case errors.As(err, &timeout) && timeout.Timeout():
		return dayfly.Errorf(dayfly.KindTimeout, "no answer within %s", exchangeTimeout)
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	return dayfly.Errorf(dayfly.KindUnavailable, "%w", err)
}

// checkRedirect follows a redirect that keeps method and body, and only to where the
// first URL could have led. Others are the answer.
func checkRedirect(next *http.Request, before []*http.Request) error {
	if next.Method != before[0].Method {
		return http.ErrUseLastResponse
	}
	if len(before) > redirectsMax {
		return dayfly.Errorf(dayfly.KindDenied, "the answer redirects more than %d times", redirectsMax)
	}
	if before[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return dayfly.Errorf(dayfly.KindDenied, "the answer redirects from https to %s", next.URL.Scheme)
	}
	if _, err := parseURL(next.URL.String()); err != nil {
		return dayfly.Errorf(dayfly.KindDenied, "the answer redirects: %w", err)
	}
	return nil
}

// dial connects to a host: its name is looked up once, and only addresses that may be
// reached are tried. The kernel is told no other address than was checked.
func (c *Client) dial(ctx context.Context, _, target string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, fmt.Errorf("split %s: %w", target, err)
	}
	addresses, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout, Control: c.control}
	var failed error
	for _, a := range addresses {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		failed = err
	}
	return nil, failed
}

// resolve gives the addresses of a host that may be reached. An error of kind denied says
// that there are others only.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var found []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{a}
	} else if isLocalhost(host) {
		found = []netip.Addr{loopback} // RFC 6761: nobody is asked
	} else {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, fmt.Errorf("look up %s: %w", host, err)
		}
	}
	var reachable []netip.Addr
	var refused error
	for _, a := range found {
		if err := c.check(a, host); err != nil {
			refused = err
		} else if len(reachable) < addressesMax {
			reachable = append(reachable, a.Unmap())
		}
	}
	if len(reachable) == 0 {
		if refused == nil {
			refused = dayfly.Errorf(dayfly.KindUnavailable, "%s has no address", host)
		}
		return nil, refused
	}
	return reachable, nil
}

// control looks at the address once more, right before the connection is made.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return dayfly.Errorf(dayfly.KindDenied, "%s is no address", address)
	}
	return c.check(at.Addr(), at.Addr().String())
}

// check refuses an address that sandboxes are kept from, unless it is allowed.
func (c *Client) check(a netip.Addr, host string) error {
	a = a.Unmap().WithZone("")
	for _, p := range c.allow {
		if p.Contains(a) {
			return nil
		}
	}
	blocked, err := c.blocks(a)
	if err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "the host's own addresses are not known: %w", err)
	}
	if !blocked {
		return nil
	}
	what := a.String()
	if host != what {
		what = host + " is " + what + ", which"
	}
	return dayfly.Errorf(dayfly.KindDenied,
		"%s is not a public IPv4 address: nothing is sent to this host or its networks", what).
		WithHint("an operator allows some with: dayfly up --callback-allow %s", example(a))
}

// loopback is where names of this machine lead.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// example is the range that would have to be allowed for the address.
func example(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }
