// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/cors"
	"github.com/dayfly-faas/dayfly/internal/gateway/encode"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
	"github.com/dayfly-faas/dayfly/internal/gateway/mapping"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// call is one request on its way through a route.
type call struct {
	*plan
	gateway *Gateway
	w       http.ResponseWriter
	r       *http.Request
	match   router.Match[*plan]

	input     expression.Input
	principal *auth.Principal
	body      []byte // whole, once it was read
	read      bool
	bounded   *boundedBody   // the body of a route that bounds it
	upload    *upload        // the body, while it goes to the target; nil when it is here
	packed    *encode.Writer // compresses what is sent to w; nil when nothing does
	unserved  site.Outcome   // of a site that had no file for it
	way
}

// way is what a request keeps when a site sends it on to another route.
type way struct {
	id       dayfly.InvocationID
	began    time.Time
	rerouted int
}

// errAnswered ends a call whose answer was sent by the step itself.
var errAnswered = errors.New("answered")

// serveMatch takes a request through the route that it matched.
//
//	1 sizes         4 is it allowed?               7 cache        10 map the answer
//	2 CORS          5 rate, quota, concurrency     8 map          11 check the answer
//	3 who is it?    6 validate                     9 target       12 compress
func (g *Gateway) serveMatch(w http.ResponseWriter, r *http.Request, m router.Match[*plan], on way) {
	c := &call{plan: m.Value, gateway: g, w: w, r: r, match: m, way: on}
	c.describe()
	journal.Of(r.Context()).Match(string(c.project), c.name, c.secret)
	err := c.checkSizes()
	if err == nil && c.cors != nil {
		if cors.IsPreflight(r) && c.cors.Preflight(w, r) {
			return
		}
		c.cors.Apply(w.Header(), r)
	}
	if err == nil {
		err = c.authenticate()
	}
	if err == nil {
		err = c.admit()
	}
	if err == nil {
		var leave func()
		if leave, err = c.enter(); err == nil {
			defer leave()
			err = c.answer()
		}
	}
	if err != nil && !errors.Is(err, errAnswered) {
		c.refuse(err)
	}
	c.unpack() // not when the answer broke off, which is a panic: it must not look whole
}

// describe sets what expressions see.
func (c *call) describe() {
	address, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		address = c.r.RemoteAddr
	}
	c.input = expression.Input{Request: c.r, Path: c.match.Path, Address: address, Scheme: schemeOf(c.r),
		ID: string(c.id), Now: c.began}
	if len(c.match.Params) > 0 {
		c.input.Params = make(map[string]string, len(c.match.Params))
		for _, p := range c.match.Params {
			c.input.Params[p.Name] = p.Value
		}
	}
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// checkSizes refuses what is larger than the route takes.
func (c *call) checkSizes() error {
	if c.headMax > 0 {
		size := int64(len(c.r.Method) + len(c.r.RequestURI) + len(c.r.Host))
		for name, values := range c.r.Header {
			for _, value := range values {
				size += int64(len(name) + len(value) + 4)
			}
		}
		if size > c.headMax {
			return dayfly.Errorf(dayfly.KindInvalid, "the request's head has %s, at most %s are allowed: %w",
				dayfly.FormatBytes(size), dayfly.FormatBytes(c.headMax), errHeadTooLarge)
		}
	}
	if c.bodyMax == 0 {
		return nil
	}
	if c.r.ContentLength > c.bodyMax {
		return tooLarge(c.bodyMax)
	}
	c.bounded = &boundedBody{ReadCloser: c.r.Body, left: c.bodyMax, max: c.bodyMax}
	c.r.Body = c.bounded
	return nil
}

var errHeadTooLarge = errors.New("the request's head is too large")

func tooLarge(max int64) error {
	return dayfly.Errorf(dayfly.KindInvalid, "the request's body is larger than %s: %w",
		dayfly.FormatBytes(max), dayfly.ErrRequestTooLarge)
}

// boundedBody fails once more than max bytes came: in a message, on a stream of gRPC.
type boundedBody struct {
	io.ReadCloser
	left, max int64
	call      *rpc.Call // nil, unless it is one
	meter     rpc.Meter
	over      atomic.Bool // more came; whoever reads may still be at it when that is asked
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.call.Streams() {
		n, err := b.ReadCloser.Read(p)
		if b.meter.Feed(p[:n]) > b.max {
			b.over.Store(true)
			return 0, tooLarge(b.max)
		}
		return n, err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.over.Store(true)
		return 0, tooLarge(b.max)
	}
	return n, err
}

// readWhole reads the request's body, once.
func (c *call) readWhole() ([]byte, error) {
	if c.read {
		return c.body, nil
	}
	limit := c.bodyMax
	if limit == 0 {
		limit = bodyWholeMax
	}
	if c.r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if c.r.ContentLength != 0 {
		body := &upload{body: c.r.Body, conn: http.NewResponseController(c.w), stall: c.gateway.stall}
		defer body.Close()
		var read bytes.Buffer
		read.Grow(int(min(max(c.r.ContentLength, 0), 64<<10) + bytes.MinRead))
		n, err := read.ReadFrom(io.LimitReader(body, limit+1))
		switch {
		case err != nil:
			return nil, asCaller(err)
		case n > limit:
			return nil, tooLarge(limit)
		}
		c.body = read.Bytes()
	}
	c.read = true
	c.input.Body = c.body
	c.r.Body, c.r.ContentLength = eager{bytes.NewReader(c.body)}, int64(len(c.body))
	return c.body, nil
}

// asCaller makes an error of reading a body the caller's, unless it says whose it is.
func asCaller(err error) error {
	var known *dayfly.Error
	if errors.As(err, &known) {
		return err
	}
	return dayfly.Errorf(dayfly.KindInvalid, "the request's body broke off: %w", err)
}

// authenticate finds out who is calling, if the route wants to know.
func (c *call) authenticate() error {
	if len(c.guards) == 0 {
		return nil
	}
	request := &auth.Request{HTTP: c.r, Input: &c.input, Route: mapping.Key(c.pattern, c.r.Method), Body: c.readWhole,
		Answer: c.w.Header()}
	principal, err := c.auth.Authenticate(c.r.Context(), request)
	if principal != nil && err == nil {
		c.principal, c.input.Principal = principal, principal.Value()
		journal.Of(c.r.Context()).Subject(principal.Subject)
		return nil
	}
	if err != nil && dayfly.KindOf(err) != dayfly.KindUnauthenticated {
		return err
	}
	for _, g := range c.guards {
		if g.login == nil || !wantsPage(c.r) {
			continue
		}
		if err := g.login.Start(c.w, c.r); err != nil {
			return err
		}
		return errAnswered
	}
	if text := c.auth.Challenge(); text != "" {
		c.w.Header().Set("WWW-Authenticate", text)
	}
	if err == nil {
		err = dayfly.Errorf(dayfly.KindUnauthenticated, "the request has no credentials").
			WithHint("this route takes: %s", strings.Join(c.kinds(), ", "))
	}
	return err
}

// kinds names the credentials that the route takes.
func (c *call) kinds() []string {
	words := map[string]string{"keys": "an API key", "jwt": "a bearer token", "basic": "a user name and password",
		"mtls": "a client certificate", "hmac": "a signature", "function": "what the project's authorizer wants",
		"login": "a login in a browser"}
	var kinds []string
	for _, g := range c.guards {
		kinds = append(kinds, words[g.kind])
	}
	return kinds
}

// wantsPage tells a browser that goes somewhere from a program.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html") &&
		r.Header.Get("X-Requested-With") == ""
}

// admit lets the request pass the route's rules.
func (c *call) admit() error {
	if c.whole {
		if _, err := c.readWhole(); err != nil {
			return err
		}
	}
	if c.allow != nil {
		allowed, err := c.allow.Bool(c.r.Context(), &c.input)
		if err != nil {
			return dayfly.Errorf(dayfly.KindDenied, "the request is not allowed: its route's rule could not be applied: %w", err)
		}
		if !allowed {
			return dayfly.Errorf(dayfly.KindDenied, "the request is not allowed")
		}
	}
	verdict, err := c.limits.Take(c.began, &c.input, c.principal)
	verdict.Header(c.w.Header())
	if err != nil {
		return err
	}
	if c.schema == nil {
		return nil
	}
	fields := c.schema.Request(&schema.RequestInput{Params: c.input.Params, Query: c.r.URL.RawQuery, Header: c.r.Header,
		ContentType: c.r.Header.Get("Content-Type"), Body: c.body, HasBody: len(c.body) > 0})
	if len(fields) > 0 {
		return &invalid{fields}
	}
	return nil
}

// invalid is the error of a request that broke its schema.
type invalid struct{ fields []schema.Field }

// Error names the first field.
func (e *invalid) Error() string { return "the request is not valid: " + e.fields[0].String() }

// enter takes a place among the requests that may be under way.
func (c *call) enter() (leave func(), err error) {
	leave, ok := c.limits.Enter()
	if !ok {
		e := dayfly.Errorf(dayfly.KindExhausted, "as many requests of this route are under way as it takes at once")
		e.RetryAfter = time.Second
		return nil, e
	}
	return leave, nil
}

// answer has the target answer, behind the cache and the compression of the route.
func (c *call) answer() error {
	if _, files := c.target.(*files); !files && !isRPC(c.r) { // which are compressed already
		c.pack()
	}
	if c.cache == nil {
		return c.respond()
	}
	var caller cache.Caller
	if c.principal != nil {
		caller = cache.Caller{Authenticated: true,
			ID: strings.Join([]string{string(c.principal.Kind), c.principal.Name, c.principal.Subject}, "\x00")}
	}
	// The cache may ask once more after this request has ended, so that what it asks with
	// shares nothing with it.
	later := *c
	later.packed = nil
	c.cache.Serve(c.w, c.r, &c.input, caller, func(w http.ResponseWriter, r *http.Request) {
		inner := later
		inner.w, inner.r = w, r
		inner.input = expression.Input{Request: r, Path: later.match.Path, Params: later.input.Params,
			Address: later.input.Address, Scheme: later.input.Scheme, ID: later.input.ID,
			Principal: later.input.Principal, Now: later.input.Now}
		if err := inner.respond(); err != nil && !errors.Is(err, errAnswered) {
			inner.refuse(err)
		}
	})
	return nil
}

// pack has what is sent from here on compressed, if the route and the caller take it.
func (c *call) pack() {
	if c.compress && c.packed == nil {
		c.packed = encode.New(c.w, c.r)
		c.w = c.packed
	}
}

// unpack ends the compression.
func (c *call) unpack() {
	if c.packed != nil {
		_ = c.packed.Close() // the client is gone, and sees that the answer is not whole
	}
}

// respond calls the target and sends its answer.
func (c *call) respond() error {
	if f, is := c.target.(*files); is {
		if c.unserved = f.serve(c); c.unserved.Handled {
			return nil
		}
	}
	inv := &dayfly.Invocation{ID: c.id, Source: dayfly.SourceHTTP, Received: c.began, Request: request(c.r, "")}
	inv.Request.Path = c.match.Path
	told := mapping.Told{Pattern: c.pattern, Method: c.r.Method, Params: c.input.Params, Principal: c.input.Principal}
	if err := mapping.Tell(inv.Request.Header, told); err != nil {
		return err
	}
	if c.request != nil {
		if err := c.request.Apply(c.r.Context(), &c.input, &inv.Request); err != nil {
			return err
		}
	}
	if err := readEagerly(c.w, inv); err != nil {
		return err
	}
	ctx, body := c.gateway.follow(c.r.Context(), c.w, &inv.Request)
	defer body.finish()
	if c.upload = body; body != nil && c.bounded != nil {
		c.bounded.call = body.call
	}
	result, err := c.withTimeout(ctx, inv)
	if err != nil || result == nil {
		err = inTime(ctx, err)
		body.finish()
		return err
	}
	timely(ctx, result)
	defer result.Body.Close()
	return c.send(inv, result)
}

// withTimeout calls the target, and gives up when its head does not come in the route's time.
func (c *call) withTimeout(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	if c.timeout == 0 {
		return c.target.call(ctx, c, inv)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := dayfly.Errorf(dayfly.KindTimeout, "no answer came within the route's %s", c.timeout)
	timer := time.AfterFunc(c.timeout, func() { cancel(late) })
	result, err := c.target.call(ctx, c, inv)
	if !timer.Stop() && errors.Is(context.Cause(ctx), late) {
		if result != nil {
			_ = result.Body.Close()
		}
		return nil, late
	}
	if result != nil {
		result.Body = closing{result.Body, cancel}.as()
		return result, err
	}
	cancel(nil)
	return result, err
}

// closing ends a context when a body is closed.
type closing struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

// Close implements io.Closer.
func (c closing) Close() error {
	defer c.end(nil)
	return c.ReadCloser.Close()
}

// duplex is closing for a body that can be written to.
type duplex struct {
	closing
	io.Writer
}

func (c closing) as() io.ReadCloser {
	if w, ok := c.ReadCloser.(io.Writer); ok {
		return duplex{c, w}
	}
	return c
}
