// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"bytes"
	"container/list"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// entryBytes is what an entry costs beside its texts: its maps and pointers.
	entryBytes = 1 << 10
	// trustedShare is the part of the memory, in percent, for answers that were used again: a
	// flood of addresses that are asked for once cannot push those out.
	trustedShare = 80
	// tagsMax bounds the tags of an answer, tagMax the bytes of one.
	tagsMax = 256
	tagMax  = 1 << 10
)

// entry is an answer that is kept. Only its place in a list changes.
type entry struct {
	key       digest
	project   dayfly.ProjectName
	route     string
	host      string
	path      string
	query     string
	tags      []string
	vary      []string
	values    []string // of vary, in the request
	status    int
	header    http.Header
	body      []byte
	etag      string
	modified  time.Time
	received  time.Time
	age       time.Duration // when it was received
	decision  decision
	size      int64
	place     *list.Element
	isTrusted bool
}

// freshness is how an entry may be used.
type freshness int

const (
	fresh      freshness = iota
	staleWhile           // it is, while another is fetched
	staleError           // if there is none to be had
	stale                // once the target says that it still holds
)

// at tells how an entry may be used at a time.
func (e *entry) at(now time.Time) (freshness, time.Duration) {
	left := e.decision.lifetime - e.ageAt(now)
	switch {
	case e.decision.revalidate:
		return stale, left
	case left > 0:
		return fresh, left
	case -left < e.decision.while:
		return staleWhile, left
	case -left < e.decision.ifError:
		return staleError, left
	}
	return stale, left
}

func (e *entry) ageAt(now time.Time) time.Duration { return e.age + max(0, now.Sub(e.received)) }

// mayServe tells whether e may answer such a request.
func (e *entry) mayServe(a asked) bool {
	if a.own {
		return true
	}
	if a.authenticated && !e.decision.shared {
		return false
	}
	return !e.decision.implied || !a.cookie && !a.authenticated
}

// serve answers r from e.
func (e *entry) serve(w http.ResponseWriter, r *http.Request, now time.Time, status string) {
	h := w.Header()
	values := make([]string, 0, len(e.header)+4)
	for name, lines := range e.header {
		from := len(values)
		values = append(values, lines...)
		if name == "Vary" { // CORS may have said some
			h[name] = append(slices.Clip(h[name]), lines...)
			continue
		}
		h[name] = values[from:len(values):len(values)]
	}
	h["Age"] = []string{strconv.FormatInt(int64(e.ageAt(now)/time.Second), 10)}
	addStatus(h, status)
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil // nobody guesses it
	}
	if e.status == http.StatusOK {
		http.ServeContent(w, r, "", e.modified, bytes.NewReader(e.body))
		return
	}
	if e.status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(e.body))}
	}
	w.WriteHeader(e.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(e.body)
	}
}

// renewed is e after the target said that it still holds: RFC 9111 §3.2.
func (e *entry) renewed(h http.Header, d decision, now time.Time) *entry {
	next := *e
	next.header = e.header.Clone()
	for name, lines := range kept(h) {
		switch name {
		case "Content-Encoding", "Content-Type", "Content-Range", "Vary":
		default:
			next.header[name] = lines
		}
	}
	next.received, next.age, next.decision, next.place = now, ageOf(h), d, nil
	next.isTrusted = false
	return &next
}

// kept are the headers of an answer that are kept with it: not those of the connection, of
// this one call, or for the cache itself.
func kept(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, lines := range h {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade", "Age",
			"Content-Length", "Cache-Status", "Cache-Tag", "Surrogate-Key", "Alt-Svc", "Ratelimit", "Ratelimit-Policy":
			continue
		}
		if !strings.HasPrefix(name, "X-Dayfly-") && lines != nil {
			out[name] = slices.Clone(lines)
		}
	}
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(out, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return out
}

// ageOf is how old an answer is that comes through another cache.
func ageOf(h http.Header) time.Duration {
	return time.Duration(seconds(strings.TrimSpace(h.Get("Age")))) * time.Second
}

// tagsOf are the tags by which an answer can be purged.
func tagsOf(h http.Header) []string {
	var tags []string
	add := func(tag string) {
		tag = strings.TrimSpace(tag)
		if tag != "" && len(tag) <= tagMax && len(tags) < tagsMax && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	for _, line := range h["Cache-Tag"] {
		for tag := range strings.SplitSeq(line, ",") {
			add(tag)
		}
	}
	for _, line := range h["Surrogate-Key"] {
		for _, tag := range strings.Fields(line) {
			add(tag)
		}
	}
	return tags
}

// measure is what the entry takes of the memory.
func (e *entry) measure() int64 {
	size := int64(entryBytes + cap(e.body) + len(e.route) + len(e.host) + len(e.path) + len(e.query))
	for name, lines := range e.header {
		size += int64(len(name)) + 64
		for _, line := range lines {
			size += int64(len(line)) + 16
		}
	}
	for _, text := range slices.Concat(e.tags, e.vary, e.values) {
		size += int64(len(text)) + 16
	}
	return size
}
