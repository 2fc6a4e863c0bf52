// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

const (
	// headDefault is the wait for the head of an answer when the route does not say: that
	// of AWS's HTTP APIs.
	headDefault = 30 * time.Second
	// dialTimeout bounds looking a name up and connecting.
	dialTimeout = 10 * time.Second
	// headBytesMax bounds the head of an answer.
	headBytesMax = 64 << 10
	// connsPerHostMax keeps one slow server from taking every descriptor. Requests beyond
	// it wait, no longer than for the head.
	connsPerHostMax = 2048
	// idlePerHostMax and idleMax are the connections kept for later, idleSpan for how long.
	idlePerHostMax, idleMax, idleSpan = 128, 1024, 90 * time.Second
	// streamWindow bounds what of an answer over HTTP/2 waits for its caller to take it: one
	// who takes nothing has it all fill. A server ten milliseconds away still sends 50 MB/s.
	streamWindow = 512 << 10
	// copyBytes are the buffers of a connection: an answer of some kilobytes is one read.
	copyBytes = 16 << 10
)

// Client keeps the connections to all upstreams of a node. Routes may be compiled again and
// again: the connections stay.
type Client struct {
	log *slog.Logger
	web *http.Transport // HTTP/1.1 to http, what TLS negotiates to https
	h2c *http.Transport // HTTP/2 with prior knowledge, for gRPC to http
	one *http.Transport // HTTP/1.1 only, for connections that switch protocols
}

// New makes a client without connections.
func New(log *slog.Logger) *Client {
	return &Client{log: log,
		web: transport(func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }),
		h2c: transport(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }),
		one: transport(func(p *http.Protocols) { p.SetHTTP1(true) })}
}

func transport(speak func(*http.Protocols)) *http.Transport {
	protocols := new(http.Protocols)
	speak(protocols)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: control}
	return &http.Transport{
		Protocols: protocols, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
		DisableCompression: true, MaxResponseHeaderBytes: headBytesMax, MaxConnsPerHost: connsPerHostMax,
		MaxIdleConns: idleMax, MaxIdleConnsPerHost: idlePerHostMax, IdleConnTimeout: idleSpan,
		WriteBufferSize: copyBytes, ReadBufferSize: copyBytes,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
			MaxReceiveBufferPerStream: streamWindow},
	}
}

// Close drops the connections that are not in use.
func (c *Client) Close() error {
	for _, t := range []*http.Transport{c.web, c.h2c, c.one} {
		t.CloseIdleConnections()
	}
	return nil
}

// Upstream is the server of one route. It may be used from any goroutine.
type Upstream struct {
	client *Client
	target *target
	wait   time.Duration // for the head
	idle   time.Duration // on which nothing moves
	// waitRPC is wait for gRPC, whose servers send the head with their first message: a
	// stream may be quiet before it, as after it, unless the route says how long.
	waitRPC time.Duration
}

// Compile reads the route's URL. Errors are of the field "url".
func (c *Client) Compile(route front.Route, pattern front.Pattern) (*Upstream, error) {
	t, err := newTarget(route.URL, pattern)
	if err != nil {
		return nil, front.Within(err, "url")
	}
	u := &Upstream{client: c, target: t, wait: headDefault, idle: idle.Default}
	if route.Timeout != nil {
		u.wait = time.Duration(*route.Timeout)
	}
	if route.Idle != nil {
		u.idle = time.Duration(*route.Idle)
	}
	u.waitRPC = u.idle
	if route.Timeout != nil {
		u.waitRPC = u.wait
	}
	return u, nil
}

// Call hands a request on and gives the answer once its head is here. The request's body is
// read from another goroutine, also after Call returned, until the answer's body is closed.
// The request's header is not changed. What it says of the client, X-Forwarded-For and the
// rest, is the gateway's to set; a header Host names the host in place of the URL's.
//
// An error is of kind invalid when the request cannot be handed on or broke off, timeout
// when no head came in time, unavailable when the server cannot be reached or does not speak
// HTTP, canceled when ctx ended.
func (u *Upstream) Call(ctx context.Context, r *dayfly.Request, params []router.Param) (*dayfly.Result, error) {
	header, upgrade, host, err := head(r)
	if err != nil {
		return nil, err
	}
	where, err := u.target.url(r, params)
	if err != nil {
		return nil, err
	}
	wait := u.wait
	if rpc.Is(header) {
		wait = u.waitRPC
		rpc.CallOf(ctx).Stream()
		if deadline, ok := ctx.Deadline(); ok {
			rpc.SetTimeout(header, time.Until(deadline)) // some of the caller's time has passed
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := newWatch(wait, func() { cancel(errNoHead) })
	out := &http.Request{Method: r.Method, URL: where, Host: host, Header: header, Body: http.NoBody,
		ContentLength: r.ContentLength, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	body := &upload{body: r.Body, watch: w}
	if r.ContentLength != 0 && upgrade == "" {
		out.Body = body
	}
	resp, err := u.transport(header, upgrade).RoundTrip(out.WithContext(ctx))
	headInTime := w.stop()
	if err == nil && !headInTime {
		_ = resp.Body.Close()
		err = errNoHead
	}
	if err != nil {
		defer cancel(nil)
		return nil, u.explain(ctx, err, body, wait)
	}
	end := &ending{ReadCloser: resp.Body, cancel: cancel, resp: resp, trailer: resp.Trailer,
		why: func(err error) error { return u.brokeOff(ctx, err, body) }}
	result, err := u.result(end, upgrade)
	if err == nil && rpc.Is(header) {
		answer := result.Body
		body.answer.Store(&answer)
		// The transport would notice the end of ctx only with the next piece of the request's
		// body, for which it may wait as long as the caller is quiet.
		context.AfterFunc(ctx, func() { _ = resp.Body.Close() })
	}
	return result, err
}

// transport picks the connections that a request can use.
func (u *Upstream) transport(header http.Header, upgrade string) *http.Transport {
	switch {
	case upgrade != "":
		return u.client.one
	case u.target.scheme == "http" && rpc.Is(header):
		return u.client.h2c
	}
	return u.client.web
}

// result makes an answer of a response.
func (u *Upstream) result(end *ending, upgrade string) (*dayfly.Result, error) {
	resp := end.resp
	if end.trailer == nil {
		end.trailer = http.Header{}
	}
	result := &dayfly.Result{Status: resp.StatusCode, Header: resp.Header, Trailer: end.trailer}
	switched, length := wantsUpgrade(resp.Header), resp.Header["Content-Length"]
	strip(resp.Header)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		conn, ok := resp.Body.(io.ReadWriteCloser)
		if !ok || upgrade == "" || !strings.EqualFold(switched, upgrade) {
			_ = end.Close()
			return nil, dayfly.Errorf(dayfly.KindUnavailable,
				"the server behind this route switched to another protocol than was asked for")
		}
		resp.Header["Connection"], resp.Header["Upgrade"] = []string{"Upgrade"}, []string{switched}
		result.Body = idle.Bound(&connection{ending: end, w: conn}, u.idle)
		return result, nil
	}
	if length != nil {
		resp.Header["Content-Length"] = length
	}
	if where := resp.Header["Location"]; len(where) == 1 {
		resp.Header["Location"] = []string{u.target.location(where[0])}
	}
	result.Body = idle.Bound(end, u.idle)
	return result, nil
}

// explain gives the kind that an error of a call has. Who calls is not told where the server
// is: the log is.
func (u *Upstream) explain(ctx context.Context, err error, body *upload, wait time.Duration) error {
	if broken := body.broken(); broken != nil {
		return explainBody(broken)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(err, errNoHead), errors.Is(cause, errNoHead):
		return dayfly.Errorf(dayfly.KindTimeout, "the server behind this route did not answer within %s", wait)
	case cause != nil:
		return &dayfly.Error{Kind: dayfly.KindCanceled, Message: "the caller went away", Err: cause}
	}
	u.client.log.Warn("upstream failed", "host", u.target.host, "error", err)
	if errors.Is(err, errRefused) {
		return &dayfly.Error{Kind: dayfly.KindDenied, Err: err,
			Message: "the server behind this route has an address that no route may lead to"}
	}
	return &dayfly.Error{Kind: dayfly.KindUnavailable, Err: err,
		Message: "the server behind this route cannot be reached"}
}

// explainBody gives the kind of an error that the request's body ended with.
func explainBody(broken error) error {
	var known *dayfly.Error
	if errors.As(broken, &known) {
		return known
	}
	return &dayfly.Error{Kind: dayfly.KindInvalid, Message: "the request body broke off", Err: broken}
}

// brokeOff gives the kind that the error of an answer has which broke off.
func (u *Upstream) brokeOff(ctx context.Context, err error, body *upload) error {
	if broken := body.broken(); broken != nil {
		return explainBody(broken)
	}
	if cause := context.Cause(ctx); cause != nil {
		return &dayfly.Error{Kind: dayfly.KindCanceled, Message: "the caller went away", Err: cause}
	}
	u.client.log.Warn("upstream broke off", "host", u.target.host, "error", err)
	return &dayfly.Error{Kind: dayfly.KindUnavailable, Err: err, Message: "the server behind this route broke off"}
}
