// SPDX-License-Identifier: Apache-2.0

package front

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Problem is what is wrong with one field of a front.
type Problem struct {
	// Path leads to the field, by keys and indexes: routes, "GET /x", limits, rate, 0.
	Path    []string
	Message string
}

// Error names the field and says what is wrong.
func (p *Problem) Error() string {
	if len(p.Path) == 0 {
		return p.Message
	}
	return strings.Join(p.Path, ".") + ": " + p.Message
}

// Refuse gives err as an error for the one who wrote the front.
func Refuse(err error) error {
	var known *dayfly.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%w", err)
}

// at is a place in a front, for problems.
type at []string

func (a at) key(keys ...string) at { return append(slices.Clone(a), keys...) }

func (a at) problem(format string, args ...any) error {
	return &Problem{Path: slices.Clone(a), Message: fmt.Sprintf(format, args...)}
}

// wrap gives err this place, unless it has none or has its own.
func (a at) wrap(err error) error {
	var p *Problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	return a.problem("%v", err)
}

// Check reports the first thing that is wrong with f. What needs a compiler, expressions and
// schemas, is checked when the front is published.
func (f *Front) Check() error {
	var root at
	if len(f.Routes) > routesMax {
		return root.key("routes").problem("there are %d routes, at most %d are allowed", len(f.Routes), routesMax)
	}
	if len(f.Hosts) > hostsMax {
		return root.key("hosts").problem("there are %d hosts, at most %d are allowed", len(f.Hosts), hostsMax)
	}
	for i, host := range f.Hosts {
		if err := checkHost(host); err != nil {
			return root.key("hosts", strconv.Itoa(i)).wrap(err)
		}
	}
	if len(f.Auth) > authMax {
		return root.key("auth").problem("there are %d authenticators, at most %d are allowed", len(f.Auth), authMax)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Auth)) {
		place := root.key("auth", name)
		if err := dayfly.ValidateName("authenticator", name); err != nil || name == AuthNone {
			return place.problem("%q cannot name an authenticator", name)
		}
		if err := f.Auth[name].check(place); err != nil {
			return err
		}
	}
	if f.Every != nil {
		if err := f.checkEvery(root.key("every")); err != nil {
			return err
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(f.Routes)) {
		if err := f.checkRoute(root.key("routes", pattern), pattern); err != nil {
			return err
		}
	}
	return nil
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

// Within puts path in front of where err says the problem is: a compiler of one field does
// not know where that field stands.
func Within(err error, path ...string) error {
	if err == nil {
		return nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return &Problem{Path: append(slices.Clone(path), p.Path...), Message: p.Message}
	}
	return &Problem{Path: path, Message: err.Error()}
}
