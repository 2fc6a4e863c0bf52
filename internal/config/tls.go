// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/mail"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// hstsMax bounds what browsers are told: the two years that preload lists want.
const hstsMax = 2 * 365 * 24 * time.Hour

// TLS is how the gateway is reached by https.
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

func setTLS(c *Config, v string) error { return setAddress(&c.TLS.Listen, v) }

func setTLSLocal(c *Config, v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "want true or false")
	}
	c.TLS.Local = on
	return nil
}

func setTLSRedirect(c *Config, v string) error {
	if v == "off" {
		c.TLS.Redirect = -1
		return nil
	}
	port, err := strconv.ParseUint(v, 10, 16)
	if err != nil || port == 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "want off, or a port from 1 to 65535")
	}
	c.TLS.Redirect = int(port)
	return nil
}

func setHSTS(c *Config, v string) error {
	d, err := quantity.ParseDuration(v)
	if err != nil || d < 0 || d > hstsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a time from 0s to 17520h")
	}
	c.TLS.HSTS = d
	return nil
}

func setACMEEmail(c *Config, v string) error {
	address, err := mail.ParseAddress(v)
	if err != nil || address.Address != v {
		return dayfly.Errorf(dayfly.KindInvalid, "want an address such as ops@example.com")
	}
	c.TLS.ACMEEmail = v
	return nil
}

func setACMEDirectory(c *Config, v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" {
		return dayfly.Errorf(dayfly.KindInvalid, "want a URL such as https://ca.example.com/directory")
	}
	c.TLS.ACMEDirectory = v
	return nil
}

func setACMERoot(c *Config, v string) error {
	path, err := filepath.Abs(v)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "is no path of a file")
	}
	c.TLS.ACMERoot = path
	return nil
}
