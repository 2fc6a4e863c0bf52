// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly/internal/expression"
)

// Caller is who a request is from, as the door found out.
type Caller struct {
	Authenticated bool
	// ID tells callers apart; it matters for policies that keep answers by caller.
	ID string
}

// Next asks the target. It must use only what it is given: it may be called with another
// writer and another request than Serve was, and, to refresh an answer, after Serve returned.
type Next = func(http.ResponseWriter, *http.Request)

// visit is one request on its way through.
type visit struct {
	policy *Policy
	asked  asked
	key    digest
	next   Next
	began  uint64 // the purge before the fetch
}

// Serve answers r from the cache, or from next and keeps that answer if it may. What comes
// from next goes to the client as it comes.
func (p *Policy) Serve(w http.ResponseWriter, r *http.Request, in *expression.Input, caller Caller, next Next) {
	if why := bypass(r); why != "" {
		p.around(w, r, why, next)
		return
	}
	key, err := p.key(r.Context(), r, in, caller)
	if err != nil {
		p.around(w, r, "fwd=bypass; detail=KEY-FAILED", next)
		return
	}
	own := p.own(caller)
	v := &visit{policy: p, key: key, next: next, asked: asked{own: own, cookie: len(r.Header["Cookie"]) > 0,
		authenticated: caller.Authenticated || len(r.Header["Authorization"]) > 0}}
	if v.fromKept(w, r, "hit") {
		return
	}
	v.fetchOnce(w, r)
}

// bypass says why a request is none for a cache.
func bypass(r *http.Request) string {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return "fwd=method"
	case r.ContentLength != 0: // a body is in no key
		return "fwd=bypass; detail=BODY"
	case len(r.Header["Upgrade"]) > 0:
		return "fwd=bypass; detail=UPGRADE"
	}
	return ""
}

// around asks the target without the cache. What changes something makes what is kept of its
// address old: RFC 9111 §4.4.
func (p *Policy) around(w http.ResponseWriter, r *http.Request, why string, next Next) {
	p.cache.count(p.project, func(n *counters) { n.bypassed++ })
	rec := &recorder{to: w, request: r, status: why, plain: true}
	next(rec, r)
	rec.finish()
	if !isSafe(r.Method) && rec.code >= 200 && rec.code < 400 {
		p.cache.Changed(p.project, r.Host, r.URL.EscapedPath())
	}
}

func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// fromKept answers from what is kept, if it is fresh enough, and tells whether it did.
func (v *visit) fromKept(w http.ResponseWriter, r *http.Request, how string) bool {
	c, now := v.policy.cache, time.Now()
	e, _ := c.find(v.key, r)
	if e == nil || !e.mayServe(v.asked) {
		return false
	}
	state, left := e.at(now)
	switch state {
	case fresh:
		c.count(v.policy.project, func(n *counters) { n.hits++ })
	case staleWhile:
		c.count(v.policy.project, func(n *counters) { n.stale++ })
		v.refresh(r, e)
	default:
		return false
	}
	e.serve(w, r, now, how+"; ttl="+strconv.FormatInt(int64(left/time.Second), 10))
	return true
}

// fetchOnce asks the target, or waits for another request that does.
func (v *visit) fetchOnce(w http.ResponseWriter, r *http.Request) {
	c := v.policy.cache
	patience := time.NewTimer(collapseWait)
	defer patience.Stop()
	for range variantsMax {
		old, names := c.find(v.key, r)
		f, leads := v.join(r, names)
		if f == nil || leads {
			v.fetch(w, r, old, f)
			return
		}
		select {
		case <-f.done:
		case <-patience.C:
			v.fetch(w, r, old, nil)
			return
		case <-r.Context().Done():
			return
		}
		if f.outcome == passed {
			v.fetch(w, r, old, nil)
			return
		}
		if f.outcome == stored && v.fromKept(w, r, "hit; collapsed") {
			return
		}
	}
	v.fetch(w, r, nil, nil)
}

// join finds the flight for r. Only what may be kept is worth waiting for: not a part, not
// a head.
func (v *visit) join(r *http.Request, names []string) (*flight, bool) {
	if r.Method != http.MethodGet || len(r.Header["Range"]) > 0 {
		return nil, false
	}
	k := keyer(nil).add(string(v.key[:]))
	if v.asked.cookie || v.asked.authenticated {
		k = k.add("person") // may get another answer than nobody, and must not wait for it
	}
	for _, value := range selected(names, r.Header) {
		k = k.add(value)
	}
	return v.policy.cache.join(k.sum(), time.Now())
}

// fetch asks the target for r, with what is known of an old answer.
func (v *visit) fetch(w http.ResponseWriter, r *http.Request, old *entry, f *flight) {
	c := v.policy.cache
	if old != nil && !old.mayServe(v.asked) {
		old = nil
	}
	if v.began = c.epoch(); f != nil {
		v.began = f.began
	}
	c.count(v.policy.project, func(n *counters) { n.misses++ })
	rec := &recorder{to: w, request: r, visit: v, old: old, flight: f, status: forwarded(old)}
	defer c.land(f, failed) // unless it landed well
	defer rec.drop()
	v.next(rec, v.outgoing(r.Context(), r, old))
	rec.finish()
}

func forwarded(old *entry) string {
	if old == nil {
		return "fwd=miss"
	}
	return "fwd=stale"
}

// refresh fetches in the background what took the place of an old answer.
func (v *visit) refresh(r *http.Request, old *entry) {
	c := v.policy.cache
	select {
	case c.refresh <- struct{}{}:
	default:
		return // another request will
	}
	whole := r.Clone(context.WithoutCancel(r.Context()))
	whole.Body, whole.Method = http.NoBody, http.MethodGet
	delete(whole.Header, "Range")
	f, leads := v.join(whole, old.vary)
	if !leads || c.ctx.Err() != nil {
		<-c.refresh
		if leads {
			c.land(f, failed)
		}
		return
	}
	again := *v
	again.began = f.began
	c.running.Go(func() {
		defer func() { <-c.refresh }()
		again.refetch(whole, old, f)
	})
}

func (v *visit) refetch(r *http.Request, old *entry, f *flight) {
	c := v.policy.cache
	ctx, cancel := context.WithTimeout(r.Context(), refreshTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	rec := &recorder{request: r.WithContext(ctx), visit: v, old: old, flight: f}
	defer c.land(f, failed)
	defer rec.drop()
	defer func() {
		// An answer that broke off is no fault: the old one stays. Another panic is one.
		if broken := recover(); broken != nil && broken != http.ErrAbortHandler {
			panic(broken)
		}
	}()
	v.next(rec, v.outgoing(ctx, r, old))
	rec.finish()
}

// outgoing is what the target gets: nothing that is in no key and could steer it, and the
// conditions of this cache in place of the client's.
func (v *visit) outgoing(ctx context.Context, r *http.Request, old *entry) *http.Request {
	out := r.Clone(ctx)
	for _, name := range v.policy.drops {
		delete(out.Header, name)
	}
	out.URL.RawQuery = v.policy.queryOf(r)
	if old == nil && len(r.Header["Range"]) > 0 {
		return out // a part, of what may be too large to be kept
	}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(out.Header, name)
	}
	if old != nil && r.Method == http.MethodGet {
		if old.etag != "" {
			out.Header["If-None-Match"] = []string{old.etag}
		}
		if !old.modified.IsZero() {
			out.Header["If-Modified-Since"] = []string{old.header.Get("Last-Modified")}
		}
	}
	return out
}

// addStatus adds this cache to Cache-Status, RFC 9211, behind those that are nearer to the
// origin.
func addStatus(h http.Header, status string) {
	lines := h["Cache-Status"]
	h["Cache-Status"] = append(lines[:len(lines):len(lines)], "Dayfly; "+status)
}
