// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	apicertificates "github.com/dayfly-faas/dayfly/internal/api/certificates"
	"github.com/dayfly-faas/dayfly/internal/certificate"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
)

// TLS says how the gateway is reached by https.
type TLS struct {
	// Listen is the address, HOST:PORT; empty leaves the door out.
	Listen string
	// Local has a local authority vouch for hosts that have nothing better.
	Local bool
	// ACMEEmail and ACMEDirectory have certificates obtained when either is set; ACMERoot is
	// the file that vouches for the authority's own server.
	ACMEEmail, ACMEDirectory, ACMERoot string
	// Redirect is the port of https to which callers of http are sent; 0 is that of Listen,
	// and -1 sends nobody.
	Redirect int
	// HSTS is for how long browsers are told to stay with https; 0 tells them nothing.
	HSTS time.Duration
}

// openTLS opens the public door a second time, with TLS.
func (n *Node) openTLS(ctx context.Context) error {
	if n.cfg.TLS.Listen == "" {
		return nil
	}
	l, err := listen("TLS door", n.cfg.TLS.Listen)
	if err != nil {
		return err
	}
	n.onClose(func() error { _ = l.Close(); return nil })
	port := l.Addr().(*net.TCPAddr).Port
	certificates := certificate.New(n.certificates(port), frontHosts{n}.hosts(), n.component("certificate"))
	if err := certificates.Open(ctx); err != nil {
		return err
	}
	n.onClose(certificates.Close)
	public := n.gateway.Server
	secure := &http.Server{Handler: certificates.Secure(public.Handler), ReadHeaderTimeout: public.ReadHeaderTimeout,
		IdleTimeout: public.IdleTimeout, MaxHeaderBytes: public.MaxHeaderBytes, ErrorLog: public.ErrorLog}
	switch redirect := n.cfg.TLS.Redirect; {
	case redirect < 0:
		port = 0
	case redirect > 0:
		port = redirect
	}
	public.Handler = certificates.Plain(public.Handler, port)
	n.secure = secureDoor{certificates: certificates,
		door: door{secure, tls.NewListener(n.clients.ListenTLS(l), certificates.TLS())}}
	n.log.Info("TLS door opened", "address", l.Addr().String())
	return nil
}

// openAccessLog has requests of both public doors written down.
func (n *Node) openAccessLog(context.Context) error {
	if n.cfg.AccessLog.File == "" {
		return nil
	}
	n.accesses = journal.New(n.cfg.AccessLog, n.component("access log"))
	if err := n.accesses.Open(); err != nil {
		return err
	}
	n.gateway.Handler = n.accesses.Wrap(n.gateway.Handler)
	if n.secure.certificates != nil {
		n.secure.Handler = n.accesses.Wrap(n.secure.Handler)
	}
	return nil
}

// secureDoor is the public door with TLS, if there is one, and its certificates.
type secureDoor struct {
	door
	certificates *certificate.Certificates // nil: there is none
}

// run serves until Shutdown.
func (s secureDoor) run(ctx context.Context) error {
	if s.certificates == nil {
		return nil
	}
	return s.door.run(ctx)
}

// tlsDoor lets the management API see to the certificates.
type tlsDoor struct{ *Node }

var _ apicertificates.Certificates = tlsDoor{}

func (d tlsDoor) open() (*certificate.Certificates, error) {
	if d.secure.certificates == nil {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "this node has no door with TLS").
			WithHint("start it with --tls ADDR")
	}
	return d.secure.certificates, nil
}

// List implements certificates.Certificates.
func (d tlsDoor) List() ([]certificate.Info, error) {
	c, err := d.open()
	if err != nil {
		return nil, err
	}
	return c.List()
}

// Put implements certificates.Certificates.
func (d tlsDoor) Put(host string, chain, key []byte) (certificate.Info, error) {
	c, err := d.open()
	if err != nil {
		return certificate.Info{}, err
	}
	return c.Put(host, chain, key)
}

// Remove implements certificates.Certificates.
func (d tlsDoor) Remove(host string) error {
	c, err := d.open()
	if err != nil {
		return err
	}
	return c.Remove(host)
}

// Root implements certificates.Certificates.
func (d tlsDoor) Root() ([]byte, error) {
	c, err := d.open()
	if err != nil {
		return nil, err
	}
	return c.Root()
}

// certificates says where they come from.
func (n *Node) certificates(port int) certificate.Config {
	t := n.cfg.TLS
	cfg := certificate.Config{Dir: n.path("certificates"), Local: t.Local || n.cfg.Dev, HSTS: t.HSTS}
	if t.ACMEEmail != "" || t.ACMEDirectory != "" {
		plain := n.gateway.listener.Addr().(*net.TCPAddr)
		cfg.ACME = &certificate.ACME{Email: t.ACMEEmail, Directory: t.ACMEDirectory, RootFile: t.ACMERoot,
			ListenHost: plain.IP.String(), PlainPort: plain.Port, TLSPort: port}
	}
	return cfg
}

// frontHosts tells of the hosts that fronts have.
type frontHosts struct{ *Node }

func (f frontHosts) hosts() certificate.Hosts {
	return certificate.Hosts{
		Serves: func(host string) bool { return f.any(host, func(bool) bool { return true }) },
		Mutual: func(host string) bool { return f.any(host, func(mutual bool) bool { return mutual }) },
	}
}

// any tells whether a front that has the host, by name or by its parent's wildcard, is as
// wanted: whether it knows callers by their certificates.
func (f frontHosts) any(host string, wanted func(mutual bool) bool) bool {
	_, parent, _ := strings.Cut(host, ".")
	for _, front := range f.catalog.Fronts() {
		hosts := front.Hosts()
		if !slices.Contains(hosts, host) && !slices.Contains(hosts, "*."+parent) {
			continue
		}
		mutual := false
		for _, a := range front.Auth {
			mutual = mutual || a.MTLS != nil
		}
		if wanted(mutual) {
			return true
		}
	}
	return false
}
