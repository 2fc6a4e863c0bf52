// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Plain is the handler of the door without TLS: it answers challenges of ACME, sends callers
// of hosts that have a certificate to https at port, and has next answer all others. Port 0
// sends nobody away.
func (c *Certificates) Plain(next http.Handler, port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.acme != nil && c.acme.challenge(w, r) {
			return
		}
		host := strings.ToLower(r.Host)
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		uri := r.URL.RequestURI()
		if _, err := checkHost(host); port == 0 || err != nil || !c.has(host) || !strings.HasPrefix(uri, "/") {
			next.ServeHTTP(w, r)
			return
		}
		if port != 443 {
			host = net.JoinHostPort(host, strconv.Itoa(port))
		}
		// 308 keeps the method. The body, and whatever secret the head had, came in the clear
		// already: clients that follow learn the address.
		w.Header().Set("Location", "https://"+host+uri)
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}

// Secure is the handler of the door with TLS: it tells browsers of hosts that have a
// certificate to stay with https, when that is wanted.
func (c *Certificates) Secure(next http.Handler) http.Handler {
	if c.cfg.HSTS == 0 {
		return next
	}
	value := "max-age=" + strconv.FormatInt(int64(c.cfg.HSTS/time.Second), 10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.has(strings.ToLower(r.TLS.ServerName)) {
			w.Header()["Strict-Transport-Security"] = []string{value}
		}
		next.ServeHTTP(w, r)
	})
}
