// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// cacheMax bounds the answers kept, some 2 MiB.
	cacheMax = 4096
	// cacheLongest keeps a name that moved from being wrong for long, and
	// cacheLongestNo one that has just been made from not being found.
	cacheLongest   = 5 * time.Minute
	cacheLongestNo = 30 * time.Second
)

// cacheKey is what makes two queries the same.
type cacheKey struct {
	name       string
	kind       uint16
	signatures bool
	unchecked  bool
}

func keyOf(query *dns.Msg) cacheKey {
	q := query.Question[0]
	return cacheKey{
		name: dns.CanonicalName(q.Name), kind: q.Qtype,
		signatures: wantsSignatures(query), unchecked: query.CheckingDisabled,
	}
}

// cache keeps answers for as long as they say.
type cache struct {
	mu      sync.Mutex // guards entries
	entries map[cacheKey]cached
}

type cached struct {
	msg   *dns.Msg // never changed
	since time.Time
	until time.Time
}

func newCache() *cache { return &cache{entries: map[cacheKey]cached{}} }

// get gives a copy of the answer for key with the time that is left, or nil.
func (c *cache) get(key cacheKey) *dns.Msg {
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	now := time.Now()
	if !ok || !now.Before(e.until) {
		return nil
	}
	out := e.msg.Copy()
	age := uint32(now.Sub(e.since) / time.Second)
	for _, section := range [][]dns.RR{out.Answer, out.Ns} {
		for _, rr := range section {
			rr.Header().Ttl -= min(age, rr.Header().Ttl)
		}
	}
	return out
}

// put keeps r for as long as it allows.
func (c *cache) put(key cacheKey, r *dns.Msg) {
	keep := lifetime(r)
	if keep <= 0 {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheMax {
		c.shrink(now)
	}
	c.entries[key] = cached{msg: r.Copy(), since: now, until: now.Add(keep)}
}

// shrink drops what is over, or else some eighth of the rest: Go walks a map from a
// random place.
func (c *cache) shrink(now time.Time) {
	for key, e := range c.entries {
		if !now.Before(e.until) {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) <= cacheMax*7/8 {
			return
		}
		delete(c.entries, key)
	}
}

// lifetime says how long an answer may be kept: as long as its shortest record, or
// for one that says no, as long as the zone's SOA says (RFC 2308).
func lifetime(r *dns.Msg) time.Duration {
	if r.Truncated || r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return 0
	}
	if r.Rcode == dns.RcodeSuccess && len(r.Answer) > 0 {
		shortest := cacheLongest
		for _, rr := range r.Answer {
			shortest = min(shortest, time.Duration(rr.Header().Ttl)*time.Second)
		}
		return shortest
	}
	for _, rr := range r.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			no := time.Duration(min(soa.Minttl, soa.Hdr.Ttl)) * time.Second
			return min(no, cacheLongestNo)
		}
	}
	return 0
}
