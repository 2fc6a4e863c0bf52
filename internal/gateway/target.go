// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// target is where a route leads. It gives an answer, or none when it has sent one itself.
type target interface {
	call(context.Context, *call, *dayfly.Invocation) (*dayfly.Result, error)
}

// Queues takes messages.
type Queues interface {
	Publish(context.Context, dayfly.ProjectName, dayfly.QueueName, []dayfly.Event) ([]uint64, error)
}

// Objects keeps objects.
type Objects interface {
	OpenObject(ctx context.Context, ref blob.Ref, version string) (blob.Object, *blob.Reader, error)
	Put(context.Context, blob.Ref, blob.PutOptions, io.Reader) (blob.Object, error)
	Delete(context.Context, blob.Ref, blob.DeleteOptions) (blob.Deleted, error)
}

// target makes the target of a route.
func (c *compiler) target(ctx context.Context, p *plan) (target, error) {
	r := &p.route
	switch {
	case r.Function != "":
		return function{dayfly.FunctionRef{Project: c.project, Name: r.Function}, r.Alias, r.Async}, nil
	case r.Queue != "":
		return message{c.deps.Queues, r.Queue, orDefault(r.Type, "http.request")}, nil
	case r.Object != "":
		bucket, key, _ := strings.Cut(r.Object, "/")
		t, err := front.ParseTemplate(key)
		return object{c.deps.Objects, bucket, t}, front.Within(err, "object")
	case r.URL != "":
		u, err := c.deps.Upstreams.Compile(*r, p.pattern)
		return server{u}, err
	case r.Site != nil:
		return c.files(ctx, p)
	case r.Redirect != nil:
		t, err := front.ParseTemplate(r.Redirect.To)
		return elsewhere{*r.Redirect, t}, front.Within(err, "redirect", "to")
	}
	return fixed{*r.Respond}, nil
}

// function calls a function of the project.
type function struct {
	ref   dayfly.FunctionRef
	alias dayfly.AliasName
	async bool
}

func (f function) call(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	inv.Function, inv.Alias = f.ref, f.alias
	if inv.Alias == "" {
		inv.Alias = dayfly.LiveAlias
	}
	if f.async {
		c.w.Header().Del(headerInvocation)
		c.gateway.later(c.w, c.r, inv)
		return nil, nil
	}
	result, err := c.gateway.invoker.Invoke(ctx, inv)
	if err == nil && result.Failure != nil && c.bounded != nil && c.bounded.over.Load() {
		_ = result.Body.Close()
		return nil, tooLarge(c.bounded.max) // the function saw a body that broke off: not its fault
	}
	if err == nil {
		c.gateway.keepAlive(result, c.idle, c.upload)
	}
	return result, err
}

// server hands requests on to another server.
type server struct{ *upstream.Upstream }

func (s server) call(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	return s.Call(ctx, &inv.Request, c.match.Params)
}

// message puts requests onto a queue.
type message struct {
	queues Queues
	queue  dayfly.QueueName
	kind   string
}

func (m message) call(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	body, err := io.ReadAll(io.LimitReader(inv.Request.Body, asyncBodyMax+1))
	switch {
	case err != nil:
		return nil, asCaller(err)
	case len(body) > asyncBodyMax:
		return nil, tooLarge(asyncBodyMax)
	}
	events, err := envelope.Read(inv.Request.Header, body, envelope.Defaults{Type: m.kind,
		Source: "/projects/" + string(c.project) + "/queues/" + string(m.queue), Now: c.began.UTC()})
	if err != nil {
		return nil, err
	}
	sequences, err := m.queues.Publish(ctx, c.project, m.queue, events)
	if err != nil {
		return nil, err
	}
	type accepted struct {
		ID       string `json:"id"`
		Sequence uint64 `json:"sequence"`
	}
	list := make([]accepted, len(events))
	for i := range events {
		list[i] = accepted{events[i].ID, sequences[i]}
	}
	text, err := json.Marshal(map[string]any{"messages": list})
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return textResult(http.StatusAccepted, "application/json", string(text)), nil
}

// textResult is an answer that is known whole.
func textResult(status int, kind, text string) *dayfly.Result {
	header := http.Header{"Content-Length": {strconv.Itoa(len(text))}}
	if kind != "" {
		header["Content-Type"] = []string{kind}
	}
	return &dayfly.Result{Status: status, Header: header, Body: io.NopCloser(strings.NewReader(text))}
}

// fixed gives the same answer to everybody.
type fixed struct{ front.Respond }

func (f fixed) call(_ context.Context, _ *call, _ *dayfly.Invocation) (*dayfly.Result, error) {
	result := textResult(max(f.Status, http.StatusOK), "", f.Body)
	if f.Status != 0 {
		result.Status = f.Status
	}
	for name, value := range f.Header {
		result.Header.Set(name, value)
	}
	if f.Body != "" && result.Header.Get("Content-Type") == "" {
		result.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if result.Status == http.StatusNoContent || result.Status == http.StatusNotModified {
		result.Header.Del("Content-Length")
	}
	return result, nil
}

// elsewhere sends the caller to another URL.
type elsewhere struct {
	front.Redirect
	to front.Template
}

func (e elsewhere) call(_ context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	where := expand(e.to, c, escapeSegment)
	if e.Query && inv.Request.RawQuery != "" {
		mark := "?"
		if strings.Contains(where, "?") {
			mark = "&"
		}
		where += mark + inv.Request.RawQuery
	}
	status := e.Status
	if status == 0 {
		status = http.StatusFound
	}
	result := textResult(status, "", "")
	result.Header.Set("Location", where)
	return result, nil
}

// expand fills a template with what the route captured.
func expand(t front.Template, c *call, escape func(string) string) string {
	return t.Expand(func(name string, _ bool) string { return escape(c.input.Params[name]) })
}

// escapeSegment escapes what may not stand in a path; slashes of a rest stay.
func escapeSegment(text string) string {
	parts := strings.Split(text, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// object reads and writes objects of a bucket.
type object struct {
	objects Objects
	bucket  string
	key     front.Template
}

func (o object) call(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	ref := blob.Ref{Project: c.project, Bucket: o.bucket, Key: expand(o.key, c, func(s string) string { return s })}
	if err := ref.Validate(); err != nil {
		return nil, err
	}
	by := blob.Requester{}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return nil, o.read(ctx, c, ref)
	case http.MethodPut:
		options := blob.PutOptions{Size: inv.Request.ContentLength, Requester: by,
			Attributes: blob.Attributes{ContentType: c.r.Header.Get("Content-Type")},
			Condition:  blob.Condition{IfNoneMatch: c.r.Header.Get("If-None-Match") == "*", IfMatch: unquote(c.r.Header.Get("If-Match"))}}
		made, err := o.objects.Put(ctx, ref, options, inv.Request.Body)
		if err != nil {
			return nil, err
		}
		result := textResult(http.StatusCreated, "", "")
		result.Header.Set("ETag", `"`+made.ETag+`"`)
		return result, nil
	case http.MethodDelete:
		if _, err := o.objects.Delete(ctx, ref, blob.DeleteOptions{Requester: by, IfMatch: unquote(c.r.Header.Get("If-Match"))}); err != nil {
			return nil, err
		}
		return &dayfly.Result{Status: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
	}
	return nil, c.notAllowed(http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete)
}

func unquote(etag string) string { return strings.Trim(etag, `"`) }

// read serves an object with ranges and conditions.
func (o object) read(ctx context.Context, c *call, ref blob.Ref) error {
	found, r, err := o.objects.OpenObject(ctx, ref, "")
	if err != nil {
		return err
	}
	defer r.Close()
	h := c.w.Header()
	for name, value := range map[string]string{"Content-Type": orDefault(found.ContentType, "application/octet-stream"),
		"Cache-Control": found.CacheControl, "Content-Disposition": found.ContentDisposition,
		"Content-Encoding": found.ContentEncoding, "Content-Language": found.ContentLanguage,
		"Expires": found.Expires, "ETag": `"` + found.ETag + `"`, "X-Content-Type-Options": "nosniff"} {
		if value != "" {
			h.Set(name, value)
		}
	}
	http.ServeContent(c.w, c.r, path.Base(ref.Key), found.Modified, io.NewSectionReader(r, 0, found.Size))
	return nil
}

// page is a page of a login.
type page struct{ login }

func (p page) call(_ context.Context, c *call, _ *dayfly.Invocation) (*dayfly.Result, error) {
	p.ServeHTTP(c.w, c.r)
	return nil, nil
}

// notAllowed tells which methods a path has.
func (c *call) notAllowed(methods ...string) error {
	c.w.Header().Set("Allow", strings.Join(methods, ", "))
	return notTaken(c.r)
}

func notTaken(r *http.Request) error {
	return dayfly.Errorf(dayfly.KindInvalid, "%s does not take %s: %w", r.URL.Path, r.Method, errMethod)
}

var errMethod = errors.New("method not allowed")

// keepAlive ends a stream of a function on which nothing moves for after, or the gateway's
// time when that is 0. What comes in by the upload of a call of gRPC moves it, too.
func (g *Gateway) keepAlive(result *dayfly.Result, after time.Duration, in *upload) {
	stream := result.Status == http.StatusSwitchingProtocols ||
		strings.HasPrefix(result.Header.Get("Content-Type"), "text/event-stream") || rpc.Is(result.Header)
	if !stream {
		return
	}
	if after == 0 {
		after = g.idle
	}
	result.Body = idle.Bound(result.Body, after)
	if in != nil && in.call != nil {
		answer := result.Body
		in.answer.Store(&answer)
	}
}
