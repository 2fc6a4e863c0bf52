// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of the door. Each class of requests has its own, so that a flood of one
// sort cannot lock the operator out.
const (
	// plainTimeout is ample for answers from memory and for one store operation.
	plainTimeout = 30 * time.Second
	// deployTimeout bounds a build with cold package caches.
	deployTimeout = time.Hour
	// paceTimeout is how long one piece of a stream may take to be read or written.
	paceTimeout = time.Minute

	// plainBodyBytes bounds settings: a manifest's function is far below it.
	plainBodyBytes = 1 << 20
	// sourceBytesMax bounds an uploaded source, compressed.
	sourceBytesMax = 1 << 30
	// invokeBodyBytes is a ceiling over every function's own request limit.
	invokeBodyBytes = 5 << 30

	plainAtOnce  = 256  // short answers
	sourceAtOnce = 16   // each holds a file and a decompressor
	deployAtOnce = 32   // rollout queues builds; this bounds who waits
	invokeAtOnce = 4096 // the invoker sheds load long before
	followAtOnce = 256  // each holds a subscription
	valuesAtOnce = 1024 // short, at most half a megabyte each; package kv bounds watches
)

// Config says what the door tells and whom it trusts.
type Config struct {
	// Token opens everything; at least 16 bytes.
	Token string
	// Node and Version are what GET /v1/info tells.
	Node    dayfly.NodeID
	Version string
	// GatewayURL is where functions answer: the base URL, without a slash at the end.
	GatewayURL string
}

// Validate reports the first field that cannot work.
func (c *Config) Validate() error {
	if len(c.Token) < 16 {
		return dayfly.Errorf(dayfly.KindInvalid, "the token is shorter than 16 bytes")
	}
	return nil
}

// API is the management door. It is an http.Handler.
type API struct {
	cfg    Config
	log    *slog.Logger
	deps   Deps
	token  [sha256.Size]byte
	mux    *http.ServeMux
	boxes  *http.Server
	absent *route // answers what no route matches
	began  time.Time

	closing context.Context // ends with Close
	close   context.CancelFunc
}

// New makes the door.
func New(cfg Config, log *slog.Logger, deps Deps) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, log: log, deps: deps, token: sha256.Sum256([]byte(cfg.Token)),
		mux: http.NewServeMux(), began: time.Now()}
	a.closing, a.close = context.WithCancel(context.Background())
	a.boxes = a.boxServer()
	for _, rt := range a.routes() {
		a.mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) {
			a.serve(&rt, w, r)
		})
	}
	a.absent = &route{pattern: "none", handle: a.notFound,
		class: newClass(plainTimeout, plainBodyBytes, plainAtOnce)}
	return a, nil
}

// Close ends the streams that would never end by themselves: those that follow a log.
// A server calls it when it begins to shut down. All else goes on to its end.
func (a *API) Close() { a.close() }

// CloseBoxes ends what boxes still ask. A node calls it when its boxes are gone.
func (a *API) CloseBoxes() error { return a.boxes.Close() }

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keepValueKey(r.URL)
	if _, pattern := a.mux.Handler(r); pattern == "" {
		a.serve(a.absent, w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// notFound tells a path that does not exist from a method that it does not have.
func (a *API) notFound(w http.ResponseWriter, r *http.Request) error {
	answer := httptest.NewRecorder()
	a.mux.ServeHTTP(answer, r)
	if allow := answer.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		return dayfly.Errorf(dayfly.KindNotFound, "%s has no method %s, only %s",
			r.URL.Path, r.Method, allow)
	}
	err := dayfly.Errorf(dayfly.KindNotFound, "there is no %s", r.URL.Path)
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		return err.WithHint("this is the management API; functions answer at %s", a.cfg.GatewayURL)
	}
	return err.WithHint("GET /v1/openapi.json lists what there is")
}
