// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// directivesMax bounds the directives of an answer that are looked at.
	directivesMax = 64
	// lifetimeMax bounds what an answer says of itself, as RFC 9111 §1.2.2 allows.
	lifetimeMax = 1<<31 - 1
	// missingMax bounds for how long an answer "not found" that says nothing is kept, so that
	// what is made is soon seen.
	missingMax = time.Minute
)

// directives are those of Cache-Control, by their names in lower case.
type directives map[string]string

// parse reads Cache-Control, RFC 9111 §5.2. Of several of a name the first counts, but of
// numbers the least.
func parse(lines []string) directives {
	d := directives{}
	rest := strings.Join(lines, ",")
	for len(d) < directivesMax {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			break
		}
		var name, value string
		name, value, rest = directive(rest)
		before, twice := d[name]
		if twice && seconds(before) <= seconds(value) {
			continue
		}
		d[name] = value
	}
	return d
}

// directive takes the first one off a list.
func directive(text string) (name, value, rest string) {
	end := strings.IndexAny(text, "=,")
	if end < 0 {
		end = len(text)
	}
	name, rest = strings.ToLower(strings.TrimSpace(text[:end])), text[end:]
	if !strings.HasPrefix(rest, "=") {
		return name, "", rest
	}
	rest = strings.TrimLeft(rest[1:], " \t")
	if strings.HasPrefix(rest, `"`) {
		closing := strings.IndexByte(rest[1:], '"')
		if closing < 0 {
			return name, rest[1:], ""
		}
		value, rest = rest[1:closing+1], rest[closing+2:]
		if comma := strings.IndexByte(rest, ','); comma >= 0 {
			return name, value, rest[comma:]
		}
		return name, value, ""
	}
	if end = strings.IndexByte(rest, ','); end < 0 {
		end = len(rest)
	}
	return name, strings.TrimSpace(rest[:end]), rest[end:]
}

func (d directives) has(name string) bool { _, ok := d[name]; return ok }

// span gives the seconds of a directive; what is no number is none, and so stale.
func (d directives) span(name string) (time.Duration, bool) {
	value, ok := d[name]
	return time.Duration(seconds(value)) * time.Second, ok
}

func seconds(text string) int64 {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > lifetimeMax {
		return lifetimeMax
	}
	return n
}

// asked is what of a request decides whether its answer may be kept.
type asked struct {
	authenticated bool // or it has Authorization
	cookie        bool
	own           bool // the key holds who is calling, and somebody is
}

// decision is what becomes of an answer.
type decision struct {
	keep       bool
	lifetime   time.Duration
	implied    bool // the route says so, not the answer
	shared     bool // it may answer authenticated requests too
	revalidate bool // each time, before it is used
	while      time.Duration
	ifError    time.Duration
}

// decide tells whether an answer may be kept: RFC 9111 §3, for a shared cache, and stricter
// where an answer could be meant for one person.
func (p *Policy) decide(a asked, status int, h http.Header) decision {
	control := parse(h["Cache-Control"])
	// RFC 9213: what is said to such caches alone counts in place of the rest.
	targeted := parse(h["Cdn-Cache-Control"])
	if len(targeted) > 0 {
		control = targeted
	}
	d := decision{shared: control.has("public") || control.has("s-maxage") || control.has("must-revalidate")}
	if !keepable(status, h) || control.has("no-store") && !control.has("must-understand") {
		return d
	}
	if control.has("private") && !a.own || a.authenticated && !a.own && !d.shared {
		return d
	}
	d.revalidate = control.has("no-cache")
	said := p.lifetime(&d, control, h, len(targeted) > 0)
	if !said && !d.revalidate {
		d.lifetime, d.implied = p.impliedFor(a, status), true
	}
	if !control.has("must-revalidate") && !control.has("proxy-revalidate") && !d.revalidate {
		var tells bool
		if d.while, tells = control.span("stale-while-revalidate"); !tells && d.lifetime > 0 {
			d.while = p.stale
		}
		d.ifError, _ = control.span("stale-if-error")
	}
	d.keep = d.lifetime > 0 || (said || d.revalidate) && (h.Get("Etag") != "" || h.Get("Last-Modified") != "")
	if said && d.lifetime == 0 && d.while+d.ifError > 0 {
		d.keep = true
	}
	return d
}

// lifetime sets how long the answer says that it is fresh, and tells whether it does.
func (p *Policy) lifetime(d *decision, control directives, h http.Header, targeted bool) (said bool) {
	if d.lifetime, said = control.span("s-maxage"); said {
		return true
	}
	if d.lifetime, said = control.span("max-age"); said {
		return true
	}
	expires := h["Expires"]
	if targeted || len(expires) == 0 {
		return false
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		date = time.Now()
	}
	if until, err := http.ParseTime(expires[0]); err == nil {
		d.lifetime = max(0, until.Sub(date))
	}
	return true // what is no time, like 0, is in the past
}

// impliedFor is the route's own lifetime. It is not for answers that may be about a person.
func (p *Policy) impliedFor(a asked, status int) time.Duration {
	if (a.cookie || a.authenticated) && !a.own {
		return 0
	}
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent, http.StatusMultipleChoices,
		http.StatusMovedPermanently, http.StatusPermanentRedirect:
		return p.ttl
	case http.StatusNotFound, http.StatusGone:
		return min(p.ttl, missingMax)
	}
	return 0
}

// keepable tells whether an answer is one that can be given again.
func keepable(status int, h http.Header) bool {
	switch status {
	case http.StatusPartialContent, http.StatusNotModified, http.StatusUnauthorized,
		http.StatusProxyAuthRequired, http.StatusRequestedRangeNotSatisfiable:
		return false
	}
	for _, name := range []string{"Set-Cookie", "Content-Range", "Trailer", "Www-Authenticate"} {
		if len(h[name]) > 0 {
			return false
		}
	}
	return status >= 200 && !slices.Contains(varies(h), "*") &&
		!strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream")
}

// varies gives the names of Vary in their one form, or "*".
func varies(h http.Header) []string {
	var names []string
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) > directivesMax {
		return []string{"*"}
	}
	return names
}
