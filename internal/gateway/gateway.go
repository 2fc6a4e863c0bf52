// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway/cors"
	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

const (
	// functionPrefix starts the path of every function's own address.
	functionPrefix = "/function/"
	// webhookPrefix starts the path of every webhook's address.
	webhookPrefix = "/webhook/"
	// localSuffix ends the host names under which functions answer.
	localSuffix = ".localhost"
	// eagerBody is the size up to which a request body is read before an instance is
	// taken, so that a slow client holds up nothing but itself.
	eagerBody = 64 << 10
	// headTimeout bounds how long a client may take to send its request head, and a
	// small body.
	headTimeout = 10 * time.Second
	// idleTimeout is how long a connection without requests is kept.
	idleTimeout = 2 * time.Minute
	// headMax bounds a request's head.
	headMax = 64 << 10

	headerInvocation = "X-Dayfly-Invocation"
)

// Invoker calls functions.
type Invoker interface {
	Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error)
}

// Gateway is the public door.
type Gateway struct {
	invoker Invoker
	async   Async
	log     *slog.Logger
	stall   time.Duration // bodyStall
	idle    time.Duration // idle.Default
	bodies  chan struct{} // one element for each large body of an asynchronous call
	fronts  *fronts
	// webhooks answers what is below webhookPrefix; nil when nothing does.
	webhooks http.Handler
}

// Mount has webhooks answered by h. It is called before the gateway serves.
func (g *Gateway) Mount(h http.Handler) { g.webhooks = h }

// New makes a gateway in front of invoker, of the queue for asynchronous calls, and of what
// the routes of projects lead to.
func New(invoker Invoker, async Async, log *slog.Logger, deps Deps) *Gateway {
	return &Gateway{invoker: invoker, async: async, log: log, stall: bodyStall, idle: idle.Default,
		fronts: newFronts(deps, log), bodies: make(chan struct{}, asyncBodiesMax)}
}

// Server gives an HTTP server with the limits of a public door, but for those of a
// crowd.Crowd, which is to guard it. HTTP/2 without TLS is served too.
func (g *Gateway) Server() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: g, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headMax,
		Protocols: protocols, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP serves one request: by the route that matches it, else by the address of a
// function.
//
//	1 match the function    2 make the invocation    3 invoke    4 send the answer
//
// A call whose caller does not wait goes to the queue in place of 3 and 4.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	id := dayfly.NewInvocationID(now)
	w.Header()[headerInvocation] = []string{string(id)}
	delete(r.Header, "Host") // HTTP/2 can say it beside :authority, by which the route is found
	if g.serveFront(w, r, way{id: id, began: now}) {
		return
	}
	at, err := match(r)
	async := false
	if err == nil {
		async, err = wantsAsync(r, at)
	}
	if err == nil && g.fronts.isClosed(at.function) {
		err = dayfly.Errorf(dayfly.KindNotFound, "function %s is reached by the routes of its project only", at.function).
			WithHint("dayfly routes list shows them; direct: true in its dayfly.yaml opens its own address, too")
	}
	if err != nil && g.webhooks != nil && strings.HasPrefix(r.URL.Path, webhookPrefix) {
		w.Header().Del(headerInvocation)
		g.webhooks.ServeHTTP(w, r)
		return
	}
	if err != nil {
		g.refuse(w, r, id, err)
		return
	}
	journal.Of(r.Context()).Match(string(at.function.Project), "function/"+string(at.function.Name), nil)
	inv := &dayfly.Invocation{ID: id, Function: at.function, Alias: dayfly.LiveAlias, Source: dayfly.SourceHTTP,
		Received: now, Request: request(r, at.prefix)}
	if err := readEagerly(w, inv); err != nil {
		g.refuse(w, r, id, err)
		return
	}
	if async {
		g.later(w, r, inv)
		return
	}
	ctx, body := g.follow(r.Context(), w, &inv.Request)
	defer body.finish()
	result, err := g.invoker.Invoke(ctx, inv)
	if err != nil {
		err = inTime(ctx, err)
		body.finish()
		g.refuse(w, r, id, err)
		return
	}
	g.keepAlive(result, 0, body)
	timely(ctx, result)
	defer result.Body.Close()
	g.answer(w, r, inv, result)
}

// serveFront serves a request by a route, if its host is a front's. A host that is nobody's
// own leaves the platform's addresses to the platform.
func (g *Gateway) serveFront(w http.ResponseWriter, r *http.Request, on way) bool {
	table := g.fronts.table.Load()
	if isOurs(r) && !table.Names(r.Host) {
		return false
	}
	method := r.Method
	if wanted := r.Header.Get("Access-Control-Request-Method"); wanted != "" && cors.IsPreflight(r) {
		method = wanted // the rules for a preflight are those of the request that follows
	}
	m := table.Match(r.Host, method, r.URL.EscapedPath())
	if m.Known && !m.Found { // nobody says which parameters carry credentials
		journal.Of(r.Context()).Hide()
	}
	switch {
	case m.Err != nil && (m.Known || m.Host == "" || table.Has(r.Host)):
		g.refuse(w, r, on.id, m.Err)
	case !m.Known:
		return false
	case m.Found:
		g.serveMatch(w, r, m, on)
	case len(m.Allowed) > 0:
		w.Header().Set("Allow", strings.Join(m.Allowed, ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return true
		}
		g.refuse(w, r, on.id, notTaken(r))
	default:
		g.refuse(w, r, on.id, dayfly.Errorf(dayfly.KindNotFound, "there is no route for %s", r.URL.Path).
			WithHint("dayfly routes match %s URL tells what came near", r.Method))
	}
	return true
}

// isOurs reports whether a request is for an address that the platform gives: of a function
// or a webhook.
func isOurs(r *http.Request) bool {
	p := r.URL.Path
	for _, prefix := range []string{functionPrefix, asyncPrefix, webhookPrefix} {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.HasSuffix(strings.ToLower(host), localSuffix)
}

// address is what a request names.
type address struct {
	function dayfly.FunctionRef
	prefix   string // what of the path is the platform's
	async    bool   // it is one for asynchronous calls
}

// match finds the function that a request names.
func match(r *http.Request) (address, error) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if name, ok := strings.CutSuffix(strings.ToLower(host), localSuffix); ok {
		ref, err := dayfly.ParseFunctionRef(name)
		return address{function: ref}, asNotFound(err)
	}
	at := address{prefix: functionPrefix}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), functionPrefix)
	if !ok {
		at = address{prefix: asyncPrefix, async: true}
		rest, ok = strings.CutPrefix(r.URL.EscapedPath(), asyncPrefix)
	}
	if !ok {
		return address{}, dayfly.Errorf(dayfly.KindNotFound, "no function is addressed by %s", r.URL.Path).
			WithHint("functions answer at /function/NAME and at NAME.PROJECT.localhost; dayfly list shows them")
	}
	name, _, _ := strings.Cut(rest, "/")
	var err error
	at.function, err = dayfly.ParseFunctionRef(name)
	at.prefix += name
	return at, asNotFound(err)
}

// asNotFound makes a name that cannot exist look like one that does not.
func asNotFound(err error) error {
	if err == nil {
		return nil
	}
	return dayfly.Errorf(dayfly.KindNotFound, "%w", err)
}

// request gives what the function is to see.
func request(r *http.Request, prefix string) dayfly.Request {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	header := r.Header
	trace := header.Get("Traceparent")
	forward(header, r, remote, scheme, prefix)
	return dayfly.Request{
		Kind: dayfly.RequestHTTP, Method: r.Method, Host: r.Host, Path: path, Prefix: prefix,
		RawQuery: r.URL.RawQuery, Proto: r.Proto, Scheme: scheme, RemoteAddr: remote, Header: header,
		Body: r.Body, ContentLength: r.ContentLength, TraceParent: trace,
	}
}

// forward sets the headers that tell the function of its client, and drops those that
// concern this connection only or that the platform alone may set.
func forward(header http.Header, r *http.Request, remote, scheme, prefix string) {
	upgrade := upgradeOf(r)
	for _, name := range strings.Split(header.Get("Connection"), ",") {
		header.Del(strings.TrimSpace(name))
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Forwarded"} {
		delete(header, name)
	}
	for name := range header {
		// CGI and WSGI cannot tell X_Forwarded_For from the platform's own X-Forwarded-For.
		// What else is forwarded (-Port, -Ssl, -Client-Cert …) would be a client's word for
		// what frameworks take for their proxy's.
		if strings.Contains(name, "_") || strings.HasPrefix(name, "X-Forwarded-") || platforms(name) {
			delete(header, name)
		}
	}
	if upgrade != "" {
		header["Connection"], header["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
	header["X-Forwarded-For"] = []string{remote}
	header["X-Forwarded-Proto"] = []string{scheme}
	header["X-Forwarded-Host"] = []string{r.Host}
	if prefix != "" {
		header["X-Forwarded-Prefix"] = []string{prefix}
	}
}

// upgradeOf gives the protocol to which a client wants to switch its connection: WebSocket,
// or nothing. In a connection that speaks HTTP from there on, h2c above all, requests would
// go past the rules of all routes.
func upgradeOf(r *http.Request) string {
	upgrade := r.Header["Upgrade"]
	if r.ProtoMajor == 1 && len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") {
		return upgrade[0]
	}
	return ""
}

// platforms tells whether a header is the platform's to set: all of its own are but those by
// which callers say how a call is to be taken. A function may believe the rest, such as
// X-Dayfly-Event.
func platforms(name string) bool {
	switch name {
	case headerInvoke, queue.HeaderDelay, queue.HeaderAt, queue.HeaderKey:
		return false
	}
	return strings.HasPrefix(name, "X-Dayfly-")
}

// eager is a body that came in whole.
type eager struct{ *bytes.Reader }

// Close implements io.Closer.
func (eager) Close() error { return nil }

// readEagerly takes in a small body before anything is held for the call.
func readEagerly(w http.ResponseWriter, inv *dayfly.Invocation) error {
	n := inv.Request.ContentLength
	if n <= 0 || n > eagerBody {
		return nil
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(headTimeout))
	body := make([]byte, n)
	if _, err := io.ReadFull(inv.Request.Body, body); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "the request body ended before its %d bytes: %w", n, err)
	}
	_ = rc.SetReadDeadline(time.Time{})
	inv.Request.Body = eager{bytes.NewReader(body)}
	return nil
}
