// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recorder takes the target's answer, gives it to the client and keeps it if it may.
type recorder struct {
	to      http.ResponseWriter // nil for a refresh
	request *http.Request       // the client's
	visit   *visit              // nil for plain
	old     *entry
	flight  *flight
	status  string // what Cache-Status says
	plain   bool   // nothing is kept

	header http.Header
	code   int // 0 before the head
	mute   bool
	entry  *entry // what becomes of it; nil when it is not kept
	length int64  // of the body, as the head has it; -1 when not
	body   []byte
}

// Header implements http.ResponseWriter.
func (rec *recorder) Header() http.Header {
	if rec.header == nil {
		rec.header = http.Header{}
	}
	return rec.header
}

// Unwrap gives the client's writer to http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.to }

// FlushError sends what there is to the client.
func (rec *recorder) FlushError() error {
	if rec.code == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.to == nil || rec.mute {
		return nil
	}
	return http.NewResponseController(rec.to).Flush()
}

// WriteHeader implements http.ResponseWriter: here it is decided what becomes of the answer.
func (rec *recorder) WriteHeader(code int) {
	if rec.code != 0 {
		return
	}
	if code < 200 && code != http.StatusSwitchingProtocols {
		return // early hints are of no use to who waits for a cached answer
	}
	rec.code = code
	h := rec.Header()
	if rec.plain {
		rec.send(code)
		return
	}
	now := time.Now()
	if rec.old != nil && rec.useOld(code, now) {
		return
	}
	if len(h["Date"]) == 0 {
		h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	rec.consider(code, h, now)
	if rec.entry != nil {
		rec.status += "; stored"
	}
	if rec.old != nil {
		rec.status += "; fwd-status=" + strconv.Itoa(code)
	}
	rec.send(code)
}

// useOld answers with the old entry, if the target said that it still holds, or that it has
// trouble.
func (rec *recorder) useOld(code int, now time.Time) bool {
	v, c, serve := rec.visit, rec.visit.policy.cache, rec.old
	switch {
	case code == http.StatusNotModified:
		d := v.policy.decide(v.asked, rec.old.status, merged(rec.old.header, rec.header))
		serve = rec.old.renewed(rec.header, d, now)
		if d.keep && c.put(serve, v.began) {
			c.land(rec.flight, stored)
		}
		rec.status += "; fwd-status=304"
	case code >= 500:
		if state, _ := rec.old.at(now); state != staleError && state != staleWhile {
			return false
		}
		c.count(v.policy.project, func(n *counters) { n.stale++ })
		c.land(rec.flight, failed)
		rec.status += "; fwd-status=" + strconv.Itoa(code) + "; detail=STALE-IF-ERROR"
	default:
		return false
	}
	rec.mute = true
	if rec.to != nil {
		serve.serve(rec.to, rec.request, now, rec.status)
	}
	return true
}

// merged is old with what new says in its place.
func merged(old, new http.Header) http.Header {
	out := old.Clone()
	for name, lines := range new {
		out[name] = lines
	}
	return out
}

// consider begins an entry when the answer may be kept, and lets those go who wait for it
// when not.
func (rec *recorder) consider(code int, h http.Header, now time.Time) {
	v, c := rec.visit, rec.visit.policy.cache
	if rec.request.Method != http.MethodGet {
		return
	}
	d := v.policy.decide(v.asked, code, h)
	rec.length = -1
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		rec.length = n
	}
	if !d.keep || rec.length > c.objectMax {
		c.pass(rec.flight, now)
		return
	}
	names := varies(h)
	rec.entry = &entry{key: v.key, project: v.policy.project, route: v.policy.route,
		host: strings.ToLower(rec.request.Host), path: rec.request.URL.EscapedPath(),
		query: v.policy.queryOf(rec.request),
		tags:  tagsOf(h), vary: names, values: selected(names, rec.request.Header), status: code, header: kept(h),
		etag: h.Get("Etag"), received: now, age: ageOf(h), decision: d}
	if at, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		rec.entry.modified = at
	}
	if rec.length > 0 {
		rec.body = make([]byte, 0, min(rec.length, 64<<10))
	}
}

// send gives the head to the client. One who has the answer already gets no body.
func (rec *recorder) send(code int) {
	if rec.to == nil {
		return
	}
	out := rec.to.Header()
	for name, lines := range rec.header {
		switch name {
		case "Cache-Tag", "Surrogate-Key": // are for this cache
		case "Set-Cookie", "Vary": // the door may have said some: a renewed session, CORS
			out[name] = append(slices.Clip(out[name]), lines...)
		default:
			out[name] = lines
		}
	}
	addStatus(out, rec.status)
	if code == http.StatusOK && !rec.plain && rec.unchanged() {
		for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
			delete(out, name)
		}
		rec.mute = true
		code = http.StatusNotModified
	}
	rec.to.WriteHeader(code)
}

// unchanged tells whether the client has this answer: RFC 9110 §13.2.2. The target did not
// see its conditions.
func (rec *recorder) unchanged() bool {
	h := rec.request.Header
	if len(h["Range"]) > 0 && rec.old == nil {
		return false
	}
	if wanted := strings.Join(h["If-None-Match"], ","); wanted != "" {
		own := strings.TrimPrefix(rec.header.Get("Etag"), "W/")
		return strings.TrimSpace(wanted) == "*" || own != "" && slices.ContainsFunc(strings.Split(wanted, ","),
			func(tag string) bool { return strings.TrimPrefix(strings.TrimSpace(tag), "W/") == own })
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	modified, wrong := http.ParseTime(rec.header.Get("Last-Modified"))
	return err == nil && wrong == nil && !modified.After(since)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(data []byte) (int, error) {
	if rec.code == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.entry != nil {
		rec.keep(data)
	}
	if rec.to == nil || rec.mute {
		return len(data), nil
	}
	return rec.to.Write(data)
}

// keep adds to the body that is kept, up to the bounds.
func (rec *recorder) keep(data []byte) {
	c := rec.visit.policy.cache
	flying := c.flying.Add(int64(len(data)))
	rec.body = append(rec.body, data...)
	if int64(len(rec.body)) <= c.objectMax && flying <= c.bytesMax/2 {
		return
	}
	c.flying.Add(-int64(len(rec.body)))
	rec.entry, rec.body = nil, nil
	c.pass(rec.flight, time.Now())
}

// drop gives back what an answer on its way took of the memory.
func (rec *recorder) drop() {
	if rec.visit != nil && len(rec.body) > 0 {
		rec.visit.policy.cache.flying.Add(-int64(len(rec.body)))
		rec.body = nil
	}
}

// finish keeps an answer that is whole.
func (rec *recorder) finish() {
	if rec.code == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.entry == nil || rec.request.Context().Err() != nil || rec.length >= 0 && rec.length != int64(len(rec.body)) {
		return
	}
	c := rec.visit.policy.cache
	rec.entry.body = slices.Clip(slices.Clone(rec.body))
	if c.put(rec.entry, rec.visit.began) {
		c.land(rec.flight, stored)
	}
}
