// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// segment is one part of a route: a word, {name}, {name:int}, {name?} or {*rest}.
type segment struct {
	word       string
	name       string
	constraint string
	isOptional bool
	isRest     bool
}

// segments reads a route.
func segments(route string) []segment {
	var list []segment
	for _, part := range strings.Split(strings.Trim(route, "/"), "/") {
		inner, ok := strings.CutPrefix(part, "{")
		if inner, ok = cutSuffixIf(inner, "}", ok); !ok {
			list = append(list, segment{word: part})
			continue
		}
		var s segment
		inner, s.isRest = strings.CutPrefix(inner, "*")
		inner, s.isOptional = strings.CutSuffix(inner, "?")
		s.name, s.constraint, _ = strings.Cut(inner, ":")
		s.constraint, s.isOptional = strings.CutSuffix(s.constraint, "?")
		s.isOptional = s.isOptional || strings.HasSuffix(part, "?}")
		list = append(list, s)
	}
	return list
}

func cutSuffixIf(text, suffix string, really bool) (string, bool) {
	if !really {
		return text, false
	}
	return strings.CutSuffix(text, suffix)
}

func vagueness(route []segment) int {
	n := 0
	for _, s := range route {
		switch {
		case s.isRest:
			n += 100
		case s.name != "":
			n++
		}
	}
	return n
}

// find gives the function that a request is for, and what its route's names stand for.
func (a *app) find(method, escaped string) (*function, map[string]string) {
	var given []string
	for _, part := range strings.Split(strings.Trim(escaped, "/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, nil
		}
		given = append(given, plain)
	}
	for _, f := range a.functions {
		if !f.isHTTP() || len(f.methods) > 0 && !slices.Contains(f.methods, method) {
			continue
		}
		if params, ok := match(f.route, given); ok {
			return f, params
		}
	}
	return nil, nil
}

func match(route []segment, given []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, s := range route {
		switch {
		case s.isRest:
			params[s.name] = strings.Join(given[min(i, len(given)):], "/")
			return params, true
		case i >= len(given):
			if !s.isOptional {
				return nil, false
			}
		case s.name == "":
			if !strings.EqualFold(s.word, given[i]) {
				return nil, false
			}
		case given[i] == "" || !fits(s.constraint, given[i]):
			return nil, false
		default:
			params[s.name] = given[i]
		}
	}
	return params, len(given) <= len(route)
}

var (
	guidForm  = regexp.MustCompile(`^(?i)\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$`)
	alphaForm = regexp.MustCompile(`^[A-Za-z]*$`)
)

// fits tests a value by a route's constraint; those that are not known let all pass.
func fits(constraint, value string) bool {
	var err error
	switch constraint {
	case "int":
		_, err = strconv.ParseInt(value, 10, 32)
	case "long":
		_, err = strconv.ParseInt(value, 10, 64)
	case "bool":
		return strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case "decimal", "double", "float":
		_, err = strconv.ParseFloat(value, 64)
	case "guid":
		return guidForm.MatchString(value)
	case "alpha":
		return alphaForm.MatchString(value)
	}
	return err == nil
}

// adminPath begins the paths by which functions without an HTTP trigger are called.
const adminPath = "/admin/functions/"

// findEvent gives the function that an event is for.
func (a *app) findEvent(r *http.Request) *function {
	if r.Method != http.MethodPost {
		return nil
	}
	name, isAdmin := strings.CutPrefix(r.URL.Path, adminPath)
	switch {
	case !isAdmin && r.URL.Path != "/":
		return nil
	case !isAdmin:
		return a.taking(r.Header)
	}
	for _, f := range a.functions {
		if strings.EqualFold(f.name, name) && !f.isHTTP() {
			return f
		}
	}
	return nil
}

// taking gives the function whose trigger is the like of what caused an event: its queue
// or container is the one that the event comes from. The only function that there is
// takes whatever comes.
func (a *app) taking(header http.Header) *function {
	kind := header.Get("Ce-Type")
	for _, f := range a.functions {
		source := path.Base(header.Get("Ce-Source")) // …/queues/NAME, …/buckets/NAME
		container, _, _ := strings.Cut(f.trigger.Path, "/")
		isTaken := false
		switch strings.ToLower(f.trigger.Type) {
		case "timertrigger":
			isTaken = kind == dayfly.EventCron
		case "queuetrigger", "servicebustrigger":
			isTaken = strings.Contains(header.Get("Ce-Source"), "/queues/") && f.trigger.Queue == source
		case "blobtrigger":
			isTaken = kind == dayfly.EventObjectCreated && container == source
		}
		if isTaken {
			return f
		}
	}
	if len(a.functions) == 1 && !a.functions[0].isHTTP() {
		return a.functions[0]
	}
	return nil
}
