// SPDX-License-Identifier: Apache-2.0

package front

import (
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Purge says which answers to forget: exactly one field is set.
type Purge struct {
	Route string `json:"route,omitempty"` // by the route's name, or pattern
	// URL is one address, "/path" at all hosts or "https://host/path". Without a query it is
	// all answers of that path.
	URL    string `json:"url,omitempty"`
	Prefix string `json:"prefix,omitempty"` // as URL, and all paths that begin so
	Tag    string `json:"tag,omitempty"`    // one of Cache-Tag or Surrogate-Key
	All    bool   `json:"all,omitempty"`
}

// Check reports what is wrong with p.
func (p *Purge) Check() error {
	set := 0
	for _, is := range []bool{p.Route != "", p.URL != "", p.Prefix != "", p.Tag != "", p.All} {
		if is {
			set++
		}
	}
	if set != 1 {
		return dayfly.Errorf(dayfly.KindInvalid, "a purge is for one of route, url, prefix, tag and all")
	}
	for _, text := range []string{p.URL, p.Prefix} {
		u, err := url.Parse(text)
		absolute := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
		if text != "" && !absolute && (err != nil || !strings.HasPrefix(text, "/") || u.Host != "") {
			return dayfly.Errorf(dayfly.KindInvalid, "%.80q is no address: write it like /path or https://host/path", text)
		}
	}
	if strings.Contains(p.Prefix, "?") {
		return dayfly.Errorf(dayfly.KindInvalid, "a prefix is of a path, and has no query")
	}
	return nil
}

// CacheStats is what a node's cache holds for a project, and what was asked of it since the
// node started.
type CacheStats struct {
	Entries  int           `json:"entries"`
	Bytes    int64         `json:"bytes"`
	BytesMax int64         `json:"bytes_max"` // of all projects
	Hits     int64         `json:"hits"`
	Stale    int64         `json:"stale"` // answered from what was old, and fetched anew
	Misses   int64         `json:"misses"`
	Bypassed int64         `json:"bypassed"` // requests that no cache answers
	Routes   []CachedRoute `json:"routes"`
}

// CachedRoute is what the cache holds for a route.
type CachedRoute struct {
	Route   string `json:"route"`
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
}
