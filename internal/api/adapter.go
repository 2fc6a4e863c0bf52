// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// class is what requests of one sort may take.
type class struct {
	// timeout bounds the whole request; 0 leaves that to the handler.
	timeout time.Duration
	// bodyBytes bounds the body.
	bodyBytes int64
	// slots bounds how many requests of the class there are at once; boxSlots, how many
	// more from inside boxes, so that no function locks the operator out.
	slots, boxSlots chan struct{}
}

func newClass(timeout time.Duration, bodyBytes int64, atOnce int) *class {
	return &class{timeout: timeout, bodyBytes: bodyBytes,
		slots: make(chan struct{}, atOnce), boxSlots: make(chan struct{}, atOnce)}
}

// writeBy is when the answer must be written; a handler without a time limit sets its
// own deadlines.
func (c *class) writeBy(now time.Time) time.Time {
	if c.timeout == 0 {
		return time.Time{}
	}
	return now.Add(c.timeout + paceTimeout)
}

// serve runs one request of a route: the only place that checks the token, maps
// errors, recovers and logs.
func (a *API) serve(rt *route, w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	request := string(dayfly.NewInvocationID(began))
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("X-Dayfly-Request", request)
	rec.Header().Set("X-Content-Type-Options", "nosniff")
	rec.Header().Set("Cache-Control", "no-store")
	err := a.guarded(rt, rec, r)
	if err != nil && !rec.began {
		writeProblem(rec, err, request)
	}
	a.record(rt, r, rec, err, began)
	if err != nil && rec.cut {
		panic(http.ErrAbortHandler) // the answer has begun: cutting it is the only honest end
	}
}

// guarded lets the handler run once everything in front of it agrees, and turns a
// panic into an error.
func (a *API) guarded(rt *route, w *recorder, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.cut = w.began
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := checkOrigin(r); err != nil {
		return err
	}
	slots, err := a.admit(rt, r)
	if err != nil {
		return err
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	default:
		e := dayfly.Errorf(dayfly.KindExhausted, "%d such requests run already", cap(slots))
		e.RetryAfter = time.Second
		return e
	}
	if rt.class.timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), rt.class.timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	// The connection may have served a request with a deadline before this one.
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(rt.class.writeBy(time.Now()))
	r.Body = &pacedBody{http.MaxBytesReader(w, r.Body, rt.class.bodyBytes), control}
	err = rt.handle(w, r)
	if err != nil && errors.Is(r.Context().Err(), context.DeadlineExceeded) &&
		dayfly.KindOf(err) == dayfly.KindInternal {
		return dayfly.Errorf(dayfly.KindTimeout, "not done after %s: %w", rt.class.timeout, err)
	}
	return err
}

// record logs the request. A fault of the platform is an error, all else is detail.
func (a *API) record(rt *route, r *http.Request, w *recorder, err error, began time.Time) {
	log := a.log.With("request", w.Header().Get("X-Dayfly-Request"), "route", rt.pattern,
		"path", r.URL.Path, "took", time.Since(began))
	switch {
	case err == nil:
		log.Debug("request served", "status", w.status)
	case r.Context().Err() != nil:
		log.Debug("request left by its caller", "error", err)
	case dayfly.KindOf(err) == dayfly.KindInternal:
		log.Error("request met an internal error", "error", err)
	default:
		log.Debug("request refused", "kind", dayfly.KindOf(err), "error", err)
	}
}

// tokenIs compares the caller's token with ours in a time that tells nothing.
func (a *API) tokenIs(r *http.Request) bool {
	sum := sha256.Sum256([]byte(bearer(r)))
	return subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1
}

// bearer gives the token that a request brings, or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// checkOrigin refuses what a browser sends on behalf of another site. A page that got
// here by rebinding a name still has no token.
func checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin != "" {
		u, err := url.Parse(origin)
		if err == nil && u.Host == r.Host {
			return nil
		}
	}
	if origin != "" || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return dayfly.Errorf(dayfly.KindDenied, "requests from other sites are not allowed")
	}
	return nil
}

// recorder remembers what became of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	began  bool // the status line is out
	cut    bool // the answer broke off after it began
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if !w.began {
		w.status, w.began = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes that an answer has begun.
func (w *recorder) Write(p []byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// pacedBody gives a caller paceTimeout for each piece of its body: a slow line may
// take hours for a large source, a stalled one may not.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read renews the deadline. A connection without deadlines goes on without.
func (b *pacedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(paceTimeout))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
