// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/sse"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/kv"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

const (
	// headerTTL says how long a value is kept, headerExpires until when.
	headerTTL     = "X-Dayfly-TTL"
	headerExpires = "X-Dayfly-Expires"
	// contentTypeUnknown is what a value without a content type is said to be.
	contentTypeUnknown = "application/octet-stream"
	// expiryLayout writes times to the millisecond, which is how finely they are kept.
	expiryLayout = "2006-01-02T15:04:05.000Z07:00"
)

// Value is what is known of a value.
type Value struct {
	Key         string    `json:"key"`
	Version     uint64    `json:"version"`
	Bytes       int       `json:"bytes"`
	ContentType string    `json:"content_type,omitempty"`
	Modified    time.Time `json:"modified,omitzero"`
	Expires     time.Time `json:"expires,omitzero"`
	// Value is absent where it was not asked for.
	Value *[]byte `json:"value,omitempty"`
}

func valueOf(v kv.Value, data bool) Value {
	out := Value{Key: v.Key, Version: v.Version, Bytes: v.Bytes, ContentType: v.ContentType,
		Modified: v.Modified, Expires: v.Expires}
	if data {
		out.Value = &v.Data
	}
	return out
}

// valueBuckets lists the buckets of a project.
func (a *API) valueBuckets(w http.ResponseWriter, r *http.Request) error {
	project := dayfly.ProjectName(r.PathValue("project"))
	if err := dayfly.ValidateName("project", string(project)); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"buckets": a.deps.Values.Buckets(project)})
}

// listValues lists a bucket, or watches it when the parameter watch is there.
func (a *API) listValues(w http.ResponseWriter, r *http.Request) error {
	project, bucket := valuesBucket(r)
	q := newQuery(r)
	if _, watch := q.values["watch"]; watch {
		return a.watchValues(w, r, q)
	}
	query := kv.Query{Prefix: q.text("prefix"), After: q.text("after"),
		Limit: q.number("limit", 0, kv.PageMax), Data: q.flag("values")}
	if err := q.done(); err != nil {
		return err
	}
	page, err := a.deps.Values.List(r.Context(), project, bucket, query)
	if err != nil {
		return err
	}
	out := struct {
		Values []Value `json:"values"`
		// Next is the "after" of the next page; absent when this is the last.
		Next string `json:"next,omitempty"`
	}{Values: make([]Value, len(page.Values)), Next: page.Next}
	for i, v := range page.Values {
		out.Values[i] = valueOf(v, query.Data)
	}
	return writeJSON(w, out)
}

// removeValues deletes a bucket with all that is in it.
func (a *API) removeValues(w http.ResponseWriter, r *http.Request) error {
	project, bucket := valuesBucket(r)
	count, err := a.deps.Values.RemoveBucket(r.Context(), project, bucket)
	if err != nil {
		return err
	}
	if count == 0 {
		return dayfly.Errorf(dayfly.KindNotFound, "there is no bucket %s of values", bucket)
	}
	return writeJSON(w, map[string]int{"removed": count})
}

// getValue answers with the bytes of a value, as they were put.
func (a *API) getValue(w http.ResponseWriter, r *http.Request) error {
	v, err := a.deps.Values.Get(r.Context(), valueRef(r))
	if err != nil {
		return err
	}
	h := w.Header()
	tell(h, v)
	h.Set("Last-Modified", v.Modified.Format(http.TimeFormat))
	if r.Header.Get("If-None-Match") == h.Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", v.ContentType)
	if v.ContentType == "" {
		h.Set("Content-Type", contentTypeUnknown)
	}
	h.Set("Content-Length", strconv.Itoa(len(v.Data)))
	_, err = w.Write(v.Data)
	return err
}

// putValue keeps the body.
func (a *API) putValue(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	o := kv.PutOptions{ContentType: r.Header.Get("Content-Type"), TTL: ttl(r, q)}
	err := q.done()
	if err == nil {
		o.If, err = condition(r)
	}
	if err != nil {
		return err
	}
	data, err := valueBody(r)
	if err != nil {
		return err
	}
	v, err := a.deps.Values.Put(r.Context(), valueRef(r), data, o)
	if err != nil {
		return err
	}
	tell(w.Header(), v)
	return writeJSON(w, valueOf(v, false))
}

// valueBody reads a value, and says what else there is for one that is too large.
func valueBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: a value has at most %s",
			dayfly.ErrRequestTooLarge, dayfly.FormatBytes(kv.ValueBytesMax)).
			WithHint("objects may be of any size: dayfly object put")
	}
	if err != nil {
		return nil, wire.BodyError(err)
	}
	return data, nil
}

// incrementValue adds to a counter and tells the sum.
func (a *API) incrementValue(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	text := q.text("increment")
	o := kv.IncrementOptions{TTL: ttl(r, q)}
	var err error
	if o.By, err = strconv.ParseInt(text, 10, 64); err != nil {
		q.fail("increment", text, "a whole number of 64 bits")
	}
	if err := q.done(); err != nil {
		return err
	}
	sum, v, err := a.deps.Values.Increment(r.Context(), valueRef(r), o)
	if err != nil {
		return err
	}
	tell(w.Header(), v)
	return writeJSON(w, struct {
		Value
		Sum int64 `json:"sum"`
	}{valueOf(v, false), sum})
}

// deleteValue removes a value.
func (a *API) deleteValue(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	want, err := condition(r)
	if err != nil {
		return err
	}
	if want.Absent {
		return dayfly.Errorf(dayfly.KindInvalid, "If-None-Match makes no sense for a deletion")
	}
	version, err := a.deps.Values.Delete(r.Context(), valueRef(r), want.Version)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag(version))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tell sets the headers that describe a value.
func tell(h http.Header, v kv.Value) {
	h.Set("ETag", tag(v.Version))
	if !v.Expires.IsZero() {
		h.Set(headerExpires, v.Expires.Format(expiryLayout))
	}
}

func tag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// condition reads If-Match: "VERSION" and If-None-Match: *.
func condition(r *http.Request) (kv.Condition, error) {
	var c kv.Condition
	switch none := r.Header.Get("If-None-Match"); none {
	case "":
	case "*":
		c.Absent = true
	default:
		return c, dayfly.Errorf(dayfly.KindInvalid, "If-None-Match is %.60q, want *", none)
	}
	match := r.Header.Get("If-Match")
	if match == "" {
		return c, nil
	}
	text, ok := strings.CutPrefix(match, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseUint(text, 10, 64)
	if !ok || !closed || err != nil || version == 0 {
		return c, dayfly.Errorf(dayfly.KindInvalid,
			`If-Match is %.60q, want a version as an ETag has it: "17"`, match)
	}
	c.Version = version
	return c, nil
}

// ttl reads how long a value is kept: a span, or a number of seconds.
func ttl(r *http.Request, q *query) time.Duration {
	text, name := q.text("ttl"), "ttl"
	if text == "" {
		text, name = r.Header.Get(headerTTL), headerTTL
	}
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	span, err := quantity.ParseDuration(text)
	if err != nil || span == 0 {
		q.fail(name, text, "a span such as 90s, 12h or 7d, or a number of seconds")
	}
	return span
}

func valuesBucket(r *http.Request) (dayfly.ProjectName, dayfly.BucketName) {
	return dayfly.ProjectName(r.PathValue("project")), dayfly.BucketName(r.PathValue("bucket"))
}

// valueRef names the value of a request; package kv checks it.
func valueRef(r *http.Request) kv.Ref {
	project, bucket := valuesBucket(r)
	return kv.Ref{Project: project, Bucket: bucket, Key: r.PathValue("key")}
}

// keepValueKey makes the key of a value one segment of the path, so that nobody takes
// its slashes and dots for those of a path: "a//b" and ".." are keys like others.
func keepValueKey(u *url.URL) {
	part := strings.SplitN(u.EscapedPath(), "/", 7)
	if len(part) < 7 || part[1] != "v1" || part[2] != "projects" || part[4] != "kv" {
		return
	}
	key := strings.ReplaceAll(part[6], "/", "%2F")
	if key == "." || key == ".." {
		key = strings.ReplaceAll(key, ".", "%2E")
	}
	part[6] = key
	u.RawPath = strings.Join(part, "/")
}

// ValueChange is one event of a watch.
type ValueChange struct {
	Value
	Expired bool `json:"expired,omitempty"`
}

// watchValues streams changes as server-sent events: opened, put, deleted. The identity
// of each is its version, from which a client that comes back goes on.
func (a *API) watchValues(w http.ResponseWriter, r *http.Request, q *query) error {
	project, bucket := valuesBucket(r)
	query := kv.WatchQuery{Prefix: q.text("watch")}
	after := r.Header.Get("Last-Event-ID")
	if from := q.text("from"); after == "" {
		after = from
	}
	switch version, err := strconv.ParseUint(after, 10, 64); {
	case after == "first":
		query.All = true
	case after != "" && (err != nil || version == 0):
		q.fail("from", after, `"first" or a version`)
	default:
		query.After = version
	}
	if err := q.done(); err != nil {
		return err
	}
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	defer context.AfterFunc(a.closing, leave)()
	out := sse.New(w, paceTimeout)
	err := a.deps.Values.Watch(ctx, project, bucket, query, func(c kv.Change) error {
		switch c.Op {
		case kv.OpIdle:
			return out.Beat()
		case kv.OpOpened:
			return out.Put(string(c.Op), c.Version, map[string]uint64{"version": c.Version})
		}
		return out.Put(string(c.Op), c.Version,
			ValueChange{Value: valueOf(c.Value, c.Op == kv.OpPut), Expired: c.Expired})
	})
	if out.Began() && ctx.Err() != nil {
		return nil // the caller left, or the node stops: an end is an end
	}
	return err
}
