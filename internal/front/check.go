// SPDX-License-Identifier: Apache-2.0

package front

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Check reports what is wrong with f, one fault of each host, authenticator and route. What
// needs a compiler, expressions and schemas, is checked when the front is published.
func (f *Front) Check() error {
	var root at
	switch {
	case len(f.Routes) > routesMax:
		return root.key("routes").problem("there are %d routes, at most %d are allowed", len(f.Routes), routesMax)
	case len(f.Hosts) > hostsMax:
		return root.key("hosts").problem("there are %d hosts, at most %d are allowed", len(f.Hosts), hostsMax)
	case len(f.Auth) > authMax:
		return root.key("auth").problem("there are %d authenticators, at most %d are allowed", len(f.Auth), authMax)
	}
	var faults Faults
	for i, host := range f.Hosts {
		faults.Add(root.key("hosts", strconv.Itoa(i)).wrap(checkHost(host)))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Auth)) {
		place := root.key("auth", name)
		if err := dayfly.ValidateName("authenticator", name); err != nil || name == AuthNone {
			faults.Add(place.problem("%q cannot name an authenticator", name))
			continue
		}
		faults.Add(f.Auth[name].check(place))
	}
	if f.Every != nil {
		faults.Add(f.checkEvery(root.key("every")))
	}
	for _, pattern := range slices.Sorted(maps.Keys(f.Routes)) {
		if !faults.Add(f.checkRoute(root.key("routes", pattern), pattern)) {
			break
		}
	}
	return faults.Err()
}

func (f *Front) checkEvery(place at) error {
	e := f.Every
	return errors.Join(f.checkAuth(place, e.Auth), checkText(place.key("allow"), e.Allow),
		e.Limits.check(place.key("limits")), e.CORS.check(place.key("cors")), e.Response.check(place.key("response")))
}

func (f *Front) checkRoute(place at, pattern string) error {
	p, err := ParsePattern(pattern)
	if err != nil {
		return place.wrap(err)
	}
	if p.Host != "" && !f.has(p.Host) {
		return place.problem("%s is not among the hosts of the front", p.Host)
	}
	r := f.Routes[pattern]
	for _, check := range []error{
		r.checkTarget(place, p), f.checkAuth(place, r.Auth), checkText(place.key("allow"), r.Allow),
		r.Limits.check(place.key("limits")), r.CORS.check(place.key("cors")),
		r.Request.check(place.key("request"), p), r.Response.check(place.key("response")),
		r.Validate.check(place.key("validate")), r.Cache.check(place.key("cache")),
	} {
		if check != nil {
			return check
		}
	}
	if r.Timeout != nil && *r.Timeout <= 0 {
		return place.key("timeout").problem("must be longer than nothing")
	}
	if r.Idle != nil && *r.Idle <= 0 {
		return place.key("idle").problem("must be longer than nothing")
	}
	return nil
}

// has reports whether the front has that host, or a wildcard for it.
func (f *Front) has(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(f.Hosts, func(own string) bool {
		return own == host || own == "*" || own == "*."+parent
	})
}

func (f *Front) checkAuth(place at, names List) error {
	for i, name := range names {
		if _, known := f.Auth[name]; !known && name != AuthNone {
			return place.key("auth").problem("there is no authenticator %.80q", name)
		}
		if name == AuthNone && len(names) > 1 || slices.Contains(names[:i], name) {
			return place.key("auth").problem("%s does not go with the others", name)
		}
	}
	if len(names) > listMax {
		return place.key("auth").problem("there are more than %d names", listMax)
	}
	return nil
}

// checkText bounds an expression or a template.
func checkText(place at, text string) error {
	if len(text) > textMax {
		return place.problem("it has %d bytes, at most %d are allowed", len(text), textMax)
	}
	return nil
}

// Functions are the functions that the front names, sorted.
func (f *Front) Functions() []dayfly.FunctionName {
	names := map[dayfly.FunctionName]bool{}
	for _, r := range f.Routes {
		names[r.Function] = true
		if r.Site != nil {
			names[r.Site.Otherwise] = true
		}
	}
	for _, a := range f.Auth {
		if a.Function != nil {
			names[a.Function.Name] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// Digests are the uploads that the front's sites serve.
func (f *Front) Digests() []dayfly.Digest {
	digests := map[dayfly.Digest]bool{}
	for _, r := range f.Routes {
		if r.Site != nil && r.Site.Digest != "" {
			digests[r.Site.Digest] = true
		}
	}
	return slices.Sorted(maps.Keys(digests))
}

// splitAlias reads "NAME" or "NAME:ALIAS".
func splitAlias(text string) (dayfly.FunctionName, dayfly.AliasName) {
	name, alias, _ := strings.Cut(text, ":")
	return dayfly.FunctionName(name), dayfly.AliasName(alias)
}
