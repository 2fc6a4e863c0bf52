// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

const (
	// headerBytesMax bounds a request's line and headers: S3 allows 8 KiB of headers, and
	// a presigned URL with a session is 2 KiB long.
	headerBytesMax = 16 << 10
	// headerTimeout is how long a client may take to send them.
	headerTimeout = 30 * time.Second
	// idleTimeout is how long a connection waits for its next request.
	idleTimeout = 2 * time.Minute
	// connectionsMax bounds clients from outside, boxConnectionsMax those in boxes: each
	// takes two buffers and a descriptor, and functions must not lock the others out.
	connectionsMax    = 1024
	boxConnectionsMax = 1024
	// uploadTimeMin and uploadRateMin bound how long a body may take: its size at 16 KiB a
	// second, which is slower than any line that large objects are sent over, and a while.
	uploadTimeMin = 10 * time.Minute
	uploadRateMin = 16 << 10
	// drainTimeout is how long a stop waits for requests under way.
	drainTimeout = 5 * time.Second
)

// Config says how S3's clients find us.
type Config struct {
	// Region is that of requests that do not say; those that do are in theirs. Empty is
	// "us-east-1", which most clients assume.
	Region string
	// Domain is the name below which a bucket is a host: NAME.s3.localhost. Empty is
	// "s3.localhost".
	Domain string
}

// Server answers S3 requests over the buckets of package blob.
type Server struct {
	cfg      Config
	objects  *blob.Store
	keys     *Keys
	targets  Targets
	log      *slog.Logger
	root     middlewares.RootUserConfig // nobody: its secret is thrown away
	services *controllers.Services
	routes   map[string][]route // by method
	control  controllers.S3ApiController
	http     *fasthttp.Server

	ctx  context.Context // of requests, as http.Server's BaseContext; ended by Close
	stop context.CancelFunc
	wg   sync.WaitGroup // connections

	mu     sync.Mutex // guards conns, boxed, closing
	conns  map[*guarded]struct{}
	boxed  int
	closed bool
}

// New makes a server; it listens nowhere yet.
func New(cfg Config, log *slog.Logger, objects *blob.Store, keys *Keys, targets Targets) *Server {
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Domain == "" {
		cfg.Domain = "s3.localhost"
	}
	s := &Server{cfg: cfg, objects: objects, keys: keys, targets: targets, log: log, root: nobody(),
		services: &controllers.Services{}, conns: map[*guarded]struct{}{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.control = controllers.New(&backing{s: s}, accounts{keys}, nil, nil, nil, false, false, cfg.Domain, 0)
	s.routes = s.compile()
	app := fiber.New(fiber.Config{
		Immutable: true, // what is taken from a request outlives it: keys stay in the index
		// "/bucket//" is the object "/", not the bucket.
		StrictRouting: true, CaseSensitive: true,
		StreamRequestBody: true, DisablePreParseMultipartForm: true,
		ErrorHandler: s.respondError,
	})
	app.Use(s.shield, middlewares.DrainRequestBody(), s.prepare)
	app.All("/", s.dispatch)
	app.All("/:bucket", s.dispatch)
	app.All("/:bucket/*", s.dispatch)
	s.http = &fasthttp.Server{
		Handler: app.Handler(), ErrorHandler: s.respondMalformed, Logger: quiet{log},
		StreamRequestBody: true, DisablePreParseMultipartForm: true, NoDefaultServerHeader: true,
		NoDefaultContentType: true, ReadBufferSize: headerBytesMax, ReadTimeout: headerTimeout,
		IdleTimeout: idleTimeout, HeaderReceived: bodyTime, Concurrency: connectionsMax + boxConnectionsMax,
		CloseOnShutdown: true, ConnState: watchState,
	}
	return s
}

// nobody is the account that the protocol lets do everything: no one knows its key.
func nobody() middlewares.RootUserConfig {
	text := func() string {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
		return hex.EncodeToString(b[:])
	}
	return middlewares.RootUserConfig{Access: text(), Secret: text()}
}

// bodyTime gives a request time in proportion to its body.
func bodyTime(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	const unknown = 1 << 30 // a body without a length: as much as a part may sensibly have
	size := h.ContentLength()
	if size < 0 {
		size = unknown
	}
	seconds := time.Duration(size/uploadRateMin) * time.Second
	return fasthttp.RequestConfig{ReadTimeout: uploadTimeMin + seconds}
}

func watchState(c net.Conn, state fasthttp.ConnState) {
	if g, ok := c.(*guarded); ok {
		g.setBusy(state == fasthttp.StateActive)
	}
}

// Serve answers on l until Close, and closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	stop := context.AfterFunc(s.ctx, func() { _ = l.Close() })
	defer stop()
	if err := accept(l, func(c net.Conn) { s.take(c, nil) }); err != nil {
		return fmt.Errorf("accept connection: %w", err)
	}
	return nil
}

// ServeBox answers on l, which only the code in one box reaches, until l is closed.
func (s *Server) ServeBox(l net.Listener, tenant Tenant) {
	defer l.Close()
	stop := context.AfterFunc(s.ctx, func() { _ = l.Close() })
	defer stop()
	if err := accept(l, func(c net.Conn) { s.take(c, tenant) }); err != nil {
		s.log.Warn("box lost its S3 door", "error", err)
	}
}

// take serves one connection in the background, or refuses it.
func (s *Server) take(c net.Conn, tenant Tenant) {
	g := &guarded{Conn: c, tenant: tenant}
	if !s.track(g) {
		_ = c.Close()
		return
	}
	s.wg.Go(func() {
		defer s.untrack(g)
		defer g.Close()
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("connection met an internal error", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		if err := s.http.ServeConn(g); err != nil {
			s.log.Debug("connection ended", "error", err)
		}
	})
}

func (s *Server) track(g *guarded) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || g.tenant != nil && s.boxed >= boxConnectionsMax ||
		g.tenant == nil && len(s.conns)-s.boxed >= connectionsMax {
		return false
	}
	s.conns[g] = struct{}{}
	if g.tenant != nil {
		s.boxed++
	}
	return true
}

func (s *Server) untrack(g *guarded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, g)
	if g.tenant != nil {
		s.boxed--
	}
}

// Close stops listening, waits a little for requests under way and cuts off the rest.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	const tick = 20 * time.Millisecond
	for end := time.Now().Add(drainTimeout); time.Now().Before(end); time.Sleep(tick) {
		if s.closeIdle() == 0 {
			break
		}
	}
	s.stop()
	s.mu.Lock()
	for g := range s.conns {
		_ = g.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// closeIdle closes connections that serve no request, and counts the others.
func (s *Server) closeIdle() (busy int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.conns {
		if !g.closeIdle() {
			busy++
		}
	}
	return busy
}

// isClosed tells whether connections should end with the answer under way.
func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// quiet keeps what the server says of its connections for who looks for it.
type quiet struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("server said", "message", fmt.Sprintf(format, args...))
}

// errNoProject would be a request that passed authentication without an account.
var errNoProject = errors.New("bug: request has no project")

// projectOf gives the project of the request that ctx is of.
func projectOf(ctx context.Context) (*request, error) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil, errNoProject
	}
	return r, nil
}

// request is what an operation must know beside its arguments.
type request struct {
	ctx        context.Context // of the server: the one of the request dies with its buffers
	project    dayfly.ProjectName
	account    string // the identity of the project's key
	by         blob.Requester
	encodeKeys bool // list with encoding-type=url
}

type requestKey struct{}
