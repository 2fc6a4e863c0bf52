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

	"github.com/dayfly-faas/dayfly/internal/certificate"
	"github.com/dayfly-faas/dayfly/internal/gateway"
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
	public.RegisterOnShutdown(func() {
		ctx, cancel := context.WithTimeout(context.Background(), n.cfg.DrainTimeout)
		defer cancel()
		_ = secure.Shutdown(ctx)
	})
	served := make(chan struct{})
	go func() {
		defer close(served)
		err := secure.Serve(tls.NewListener(gateway.Listen(l, connectionsMax()/2), certificates.TLS()))
		n.log.Debug("TLS door closed", "error", err)
	}()
	n.onClose(func() error { err := secure.Close(); <-served; return err })
	n.log.Info("TLS door opened", "address", l.Addr().String())
	return nil
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
