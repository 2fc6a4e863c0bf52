// SPDX-License-Identifier: Apache-2.0

package front

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Bounds of numbers of a front.
const (
	burstMax       = 1_000_000
	concurrencyMax = 100_000
	limitsMax      = 10 // rates, and quotas, of one route: each costs a look-up per request
	mappingsMax    = 100
)

func (r *Route) checkTarget(place at, p Pattern) error {
	targets := map[string]bool{"function": r.Function != "", "queue": r.Queue != "", "object": r.Object != "",
		"url": r.URL != "", "site": r.Site != nil, "redirect": r.Redirect != nil, "respond": r.Respond != nil}
	maps.DeleteFunc(targets, func(_ string, set bool) bool { return !set })
	if len(targets) != 1 {
		all := "function, queue, object, url, site, redirect or respond"
		if len(targets) == 0 {
			return place.problem("it leads nowhere: it needs %s", all)
		}
		return place.problem("it has %s, and may have one of %s",
			strings.Join(slices.Sorted(maps.Keys(targets)), " and "), all)
	}
	if r.Function == "" && (r.Alias != "" || r.Async) {
		return place.problem("alias and async go with function only")
	}
	if r.Alias != "" && r.Alias != dayfly.LiveAlias {
		return place.key("function").problem("function %s has no alias %.80q: %s is the only one, and need not be said",
			r.Function, r.Alias, dayfly.LiveAlias)
	}
	if r.Queue == "" && r.Type != "" {
		return place.key("type").problem("it goes with queue only")
	}
	switch {
	case r.Function != "":
		return place.key("function").wrap(dayfly.ValidateName("function", string(r.Function)))
	case r.Queue != "":
		return place.key("queue").wrap(dayfly.ValidateName("queue", string(r.Queue)))
	case r.Object != "":
		return r.checkObject(place.key("object"), p)
	case r.URL != "":
		return r.checkURL(place.key("url"), p)
	case r.Site != nil:
		return r.Site.check(place.key("site"))
	case r.Redirect != nil:
		return r.Redirect.check(place.key("redirect"), p)
	}
	return r.Respond.check(place.key("respond"))
}

func (r *Route) checkObject(place at, p Pattern) error {
	bucket, key, found := strings.Cut(r.Object, "/")
	if !found || key == "" {
		return place.problem("%.80q must be BUCKET/KEY", r.Object)
	}
	if err := dayfly.ValidateBucket(dayfly.BucketName(bucket)); err != nil {
		return place.wrap(err)
	}
	return checkTemplate(place, key, p)
}

func (r *Route) checkURL(place at, p Pattern) error {
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(r.URL))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return place.problem("%.80q is not the URL of a server: write it like https://api.example.com/v1", r.URL)
	}
	origin := u.Scheme + "://" + u.Host
	if !strings.HasPrefix(r.URL, origin) {
		return place.problem("captures may stand in the path only")
	}
	return checkTemplate(place, r.URL, p)
}

// checkTemplate wants a template of captures that the pattern has.
func checkTemplate(place at, text string, p Pattern) error {
	if err := checkText(place, text); err != nil {
		return err
	}
	t, err := ParseTemplate(text)
	if err != nil {
		return place.wrap(err)
	}
	for _, name := range t.Names() {
		if !slices.Contains(p.Captures(), name) {
			return place.problem("the path captures no {%s}", name)
		}
	}
	return nil
}

func (s *Site) check(place at) error {
	if s.Source == "" && s.Digest == "" {
		return place.problem("it needs a source, the folder of its files")
	}
	for key, file := range map[string]string{"fallback": s.Fallback, "not_found": s.NotFound} {
		if strings.Contains(file, "..") || strings.HasPrefix(file, "/") {
			return place.key(key).problem("%.80q must be a file below the source", file)
		}
	}
	if s.Fallback != "" && s.Otherwise != "" {
		return place.problem("fallback and otherwise exclude each other")
	}
	if s.Otherwise != "" {
		return place.key("otherwise").wrap(dayfly.ValidateName("function", string(s.Otherwise)))
	}
	return checkList(place.key("immutable"), s.Immutable)
}

func (r *Redirect) check(place at, p Pattern) error {
	switch r.Status {
	case 0, http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return place.key("status").problem("%d is no redirect: 301, 302, 303, 307 and 308 are", r.Status)
	}
	absolute := strings.HasPrefix(r.To, "https://") || strings.HasPrefix(r.To, "http://")
	local := strings.HasPrefix(r.To, "/") && !strings.HasPrefix(r.To, "//") && !strings.HasPrefix(r.To, "/\\")
	if !absolute && !local {
		return place.key("to").problem("%.80q must be a path or a URL", r.To)
	}
	// What the caller sends must never choose the host.
	if capture := strings.IndexByte(r.To, '{'); absolute && capture >= 0 {
		_, path, _ := strings.Cut(r.To, "://")
		if slash := strings.IndexByte(path, '/'); slash < 0 || slash > strings.IndexByte(path, '{') {
			return place.key("to").problem("captures may stand in the path only")
		}
	} else if local && strings.HasPrefix(r.To, "/{") {
		return place.key("to").problem("a path that begins with a capture could lead to another host: write a segment before it")
	}
	return checkTemplate(place.key("to"), r.To, p)
}

func (r *Respond) check(place at) error {
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return place.key("status").problem("%d is no status of an answer", r.Status)
	}
	if err := checkHeader(place.key("header"), r.Header); err != nil {
		return err
	}
	return checkText(place.key("body"), r.Body)
}

func checkHeader[V any](place at, header map[string]V) error {
	if len(header) > mappingsMax {
		return place.problem("there are more than %d", mappingsMax)
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !isToken(name) {
			return place.problem("%.80q is no name of a header", name)
		}
		if text, ok := any(header[name]).(string); ok && strings.ContainsAny(text, "\r\n\x00") {
			return place.key(name).problem("it holds a line break")
		}
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Trailer", "Te", "Keep-Alive", "Proxy-Connection":
			return place.problem("%s is the connection's", name)
		}
	}
	return nil
}

func (l *Limits) check(place at) error {
	if l == nil {
		return nil
	}
	for key, rates := range map[string][]Rate{"rate": l.Rate, "quota": l.Quota} {
		if len(rates) > limitsMax {
			return place.key(key).problem("there are %d, at most %d are allowed", len(rates), limitsMax)
		}
		for i, rate := range rates {
			here := place.key(key, strconv.Itoa(i))
			_, per, err := rate.Parse()
			switch {
			case err != nil:
				return here.wrap(err)
			case key == "quota" && !isWindow(per):
				return here.problem("a quota is for a minute, hour, day or month")
			case key == "quota" && rate.Burst != 0, rate.Burst < 0, rate.Burst > burstMax:
				return here.key("burst").problem("must be between 1 and %d, and is for rates only", burstMax)
			}
			if err := checkText(here.key("by"), rate.By); err != nil {
				return err
			}
		}
	}
	if l.Concurrency < 0 || l.Concurrency > concurrencyMax {
		return place.key("concurrency").problem("must be between 1 and %d", concurrencyMax)
	}
	if l.Body < 0 || l.Header < 0 {
		return place.problem("a size is negative")
	}
	return nil
}

func (r *Request) check(place at, p Pattern) error {
	if r == nil {
		return nil
	}
	if r.Rewrite != "" {
		if !strings.HasPrefix(r.Rewrite, "/") {
			return place.key("rewrite").problem("%.80q must begin with /", r.Rewrite)
		}
		if err := checkTemplate(place.key("rewrite"), r.Rewrite, p); err != nil {
			return err
		}
	}
	if len(r.Query) > mappingsMax {
		return place.key("query").problem("there are more than %d", mappingsMax)
	}
	switch {
	case r.Payload != "" && r.Payload != dayfly.PayloadV1 && r.Payload != dayfly.PayloadV2:
		return place.key("payload").problem("%.20q is not 2.0 or 1.0", r.Payload)
	case r.Payload != "" && r.Body != "":
		return place.problem("payload and body exclude each other")
	}
	if err := checkText(place.key("body"), r.Body); err != nil {
		return err
	}
	return checkHeader(place.key("header"), r.Header)
}

func (r *Response) check(place at) error {
	if r == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Errors)) {
		answer, here := r.Errors[name], place.key("errors", name)
		if status, err := strconv.Atoi(name); err == nil && (status < 400 || status > 599) {
			return here.problem("%s is no status of an error", name)
		}
		if answer.Status != 0 && (answer.Status < 200 || answer.Status > 599) {
			return here.key("status").problem("%d is no status of an answer", answer.Status)
		}
		if err := checkHeader(here.key("header"), answer.Header); err != nil {
			return err
		}
		if err := checkText(here.key("body"), answer.Body); err != nil {
			return err
		}
	}
	if err := checkText(place.key("body"), r.Body); err != nil {
		return err
	}
	return checkHeader(place.key("header"), r.Header)
}

func (v *Validate) check(place at) error {
	if v == nil {
		return nil
	}
	for status := range v.Response {
		_, err := strconv.Atoi(strings.TrimRight(status, "X"))
		if status != "default" && (err != nil || len(status) != 3) {
			return place.key("response").problem("%.20q is no status: write it like 200, 4XX or default", status)
		}
	}
	for kind := range v.Body {
		if !strings.Contains(kind, "/") {
			return place.key("body").problem("%.80q is no media type: write it like application/json", kind)
		}
	}
	return nil
}

func (c *Cache) check(place at) error {
	if c == nil {
		return nil
	}
	if c.TTL < 0 || c.Stale < 0 || c.TTL > quantity.Span(Month)*12 || c.Stale > quantity.Span(Month)*12 {
		return place.problem("ttl and stale_while_revalidate must be between 0s and 360 days")
	}
	if err := checkList(place.key("query"), c.Query); err != nil {
		return err
	}
	return checkList(place.key("key"), c.Key)
}

func (c *CORS) check(place at) error {
	if c == nil {
		return nil
	}
	if len(c.Origins) == 0 {
		return place.key("origins").problem("it is empty")
	}
	for _, origin := range c.Origins {
		u, err := url.Parse(strings.Replace(origin, "*.", "", 1))
		if origin == "*" {
			if c.Credentials {
				return place.key("origins").problem("* does not go with credentials: name the origins")
			}
			continue
		}
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(u.Host, "*") {
			return place.key("origins").problem("%.80q is no origin: write it like https://app.example.com", origin)
		}
	}
	for key, list := range map[string]List{"origins": c.Origins, "methods": c.Methods, "headers": c.Headers, "expose": c.Expose} {
		if err := checkList(place.key(key), list); err != nil {
			return err
		}
	}
	return nil
}

func checkList(place at, list List) error {
	if len(list) > listMax {
		return place.problem("there are %d, at most %d are allowed", len(list), listMax)
	}
	for i, text := range list {
		if text == "" || len(text) > textMax {
			return place.key(strconv.Itoa(i)).problem("it has %d bytes, must have 1 to %d", len(text), textMax)
		}
	}
	return nil
}

// WithEvery gives r with the front's options where it has none of its own.
func (r Route) WithEvery(e *Every) Route {
	if e == nil {
		return r
	}
	if len(r.Auth) == 0 {
		r.Auth = e.Auth
	}
	if r.Allow == "" {
		r.Allow = e.Allow
	}
	r.Limits, r.CORS, r.Response = or(r.Limits, e.Limits), or(r.CORS, e.CORS), or(r.Response, e.Response)
	r.Timeout, r.Compress = or(r.Timeout, e.Timeout), or(r.Compress, e.Compress)
	return r
}

// FromEvery reports whether a route has that section of what holds for every route.
func (f *Front) FromEvery(pattern, section string) bool {
	if f.Every == nil {
		return false
	}
	r := f.Routes[pattern]
	switch section {
	case "allow":
		return r.Allow == ""
	case "limits":
		return r.Limits == nil
	case "cors":
		return r.CORS == nil
	case "response":
		return r.Response == nil
	}
	return false
}

func or[T any](own, every *T) *T {
	if own != nil {
		return own
	}
	return every
}

// String names a target in a word and what it names.
func (r *Route) String() string {
	switch {
	case r.Function != "" && r.Alias != "":
		return fmt.Sprintf("function %s:%s", r.Function, r.Alias)
	case r.Function != "":
		return "function " + string(r.Function)
	case r.Queue != "":
		return "queue " + string(r.Queue)
	case r.Object != "":
		return "object " + r.Object
	case r.URL != "":
		return "url " + r.URL
	case r.Site != nil:
		return "site " + r.Site.Source
	case r.Redirect != nil:
		return "redirect " + r.Redirect.To
	case r.Respond != nil:
		return "respond " + strconv.Itoa(max(r.Respond.Status, http.StatusOK))
	}
	return "nothing"
}

func isWindow(per time.Duration) bool {
	return per == time.Minute || per == time.Hour || per == 24*time.Hour || per == Month
}
