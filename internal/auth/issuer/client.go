// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	// exchangeTimeout bounds a whole exchange: a browser or a caller is waiting.
	exchangeTimeout = 10 * time.Second
	// dialTimeout bounds looking a name up and connecting.
	dialTimeout = 5 * time.Second
	// replyBytesMax bounds what is read of an answer: sets of keys have a few KiB.
	replyBytesMax = 512 << 10
	// replyHeadMax bounds the head of an answer.
	replyHeadMax = 32 << 10
	// urlBytesMax bounds a URL that metadata names.
	urlBytesMax = 2048
)

// client speaks HTTP to issuers, with a pool of connections for each reach.
type client struct{ of [loopback + 1]*http.Client }

// Reply is an answer, read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	from   reach // where it came from
}

func newClient(roots *x509.CertPool) *client {
	c := &client{}
	for within := range c.of {
		c.of[within] = &http.Client{
			Timeout:       exchangeTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: dialer(reach(within)), ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
				TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				IdleConnTimeout: 30 * time.Second, MaxIdleConns: 32, MaxConnsPerHost: 16,
				MaxResponseHeaderBytes: replyHeadMax,
			},
		}
	}
	return c
}

func (c *client) close() {
	for _, doing := range c.of {
		doing.CloseIdleConnections()
	}
}

// statusError is an answer that is not what was asked for.
type statusError struct {
	url    string
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered with status %d", e.url, e.status)
}

func isMissing(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.status == http.StatusNotFound
}

// get fetches a document.
func (c *client) get(ctx context.Context, address string, within reach) (*Reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %.200q: %w", address, err)
	}
	req.Header.Set("Accept", "application/json")
	reply, err := c.do(req, within)
	if err == nil && reply.Status != http.StatusOK {
		err = &statusError{address, reply.Status}
	}
	return reply, err
}

// do sends a request to an address within that reach and reads the answer.
func (c *client) do(req *http.Request, within reach) (*Reply, error) {
	if _, err := checkURL(req.URL.String()); err != nil {
		return nil, err
	}
	reply := &Reply{}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { reply.from = reachOf(info.Conn.RemoteAddr().String()) },
	}))
	req.Header.Set("User-Agent", "dayfly")
	resp, err := c.of[within].Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", req.URL.Redacted(), err)
	}
	defer resp.Body.Close()
	reply.Status, reply.Header = resp.StatusCode, resp.Header
	reply.Body, err = io.ReadAll(io.LimitReader(resp.Body, replyBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Redacted(), err)
	}
	if len(reply.Body) > replyBytesMax {
		return nil, fmt.Errorf("the answer of %s has more than %d bytes", req.URL.Redacted(), replyBytesMax)
	}
	return reply, nil
}

// checkURL wants https, or http to this machine.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > urlBytesMax || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%.200q is no URL to ask", text)
	case u.Scheme == "https" || u.Scheme == "http" && isLocal(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("%.200q must be https: keys that come over http could be anybody's", text)
}

// isLocal reports whether a host is this machine by its name alone.
func isLocal(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// dialer connects to addresses within that reach. The kernel is told no other address than
// was checked, whatever a name resolves to.
func dialer(within reach) func(context.Context, string, string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if to := reachOf(address); to == nowhere || to > within {
			return fmt.Errorf("the address %s must not be reached from here", address)
		}
		return nil
	}}
	return func(ctx context.Context, network, target string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(target)
		if err != nil {
			return nil, fmt.Errorf("split %s: %w", target, err)
		}
		if !isLocal(host) {
			return d.DialContext(ctx, network, target)
		}
		// RFC 6761: nobody is asked for localhost, so that nobody can answer otherwise.
		conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			conn, err = d.DialContext(ctx, network, net.JoinHostPort("::1", port))
		}
		return conn, err
	}
}

// reach is how near an address is: what is near may name what is far, never the other way.
type reach int

const (
	public reach = iota
	private
	loopback
	nowhere // must not be spoken to
)

// reachOf tells how near "IP:PORT" is.
func reachOf(address string) reach {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nowhere
	}
	a := at.Addr().Unmap().WithZone("")
	for _, prefix := range embedding() {
		if bytes := a.As16(); prefix.from.Contains(a) {
			a = netip.AddrFrom4([4]byte(bytes[prefix.at : prefix.at+4]))
		}
	}
	if a.IsLoopback() {
		return loopback
	}
	for _, refused := range unreachable() {
		if refused.Contains(a) {
			return nowhere
		}
	}
	switch {
	case a.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(a):
		return private
	case !a.IsGlobalUnicast():
		return nowhere
	}
	return public
}

// embedding lists the addresses of IPv6 that lead to one of IPv4, and where that stands in
// them: NAT64 and 6to4.
func embedding() []struct {
	from netip.Prefix
	at   int
} {
	return []struct {
		from netip.Prefix
		at   int
	}{
		{netip.MustParsePrefix("64:ff9b::/96"), 12},
		{netip.MustParsePrefix("2002::/16"), 2},
	}
}

// unreachable lists what no issuer can be at, though it looks like an address of hosts: "this
// network", tests and reserved ranges, and where clouds tell machines their secrets.
func unreachable() []netip.Prefix {
	list := []string{
		"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fe80::/10", "::/96", "2001::/32",
	}
	prefixes := make([]netip.Prefix, len(list))
	for i, text := range list {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}
