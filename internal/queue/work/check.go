// SPDX-License-Identifier: Apache-2.0

package work

import (
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// headBytesMax bounds everything else that a caller sends with an event.
	headBytesMax = 96 << 10
	// keyBytesMax bounds idempotency and order keys, as providers' own do.
	keyBytesMax = 256
	// urlBytesMax bounds a callback's address: what browsers and proxies take.
	urlBytesMax = 2 << 10
	// delayMax is how far ahead an event may be due: a year and a day.
	delayMax = 366 * 24 * time.Hour
	// DepthMax bounds chains of functions that are each other's destinations, as AWS
	// bounds its loops.
	DepthMax = 16
)

// Check reports the first thing that is out of its bounds at that time.
func (e *Entry) Check(now time.Time) error {
	invalid := func(format string, args ...any) error {
		return dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	switch {
	case !ValidID(e.ID):
		return invalid("event id %q is not valid: use up to 64 letters, digits and dashes", e.ID)
	case len(e.Key) > keyBytesMax:
		return invalid("the idempotency key has %d bytes, at most %d are allowed", len(e.Key), keyBytesMax)
	case len(e.OrderKey) > keyBytesMax:
		return invalid("the order key has %d bytes, at most %d are allowed", len(e.OrderKey), keyBytesMax)
	case len(e.Trigger) > keyBytesMax:
		return invalid("the trigger's name has %d bytes, at most %d are allowed", len(e.Trigger), keyBytesMax)
	case e.After.Sub(now) > delayMax:
		return invalid("the event is due in %s, at most a year and a day ahead is allowed",
			e.After.Sub(now).Round(time.Second))
	case e.Depth > DepthMax:
		return invalid("the event passed %d functions that are each other's destinations: a loop", e.Depth)
	case headBytes(e) > headBytesMax:
		return invalid("headers and attributes have %d bytes, at most %d are allowed", headBytes(e), headBytesMax)
	}
	return checkCallback(e.Callback)
}

func checkCallback(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case len(address) > urlBytesMax:
		return dayfly.Errorf(dayfly.KindInvalid, "the callback's address has %d bytes, at most %d are allowed",
			len(address), urlBytesMax)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return dayfly.Errorf(dayfly.KindInvalid, "the callback %q is no http or https address", address)
	case u.User != nil:
		return dayfly.Errorf(dayfly.KindInvalid, "the callback's address has credentials in it")
	}
	return nil
}

// headBytes estimates what an entry takes beside its body.
func headBytes(e *Entry) int {
	n := len(e.Key) + len(e.OrderKey) + len(e.Callback)
	if c := e.Call; c != nil {
		n += len(c.Method) + len(c.Path) + len(c.RawQuery) + len(c.Host) + len(c.RemoteAddr)
		for name, values := range c.Header {
			for _, v := range values {
				n += len(name) + len(v) + 8
			}
		}
	}
	if ev := e.Event; ev != nil {
		n += len(ev.ID) + len(ev.Source) + len(ev.Type) + len(ev.Subject) + len(ev.ContentType) + len(ev.DataSchema)
		for name, v := range ev.Extensions {
			n += len(name) + len(v) + 8
		}
	}
	return n
}
